"""What is sent to Paddle for each action, and what is never sent.

cancel, issue   https://developer.paddle.com/api-reference/transactions/update-transaction
credit          https://developer.paddle.com/api-reference/adjustments/create-adjustment
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.outcome import Rejected
from bot.ports import ActionOrder
from bot.providers.orders import objection_by_state, unusable
from bot.providers.paddle_facts import FACTS, TAG, TRANSACTION

ALWAYS_MAILED: Final = (
    "Paddle always e-mails an invoice that it issues, and cannot be told not to. Choose to collect it, or leave it a draft."
)
_KEY = re.compile(r"[!-~]{1,255}")
_MARK = 12


@dataclass(frozen=True, slots=True)
class Send:
    """One request. A body that cancels or issues holds the status and nothing else: Paddle refuses any other field."""

    method: str
    template: str
    ids: Sequence[str] = ()
    body: Mapping[str, object] = field(default_factory=dict, repr=False)


def send_of(order: ActionOrder) -> Send:
    """Only for an action that FACTS declares and `objection` has nothing against."""
    transaction = order.invoice.ref.id
    if order.action is Action.UNCOLLECTIBLE:
        reason = f"{TAG} {order.reason or 'written off'} {marker_of(order.key)}"
        body = {"action": "credit", "type": "full", "transaction_id": transaction, "reason": reason}
        return Send("POST", "/adjustments", (), body)
    status = "billed" if order.action is Action.FINALIZE else "canceled"
    return Send("PATCH", "/transactions/{}", (transaction,), {"status": status})


def marker_of(key: str) -> str:
    """What a credit of ours carries at the end of its reason, beside the tag: the only way to tell it later. The end of a
    key is random, and has to tell apart the credits of one invoice only."""
    return f"[{key[-_MARK:]}]"


def objection(order: ActionOrder) -> Rejected | None:
    """Why nothing may be sent, by what is known already."""
    return objection_by_state(FACTS, order) or _by_details(order) or _by_shape(order)


def _by_details(order: ActionOrder) -> Rejected | None:
    match order.action, order.details:
        case Action.FINALIZE, Issue(collect=collect):
            return None if collect else unusable(ALWAYS_MAILED)
        case Action.FINALIZE, _:
            return unusable("It is missing how the invoice shall be issued.")
        case _, details:
            return unusable("This action takes no such details.") if details else None


def _by_shape(order: ActionOrder) -> Rejected | None:
    if order.method is not None:
        return unusable("Paddle charges no payment method on demand.")
    if not re.fullmatch(TRANSACTION, order.invoice.ref.id):
        return unusable("This is no invoice of Paddle's.")
    return None if _KEY.fullmatch(order.key) else unusable("The attempt has no usable key.")
