"""What the links on a fake invoice lead to: a payment page that says it is none, and a PDF of one page."""

from __future__ import annotations

import html
import re
from decimal import Decimal

from bot.sandbox.providers.stripe_books import Books, Invoice
from bot.sandbox.providers.stripe_door import Answer

PAGE = re.compile(r"/i/(?P<account>acct_\w+)/test_(?P<id>in_\w+?)(?P<pdf>/pdf)?")
WHOLE_UNITS = ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
THOUSANDTHS = ("bhd", "jod", "kwd", "omr", "tnd")


def public_page(path: str, books: Books) -> Answer | None:
    """A page that anybody with its address may read; None where `path` is not one of them."""
    found = PAGE.fullmatch(path)
    if found is None:
        return None
    invoice = books.invoices.get(found["id"])
    if invoice is None or invoice.status == "draft" or found["account"] != books.account:
        return Answer(404, b"There is no such page.", "text/plain; charset=utf-8")
    if found["pdf"]:
        name = {"Content-Disposition": f'inline; filename="Invoice-{_plain(invoice.number or invoice.id)}.pdf"'}
        return Answer(200, pdf_of(invoice), "application/pdf", name)
    return Answer(200, _html_of(invoice).encode(), "text/html; charset=utf-8")


def pdf_of(invoice: Invoice) -> bytes:
    """One page, written by hand: https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf"""
    lines = [
        f"Invoice {invoice.number}",
        f"{amount_of(invoice)} due - {invoice.status}",
        "A sandbox invoice: not a real one.",
    ]
    text = " T* ".join(f"({_escaped(line)}) Tj" for line in lines)
    content = f"BT /F1 18 Tf 28 TL 72 720 Td {text} ET".encode("ascii")
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
    size = len(objects) + 1
    return body + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(body))
    )


def amount_of(invoice: Invoice) -> str:
    decimals = 0 if invoice.currency in WHOLE_UNITS else 3 if invoice.currency in THOUSANDTHS else 2
    return f"{invoice.currency.upper()} {Decimal(invoice.amount_remaining).scaleb(-decimals):,f}"


def _html_of(invoice: Invoice) -> str:
    number, customer = html.escape(invoice.number or invoice.id), html.escape((invoice.customer_name or "nobody")[:200])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Invoice {number} (sandbox)</title>"
        '<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 3em auto; padding: 0 1em">'
        f"<h1>Invoice {number}</h1><p>For {customer}: <strong>{amount_of(invoice)}</strong> due, {invoice.status}.</p>"
        "<p>This is a page of the sandbox. It stands where the provider's payment page would be, and no money can be paid "
        "here.</p></body></html>"
    )


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def _escaped(text: str) -> str:
    ascii_only = text.encode("ascii", "replace").decode()
    return re.sub(r"([\\()])", r"\\\1", ascii_only)
