"""What people type after `find`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceRef
from bot.domain.search import Search, parse_search

PATTERNS = {"stripe": r"in_[A-Za-z0-9_]+", "stripe-us": r"in_[A-Za-z0-9_]+", "paddle": r"txn_[a-z0-9]+"}
ALL = tuple(PATTERNS)
BOTH = (InvoiceRef("stripe", "in_1AbC"), InvoiceRef("stripe-us", "in_1AbC"))


@pytest.mark.parametrize(
    ("typed", "search"),
    [
        ("acme", Search(text="acme", accounts=ALL)),
        ("  “Acme   GmbH” ", Search(text="Acme GmbH", accounts=ALL)),
        ("EX-0042", Search(text="EX-0042", accounts=ALL)),
        ("<mailto:ana@acme.example|ana@acme.example>", Search(text="ana@acme.example", accounts=ALL)),
        ("acme page:2", Search(text="acme", accounts=ALL, page=2)),
        ("page: 3 acme", Search(text="acme", accounts=ALL, page=3)),
        ("acme PAGE:0", Search(text="acme", accounts=ALL, page=1)),
        ("paddle: acme", Search(text="acme", accounts=("paddle",))),
        ("Stripe:acme", Search(text="acme", accounts=("stripe",))),
        ("ratio:acme", Search(text="ratio:acme", accounts=ALL)),
        ("in_1AbC", Search(text="in_1AbC", accounts=ALL, refs=BOTH)),
        ("stripe-us:in_1AbC", Search(text="in_1AbC", accounts=("stripe-us",), refs=BOTH[1:])),
        ("<https://dashboard.stripe.com/invoices/in_1AbC>", None),
        ("https://dashboard.stripe.com/test/invoices/in_1AbC", None),
        ("<https://dashboard.stripe.com/invoices/in_1AbC|dashboard.stripe.com/invoices…>", None),
        ("txn_01abc", Search(text="txn_01abc", accounts=ALL, refs=(InvoiceRef("paddle", "txn_01abc"),))),
    ],
)
def test_what_is_meant_is_found_out(typed: str, search: Search | None) -> None:
    found = parse_search(typed, PATTERNS)
    if search is None:
        assert found.refs == BOTH
    else:
        assert found == search


@pytest.mark.parametrize("typed", ["", "  ", "“”", "page:2", "a", "x" * 201])
def test_what_cannot_be_searched_for_is_said_with_what_can(typed: str) -> None:
    with pytest.raises(UnusableValue, match="number"):
        parse_search(typed, PATTERNS)


def test_where_ids_have_no_shape_whatever_follows_the_account_is_one() -> None:
    found = parse_search("lac:DE 1", {**PATTERNS, "lac": r"(?!)"}, frozenset({"lac"}))
    assert found.refs == ()
    found = parse_search("lac: inv_1003", {**PATTERNS, "lac": r"(?!)"}, frozenset({"lac"}))
    assert found.refs == (InvoiceRef("lac", "inv_1003"),)


@given(st.text(max_size=300))
def test_anything_typed_is_a_search_or_a_sentence(typed: str) -> None:
    try:
        found = parse_search(typed, PATTERNS)
    except UnusableValue:
        return
    assert found.page >= 1
    assert found.text
