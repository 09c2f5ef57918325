"""The magic customers of the fake Paddle: what their newest attempt came to, whether there is a page to pay on, and what
becomes of a send about their invoice."""

from __future__ import annotations

from bot.sandbox.providers.magic import Disturbance, Magic, Result

MANUAL = frozenset(
    {
        "paid",
        "by_transfer",
        "being_paid",
        "act_then_hang",
        "act_then_reset",
        "act_then_500",
        "act_then_html",
        "hang",
        "rate_limited",
    }
)
"""Customers who pay their invoices themselves; the others are charged for a subscription."""
WITHOUT_PAGE = frozenset({"by_transfer", "renewal", "active_again", "newer_bill"})
"""Whose transaction names no payment page by itself."""
BEING_PAID, ACTIVE_AGAIN, NEWER_BILL = "being_paid", "active_again", "newer_bill"

MAGIC: tuple[Magic, ...] = (
    Magic("paid", "An invoice that the customer pays themselves, past due, with a payment page."),
    Magic("by_transfer", "An invoice that the customer pays by bank transfer: there is no payment page."),
    Magic("insufficient_funds", "A renewal: the card has too little money.", Result.DECLINED, "not_enough_balance"),
    Magic("generic_decline", "A renewal: the bank gave no reason.", Result.DECLINED, "declined"),
    Magic("stolen_card", "A renewal: the card is blocked.", Result.DECLINED, "blocked_card"),
    Magic("expired_card", "A renewal: the card has expired.", Result.DECLINED, "expired_card"),
    Magic(
        "needs_authentication",
        "A renewal: the customer did not confirm with the bank.",
        Result.DECLINED,
        "authentication_failed",
    ),
    Magic("renewal", "A renewal whose page has to be asked of its subscription.", Result.DECLINED, "issuer_unavailable"),
    Magic(
        ACTIVE_AGAIN,
        "A renewal whose subscription is active again: asked for a page, Paddle would make a new transaction.",
        Result.DECLINED,
        "declined",
    ),
    Magic(
        NEWER_BILL,
        "A renewal after which another one is overdue: Paddle's page is for that one.",
        Result.DECLINED,
        "declined",
    ),
    Magic(BEING_PAID, "The customer is paying right now: Paddle changes nothing meanwhile."),
    Magic("act_then_hang", "A cancellation or credit is done, but the answer never comes.", answer=Disturbance.HANG),
    Magic("act_then_reset", "A cancellation or credit is done, then the connection is cut.", answer=Disturbance.RESET),
    Magic("act_then_500", "A cancellation or credit is done, but the answer is a server error.", answer=Disturbance.ERROR),
    Magic("act_then_html", "A cancellation or credit is done, but the answer is a web page.", answer=Disturbance.HTML),
    Magic("hang", "No answer to a cancellation or credit, and nothing is done.", reaches_bank=False),
    Magic("rate_limited", "A cancellation or credit is turned away twice with 429, then done.", refusals=2),
)

BY_NAME: dict[str, Magic] = {magic.name: magic for magic in MAGIC}
