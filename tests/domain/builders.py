"""Invoices and offers as the domain's tests need them: ordinary unless told otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.offer import Offer, Place

NOW = datetime(2026, 11, 21, 9, 14, tzinfo=UTC)


def an_invoice(**changes: Any) -> Invoice:
    facts: dict[str, Any] = {
        "ref": InvoiceRef("stripe", "in_1AbC"),
        "status": InvoiceStatus.OPEN,
        "provider_status": "open",
        "owed": Money(42000, "EUR"),
        "live": True,
    }
    return Invoice(**(facts | changes))


def an_offer(invoice: Invoice | None = None, actions: int = 0) -> Offer:
    return Offer(id="0" * 32, invoice=invoice or an_invoice(), actions=actions, place=Place("m1", "C0FIN"), made_at=NOW)
