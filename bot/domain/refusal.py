"""Our own no, given before anything was tried: which rule said it, and the facts that a sentence needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RefusalKind(StrEnum):
    """One member per sentence that a person may read; the sentences are in `handlers.views.refusals`."""

    NO_RIGHT = "no_right"
    WRONG_CHANNEL = "wrong_channel"
    WRONG_ACCOUNT = "wrong_account"
    OVER_LIMIT = "over_limit"
    CURRENCY_NOT_ALLOWED = "currency_not_allowed"
    OVER_DAY = "over_day"
    GUEST = "guest"
    BOT = "bot"
    OTHER_TEAM = "other_team"
    ROLES_UNKNOWN = "roles_unknown"
    OLD_BUTTON = "old_button"
    FOREIGN_BUTTON = "foreign_button"
    ALREADY_RUNNING = "already_running"
    ALREADY_DONE = "already_done"
    BUSY = "busy"
    CHANGED = "changed"
    NOT_SUPPORTED = "not_supported"
    NOT_ACTIONABLE = "not_actionable"
    WRONG_COLLECTION = "wrong_collection"
    COOL_DOWN = "cool_down"
    NETWORK_WAIT = "network_wait"
    ATTEMPTS_SPENT = "attempts_spent"
    CONFIRM_ATTEMPTS = "confirm_attempts"
    SAME_METHOD = "same_method"
    CONFIRM_METHOD = "confirm_method"
    NO_SUCH_INVOICE = "no_such_invoice"
    AMBIGUOUS = "ambiguous"
    BAD_REFERENCE = "bad_reference"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_METHOD = "unknown_method"
    READ_FAILED = "read_failed"
    CONFIRM_SEND = "confirm_send"
    FROZEN = "frozen"
    MISSING_REASON = "missing_reason"
    SECOND_PERSON = "second_person"
    VERDICT_GIVEN = "verdict_given"
    NEEDS_APPROVAL = "needs_approval"
    APPROVAL_WAITING = "approval_waiting"
    APPROVAL_OVER = "approval_over"
    OWN_APPROVAL = "own_approval"
    APPROVER_LOST = "approver_lost"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`facts` are short texts keyed by what they are (`limit`, `ask`, `saw`, `now`, …), never customer data."""

    kind: RefusalKind
    facts: Mapping[str, str] = field(default_factory=dict)
