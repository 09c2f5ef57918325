"""What Stripe can do with an invoice, as data. https://docs.stripe.com/invoicing/integration/workflow-transitions"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, ProviderFacts, Resend
from bot.domain.invoice import CollectionMethod, InvoiceStatus

NOT_MAILED: Final = (
    "Stripe e-mails an invoice again only where the customer pays it themselves. This one is charged automatically, so "
    "give the customer the payment link instead."
)
"""Also said when Stripe finds out before we do: https://docs.stripe.com/api/invoices/send"""

FACTS: Final = ProviderFacts(
    slug="stripe",
    name="Stripe",
    docs_url="https://docs.stripe.com/api/invoices",
    capabilities={
        Action.RETRY: Capability(
            allowed_on=frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}),
            collection=frozenset({CollectionMethod.AUTOMATIC}),
            provider_term="pay",
            consequence="Stripe charges the customer's stored payment method for the full amount still owed, now.",
            otherwise=(
                "Stripe charges nothing here, because the customer pays this invoice themselves. Give the customer the "
                "payment link, or resend the invoice."
            ),
            takes_method=True,
        ),
        Action.RESEND: Capability(
            allowed_on=frozenset({InvoiceStatus.OPEN}),
            collection=frozenset({CollectionMethod.MANUAL}),
            provider_term="send",
            consequence="Stripe e-mails the invoice to the customer again. In test mode no e-mail leaves.",
            otherwise=NOT_MAILED,
        ),
        Action.VOID: Capability(
            allowed_on=frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}),
            provider_term="void",
            consequence="The invoice is annulled: nothing is owed on it any more.",
        ),
        Action.UNCOLLECTIBLE: Capability(
            allowed_on=frozenset({InvoiceStatus.OPEN}),
            provider_term="mark uncollectible",
            consequence=(
                "The invoice is written off as a bad debt. It can still be paid or voided later, but not be made open "
                "again, and a subscription may be affected by your account's settings."
            ),
        ),
        Action.FINALIZE: Capability(
            allowed_on=frozenset({InvoiceStatus.DRAFT}),
            provider_term="finalize",
            consequence=(
                "The draft gets its number and becomes a real invoice that cannot be edited any more. Where nothing is "
                "due on it, Stripe marks it as paid at once."
            ),
        ),
        Action.PAID: Capability(
            allowed_on=frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}),
            provider_term="mark as paid out of band",
            consequence=(
                "Stripe marks the whole invoice as paid outside Stripe and stops collecting it; this cannot be undone."
            ),
            takes_part=False,
        ),
    },
    instead={
        Action.REFRESH: "Stripe recomputes drafts by itself; look at the invoice again to see it as it is now.",
    },
    resend=Resend.KEYED,
    key_window=timedelta(hours=24),
    link_hosts=frozenset({"invoice.stripe.com", "pay.stripe.com"}),
    id_pattern=r"in_[A-Za-z0-9_]+",
    failed_means=(
        "open, tried at least once and still owing; or sent to the customer and past its due date. A payment that is "
        "under way does not count."
    ),
)
