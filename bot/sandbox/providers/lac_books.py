"""What the fake LAC keeps: one company's sales invoices, and every delivery that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.providers.lac_magic import BY_NAME, Behaviour

CURRENCY = "EUR"
"""LAC's wire names none; a Finnish company's books are in euros."""
STATUSES = ("draft", "send_failed", "queued", "sent")
"""Words of this fake: LAC's own are not documented."""
CHANNELS = ("maventa_einvoice", "email_pdf", "pdf_download")
VAT_BASIS_POINTS = 2550

Json = dict[str, Any]


@dataclass(slots=True)
class Invoice:
    """A sales invoice; `gross` is in cents, `turned_away` counts the sends that met a rate limit."""

    id: str
    name: str | None
    email: str | None
    gross: int
    status: str
    channel: str
    behaviour: Behaviour
    turned_away: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery that was asked for and carried out. It moves no money: `amount`, in cents, says what the invoice is
    about. LAC knows no idempotency keys, so `key` is always None."""

    invoice: str
    amount: int
    currency: str
    result: str
    channel: str
    at: float
    key: str | None = None


class Books:
    """`now` is epoch seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.invoices: dict[str, Invoice] = {}
        self.deliveries: list[Delivery] = []

    def add_invoice(
        self,
        name: str | None = "Example Oy",
        *,
        magic: str = "delivered",
        amount: int = 31375,
        status: str = "send_failed",
        channel: str = "maventa_einvoice",
        invoice: str | None = None,
    ) -> str:
        """`invoice` is its id, where it matters. Raises ValueError for what cannot be."""
        if magic not in BY_NAME or status not in STATUSES or channel not in CHANNELS:
            raise ValueError(f"there is no such magic, status or channel: {magic!r}, {status!r}, {channel!r}")
        if isinstance(amount, bool) or not isinstance(amount, int):
            raise ValueError("an amount is whole cents")  # noqa: TRY004  a control's wrong value is a ValueError
        identifier = invoice or f"inv_{1001 + len(self.invoices)}"
        self.invoices[identifier] = Invoice(identifier, name, _email(name), amount, status, channel, BY_NAME[magic])
        return identifier

    def send(self, invoice: Invoice) -> None:
        """The delivery is carried out, as far as this customer lets it."""
        invoice.status = invoice.behaviour.becomes
        self.deliveries.append(
            Delivery(
                invoice=invoice.id,
                amount=invoice.gross,
                currency=CURRENCY,
                result=invoice.status,
                channel=invoice.channel,
                at=self.now(),
            )
        )


def json_of(invoice: Invoice) -> Json:
    """A PortalInvoice, with a field more than documented, as LAC says there may be."""
    net = round(invoice.gross * 10_000 / (10_000 + VAT_BASIS_POINTS))
    line = {
        "description": "Bookkeeping advice",
        "quantity": "1",
        "unit_price_cents": net,
        "net_cents": net,
        "vat_cents": invoice.gross - net,
        "gross_cents": invoice.gross,
        "vat_rate_basis_points": VAT_BASIS_POINTS,
        "vat_code": "domestic",
    }
    party = {
        "id": f"party_{invoice.id.removeprefix('inv_')}",
        "name": invoice.name,
        "email": invoice.email,
        "business_id": "7654321-0",
        "address_line1": "Satamakatu 2",
        "postal_code": "00160",
        "city": "Helsinki",
        "country_code": "FI",
        "einvoice_address": "003776543210",
        "einvoice_operator": "MAVENTA",
        "default_payment_terms_days": 14,
    }
    return {
        "id": invoice.id,
        "status": invoice.status,
        "delivery_channel": invoice.channel,
        "customer": party,
        "lines": [line],
        "language": "fi",
    }


def seed(books: Books) -> None:
    """Four invoices: what a send does to each is told by its magic customer."""
    books.add_invoice("Kivikko Bakery Oy", amount=48_920)
    books.add_invoice("Saaristo Charter Oy", magic="refused", amount=125_500, channel="email_pdf")
    books.add_invoice("Tuulikki & Sons Ky", magic="queued", amount=7_530)
    books.add_invoice("Lumi Design Oy", amount=62_750, status="sent", channel="email_pdf")


def _email(name: str | None) -> str:
    plain = "".join(letter for letter in (name or "someone").lower() if letter.isascii() and letter.isalpha())
    return f"laskut@{plain}.example"
