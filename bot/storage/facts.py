"""What an audit event says about a decision: ids, words, amounts and a person's own reason; never a customer's name or
address. Nothing can be taken out of the audit trail again, so nothing else goes in."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.approval import Approval
from bot.domain.records import ActionRecord, Before, Claim, Verdict
from bot.ports import Step
from bot.storage import codec

Facts = Mapping[str, object]
_REASON = 500
_TYPED = 100


def of_decision(record: ActionRecord) -> Facts:
    """Who decided what: in every event of a decision, so that each can be read, and exported, alone."""
    return {
        "kind": record.kind,
        "actor": record.actor.user,
        "approver": record.approver,
        "approval": record.approval_id,
        "amount": record.amount,
        "ref": record.ref,
    }


def of_approval(asked: Approval) -> Facts:
    """What somebody asked a second person for; `actor` is who asked, whoever did what the event tells."""
    return {
        "kind": asked.kind,
        "word": asked.kind,
        "actor": asked.asker.user,
        "amount": asked.amount,
        "ref": asked.ref,
        "approval": asked.id,
        "method": asked.method,
        "reason": shortened(asked.reason),
        "role": asked.role,
        "channel": asked.channel,
        "expires": asked.expires_at.isoformat(),
        **(codec.write_details(asked.details) or {}),
    }


def of_press(record: ActionRecord) -> Facts:
    return {
        **of_decision(record),
        "ref": record.ref or _as_typed(record.typed_ref),
        "offer": record.offer_id,
        "method": record.method,
        "reason": shortened(record.reason),
        **(codec.write_details(record.details) or {}),
    }


def of_send(record: ActionRecord, before: Before, key: str, sends: int) -> Facts:
    return {**of_decision(record), "key": key, "sends": sends, **_before(before)}


def of_step(record: ActionRecord, claim: Claim, step: Step) -> Facts:
    """What a decision has come to, with the invoice before and after, as far as it was read."""
    ending, attempt, after = step.ending, claim.attempt, step.invoice
    sent = {"key": attempt.key, "sends": attempt.sends, **_before(attempt.before)} if attempt else {}
    seen = {"status_after": after.status, "owed_after": after.owed, "charge_after": after.newest_charge} if after else {}
    return {
        **of_decision(record),
        "state_before": claim.action.state,
        **sent,
        **seen,
        "charged": ending.charged,
        "proof": None if ending.ours else "the invoice's state",
        "decline": ending.decline.code if ending.decline else None,
        "rejected": ending.reason,
        "request_id": ending.request_id,
        "verified_by": ending.verified_by,
        **step.facts,
    }


def of_verdict(record: ActionRecord, verdict: Verdict) -> Facts:
    """What a second person said about it, and what they saw."""
    return {
        **of_decision(record),
        "which": "done" if verdict.happened else "not_done",
        "verified_by": verdict.by.user,
        "note": shortened(verdict.note),
    }


def shortened(reason: str | None) -> str | None:
    """A person's own words, on one line and of a sensible length."""
    if reason is None:
        return None
    text = " ".join("".join(each if each.isprintable() else " " for each in reason).split())
    return text if len(text) <= _REASON else f"{text[: _REASON - 1]}…"


def _before(before: Before) -> Facts:
    return {"status_before": before.status, "owed_before": before.owed, "charge_before": before.newest_charge}


def _as_typed(text: str | None) -> str | None:
    """What was typed for an invoice, where it looks like an id or a number: without a digit it may be somebody's name."""
    if text is None or "@" in text or not any(each.isdigit() for each in text):
        return None
    return text[:_TYPED]
