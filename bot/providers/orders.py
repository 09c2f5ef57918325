"""What every adapter checks again before anything leaves: no caller can make a provider do what its facts rule out."""

from __future__ import annotations

from bot.domain.capability import ProviderFacts
from bot.domain.outcome import Rejected, RejectedReason
from bot.domain.refusal import RefusalKind
from bot.ports import ActionOrder


def objection_by_state(facts: ProviderFacts, order: ActionOrder) -> Rejected | None:
    """Why the provider cannot do this to the invoice as it stands; None where it can."""
    invoice = order.invoice
    refusal = facts.objection(order.action, invoice)
    if refusal is None:
        return None
    match refusal.kind:
        case RefusalKind.NOT_SUPPORTED:
            detail = f"{facts.name} cannot {order.action} an invoice. {refusal.facts['instead']}".strip()
        case RefusalKind.WRONG_COLLECTION:
            detail = refusal.facts["why"]
        case _:
            detail = f"Invoice {invoice.label} is {refusal.facts['status']}."
    return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail)


def misdirected(order: ActionOrder, account: str, *, live: bool) -> Rejected | None:
    """Whether the order is for another account, or for the other one of live and test."""
    invoice = order.invoice
    if invoice.live is not live:
        detail = f"Account {account} is in {'live' if live else 'test'} mode, and {invoice.label} is not."
        return Rejected(reason=RejectedReason.WRONG_MODE, detail=detail)
    if invoice.ref.account != account:
        detail = f"{invoice.ref} does not belong to account {account}."
        return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=detail)
    return None


def unusable(detail: str) -> Rejected:
    """The order itself makes no sense: a bug of ours or a forged press, and nothing was sent."""
    return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=detail)
