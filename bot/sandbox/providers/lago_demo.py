"""A made-up book of Lago invoices for the sandbox: failed, overdue, and what a digest must leave out."""

from __future__ import annotations

from bot.sandbox.providers.lago_books import DAY, HOUR, Books, Wish


def seed(books: Books) -> None:
    """Fill empty books; the first seven are what a digest shows."""
    for place, wish in enumerate(_wishes(books.now())):
        wish["number"], wish["email"] = f"LAG-{2001 + place}-001", f"billing@customer{place}.example"
        books.add_invoice(**wish)


def _wishes(now: float) -> tuple[Wish, ...]:
    return (
        {"name": "Alder & Finch Studio", "amount": 31500, "created": now - 3.3 * DAY},
        {
            "name": "Birchline Telemetry",
            "amount": 128000,
            "magic": "declined",
            "currency": "USD",
            "created": now - 5.1 * DAY,
        },
        {"name": "Corvid Robotics", "amount": 8700, "magic": "needs_authentication", "created": now - 2.4 * DAY},
        {"name": "Dovetail Joinery", "amount": 24000, "magic": "no_method", "created": now - 6.2 * DAY},
        {
            "name": "Emberfield",
            "amount": 560000,
            "magic": "no_provider",
            "status": "overdue",
            "created": now - 40 * DAY,
        },
        {"name": "Furrow Seeds", "amount": 19900, "magic": "silent", "created": now - 1.8 * DAY},
        {"name": "Ginza Postal", "amount": 48000, "currency": "JPY", "status": "overdue", "created": now - 30 * DAY},
        {"name": "Harrow Logistics", "amount": 13200, "magic": "charge_then_hang", "created": now - 4.6 * DAY},
        {"name": "Isobar Weather", "amount": 15500, "status": "draft", "created": now - HOUR},
        {"name": "Juno Analytics", "amount": 9900, "status": "failed", "created": now - 2 * DAY},
        {"name": "Kestrel Media", "amount": 42000, "dispute_lost": True, "created": now - 50 * DAY},
        {"name": "Larch Partners", "amount": 64000, "self_billed": True, "created": now - 9 * DAY},
        {"name": "Mossgreen Foods", "amount": 27000, "status": "paid", "created": now - 12 * DAY},
    )
