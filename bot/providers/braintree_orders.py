"""What is sent to Braintree for a decision, and why nothing is: https://developer.paypal.com/braintree/graphql/reference"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.outcome import Rejected, RejectedReason
from bot.ports import ActionOrder
from bot.providers.braintree_facts import FACTS, LEGACY_ID
from bot.providers.braintree_invoices import AUTHORIZED, Seen, may_be_voided
from bot.providers.braintree_queries import CAPTURE, CAPTURE_FIELD, CHARGE, CHARGE_FIELD, VOID, VOID_FIELD
from bot.providers.braintree_wire import written
from bot.providers.orders import objection_by_state, unusable

_KEY: Final = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Send:
    """One mutation; `root` is where its answer stands."""

    root: str
    document: str
    input: Mapping[str, object] = field(repr=False)

    @property
    def body(self) -> Mapping[str, object]:
        return {"query": self.document, "variables": {"input": dict(self.input)}}


def charge(order: ActionOrder, subscription: str) -> Send:
    """`submitForSettlement` is always true: without it Braintree only authorizes. The mutation takes no key; the id that it
    echoes helps Braintree's support to find the request."""
    given = {
        "clientMutationId": order.key,
        "subscriptionId": subscription,
        "amount": written(order.expected),
        "submitForSettlement": True,
    }
    return Send(CHARGE_FIELD, CHARGE, given)


def on_transaction(order: ActionOrder, transaction: str) -> Send:
    """A void or a capture of the whole. `reverseTransaction` is never sent: on settled money it would be a refund."""
    given = {"apiRequestKey": order.key, "transactionId": transaction}
    return Send(VOID_FIELD, VOID, given) if order.action is Action.VOID else Send(CAPTURE_FIELD, CAPTURE, given)


def objection(order: ActionOrder) -> Rejected | None:
    """Why nothing may be sent, by what is known already."""
    return objection_by_state(FACTS, order) or _by_details(order) or _by_shape(order) or _by_amount(order)


def objection_to_flight(order: ActionOrder, seen: Seen) -> Rejected | None:
    """Why the money in flight, read this moment, is not what the person decided on or cannot be acted on."""
    invoice, charge = seen.invoice, seen.charge
    if charge is None or charge.id != order.invoice.newest_charge:
        return _not_actionable(f"The newest payment of {invoice.label} is another one by now.", seen)
    is_possible = may_be_voided(charge) if order.action is Action.VOID else charge.status == AUTHORIZED
    if not is_possible:
        said = charge.status.replace("_", " ").lower()
        return _not_actionable(f"The newest payment of {invoice.label} is {said} by now.", seen)
    if invoice.owed != order.expected:
        return _not_actionable(f"The payment is over {invoice.owed}, not {order.expected}.", seen)
    return None


def _by_details(order: ActionOrder) -> Rejected | None:
    match order.action, order.details:
        case Action.FINALIZE, Issue(collect=True):
            return None
        case Action.FINALIZE, _:
            return unusable("Capturing an authorization collects it. Choose to collect it too, or void it.")
        case _, details:
            return unusable("This action takes no such details.") if details else None


def _by_shape(order: ActionOrder) -> Rejected | None:
    if order.method is not None:
        return unusable("Braintree charges the payment method of the subscription and no other.")
    if not re.fullmatch(LEGACY_ID, order.invoice.ref.id):
        return unusable("This is no subscription of Braintree's.")
    return None if _KEY.fullmatch(order.key) else unusable("The attempt has no usable key.")


def _by_amount(order: ActionOrder) -> Rejected | None:
    """A balance grows with every unpaid cycle; what nobody saw is not charged."""
    owed = order.invoice.owed
    if order.expected == owed:
        return None
    detail = f"The balance is {owed} by now, not {order.expected}; look at it again before you charge it."
    return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=order.invoice)


def _not_actionable(detail: str, seen: Seen) -> Rejected:
    return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=seen.invoice)
