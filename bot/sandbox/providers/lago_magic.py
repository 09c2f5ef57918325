"""The magic customers of the fake Lago: whose payment method does what when a retry is run."""

from __future__ import annotations

from bot.sandbox.providers.magic import Disturbance, Magic, Result

SILENT = frozenset({"no_method", "no_customer", "silent"})
"""Lago accepts a retry and does nothing: no method, unknown to the payment provider, or a method that it passes over."""
NO_PROVIDER = "no_provider"

MAGIC: tuple[Magic, ...] = (
    Magic("paid", "The payment method works: a retry collects the money a moment later."),
    Magic("declined", "The bank says no; Lago tells its reason to nobody who asks.", Result.DECLINED, "card_declined"),
    Magic(
        "needs_authentication",
        "The customer has to confirm with the bank first: the payment waits for that.",
        Result.REQUIRES_ACTION,
        "authentication_required",
    ),
    Magic("bank_debit", "A bank debit: accepted now, settled days later.", Result.PROCESSING, bank_debit=True),
    Magic("no_method", "No stored payment method: Lago would accept a retry and do nothing.", has_method=False),
    Magic("no_customer", "Not known at the payment provider: Lago would accept a retry and do nothing.", has_method=False),
    Magic(NO_PROVIDER, "No payment provider at all: this customer pays by bank transfer.", has_method=False),
    Magic("silent", "A retry is accepted, and nothing comes of it."),
    Magic("charge_then_hang", "The money is collected, but the answer never comes.", answer=Disturbance.HANG),
    Magic("charge_then_reset", "The money is collected, then the connection is cut.", answer=Disturbance.RESET),
    Magic("charge_then_500", "The money is collected, but the answer is a server error.", answer=Disturbance.ERROR),
    Magic("charge_then_html", "The money is collected, but the answer is a web page.", answer=Disturbance.HTML),
    Magic("hang", "No answer, and nothing is collected.", reaches_bank=False),
    Magic("rate_limited", "Turned away twice with 429, then the payment method works.", refusals=2),
    Magic(
        "fix_the_card",
        "Declined until the customer stores another payment method (use the control for it), then it works.",
        Result.DECLINED,
        "card_declined",
    ),
)

BY_NAME: dict[str, Magic] = {magic.name: magic for magic in MAGIC}
