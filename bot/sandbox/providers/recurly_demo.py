"""A made-up book of Recurly invoices for the sandbox: two that failed, and what a digest must leave out."""

from __future__ import annotations

from bot.sandbox.providers.recurly_books import DAY, Books, Wish


def seed(books: Books) -> None:
    """Fill empty books; the first two are what a digest shows."""
    for place, wish in enumerate(_wishes(books.now())):
        wish["number"], wish["email"] = str(3001 + place), f"billing@subscriber{place}.example"
        books.add_invoice(**wish)


def _wishes(now: float) -> tuple[Wish, ...]:
    return (
        {"name": "Nettle & Rye Bakery", "amount": 56500, "magic": "insufficient_funds", "created": now - 3.7 * DAY},
        {
            "name": "Oarlock Rowing Club",
            "amount": 3800,
            "currency": "USD",
            "collection_method": "manual",
            "created": now - 34 * DAY,
            "due": now - 4 * DAY,
        },
        {"name": "Plover Press", "amount": 2900, "status": "pending", "created": now - 0.2 * DAY},
        {"name": "Quayside Yoga", "amount": 5500, "magic": "bank_debit", "status": "processing", "created": now - 2 * DAY},
        {"name": "Rookery Games", "amount": 1900, "status": "failed", "created": now - 50 * DAY},
        {"name": "Saltmarsh Tours", "amount": 4700, "status": "paid", "created": now - 10 * DAY},
        {"name": "Thistle Crafts", "amount": 1200, "status": "credit", "created": now - 6 * DAY},
    )
