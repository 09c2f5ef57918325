"""Rows: what a line about an invoice says, and which buttons stand under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.attempts import Spent
from bot.domain.capability import Capability
from bot.domain.content import (
    Choice,
    Row,
)
from bot.domain.decline import Decline, DeclineClass
from bot.domain.invoice import CollectionMethod, FailedBecause, InvoiceStatus, NoMethod
from bot.domain.money import Money
from bot.domain.offer import ButtonValue
from handlers import ids
from handlers.views.row import row_blocks
from handlers.views.text import readable
from tests.handlers.views.samples import (
    EUR_420,
    FACTS,
    NOW,
    STOLEN,
    a_row,
    an_action,
    an_invoice,
)


def drawn(row: Row, **changes: Any) -> list[dict[str, Any]]:
    return row_blocks(row, 0, now=NOW, command="/invoice", **changes)


def text(row: Row) -> str:
    return readable(drawn(row)[0]["text"]["text"])


def elements(row: Row) -> list[dict[str, Any]]:
    return next((block["elements"] for block in drawn(row) if block["type"] == "actions"), [])


def options(row: Row) -> list[str]:
    return [option["text"]["text"] for element in elements(row) for option in element.get("options", [])]


def buttons(row: Row) -> list[str]:
    return [element["text"]["text"] for element in elements(row) if element["type"] == "button"]


def test_a_row_is_a_section_and_right_after_it_its_buttons() -> None:
    section, actions = drawn(a_row())
    assert readable(section["text"]["text"]).split("\n") == [
        "*Acme GmbH* · INV-0042 · *EUR 420.00*",
        "Declined: insufficient funds (soft), visa ending 4242 · "
        "Stripe retries 2026-11-24 09:14 UTC by itself · 12 days old",
    ]
    assert actions["type"] == "actions"
    assert buttons(a_row()) == ["Retry payment", "Payment link"]
    assert options(a_row()) == ["Show invoice", "Void invoice", "Mark uncollectible"]


def test_every_button_says_which_offer_it_is_about_and_is_registered_under_its_id() -> None:
    row = a_row(number=3)
    retry, link, more = elements(row)
    assert (retry["action_id"], link["action_id"], more["action_id"]) == (ids.RUN_ACTION, ids.LINK, ids.MORE)
    values = [retry["value"], link["value"], *(option["value"] for option in more["options"])]
    assert [ButtonValue.parse(value) for value in values] == [
        ButtonValue(row.offer.id, verb) for verb in ("retry", "link", "show", "void", "uncollectible")
    ]
    assert retry["accessibility_label"] == "Retry payment for INV-0042"


def test_retry_comes_first_unless_the_customer_has_to_act() -> None:
    hard = a_row(an_invoice(decline=STOLEN))
    manual = a_row(an_invoice(collection=CollectionMethod.MANUAL))
    assert [element.get("style") for element in elements(a_row())[:2]] == ["primary", None]
    for row in (hard, manual):
        assert buttons(row)[0] == "Payment link"
        assert [element.get("style") for element in elements(row)[:2]] == ["primary", None]


@pytest.mark.parametrize("state", [ActionState.ACCEPTED, ActionState.EXECUTING])
def test_while_a_decision_runs_nothing_can_be_pressed(state: ActionState) -> None:
    assert elements(a_row(action=an_action(state), choices=tuple(Choice))) == []


@pytest.mark.parametrize(
    ("kind", "done", "undone"),
    [
        (Action.RETRY, "charged", "not charged"),
        (Action.RESEND, "sent", "not sent"),
        (Action.VOID, "done", "not done"),
    ],
)
def test_what_nobody_can_tell_may_be_verified_by_a_person(kind: Action, done: str, undone: str) -> None:
    row = a_row(action=an_action(ActionState.NEEDS_HUMAN, kind), choices=tuple(Choice))
    assert buttons(row) == ["Check again", f"I verified: {done}", f"I verified: {undone}"]


@pytest.mark.parametrize("state", [ActionState.PENDING, ActionState.UNKNOWN])
def test_while_an_ending_is_open_only_checking_is_possible(state: ActionState) -> None:
    assert buttons(a_row(action=an_action(state), choices=tuple(Choice))) == ["Check again"]
    assert elements(a_row(action=an_action(state), choices=(Choice.RETRY, Choice.VOID))) == []


def test_after_an_ending_the_row_says_it_and_offers_what_is_possible_now() -> None:
    row = a_row(action=an_action(ActionState.DECLINED))
    assert "Declined: insufficient funds (soft)" in drawn(row)[0]["text"]["text"]
    assert drawn(row)[1]["type"] == "actions"  # right after the section: what belongs together stands together
    assert "`req_8Pq`" in drawn(row)[2]["elements"][0]["text"]
    assert buttons(row) == ["Retry payment", "Payment link"]


def test_a_paid_row_without_choices_has_no_buttons() -> None:
    blocks = drawn(a_row(action=an_action(ActionState.SUCCEEDED), choices=()))
    assert [block["type"] for block in blocks] == ["section"]


def test_an_invoice_on_which_nothing_is_owed_shows_what_was_paid_and_never_a_zero() -> None:
    ended: dict[str, Any] = {"owed": Money(0, "EUR"), "status": InvoiceStatus.PAID, "provider_status": "paid"}
    assert "*EUR 420.00*" in drawn(a_row(an_invoice(**ended, paid=EUR_420)))[0]["text"]["text"]
    assert "*nothing owed*" in drawn(a_row(an_invoice(**ended)))[0]["text"]["text"]


def test_a_void_invoice_is_told_by_its_status_and_not_by_its_last_decline() -> None:
    text = drawn(a_row(an_invoice(status=InvoiceStatus.VOID, provider_status="void")))[0]["text"]["text"]
    assert "Status: void" in text
    assert "Declined" not in text


def test_a_declined_method_of_which_only_the_id_is_known_is_not_named_in_a_row() -> None:
    nameless = replace(STOLEN, method="pm_1", method_label="pm_1")
    assert "pm_1" not in drawn(a_row(an_invoice(decline=nameless)))[0]["text"]["text"]


def test_where_nothing_is_stored_to_charge_the_payment_link_comes_first() -> None:
    row = a_row(an_invoice(method=NoMethod()), choices=(Choice.RETRY, Choice.LINK))
    assert buttons(row) == ["Payment link", "Retry payment"]
    assert elements(row)[0]["style"] == "primary"


def test_where_the_provider_has_no_retry_the_payment_link_is_the_button_to_press() -> None:
    without: Mapping[Action, Capability] = {a: one for a, one in FACTS.capabilities.items() if a is not Action.RETRY}
    row = replace(a_row(choices=(Choice.LINK, Choice.SHOW)), facts=replace(FACTS, capabilities=without))
    assert buttons(row) == ["Payment link", "Show invoice"]
    assert [element.get("style") for element in elements(row)[:2]] == ["primary", None]


def test_dangerous_choices_are_never_a_visible_button() -> None:
    row = a_row(choices=(Choice.VOID, Choice.UNCOLLECTIBLE))
    assert buttons(row) == []
    assert options(row) == ["Void invoice", "Mark uncollectible"]


def test_the_overflow_uses_the_providers_own_word_where_it_has_another() -> None:
    capability = Capability(frozenset({InvoiceStatus.OPEN}), "write off", "It counts as settled.")
    facts = replace(FACTS, capabilities={Action.UNCOLLECTIBLE: capability})
    assert options(a_row(facts=facts, choices=(Choice.UNCOLLECTIBLE,))) == ["Mark uncollectible (“write off”)"]


def test_a_retry_of_an_unreadable_method_asks_first_and_names_the_declined_one() -> None:
    row = a_row(an_invoice(decline=STOLEN), confirm_retry="visa ending 4242")
    retry = next(element for element in elements(row) if element.get("action_id") == ids.RUN_ACTION)
    assert retry["confirm"]["text"]["text"] == (
        "The bank refused the last try with visa ending 4242. What would be charged now could not be read; it may be "
        "the same. Try to collect EUR 420.00 for INV-0042?"
    )
    assert all("confirm" not in element for element in elements(a_row()))


def test_block_ids_change_with_what_the_row_says() -> None:
    rows = [a_row(), a_row(number=1), *(a_row(action=an_action(state)) for state in ActionState)]
    found = {block["block_id"] for row in rows for block in drawn(row)}
    assert len(found) == sum(len(drawn(row)) for row in rows)


def test_test_invoices_are_marked_and_live_ones_beside_them_too() -> None:
    assert "`TEST`" in drawn(a_row(an_invoice(live=False)))[0]["text"]["text"]
    assert "`LIVE`" in drawn(a_row(), badges=True)[0]["text"]["text"]
    assert "`LIVE`" not in drawn(a_row())[0]["text"]["text"]


def test_an_invoice_past_due_is_not_called_declined() -> None:
    invoice = an_invoice(decline=None, failed_because=FailedBecause.PAST_DUE, due_at=NOW - timedelta(days=3))
    assert "Past due for 3 days (since 2026-11-18 UTC), to be paid by the customer" in readable(
        drawn(a_row(invoice))[0]["text"]["text"]
    )


def test_a_due_date_that_is_still_to_come_is_not_told_as_the_day_since_when() -> None:
    invoice = an_invoice(decline=None, failed_because=FailedBecause.PAST_DUE, due_at=NOW + timedelta(days=3))
    said = readable(drawn(a_row(invoice))[0]["text"]["text"])
    assert "Past due, to be paid by the customer" in said
    assert "since" not in said


def test_a_customer_without_a_name_is_called_unknown() -> None:
    assert "*unknown customer*" in drawn(a_row(an_invoice(customer_name=None)))[0]["text"]["text"]


def test_a_decline_that_was_not_read_is_not_made_up() -> None:
    row = a_row(an_invoice(decline=None))
    assert "Payment failed; the reason was not read" in drawn(row)[0]["text"]["text"]
    unclear = Decline(DeclineClass.UNCLEAR, "do_not_honor", "the bank did not say why")
    assert "(unclear)" in drawn(a_row(an_invoice(decline=unclear)))[0]["text"]["text"]


def test_where_several_accounts_stand_together_each_row_names_its_own() -> None:
    row = a_row()
    alone, among = drawn(row), drawn(row, names=True)
    assert row.invoice.ref.account not in alone[0]["text"]["text"].split("\n")[0]
    assert among[0]["text"]["text"].split("\n")[0].endswith(f" · {row.invoice.ref.account}")


# --- many attempts ---

MANY, TOO_MANY = Spent(at_least=8, limit=15), Spent(at_least=15, limit=15, free_at=NOW + timedelta(days=9))


def test_many_attempts_are_told_below_the_row_and_retry_asks_back() -> None:
    row = a_row(attempts=MANY)
    assert text(row).split("\n")[-1] == (
        "At least 8 attempts in 30 days: card networks charge fees for too many; from 15 on no retry is possible."
    )
    retry = next(element for element in elements(row) if element.get("action_id") == ids.RUN_ACTION)
    assert retry["confirm"]["text"]["text"] == (
        "At least 8 attempts in 30 days: card networks charge fees for too many; from 15 on no retry is possible. "
        "Try to collect EUR 420.00 for INV-0042?"
    )


def test_both_doubts_fit_into_one_question() -> None:
    row = a_row(attempts=MANY, confirm_retry="a very long name of a card and its bank, visa ending 4242")
    retry = next(element for element in elements(row) if element.get("action_id") == ids.RUN_ACTION)
    asked = retry["confirm"]["text"]["text"]
    assert "The bank refused the last try with a very long name" in asked
    assert "At least 8 attempts" in asked
    assert asked.endswith("Try to collect EUR 420.00 for INV-0042?")


def test_a_retry_that_asks_back_is_never_a_line_of_the_overflow() -> None:
    row = a_row(an_invoice(status=InvoiceStatus.DRAFT), attempts=MANY, choices=(Choice.FINALIZE, Choice.LINK, Choice.RETRY))
    assert "Retry payment" not in options(row)


def test_at_the_limit_the_row_says_from_when_on_a_retry_is_possible() -> None:
    line = text(a_row(attempts=TOO_MANY)).split("\n")[-1]
    assert line.startswith("At least 15 attempts in 30 days, and the limit is 15: no retry before ")
    assert line.endswith(". Give the customer the payment link.")


@pytest.mark.parametrize("state", [ActionState.ACCEPTED, ActionState.UNKNOWN])
def test_while_a_decision_is_open_nobody_is_told_of_attempts(state: ActionState) -> None:
    assert "attempts" not in text(a_row(attempts=MANY, action=an_action(state)))
