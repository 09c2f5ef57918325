"""Which buttons can work on an invoice as it stands: the same rules draw them, and guard the press again later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.action import Action, ActionState
from bot.domain.attempts import Budget, Spent, spent
from bot.domain.capability import ProviderFacts
from bot.domain.content import Choice
from bot.domain.decline import Decline
from bot.domain.invoice import Invoice, InvoiceStatus, PaymentMethod
from bot.domain.records import ActionRecord
from bot.domain.refusal import Refusal, RefusalKind

COOL_DOWN = timedelta(hours=1)
"""One payment attempt per invoice in this time, ours and the provider's own together."""

_CHECKABLE = (ActionState.UNKNOWN, ActionState.PENDING, ActionState.NEEDS_HUMAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An invoice, what its provider can do, and what we did to it: all that the rules look at.

    `retries` are the moments of the last 30 days at which a retry of ours may have reached the bank.
    """

    invoice: Invoice
    facts: ProviderFacts
    now: datetime
    retries: Sequence[datetime] = ()
    budget: Budget = field(default_factory=Budget)

    @property
    def cool_until(self) -> datetime | None:
        """When the next payment attempt with the usual method is possible; None when it is possible now."""
        rest = self._rest(None)
        return rest[0] if rest is not None else None

    @property
    def spent(self) -> Spent | None:
        """The attempts of the last 30 days, where a retry could be made and there were many of them."""
        if self.facts.objection(Action.RETRY, self.invoice) is not None:
            return None
        return self._spent()

    def objection(self, action: Action, method: str | None = None, *, confirmed: bool = False) -> Refusal | None:
        """Why `action` cannot be done now; `method` is another stored method that the person named, `confirmed` that a
        dialog naming the declined method was answered with yes."""
        if (refusal := self.facts.objection(action, self.invoice)) is not None:
            return refusal
        if not action.traits.takes_money:
            return None
        return (
            self._rest_objection(method)
            or self._spent_objection()
            or self._method_objection(method, confirmed=confirmed)
            or self._many_objection(method, confirmed=confirmed)
        )

    def _rest(self, method: str | None) -> tuple[datetime, RefusalKind] | None:
        """The end of the wait that ends last, and which it is; None where nothing has to be waited for."""
        last_retry = max(self.retries, default=None)
        hour = hour_ends(self.invoice, last_retry)
        advised = network_wait_ends(self.invoice, last_retry) if self._is_declined_method(method) else None
        waits = [(hour, RefusalKind.COOL_DOWN), (advised, RefusalKind.NETWORK_WAIT)]
        return max(((at, kind) for at, kind in waits if at is not None and at > self.now), default=None)

    def _is_declined_method(self, method: str | None) -> bool:
        """Whether a retry charges what was declined last, as far as is known; `method` is one that the person named."""
        declined = self.invoice.decline.method if self.invoice.decline else None
        if method is not None:
            return method == declined
        charged = self.invoice.method
        return declined is None or not isinstance(charged, PaymentMethod) or charged.id == declined

    def _rest_objection(self, method: str | None) -> Refusal | None:
        rest = self._rest(method)
        return Refusal(rest[1], {**self._names, "until": rest[0].isoformat()}) if rest is not None else None

    def _spent(self) -> Spent | None:
        return spent(self.invoice, self.retries, self.budget, self.now, lists_ours=self.facts.attempts_list_ours)

    def _spent_objection(self) -> Refusal | None:
        """The card's own count is not known: the limit is the invoice's, whichever method is charged."""
        found = self._spent()
        if found is None or found.at_least < found.limit:
            return None
        until = {"until": found.free_at.isoformat()} if found.free_at is not None else {}
        return Refusal(RefusalKind.ATTEMPTS_SPENT, {**self._names, **_counted(found), **until})

    def _many_objection(self, method: str | None, *, confirmed: bool) -> Refusal | None:
        """A dialog has told the number of attempts; a method that somebody named was tried less often."""
        found = self._spent() if method is None and not confirmed else None
        return Refusal(RefusalKind.CONFIRM_ATTEMPTS, {**self._names, **_counted(found)}) if found is not None else None

    @property
    def _names(self) -> dict[str, str]:
        return {"invoice": self.invoice.label, "ref": str(self.invoice.ref), "provider": self.facts.name}

    def _method_objection(self, method: str | None, *, confirmed: bool) -> Refusal | None:
        decline = self.invoice.decline
        if decline is None or not decline.kind.blocks_same_method:
            return None
        facts = {
            **self._names,
            "detail": decline.reason,
            "kind": decline.kind.value,
            "method": decline.method_label or "",
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
        hour = hour_ends(self.invoice, max(self.retries, default=None))
        if hour is not None and hour > self.now:
            return Refusal(RefusalKind.COOL_DOWN, {**self._names, "until": hour.isoformat()})
        return self._spent_objection()

    @property
    def confirm_retry(self) -> str | None:
        """The declined method to name in the dialog, where it cannot be read which one a retry would charge."""
        if self.invoice.charge_is_declined_method is None and self.invoice.decline is not None:
            return self.invoice.decline.method_label or "the payment method on file"
        return None


def hour_ends(invoice: Invoice, last_retry: datetime | None) -> datetime | None:
    """The end of the hour after the newest attempt, anybody's; it may have gone by."""
    moments = [moment for moment in (last_retry, invoice.newest_charge_at) if moment is not None]
    return max(moments) + COOL_DOWN if moments else None


def network_wait_ends(invoice: Invoice, last_retry: datetime | None) -> datetime | None:
    """The end of what the card's network asked to wait after the newest decline; it may have gone by. Where the charge's
    time cannot be read, that decline is no older than our last retry."""
    wait = invoice.decline.wait if invoice.decline is not None else None
    declined_at = invoice.newest_charge_at or last_retry
    return declined_at + wait if wait is not None and declined_at is not None else None


def retry_possible_at(fresh: Invoice | None, decline: Decline, sent_at: datetime) -> datetime:
    """When the button is back that a decline of ours has taken away; `fresh` is None where nothing was read since."""
    if fresh is None:
        return sent_at + max(COOL_DOWN, decline.wait or COOL_DOWN)
    ends = (hour_ends(fresh, sent_at), network_wait_ends(fresh, sent_at))
    return max(end for end in ends if end is not None)


def _counted(found: Spent) -> dict[str, str]:
    return {"count": str(found.at_least), "limit": str(found.limit)}


def choices_for(standing: Standing, action: ActionRecord | None, *, is_card: bool, is_private: bool) -> tuple[Choice, ...]:
    """The buttons of a row or card. `action` is the newest decision on the invoice since the offer was drawn."""
    if action is not None and action.state.is_live:
        return _open_choices(action)
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


def while_frozen(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """What is left of a row's buttons while nothing may be changed at any provider. A verdict changes nothing there."""
    return tuple(choice for choice in choices if choice.action is None and choice is not Choice.RETRY_WITH)


def _open_choices(action: ActionRecord) -> tuple[Choice, ...]:
    """While a decision is open. Once somebody has verified how it ended, a second word would only be refused."""
    if action.state is ActionState.NEEDS_HUMAN and action.verdict is None:
        return (Choice.CHECK, Choice.VERIFIED, Choice.VERIFIED_NOT)
    return (Choice.CHECK,) if action.state in _CHECKABLE else ()
