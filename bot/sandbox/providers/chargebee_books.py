"""What the fake Chargebee knows: customers, payment sources, invoices, transactions, and what is still to happen.

Amounts are Chargebee's: whole units of JPY, KRW, XAF and XOF, hundredths of every other currency.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from bot.sandbox.providers.chargebee_magic import BY_NAME, DECLINES
from bot.sandbox.providers.magic import Magic, Result

HOUR = 3600
DAY = 24 * HOUR
UNPAID = ("posted", "payment_due", "not_paid")
LATE_BY = 5.0
"""Seconds after which a charge is made that came late."""


@dataclass(slots=True)
class Customer:
    """`primary` is the payment source that is charged; `auto_collection` whether by itself."""

    id: str
    company: str | None
    email: str | None
    created: int
    auto_collection: bool = True
    primary: str | None = None
    sources: list[str] = field(default_factory=list)
    first_name: str | None = None
    last_name: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A stored payment method; what it does when charged is its magic."""

    id: str
    customer: str
    magic: Magic
    last4: str
    created: int
    brand: str = "visa"


@dataclass(slots=True, kw_only=True)
class Transaction:
    """One payment of an invoice: tried at a gateway, or recorded by a person (then without a source)."""

    id: str
    invoice: str
    customer: str
    amount: int
    currency: str
    status: str
    date: int
    payment_method: str
    source: str | None = None
    initiator: str | None = None
    decline: str | None = None
    reference: str | None = None
    last4: str | None = None


@dataclass(slots=True, kw_only=True)
class Invoice:
    """Amounts in Chargebee's units, times in epoch seconds. `id` is the number, too."""

    id: str
    serial: int
    customer: str
    currency: str
    total: int
    date: int
    updated: float
    status: str = "pending"
    due: int = 0
    adjusted: int = 0
    written_off: int = 0
    net_term_days: int = 0
    dunning: str | None = None
    next_retry: int | None = None
    dunning_attempts: list[str] = field(default_factory=list)
    paid_at: int | None = None
    voided_at: int | None = None
    void_reason: str | None = None
    credit_note: str | None = None
    channel: str = "web"
    payer: str | None = None
    comments: list[str] = field(default_factory=list)
    version: int = 1
    busy_until: float = 0.0


@dataclass(slots=True, kw_only=True)
class Charge:
    """One attempt at the bank since the start. `key` is the idempotency key that asked for it, None for anybody else's
    doing."""

    id: str
    invoice: str
    amount: int
    currency: str
    key: str | None
    at: float
    result: Result
    method: str | None
    decline: str | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail to a customer."""

    id: str
    customer: str
    to: str | None
    subject: str
    at: float


class Wish(TypedDict, total=False):
    """What `add_invoice` may be told; everything has a default. Times in epoch seconds, amounts in Chargebee's units."""

    amount: int
    amount_paid: int
    currency: str
    customer: str
    name: str | None
    email: str | None
    magic: str
    status: str
    """`draft`, `open` (payment due), `posted`, `not_paid`, `paid`, `void` or `uncollectible` (written off)."""
    created: float
    number: str | None
    attempts: int
    decline: str | None
    next_attempt: float | None
    net_term_days: int
    auto_collection: bool
    channel: str
    payer: str


STATUSES = {"draft": "pending", "open": "payment_due", "void": "voided", "uncollectible": "paid"}


class Books:
    """The state. What comes late happens at the first look after its time has come."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.customers: dict[str, Customer] = {}
        self.sources: dict[str, Source] = {}
        self.invoices: dict[str, Invoice] = {}
        self.transactions: dict[str, Transaction] = {}
        self._of_invoice: dict[str, list[Transaction]] = {}
        self.charges: list[Charge] = []
        self.mails: list[Mail] = []
        self._jobs: list[tuple[float, int, Callable[[], object]]] = []
        self._serial = 0

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def new_id(self, prefix: str) -> str:
        return f"{prefix}Sandbox{self.next_serial():06d}"

    def today(self) -> int:
        return int(self.now())

    def later(self, seconds: float, job: Callable[[], object]) -> None:
        heapq.heappush(self._jobs, (self.now() + seconds, self.next_serial(), job))

    def run_due(self) -> None:
        while self._jobs and self._jobs[0][0] <= self.now():
            heapq.heappop(self._jobs)[2]()

    # --- filling it

    def add_customer(self, magic: str = "paid", name: str | None = "Example Ltd", email: str | None = None) -> str:
        customer = Customer(self.new_id("Az"), name, email, self.today() - 200 * DAY)
        self.customers[customer.id] = customer
        if BY_NAME[magic].has_method:
            self.change_card(customer.id, magic)
        return customer.id

    def change_card(self, customer: str, magic: str = "paid") -> str:
        """Store a payment source and make it the primary one."""
        source = self.add_card(customer, magic)
        self.customers[customer].primary = source
        return source

    def add_card(self, customer: str, magic: str = "paid", *, last4: str | None = None, brand: str = "visa") -> str:
        """Store a payment source beside the ones that are there."""
        kind = BY_NAME[magic]
        usual = "6789" if kind.bank_debit else DECLINES[kind.decline].last4 if kind.decline else "4242"
        source = Source(self.new_id("pm_"), customer, kind, last4 or usual, self.today(), brand)
        self.sources[source.id] = source
        self.customers[customer].sources.append(source.id)
        return source.id

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        """A card invoice whose payment failed, unless told otherwise: dated two days ago. Answers its id."""
        customer = self.customers[wish.get("customer") or self._customer_for(wish)]
        created = int(wish.get("created", self.now() - 2 * DAY))
        term = wish.get("net_term_days", 0)
        serial = self.next_serial()
        invoice = Invoice(
            id=wish.get("number") or f"CB-{1000 + serial}",
            serial=serial,
            customer=customer.id,
            currency=wish.get("currency", "EUR").upper(),
            total=wish.get("amount", 4900),
            date=created,
            due=created + term * DAY,
            updated=created,
            net_term_days=term,
            channel=wish.get("channel", "web"),
            payer=wish.get("payer"),
        )
        customer.auto_collection = wish.get("auto_collection", customer.auto_collection)
        self.invoices[invoice.id] = invoice
        self._bring_to(invoice, wish)
        return invoice.id

    def _customer_for(self, wish: Wish) -> str:
        return self.add_customer(wish.get("magic", "paid"), wish.get("name", "Example Ltd"), wish.get("email"))

    def _bring_to(self, invoice: Invoice, wish: Wish) -> None:
        """Let the invoice have lived until its wished-for status."""
        status = wish.get("status", "open")
        invoice.status = STATUSES.get(status, status)
        if wish.get("amount_paid"):
            self._add(invoice, wish["amount_paid"], "success", invoice.date)
        at = min(invoice.date + DAY, self.today())
        match status:
            case "paid":
                self._add(invoice, self.owed(invoice), "success", at)
                invoice.paid_at, invoice.dunning = at, "success"
            case "void":
                invoice.voided_at = at
            case "uncollectible":
                invoice.status = "not_paid"
                self._tried(invoice, wish)
                self.write_off(invoice, at)
            case "open" | "not_paid":
                self._tried(invoice, wish)
            case _:  # a draft, or posted: nothing was tried yet
                pass

    def _tried(self, invoice: Invoice, wish: Wish) -> None:
        """The attempts that Chargebee made by itself before the fake started."""
        magic = BY_NAME[wish.get("magic", "paid")]
        decline = wish.get("decline", magic.decline or "insufficient_funds")
        attempts = wish.get("attempts", 1)
        if self.customers[self.payer(invoice)].primary is None or decline is None:
            attempts = 0
        for place in range(attempts):
            at = max(invoice.date, min(invoice.date + HOUR * (1 + place), self.today() - 3 * HOUR))
            tried = self._add(invoice, self.owed(invoice), "failure", at)
            tried.decline = decline
            if place:
                invoice.dunning_attempts.append(tried.id)
        is_over = invoice.status == "not_paid"
        invoice.dunning = "exhausted" if is_over else "in_progress"
        invoice.next_retry = None if is_over else int(wish.get("next_attempt", self.now() + DAY) or 0) or None

    def _add(self, invoice: Invoice, amount: int, status: str, at: int) -> Transaction:
        source = self.sources.get(self.customers[self.payer(invoice)].primary or "")
        is_debit = source is not None and source.magic.bank_debit
        transaction = Transaction(
            id=self.new_id("txn_"),
            invoice=invoice.id,
            customer=self.payer(invoice),
            amount=amount,
            currency=invoice.currency,
            status=status,
            date=at,
            payment_method="direct_debit" if is_debit else "card",
            source=source.id if source else None,
            initiator="merchant",
            last4=source.last4 if source else None,
        )
        self.transactions[transaction.id] = transaction
        self._of_invoice.setdefault(invoice.id, []).append(transaction)
        return transaction

    # --- what an invoice comes to

    def payer(self, invoice: Invoice) -> str:
        return invoice.payer or invoice.customer

    def of_invoice(self, invoice: str) -> list[Transaction]:
        """Oldest first."""
        return self._of_invoice.get(invoice, [])

    def paid(self, invoice: Invoice) -> int:
        return sum(one.amount for one in self.of_invoice(invoice.id) if one.status == "success")

    def owed(self, invoice: Invoice) -> int:
        if invoice.status == "voided":
            return 0
        return max(invoice.total - self.paid(invoice) - invoice.adjusted, 0)

    def to_collect(self, invoice: Invoice) -> int:
        running = sum(one.amount for one in self.of_invoice(invoice.id) if one.status == "in_progress")
        return max(self.owed(invoice) - running, 0)

    def is_under_way(self, invoice: Invoice) -> bool:
        return any(one.status == "in_progress" for one in self.of_invoice(invoice.id))

    def touch(self, invoice: Invoice) -> None:
        invoice.updated, invoice.version = self.now(), invoice.version + 1

    # --- what happens to it, whoever asked for it

    def charge(self, invoice: Invoice, source: Source, amount: int, key: str | None) -> Transaction:
        """Go to the bank with a payment source, whatever comes of it, and write it down."""
        magic = source.magic
        status = {Result.PAID: "success", Result.PROCESSING: "in_progress"}.get(magic.result, "failure")
        made = self._add(invoice, amount, status, self.today())
        made.source, made.last4, made.decline = source.id, source.last4, magic.decline
        made.payment_method = "direct_debit" if magic.bank_debit else "card"
        self.charges.append(
            Charge(
                id=made.id, invoice=invoice.id, amount=amount, currency=invoice.currency, key=key, at=self.now(),
                result=magic.result, method=source.id, decline=magic.decline,
            )
        )  # fmt: skip
        if invoice.status == "posted" and status == "failure":
            invoice.status = "payment_due" if invoice.due <= self.today() else "posted"
        self._settle_up(invoice)
        self.touch(invoice)
        return made

    def dun(self, invoice: Invoice) -> Transaction:
        """Chargebee's own retry runs. Raises ValueError when there is nothing to charge."""
        source = self.sources.get(self.customers[self.payer(invoice)].primary or "")
        if source is None:
            raise ValueError("the customer has no payment method")
        made = self.charge(invoice, source, self.to_collect(invoice), None)
        invoice.dunning_attempts.append(made.id)
        if invoice.status == "payment_due":
            invoice.next_retry = self.today() + 3 * DAY
        return made

    def record(self, invoice: Invoice, amount: int, method: str, reference: str | None) -> Transaction:
        """A payment that came another way."""
        made = self._add(invoice, amount, "success", self.today())
        made.source = made.last4 = made.initiator = None
        made.payment_method, made.reference = method, reference
        self._settle_up(invoice)
        self.touch(invoice)
        return made

    def settle(self, invoice: Invoice, *, success: bool) -> None:
        """A processing debit arrives, or bounces. Raises ValueError when none is under way."""
        running = next((one for one in self.of_invoice(invoice.id) if one.status == "in_progress"), None)
        if running is None:
            raise ValueError("no payment of this invoice is processing")
        charge = next((one for one in self.charges if one.id == running.id), None)
        running.status, running.decline = ("success", None) if success else ("failure", "insufficient_funds")
        if charge is not None:
            charge.result = Result.PAID if success else Result.DECLINED
            charge.decline = running.decline
        self._settle_up(invoice)
        self.touch(invoice)

    def write_off(self, invoice: Invoice, at: int) -> None:
        """Ends as paid, with a credit note over all that was owed."""
        invoice.written_off = self.owed(invoice)
        invoice.adjusted += invoice.written_off
        invoice.status, invoice.paid_at, invoice.credit_note = "paid", at, f"CN-{invoice.serial}"
        invoice.dunning, invoice.next_retry = "stopped", None
        self.touch(invoice)

    def void(self, invoice: Invoice, reason: str | None = None) -> None:
        invoice.status, invoice.voided_at, invoice.void_reason = "voided", self.today(), reason
        invoice.dunning, invoice.next_retry = "stopped" if invoice.dunning else None, None
        self.touch(invoice)

    def finalize(self, invoice: Invoice, key: str | None) -> None:
        """Close it, and collect it where that goes by itself."""
        invoice.due = self.today() + invoice.net_term_days * DAY
        invoice.status = "posted" if invoice.net_term_days else "payment_due"
        customer = self.customers[self.payer(invoice)]
        source = self.sources.get(customer.primary or "")
        if self.owed(invoice) == 0:
            self._settle_up(invoice)
        elif invoice.status == "payment_due" and customer.auto_collection and source is not None:
            self.charge(invoice, source, self.owed(invoice), key)
        self.touch(invoice)

    def _settle_up(self, invoice: Invoice) -> None:
        if self.owed(invoice) == 0 and not self.is_under_way(invoice):
            invoice.status, invoice.paid_at = "paid", self.today()
            invoice.dunning, invoice.next_retry = "success", None
