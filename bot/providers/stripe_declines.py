"""What Stripe's decline codes mean: our class, and a reason that staff can read.

Codes: https://docs.stripe.com/declines/codes and https://docs.stripe.com/error-codes. Soft and hard are not Stripe's words;
the grouping follows its advice on what to do next.
"""

from __future__ import annotations

from typing import Final

from bot.domain.decline import Decline, DeclineClass
from bot.domain.invoice import PaymentMethod
from bot.providers.network_advice import NEVER_AGAIN, WAITS, class_by, next_step
from bot.providers.stripe_wire import WireError

_SOFT = DeclineClass.SOFT
_HARD = DeclineClass.HARD
_NEW = DeclineClass.NEEDS_NEW_METHOD
_AUTHENTICATE = DeclineClass.NEEDS_AUTHENTICATION

DECLINES: Final[dict[str, tuple[DeclineClass, str]]] = {
    # may pass later
    "insufficient_funds": (_SOFT, "insufficient funds"),
    "card_velocity_exceeded": (_SOFT, "the card's limit of amount or number of payments is reached"),
    "withdrawal_count_limit_exceeded": (_SOFT, "the card's limit is reached"),
    "approve_with_id": (_SOFT, "the bank could not authorize the payment"),
    "issuer_not_available": (_SOFT, "the bank could not be reached"),
    "processing_error": (_SOFT, "an error while the card was processed"),
    "reenter_transaction": (_SOFT, "the bank could not process the payment"),
    "try_again_later": (_SOFT, "the bank asks to try again later"),
    "no_action_taken": (_SOFT, "the bank took no action"),
    "duplicate_transaction": (_SOFT, "a payment of the same amount was made very recently"),
    "card_decline_rate_limit_exceeded": (_SOFT, "this card was declined too often"),
    "payment_intent_rate_limit_exceeded": (_SOFT, "this payment was tried too often"),
    # the bank keeps its reason to itself
    "generic_decline": (_SOFT, "the bank gave no reason"),
    "do_not_honor": (_SOFT, "the bank gave no reason"),
    "call_issuer": (_SOFT, "the bank declined and wants to be called"),
    "service_not_allowed": (_SOFT, "the bank gave no reason"),
    "not_permitted": (_SOFT, "the bank does not permit this payment"),
    "testmode_decline": (_SOFT, "a test card was used"),
    # pointless with this payment method
    "lost_card": (_HARD, "the card is reported lost"),
    "stolen_card": (_HARD, "the card is reported stolen"),
    "pickup_card": (_HARD, "the card may not be used; it may be lost or stolen"),
    "fraudulent": (_HARD, "suspected fraud"),
    "merchant_blacklist": (_HARD, "the card is on your block list"),
    "highest_risk_level": (_HARD, "blocked because of its risk"),
    "revocation_of_authorization": (_HARD, "the customer revoked the authorization"),
    "revocation_of_all_authorizations": (_HARD, "the customer revoked all authorizations"),
    "stop_payment_order": (_HARD, "the customer stopped this payment at the bank"),
    "transaction_not_allowed": (_HARD, "the bank does not allow this payment"),
    "do_not_try_again": (_HARD, "the bank asks not to try again"),
    "restricted_card": (_HARD, "the card is restricted"),
    "security_violation": (_HARD, "the bank saw a security problem"),
    "invalid_account": (_HARD, "the card or its account is not valid"),
    "new_account_information_available": (_HARD, "the card or its account has changed"),
    "card_not_supported": (_HARD, "the card does not support this kind of payment"),
    "currency_not_supported": (_HARD, "the card does not support this currency"),
    "pin_try_exceeded": (_HARD, "the PIN was entered wrongly too often"),
    "invalid_amount": (_HARD, "the amount is not valid or above the card's limit"),
    # the customer has to enter a payment method
    "expired_card": (_NEW, "the card has expired"),
    "expired_payment_method": (_NEW, "the payment method has expired"),
    "incorrect_number": (_NEW, "the card number is wrong"),
    "invalid_number": (_NEW, "the card number is wrong"),
    "incorrect_cvc": (_NEW, "the security code is wrong"),
    "invalid_cvc": (_NEW, "the security code is wrong"),
    "invalid_expiry_month": (_NEW, "the expiry month is wrong"),
    "invalid_expiry_year": (_NEW, "the expiry year is wrong"),
    "incorrect_zip": (_NEW, "the postal code is wrong"),
    "incorrect_postal_code": (_NEW, "the postal code is wrong"),
    "incorrect_address": (_NEW, "the address is wrong"),
    "missing": (_NEW, "no payment method is on file"),
    "payment_method_unactivated": (_NEW, "the payment method is not activated"),
    "bank_account_declined": (_NEW, "the bank account cannot be used"),
    "bank_account_unusable": (_NEW, "the bank account cannot be used"),
    "account_closed": (_NEW, "the bank account is closed"),
    "debit_not_authorized": (_NEW, "the customer did not authorize the debit"),
    "payment_method_not_available": (_NEW, "the payment method is not available"),
    "payment_method_customer_decline": (_NEW, "the customer declined the payment"),
    # the customer has to confirm
    "authentication_required": (_AUTHENTICATE, "the bank wants the customer to confirm the payment"),
    "invoice_payment_intent_requires_action": (_AUTHENTICATE, "the bank wants the customer to confirm the payment"),
    "payment_intent_action_required": (_AUTHENTICATE, "the bank wants the customer to confirm the payment"),
}
"""Stripe's word, our class, our reason. What is not here is UNCLEAR."""

CONFIDENTIAL: Final = frozenset({"lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist"})
"""Never to be repeated to the customer, who may be the thief: say "declined"."""

NOT_TRIED_AGAIN: Final = frozenset(
    {
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "authentication_required",
        "highest_risk_level",
        "transaction_not_allowed",
    }
)
"""Codes after which Stripe itself tries nothing without another payment method, whatever the advice says.
https://docs.stripe.com/billing/revenue-recovery/smart-retries"""

WAIT_A_DAY: Final = frozenset({"card_decline_rate_limit_exceeded", "payment_intent_rate_limit_exceeded"})

_ASK_THE_BANK = frozenset(
    {"generic_decline", "do_not_honor", "call_issuer", "service_not_allowed", "not_permitted", "testmode_decline"}
)
_ADVICE = {"try_again_later": _SOFT, "confirm_card_data": _NEW}


def decline_of(error: WireError, *, fallback: PaymentMethod | None = None) -> Decline:
    """The decline in Stripe's error object. `fallback` is the method that was asked for, should the error name none."""
    code, known = _code(error)
    kind, reason = known or (DeclineClass.UNCLEAR, "declined for a reason we do not know")
    method = error.declined_method or fallback
    advised = _advised(kind, code, error)
    return Decline(
        kind=advised,
        code=code,
        reason=reason,
        confidential=code in CONFIDENTIAL,
        method=method.id if method else None,
        method_label=method.label if method else None,
        own_advice=_own_advice(advised, code, error),
        wait=None if advised.blocks_same_method else WAITS.get(error.network_advice_code or ""),
    )


def decline_without_error(code: str, method: str | None = None) -> Decline:
    """A decline that shows in the state of the payment alone, where Stripe gives no error object."""
    return decline_of(WireError(code=code), fallback=PaymentMethod(method, method) if method else None)


def _code(error: WireError) -> tuple[str, tuple[DeclineClass, str] | None]:
    """The most telling word: the decline code, else the error code; a known one before an unknown one."""
    words = [word for word in (error.decline_code, error.code) if word]
    for word in words:
        if word in DECLINES:
            return word, DECLINES[word]
    return (words[0] if words else "no_code"), None


def _advised(kind: DeclineClass, code: str, error: WireError) -> DeclineClass:
    """Advice outranks the code, a final no outranks all; nothing softens what Stripe would not try again."""
    if error.advice_code == "do_not_try_again" or error.network_advice_code in NEVER_AGAIN:
        return _HARD
    advised = _ADVICE.get(error.advice_code or "") or class_by(error.network_advice_code)
    if advised is None or (advised is _SOFT and code in NOT_TRIED_AGAIN):
        return kind
    return advised


def _own_advice(advised: DeclineClass, code: str, error: WireError) -> str | None:
    if advised not in {_SOFT, DeclineClass.UNCLEAR}:
        return None
    if (said := next_step(error.network_advice_code)) is not None:
        return said
    if code in WAIT_A_DAY:
        return "wait a day before the next retry"
    if code in _ASK_THE_BANK:
        return "the customer should ask the bank; retry a few times at most"
    return None
