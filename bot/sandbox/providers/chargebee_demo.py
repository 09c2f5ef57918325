"""A made-up book of Chargebee invoices for the sandbox: two that failed, and what a digest must leave out."""

from __future__ import annotations

from bot.sandbox.providers.chargebee_books import DAY, HOUR, Books, Wish


def seed(books: Books) -> None:
    """Fill empty books; the first two are what a digest shows."""
    for place, wish in enumerate(_wishes(books.now())):
        wish["number"], wish["email"] = f"CB-{3001 + place}", f"billing@tenant{place}.example"
        books.add_invoice(**wish)


def _wishes(now: float) -> tuple[Wish, ...]:
    return (
        {"name": "Nettlecombe Studios", "amount": 76000, "created": now - 2.7 * DAY, "attempts": 2},
        {
            "name": "Osprey Freight",
            "amount": 3200,
            "magic": "insufficient_funds",
            "status": "not_paid",
            "created": now - 9 * DAY,
        },
        {"name": "Pennyroyal Spa", "amount": 8800, "status": "posted", "net_term_days": 30, "created": now - 3 * DAY},
        {"name": "Quince Publishing", "amount": 12500, "status": "draft", "created": now - HOUR},
        {"name": "Rookery Garage", "amount": 6100, "status": "uncollectible", "created": now - 40 * DAY},
        {"name": "Sable Couture", "amount": 7300, "status": "paid", "created": now - 12 * DAY},
        {"name": "Thistle Estates", "amount": 5600, "status": "void", "created": now - 15 * DAY},
    )
