"""Which stored payment method a retry would charge, which others it could, and when the newest charge was made.

Stripe's order is invoice, subscription, the customer's default for invoices, the customer's default source:
https://docs.stripe.com/billing/subscriptions/payment-methods-setting. Every read here may be refused (a restricted key);
what cannot be read stays unknown and never breaks the invoice.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import (
    CollectionMethod,
    Invoice,
    InvoiceStatus,
    MethodToCharge,
    NoMethod,
    PaymentMethod,
)
from bot.providers.http import ProviderHttp
from bot.providers.stripe_answers import read_failure
from bot.providers.stripe_wire import (
    Shape,
    WireCharge,
    WireCustomer,
    WireInvoice,
    WireMethod,
    WireMethods,
    WireSubscription,
    body_of,
    id_of,
    moment,
)

OFF_SESSION: Final = frozenset(
    {
        "acss_debit", "amazon_pay", "au_becs_debit", "bacs_debit", "card", "cashapp", "kakao_pay", "klarna", "kr_card",
        "link", "naver_pay", "nz_bank_account", "paypal", "payto", "revolut_pay", "sepa_debit", "us_bank_account",
    }
)  # fmt: skip
"""Types that can be charged without the customer: https://docs.stripe.com/payments/payment-methods/payment-method-support"""


async def complete(http: ProviderHttp, wire: WireInvoice, invoice: Invoice, *, thorough: bool) -> Invoice:
    """The invoice with what more reads can tell: always the method after a decline that blocks it, for good or for a time,
    and the time of that decline; all when `thorough`."""
    blocked = invoice.decline is not None and invoice.decline.kind.blocks_same_method
    waits = invoice.decline is not None and invoice.decline.wait is not None
    if not (thorough or blocked or waits):
        return invoice
    wants_time = (thorough or waits) and invoice.newest_charge is not None
    method, charged_at = await asyncio.gather(
        _method_to_charge(http, wire, invoice) if _is_charged(invoice) else _nothing(),
        _charged_at(http, invoice.newest_charge) if wants_time and invoice.newest_charge else _nothing(),
    )
    return replace(invoice, method=method, newest_charge_at=charged_at)


async def _nothing() -> None:
    return None


def _is_charged(invoice: Invoice) -> bool:
    return invoice.collection is CollectionMethod.AUTOMATIC and invoice.status in {
        InvoiceStatus.OPEN,
        InvoiceStatus.UNCOLLECTIBLE,
    }


async def _method_to_charge(http: ProviderHttp, wire: WireInvoice, invoice: Invoice) -> MethodToCharge:
    found = id_of(wire.default_payment_method) or id_of(wire.default_source)
    if found is None:
        subscription, customer = await asyncio.gather(_subscription(http, wire), _customer(http, wire))
        if wire.subscription is not None:
            if subscription is None:
                return None
            found = id_of(subscription.default_payment_method) or id_of(subscription.default_source)
        if found is None:
            if customer is None:
                return None
            found = _of_customer(customer)
    return NoMethod() if found is None else await _labelled(http, found, invoice)


def _of_customer(customer: WireCustomer) -> str | None:
    settings = customer.invoice_settings
    return (id_of(settings.default_payment_method) if settings else None) or id_of(customer.default_source)


async def _labelled(http: ProviderHttp, method: str, invoice: Invoice) -> PaymentMethod:
    """The declined method's label is known already; another's costs one read."""
    if invoice.decline is not None and invoice.decline.method == method and invoice.decline.method_label:
        return PaymentMethod(method, invoice.decline.method_label)
    read = await _tolerant(http, WireMethod, "/v1/payment_methods/{}", method)
    return PaymentMethod(method, read.label if read else method)


async def _subscription(http: ProviderHttp, wire: WireInvoice) -> WireSubscription | None:
    if wire.subscription is None:
        return None
    return await _tolerant(http, WireSubscription, "/v1/subscriptions/{}", wire.subscription)


async def _customer(http: ProviderHttp, wire: WireInvoice) -> WireCustomer | None:
    customer = id_of(wire.customer)
    return await _tolerant(http, WireCustomer, "/v1/customers/{}", customer) if customer else None


async def _charged_at(http: ProviderHttp, charge: str) -> datetime | None:
    read = await _tolerant(http, WireCharge, "/v1/charges/{}", charge)
    return moment(read.created) if read else None


async def _tolerant(http: ProviderHttp, model: type[Shape], template: str, identifier: str) -> Shape | None:
    try:
        reply = await http.get(template, identifier)
        return body_of(model, reply) if reply.is_success else None
    except ProviderFailure:
        return None


async def stored(http: ProviderHttp, account: str, wire: WireInvoice) -> list[PaymentMethod]:
    """The methods of the invoice's customer that could be charged without them, the invoice's own default first.

    Raises ProviderFailure where they cannot be read; none of them is then a better answer than an empty list.
    """
    customer = id_of(wire.customer)
    if customer is None:
        return []
    reply = await http.get("/v1/customers/{}/payment_methods", customer, params=(("limit", "100"),))
    if reply.status == 403:
        raise ProviderFailure(
            FailureReason.FORBIDDEN,
            f"The key of account {account} may not read stored payment methods. In Stripe, give it the permissions "
            "Customers: Read and Payment Methods: Read.",
            request_id=reply.request_id,
        )
    if not reply.is_success:
        raise read_failure(account, reply)
    chargeable = [method for method in body_of(WireMethods, reply).data if _is_chargeable(method, customer)]
    default = id_of(wire.default_payment_method)
    return [
        PaymentMethod(method.id, method.label_with_expiry)
        for method in sorted(chargeable, key=lambda method: method.id != default)
    ]


def _is_chargeable(method: WireMethod, customer: str) -> bool:
    return method.type in OFF_SESSION and id_of(method.customer) in {customer, None}
