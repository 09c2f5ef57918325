"""The magic customers of the fake Braintree: whose payment method does what when a past-due subscription is charged.

https://developer.paypal.com/braintree/docs/reference/general/processor-responses/authorization-responses
"""

from __future__ import annotations

from bot.sandbox.providers.magic import Disturbance, Magic, Result

RESPONSES: dict[str, tuple[str, str]] = {
    "2000": ("SOFT", "Do Not Honor"),
    "2001": ("SOFT", "Insufficient Funds"),
    "2004": ("HARD", "Expired Card"),
    "2012": ("HARD", "Processor Declined - Possible Lost Card"),
    "2013": ("HARD", "Processor Declined - Possible Stolen Card"),
    "2099": ("SOFT", "Cardholder Authentication Required"),
    "2108": ("HARD", "Closed Card"),
}
"""By processor code: the kind of decline, and the processor's text."""
ADVISED = {"network_wait": "25"}
"""What Mastercard advises beside the decline: here, to wait a day."""
REJECTED = {"security_code": "CVV"}
"""Why the gateway rejects it before any bank is asked."""
FAILED = {"network_down": ("3000", "Processor Network Unavailable - Try Again")}
FIRST_DECLINE = "2001"
"""Of a payment method that works by now."""
REPEATED = "charged_before"

MAGIC: tuple[Magic, ...] = (
    Magic("paid", "The payment method works: the bank agrees, and Braintree settles it."),
    Magic("insufficient_funds", "Not enough money in the account.", Result.DECLINED, "2001"),
    Magic("network_wait", "Not enough money, and the network asks to wait a day.", Result.DECLINED, "2001"),
    Magic("generic_decline", "The bank says no without a reason.", Result.DECLINED, "2000"),
    Magic("stolen_card", "The card is reported stolen.", Result.DECLINED, "2013"),
    Magic("lost_card", "The card is reported lost.", Result.DECLINED, "2012"),
    Magic("expired_card", "The card has expired.", Result.DECLINED, "2004"),
    Magic("closed_card", "The card is closed: there is nothing to charge.", Result.DECLINED, "2108"),
    Magic("needs_authentication", "The bank wants the customer to confirm.", Result.REQUIRES_ACTION, "2099"),
    Magic("security_code", "Braintree itself rejects it: the security code does not fit.", Result.DECLINED, "CVV"),
    Magic("network_down", "The card network cannot be reached; the bank is not asked.", Result.DECLINED, "3000"),
    Magic("bank_debit", "A bank debit: accepted now, settled days later.", Result.PROCESSING, bank_debit=True),
    Magic(REPEATED, "A colleague's program charges a moment before: Braintree refuses the second charge as a duplicate."),
    Magic("charge_then_hang", "The money is collected, but the answer never comes.", answer=Disturbance.HANG),
    Magic("charge_then_reset", "The money is collected, then the connection is cut.", answer=Disturbance.RESET),
    Magic("charge_then_500", "The money is collected, but the answer is an error.", answer=Disturbance.ERROR),
    Magic("charge_then_html", "The money is collected, but the answer is a web page.", answer=Disturbance.HTML),
    Magic("charge_then_cut", "The money is collected, but half of the answer is lost.", answer=Disturbance.TRUNCATED),
    Magic("hang", "No answer, and nothing is collected.", reaches_bank=False),
    Magic("rate_limited", "Turned away twice, then the payment method works.", refusals=2),
    Magic(
        "fix_the_card",
        "Declined until the customer stores another payment method (use the control for it), then it works.",
        Result.DECLINED,
        "2000",
    ),
)
BY_NAME: dict[str, Magic] = {magic.name: magic for magic in MAGIC}
