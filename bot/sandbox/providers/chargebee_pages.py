"""What the links of a fake Chargebee lead to: a payment page that says it is none, and a PDF of one page."""

from __future__ import annotations

import html
import re
from decimal import Decimal

from bot.sandbox.providers.chargebee_books import UNPAID, Books, Invoice
from bot.sandbox.providers.chargebee_door import Answer

PAGE = re.compile(r"/pages/v3/Sandbox(?P<customer>\w+)/collect_now")
FILE = re.compile(r"/pdf/(?P<serial>\d+)")
WHOLE_UNITS = ("JPY", "KRW", "XAF", "XOF")


def public_page(path: str, books: Books) -> Answer | None:
    """A page that anybody with its address may read; None where `path` is not one of them."""
    page, file = PAGE.fullmatch(path), FILE.fullmatch(path)
    if page is not None and page["customer"] in books.customers:
        text = _html_of(books, page["customer"])
        return Answer(200, text.encode(), "text/html; charset=utf-8")
    if file is not None:
        found = next((one for one in books.invoices.values() if str(one.serial) == file["serial"]), None)
        return Answer(200, pdf_of(books, found), "application/pdf") if found else _nothing()
    return _nothing() if page is not None else None


def amount_of(books: Books, invoice: Invoice) -> str:
    decimals = 0 if invoice.currency in WHOLE_UNITS else 2
    return f"{invoice.currency} {Decimal(books.owed(invoice)).scaleb(-decimals):,f}"


def pdf_of(books: Books, invoice: Invoice) -> bytes:
    """One page, written by hand: https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf"""
    lines = (f"Invoice {invoice.id}", f"{amount_of(books, invoice)} due", "A sandbox invoice: not a real one.")
    shown = (re.sub(r"[\\()]", " ", line) for line in lines)
    content = f"BT /F1 18 Tf 28 TL 72 720 Td {' T* '.join(f'({line}) Tj' for line in shown)} ET".encode("ascii", "replace")
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


def _html_of(books: Books, customer: str) -> str:
    """All that the customer has not paid, as the real page has it."""
    open_ones = [one for one in books.invoices.values() if books.payer(one) == customer and one.status in UNPAID]
    rows = "".join(f"<li>{html.escape(one.id)}: <strong>{amount_of(books, one)}</strong> due</li>" for one in open_ones)
    name = html.escape((books.customers[customer].company or "nobody")[:200])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Unpaid invoices of {name} (sandbox)</title>"
        '<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 3em auto; padding: 0 1em">'
        f"<h1>Unpaid invoices of {name}</h1><ul>{rows or '<li>None.</li>'}</ul>"
        "<p>A page of the sandbox, in the place of a real payment page. No money can be paid here.</p></body></html>"
    )


def _nothing() -> Answer:
    return Answer(404, b"There is no such page.", "text/plain; charset=utf-8")
