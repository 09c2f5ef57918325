"""The fields of a dialog: understood as people write them, or answered under the field; never half a decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.action import Action
from bot.domain.details import Issue, PaidBy, Received
from bot.domain.errors import UnusableValue
from bot.domain.money import Money
from bot.domain.offer import Offer, Place
from bot.services.actions import Asked
from handlers import ids
from handlers.dialog_inputs import Values, entered
from tests.builders import CHANNEL, FACTS, INVOICE, NOW

TODAY = date(2026, 11, 20)
OWED = Money.from_major("1234.50", "EUR")


def asked(action: Action = Action.PAID, owed: Money = OWED, *, takes_part: bool = False) -> Asked:
    invoice = replace(INVOICE, owed=owed)
    offer = Offer(id="0" * 32, invoice=invoice, actions=0, place=Place("card:1", CHANNEL), made_at=NOW)
    return Asked(offer, action, replace(FACTS.capabilities[action], takes_part=takes_part))


def payment(
    amount: object = "1234.50", by: object = "bank_transfer", on: object = "2026-11-19", reference: object = "RF-18"
) -> Values:
    return {
        ids.AMOUNT_BLOCK: {ids.AMOUNT: {"type": "plain_text_input", "value": amount}},
        ids.PAID_BY_BLOCK: {ids.PAID_BY: {"type": "static_select", "selected_option": {"value": by} if by else None}},
        ids.PAID_ON_BLOCK: {ids.PAID_ON: {"type": "datepicker", "selected_date": on}},
        ids.PAYMENT_REFERENCE_BLOCK: {ids.PAYMENT_REFERENCE: {"type": "plain_text_input", "value": reference}},
    }


@pytest.mark.parametrize(
    "text", ["1234.50", "1234,50", "1,234.50", "1.234,50", "1 234,50", "1'234.50", "EUR 1234.50", "1234.5 eur", " 1234.50 "]
)
def test_an_amount_is_read_as_it_stands_on_a_bank_statement(text: str) -> None:
    said = entered(asked(), payment(text), TODAY)
    assert said.errors == {}
    assert said.details == Received(amount=OWED, by=PaidBy.BANK_TRANSFER, on=date(2026, 11, 19), reference="RF-18")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Please write the amount like 1234.50."),
        ("all of it", "Please write the amount like 1234.50."),
        ("1234.505", "Please write the amount like 1234.50."),
        ("1,234", "Please write the amount like 1234.50."),
        ("1e3", "Please write the amount like 1234.50."),
        ("USD 1234.50", "Please write the amount like 1234.50."),
        ("0", "The amount has to be more than nothing."),
        ("-5", "The amount has to be more than nothing."),
        ("2000", "That is more than the 1234.50 EUR owed on this invoice."),
        ("1000", "Only the whole amount can be marked as paid here: EUR 1234.50."),
    ],
)
def test_an_amount_that_cannot_be_meant_is_answered_under_its_field(text: str, sentence: str) -> None:
    assert entered(asked(), payment(text), TODAY).errors == {ids.AMOUNT_BLOCK: sentence}


def test_a_part_payment_is_taken_where_the_provider_takes_one() -> None:
    said = entered(asked(takes_part=True), payment("1000"), TODAY)
    assert isinstance(said.details, Received)
    assert said.details.amount == Money.from_major("1000", "EUR")


def test_money_without_decimals_has_none() -> None:
    yen = Money.from_major("5000", "JPY")
    for text in ("5000", "5,000", "5.000", "JPY 5 000"):
        said = entered(asked(owed=yen), payment(text), TODAY)
        assert isinstance(said.details, Received)
        assert said.details.amount == yen
    assert list(entered(asked(owed=yen), payment("5000.50"), TODAY).errors) == [ids.AMOUNT_BLOCK]


def test_a_payment_of_the_future_is_not_one_but_tomorrow_may_be_today_elsewhere() -> None:
    assert entered(asked(), payment(on=(TODAY + timedelta(days=1)).isoformat()), TODAY).errors == {}
    assert list(entered(asked(), payment(on=(TODAY + timedelta(days=2)).isoformat()), TODAY).errors) == [ids.PAID_ON_BLOCK]


def test_every_missing_field_is_named_at_once() -> None:
    said = entered(asked(), payment(None, None, None, " \n\t"), TODAY)
    assert set(said.errors) == {ids.AMOUNT_BLOCK, ids.PAID_BY_BLOCK, ids.PAID_ON_BLOCK, ids.PAYMENT_REFERENCE_BLOCK}
    assert said.details is None


def test_a_way_of_paying_of_another_version_is_asked_for_again() -> None:
    assert list(entered(asked(), payment(by="barter"), TODAY).errors) == [ids.PAID_BY_BLOCK]


@pytest.mark.parametrize(("options", "collect"), [([], False), (None, False), ([{"value": ids.COLLECT_YES}], True)])
def test_a_draft_is_collected_only_where_the_box_was_ticked(options: object, collect: bool) -> None:
    values: Values = {ids.COLLECT_BLOCK: {ids.COLLECT: {"type": "checkboxes", "selected_options": options}}}
    assert entered(asked(Action.FINALIZE), values, TODAY).details == Issue(collect=collect)


def test_a_retry_with_another_method_names_it() -> None:
    def chosen(option: object) -> Values:
        return {ids.METHOD_BLOCK: {ids.METHOD: {"type": "static_select", "selected_option": option}}}

    assert entered(asked(Action.RETRY), chosen({"value": "pm_2"}), TODAY).method == "pm_2"
    assert list(entered(asked(Action.RETRY), chosen(None), TODAY).errors) == [ids.METHOD_BLOCK]


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("action", [Action.PAID, Action.FINALIZE, Action.RETRY, Action.VOID])
@given(amount=_ANYTHING, by=_ANYTHING, on=_ANYTHING, reference=_ANYTHING)
def test_whatever_arrives_is_errors_or_a_whole_decision(
    action: Action, amount: Any, by: Any, on: Any, reference: Any
) -> None:
    try:
        said = entered(asked(action), payment(amount, by, on, reference), TODAY)
    except UnusableValue:
        return
    if action is Action.PAID and not said.errors:
        assert isinstance(said.details, Received)
        assert said.details.amount == OWED
        assert said.details.reference
