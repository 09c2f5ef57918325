"""What an ending may rest on, judged from the provider's pages alone and without the adapters' code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.domain.action import Action
from bot.domain.invoice import CollectionMethod, Invoice
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from tests.hardening.spoiled_wire import Heard

_STRIPE_REACHED: Final[Mapping[Action, frozenset[str]]] = {
    Action.VOID: frozenset({"void"}),
    Action.UNCOLLECTIBLE: frozenset({"uncollectible"}),
    Action.FINALIZE: frozenset({"open", "paid", "uncollectible", "void"}),
    Action.PAID: frozenset({"paid"}),
    Action.RESEND: frozenset({"open", "paid"}),
}
_STRIPE_UNPAID: Final = frozenset({"requires_payment_method", "requires_confirmation", "requires_action", "canceled"})


def objections(action: Action, before: Invoice, outcome: Outcome, heard: Sequence[Heard]) -> list[str]:
    """Why this ending of a send is not what the provider said; empty where it is."""
    answer = next((one for one in reversed(heard) if not one.reads), None)
    if answer is None:
        is_right, why = isinstance(outcome, Rejected | Declined), "a send that never left"
    elif 200 <= answer.status < 300:
        own = {"stripe": _stripe, "lago": _lago, "lac": _lac, "recurly": _recurly}
        judge = own.get(before.ref.account, _anyone)
        is_right, why = judge(action, before, outcome, heard, answer.body), "a yes that says something else"
    elif 400 <= answer.status < 500:
        is_right, why = not isinstance(outcome, Succeeded), "a refusal"
    else:
        is_right, why = isinstance(outcome, Unknown), f"{answer.status}, which is neither yes nor no"
    return [] if is_right else [f"{type(outcome).__name__} after {why}"]


def _anyone(action: Action, before: Invoice, outcome: Outcome, heard: Sequence[Heard], body: Any) -> bool:
    """For a provider that has no judge of its own here: a yes that is no JSON object proves nothing."""
    del action, before, heard
    return isinstance(outcome, Unknown) or isinstance(body, dict)


def _stripe(action: Action, before: Invoice, outcome: Outcome, heard: Sequence[Heard], body: Any) -> bool:
    del heard
    if isinstance(outcome, Unknown | Rejected):
        return isinstance(outcome, Unknown)
    if not isinstance(body, dict) or body.get("id") != before.ref.id or body.get("livemode") is True:
        return False
    status, left = body.get("status"), body.get("amount_remaining")
    match outcome:
        case Succeeded() if action is Action.RETRY:
            return status == "paid" or (type(left) is int and left < before.owed.minor)
        case Succeeded():
            return status in _STRIPE_REACHED[action]
        case Declined():
            return action is Action.RETRY and _stripe_intent(body).get("status") in _STRIPE_UNPAID
        case Pending():
            return action is Action.RETRY and status in {"open", "uncollectible"}


def _stripe_intent(body: dict[str, Any]) -> dict[str, Any]:
    """Of the default payment, else the newest."""
    payments = body["payments"]["data"]
    intents = [one["payment"]["payment_intent"] for one in payments if isinstance(one.get("payment"), dict)]
    return next((one for one in intents if isinstance(one, dict) and one.get("status") in _STRIPE_UNPAID), {})


def _lago(action: Action, before: Invoice, outcome: Outcome, heard: Sequence[Heard], body: Any) -> bool:
    if action is Action.RETRY:
        return _lago_retry(before, outcome, heard, body)
    if isinstance(outcome, Unknown | Rejected | Declined):
        return isinstance(outcome, Unknown)
    if action is Action.RESEND:
        return isinstance(body, dict) or not _sent(heard).content.strip()
    told = body if isinstance(body, dict) else {}
    if action is Action.PAID and "payment" in told:
        return isinstance(outcome, Succeeded)
    invoice = told.get("invoice")
    if not isinstance(invoice, dict) or invoice.get("lago_id") != before.ref.id:
        return False
    return isinstance(outcome, Pending) if action is Action.FINALIZE and _is_draft(invoice) else _lago_did(action, invoice)


def _is_draft(invoice: dict[str, Any]) -> bool:
    return invoice.get("status") != "finalized"


def _lago_did(action: Action, invoice: dict[str, Any]) -> bool:
    match action:
        case Action.VOID:
            return invoice.get("status") == "voided"
        case Action.PAID:
            return invoice.get("payment_status") == "succeeded"
        case _:
            return True


def _lago_retry(before: Invoice, outcome: Outcome, heard: Sequence[Heard], body: Any) -> bool:
    """A 2xx to a retry says no more than "accepted"; what counts is what was read after it."""
    is_accepted = isinstance(body, dict) or not _sent(heard).content.strip()
    reads = heard[heard.index(_sent(heard)) + 1 :]
    invoices = [one.body["invoice"] for one in reads if _holds(one, "invoice", dict)]
    payments = [one.body["payments"] for one in reads if _holds(one, "payments", list)]
    match outcome:
        case Unknown():
            return True
        case Rejected():
            return is_accepted and outcome.reason is RejectedReason.NOT_APPLIED and bool(invoices)
        case Succeeded():
            return is_accepted and any(_lago_shows_money(one, before) for one in invoices)
        case Declined():
            said = {one.get("payment_status") for page in payments for one in page if isinstance(one, dict)}
            return is_accepted and bool(said & {"failed", "pending", "processing"})
        case Pending():
            return is_accepted and bool(invoices)


def _lago_shows_money(invoice: dict[str, Any], before: Invoice) -> bool:
    left = invoice.get("total_due_amount_cents")
    is_paid = invoice.get("status") == "finalized" and invoice.get("payment_status") == "succeeded"
    return invoice.get("lago_id") == before.ref.id and (is_paid or left is None or left < before.owed.minor)


def _lac(action: Action, before: Invoice, outcome: Outcome, heard: Sequence[Heard], body: Any) -> bool:
    del action, heard
    if isinstance(outcome, Unknown):
        return True
    is_invoice = isinstance(body, dict) and body.get("id") == before.ref.id and isinstance(body.get("status"), str)
    return isinstance(outcome, Succeeded) and is_invoice


def _sent(heard: Sequence[Heard]) -> Heard:
    return next(one for one in reversed(heard) if not one.reads)


def _holds(one: Heard, name: str, kind: type) -> bool:
    return one.status < 300 and isinstance(one.body, dict) and isinstance(one.body.get(name), kind)


def _recurly(action: Action, before: Invoice, outcome: Outcome, heard: Sequence[Heard], body: Any) -> bool:
    del heard
    if isinstance(outcome, Unknown | Rejected) or not isinstance(body, dict):
        return isinstance(outcome, Unknown)
    if action is Action.PAID and before.collection is CollectionMethod.MANUAL:
        invoice = body.get("invoice")
        belongs = not isinstance(invoice, dict) or invoice.get("id") in {None, before.ref.id}
        return isinstance(outcome, Succeeded) and isinstance(body.get("id"), str) and belongs
    is_it = body.get("id") == before.ref.id and body.get("type") in {"charge", "legacy"}
    if action is Action.RETRY:
        return is_it and _recurly_charged(before, outcome, body)
    reached = {Action.UNCOLLECTIBLE: "failed", Action.PAID: "paid"}[action]
    return is_it and isinstance(outcome, Succeeded) and body.get("state") == reached


def _recurly_charged(before: Invoice, outcome: Outcome, body: dict[str, Any]) -> bool:
    forced = [one for one in body["transactions"] or () if one.get("origin") == "api_force_collect"]
    said = {one.get("status") for one in forced if one.get("id") != before.newest_charge}
    match outcome:
        case Succeeded(ours=ours):
            return "success" in said or (body.get("state") == "paid" and not ours)
        case Declined():
            return bool(said & {"declined", "error"})
        case Pending():
            return body.get("state") == "processing" or _runs(body)
        case _:
            return False


def _runs(body: dict[str, Any]) -> bool:
    """Whether a payment of anybody's is under way."""
    transactions = body["transactions"] or ()
    return any(one.get("status") in {"pending", "processing", "scheduled"} for one in transactions)
