"""What Stripe can do with an invoice, as data. https://docs.stripe.com/invoicing/integration/workflow-transitions"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, Permission, ProviderFacts, Resend
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
    unlimited_keys=("sk_live_", "sk_test_"),
    permissions=(
        Permission("Invoices: Write", "reads invoices and does everything that is done to them"),
        Permission("PaymentIntents: Write", "charges on a retry, and reads why a payment failed"),
        Permission(
            "Charges: Read",
            "tells when the bank was last asked; without it a retry made elsewhere does not count for the hour between "
            "two, nor for the wait that a card's network asks for",
            is_optional=True,
        ),
        Permission(
            "Customers: Read",
            "finds invoices by name and e-mail, and tells what a retry would charge; without it they are found by number "
            "and id alone, and no other method can be chosen",
            is_optional=True,
        ),
        Permission(
            "Subscriptions: Read",
            "tells what a retry would charge; without it that stays unknown where the subscription decides",
            is_optional=True,
        ),
        Permission(
            "PaymentMethods: Read",
            "names the card that would be charged and others to choose; without it the card is its id",
            is_optional=True,
        ),
        Permission(
            "Events: Read",
            "tells afterwards whether an e-mail left, or who marked as paid; without it a lost answer leaves that unknown",
            is_optional=True,
        ),
    ),
    quirks=(
        "Stripe e-mails only invoices that the customer pays themselves. Most failed ones are charged automatically; for "
        "those there is the payment link.",
        "Stripe's own automatic retries go on beside Recoup; the next one is on the card.",
        "Only the first attempt and Stripe's automatic ones raise its count of attempts; a retry by hand does not.",
        "A bank debit is accepted today and decided days later; until then the invoice says so, and cannot be retried.",
        "The payment link and the PDF open without signing in, and expire. Recoup fetches them each time, gives them "
        "privately and never keeps them.",
        "A search by number or name misses what changed in the last minute, and merchants in India do not have it. An id "
        "and the customer's e-mail address work at once.",
        "In test mode no e-mail leaves.",
    ),
)
