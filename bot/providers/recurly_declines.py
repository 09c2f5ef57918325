"""What Recurly's transaction errors mean: our class, and a reason that staff can read.

Codes and categories: https://docs.recurly.com/recurly-subscriptions/docs/transaction-errors. The exact code decides, then
its category, then the network's decline code. A stored transaction shows the same codes as its `status_code`, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.domain.decline import Decline, DeclineClass
from bot.providers.recurly_wire import WireCard, WireTransactionError


class Trouble(StrEnum):
    """What stood in the way where it was not the bank."""

    SET_UP = "set_up"
    """The operator's own payment gateway has to be set right."""
    BUSY = "busy"
    """Another attempt is in the way; nothing was charged."""
    TIMED_OUT = "timed_out"
    """The gateway did not answer Recurly: it may have charged."""


_S = DeclineClass.SOFT
_H = DeclineClass.HARD
_N = DeclineClass.NEEDS_NEW_METHOD
_A = DeclineClass.NEEDS_AUTHENTICATION
_U = DeclineClass.UNCLEAR

_SOFT: Final = {
    "declined": "the bank gave no reason",
    "declined_saveable": "the bank gave no reason",
    "insufficient_funds": "insufficient funds",
    "temporary_hold": "the bank has put a temporary hold on the card",
    "try_again": "the bank asks to try again later",
    "too_many_attempts": "there were too many attempts with this card",
    "partial_approval": "the bank approved only a part of the amount",
    "call_issuer": "the bank declined and wants to be called",
    "call_issuer_update_cardholder_data": "the bank declined and wants the customer to call it",
    "processor_not_available": "the card processor was not available",
    "issuer_unavailable": "the bank could not be reached",
    "exceeds_daily_limit": "the card's daily limit is reached",
    "exceeds_max_amount": "the amount is above the card's limit",
    "cancelled": "the payment was cancelled",
    "paypal_primary_declined": "PayPal's first source of money was declined",
    "paypal_declined_use_alternate": "PayPal asks to try another source of money",
    "declined_security_code": "the security code was not accepted",
    "roku_zip_code_mismatch": "the postal code does not match",
    "roku_invalid_card_number": "the card number was not accepted",
    "ach_return": "the bank debit came back",
    "ach_cancel": "the bank debit was cancelled",
    "ach_chargeback": "the bank debit was charged back",
    "ach_credit_return": "the bank debit came back",
    "ach_validation_exception": "the bank debit could not be validated",
    "ach_exception": "the bank debit failed",
    "no_gateway_found_for_transaction_amount": "no payment gateway takes this amount",
    "merch_max_transaction_limit_exceeded": "your gateway's limit for one payment is reached",
    "batch_processing_error": "an error while the payment was processed",
    "transaction_stale_at_gateway": "the payment grew too old at the gateway",
    "invalid_payment_method": "the payment method was not accepted",
    "amazon_declined_review": "Amazon declined the payment",
    "billing_agreement_replaced": "the billing agreement was replaced by another one",
    "simultaneous": "another attempt was under way",
    "duplicate_transaction": "the gateway took it for a repetition of an earlier payment",
}
_NEW_METHOD: Final = {
    "expired_card": "the card has expired",
    "declined_expiration_date": "the expiry date is wrong",
    "declined_card_number": "the card number is wrong",
    "invalid_card_number": "the card number is wrong",
    "invalid_account_number": "the account number is wrong",
    "gateway_token_not_found": "the payment gateway does not know the stored card any more",
    "card_type_not_accepted": "this type of card is not accepted",
    "card_not_activated": "the card is not activated",
    "card_blocked": "the card is blocked",
    "no_billing_information": "no payment method is on file",
    "paypal_invalid_billing_agreement": "the PayPal agreement is not valid",
    "paypal_expired_reference_id": "the PayPal agreement has expired",
    "paypal_account_issue": "there is a problem with the PayPal account",
    "billing_agreement_not_accepted": "the billing agreement was not accepted",
    "billing_agreement_not_found": "the billing agreement is not there any more",
    "invalid_billing_agreement_status": "the billing agreement cannot be used",
    "contract_not_found": "the payment contract is not there any more",
    "direct_debit_type_not_accepted": "this type of bank debit is not accepted",
    "invalid_payment_method_hard": "the payment method cannot be used",
    "roku_invalid_payment_method": "the payment method cannot be used",
    "roku_invalid_cib": "the payment method cannot be used",
    "rjs_token_expired": "the payment details were entered too long ago",
    "invalid_issuer": "the card's bank is not known",
    "payment_not_accepted": "the payment method was not accepted",
    "invalid_name": "the name on the card is wrong",
    "invalid_email": "the e-mail address is wrong",
    "declined_missing_data": "the payment details are not complete",
}
_HARD: Final = {
    "declined_exception": "the bank declined for good",
    "restricted_card": "the card is restricted",
    "restricted_card_chargeback": "the card is restricted after a chargeback",
    "deposit_referenced_chargeback": "the payment was charged back",
    "customer_canceled_transaction": "the customer cancelled the payment",
    "cardholder_requested_stop": "the customer stopped this payment at the bank",
    "lifecycle_decline": "the bank does not allow this payment any more",
    "paypal_hard_decline": "PayPal declined for good",
    "paypal_cannot_pay_self": "a PayPal account cannot pay itself",
    "invalid_transaction": "the bank does not allow this payment",
    "invalid_data": "the payment's data were not accepted",
    "invalid_amount": "the amount was not accepted",
    "invalid_merchant_type": "the bank does not allow this kind of merchant",
    "gateway_validation_exception": "the payment gateway did not accept the payment's data",
    "billing_agreement_already_accepted": "the billing agreement was accepted already",
    "three_d_secure_action_result_token_mismatch": "the customer's confirmation belongs to another payment",
    "authorization_expired": "the authorization has expired",
    "recurring_mandate_cancelled": "the customer cancelled the mandate",
}
_FRAUD: Final = (
    "fraud_address", "fraud_security_code", "fraud_stolen_card", "fraud_ip_address", "fraud_gateway",
    "fraud_too_many_attempts", "fraud_advanced_verification", "fraud_velocity", "fraud_generic", "fraud_address_recurly",
    "fraud_risk_check", "fraud_manual_decision",
)  # fmt: skip
_AUTHENTICATE: Final = (
    "three_d_secure_authentication", "three_d_secure_action_required", "payer_authentication_rejected",
    "three_d_secure_connection_error",
)  # fmt: skip
_DOWN: Final = (
    "gateway_unavailable", "processor_unavailable", "gateway_error", "too_busy", "gateway_rate_limited",
    "moneybot_unavailable", "moneybot_disconnect", "finbot_unavailable", "finbot_disconnect",
    "transaction_service_v2_unavailable", "transaction_service_v2_disconnect", "vaultly_service_unavailable",
    "recurly_failed_to_get_token", "recurly_token_not_found", "recurly_credentials_not_found", "recurly_token_mismatch",
)  # fmt: skip
_SET_UP: Final = (
    "reference_transactions_not_enabled", "invalid_gateway_configuration", "invalid_login", "contact_gateway",
    "cvv_required", "currency_not_supported", "ssl_error", "zero_dollar_auth_not_supported", "no_gateway",
    "gateway_account_setup_incomplete", "ach_transactions_not_supported", "three_d_secure_not_supported",
    "three_d_secure_credential_error", "invalid_gateway_access_token", "api_error", "provisioning_account_error",
    "provisioning_gateway_error", "amazon_order_not_modifiable", "amazon_amount_exceeded",
    "amazon_transaction_count_exceeded", "amazon_not_authorized", "transaction_not_found", "transaction_settled",
    "transaction_already_voided", "transaction_already_refunded", "transaction_failed_to_settle",
    "payment_cannot_void_authorization", "partial_credits_not_supported", "cannot_refund_unsettled_transactions",
    "total_credit_exceeds_capture", "authorization_already_captured", "authorization_amount_depleted",
)  # fmt: skip
_SET_UP_BEGIN: Final = ("amazon_invalid_", "transaction_cannot_be_")
_BUSY: Final[Mapping[str, float]] = {"simultaneous": 10.0, "duplicate_transaction": 120.0}
"""Seconds to wait. The second may be an echo of a payment that did come through, so the invoice is read again first."""

DOWN: Final = "the payment gateway could not be reached"
SET_UP: Final = "your payment gateway is not set up for this payment"

DECLINES: Final[Mapping[str, tuple[DeclineClass, str]]] = {
    **{code: (_S, reason) for code, reason in _SOFT.items()},
    **{code: (_N, reason) for code, reason in _NEW_METHOD.items()},
    **{code: (_H, reason) for code, reason in _HARD.items()},
    **dict.fromkeys(_FRAUD, (_H, "suspected fraud")),
    **dict.fromkeys(_AUTHENTICATE, (_A, "the bank wants the customer to confirm the payment")),
    **dict.fromkeys(_DOWN, (_S, DOWN)),
    **dict.fromkeys(_SET_UP, (_U, SET_UP)),
    "fraud_stolen_card": (_H, "the card is reported lost or stolen"),
    "gateway_timeout": (_U, "the payment gateway did not answer Recurly"),
    **dict.fromkeys(("unknown", "recurly_error", "unmapped_partner_error"), (_U, "Recurly does not know the reason")),
}
"""Recurly's word, our class, our reason. What is here with no class of its own in Recurly's table is UNCLEAR."""

_CATEGORIES: Final[Mapping[str, tuple[DeclineClass, str]]] = {
    "soft": (_S, "the bank declined for now"),
    "hard": (_H, "the bank declined for good"),
    "fraud": (_H, "suspected fraud"),
    "communication": (_S, DOWN),
    "skles": (_S, DOWN),
    "three_d_secure_required": (_A, "the bank wants the customer to confirm the payment"),
    "three_d_secure_action_required": (_A, "the bank wants the customer to confirm the payment"),
    "configuration": (_U, SET_UP),
    "api_error": (_U, SET_UP),
    "amazon": (_U, SET_UP),
    "not_enabled": (_U, SET_UP),
    "not_supported": (_U, SET_UP),
}
"""For a code that is new. What is in neither table is decided by the network's word, else not at all."""

_FINAL: Final = frozenset(
    {
        "do_not_try_again",
        "account_closed",
        "lost_card",
        "stolen_card",
        "pickup_card",
        "fraudulent",
        "cardholder_requested_stop",
    }
)
"""The network's words that outrank whatever Recurly makes of them."""
_NETWORK: Final[Mapping[str, tuple[DeclineClass, str]]] = {
    **dict.fromkeys(
        ("call_issuer", "exceeds_daily_limit", "insufficient_funds", "issuer_unavailable", "try_again", "do_not_honor",
         "generic_decline", "update_cardholder_data"),
        (_S, "the bank declined for now"),
    ),
    **dict.fromkeys(
        ("card_not_activated", "card_not_supported", "expired_card", "incorrect_address", "incorrect_security_code",
         "invalid_number"),
        (_N, "the card or its details are not accepted"),
    ),
    **dict.fromkeys(
        ("invalid_amount", "invalid_transaction", "lifecycle_decline", "policy_decline", "restricted_card",
         "restricted_card_chargeback", "security_decline", *_FINAL),
        (_H, "the bank declined for good"),
    ),
    "requires_3d_secure": (_A, "the bank wants the customer to confirm the payment"),
}  # fmt: skip

_CONFIDENTIAL: Final = frozenset({"lost_card", "stolen_card", "pickup_card", "fraudulent"})
_TIMED_OUT: Final = "gateway_timeout"
_NO_ANSWER: Final = "no_code"


def trouble_of(error: WireTransactionError) -> Trouble | None:
    """What is no decline of a bank, and has another ending than one."""
    code, category = error.code or "", error.category
    if code == _TIMED_OUT:
        return Trouble.TIMED_OUT
    if code in _BUSY:
        return Trouble.BUSY
    if code in DECLINES:
        return Trouble.SET_UP if code in _SET_UP else None
    is_set_up = code.startswith(_SET_UP_BEGIN) or _CATEGORIES.get(category or "") == (_U, SET_UP)
    return Trouble.SET_UP if is_set_up else None


def wait_for(code: str | None) -> float:
    """Seconds until the attempt that is in the way is over."""
    return _BUSY.get(code or "", 10.0)


def decline_of(error: WireTransactionError, card: WireCard | None = None) -> Decline:
    """The decline, also of a stored transaction. `card` is what was charged, where it is known."""
    kind, reason = _meaning(error)
    is_final = error.decline_code in _FINAL
    return Decline(
        kind=_H if is_final else kind,
        code=error.code or error.decline_code or _NO_ANSWER,
        reason=reason,
        confidential=error.decline_code in _CONFIDENTIAL or (error.code or "").startswith("fraud_"),
        method_label=card.label if card else None,
        own_advice=None if is_final else _own_advice(kind, error),
    )


def _meaning(error: WireTransactionError) -> tuple[DeclineClass, str]:
    code = error.code or ""
    if code in DECLINES:
        return DECLINES[code]
    if code.startswith("fraud_"):
        return _CATEGORIES["fraud"]
    if code.startswith(_SET_UP_BEGIN):
        return _U, SET_UP
    by_category = _CATEGORIES.get(error.category or "")
    return by_category or _NETWORK.get(error.decline_code or "") or (_U, "declined for a reason we do not know")


def _own_advice(kind: DeclineClass, error: WireTransactionError) -> str | None:
    reason = _meaning(error)[1]
    if reason == SET_UP:
        return "the customer cannot help here; set the payment gateway right in Recurly first"
    if reason == DOWN:
        return "the bank was not asked; wait some minutes before the next retry"
    if error.code == _TIMED_OUT:
        return "look at the gateway whether it charged before anybody tries again"
    if error.code == "duplicate_transaction":
        return "look at the payment before this one first, and wait some minutes"
    return "the customer should ask the bank; retry a few times at most" if kind is _U else None
