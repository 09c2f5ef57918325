"""What Recurly can do with an invoice, as data. https://recurly.com/developers/api/v2021-02-25/#tag/invoice"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, Permission, ProviderFacts, Resend
from bot.domain.invoice import CollectionMethod, InvoiceStatus

ID: Final = r"[a-z0-9]{1,13}"
"""Every id of Recurly's; nothing else may become a part of a path."""

_OPEN: Final = frozenset({InvoiceStatus.OPEN})

FACTS: Final = ProviderFacts(
    slug="recurly",
    name="Recurly",
    docs_url="https://recurly.com/developers/api/v2021-02-25/#tag/invoice",
    capabilities={
        Action.RETRY: Capability(
            allowed_on=_OPEN,
            collection=frozenset({CollectionMethod.AUTOMATIC}),
            provider_term="collect",
            consequence=(
                "Recurly charges the customer's billing info for the whole balance, now and beside its own schedule. The "
                "attempt counts among the 20 that Recurly makes at most."
            ),
            otherwise=(
                "Recurly charges nothing here, because the customer pays this invoice themselves. Send them its PDF, or "
                "mark it as paid once the money has come."
            ),
            takes_method=True,
        ),
        Action.UNCOLLECTIBLE: Capability(
            allowed_on=_OPEN,
            provider_term="mark failed",
            consequence=(
                "This is final: the invoice is written off as a bad debt by a credit invoice, can never be collected or "
                "opened again, and Recurly stops its retries and e-mails about it. It does not cancel the subscription, "
                "which goes on and makes new invoices; cancel that in Recurly if you mean to."
            ),
        ),
        Action.PAID: Capability(
            allowed_on=_OPEN,
            provider_term="mark successful or record a payment",
            consequence=(
                "No money is taken. An invoice that the customer pays themselves gets the payment recorded, a part of it "
                "if you say so; one that is charged automatically is marked as successful as a whole. Recurly stops "
                "collecting what is paid, and this cannot be undone."
            ),
            takes_part=True,
        ),
    },
    instead={
        Action.RESEND: (
            "Recurly's API sends no e-mails. In Recurly, open the invoice and press Resend Last Email, or send the "
            "customer the PDF yourself."
        ),
        Action.VOID: (
            "In Recurly only credit invoices can be voided. Mark this one as uncollectible, or credit it in Recurly."
        ),
        Action.FINALIZE: "Recurly has no drafts: an invoice is final as soon as it exists.",
        Action.REFRESH: "Recurly has no drafts to recompute; look at the invoice again to see it as it is now.",
    },
    resend=Resend.KEYED,
    key_window=timedelta(hours=1),
    link_hosts=frozenset(),
    link_logs_in=True,
    pdf_is_file=True,
    attempts_list_ours=True,
    id_pattern=r"(?=[a-z]*[0-9])(?=[0-9]*[a-z])[a-z0-9]{11,13}",
    failed_means=(
        "a charge invoice that is past due: its payment was declined, or the customer did not pay it in time. Credit "
        "invoices, and what has been given up, do not count."
    ),
    permissions=(
        Permission("a private API key", "reads and does everything; Recurly documents no key that may do less"),
        Permission(
            "the feature Wallet of the site",
            "lists several payment methods of a customer; without it there is one, and no other can be chosen",
            is_optional=True,
        ),
    ),
    quirks=(
        "Neither the key nor the address tells test from live, so Recoup asks Recurly for the site's name and mode before "
        "anything else, and does nothing where either differs from the settings.",
        "What Recurly calls “failed” is given up and written off: Recoup shows it as uncollectible, never as paid.",
        "Recurly always charges the whole balance. Recoup compares it with the amount that you saw right before it sends.",
        "Recurly's own retries go on beside Recoup, and its API does not tell when the next one is.",
        "A key for repeating a request is kept for one hour; afterwards only reading tells what happened.",
        "An older version of this API allowed one attempt per customer and hour; the present one does not say. Where "
        "Recurly refuses for such a reason, nothing was charged and Recoup says so.",
        "The payment link is the customer's account page: whoever opens it is logged in as the customer. Recoup fetches it "
        "each time, gives it privately and never keeps it.",
        "A PDF comes as a file, in direct messages: Recurly gives it only to the key. Beyond 500 lines it is cut.",
        "Names are looked for among customers with an invoice that is past due; number, id, account code and e-mail "
        "address find every invoice.",
        "A payment on an invoice that is charged automatically can only be noted as the whole; parts can be recorded where "
        "the customer pays themselves. A recorded payment holds the first 35 characters of your reference and a mark by "
        "which Recoup finds it again.",
        "Recurly tells the card of an attempt by its last digits, not by the id of the billing info. Where two stored ones "
        "look alike, Recoup asks back rather than guess which was declined.",
    ),
)
"""`link_hosts` is the account's own affair: its subdomain is the host of its pages."""
