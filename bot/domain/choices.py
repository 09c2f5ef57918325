"""Which buttons can work on an invoice as it stands: the same rules draw them, and guard the press again later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.action import Action, ActionState
from bot.domain.capability import ProviderFacts
from bot.domain.content import Choice
from bot.domain.invoice import Invoice, InvoiceStatus
from bot.domain.records import ActionRecord
from bot.domain.refusal import Refusal, RefusalKind

COOL_DOWN = timedelta(hours=1)
"""One payment attempt per invoice in this time, ours and the provider's own together."""

_CHECKABLE = (ActionState.UNKNOWN, ActionState.PENDING, ActionState.NEEDS_HUMAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An invoice, what its provider can do, and what we did to it: all that the rules look at."""

    invoice: Invoice
    facts: ProviderFacts
    last_retry: datetime | None
    now: datetime

    @property
    def cool_until(self) -> datetime | None:
        """When the next payment attempt is possible; None when it is possible now."""
        moments = [moment for moment in (self.last_retry, self.invoice.newest_charge_at) if moment is not None]
        until = max(moments) + COOL_DOWN if moments else None
        return until if until is not None and until > self.now else None

    def objection(self, action: Action, method: str | None = None, *, confirmed: bool = False) -> Refusal | None:
        """Why `action` cannot be done now; `method` is another stored method that the person named, `confirmed` that a
        dialog naming the declined method was answered with yes."""
        if (refusal := self.facts.objection(action, self.invoice)) is not None:
            return refusal
        if not action.traits.takes_money:
            return None
        return self._cool_objection() or self._method_objection(method, confirmed=confirmed)

    def _cool_objection(self) -> Refusal | None:
        until = self.cool_until
        facts = {"until": until.isoformat(), "invoice": self.invoice.label} if until is not None else {}
        return Refusal(RefusalKind.COOL_DOWN, facts) if until is not None else None

    def _method_objection(self, method: str | None, *, confirmed: bool) -> Refusal | None:
        decline = self.invoice.decline
        if decline is None or not decline.kind.blocks_same_method:
            return None
        facts = {
            "invoice": self.invoice.label,
            "ref": str(self.invoice.ref),
            "detail": decline.reason,
            "kind": decline.kind.value,
            "method": decline.method_label or "",
            "provider": self.facts.name,
        }
        if method is not None:
            return Refusal(RefusalKind.SAME_METHOD, facts) if method == decline.method else None
        same = self.invoice.charge_is_declined_method
        if same is True:
            return Refusal(RefusalKind.SAME_METHOD, facts)
        return Refusal(RefusalKind.CONFIRM_METHOD, facts) if same is None and not confirmed else None

    def objection_to_any_retry(self) -> Refusal | None:
        """Why no stored method could be charged now, whichever the person chooses."""
        if (refusal := self.facts.objection(Action.RETRY, self.invoice)) is not None:
            return refusal
        if not self.facts.capabilities[Action.RETRY].takes_method:
            return Refusal(RefusalKind.UNKNOWN_METHOD, {"provider": self.facts.name, "method": ""})
        return self._cool_objection()

    @property
    def confirm_retry(self) -> str | None:
        """The declined method to name in the dialog, where it cannot be read which one a retry would charge."""
        if self.invoice.charge_is_declined_method is None and self.invoice.decline is not None:
            return self.invoice.decline.method_label or "the payment method on file"
        return None


def choices_for(standing: Standing, action: ActionRecord | None, *, is_card: bool, is_private: bool) -> tuple[Choice, ...]:
    """The buttons of a row or card. `action` is the newest decision on the invoice since the offer was drawn."""
    if action is not None and action.state.is_live:
        return (Choice.CHECK,) if action.state in _CHECKABLE else ()
    choices = [Choice(kind.value) for kind in Action if standing.objection(kind, confirmed=True) is None]
    if standing.objection_to_any_retry() is None:
        choices.append(Choice.RETRY_WITH)
    invoice, facts = standing.invoice, standing.facts
    payable = invoice.status in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE} and invoice.owed.minor > 0
    if payable and facts.has_payment_link:
        choices.append(Choice.LINK)
    if is_card and facts.has_pdf and invoice.status is not InvoiceStatus.DRAFT:
        choices.append(Choice.PDF)
    if not is_card:
        choices.append(Choice.SHOW)
    elif is_private:
        choices.append(Choice.SHARE)
    return tuple(choices)
