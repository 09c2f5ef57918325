"""What a payment that failed at Chargebee means: our class, and a reason that staff can read.

Chargebee passes on what the gateway said. Its own word for the cause is `gateway.<group>.<reason>`, often a vague one; the
gateway's code behind it is mostly an issuer's, as card networks word it.
Causes: https://apidocs.chargebee.com/docs/api/error-handling
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.domain.decline import Decline, DeclineClass
from bot.providers.chargebee_wire import WireError, WireTransaction
from bot.providers.network_advice import NEVER_AGAIN, WAITS, next_step

_SOFT = DeclineClass.SOFT
_HARD = DeclineClass.HARD
_NEW = DeclineClass.NEEDS_NEW_METHOD
_AUTHENTICATE = DeclineClass.NEEDS_AUTHENTICATION
_UNCLEAR = DeclineClass.UNCLEAR

Meaning = tuple[DeclineClass, str]
CONFIRM: Final[Meaning] = (_AUTHENTICATE, "the bank wants the customer to confirm the payment")
DECLINES: Final[dict[str, Meaning]] = {
    # may pass later
    "insufficient_funds": (_SOFT, "insufficient funds"),
    "try_again_later": (_SOFT, "the bank asks to try again later"),
    "processing_error": (_SOFT, "an error while the card was processed"),
    "issuer_not_available": (_SOFT, "the bank could not be reached"),
    "reenter_transaction": (_SOFT, "the bank could not process the payment"),
    "withdrawal_count_limit_exceeded": (_SOFT, "the card's limit is reached"),
    "card_velocity_exceeded": (_SOFT, "the card's limit of amount or number of payments is reached"),
    "approve_with_id": (_SOFT, "the bank could not authorize the payment"),
    # the bank keeps its reason to itself
    "generic_decline": (_SOFT, "the bank gave no reason"),
    "do_not_honor": (_SOFT, "the bank gave no reason"),
    "card_declined": (_SOFT, "the bank gave no reason"),
    # pointless with this payment method
    "fraudulent": (_HARD, "suspected fraud"),
    "lost_card": (_HARD, "the card is reported lost"),
    "stolen_card": (_HARD, "the card is reported stolen"),
    "pickup_card": (_HARD, "the card may not be used; it may be lost or stolen"),
    "restricted_card": (_HARD, "the card is restricted"),
    "revocation_of_authorization": (_HARD, "the customer revoked the authorization"),
    "revocation_of_all_authorizations": (_HARD, "the customer revoked all authorizations"),
    "stop_payment_order": (_HARD, "the customer stopped this payment at the bank"),
    "security_violation": (_HARD, "the bank saw a security problem"),
    "transaction_not_allowed": (_HARD, "the bank does not allow this payment"),
    "do_not_try_again": (_HARD, "the bank asks not to try again"),
    "merchant_blacklist": (_HARD, "the card is on your block list"),
    # the customer has to enter a payment method
    "expired_card": (_NEW, "the card has expired"),
    "incorrect_number": (_NEW, "the card number is wrong"),
    "invalid_number": (_NEW, "the card number is wrong"),
    "invalid_account": (_NEW, "the card or its account is not valid"),
    "invalid_expiry_month": (_NEW, "the expiry month is wrong"),
    "invalid_expiry_year": (_NEW, "the expiry year is wrong"),
    "incorrect_cvc": (_NEW, "the security code is wrong"),
    "invalid_cvc": (_NEW, "the security code is wrong"),
    "card_not_supported": (_NEW, "the card does not support this kind of payment"),
    "currency_not_supported": (_NEW, "the card does not support this currency"),
    "new_account_information_available": (_NEW, "the card or its account has changed"),
    "payment_method_not_present": (_NEW, "no payment method is on file"),
    "payment_method_verification_failed": (_NEW, "the payment method could not be verified"),
    # the customer has to confirm
    "authentication_required": CONFIRM,
    "authentication_not_handled": CONFIRM,
    "payment_intent_invalid": CONFIRM,
    "payment_intent_invalid_amount": CONFIRM,
}
"""A gateway's word, or one of Chargebee's own about the payment method, our class, our reason."""

CAUSES: Final[dict[str, Meaning]] = {
    "gateway.transaction_processing.low_balance": (_SOFT, "insufficient funds"),
    "gateway.general.decline": (_SOFT, "the bank gave no reason"),
    "gateway.transaction_processing.invalid_transaction": (_SOFT, "the bank could not process the payment"),
    "gateway.transaction_processing.resource_missing": (_NEW, "the payment method is gone at the payment gateway"),
    "gateway.transaction_processing.payment_intent_unexpected_state": (
        _UNCLEAR,
        "the payment was in a state that the gateway did not expect",
    ),
    "gateway.transaction_processing.payment_code_incorrect": (_UNCLEAR, "the gateway refused how the debit was asked for"),
}
"""Chargebee's word for the cause, our class, our reason."""
SET_UP: Final = "gateway.merchant_account."
TECHNICAL: Final = "gateway.technical."
_GROUPS: Final[dict[str, Meaning]] = {
    SET_UP: (_UNCLEAR, "the payment gateway is not set up for this payment"),
    TECHNICAL: (_SOFT, "the payment gateway had a technical problem"),
}
CONFIDENTIAL: Final = frozenset({"lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist"})
"""Never to be repeated to the customer, who may be the thief: say "declined"."""

_NO_REASON = "gateway.general.decline"
_VAGUE = frozenset({"card_declined", "generic_decline"})
_KEPT = frozenset({"generic_decline", "do_not_honor", "card_declined", _NO_REASON})
"""The bank keeps its reason to itself."""
_SPOKEN_OF = ("3ds", "3d secure", "authentication")
_MEND = "check the settings of the payment gateway in Chargebee before another retry"
_ASK_THE_BANK = "the customer should ask the bank; retry a few times at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """All that is told of one payment that failed; `words` with the most telling one first."""

    cause: str | None
    words: list[str]
    text: str = ""
    advice: str | None = None


def decline_of(transaction: WireTransaction) -> Decline:
    """The decline of a transaction that failed."""
    detail = transaction.error_detail
    words = [detail.decline_code if detail else None, transaction.error_code, detail.error_code if detail else None]
    texts = [transaction.error_text, detail.error_message if detail else None, detail.decline_message if detail else None]
    said = _Said(
        cause=detail.error_cause_id if detail else None,
        words=[word.lower() for word in words if word],
        text=" ".join(text for text in texts if text),
        advice=detail.processor_advice_code if detail else None,
    )
    return _decline(said, transaction.payment_source_id, transaction.method_label)


def decline_of_error(error: WireError, method: str | None = None, label: str | None = None) -> Decline:
    """The decline that a refusal tells, where its transaction cannot be read."""
    code = error.api_error_code if error.api_error_code in DECLINES else None
    words = [code] if code else []
    return _decline(_Said(cause=error.error_cause_id, words=words, text=error.message or ""), method, label)


def _decline(said: _Said, method: str | None, label: str | None) -> Decline:
    code, (kind, reason) = _meaning(said)
    if said.advice in NEVER_AGAIN:
        kind = _HARD
    return Decline(
        kind=kind,
        code=code,
        reason=reason,
        confidential=code in CONFIDENTIAL,
        method=method,
        method_label=label if method else None,
        own_advice=_own_advice(kind, code, said),
        wait=None if kind.blocks_same_method else WAITS.get(said.advice or ""),
    )


def _meaning(said: _Said) -> tuple[str, Meaning]:
    """The most telling of cause, word and text. A cause that would let the same method be tried again gives way to a
    gateway's word, which may know better; a vague word gives way to a text that speaks of authentication."""
    cause, found = said.cause or "", _of_cause(said.cause or "")
    if found is not None and found[0] is not _SOFT:
        return cause, found
    word = next((one for one in said.words if one in DECLINES), None)
    speaks = any(one in said.text.lower() for one in _SPOKEN_OF)
    if speaks and (word is None or word in _VAGUE):
        return "authentication_required", CONFIRM
    if word is not None and (word not in _VAGUE or cause in {"", _NO_REASON}):
        return word, DECLINES[word]
    if found is not None:
        return cause, found
    code = next(iter(said.words), None) or said.cause or "no_code"
    return code, (_UNCLEAR, "declined for a reason we do not know")


def _of_cause(cause: str) -> Meaning | None:
    group = next((meaning for prefix, meaning in _GROUPS.items() if cause.startswith(prefix)), None)
    return CAUSES.get(cause) or group


def _own_advice(kind: DeclineClass, code: str, said: _Said) -> str | None:
    if kind not in {_SOFT, _UNCLEAR}:
        return None
    if said.advice in WAITS:
        return next_step(said.advice)
    if code.startswith(SET_UP) or code.endswith(".payment_code_incorrect"):
        return _MEND
    return _ASK_THE_BANK if code in _KEPT else None
