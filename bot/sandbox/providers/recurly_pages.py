"""What belongs to an invoice of the fake Recurly beside JSON: a PDF of one page, and the customer's account page."""

from __future__ import annotations

import html
import re
from decimal import Decimal

from bot.domain.money import exponent_of
from bot.sandbox.providers.recurly_books import Books, Invoice
from bot.sandbox.providers.recurly_door import Answer

PAGE = re.compile(r"/account/(?P<token>\w+)")


def account_page(path: str, books: Books) -> Answer | None:
    """Whoever has the address is logged in; None where `path` is no such page."""
    found = PAGE.fullmatch(path)
    if found is None:
        return None
    customer = next((one for one in books.customers.values() if one.token == found["token"]), None)
    if customer is None:
        return Answer(404, b"There is no such page.", "text/plain; charset=utf-8")
    name = html.escape((customer.name or "nobody")[:200])
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Account page (sandbox)</title>"
        '<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 3em auto; padding: 0 1em">'
        f"<h1>The account of {name}</h1><p>A page of the sandbox, in the place of Recurly's account page: whoever opens "
        "that is logged in as the customer. No money can be paid here.</p></body></html>"
    )
    return Answer(200, text.encode(), "text/html; charset=utf-8")


def pdf_of(invoice: Invoice) -> bytes:
    """https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf"""
    amount = f"{invoice.currency} {Decimal(invoice.total).scaleb(-exponent_of(invoice.currency)):,f}"
    words = (f"Invoice {invoice.number}", f"{amount} in all", "TEST INVOICE of the sandbox: not a real one.")
    shown = " T* ".join(f"({word}) Tj" for word in words)
    page = f"BT /F1 18 Tf 28 TL 72 720 Td {shown} ET".encode("ascii", "replace")
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
    ]
    file, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, part in enumerate(parts, 1):
        table += b"%010d 00000 n \n" % len(file)
        file += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    return b"%sxref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        file, len(parts) + 1, table, len(parts) + 1, len(file),
    )  # fmt: skip
