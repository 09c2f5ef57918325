"""Domain objects to JSON columns and back, key by key. Rows are data: an older or newer version may have written them, so
unknown keys are ignored, missing ones get the domain's default, and unknown words become the cautious member."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar, assert_never

from bot.domain.decline import Decline, DeclineClass
from bot.domain.details import Details, Issue, PaidBy, Received
from bot.domain.digest import CurrencyTotal, Digest, Gap
from bot.domain.errors import JournalUnavailable
from bot.domain.invoice import (
    CollectionMethod,
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    MethodToCharge,
    NoMethod,
    PaymentMethod,
    PaymentState,
)
from bot.domain.money import Money
from bot.domain.outcome import RejectedReason
from bot.domain.policy import Actor
from bot.domain.records import Before, Ending, ReplyTo, Verdict
from bot.domain.refusal import Refusal, RefusalKind

Json = dict[str, Any]
_Word = TypeVar("_Word", bound=StrEnum)
_Default = TypeVar("_Default")


def word_of(words: type[_Word], text: str | None, other: _Default) -> _Word | _Default:
    """The enum's member for a stored word; `other` where this version does not know it."""
    try:
        return words(text or "")
    except ValueError:
        return other


def _needed(data: Mapping[str, Any], key: str) -> Any:
    if data.get(key) is None:
        raise JournalUnavailable(f"a stored record lacks “{key}”; was it written by another version?")
    return data[key]


def write_moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def read_moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _needed_moment(data: Mapping[str, Any], key: str) -> datetime:
    return datetime.fromisoformat(_needed(data, key))


def write_money(money: Money) -> Json:
    return {"minor": money.minor, "currency": money.currency}


def read_money(data: Mapping[str, Any]) -> Money:
    return Money(_needed(data, "minor"), _needed(data, "currency"))


def write_details(details: Details) -> Json | None:
    """Flat, for these are facts of the audit trail too."""
    match details:
        case Received():
            return {
                "received": str(details.amount),
                "received_minor": details.amount.minor,
                "received_currency": details.amount.currency,
                "paid_by": details.by.value,
                "paid_on": details.on.isoformat(),
                "payment_reference": details.reference,
            }
        case Issue():
            return {"collect": "yes" if details.collect else "no"}
        case None:
            return None
        case _:
            assert_never(details)


def read_details(data: Mapping[str, Any] | None) -> Details:
    if data is None:
        return None
    if "collect" in data:
        return Issue(collect=data["collect"] == "yes")
    if "received_minor" not in data:
        return None
    return Received(
        amount=Money(data["received_minor"], _needed(data, "received_currency")),
        by=word_of(PaidBy, data.get("paid_by"), PaidBy.OTHER),
        on=date.fromisoformat(_needed(data, "paid_on")),
        reference=data.get("payment_reference") or "",
    )


def write_decline(decline: Decline) -> Json:
    return {
        "kind": decline.kind.value,
        "code": decline.code,
        "reason": decline.reason,
        "confidential": decline.confidential,
        "method": decline.method,
        "method_label": decline.method_label,
        "own_advice": decline.own_advice,
        "wait_seconds": decline.wait.total_seconds() if decline.wait is not None else None,
    }


def read_decline(data: Mapping[str, Any]) -> Decline:
    return Decline(
        kind=word_of(DeclineClass, data.get("kind"), DeclineClass.UNCLEAR),
        code=data.get("code") or "unknown",
        reason=data.get("reason") or "no reason given",
        # A reason whose confidentiality is not on record is kept from the customer.
        confidential=data.get("confidential", True),
        method=data.get("method"),
        method_label=data.get("method_label"),
        own_advice=data.get("own_advice"),
        wait=timedelta(seconds=data["wait_seconds"]) if data.get("wait_seconds") else None,
    )


def write_refusal(refusal: Refusal) -> Json:
    return {"kind": refusal.kind.value, "facts": dict(refusal.facts)}


def read_refusal(data: Mapping[str, Any]) -> Refusal:
    return Refusal(
        word_of(RefusalKind, data.get("kind"), RefusalKind.NOT_ACTIONABLE),
        {str(key): str(value) for key, value in (data.get("facts") or {}).items()},
    )


def _write_method(method: MethodToCharge) -> Json | None:
    if isinstance(method, PaymentMethod):
        return {"id": method.id, "label": method.label}
    return None if method is None else {}


def _read_method(data: Mapping[str, Any] | None) -> MethodToCharge:
    if data is None:
        return None
    return PaymentMethod(data["id"], data.get("label") or data["id"]) if data.get("id") else NoMethod()


def write_invoice(invoice: Invoice) -> Json:
    return {
        "account": invoice.ref.account,
        "id": invoice.ref.id,
        "status": invoice.status.value,
        "provider_status": invoice.provider_status,
        "owed": write_money(invoice.owed),
        "live": invoice.live,
        "paid": write_money(invoice.paid) if invoice.paid else None,
        "number": invoice.number,
        "customer_id": invoice.customer_id,
        "customer_name": invoice.customer_name,
        "customer_email": invoice.customer_email,
        "collection": invoice.collection.value,
        "created_at": write_moment(invoice.created_at),
        "due_at": write_moment(invoice.due_at),
        "failed_because": invoice.failed_because,
        "attempts": invoice.attempts,
        "next_attempt_at": write_moment(invoice.next_attempt_at),
        "payment": invoice.payment.value,
        "newest_charge": invoice.newest_charge,
        "newest_charge_at": write_moment(invoice.newest_charge_at),
        "decline": write_decline(invoice.decline) if invoice.decline else None,
        "method": _write_method(invoice.method),
        "dashboard_url": invoice.dashboard_url,
        "seen_at": write_moment(invoice.seen_at),
        "is_unseen": invoice.is_unseen,
    }


def read_invoice(data: Mapping[str, Any]) -> Invoice:
    collection = data.get("collection", CollectionMethod.AUTOMATIC)
    return Invoice(
        ref=InvoiceRef(_needed(data, "account"), _needed(data, "id")),
        status=word_of(InvoiceStatus, data.get("status"), InvoiceStatus.OTHER),
        provider_status=data.get("provider_status") or "",
        owed=read_money(_needed(data, "owed")),
        live=data.get("live", True),
        paid=read_money(data["paid"]) if data.get("paid") else None,
        number=data.get("number"),
        customer_id=data.get("customer_id"),
        customer_name=data.get("customer_name"),
        customer_email=data.get("customer_email"),
        # A way of collecting that this version does not know is not one that it may charge by.
        collection=word_of(CollectionMethod, collection, CollectionMethod.MANUAL),
        created_at=read_moment(data.get("created_at")),
        due_at=read_moment(data.get("due_at")),
        failed_because=word_of(FailedBecause, data.get("failed_because"), None),
        attempts=data.get("attempts"),
        next_attempt_at=read_moment(data.get("next_attempt_at")),
        payment=word_of(PaymentState, data.get("payment"), PaymentState.UNREAD),
        newest_charge=data.get("newest_charge"),
        newest_charge_at=read_moment(data.get("newest_charge_at")),
        decline=read_decline(data["decline"]) if data.get("decline") else None,
        method=_read_method(data.get("method")),
        dashboard_url=data.get("dashboard_url"),
        seen_at=read_moment(data.get("seen_at")),
        is_unseen=data.get("is_unseen", False),
    )


def write_before(before: Before) -> Json:
    return {
        "newest_charge": before.newest_charge,
        "payment": before.payment.value,
        "owed": write_money(before.owed),
        "status": before.status,
        "attempts": before.attempts,
    }


def read_before(data: Mapping[str, Any]) -> Before:
    return Before(
        newest_charge=data.get("newest_charge"),
        payment=word_of(PaymentState, data.get("payment"), PaymentState.UNREAD),
        owed=read_money(_needed(data, "owed")),
        status=data.get("status") or "",
        attempts=data.get("attempts"),
    )


def write_ending(ending: Ending) -> Json:
    return {
        "at": write_moment(ending.at),
        "decline": write_decline(ending.decline) if ending.decline else None,
        "charged": write_money(ending.charged) if ending.charged else None,
        "paid_in_full": ending.paid_in_full,
        "ours": ending.ours,
        "reason": ending.reason,
        "detail": ending.detail,
        "refusal": write_refusal(ending.refusal) if ending.refusal else None,
        "request_id": ending.request_id,
        "verified_by": ending.verified_by,
    }


def read_ending(data: Mapping[str, Any]) -> Ending:
    return Ending(
        at=_needed_moment(data, "at"),
        decline=read_decline(data["decline"]) if data.get("decline") else None,
        charged=read_money(data["charged"]) if data.get("charged") else None,
        paid_in_full=data.get("paid_in_full", True),
        ours=data.get("ours", True),
        reason=word_of(RejectedReason, data.get("reason"), None),
        detail=data.get("detail"),
        refusal=read_refusal(data["refusal"]) if data.get("refusal") else None,
        request_id=data.get("request_id"),
        verified_by=data.get("verified_by"),
    )


def write_verdict(verdict: Verdict) -> Json:
    return {
        "by": verdict.by.user,
        "team": verdict.by.team,
        "which": "done" if verdict.happened else "not_done",
        "note": verdict.note,
        "at": write_moment(verdict.at),
        "reply_to": write_reply_to(verdict.reply_to),
    }


def read_verdict(data: Mapping[str, Any]) -> Verdict:
    return Verdict(
        by=Actor(_needed(data, "by"), _needed(data, "team")),
        happened=_needed(data, "which") == "done",
        note=data.get("note") or "",
        at=_needed_moment(data, "at"),
        reply_to=read_reply_to(_needed(data, "reply_to")),
    )


def write_reply_to(reply_to: ReplyTo) -> Json:
    return {
        "user": reply_to.user,
        "channel": reply_to.channel,
        "ts": reply_to.ts,
        "thread": reply_to.thread,
        "is_ephemeral": reply_to.is_ephemeral,
        "response_url": reply_to.response_url,
        "response_url_until": write_moment(reply_to.response_url_until),
    }


def read_reply_to(data: Mapping[str, Any]) -> ReplyTo:
    return ReplyTo(
        user=_needed(data, "user"),
        channel=_needed(data, "channel"),
        ts=data.get("ts"),
        thread=data.get("thread"),
        is_ephemeral=data.get("is_ephemeral", False),
        response_url=data.get("response_url"),
        response_url_until=read_moment(data.get("response_url_until")),
    )


def write_digest(digest: Digest) -> Json:
    return {
        "plan_name": digest.plan_name,
        "as_of": write_moment(digest.as_of),
        "timezone": digest.timezone,
        "totals": [
            {"total": write_money(each.total), "count": each.count, "below_minimum": each.below_minimum}
            for each in digest.totals
        ],
        "shown": digest.shown,
        "new": digest.new,
        "recovered": digest.recovered,
        "gaps": [{"account": gap.account, "why": gap.why} for gap in digest.gaps],
        "accounts": list(digest.accounts),
        "test_accounts": list(digest.test_accounts),
        "late_since": write_moment(digest.late_since),
        "asked_by": digest.asked_by,
        "quiet_line": digest.quiet_line,
        "watched": sorted(digest.watched),
    }


def read_digest(data: Mapping[str, Any]) -> Digest:
    return Digest(
        plan_name=_needed(data, "plan_name"),
        as_of=_needed_moment(data, "as_of"),
        timezone=data.get("timezone") or "UTC",
        totals=tuple(_read_total(each) for each in data.get("totals") or ()),
        shown=data.get("shown") or 0,
        new=data.get("new"),
        recovered=data.get("recovered"),
        gaps=tuple(Gap(_needed(gap, "account"), gap.get("why") or "") for gap in data.get("gaps") or ()),
        accounts=tuple(data.get("accounts") or ()),
        test_accounts=tuple(data.get("test_accounts") or ()),
        late_since=read_moment(data.get("late_since")),
        asked_by=data.get("asked_by"),
        quiet_line=data.get("quiet_line", True),
        watched=frozenset(data.get("watched") or ()),
    )


def _read_total(data: Mapping[str, Any]) -> CurrencyTotal:
    return CurrencyTotal(
        total=read_money(_needed(data, "total")),
        count=data.get("count") or 0,
        below_minimum=data.get("below_minimum") or 0,
    )
