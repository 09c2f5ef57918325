"""Domain objects to render: one ordinary invoice, Acme's EUR 420.00, and everything that can become of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.domain.action import Action, ActionState
from bot.domain.approval import Approval, ApprovalState
from bot.domain.capability import Capability, ProviderFacts, Resend
from bot.domain.content import (
    AccountHealth,
    AlertContent,
    ApprovalContent,
    CardContent,
    Choice,
    Content,
    DigestContent,
    EndingContent,
    FileContent,
    HistoryContent,
    LinkContent,
    ListContent,
    ListOf,
    RefusalContent,
    Row,
    SaidOf,
    StatusContent,
    WatchContent,
)
from bot.domain.decline import Decline, DeclineClass
from bot.domain.details import Details, Issue, PaidBy, Received
from bot.domain.digest import CurrencyTotal, Digest, Gap
from bot.domain.invoice import CollectionMethod, FailedBecause, Invoice, InvoiceRef, InvoiceStatus, PaymentMethod
from bot.domain.money import Money
from bot.domain.offer import Offer, Place
from bot.domain.outcome import RejectedReason
from bot.domain.policy import Actor
from bot.domain.records import ActionRecord, Ending, HistoryEntry, ReplyTo
from bot.domain.refusal import Refusal, RefusalKind

NOW = datetime(2026, 11, 21, 9, 14, tzinfo=UTC)
ANA = Actor("U0ANA", "T0ACME")
EUR_420 = Money(42000, "EUR")
STANDING_CHOICES = (Choice.RETRY, Choice.VOID, Choice.UNCOLLECTIBLE, Choice.LINK, Choice.SHOW)

FACTS = ProviderFacts(
    slug="stripe",
    name="Stripe",
    docs_url="https://docs.stripe.com",
    capabilities={
        Action.RETRY: Capability(
            frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}),
            "pay",
            "The customer is charged now.",
            frozenset({CollectionMethod.AUTOMATIC}),
            otherwise="Stripe charges nothing here, because the customer pays this invoice themselves.",
            takes_method=True,
        ),
        Action.RESEND: Capability(
            frozenset({InvoiceStatus.OPEN}),
            "send",
            "Stripe e-mails the invoice again.",
            frozenset({CollectionMethod.MANUAL}),
            otherwise="Stripe e-mails an invoice again only where the customer pays it.",
        ),
        Action.FINALIZE: Capability(frozenset({InvoiceStatus.DRAFT}), "finalize", "The draft gets its number."),
        Action.PAID: Capability(
            frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}), "paid out of band", "Stripe stops collecting it."
        ),
        Action.VOID: Capability(
            frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}), "void", "The customer can no longer pay it."
        ),
        Action.UNCOLLECTIBLE: Capability(
            frozenset({InvoiceStatus.OPEN}), "mark_uncollectible", "It can still be paid or voided later."
        ),
    },
    resend=Resend.KEYED,
    key_window=timedelta(hours=24),
    link_hosts=frozenset({"invoice.stripe.com"}),
    id_pattern=r"in_\w+",
    failed_means="open with a failed attempt",
)
SOFT = Decline(
    DeclineClass.SOFT, "insufficient_funds", "insufficient funds", method="pm_1", method_label="visa ending 4242"
)
STOLEN = Decline(
    DeclineClass.HARD, "stolen_card", "the card is reported stolen", confidential=True, method_label="visa ending 4242"
)


BY_BANK = Received(amount=EUR_420, by=PaidBy.BANK_TRANSFER, on=date(2026, 11, 20), reference="RF-18")
_DETAILS: dict[Action, Details] = {Action.PAID: BY_BANK, Action.FINALIZE: Issue(collect=False)}


def an_invoice(**changes: Any) -> Invoice:
    facts: dict[str, Any] = {
        "ref": InvoiceRef("stripe", "in_1AbC"),
        "status": InvoiceStatus.OPEN,
        "provider_status": "open",
        "owed": EUR_420,
        "live": True,
        "number": "INV-0042",
        "customer_name": "Acme GmbH",
        "failed_because": FailedBecause.PAYMENT_FAILED,
        "decline": SOFT,
        "method": PaymentMethod("pm_1", "visa ending 4242"),
        "attempts": 2,
        "created_at": NOW - timedelta(days=12),
        "next_attempt_at": NOW + timedelta(days=3),
    }
    return Invoice(**(facts | changes))


def an_offer(invoice: Invoice | None = None, number: int = 0) -> Offer:
    return Offer(
        id=f"{number:032x}",
        invoice=invoice or an_invoice(),
        actions=0,
        place=Place("message-1", "C0FIN", number),
        made_at=NOW - timedelta(minutes=14),
    )


def a_row(invoice: Invoice | None = None, number: int = 0, **changes: Any) -> Row:
    facts: dict[str, Any] = {"offer": an_offer(invoice, number), "facts": FACTS, "choices": STANDING_CHOICES}
    return Row(**(facts | changes))


def an_action(state: ActionState, kind: Action = Action.RETRY, **changes: Any) -> ActionRecord:
    facts: dict[str, Any] = {
        "id": "1a2b3c4d5e6f",
        "kind": kind,
        "state": state,
        "actor": ANA,
        "reply_to": ReplyTo(user="U0ANA", channel="C0FIN"),
        "created_at": NOW - timedelta(seconds=4),
        "act_by": NOW + timedelta(minutes=10),
        "ref": InvoiceRef("stripe", "in_1AbC"),
        "amount": EUR_420,
        "details": _DETAILS.get(kind),
        "ending": ending_of(state),
    }
    return ActionRecord(**(facts | changes))


_NO_ANSWER = Ending(at=NOW, detail="no answer from Stripe within 90 seconds", request_id="req_8Pq")
_ENDINGS: dict[ActionState, Ending] = {
    ActionState.PENDING: Ending(at=NOW, detail="the bank debit is on its way", request_id="req_8Pq"),
    ActionState.UNKNOWN: _NO_ANSWER,
    ActionState.NEEDS_HUMAN: _NO_ANSWER,
    ActionState.SUCCEEDED: Ending(at=NOW, charged=EUR_420, request_id="req_8Pq"),
    ActionState.DECLINED: Ending(at=NOW, decline=SOFT, request_id="req_8Pq"),
    ActionState.REJECTED: Ending(at=NOW, reason=RejectedReason.UNREACHABLE, detail="Stripe could not be reached."),
    ActionState.REFUSED: Ending(at=NOW, refusal=Refusal(RefusalKind.CHANGED, {"what": "paid"})),
    ActionState.NOT_APPLIED: Ending(at=NOW),
    ActionState.EXPIRED: Ending(at=NOW),
    ActionState.UNSETTLED: Ending(at=NOW, detail="Stripe does not tell whether the e-mail left"),
}


def ending_of(state: ActionState) -> Ending | None:
    """What the worker writes with each state; None before there is anything to write."""
    return _ENDINGS.get(state)


def a_digest(**changes: Any) -> Digest:
    facts: dict[str, Any] = {
        "plan_name": "finance",
        "as_of": NOW,
        "timezone": "Europe/Berlin",
        "totals": (
            CurrencyTotal(total=Money(612000, "EUR"), count=12, below_minimum=2),
            CurrencyTotal(total=Money(12000, "JPY"), count=1),
        ),
        "shown": 2,
        "new": 5,
        "recovered": 3,
        "accounts": ("stripe",),
    }
    return Digest(**(facts | changes))


def contents(row: Row) -> list[Content]:
    """One of each content, all about `row`."""
    invoice = row.invoice
    action = row.action or an_action(ActionState.DECLINED)
    name, label = invoice.customer_name or "", invoice.number or ""
    return [
        DigestContent(
            digest=a_digest(gaps=(Gap("stripe", name or "no answer"),), late_since=NOW, test_accounts=("stripe",)),
            rows=(row, a_row(invoice, 7)),
            definitions=(name or "Stripe: open with a failed attempt",),
        ),
        DigestContent(
            digest=a_digest(totals=(), shown=0, watched=frozenset({str(invoice.ref)})), rows=(row, a_row(invoice, 7))
        ),
        DigestContent(digest=a_digest(totals=(), shown=0, gaps=(Gap("stripe", name or "no answer"),)), rows=()),
        CardContent(row=row, is_private=True),
        CardContent(row=row, is_private=False, shared_by="U0ANA"),
        ListContent(rows=(row,), total=23, words=name, gaps=(("stripe", name),), note=name or None),
        ListContent(rows=(), total=0),
        ListContent(rows=(row,), total=23, of=ListOf.FOUND, words=f"{name} page:2"),
        ListContent(rows=(), total=0, of=ListOf.FOUND, words=name),
        EndingContent(action=action, row=row, is_late=True),
        EndingContent(action=action),
        RefusalContent(refusal=Refusal(RefusalKind.AMBIGUOUS, {"choices": name, "text": label}), reference="1a2b", row=row),
        RefusalContent(refusal=Refusal(RefusalKind.READ_FAILED, {"detail": name}), reference="1a2b"),
        LinkContent(invoice=invoice, url="https://invoice.stripe.com/i/acct_1/test_1?s=ap&x=1"),
        LinkContent(invoice=invoice, url="https://pay.stripe.com/invoice/acct_1/test_1/pdf?s=ap", is_pdf=True),
        FileContent(invoice=invoice, name="invoice.pdf", content=b"%PDF-1.7"),
        *(
            WatchContent(invoice=invoice, is_watched=is_watched, is_news=is_news, facts=row.facts)
            for is_watched in (True, False)
            for is_news in (True, False)
        ),
        HistoryContent(
            ref=str(invoice.ref),
            actions=(action,),
            events=(HistoryEntry(NOW, "press.refused", "U0ANA", {"reference": name, "word": "void", "amount": name}),),
        ),
        HistoryContent(ref=str(invoice.ref), actions=(), events=()),
        StatusContent(
            accounts=(AccountHealth("stripe", "Stripe", live=True, problem=name or None),),
            digests=(("finance", "C0FIN", NOW),),
            open_actions=(action,),
            now=NOW,
        ),
        *approvals(invoice, row.facts, reason=name or None),
        AlertContent(what="question_not_posted", facts={"channel": "C0FIN", "detail": name}),
        AlertContent(what="digest_failed", facts={"digest": "finance", "detail": name}),
        AlertContent(what="digest_not_posted", facts={"channel": "C0FIN", "detail": name}),
        AlertContent(what="other_thing", facts={"name": name}),
    ]


def an_approval(state: ApprovalState = ApprovalState.OPEN, **changes: Any) -> Approval:
    """Ana wants Acme's invoice voided; whoever is in the role lead may agree until tomorrow."""
    has_answer = state in {ApprovalState.APPROVED, ApprovalState.DENIED}
    facts: dict[str, Any] = {
        "id": "b" * 32,
        "ref": InvoiceRef("stripe", "in_1"),
        "kind": Action.VOID,
        "offer_id": "a" * 32,
        "amount": EUR_420,
        "fingerprint": "f" * 64,
        "role": "lead",
        "channel": "C0LEADS",
        "asker": ANA,
        "reply_to": ReplyTo(user=ANA.user, channel="C0FIN"),
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=24),
        "state": state,
        "reason": "ordered twice",
        "answered_by": "U0MAYA" if has_answer else None,
        "answered_at": None if state is ApprovalState.OPEN else NOW,
        "why": "changed" if state is ApprovalState.DEAD else None,
    }
    return Approval(**(facts | changes))


def approvals(invoice: Invoice, facts: ProviderFacts, **changes: Any) -> list[ApprovalContent]:
    """Everything that is said about a question, in every state."""
    return [
        ApprovalContent(
            approval=an_approval(state, ref=invoice.ref, amount=invoice.owed, channel="C0FIN", **changes),
            invoice=invoice,
            facts=facts,
            approvers="<@U0MAYA>",
            said=said,
        )
        for state in ApprovalState
        for said in SaidOf
    ]
