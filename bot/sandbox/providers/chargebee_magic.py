"""The magic customers of the fake Chargebee: whose payment source does what when an invoice is collected from it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.providers.magic import Disturbance, Magic, Result

CARD_DECLINED = "card_declined"


@dataclass(frozen=True, slots=True)
class Decline:
    """A no as a transaction carries it: Chargebee's word for the cause, the gateway's codes and its text."""

    text: str
    decline_code: str | None
    error_code: str = CARD_DECLINED
    cause: str = "gateway.general.decline"
    last4: str = "0341"


DECLINES: dict[str, Decline] = {
    "insufficient_funds": Decline(
        "Your card has insufficient funds.",
        "insufficient_funds",
        cause="gateway.transaction_processing.low_balance",
        last4="9995",
    ),
    "generic_decline": Decline("Your card was declined.", "generic_decline"),
    "stolen_card": Decline("Your card was declined.", "stolen_card", last4="9979"),
    "lost_card": Decline("Your card was declined.", "lost_card", last4="9987"),
    "expired_card": Decline("Your card has expired.", "expired_card", error_code="expired_card", last4="0069"),
    "authentication_required": Decline(
        "Your card was declined. This transaction requires authentication.",
        "authentication_required",
        error_code="authentication_required",
        last4="3155",
    ),
    "token_gone": Decline(
        "No such payment method.",
        None,
        error_code="resource_missing",
        cause="gateway.transaction_processing.resource_missing",
        last4="0404",
    ),
}


def _declining(name: str, what: str) -> Magic:
    return Magic(name, what, Result.DECLINED, name)


MAGIC: tuple[Magic, ...] = (
    Magic("paid", "The card works: a retry collects the money."),
    _declining("insufficient_funds", "Soft decline: not enough money in the account today."),
    _declining("generic_decline", "The bank says no and does not say why."),
    _declining("stolen_card", "Hard decline: reported stolen. Never try again, and never tell the customer why."),
    _declining("lost_card", "Hard decline: reported lost. Never try again, and never tell the customer why."),
    _declining("expired_card", "The card has expired: a new payment method is needed."),
    _declining("token_gone", "The card is gone at the payment gateway: a new payment method is needed."),
    Magic(
        "needs_authentication",
        "The bank wants the customer to confirm, which nobody can do for them.",
        Result.DECLINED,
        "authentication_required",
    ),
    Magic("no_method", "No payment method on file: there is nothing to charge.", has_method=False),
    Magic("bank_debit", "A bank debit: accepted now, settled days later.", Result.PROCESSING, bank_debit=True),
    Magic("charge_then_hang", "The money is collected, but the answer never comes.", answer=Disturbance.HANG),
    Magic("charge_then_reset", "The money is collected, then the connection is cut.", answer=Disturbance.RESET),
    Magic("charge_then_500", "The money is collected, but the answer is a server error.", answer=Disturbance.ERROR),
    Magic("charge_then_html", "The money is collected, but the answer is a web page.", answer=Disturbance.HTML),
    Magic("charge_then_cut", "The money is collected, but half of the answer is lost.", answer=Disturbance.TRUNCATED),
    Magic(
        "decline_then_reset",
        "The bank says no, then the connection is cut.",
        Result.DECLINED,
        "insufficient_funds",
        answer=Disturbance.RESET,
    ),
    Magic("charge_late", "The connection is cut, and the money is collected a little later.", answer=Disturbance.RESET),
    Magic("hang", "No answer, and nothing is collected.", reaches_bank=False),
    Magic("rate_limited", "Turned away twice with 429, then the card works.", refusals=2),
    Magic(
        "fix_the_card",
        "Declined until the customer changes the card (use the control for it), then it works.",
        Result.DECLINED,
        "generic_decline",
    ),
)
LATE = "charge_late"

BY_NAME: dict[str, Magic] = {magic.name: magic for magic in MAGIC}
