"""The dialogs: what they ask, what stands in them at first, and where no choice is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.action import Action, Dialog
from bot.domain.capability import Capability
from bot.domain.details import PaidBy
from bot.domain.invoice import CollectionMethod, InvoiceStatus, PaymentMethod
from bot.domain.money import Money
from handlers import ids
from handlers.views.blocks import texts
from handlers.views.modals import OTHER, REASONS, issue_modal, method_modal, payment_modal, reason_modal
from handlers.views.text import readable
from tests.handlers.views.samples import (
    FACTS,
    NOW,
    STOLEN,
    an_invoice,
    an_offer,
)


def test_every_action_that_wants_a_reason_has_reasons_and_a_way_to_say_another() -> None:
    assert {action for action in Action if action.traits.dialog is Dialog.REASON} == set(REASONS)
    assert all(OTHER in reasons for reasons in REASONS.values())


def test_a_dialog_names_the_providers_own_word_where_it_is_another() -> None:
    capability = replace(FACTS.capabilities[Action.UNCOLLECTIBLE], provider_term="write off")
    said = readable("\n".join(texts(reason_modal(an_offer(), Action.UNCOLLECTIBLE, capability, "")["blocks"])))
    assert "The provider calls this “write off”." in said


def test_the_void_dialog_names_invoice_and_amount_and_that_it_is_final() -> None:
    view = reason_modal(an_offer(), Action.VOID, FACTS.capabilities[Action.VOID], "meta")
    said = readable("\n".join(texts(view["blocks"])))
    assert "*Acme GmbH* · INV-0042 · *EUR 420.00*" in said
    assert "*This cannot be undone.* The customer can no longer pay it." in said
    assert "The provider calls this" not in said  # its word is ours
    assert (view["callback_id"], view["private_metadata"]) == (ids.REASON_MODAL, "meta")
    assert view["submit"]["text"] == "Void invoice"
    inputs = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert inputs[ids.REASON_CHOICE_BLOCK]["action_id"] == ids.REASON_CHOICE
    assert inputs[ids.REASON_TEXT_BLOCK]["action_id"] == ids.REASON_TEXT
    assert {option["value"] for option in inputs[ids.REASON_CHOICE_BLOCK]["options"]} == set(REASONS[Action.VOID])


def inputs_of(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def text_of(view: dict[str, Any]) -> str:
    return readable("\n".join(texts(view["blocks"])))


def test_the_finalize_dialog_says_what_follows_and_asks_whether_to_collect() -> None:
    draft = an_invoice(status=InvoiceStatus.DRAFT, number=None)
    view = issue_modal(an_offer(draft), FACTS.capabilities[Action.FINALIZE], "meta")
    assert (view["callback_id"], view["submit"]["text"]) == (ids.ISSUE_MODAL, "Finalize invoice")
    box = inputs_of(view)[ids.COLLECT_BLOCK]
    assert box["optional"] is True
    assert box["element"]["action_id"] == ids.COLLECT
    assert [option["value"] for option in box["element"]["options"]] == [ids.COLLECT_YES]
    assert "initial_options" not in box["element"], "nothing is collected unless somebody asks for it"
    assert "The draft gets its number." in text_of(view)
    assert "Without this, nothing is collected or e-mailed by itself." in text_of(view)
    assert "The provider charges the customer's stored payment method by itself" in text_of(view)


def test_the_finalize_dialog_knows_who_pays_and_needs_no_sentence_of_the_provider() -> None:
    draft = an_invoice(status=InvoiceStatus.DRAFT, collection=CollectionMethod.MANUAL)
    view = issue_modal(an_offer(draft), Capability(frozenset({InvoiceStatus.DRAFT}), "finalize", ""), "")
    assert "The provider e-mails it to the customer by itself" in text_of(view)
    assert "The invoice gets its final number, and nothing on it can be changed any more." in text_of(view)


def test_the_paid_dialog_says_that_no_money_is_taken_and_starts_with_what_is_owed() -> None:
    view = payment_modal(an_offer(), FACTS.capabilities[Action.PAID], "meta", NOW.date())
    fields = inputs_of(view)
    assert (view["callback_id"], view["submit"]["text"]) == (ids.PAYMENT_MODAL, "Mark as paid")
    assert "*No money is taken from the customer.* Stripe stops collecting it." in text_of(view)
    assert fields[ids.AMOUNT_BLOCK]["element"]["initial_value"] == "420.00"
    assert fields[ids.AMOUNT_BLOCK]["label"]["text"] == "Amount received, in EUR"
    assert fields[ids.AMOUNT_BLOCK]["hint"]["text"] == (
        "Owed: EUR 420.00. Only the whole amount can be marked as paid here."
    )
    assert {option["value"] for option in fields[ids.PAID_BY_BLOCK]["element"]["options"]} == set(PaidBy)
    assert fields[ids.PAID_ON_BLOCK]["element"]["initial_date"] == "2026-11-21"
    assert fields[ids.PAYMENT_REFERENCE_BLOCK]["element"]["max_length"] == 100
    assert not any(field["optional"] for field in fields.values())


@pytest.mark.parametrize(
    ("minor", "currency", "start"), [(12000, "JPY", "12000"), (1250, "KWD", "1.250"), (5, "EUR", "0.05")]
)
def test_the_amount_field_starts_in_the_currencys_own_decimals(minor: int, currency: str, start: str) -> None:
    capability = replace(FACTS.capabilities[Action.PAID], takes_part=True)
    view = payment_modal(an_offer(an_invoice(owed=Money(minor, currency))), capability, "", NOW.date())
    assert inputs_of(view)[ids.AMOUNT_BLOCK]["element"]["initial_value"] == start
    assert "Less than this is recorded as a part payment." in text_of(view)


def methods_of(view: dict[str, Any]) -> list[tuple[str, str]]:
    found = inputs_of(view)[ids.METHOD_BLOCK]["element"]["options"]
    return [(option["text"]["text"], option["value"]) for option in found]


VISA, AMEX = PaymentMethod("pm_1", "visa ending 4242"), PaymentMethod("pm_2", "amex ending 0005")


def test_the_method_dialog_leaves_out_what_was_refused_for_good() -> None:
    offer = an_offer(an_invoice(decline=replace(STOLEN, method="pm_1")))
    view = method_modal(offer, FACTS, [VISA, AMEX], "meta")
    assert (view["callback_id"], view["submit"]["text"]) == (ids.METHOD_MODAL, "Retry payment")
    assert methods_of(view) == [("amex ending 0005", "pm_2")]
    assert "Stripe charges *EUR 420.00* to the payment method that you choose." in text_of(view)


def test_the_method_dialog_marks_what_may_pass_the_next_time() -> None:
    options = methods_of(method_modal(an_offer(), FACTS, [VISA, AMEX], ""))
    assert options == [("visa ending 4242 (declined last time)", "pm_1"), ("amex ending 0005", "pm_2")]


def test_a_long_label_keeps_its_mark_and_an_id_that_would_be_cut_is_no_choice() -> None:
    long = PaymentMethod("pm_1", "x" * 200)
    options = methods_of(method_modal(an_offer(), FACTS, [long, PaymentMethod("p" * 151, "never")], ""))
    assert [value for _, value in options] == ["pm_1"]
    assert options[0][0].endswith("… (declined last time)")
    assert len(options[0][0]) <= 75


@pytest.mark.parametrize("methods", [[], [VISA]])
def test_where_no_method_is_left_the_dialog_says_so_and_offers_the_link(methods: list[PaymentMethod]) -> None:
    offer = an_offer(an_invoice(decline=replace(STOLEN, method="pm_1")))
    view = method_modal(offer, FACTS, methods, "meta")
    assert "submit" not in view
    assert text_of(view) == (
        "No other payment method that could work is stored for this customer, so nothing was charged. "
        "Give the customer the payment link: they can pay with a new one."
    )
    without_page = method_modal(offer, replace(FACTS, has_payment_link=False), methods, "meta")
    assert text_of(without_page).endswith("Ask the customer for another way to pay.")
