"""What the fake Recurly knows: customers, billing infos, invoices, transactions, and what it still has to charge."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from bot.sandbox.providers.magic import Magic, Result
from bot.sandbox.providers.recurly_magic import BY_NAME, DECLINES

HOUR = 3600
DAY = 24 * HOUR
WORKING_CARD = "1111"


@dataclass(slots=True)
class Customer:
    """`code` is the operator's own name for the account; `token` opens its page without a password."""

    id: str
    code: str
    name: str | None
    email: str | None
    token: str
    created: float
    magic: str = "paid"
    methods: list[str] = field(default_factory=list)
    """The first one is the primary."""


@dataclass(frozen=True, slots=True)
class Method:
    """A billing info; what it does when charged is its magic."""

    id: str
    customer: str
    magic: Magic
    last_four: str
    created: float


@dataclass(slots=True, kw_only=True)
class Invoice:
    """Amounts in minor units, times in epoch seconds."""

    id: str
    number: str
    customer: str
    currency: str
    total: int
    created: float
    updated: float
    due: float
    state: str = "past_due"
    type: str = "charge"
    origin: str = "renewal"
    collection_method: str = "automatic"
    paid: int = 0
    credited: int = 0
    closed: float | None = None
    billing_info: str | None = None
    write_off: str | None = None
    """The credit invoice by which it was written off."""

    @property
    def balance(self) -> int:
        return 0 if self.type == "credit" else self.total - self.paid - self.credited

    @property
    def is_charge(self) -> bool:
        return self.type != "credit"


@dataclass(slots=True, kw_only=True)
class Transaction:
    """One movement of money or an attempt at it. `code` is what Recurly makes of the gateway's answer."""

    id: str
    serial: int
    invoice: str
    amount: int
    currency: str
    status: str
    origin: str | None
    created: float
    last_four: str | None
    method: str | None = None
    is_debit: bool = False
    code: str | None = None
    description: str | None = None
    collection_method: str = "automatic"


@dataclass(slots=True, kw_only=True)
class Charge:
    """One attempt at the bank since the start."""

    id: str
    invoice: str
    amount: int
    currency: str
    key: str | None
    at: float
    result: Result
    method: str | None
    decline: str | None = None


class Wish(TypedDict, total=False):
    """What `add_invoice` may be told; everything has a default. Times in epoch seconds, amounts in minor units."""

    amount: int
    amount_paid: int
    currency: str
    customer: str
    name: str | None
    email: str | None
    magic: str
    status: str
    """`past_due` (or `open`, as the page says), `pending`, `processing`, `paid`, `failed`, or `credit`: an open credit
    invoice."""
    collection_method: str
    created: float
    number: str
    due: float
    attempts: int
    type: str


class Books:
    """The state. A job runs at the first look after its time has come."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.customers: dict[str, Customer] = {}
        self.methods: dict[str, Method] = {}
        self.invoices: dict[str, Invoice] = {}
        self.transactions: dict[str, list[Transaction]] = {}
        """By invoice, the oldest first."""
        self.charges: list[Charge] = []
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0

    def new_id(self, kind: str) -> str:
        self._serial += 1
        return f"{kind}5a{self._serial:08d}"

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._jobs, (self.now() + seconds, self._serial, job))

    def run_due(self) -> None:
        while self._jobs and self._jobs[0][0] <= self.now():
            heapq.heappop(self._jobs)[2]()

    # --- filling it

    def add_customer(self, magic: str = "paid", name: str | None = "Example Ltd", email: str | None = None) -> str:
        identifier = self.new_id("qa")
        customer = Customer(
            id=identifier, code=f"customer-{self._serial:06d}", name=name, email=email,
            token=f"sandboxlogin{self._serial:08d}", created=self.now() - 200 * DAY, magic=magic,
        )  # fmt: skip
        self.customers[identifier] = customer
        if BY_NAME[magic].has_method:
            self.change_card(identifier, magic)
        return identifier

    def change_card(self, customer: str, magic: str = "paid") -> str:
        """The customer enters another card, which replaces the primary one."""
        method = self.add_card(customer, magic)
        kept = self.customers[customer].methods
        kept[:] = [method, *(one for one in kept[1:] if one != method)]
        return method

    def add_card(self, customer: str, magic: str = "paid", last_four: str | None = None) -> str:
        """Store a billing info beside the ones that are there."""
        kind = BY_NAME[magic]
        decline = DECLINES.get(kind.decline or "")
        digits = last_four or (decline.last_four if decline else WORKING_CARD)
        method = Method(self.new_id("bi"), customer, kind, digits, self.now())
        self.methods[method.id] = method
        self.customers[customer].methods.append(method.id)
        return method.id

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        """A past due invoice whose payment was declined, unless told otherwise: created two days ago. Answers its id."""
        customer = wish.get("customer") or self.add_customer(
            wish.get("magic", "paid"), wish.get("name", "Example Ltd"), wish.get("email")
        )
        created = float(wish.get("created", self.now() - 2 * DAY))
        status = {"open": "past_due"}.get(wish.get("status", "open"), wish.get("status", "open"))
        identifier = self.new_id("ra")
        invoice = Invoice(
            id=identifier,
            number=wish.get("number") or str(1000 + self._serial),
            customer=customer,
            currency=wish.get("currency", "EUR").upper(),
            total=wish.get("amount", 4900),
            paid=wish.get("amount_paid", 0),
            created=created,
            updated=created,
            due=wish.get("due", created),
            collection_method=wish.get("collection_method", "automatic"),
            type="credit" if status == "credit" else wish.get("type", "charge"),
        )
        self.invoices[identifier] = invoice
        self.transactions[identifier] = []
        self._bring_to(invoice, status, wish.get("attempts", 1))
        return identifier

    def _bring_to(self, invoice: Invoice, status: str, attempts: int) -> None:
        """Let the invoice have lived until its wished-for state."""
        invoice.state = {"credit": "open"}.get(status, status)
        if status == "processing":
            self._old(invoice, "processing")
        if status == "paid":
            self._old(invoice, "success")
            invoice.paid, invoice.closed = invoice.total, invoice.updated
        if status == "failed":
            self._old(invoice, "declined")
            self.write_off(invoice)
        if status == "past_due" and invoice.collection_method == "automatic":
            for _ in range(attempts):
                self._old(invoice, "declined")

    def _old(self, invoice: Invoice, status: str) -> None:
        at = max(invoice.created, min(invoice.created + HOUR, self.now() - 3 * HOUR))
        kept = self.customers[invoice.customer].methods
        method = self.methods[kept[0]] if kept else None
        self._add(invoice, method, status, origin="recurring", at=at)

    def _add(self, invoice: Invoice, method: Method | None, status: str, *, origin: str | None, at: float) -> Transaction:
        code = {"success": "approved"}.get(status)
        if status in ("declined", "error"):
            code = method.magic.decline if method and method.magic.decline else "declined"
        made = Transaction(
            id=self.new_id("rt"), serial=self._serial, invoice=invoice.id, amount=invoice.balance,
            currency=invoice.currency, status=status, origin=origin, created=at,
            last_four=method.last_four if method else None, method=method.id if method else None,
            is_debit=bool(method and method.magic.bank_debit), code=code,
        )  # fmt: skip
        self.transactions[invoice.id].append(made)
        invoice.updated = max(invoice.updated, at)
        return made

    # --- what happens to an invoice, whoever asked for it

    def primary(self, invoice: Invoice) -> Method | None:
        kept = self.customers[invoice.customer].methods
        return self.methods.get(invoice.billing_info or (kept[0] if kept else ""))

    def charge(self, invoice: Invoice, method: Method, *, origin: str, key: str | None = None) -> Charge:
        """Ask the bank for the whole balance."""
        magic = method.magic
        charge = Charge(
            id=self.new_id("ch"), invoice=invoice.id, amount=invoice.balance, currency=invoice.currency, key=key,
            at=self.now(), result=magic.result, method=method.id, decline=magic.decline,
        )  # fmt: skip
        self.charges.append(charge)
        status = {Result.PAID: "success", Result.PROCESSING: "processing"}.get(magic.result, "declined")
        decline = DECLINES.get(magic.decline or "")
        self._add(invoice, method, decline.status if decline else status, origin=origin, at=self.now())
        if magic.result is Result.PAID:
            invoice.paid += charge.amount
            self.close(invoice, "paid")
        elif magic.result is Result.PROCESSING:
            invoice.state = "processing"
        else:
            invoice.state = "past_due"
        return charge

    def record(self, invoice: Invoice, amount: int, method: str, description: str | None) -> Transaction:
        """A payment that came another way."""
        made = self._add(invoice, None, "success", origin="api", at=self.now())
        made.amount, made.description, made.collection_method, made.method = amount, description, "manual", method
        invoice.paid += amount
        if invoice.balance <= 0:
            self.close(invoice, "paid")
        return made

    def mark_paid(self, invoice: Invoice) -> None:
        invoice.paid, invoice.credited = invoice.total, 0
        self.close(invoice, "paid")

    def write_off(self, invoice: Invoice) -> None:
        """A credit invoice over what is owed, applied at once."""
        identifier = self.new_id("ra")
        credit = Invoice(
            id=identifier, number=str(1000 + self._serial), customer=invoice.customer, currency=invoice.currency,
            total=invoice.balance, created=self.now(), updated=self.now(), due=self.now(), state="closed", type="credit",
            origin="write_off", closed=self.now(),
        )  # fmt: skip
        self.invoices[identifier], self.transactions[identifier] = credit, []
        invoice.credited, invoice.write_off = invoice.balance, identifier
        self.close(invoice, "failed")

    def close(self, invoice: Invoice, state: str) -> None:
        invoice.state, invoice.closed, invoice.updated = state, self.now(), self.now()

    def settle(self, invoice: Invoice, *, success: bool) -> None:
        """A processing payment arrives, or bounces. Raises ValueError when none is under way."""
        running = next((one for one in reversed(self.transactions[invoice.id]) if one.status == "processing"), None)
        if running is None:
            raise ValueError("no payment of this invoice is processing")
        charge = next((one for one in reversed(self.charges) if one.invoice == invoice.id), None)
        running.status, running.code = ("success", "approved") if success else ("declined", "ach_return")
        if charge is not None:
            charge.result = Result.PAID if success else Result.DECLINED
        if success:
            invoice.paid += running.amount
            self.close(invoice, "paid")
        else:
            invoice.state = "past_due"
