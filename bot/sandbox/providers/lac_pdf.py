"""A PDF of one page: https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from bot.sandbox.providers.lac_books import CURRENCY, Invoice


def pdf_of(invoice: Invoice) -> bytes:
    amount = f"{CURRENCY} {Decimal(invoice.gross).scaleb(-2):,f}"
    return page((f"Invoice {invoice.id}", f"{amount} - {invoice.status}", "A sandbox invoice: not a real one."))


def page(lines: Sequence[str]) -> bytes:
    """A PDF of one page with these lines."""
    text = " T* ".join(f"<{line.encode('latin-1', 'replace').hex()}> Tj" for line in lines)
    stream = f"BT /F 16 Tf 24 TL 64 760 Td {text} ET".encode()
    parts = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    )
    file, offsets = bytearray(b"%PDF-1.4\n"), [b"0000000000 65535 f \n"]
    for number, part in enumerate(parts, 1):
        offsets.append(b"%010d 00000 n \n" % len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start, size = len(file), len(offsets)
    file += b"xref\n0 %d\n%s" % (size, b"".join(offsets))
    return bytes(file + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start))
