"""REF as tired people type it: every form is read as the one invoice it names, or refused with a helpful sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceRef
from bot.domain.reference import IdAt, NumberAt, parse_reference

STRIPE = r"in_[A-Za-z0-9_]+"
ONE = {"stripe": STRIPE}
TWO = {"stripe": STRIPE, "stripe-eu": STRIPE, "lago": r"[0-9a-f]{8}-[0-9a-f]{4}"}
LINK = "https://dashboard.stripe.com/test/invoices/in_1"


@pytest.mark.parametrize(
    "text",
    [
        "in_1",
        " in_1 ",
        "in_1.",
        "in_1,",
        "in_1!",
        "“in_1”",
        "‘in_1’",
        "„in_1“",
        '"in_1"',
        "`in_1`",
        "“in_1.”",
        "“in_1”.",
        "<in_1>",
        "#in_1",
        "stripe:in_1",
        "Stripe:in_1",
        "STRIPE: in_1",
        "“stripe:in_1”",
        LINK,
        f"<{LINK}>",
        f"<{LINK}|the invoice>",
        f"<{LINK}>.",
        f"“<{LINK}>”",
        f"{LINK}/",
        f"{LINK}?tab=events#payments",
        "https://dashboard.stripe.com/acct_1/invoices/in_1",
        "http://dashboard.stripe.com/invoices/in%5F1",
    ],
)
def test_all_of_these_mean_the_same_invoice(text: str) -> None:
    assert parse_reference(text, ONE) == InvoiceRef("stripe", "in_1")


def test_an_id_whose_shape_fits_two_accounts_is_looked_for_at_both() -> None:
    assert parse_reference("in_1", TWO) == IdAt("in_1", ("stripe", "stripe-eu"))
    assert parse_reference(LINK, TWO) == IdAt("in_1", ("stripe", "stripe-eu"))
    assert parse_reference("stripe-eu:in_1", TWO) == InvoiceRef("stripe-eu", "in_1")


def test_an_id_whose_shape_is_one_provider_s_is_that_provider_s() -> None:
    assert parse_reference("0a1b2c3d-4e5f", TWO) == InvoiceRef("lago", "0a1b2c3d-4e5f")


@pytest.mark.parametrize("number", ["EX-0042", "2026/11/0042", "42", "RE_2026.42", "Ü-7"])
def test_anything_else_that_can_be_a_number_is_searched_for(number: str) -> None:
    assert parse_reference(number, TWO) == NumberAt(number, ("stripe", "stripe-eu", "lago"))
    assert parse_reference(f"lago:{number}", TWO) == NumberAt(number, ("lago",))


def test_the_case_of_an_id_is_kept() -> None:
    assert parse_reference("stripe:in_1AbC", ONE) == InvoiceRef("stripe", "in_1AbC")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "“”",
        ".",
        "<>",
        "two words",
        "in_1,in_2",
        "in_1;in_2",
        "🙂",
        "in_1🙂",
        "paypal:in_1",
        ":in_1",
        "stripe:",
        "stripe:in 1",
        "stripe:🙂",
        "<!channel>",
        "`rm -rf`",
        "https://dashboard.stripe.com/customers/cus_1",
        "https://",
        "https://[broken/in_1",
        "https://evil.example/?next=in_1",
        f"<{LINK}> <https://dashboard.stripe.com/invoices/in_2>",
        f"{LINK},https://dashboard.stripe.com/invoices/in_2",
        f"{LINK}>https://dashboard.stripe.com/invoices/in_2",
        "in_" + "a" * 300,
        "x" * 10_000,
        "in_1\nin_2",
    ],
)
def test_what_cannot_be_one_invoice_gets_one_sentence_and_no_guess(text: str) -> None:
    with pytest.raises(UnusableValue) as caught:
        parse_reference(text, ONE)
    sentence = str(caught.value)
    assert len(sentence) < 200
    assert sentence.count("`") % 2 == 0
    assert "<!channel>" not in sentence
    assert "rm -rf" not in sentence


def test_an_unknown_account_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnusableValue, match="`lago`, `stripe`, `stripe-eu`"):
        parse_reference("paypal:in_1", TWO)


@given(st.text(max_size=60))
def test_whatever_is_typed_it_is_read_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text, TWO)
    except UnusableValue:
        return
    assert isinstance(reference, InvoiceRef | IdAt | NumberAt)


@given(
    st.from_regex(r"in_[A-Za-z0-9]{1,24}", fullmatch=True), st.sampled_from(["“{}”", " {} ", "{}.", "<{}>", "stripe:{}"])
)
def test_an_id_survives_whatever_a_phone_puts_around_it(invoice: str, around: str) -> None:
    assert parse_reference(around.format(invoice), ONE) == InvoiceRef("stripe", invoice)
