"""How an attempt ended, as transactions show it: in the answer itself, or in a read after an answer that was lost.

A decline is a normal answer, and so is the next read: a retry leaves a new transaction whatever became of it.
https://developer.paypal.com/braintree/docs/reference/general/statuses#transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.invoice import Invoice, InvoiceStatus, PaymentState
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.providers.braintree_declines import DUPLICATE, SEEN_BEFORE, STATE_CODES, decline_of
from bot.providers.braintree_facts import FACTS
from bot.providers.braintree_invoices import AUTHORIZED, COLLECTED, DECLINED, IN_FLIGHT, VOIDED, WAITING, Seen
from bot.providers.braintree_wire import WireTransaction

BEFORE: Final = timedelta(seconds=60)
"""A charge made this long before our send may be ours: clocks differ."""
AFTER: Final = FACTS.settle_after + timedelta(seconds=90)
LOOKED_AT: Final = 10
"""Of a subscription's newest transactions; more than these within minutes of a send is no life of a subscription."""
ONLY_AUTHORIZED: Final = (
    "Braintree only authorized the payment, and no money moves. Capture it in the control panel, or let it expire."
)
_DISABLED: Final = "MANUAL_TRANSACTIONS_DISABLED"


@dataclass(frozen=True, slots=True)
class New:
    """Transactions that were not there before a send, newest first."""

    ours: Sequence[WireTransaction]
    """Made through the API while our send was under way, over its amount."""
    unclear: bool
    """Whether one may be ours and does not tell."""
    others: Sequence[WireTransaction]


def is_duplicate(transaction: WireTransaction) -> bool:
    return transaction.status == "GATEWAY_REJECTED" and transaction.newest.gateway_rejection_reason == DUPLICATE


def charged(transaction: WireTransaction, request_id: str | None = None, *, ours: bool = True) -> Outcome:
    """The ending that a charge's own transaction tells; a duplicate needs a look at what it repeats."""
    status = transaction.status
    if status in COLLECTED:
        return Succeeded(charged=transaction.money if ours else None, ours=ours, request_id=request_id)
    if status == AUTHORIZED:
        return Pending(detail=ONLY_AUTHORIZED, request_id=request_id)
    if status in WAITING:
        return Pending(detail="The bank is processing the payment.", request_id=request_id)
    if status in DECLINED:
        return _refused(transaction, request_id)
    if status in {VOIDED, "AUTHORIZATION_EXPIRED"}:
        said = "was voided" if status == VOIDED else "expired before it was collected"
        return _not_applied(None, f"The payment {said}; no money was taken.", request_id)
    return Unknown(cause="Braintree shows the payment in a state that is not known", request_id=request_id)


def duplicate(original: WireTransaction | None, request_id: str | None = None) -> Outcome:
    """Braintree refused a charge because it repeats `original`; None: which one it was cannot be read."""
    if original is not None and original.status in COLLECTED:
        detail = "charged moments before by another request, which Braintree did not let be repeated"
        return Succeeded(ours=False, detail=detail, request_id=request_id)
    return Rejected(
        reason=RejectedReason.NOT_ACTIONABLE,
        detail="Braintree refused it as a repetition of a charge made moments before. Look at that one first.",
        request_id=request_id,
    )


def flown(action: Action, transaction: WireTransaction, request_id: str | None = None) -> Outcome:
    """What a void or a capture answered."""
    if action is Action.VOID and transaction.status == VOIDED:
        return Succeeded(request_id=request_id)
    if action is Action.FINALIZE and transaction.status in COLLECTED:
        return Succeeded(request_id=request_id)
    if action is Action.FINALIZE and transaction.status in WAITING:
        return Pending(detail="The bank is processing the payment.", request_id=request_id)
    if action is Action.FINALIZE and transaction.status in DECLINED:
        return Declined(decline=decline_of(transaction), request_id=request_id)
    said = transaction.status.replace("_", " ").lower()
    return Unknown(cause=f"Braintree shows the payment as {said}", request_id=request_id)


def flown_later(attempt: Attempt, transaction: WireTransaction | None, invoice: Invoice) -> Outcome:
    """What a later read tells of a void or a capture."""
    if transaction is None:
        return Unknown(cause="Braintree does not show the payment any more")
    outcome = flown(attempt.action, transaction)
    is_before = transaction.status in IN_FLIGHT or attempt.action is Action.VOID or transaction.status == VOIDED
    if isinstance(outcome, Unknown) and (is_before or transaction.status == "AUTHORIZATION_EXPIRED"):
        said = transaction.status.replace("_", " ").lower()
        return _not_applied(invoice, f"Braintree shows no effect: the payment is {said}.")
    return outcome


def charged_later(attempt: Attempt, seen: Seen, original: WireTransaction | None) -> Outcome:
    """What a later read tells of a retry, against what the guard read saw. `original` is what our newest charge repeats,
    where it was refused as a duplicate."""
    new, invoice = new_since(attempt, seen), seen.invoice
    moved = [one for one in new.ours if one.status in COLLECTED] or [one for one in new.ours if one.status in IN_FLIGHT]
    if moved:
        is_clear = not any(is_duplicate(one) for one in new.ours)
        return _with(charged(moved[0], ours=is_clear), invoice)
    is_over = seen.wire.status in {"ACTIVE", "EXPIRED"}
    if invoice.status is InvoiceStatus.PAID or (is_over and any(one.status in COLLECTED for one in new.others)):
        return Succeeded(invoice=invoice, ours=False)
    if invoice.payment is PaymentState.PROCESSING and invoice.newest_charge != attempt.before.newest_charge:
        return Pending(detail="Another payment of this subscription is being processed.", invoice=invoice)
    if new.ours:
        return _refused_later(new.ours[0], invoice, original)
    if new.unclear or _was_reduced(attempt, seen, new):
        return Unknown(cause="a charge is there of which Braintree does not tell who made it")
    return _not_applied(invoice, f"Braintree shows no charge of ours: {invoice.label} is {invoice.provider_status}.")


def new_since(attempt: Attempt, seen: Seen) -> New:
    """Those above the baseline; where that is not in sight, those of the time of the send."""
    known = attempt.before.newest_charge
    ids = seen.wire.charges[: len(seen.newest)]
    above = ids.index(known) if known in ids else len(ids)
    newest, ours, others, unclear = seen.newest[:above], [], [], False
    for one in newest:
        if one is None:
            unclear = True
        elif not _is_of_the_time(attempt, one):
            others.append(one)
        elif one.source == "API" and _is_over(attempt, one):
            ours.append(one)
        else:
            unclear = unclear or one.source in {None, "UNKNOWN"}
            others.append(one)
    return New(ours, unclear, others)


def _is_of_the_time(attempt: Attempt, one: WireTransaction) -> bool:
    return one.at is None or attempt.first_sent_at - BEFORE <= one.at <= attempt.last_sent_at + AFTER


def _is_over(attempt: Attempt, one: WireTransaction) -> bool:
    """Over the amount that we asked for; an amount that cannot be read speaks against nothing."""
    return one.money is None or one.money == attempt.before.owed


def _was_reduced(attempt: Attempt, seen: Seen, new: New) -> bool:
    """A balance that went down without a payment in sight; what becomes of it when a subscription is canceled is not
    documented."""
    if seen.wire.status == "CANCELED":
        return False
    owed, before = seen.invoice.owed, attempt.before.owed
    is_less = owed.currency == before.currency and owed < before
    return is_less and not any(one.status in COLLECTED for one in new.others)


def _refused_later(one: WireTransaction, invoice: Invoice, original: WireTransaction | None) -> Outcome:
    if not is_duplicate(one):
        return _with(charged(one), invoice)
    outcome = duplicate(original)
    if isinstance(outcome, Rejected):
        return _not_applied(invoice, outcome.detail)
    return _with(outcome, invoice)


def _refused(transaction: WireTransaction, request_id: str | None) -> Outcome:
    """Braintree's no, which mostly is the bank's."""
    decline = decline_of(transaction)
    if decline.code == SEEN_BEFORE:
        return Pending(
            detail="The processor has seen the same charge shortly before; it is read again.", request_id=request_id
        )
    if decline.code in STATE_CODES:
        detail = "The processor refuses it because of an earlier payment; look at it in the control panel."
        return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, request_id=request_id)
    if decline.code == _DISABLED:
        detail = "This merchant account may not make such transactions; allow it in the control panel."
        return Rejected(reason=RejectedReason.FORBIDDEN, detail=detail, request_id=request_id)
    return Declined(decline=decline, request_id=request_id)


def _with(outcome: Outcome, invoice: Invoice) -> Outcome:
    """The ending with the invoice as it was read."""
    match outcome:
        case Succeeded(charged=money, ours=ours, detail=detail):
            return Succeeded(invoice=invoice, charged=money, ours=ours, detail=detail)
        case Pending(detail=detail):
            return Pending(detail=detail, invoice=invoice)
        case Declined(decline=decline):
            return Declined(decline=decline, invoice=invoice)
        case Rejected(detail=detail):
            return _not_applied(invoice, detail)
        case Unknown():
            return outcome


def _not_applied(invoice: Invoice | None, detail: str, request_id: str | None = None) -> Rejected:
    return Rejected(reason=RejectedReason.NOT_APPLIED, detail=detail, invoice=invoice, request_id=request_id)
