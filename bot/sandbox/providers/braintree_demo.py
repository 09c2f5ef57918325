"""Two made-up past-due subscriptions for the sandbox, and two that no digest shows."""

from __future__ import annotations

from bot.sandbox.providers.braintree_books import DAY, Books


def seed(books: Books) -> None:
    """Fill empty books."""
    now = books.now()
    books.add_invoice(
        name="Quillon Fitness", number="gold4821", amount=4_990, created=now - 4.3 * DAY, email="hello@quillon.example"
    )
    books.add_invoice(name="Rookery Reads", number="basic317", amount=1_900, magic="expired_card", created=now - 7.1 * DAY)
    books.add_invoice(name="Sable Yoga", number="gold5090", amount=4_990, status="paid", created=now - 3 * DAY)
    books.add_invoice(name="Tern Audio", number="gold3377", amount=4_990, status="void", created=now - 20 * DAY)
