"""What the error codes of Paddle's payment attempts mean: our class, and a reason that staff can read.

https://developer.paddle.com/build/retain/configure-payment-recovery-dunning. Soft and hard are not Paddle's words.
"""

from __future__ import annotations

from typing import Final

from bot.domain.decline import Decline, DeclineClass
from bot.providers.paddle_wire import WirePayment

_SOFT = DeclineClass.SOFT
_HARD = DeclineClass.HARD
_NEW = DeclineClass.NEEDS_NEW_METHOD

DECLINES: Final[dict[str, tuple[DeclineClass, str]]] = {
    # may pass later
    "declined": (_SOFT, "the bank gave no reason"),
    "not_enough_balance": (_SOFT, "insufficient funds"),
    "issuer_unavailable": (_SOFT, "the bank could not be reached"),
    "psp_error": (_SOFT, "an error at the payment processor"),
    "system_error": (_SOFT, "an error at Paddle; the bank was not the reason"),
    "unknown": (_SOFT, "no reason is known"),
    # pointless with this payment method
    "declined_not_retryable": (_HARD, "the bank asks not to try again"),
    "blocked_card": (_HARD, "the card is lost, stolen or blocked"),
    "blocked_by_policy": (_HARD, "the payment is blocked by a policy"),
    "fraud": (_HARD, "suspected fraud"),
    "invalid_amount": (_HARD, "the card does not allow this amount"),
    "transaction_not_permitted": (_HARD, "the card does not allow this payment"),
    "canceled": (_HARD, "the customer withdrew the mandate"),
    # the customer has to enter a payment method
    "expired_card": (_NEW, "the card has expired"),
    "invalid_payment_details": (_NEW, "the details of the payment method are wrong"),
    "redacted_payment_method": (_NEW, "the payment method was deleted"),
    "preferred_network_not_supported": (_NEW, "the card's network is not supported"),
    "prepaid_card_not_supported": (_NEW, "prepaid cards are not supported"),
    # the customer has to confirm
    "authentication_failed": (DeclineClass.NEEDS_AUTHENTICATION, "the customer did not confirm with the bank (3-D Secure)"),
    # of a payment that has ended otherwise
    "already_canceled": (DeclineClass.UNCLEAR, "the payment was canceled already"),
    "already_refunded": (DeclineClass.UNCLEAR, "the payment was refunded already"),
}
"""Paddle's word, our class, our reason. What is not here is UNCLEAR."""
CONFIDENTIAL: Final = frozenset({"blocked_card", "fraud", "blocked_by_policy"})
"""Never to be repeated to the customer, who may be the thief: say "declined"."""
NO_CODE: Final = "no_code"
WAITING: Final = Decline(
    DeclineClass.NEEDS_AUTHENTICATION, "action_required", "the customer's bank wants them to confirm the payment"
)
"""Not a no yet: the attempt waits for the customer."""

_LATER: Final = "give the customer the payment link; a renewal is also tried again by Paddle itself"
_ASK: Final = "give the customer the payment link, or ask them what their bank says"


def decline_of(payment: WirePayment) -> Decline:
    """Of an attempt that ended in an error."""
    return _decline(payment.error_code or NO_CODE, payment.method_id, payment.label)


def decline_by(code: str) -> Decline:
    """Where only the code is known."""
    return _decline(code, None, None)


def waiting_for(payment: WirePayment) -> Decline:
    return Decline(WAITING.kind, WAITING.code, WAITING.reason, method=payment.method_id, method_label=payment.label)


def _decline(code: str, method: str | None, label: str | None) -> Decline:
    kind, reason = DECLINES.get(code, (DeclineClass.UNCLEAR, "declined for a reason we do not know"))
    own = {_SOFT: _LATER, DeclineClass.UNCLEAR: _ASK}.get(kind)
    return Decline(kind, code, reason, confidential=code in CONFIDENTIAL, method=method, method_label=label, own_advice=own)
