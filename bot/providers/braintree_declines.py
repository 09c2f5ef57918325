"""Why Braintree, or a bank behind it, said no: Braintree's codes and our words.

Codes           https://developer.paypal.com/braintree/docs/reference/general/processor-responses/authorization-responses
Rejections      https://developer.paypal.com/braintree/docs/control-panel/transactions/gateway-rejections
"""

from __future__ import annotations

from typing import Final

from bot.domain.decline import Decline, DeclineClass
from bot.providers.braintree_wire import WireEvent, WireTransaction
from bot.providers.network_advice import NEVER_AGAIN, WAITS, class_by, next_step
from bot.providers.wording import scrubbed

_SOFT, _HARD, _NEW = DeclineClass.SOFT, DeclineClass.HARD, DeclineClass.NEEDS_NEW_METHOD
_CONFIRM, _UNCLEAR = DeclineClass.NEEDS_AUTHENTICATION, DeclineClass.UNCLEAR
_STRICTNESS: Final = (_UNCLEAR, _SOFT, _HARD, _NEW, _CONFIRM)
"""Of two readings of one decline the stricter counts; the last two also say what helps."""

SEEN_BEFORE: Final = "2016"
"""The processor has seen the same charge shortly before, so this no may stand beside a yes."""
DUPLICATE: Final = "DUPLICATE"
STATE_CODES: Final = frozenset({"4003", "4004", "4006"})
"""Not the bank's word: the payment was captured or refunded already, or is larger than what was authorized."""
YES_CODES: Final = frozenset({"1000", "1001", "1002", "1003", "1004", "1005", "4000"})

REASONS: Final = {
    "2000": "the bank declined without a reason",
    "2001": "insufficient funds",
    "2002": "the card's limit is exceeded",
    "2003": "the card was used too often lately",
    "2004": "the card has expired",
    "2005": "the card number is wrong",
    "2006": "the expiry date is wrong",
    "2007": "there is no such account",
    "2008": "the account number has the wrong length",
    "2009": "there is no such bank",
    "2010": "the card's security code is wrong",
    "2012": "the card is reported lost; replace the card",
    "2013": "the card is reported stolen; replace the card",
    "2014": "the bank suspects fraud",
    "2015": "the bank does not allow this kind of payment",
    SEEN_BEFORE: "the processor has seen the same charge shortly before",
    "2017": "the cardholder has stopped these payments",
    "2018": "the cardholder has stopped all recurring payments",
    "2022": "the bank has newer card data",
    "2047": "the bank wants the card withdrawn; replace the card",
    "2051": "the card number does not fit the payment method",
    "2053": "the card is reported lost or stolen; replace the card",
    "2070": "the customer has revoked the PayPal agreement",
    "2074": "the customer's PayPal funding source was declined",
    "2075": "the customer's PayPal account is locked or closed",
    "2093": "the PayPal payment method is not valid any more",
    "2099": "the customer's bank wants them to confirm the payment",
    "2107": "the card is not activated",
    "2108": "the card is closed",
    "3000": "the card network could not be reached",
    "4001": "the payment was declined at settlement",
    "4005": "PayPal declined it as a risk",
}
CONFIDENTIAL: Final = frozenset({"2012", "2013", "2014", "2047", "2053", "FRAUD", "RISK_THRESHOLD"})
"""Never to be repeated to the customer, who may be the thief: say "declined"."""

_NEW_METHOD_CODES: Final = frozenset(
    {
        *("2004", "2005", "2006", "2007", "2008", "2009", "2010", "2022", "2051"),
        *("2012", "2013", "2047", "2053"),
        *("2070", "2074", "2075", "2093", "2107", "2108"),
    }
)
_SOFT_CODES: Final = frozenset(
    {
        *("2000", "2001", "2002", "2003", "2025", "2026", "2034", "2035", "2038", "2040", "2042", "2046", "2048", "2057"),
        *("2062", "2078", "2080", "2092", "4001", "4005"),
        *(str(code) for code in range(2101, 2107)),
        *(str(code) for code in range(2109, 3000)),
        *(str(code) for code in range(3000, 4000)),
    }
)
_HARD_CODES: Final = frozenset(str(code) for code in range(2011, 2101)) - _SOFT_CODES - _NEW_METHOD_CODES - {"2016", "2099"}

REJECTIONS: Final = {
    DUPLICATE: (_UNCLEAR, "Braintree took it for a second charge of the same amount and refused it"),
    "CVV": (_NEW, "the card's security code did not fit"),
    "AVS": (_NEW, "the billing address did not fit"),
    "AVS_AND_CVV": (_NEW, "neither the billing address nor the security code fitted"),
    "THREE_D_SECURE": (_CONFIRM, "the customer has to confirm the payment with their bank"),
    "FRAUD": (_HARD, "Braintree suspects fraud"),
    "RISK_THRESHOLD": (_HARD, "it is above the risk that you accept in Braintree"),
    "PAYMENT_METHOD_BLOCKED": (_HARD, "the payment method is blocked in Braintree"),
    "EXCESSIVE_RETRY": (_HARD, "the card network's limit of attempts is reached"),
    "MANUAL_TRANSACTIONS_DISABLED": (_UNCLEAR, "this merchant account may not make such transactions"),
    "APPLICATION_INCOMPLETE": (_HARD, "the merchant account's application is not complete"),
    "TOKEN_ISSUANCE": (_HARD, "Braintree could not make a token for the payment"),
    "TOO_MANY_CONFIRMATION_ATTEMPTS": (_HARD, "the payment was confirmed wrongly too often"),
    "UNION_PAY_ENROLLMENT_REQUIRED": (_HARD, "the UnionPay card has to be enrolled first"),
}

_ADVICE: Final = {
    _HARD: "will not pass with this payment method; ask the customer to store another one on your own site",
    _NEW: "the customer must store a new payment method on your own site",
    _CONFIRM: "the customer must pay on your own site, where their bank can ask them to confirm",
}
_OWN_ADVICE: Final = {
    "3000": "may pass later; the bank was not asked",
    "EXCESSIVE_RETRY": "stop: the card network takes fees for more attempts; ask the customer for another payment method",
    SEEN_BEFORE: "look in the control panel whether the earlier charge went through, before anybody retries",
    DUPLICATE: "look in the control panel at the payment that it repeats",
    "MANUAL_TRANSACTIONS_DISABLED": "allow it in the control panel, or ask Braintree to",
}


def decline_of(transaction: WireTransaction) -> Decline:
    """The decline that a transaction with a bad end tells."""
    event = transaction.newest
    code, kind, reason = _rejected(event) if transaction.status == "GATEWAY_REJECTED" else _declined(event)
    advice = event.merchant_advice_code_response.code if event.merchant_advice_code_response else None
    kind = _advised(kind, advice)
    snapshot, method = transaction.payment_method_snapshot, transaction.payment_method
    return Decline(
        kind=kind,
        code=code,
        reason=reason,
        confidential=code in CONFIDENTIAL,
        method=method.id if method else None,
        method_label=snapshot.label if snapshot else None,
        own_advice=_next_step(kind, code, advice),
        wait=None if kind.blocks_same_method else WAITS.get(advice or ""),
    )


def _rejected(event: WireEvent) -> tuple[str, DeclineClass, str]:
    code = event.gateway_rejection_reason or "GATEWAY_REJECTED"
    kind, reason = REJECTIONS.get(code, (_HARD, "Braintree rejected it before it reached the bank"))
    return code, kind, reason


def _declined(event: WireEvent) -> tuple[str, DeclineClass, str]:
    response = event.processor_response
    code = (response.legacy_code if response else None) or "no_code"
    kind = max(_by_code(code), _by_type(event.decline_type), key=_STRICTNESS.index)
    said = scrubbed(response.message or "") if response else ""
    if code in YES_CODES:
        return code, _UNCLEAR, "Braintree says no with a code that means yes"
    if code == SEEN_BEFORE:
        return code, _UNCLEAR, REASONS[code]
    return code, kind, REASONS.get(code) or _REASON_3000.get(code[:1]) or said or "declined for a reason we do not know"


_REASON_3000: Final = {"3": REASONS["3000"]}


def _by_code(code: str) -> DeclineClass:
    if code in _NEW_METHOD_CODES:
        return _NEW
    if code in _HARD_CODES:
        return _HARD
    if code == "2099":
        return _CONFIRM
    return _SOFT if code in _SOFT_CODES else _UNCLEAR


def _by_type(decline_type: str | None) -> DeclineClass:
    return {"HARD": _HARD, "SOFT": _SOFT}.get(decline_type or "", _UNCLEAR)


def _advised(kind: DeclineClass, advice: str | None) -> DeclineClass:
    """Advice never to try again outranks all that may pass later; nothing softens what is final."""
    advised = class_by(advice)
    if advised is None or kind.blocks_same_method:
        return kind
    return advised if advice in NEVER_AGAIN or advised is not _SOFT or kind is _UNCLEAR else kind


def _next_step(kind: DeclineClass, code: str, advice: str | None) -> str | None:
    own = _OWN_ADVICE.get(code) or (_OWN_ADVICE["3000"] if code[:1] == "3" and code.isdigit() else None)
    if own is not None:
        return own
    return _ADVICE.get(kind) or next_step(advice)
