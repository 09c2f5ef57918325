"""What Lago can do with an invoice, as data. https://getlago.com/docs/api-reference/invoices/invoice-object"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, Permission, ProviderFacts, Resend
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
            only_unpaid=True,
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
    attempts_list_ours=True,
    settle_after=timedelta(seconds=60),
    link_hosts=frozenset({"api.getlago.com", "api.eu.getlago.com", "app.getlago.com", "checkout.stripe.com"}),
    id_pattern=UUID,
    failed_means=(
        "finalized and still owing, with a failed payment or past its due date. Lost disputes and self-billed invoices do "
        "not count."
    ),
    permissions=(
        Permission("invoice: write", "reads invoices, acts on them, and asks for PDFs and payment pages"),
        Permission("payment: read", "finds out what a retry came to"),
        Permission(
            "payment: write",
            "records a payment that came another way; without it nothing can be marked as paid",
            is_optional=True,
        ),
        Permission(
            "payment_method: read",
            "tells what a retry would charge; without it that stays unknown, and no other method can be chosen",
            is_optional=True,
        ),
    ),
    quirks=(
        "Lago only accepts a retry and charges a moment later, or does nothing and says nothing. Recoup watches the "
        "invoice for a minute and then says what it saw.",
        "Lago does not tell why a bank said no, so every decline looks alike. The reason is with the payment provider.",
        "An invoice that is “failed” in Lago could not be made, for its taxes say. It is no failed payment and not listed.",
        "There is no schedule of automatic retries on an invoice, so none is shown.",
        "E-mails and part payments need a Lago with a premium licence. Without it an e-mail is refused, with the payment "
        "link as the way out, and only the whole invoice can be marked as paid.",
        "The reference of a payment has room for 40 characters in Lago. Recoup writes the first 25 of yours and a mark of "
        "its own by which it finds the payment again; the whole reference is in the history of the invoice.",
        "Whether an e-mail left can never be found out afterwards. When the answer is lost, Recoup says so and does not "
        "send a second one.",
        "Before a void Recoup reads the payments itself and refuses where anything was paid or is under way.",
        "A payment page is opened at the payment provider when somebody asks for the link, not before.",
        "A server of your own may be older and lack stored payment methods, e-mails or links to Lago; what is missing is "
        "left out and said.",
    ),
)
