"""Example values that mean something: Ana the agent, Tom her lead, and what Acme and others owe."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.action import STAR, Action, Word
from bot.domain.capability import Capability, ProviderFacts, Resend
from bot.domain.decline import Decline, DeclineClass
from bot.domain.invoice import (
    CollectionMethod,
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    PaymentMethod,
    PaymentState,
)
from bot.domain.money import Money
from bot.domain.policy import Actor, People, Person, Policy, Role, Rule
from bot.domain.records import ReplyTo

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TEAM = "T0TEAM"
CHANNEL = "C0FIN"
OTHER_CHANNEL = "C0OTHER"
OPS = "C0OPS"

ANA = Actor("U0ANA", TEAM)
TOM = Actor("U0TOM", TEAM)
EVE = Actor("U0EVE", TEAM)
"""In no role."""

VISA = PaymentMethod("pm_visa", "visa ending 4242")
AMEX = PaymentMethod("pm_amex", "amex ending 0005")
FUNDS = Decline(DeclineClass.SOFT, "insufficient_funds", "insufficient funds", method=VISA.id, method_label=VISA.label)
STOLEN = Decline(
    DeclineClass.HARD, "stolen_card", "stolen card", confidential=True, method=VISA.id, method_label=VISA.label
)

REF = InvoiceRef("stripe", "in_1")
OWED = Money(42_000, "EUR")
INVOICE = Invoice(
    ref=REF,
    status=InvoiceStatus.OPEN,
    provider_status="open",
    owed=OWED,
    live=True,
    number="ACME-7",
    customer_id="cus_acme",
    customer_name="Acme",
    created_at=NOW - timedelta(days=20),
    failed_because=FailedBecause.PAYMENT_FAILED,
    attempts=2,
    payment=PaymentState.FAILED,
    newest_charge="ch_1",
    newest_charge_at=NOW - timedelta(days=1),
    decline=FUNDS,
    method=VISA,
)


def an_invoice(number: int = 1, amount: int = 42_000, currency: str = "EUR", *, account: str = "stripe") -> Invoice:
    """One of many: `in_<number>` owes `amount` minor units."""
    ref = InvoiceRef(account, f"in_{number}")
    return replace(INVOICE, ref=ref, owed=Money(amount, currency), number=f"ACME-{number}")


def paid(invoice: Invoice = INVOICE, *, charge: str = "ch_2") -> Invoice:
    return replace(
        invoice,
        status=InvoiceStatus.PAID,
        provider_status="paid",
        owed=Money(0, invoice.owed.currency),
        payment=PaymentState.SUCCEEDED,
        newest_charge=charge,
        decline=None,
    )


def declined(invoice: Invoice = INVOICE, decline: Decline = FUNDS, *, charge: str = "ch_2") -> Invoice:
    """As it looks after another try that the bank refused."""
    return replace(invoice, newest_charge=charge, decline=decline)


def ended(invoice: Invoice, status: InvoiceStatus) -> Invoice:
    return replace(invoice, status=status, provider_status=status.value)


_PAYABLE = frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE})
FACTS = ProviderFacts(
    slug="example",
    name="Example Pay",
    docs_url="https://pay.example.com/docs",
    capabilities={
        Action.RETRY: Capability(
            _PAYABLE, "pay", "The card is charged.", frozenset({CollectionMethod.AUTOMATIC}), takes_method=True
        ),
        Action.VOID: Capability(_PAYABLE, "void", "Nothing is owed any more."),
        Action.UNCOLLECTIBLE: Capability(frozenset({InvoiceStatus.OPEN}), "write off", "It is a bad debt."),
        Action.RESEND: Capability(
            frozenset({InvoiceStatus.OPEN}),
            "send",
            "The customer gets the invoice by e-mail again.",
            frozenset({CollectionMethod.MANUAL}),
            otherwise="Example Pay e-mails only invoices that the customer pays without being charged.",
        ),
        Action.FINALIZE: Capability(frozenset({InvoiceStatus.DRAFT}), "finalize", "The draft gets its number."),
        Action.PAID: Capability(_PAYABLE, "mark paid", "Nothing is collected any more."),
    },
    resend=Resend.KEYED,
    key_window=timedelta(hours=24),
    link_hosts=frozenset({"pay.example.com"}),
    id_pattern=r"in_[A-Za-z0-9_]+",
    failed_means="open and tried at least once.",
    instead={Action.REFRESH: "Example Pay recomputes drafts by itself."},
    settle_after=timedelta(seconds=120),
)

AGENTS = "S0AGENTS"
AGENT_LIMIT = Money(100_000, "EUR")
AGENT_DAY = Money(150_000, "EUR")
POLICY = Policy(
    roles={
        "agent": Role("agent", usergroups=frozenset({AGENTS})),
        "lead": Role("lead", users=frozenset({TOM.user})),
    },
    rules=(
        Rule(
            "agent",
            frozenset({Word.VIEW, Word.RETRY, Word.LINK, Word.VOID}),
            up_to={"EUR": AGENT_LIMIT},
            per_day={"EUR": AGENT_DAY},
            channels=frozenset({CHANNEL}),
        ),
        Rule("lead", STAR | {Word.DIGEST, Word.SHARE}),
    ),
    team=TEAM,
)
PEOPLE = People(
    groups={AGENTS: frozenset({ANA.user})},
    persons={ANA.user: Person(), TOM.user: Person(), EVE.user: Person()},
    read_at=NOW,
)

URL = "https://hooks.slack.com/actions/secret"


def on_message(user: Actor = ANA, *, channel: str = CHANNEL, ts: str = "1763600000.000100") -> ReplyTo:
    """Where a button was pressed on a message that everybody sees."""
    return ReplyTo(user=user.user, channel=channel, ts=ts, response_url=URL, response_url_until=NOW + timedelta(minutes=30))


def on_card(user: Actor = ANA) -> ReplyTo:
    """Where a button was pressed on a private card."""
    return replace(on_message(user), ts=None, is_ephemeral=True)


def by_command(user: Actor = ANA, *, channel: str = CHANNEL) -> ReplyTo:
    return replace(on_message(user, channel=channel), ts=None)
