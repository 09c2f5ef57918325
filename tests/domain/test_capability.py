"""What a provider can do to an invoice: the declaration is the guard."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import BOUND, LIVE, MAY_HAVE_REACHED_THE_BANK, STAR, TRAITS, Action, ActionState, Word
from bot.domain.capability import Capability, ProviderFacts, Resend
from bot.domain.content import Choice
from bot.domain.invoice import CollectionMethod, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.refusal import RefusalKind
from tests.domain.builders import an_invoice

OPEN_ONLY = frozenset({InvoiceStatus.OPEN})
FACTS = ProviderFacts(
    slug="example",
    name="Example",
    docs_url="https://docs.example",
    capabilities={
        Action.RETRY: Capability(
            OPEN_ONLY,
            "pay",
            "Charges.",
            collection=frozenset({CollectionMethod.AUTOMATIC}),
            otherwise="The customer pays this one.",
        ),
        Action.PAID: Capability(OPEN_ONLY, "mark paid", "Collects no more."),
        Action.VOID: Capability(OPEN_ONLY | {InvoiceStatus.UNCOLLECTIBLE}, "void", "Annuls."),
    },
    resend=Resend.KEYED,
    key_window=timedelta(hours=24),
    link_hosts=frozenset(),
    id_pattern="in_.*",
    failed_means="open",
    instead={Action.UNCOLLECTIBLE: "Void it."},
)


@pytest.mark.parametrize("status", list(InvoiceStatus))
@pytest.mark.parametrize("action", list(Action))
def test_an_action_works_exactly_on_the_statuses_that_were_declared(action: Action, status: InvoiceStatus) -> None:
    declared = FACTS.capabilities.get(action)
    objection = FACTS.objection(action, an_invoice(status=status, provider_status=status.value))
    assert (objection is None) is (declared is not None and status in declared.allowed_on)


def test_an_undeclared_action_is_not_supported() -> None:
    objection = FACTS.objection(Action.UNCOLLECTIBLE, an_invoice())
    assert objection is not None
    assert objection.kind is RefusalKind.NOT_SUPPORTED
    assert objection.facts == {"provider": "Example", "action": "mark uncollectible", "instead": "Void it."}


@pytest.mark.parametrize("payment", list(PaymentState))
def test_what_acts_on_money_in_flight_works_while_a_payment_is_processed_and_then_only(payment: PaymentState) -> None:
    undo = Capability(frozenset({InvoiceStatus.PAID}), "void", "Annuls.", on_money_in_flight=True)
    facts = replace(FACTS, capabilities={Action.VOID: undo})
    invoice = an_invoice(status=InvoiceStatus.PAID, provider_status="paid", payment=payment)
    objection = facts.objection(Action.VOID, invoice)
    assert (objection is None) is (payment is PaymentState.PROCESSING)
    if objection is not None:
        assert objection.facts["status"] == "paid, with no payment under way"


@pytest.mark.parametrize(
    ("action", "change", "status"),
    [
        (Action.RETRY, {"payment": PaymentState.PROCESSING}, "processing a payment"),
        (Action.VOID, {"payment": PaymentState.PROCESSING}, "processing a payment"),
        (Action.RETRY, {"owed": Money(0, "EUR")}, "owing nothing"),
        (Action.PAID, {"owed": Money(0, "EUR")}, "owing nothing"),
        (Action.RETRY, {"status": InvoiceStatus.PAID, "provider_status": "paid"}, "paid"),
    ],
)
def test_what_stands_in_the_way_is_named(action: Action, change: dict[str, Any], status: str) -> None:
    objection = FACTS.objection(action, an_invoice(**change))
    assert objection is not None
    assert objection.kind is RefusalKind.NOT_ACTIONABLE
    assert objection.facts["status"] == status


def test_an_invoice_of_the_other_collection_method_is_refused_with_the_provider_s_reason() -> None:
    objection = FACTS.objection(Action.RETRY, an_invoice(collection=CollectionMethod.MANUAL))
    assert objection is not None
    assert objection.kind is RefusalKind.WRONG_COLLECTION
    assert objection.facts["why"] == "The customer pays this one."


def test_what_works_only_before_the_first_payment_is_refused_after_it() -> None:
    careful = replace(FACTS.capabilities[Action.VOID], only_unpaid=True)
    facts = replace(FACTS, capabilities={Action.VOID: careful})
    part = an_invoice(paid=Money(1, "EUR"))
    assert FACTS.objection(Action.VOID, part) is None
    objection = facts.objection(Action.VOID, part)
    assert objection is not None
    assert objection.facts["status"] == "partly paid"
    assert facts.objection(Action.VOID, an_invoice(paid=Money(0, "EUR"))) is None


def test_what_works_only_in_some_of_the_provider_s_own_statuses_is_refused_in_the_others() -> None:
    strict = replace(FACTS.capabilities[Action.VOID], only_while=frozenset({"billed"}))
    facts = replace(FACTS, capabilities={Action.VOID: strict})
    assert facts.objection(Action.VOID, an_invoice(provider_status="billed")) is None
    objection = facts.objection(Action.VOID, an_invoice(provider_status="past due"))
    assert objection is not None
    assert (objection.kind, objection.facts["status"]) == (RefusalKind.NOT_ACTIONABLE, "past due")


def test_the_other_collection_method_is_a_better_reason_than_the_provider_s_own_status() -> None:
    strict = replace(FACTS.capabilities[Action.RETRY], only_while=frozenset({"billed"}))
    facts = replace(FACTS, capabilities={Action.RETRY: strict})
    objection = facts.objection(Action.RETRY, an_invoice(collection=CollectionMethod.MANUAL, provider_status="past due"))
    assert objection is not None
    assert objection.kind is RefusalKind.WRONG_COLLECTION


@pytest.mark.parametrize("change", [{"owed": Money(0, "EUR")}, {"collection": CollectionMethod.MANUAL}])
def test_what_takes_no_money_does_not_need_any(change: dict[str, Any]) -> None:
    assert FACTS.objection(Action.VOID, an_invoice(**change)) is None


def test_every_action_has_traits_a_word_a_button_and_is_bound() -> None:
    assert set(TRAITS) == set(Action)
    for action in Action:
        assert Choice(action.value).action is action
        assert (Word(action.value) in BOUND) is action.traits.is_bound
        assert Word(action.value) in STAR
    assert Choice.LINK.action is None


def test_the_star_grants_nothing_beyond_invoices_and_looking() -> None:
    assert not STAR & {Word.SHARE, Word.DIGEST, Word.SETTLE, Word.APPROVE, Word.FREEZE, Word.AUDIT}
    assert len(STAR) == 10


def test_live_states_block_and_what_may_have_reached_the_bank_counts() -> None:
    assert {state for state in ActionState if state.is_live} == set(LIVE)
    assert {state for state in ActionState if state not in MAY_HAVE_REACHED_THE_BANK} == {
        ActionState.ACCEPTED,
        ActionState.REJECTED,
        ActionState.REFUSED,
        ActionState.NOT_APPLIED,
        ActionState.EXPIRED,
        ActionState.UNSETTLED,
    }
