"""What the links on a fake invoice of Lago lead to: a payment page that says it is none, and a PDF of one page."""

from __future__ import annotations

import html
import re
from decimal import Decimal

from bot.sandbox.providers.lago_books import Books, Invoice
from bot.sandbox.providers.lago_door import Answer

PAGE = re.compile(r"/pay/(?P<id>[0-9a-f-]{36})")
FILE = re.compile(r"/rails/active_storage/blobs/redirect/(?P<id>[0-9a-f-]{36})/invoice\.pdf")
WHOLE_UNITS = (
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
)
THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


def public_page(path: str, books: Books) -> Answer | None:
    """A page that anybody with its address may read; None where `path` is not one of them."""
    page, file = PAGE.fullmatch(path), FILE.fullmatch(path)
    found = page or file
    if found is None:
        return None
    invoice = books.invoices.get(found["id"])
    if invoice is None:
        return Answer(404, b"There is no such page.", "text/plain; charset=utf-8")
    if file is not None:
        return Answer(200, pdf_of(invoice), "application/pdf")
    return Answer(200, _html_of(invoice, books.customers[invoice.customer].name).encode(), "text/html; charset=utf-8")


def amount_of(invoice: Invoice) -> str:
    decimals = 0 if invoice.currency in WHOLE_UNITS else 3 if invoice.currency in THOUSANDTHS else 2
    return f"{invoice.currency} {Decimal(invoice.due).scaleb(-decimals):,f}"


def pdf_of(invoice: Invoice) -> bytes:
    """One page, written by hand: https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf"""
    lines = (f"Invoice {invoice.number or invoice.id}", f"{amount_of(invoice)} due", "A sandbox invoice: not a real one.")
    text = " T* ".join(f"({line}) Tj" for line in lines)
    content = f"BT /F1 18 Tf 28 TL 72 720 Td {text} ET".encode("ascii", "replace")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    )
    body, places = b"%PDF-1.4\n", list[int]()
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer


def _html_of(invoice: Invoice, name: str | None) -> str:
    number, customer = html.escape(invoice.number or invoice.id), html.escape((name or "nobody")[:200])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Invoice {number} (sandbox)</title>"
        '<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 3em auto; padding: 0 1em">'
        f"<h1>Invoice {number}</h1><p>For {customer}: <strong>{amount_of(invoice)}</strong> due.</p>"
        "<p>A page of the sandbox, in the place of a real payment page. No money can be paid here.</p></body></html>"
    )
