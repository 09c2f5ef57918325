"""What Chargebee can do with an invoice, as data. https://apidocs.chargebee.com/docs/api/invoices"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, Permission, ProviderFacts, Resend
from bot.domain.invoice import CollectionMethod, InvoiceStatus

COMMENT_LIMIT: Final = 300
_OPEN: Final = frozenset({InvoiceStatus.OPEN})

FACTS: Final = ProviderFacts(
    slug="chargebee",
    name="Chargebee",
    docs_url="https://apidocs.chargebee.com/docs/api/invoices",
    capabilities={
        Action.RETRY: Capability(
            allowed_on=_OPEN,
            collection=frozenset({CollectionMethod.AUTOMATIC}),
            provider_term="collect payment",
            consequence="Chargebee charges the customer's stored payment method for the amount that is shown, now.",
            otherwise="An app store collects this invoice, and Chargebee cannot. The customer has to pay it in that store.",
            takes_method=True,
        ),
        Action.RESEND: Capability(
            allowed_on=_OPEN,
            provider_term="send e-mail",
            consequence=(
                "Chargebee e-mails the invoice to the customer again. The call is new: a site that does not have it yet "
                "refuses it, and no e-mail leaves."
            ),
        ),
        Action.VOID: Capability(
            allowed_on=_OPEN,
            only_unpaid=True,
            provider_term="void",
            consequence=(
                "The invoice is annulled for good: nothing is owed on it any more, and promotional credits go back to the "
                "customer. Chargebee refuses it where anything was paid, credited or is under way."
            ),
        ),
        Action.UNCOLLECTIBLE: Capability(
            allowed_on=_OPEN,
            provider_term="write off",
            consequence=(
                "Chargebee writes off the whole amount that is owed, with a credit note, and from then on shows the "
                "invoice as paid. No money comes, so Recoup calls it written off. It is undone by removing that note."
            ),
        ),
        Action.FINALIZE: Capability(
            allowed_on=frozenset({InvoiceStatus.DRAFT}),
            provider_term="close",
            consequence=(
                "Chargebee closes the pending invoice, applies credits, and then by itself charges the customer where "
                "automatic collection is on. It cannot be told to leave that out."
            ),
            always_collects=True,
        ),
        Action.PAID: Capability(
            allowed_on=_OPEN,
            provider_term="record payment",
            consequence="Chargebee records a payment that came another way, and stops collecting what it covers.",
            takes_part=True,
        ),
    },
    instead={
        Action.REFRESH: (
            "Chargebee puts usage into a pending invoice by itself; look at the invoice again to see it as it is now."
        ),
    },
    resend=Resend.KEYED,
    key_window=timedelta(minutes=30),
    attempts_list_ours=True,
    link_hosts=frozenset(),
    id_pattern=r"(?!)",
    ids_are_opaque=True,
    link_logs_in=True,
    reason_limit=COMMENT_LIMIT,
    failed_means=(
        "payment due or not paid, and still owing. An invoice whose payment is under way does not count, nor one that is "
        "posted and not due yet."
    ),
    permissions=(
        Permission("Full-access key", "does everything that is done to an invoice, and opens payment pages"),
        Permission(
            "Read-only key, as `read_key`",
            "reads invoices, transactions, customers and payment sources, so that reads use no key that can act",
            is_optional=True,
        ),
    ),
    quirks=(
        "The number of an invoice is its id, and ids have no shape. Type `account:number`, or the number alone.",
        "Test and live are two sites with keys of their own. A site named `…-test` is test, every other one live.",
        "A write-off ends as paid in Chargebee. Recoup tells it as written off, and never as paid.",
        "Amounts of JPY, KRW, XAF and XOF are whole units, all others hundredths, also for currencies with three decimals "
        "or none; `zero_decimal` changes the list. What does not fit its currency is shown as unreadable.",
        "Chargebee keeps an idempotency key for 30 minutes. Later, only reading settles a lost answer.",
        "Chargebee's own retries (dunning) go on beside Recoup, and the next one is on the card. Stopping, pausing or "
        "resuming them is not built: do that in Chargebee.",
        "Where Chargebee does not know itself how a payment ended (timeout, needs attention), nothing is charged until "
        "its record says more. Look at the payment gateway.",
        "The payment page lists all unpaid invoices of the customer, works for whoever has its link, and expires after "
        "five days. A PDF's link works without signing in, for an hour. Both are made fresh and given privately.",
        "E-mailing an invoice again is a new call. A site without it refuses; the payment link is the way out.",
        "Whether a lost e-mail left is looked up in the customer's e-mail log, which may not name the invoice; then it "
        "stays unknown.",
        "A site may want a reason code for each void. Set `void_reason_code` to one of its list.",
        "A name is found by how it begins: the company, the first or the last name, with the capitals as in Chargebee.",
        "A recorded payment carries a short mark of Recoup's after your reference, by which it is found again.",
    ),
)


def facts_of_site(host: str) -> ProviderFacts:
    """Links are on the site's own host, which each account has for itself."""
    return replace(FACTS, link_hosts=frozenset({host}))
