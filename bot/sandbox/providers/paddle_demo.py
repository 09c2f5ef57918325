"""A made-up book of Paddle transactions for the sandbox: two that are past due, and what a digest must leave out."""

from __future__ import annotations

from bot.sandbox.providers.paddle_books import DAY, HOUR, Books, Wish


def seed(books: Books) -> None:
    """Fill empty books; the first two are what a digest shows."""
    for place, wish in enumerate(_wishes(books.now())):
        wish["email"] = f"accounts@paddler{place}.example"
        books.add_invoice(**wish)


def _wishes(now: float) -> tuple[Wish, ...]:
    return (
        {
            "name": "Quillfeather Notes",
            "amount": 3800,
            "currency": "USD",
            "magic": "insufficient_funds",
            "attempts": 2,
            "created": now - 4.2 * DAY,
        },
        {"name": "Reedmace Canoes", "amount": 5650, "number": "325-20001", "created": now - 21 * DAY},
        {"name": "Saltmarsh Maps", "amount": 24000, "status": "ready", "created": now - 2 * HOUR},
        {"name": "Tidewater Guides", "amount": 31000, "status": "billed", "number": "325-20002", "created": now - 3 * DAY},
        {
            "name": "Undertow Films",
            "amount": 18000,
            "status": "uncollectible",
            "number": "325-20003",
            "created": now - 90 * DAY,
        },
        {"name": "Vessel & Vine", "amount": 4200, "status": "web", "magic": "generic_decline", "created": now - HOUR},
        {"name": "Wharf Nine", "amount": 9900, "status": "paid", "magic": "insufficient_funds", "created": now - 12 * DAY},
    )
