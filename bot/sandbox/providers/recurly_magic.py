"""The magic customers of the fake Recurly: whose billing info does what when an invoice is collected."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.providers.magic import Disturbance, Magic, Result

LATE = "charge_late"
BUSY = "busy"
NAMELESS = "no_card"
"""Nothing to charge, and Recurly does not say that."""


@dataclass(frozen=True, slots=True)
class Decline:
    """A no in Recurly's words: https://docs.recurly.com/recurly-subscriptions/docs/transaction-errors"""

    category: str
    message: str
    advice: str
    decline_code: str | None = None
    last_four: str = "0341"
    status: str = "declined"


DECLINES: dict[str, Decline] = {
    "insufficient_funds": Decline(
        "soft",
        "There is not enough money on the card for this payment.",
        "The card does not cover the payment; try again in some days.",
        "insufficient_funds",
        last_four="9995",
    ),
    "declined": Decline("soft", "Your card was declined.", "The bank gave no reason.", "generic_decline"),
    "fraud_stolen_card": Decline(
        "fraud", "Your card was declined.", "The card is reported lost or stolen.", "stolen_card", last_four="9979"
    ),
    "expired_card": Decline("hard", "Your card has expired.", "Ask for a new card.", "expired_card", last_four="0069"),
    "three_d_secure_action_required": Decline(
        "three_d_secure_action_required",
        "Please confirm this payment with your bank.",
        "The gateway wants the customer to confirm with 3-D Secure.",
        "requires_3d_secure",
        last_four="3155",
    ),
    "gateway_timeout": Decline(
        "communication", "The payment could not be completed.", "The gateway did not answer in time.", status="error"
    ),
    "gateway_unavailable": Decline(
        "communication", "The payment could not be completed.", "The gateway could not be reached.", status="error"
    ),
    "no_billing_information": Decline("hard", "There are no payment details.", "The account has no billing info."),
}


def _declining(name: str, code: str, what: str) -> Magic:
    return Magic(name, what, Result.DECLINED, code)


MAGIC: tuple[Magic, ...] = (
    Magic("paid", "The card works: a retry collects the whole balance."),
    _declining("insufficient_funds", "insufficient_funds", "Soft decline: not enough money on the card today."),
    _declining("generic_decline", "declined", "The bank says no and does not say why."),
    _declining("stolen_card", "fraud_stolen_card", "Hard decline: reported stolen. Never tell the customer why."),
    _declining("lost_card", "fraud_stolen_card", "Hard decline: reported lost. Never tell the customer why."),
    _declining("expired_card", "expired_card", "The card has expired: a new payment method is needed."),
    _declining("gateway_unavailable", "gateway_unavailable", "Recurly cannot reach the payment gateway: nobody was asked."),
    Magic(
        "needs_authentication",
        "The customer has to confirm with the bank first: another retry cannot succeed.",
        Result.REQUIRES_ACTION,
        "three_d_secure_action_required",
    ),
    Magic("no_method", "No billing info at all: there is nothing to charge.", has_method=False),
    Magic("no_card", "No billing info, and Recurly only calls the request invalid.", has_method=False),
    Magic("bank_debit", "A bank debit: accepted now, settled days later.", Result.PROCESSING, bank_debit=True),
    Magic(BUSY, "Something else holds the invoice twice (simultaneous_request), then the card works.", refusals=2),
    Magic("charge_then_hang", "The money is collected, but the answer never comes.", answer=Disturbance.HANG),
    Magic("charge_then_reset", "The money is collected, then the connection is cut.", answer=Disturbance.RESET),
    Magic("charge_then_500", "The money is collected, but the answer is a server error.", answer=Disturbance.ERROR),
    Magic("charge_then_html", "The money is collected, but the answer is a web page.", answer=Disturbance.HTML),
    Magic("charge_then_cut", "The money is collected, but half of the answer is lost.", answer=Disturbance.TRUNCATED),
    Magic(LATE, "The connection is cut at once, and the money is collected some seconds later.", answer=Disturbance.RESET),
    Magic(
        "decline_then_reset",
        "The bank says no, then the connection is cut.",
        Result.DECLINED,
        "insufficient_funds",
        answer=Disturbance.RESET,
    ),
    Magic(
        "gateway_timeout",
        "The gateway does not answer Recurly: it may have charged, and only the gateway knows.",
        Result.DECLINED,
        "gateway_timeout",
    ),
    Magic("hang", "No answer, and nothing is collected.", reaches_bank=False),
    Magic("rate_limited", "Turned away twice with 429, then the card works.", refusals=2),
    Magic(
        "fix_the_card",
        "Declined until the customer changes the card (use the control for it), then it works.",
        Result.DECLINED,
        "declined",
    ),
)

BY_NAME: dict[str, Magic] = {magic.name: magic for magic in MAGIC}
