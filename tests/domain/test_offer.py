"""What a button's value may be, and when a decision no longer fits what was seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.content import Choice
from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceStatus, NoMethod, PaymentMethod, PaymentState
from bot.domain.money import Money
from bot.domain.offer import ButtonValue, changed_since, new_offer_id, redrawn, version_of
from tests.domain.builders import NOW, an_invoice, an_offer

HEX = "0123456789abcdef"
offer_ids = st.text(HEX, min_size=32, max_size=32)


@given(offer_ids, st.sampled_from(Choice))
def test_a_button_value_survives_slack_and_fits_an_overflow_option(offer_id: str, verb: Choice) -> None:
    value = ButtonValue(offer_id, verb)
    assert ButtonValue.parse(str(value)) == value
    assert len(str(value)) <= 60


@given(st.text(max_size=80) | st.builds("{}:{}:{}".format, st.sampled_from("123 "), offer_ids, st.text(max_size=30)))
def test_any_other_text_is_refused_or_is_exactly_what_we_write(text: str) -> None:
    try:
        value = ButtonValue.parse(text)
    except UnusableValue:
        return
    assert str(value) == text
    assert text.startswith("1:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        f"2:{'0' * 32}:retry",
        f"1:{'0' * 31}:retry",
        f"1:{'0' * 33}:retry",
        f"1:{'A' * 32}:retry",
        f"1:{'0' * 32}:",
        f"1:{'0' * 32}:RETRY",
        f"1:{'0' * 32}:retry:1",
        f"1:{'0' * 32}:retry\n",
        f"1:{'٠' * 32}:retry",
        f" 1:{'0' * 32}:retry",
        f"1:{'0' * 32}:{'a' * 25}",
    ],
)
def test_a_value_of_another_shape_is_from_another_version(text: str) -> None:
    with pytest.raises(UnusableValue, match="another version"):
        ButtonValue.parse(text)


def test_offer_ids_are_fresh_and_parse() -> None:
    found = {new_offer_id() for _ in range(100)}
    assert len(found) == 100
    assert all(ButtonValue.parse(f"1:{offer_id}:retry").offer_id == offer_id for offer_id in found)


# --- the guard ---------------------------------------------------------------------------------------------------

VISA, AMEX = PaymentMethod("pm_1", "visa ending 4242"), PaymentMethod("pm_2", "amex ending 0005")


def test_what_is_still_as_it_was_shown_may_be_done() -> None:
    assert changed_since(an_offer(), an_invoice(), actions=0) is None


@pytest.mark.parametrize("fresh", [None, NoMethod(), VISA])
@pytest.mark.parametrize("seen", [None, NoMethod(), VISA])
def test_a_method_that_could_not_be_read_on_one_side_is_no_change(seen: Any, fresh: Any) -> None:
    assert changed_since(an_offer(an_invoice(method=seen)), an_invoice(method=fresh), actions=0) is None


@pytest.mark.parametrize(
    ("fresh", "what", "saw", "now"),
    [
        ({"status": InvoiceStatus.PAID, "provider_status": "paid"}, "paid", "open", "paid"),
        ({"status": InvoiceStatus.VOID, "provider_status": "void"}, "status", "open", "void"),
        ({"status": InvoiceStatus.OTHER, "provider_status": "new_word"}, "status", "open", "new_word"),
        ({"owed": Money(40000, "EUR")}, "amount", "EUR 420.00", "EUR 400.00"),
        ({"owed": Money(42000, "USD")}, "amount", "EUR 420.00", "USD 420.00"),
        ({"method": AMEX}, "method", "visa ending 4242", "amex ending 0005"),
        ({"newest_charge": "ch_2"}, "attempted", "", ""),
        ({"payment": PaymentState.PROCESSING}, "attempted", "", ""),
    ],
)
def test_what_changed_is_named_with_both_sides(fresh: dict[str, Any], what: str, saw: str, now: str) -> None:
    seen = an_invoice(method=VISA)
    invoice = an_invoice(**({"method": VISA} | fresh))
    changed = changed_since(an_offer(seen), invoice, actions=0)
    assert changed is not None
    assert (changed.what, changed.saw, changed.now, changed.invoice) == (what, saw, now, invoice)


def test_an_action_of_ours_that_ended_meanwhile_makes_the_offer_stale() -> None:
    changed = changed_since(an_offer(actions=1), an_invoice(), actions=2)
    assert changed is not None
    assert changed.what == "attempted"


def test_paid_outranks_every_other_change() -> None:
    fresh = an_invoice(status=InvoiceStatus.PAID, owed=Money(0, "EUR"), newest_charge="ch_2")
    changed = changed_since(an_offer(), fresh, actions=3)
    assert changed is not None
    assert changed.what == "paid"


@given(st.integers(0, 5), st.integers(0, 5), st.booleans())
def test_an_offer_fits_exactly_when_its_version_does(before: int, after: int, charged: bool) -> None:
    fresh = an_invoice(newest_charge="ch_2" if charged else None)
    offer = an_offer(actions=before)
    assert (changed_since(offer, fresh, after) is None) is (version_of(fresh, after) == offer.version)


def test_a_redrawn_offer_takes_the_same_place_under_a_new_id() -> None:
    offer = an_offer()
    fresh = an_invoice(owed=Money(1, "EUR"))
    again = redrawn(offer, fresh, 4, NOW)
    assert (again.place, again.invoice, again.actions) == (offer.place, fresh, 4)
    assert again.id != offer.id
    assert changed_since(again, fresh, 4) is None


@pytest.mark.parametrize(("method", "expected"), [(VISA, "pm_1"), (NoMethod(), None), (None, None)])
def test_an_offer_names_the_method_it_would_charge(method: Any, expected: str | None) -> None:
    assert an_offer(an_invoice(method=method)).method_id == expected
