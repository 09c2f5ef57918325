"""What Lago can do with an invoice, as data. https://getlago.com/docs/api-reference/invoices/invoice-object"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, ProviderFacts, Resend
from bot.domain.invoice import CollectionMethod, InvoiceStatus

UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_OPEN: Final = frozenset({InvoiceStatus.OPEN})
_DRAFT: Final = frozenset({InvoiceStatus.DRAFT})

FACTS: Final = ProviderFacts(
    slug="lago",
    name="Lago",
    docs_url="https://getlago.com/docs/api-reference/invoices/invoice-object",
    capabilities={
        Action.RETRY: Capability(
            allowed_on=_OPEN,
            collection=frozenset({CollectionMethod.AUTOMATIC}),
            provider_term="retry payment",
            consequence=(
                "Lago asks the payment provider to charge the customer's stored payment method for what is still owed. "
                "The result can take up to a minute."
            ),
            otherwise=(
                "Lago charges nothing here: the customer has no payment provider in Lago, or the invoice is self-billed. "
                "Resend the invoice, or mark it as paid once the money has come."
            ),
            takes_method=True,
        ),
        Action.RESEND: Capability(
            allowed_on=_OPEN,
            provider_term="resend e-mail",
            consequence=(
                "Lago e-mails the invoice to the customer again. It needs a Lago with a premium licence, and Lago does not "
                "tell afterwards whether the e-mail left."
            ),
        ),
        Action.VOID: Capability(
            allowed_on=_OPEN,
            provider_term="void",
            consequence=(
                "The invoice is annulled: nothing is owed on it any more, and coupons and prepaid credits go back to the "
                "customer. It is refused where anything was paid or a payment is under way."
            ),
        ),
        Action.FINALIZE: Capability(
            allowed_on=_DRAFT,
            provider_term="finalize",
            consequence=(
                "Lago recomputes the draft, gives it its number, and then by itself charges the customer and sends the "
                "e-mail. It cannot be told to leave that out."
            ),
            always_collects=True,
        ),
        Action.PAID: Capability(
            allowed_on=_OPEN,
            provider_term="record a manual payment",
            consequence=(
                "Lago records a payment that came another way; no money is taken. The invoice counts as paid once the "
                "whole amount is recorded. Part of it can be recorded only with a premium licence."
            ),
            takes_part=True,
        ),
        Action.REFRESH: Capability(
            allowed_on=_DRAFT,
            provider_term="refresh",
            consequence="Lago recomputes the draft from usage, fees and taxes as they are now.",
        ),
    },
    instead={
        Action.UNCOLLECTIBLE: (
            "Lago has no write-off: voiding would cancel what is owed, and Lago's reports count overdue invoices as bad "
            "debt by themselves. Leave it overdue, or void it if nothing is owed any more."
        ),
    },
    resend=Resend.GUARDED,
    key_window=timedelta(0),
    settle_after=timedelta(seconds=60),
    link_hosts=frozenset({"api.getlago.com", "api.eu.getlago.com", "app.getlago.com", "checkout.stripe.com"}),
    id_pattern=UUID,
    failed_means=(
        "finalized and still owing, with a failed payment or past its due date. Lost disputes and self-billed invoices do "
        "not count."
    ),
)
