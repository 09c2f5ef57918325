"""The magic customers of the fake Stripe: whose card does what when an invoice is paid with it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.providers.magic import Disturbance, Magic, Result


@dataclass(frozen=True, slots=True)
class Decline:
    """A bank's no in Stripe's words (https://docs.stripe.com/declines/codes)."""

    message: str
    decline_code: str | None
    code: str = "card_declined"
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    last4: str = "0002"
    brand: str = "visa"


DECLINES: dict[str, Decline] = {
    "insufficient_funds": Decline(
        "Your card has insufficient funds.",
        "insufficient_funds",
        advice_code="try_again_later",
        network_decline_code="51",
        last4="9995",
    ),
    "network_wait": Decline(
        "Your card has insufficient funds.",
        "insufficient_funds",
        advice_code="try_again_later",
        network_decline_code="51",
        network_advice_code="25",
        last4="5100",
        brand="mastercard",
    ),
    "generic_decline": Decline("Your card was declined.", "generic_decline"),
    "do_not_honor": Decline("Your card was declined.", "do_not_honor", network_decline_code="05"),
    "stolen_card": Decline(
        "Your card was declined.", "stolen_card", advice_code="do_not_try_again", network_decline_code="43", last4="9979"
    ),
    "lost_card": Decline(
        "Your card was declined.", "lost_card", advice_code="do_not_try_again", network_decline_code="41", last4="9987"
    ),
    "expired_card": Decline(
        "Your card has expired.",
        "expired_card",
        code="expired_card",
        advice_code="confirm_card_data",
        network_decline_code="54",
        last4="0069",
    ),
    "authentication_required": Decline(
        "Your card was declined. This transaction requires authentication.",
        "authentication_required",
        code="authentication_required",
        last4="3155",
    ),
    "missing": Decline("Cannot charge a customer that has no active card", None, code="missing", last4=""),
}


def _declining(name: str, what: str) -> Magic:
    return Magic(name, what, Result.DECLINED, name)


MAGIC: tuple[Magic, ...] = (
    Magic("paid", "The card works: a retry collects the money."),
    _declining("insufficient_funds", "Soft decline: not enough money in the account today."),
    _declining("network_wait", "Soft decline, and the card's network asks to wait 24 hours before the next try."),
    _declining("generic_decline", "The bank says no and does not say why."),
    _declining("stolen_card", "Hard decline: reported stolen. Never try again, and never tell the customer why."),
    _declining("lost_card", "Hard decline: reported lost. Never try again, and never tell the customer why."),
    _declining("expired_card", "The card has expired: a new payment method is needed."),
    Magic(
        "needs_authentication",
        "The customer has to confirm with the bank first: a retry cannot succeed, the payment page can.",
        Result.REQUIRES_ACTION,
        "authentication_required",
    ),
    Magic("no_method", "No payment method on file: there is nothing to charge.", has_method=False),
    Magic("no_card", "No card on file, answered as a card error.", decline="missing", has_method=False),
    Magic("bank_debit", "A bank debit: accepted now, settled days later.", Result.PROCESSING, bank_debit=True),
    Magic("charge_then_hang", "The money is collected, but the answer never comes.", answer=Disturbance.HANG),
    Magic("charge_then_reset", "The money is collected, then the connection is cut.", answer=Disturbance.RESET),
    Magic("charge_then_500", "The money is collected, but the answer is a server error.", answer=Disturbance.ERROR),
    Magic("charge_then_html", "The money is collected, but the answer is a web page.", answer=Disturbance.HTML),
    Magic("charge_then_cut", "The money is collected, but half of the answer is lost.", answer=Disturbance.TRUNCATED),
    Magic("hang", "No answer, and nothing is collected.", reaches_bank=False),
    Magic("rate_limited", "Turned away twice with 429, then the card works.", refusals=2),
    Magic(
        "fix_the_card",
        "Declined until the customer changes the card (use the control for it), then it works.",
        Result.DECLINED,
        "generic_decline",
    ),
)

BY_NAME: dict[str, Magic] = {magic.name: magic for magic in MAGIC}
