"""What Braintree can do with a past-due subscription, as data. https://developer.paypal.com/braintree/graphql/reference"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, Permission, ProviderFacts, Resend
from bot.domain.invoice import InvoiceStatus

LEGACY_ID: Final = r"[0-9A-Za-z_-]{1,36}"
"""A merchant may choose the ids of subscriptions, so their shape says nothing about whose they are."""

FACTS: Final = ProviderFacts(
    slug="braintree",
    name="Braintree",
    docs_url="https://developer.paypal.com/braintree/graphql/guides/recurring_billing",
    capabilities={
        Action.RETRY: Capability(
            allowed_on=frozenset({InvoiceStatus.OPEN}),
            provider_term="charge past-due subscription",
            consequence=(
                "Braintree charges the subscription's stored payment method for the whole balance at once, all unpaid "
                "cycles together. The money settles within hours; until then it can be taken back with a void."
            ),
        ),
        Action.VOID: Capability(
            allowed_on=frozenset({InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.PAID}),
            provider_term="void transaction",
            consequence=(
                "It only undoes money in flight: the newest payment, which is authorized or not settled yet, does not "
                "arrive, and the customer keeps it. The subscription itself goes on, and may not become past due again by "
                "itself, so that nobody collects this balance any more."
            ),
            on_money_in_flight=True,
        ),
        Action.FINALIZE: Capability(
            allowed_on=frozenset({InvoiceStatus.DRAFT}),
            provider_term="capture transaction",
            consequence=(
                "The newest payment is only authorized, so no money moves yet. Braintree collects the whole authorized "
                "amount now."
            ),
            always_collects=True,
            on_money_in_flight=True,
        ),
    },
    instead={
        Action.RESEND: (
            "Braintree has no invoice to send; its past-due e-mails are a setting of the control panel. Write to the "
            "customer yourself, or retry."
        ),
        Action.UNCOLLECTIBLE: (
            "Braintree cannot write off a balance. All that ends it is to cancel the subscription in the control panel, "
            "which also ends the service and cannot be undone."
        ),
        Action.PAID: (
            "Braintree records no payment that came another way. Cancel the subscription in the control panel if nothing "
            "is owed on it any more, or leave it past due."
        ),
        Action.REFRESH: "A subscription is no draft: Braintree works out its balance by itself at every billing date.",
    },
    resend=Resend.NAIVE,
    key_window=timedelta(0),
    link_hosts=frozenset({"www.braintreegateway.com", "sandbox.braintreegateway.com"}),
    id_pattern=r"(?!)",
    ids_are_opaque=True,
    failed_means="subscriptions that are past due: their newest charges failed, and a balance is owed.",
    has_payment_link=False,
    link_instead=(
        "Braintree has no payment page: the customer has to store another payment method on your own site. The card links "
        "to the control panel."
    ),
    has_pdf=False,
    pdf_instead="Braintree makes no invoices. The card links to the payment in the control panel.",
    permissions=(
        Permission("view transactions, customers and subscriptions", "finds what is past due, and why"),
        Permission("create transactions and edit subscriptions", "charges a past-due subscription"),
        Permission(
            "settle and void transactions", "takes back money in flight and captures authorizations", is_optional=True
        ),
    ),
    quirks=(
        "Braintree has no invoices. What Recoup shows is a past-due subscription under its own id (`braintree:ID`), with "
        "its whole balance; its newest transaction tells why it failed.",
        "A retry carries no key that would stop a second one. Recoup sends it once, and when the answer is lost it reads "
        "the subscription's transactions until it knows. It never sends again by itself.",
        "The amount is the balance that the person saw. If the balance has grown since, nothing is charged.",
        "“Paid” means that the bank agreed and Braintree settles it, which takes hours and seldom still fails.",
        "A void undoes money in flight only. Settled money is a refund, which Recoup does not make.",
        "A payment that a colleague's program only authorized can be finalized: that collects it.",
        "A subscription that has not begun yet has no transaction and so no customer; it is found by its id alone.",
        "An API key has the role of the control-panel user it belongs to. Make a user for Recoup alone.",
        "Webhooks, cancelling subscriptions and charging one-off sales again are not built.",
    ),
)
