"""What is sent to Stripe for each action, and what is never sent.

pay        https://docs.stripe.com/api/invoices/pay
send       https://docs.stripe.com/api/invoices/send
finalize   https://docs.stripe.com/api/invoices/finalize
"""

from __future__ import annotations

import re
from typing import Final

from bot.domain.action import Action
from bot.domain.details import Issue, Received
from bot.domain.outcome import Rejected
from bot.ports import ActionOrder
from bot.providers.http import Pairs
from bot.providers.orders import objection_by_state, unusable
from bot.providers.stripe_facts import FACTS

EXPAND: Final = (("expand[]", "payments.data.payment.payment_intent"),)
VERBS: Final = {
    Action.RETRY: "pay",
    Action.RESEND: "send",
    Action.VOID: "void",
    Action.UNCOLLECTIBLE: "mark_uncollectible",
    Action.FINALIZE: "finalize",
    Action.PAID: "pay",
}

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
_METHOD = re.compile(r"[A-Za-z0-9_]{1,255}")


def path_of(order: ActionOrder) -> str:
    """A template with the invoice's id left open; only for an action that FACTS declares."""
    return f"/v1/invoices/{{}}/{VERBS[order.action]}"


def form_of(order: ActionOrder) -> Pairs:
    """Never `forgive` or `off_session`: the amount is Stripe's, a charge is an ordinary one. Only PAID says that the money
    came from elsewhere, and it says nothing else."""
    match order.action, order.details:
        case Action.RETRY, _:
            chosen = [("payment_method", order.method)] if order.method else []
            return [*EXPAND, *chosen]
        case Action.PAID, _:
            return [("paid_out_of_band", "true")]
        case Action.FINALIZE, Issue(collect=collect):
            return [("auto_advance", "true" if collect else "false")]
        case _:
            return []


def objection(order: ActionOrder) -> Rejected | None:
    """Why nothing may be sent. Checked here as well, so that no caller can make Stripe finalize and charge a draft."""
    return objection_by_state(FACTS, order) or _by_details(order) or _by_shape(order)


def _by_details(order: ActionOrder) -> Rejected | None:
    owed = order.invoice.owed
    match order.action, order.details:
        case Action.PAID, Received(amount=amount) if amount != owed:
            return unusable(f"Stripe can mark only the whole {owed} as paid, not {amount}.")
        case (Action.PAID, Received()) | (Action.FINALIZE, Issue()):
            return None
        case Action.PAID, _:
            return unusable("The payment that was received is missing.")
        case Action.FINALIZE, _:
            return unusable("It is missing whether Stripe shall also collect the invoice.")
        case _, details:
            return unusable("This action takes no such details.") if details else None


def _by_shape(order: ActionOrder) -> Rejected | None:
    takes_method = FACTS.capabilities[order.action].takes_method
    if order.method is not None and not (takes_method and _METHOD.fullmatch(order.method)):
        return unusable("This payment method cannot be used here.")
    if not _IDEMPOTENCY_KEY.fullmatch(order.key):
        return unusable("The attempt has no usable key.")
    return None
