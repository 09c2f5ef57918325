"""A made-up book of invoices for the sandbox: every magic customer, three currencies and more, names that bite."""

from __future__ import annotations

from bot.sandbox.providers.stripe_books import DAY, HOUR, Books, Wish

# name, magic, amount in minor units, currency, created days ago, attempts
FAILED: tuple[tuple[str | None, str, int, str, float, int], ...] = (
    ("Quillmark Press", "paid", 12900, "eur", 1.2, 1),
    ("Saltmarsh Ceramics", "insufficient_funds", 48000, "eur", 2.5, 2),
    ("Fennel & Thyme Catering", "generic_decline", 7450, "eur", 3.1, 2),
    ("Brightwater Rowing Club", "stolen_card", 21900, "eur", 4.4, 1),
    ("Hollis Tree Surgery", "lost_card", 9900, "usd", 2.2, 1),
    ("Meridian Tutors", "expired_card", 5900, "eur", 5.8, 3),
    ("Atelier Vosloo", "needs_authentication", 134500, "eur", 1.6, 1),
    ("Cobbleway Couriers", "no_method", 30000, "usd", 6.5, 1),
    ("Larkspur Dental", "no_card", 18900, "usd", 7.1, 1),
    ("Nordhavn Bakery", "bank_debit", 64200, "eur", 3.7, 1),
    ("Pinecrest Physio", "charge_then_hang", 15900, "usd", 2.8, 1),
    ("Wrenfield Nursery", "charge_then_reset", 8800, "usd", 1.9, 1),
    ("Oakhurst Robotics", "charge_then_500", 249900, "usd", 4.9, 2),
    ("Tidewater Print", "charge_then_html", 4400, "usd", 5.2, 1),
    ("Glasshouse Yoga", "charge_then_cut", 3900, "eur", 6.3, 1),
    ("Juniper Row Legal", "hang", 72000, "usd", 3.4, 1),
    ("Redpath Analytics", "rate_limited", 52500, "usd", 2.1, 1),
    ("Marlow & Daughters", "fix_the_card", 26400, "eur", 3.9, 2),
    ("Kitayama Tea House", "insufficient_funds", 9800, "jpy", 2.6, 2),
    ("Sorano Design Office", "paid", 154000, "jpy", 1.4, 1),
    ("Al Waha Trading", "generic_decline", 37500, "kwd", 4.1, 1),
    ("Palisade Brewing", "network_wait", 2600, "eur", 2.3, 2),
)

DIFFICULT_NAMES: tuple[str | None, ...] = (
    "<!channel> Free Lunch & Co",
    "<https://evil.example/login|Click to verify> Ltd",
    "Long " * 2000,
    "\u202eevitartsinimdA \u0634\u0631\u0643\u0629 \u0627\u0644\u0646\u0648\u0631",
    "\U0001f98a Fox & \U0001f469\u200d\U0001f4bb Co :tada: *bold* `code`",
    None,
)


JAPANESE = "\u682a\u5f0f\u4f1a\u793e \u9752\u8449\u66f8\u5e97"
GREEK = "\u0392\u03b9\u03b2\u03bb\u03b9\u03bf\u03c0\u03c9\u03bb\u03b5\u03af\u03bf \u0391\u03b8\u03ae\u03bd\u03b1"


def seed(books: Books) -> None:
    """Fill empty books. Customers come first in the order of the magic table, so demos read the same every time."""
    now = books.now()
    for place, (name, magic, amount, currency, days, attempts) in enumerate(FAILED):
        books.add_invoice(
            name=name, email=_email(name), magic=magic, amount=amount, currency=currency, created=now - days * DAY,
            attempts=attempts, number=f"DEMO-{1001 + place}", next_attempt=now + (1 + place % 4) * DAY,
        )  # fmt: skip
    for place, name in enumerate(DIFFICULT_NAMES):
        books.add_invoice(
            name=name,
            magic="paid",
            amount=1100 + place,
            number=f"ODD-{1 + place:02d}",
            created=now - 8 * DAY - place * HOUR,
        )
    for wish in _others(now):
        books.add_invoice(**wish)
    _neighbours(books, now)


def _neighbours(books: Books, now: float) -> None:
    """A second card that works beside one that does not, and a customer with several invoices."""
    rowing = _customer_of(books, "Brightwater Rowing Club")
    books.add_card(rowing, "paid", last4="4444", brand="mastercard")
    press = _customer_of(books, "Quillmark Press")
    for place, status in enumerate(("paid", "paid", "void", "draft")):
        books.add_invoice(
            customer=press,
            status=status,
            amount=12900,
            number=f"DEMO-{2011 + place}",
            created=now - (33 + 31 * place) * DAY,
        )


def _customer_of(books: Books, name: str) -> str:
    return next(customer.id for customer in books.customers.values() if customer.name == name)


def _others(now: float) -> tuple[Wish, ...]:
    """What a digest must leave out or treat apart: past due, and in every other status."""
    return (
        {
            "name": "Harbour Lane Museum", "email": "accounts@harbourlane.example", "collection_method": "send_invoice",
            "amount": 88000, "due_date": now - 9 * DAY, "created": now - 39 * DAY, "number": "DEMO-2001",
        },
        {
            "name": "Elmstead School", "email": "office@elmstead.example", "collection_method": "send_invoice",
            "amount": 45000, "due_date": now + 12 * DAY, "created": now - 18 * DAY, "number": "DEMO-2002",
        },
        {"name": "Tansy Interiors", "status": "draft", "amount": 19900, "created": now - HOUR / 2},
        {"name": "Bramble Cycles", "status": "paid", "amount": 15000, "number": "DEMO-2004"},
        {"name": "Coppergate Films", "status": "void", "amount": 99000, "number": "DEMO-2005"},
        {"name": "Dunlin Software", "status": "uncollectible", "amount": 6400, "attempts": 4, "number": "DEMO-2006"},
        {"name": JAPANESE, "status": "paid", "currency": "jpy", "amount": 33000, "number": "DEMO-2008"},
        {"name": GREEK, "status": "uncollectible", "amount": 7700, "number": "DEMO-2009"},
        {"name": "Ashby Looms", "attempts": 0, "amount": 20500, "created": now - HOUR / 3, "number": "DEMO-2007"},
    )  # fmt: skip


def _email(name: str | None) -> str:
    plain = "".join(letter for letter in (name or "someone").lower() if letter.isascii() and letter.isalpha())
    return f"billing@{plain}.example"
