"""What the links on a fake transaction of Paddle lead to: a payment page that says it is none, and a PDF of one page."""

from __future__ import annotations

import html
import re
from decimal import Decimal

from bot.domain.money import exponent_of
from bot.sandbox.providers.lac_pdf import page
from bot.sandbox.providers.paddle_books import Books, Transaction
from bot.sandbox.providers.paddle_door import Answer

PAGE = re.compile(r"/pay/(?P<id>txn_\w+)")
FILE = re.compile(r"/invoices/(?P<id>txn_\w+)/invoice\.pdf")


def public_page(path: str, books: Books) -> Answer | None:
    """A page that anybody with its address may read; None where `path` is not one of them."""
    file = FILE.fullmatch(path)
    found = file or PAGE.fullmatch(path)
    if found is None:
        return None
    transaction = books.transactions.get(found["id"])
    if transaction is None:
        return Answer(404, b"There is no such page.", "text/plain; charset=utf-8")
    if file is None:
        return Answer(
            200, _html_of(transaction, books.customers[transaction.customer].name).encode(), "text/html; charset=utf-8"
        )
    lines = (
        f"Invoice {transaction.number or transaction.id}",
        f"{_amount(transaction)} due",
        "A sandbox invoice: not a real one.",
    )
    return Answer(200, page(lines), "application/pdf")


def _amount(transaction: Transaction) -> str:
    currency = transaction.currency
    return f"{currency} {Decimal(transaction.balance).scaleb(-exponent_of(currency)):,f}"


def _html_of(transaction: Transaction, name: str | None) -> str:
    label, customer = html.escape(transaction.number or transaction.id), html.escape((name or "nobody")[:200])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Checkout {label} (sandbox)</title>"
        '<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 3em auto; padding: 0 1em">'
        f"<h1>Checkout {label}</h1><p>For {customer}: <strong>{_amount(transaction)}</strong> due.</p>"
        "<p>A page of the sandbox, in the place of a merchant's checkout. No money can be paid here.</p></body></html>"
    )
