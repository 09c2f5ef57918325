"""What Paddle can do with an invoice, as data. https://developer.paddle.com/api-reference/transactions/overview"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, Permission, ProviderFacts, Resend
from bot.domain.invoice import CollectionMethod, InvoiceStatus

TRANSACTION: Final = r"txn_[a-z0-9]{26}"
CUSTOMER: Final = r"ctm_[a-z0-9]{26}"

SAID: Final = {"past_due": "past due", "completed": "paid"}
"""Paddle's status in words that follow "is", where they are not the same."""
TAG: Final = "uncollectible:"
"""How the reason of a write-off begins, so that reports can tell it from what was paid."""

_DRAFT: Final = frozenset({InvoiceStatus.DRAFT})
_OPEN: Final = frozenset({InvoiceStatus.OPEN})
_MANUAL: Final = frozenset({CollectionMethod.MANUAL})

FACTS: Final = ProviderFacts(
    slug="paddle",
    name="Paddle",
    docs_url="https://developer.paddle.com/api-reference/transactions/overview",
    capabilities={
        Action.VOID: Capability(
            allowed_on=_DRAFT | _OPEN,
            only_while=frozenset({"ready", "billed"}),
            collection=_MANUAL,
            provider_term="cancel",
            consequence=(
                "Paddle cancels the invoice for good: nothing is owed on it and its payment page stops working. A "
                "subscription goes on."
            ),
            otherwise=(
                "Paddle cancels no invoice that it collects by itself; it ends with the recovery, or with the "
                "subscription. Give the customer the payment link instead."
            ),
        ),
        Action.UNCOLLECTIBLE: Capability(
            allowed_on=_OPEN,
            only_while=frozenset({"billed", "past due"}),
            collection=_MANUAL,
            provider_term="full credit",
            consequence=(
                "Paddle credits the whole invoice, so that nothing is owed any more, and from then on shows it as "
                "completed, like a paid one. Recoup marks the reason with “uncollectible:” and tells the two apart."
            ),
            otherwise=(
                "Paddle credits no invoice that it collects by itself. Give the customer the payment link, or let the "
                "recovery run out."
            ),
        ),
        Action.FINALIZE: Capability(
            allowed_on=_DRAFT,
            only_while=frozenset({"ready"}),
            collection=_MANUAL,
            provider_term="issue",
            consequence=(
                "Paddle issues the invoice: it gets its number, is e-mailed to the customer, and starts the subscription "
                "where it is for one. It cannot be told to leave that out."
            ),
            otherwise="Paddle bills this one by itself as soon as the customer pays at the checkout.",
            always_collects=True,
        ),
    },
    instead={
        Action.RETRY: (
            "Paddle has no public way to try a payment again: it tries by itself, up to 7 times in 30 days. Give the "
            "customer the Payment link; who pays there settles the debt and replaces the stored method."
        ),
        Action.RESEND: (
            "Paddle e-mails an invoice once, when it is issued, and sends its own reminders. Give the customer the payment "
            "link or the PDF instead."
        ),
        Action.PAID: (
            "Paddle is the seller and books every transfer itself. If one is missing, write to Paddle with the invoice's "
            "number."
        ),
        Action.REFRESH: "Paddle recomputes nothing on demand. Show the invoice again to read it as it is now.",
    },
    resend=Resend.GUARDED,
    key_window=timedelta(0),
    attempts_list_ours=True,
    settle_after=timedelta(seconds=60),
    reason_limit=200,
    link_hosts=frozenset(
        {
            "paddle-production-invoice-service-pdfs.s3.amazonaws.com",
            "paddle-sandbox-invoice-service-pdfs.s3.amazonaws.com",
            "vendors.paddle.com",
            "sandbox-vendors.paddle.com",
        }
    ),
    id_pattern=TRANSACTION,
    failed_means=(
        "past due: a renewal whose payment failed, or an invoice that the customer did not pay in time. A card that failed "
        "at a checkout is not yet owed and does not count."
    ),
    permissions=(
        Permission("transaction.read", "reads invoices and gives their PDFs"),
        Permission("customer.read", "names the customers, and finds invoices by them"),
        Permission("adjustment.read", "tells an invoice that was written off from one that was paid"),
        Permission("transaction.write", "cancels and issues invoices, and opens the payment page of a renewal"),
        Permission("subscription.read", "looks whether a renewal is past due before its payment page is opened"),
        Permission("adjustment.write", "writes off by a full credit", is_optional=True),
    ),
    quirks=(
        "There is no retry at Paddle, so the main button is the payment link. It is given only after the invoice was read "
        "again and is still to be paid.",
        "The payment page of a renewal is asked for only while its subscription is past due: for an active one Paddle "
        "would make a new transaction instead. Where Paddle names another transaction, Recoup says so and gives no link.",
        "Payment pages are on your own domain. Name its host in checkout_hosts, else their links are not shown.",
        "A written-off invoice is completed at Paddle, like a paid one. Recoup reads its credits and never calls it paid; "
        "where they cannot be read, it says that it is one of the two.",
        "Only invoices that customers pay themselves (manual collection) can be canceled or credited. Once they are past "
        "due, a credit is all that is left.",
        "When Paddle tries a renewal again is not told, so no date is shown.",
        "A payment page or PDF needs no login: whoever has the link can open it. A PDF's link works for an hour.",
        "A key that is missing, malformed, revoked or expired is refused with 403, as one without a permission is; Recoup "
        "tells them apart by Paddle's code.",
        "Paddle's limit of 240 requests a minute is for one IP address: all accounts that are reached from there share it.",
        "Without a number an invoice is named by its id: Paddle numbers a manual one when it is issued, and the others "
        "when they are paid.",
    ),
)
