"""What the fake Lago knows: customers, payment methods, invoices, payments, and the jobs that it still has to run."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from bot.sandbox.providers.lago_magic import BY_NAME, NO_PROVIDER, SILENT
from bot.sandbox.providers.magic import Magic, Result

HOUR = 3600
DAY = 24 * HOUR
TERM = 14
"""Days until an invoice is due."""


@dataclass(slots=True)
class Customer:
    """`external_id` is the operator's own name for it. `is_at_provider` False: the payment provider does not know it."""

    id: str
    external_id: str
    name: str | None
    email: str | None
    created: float
    has_provider: bool = True
    is_at_provider: bool = True
    default: str | None = None
    methods: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Method:
    """A stored payment method; what it does when charged is its magic."""

    id: str
    customer: str
    magic: Magic
    provider_id: str
    created: float


@dataclass(slots=True, kw_only=True)
class Invoice:
    """Amounts in minor units, times in epoch seconds."""

    id: str
    serial: int
    customer: str
    currency: str
    total: int
    created: float
    updated: float
    status: str = "draft"
    payment_status: str = "pending"
    number: str | None = None
    paid: int = 0
    offset: int = 0
    due_at: float = 0
    type: str = "subscription"
    self_billed: bool = False
    dispute_lost_at: float | None = None
    voided_at: float | None = None
    taxes: str = "known"
    """`pending`: the taxes come from elsewhere, later; `broken`: they cannot be found out."""
    has_pdf: bool = True
    is_queued: bool = False
    """A payment job of it waits or runs; there is never a second one."""

    @property
    def due(self) -> int:
        return 0 if self.status == "voided" else self.total - self.paid - self.offset


@dataclass(slots=True, kw_only=True)
class Payment:
    """One payment; `kind` is `provider`, or `manual` for what a person recorded."""

    id: str
    serial: int
    invoice: str
    amount: int
    currency: str
    payment_status: str
    status: str
    created: float
    kind: str = "provider"
    reference: str | None = None
    needs_action: bool = False
    provider_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Charge:
    """One attempt at the bank since the start. `key` is always None: Lago has no idempotency keys."""

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
    """`draft`, `open`, `overdue`, `paid`, `void`, `failed` (it could not be made) or `pending`."""
    created: float
    number: str | None
    due_at: float
    attempts: int
    type: str
    self_billed: bool
    dispute_lost: bool
    taxes: str
    has_pdf: bool


class Books:
    """The state. A job runs at the first look after its time has come."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.customers: dict[str, Customer] = {}
        """By external id."""
        self.methods: dict[str, Method] = {}
        self.invoices: dict[str, Invoice] = {}
        self.payments: dict[str, Payment] = {}
        self.charges: list[Charge] = []
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def new_id(self, kind: int) -> str:
        return f"5a9d{kind:04x}-0000-4000-8000-{self.next_serial():012x}"

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        heapq.heappush(self._jobs, (self.now() + seconds, self.next_serial(), job))

    def run_due(self) -> None:
        while self._jobs and self._jobs[0][0] <= self.now():
            heapq.heappop(self._jobs)[2]()

    # --- filling it

    def add_customer(self, magic: str = "paid", name: str | None = "Example Ltd", email: str | None = None) -> str:
        kind = BY_NAME[magic]
        customer = Customer(
            id=self.new_id(1),
            external_id=f"customer-{self._serial:06d}",
            name=name,
            email=email,
            created=self.now() - 200 * DAY,
            has_provider=magic != NO_PROVIDER,
            is_at_provider=magic != "no_customer",
        )
        self.customers[customer.external_id] = customer
        if kind.has_method:
            self.change_card(customer.external_id, magic)
        return customer.external_id

    def change_card(self, customer: str, magic: str = "paid") -> str:
        """Store a payment method and make it the default one."""
        method = self.add_card(customer, magic)
        self.customers[customer].default = method
        return method

    def add_card(self, customer: str, magic: str = "paid") -> str:
        """Store a payment method beside the ones that are there."""
        method = Method(self.new_id(2), customer, BY_NAME[magic], f"pm_1Sandbox{self._serial:06d}", self.now())
        self.methods[method.id] = method
        self.customers[customer].methods.append(method.id)
        return method.id

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        """A finalized invoice whose payment failed, unless told otherwise: created two days ago. Answers its id."""
        customer = self.customers[wish.get("customer") or self._customer_for(wish)]
        created = float(wish.get("created", self.now() - 2 * DAY))
        invoice = Invoice(
            id=self.new_id(3),
            serial=self._serial,
            customer=customer.external_id,
            currency=wish.get("currency", "EUR").upper(),
            total=wish.get("amount", 4900),
            paid=wish.get("amount_paid", 0),
            created=created,
            updated=created,
            due_at=wish.get("due_at", created + TERM * DAY),
            type=wish.get("type", "subscription"),
            self_billed=wish.get("self_billed", False),
            taxes=wish.get("taxes", "known"),
            has_pdf=wish.get("has_pdf", True),
        )
        if wish.get("dispute_lost"):
            invoice.dispute_lost_at = created + DAY
        self.invoices[invoice.id] = invoice
        self._bring_to(invoice, wish)
        return invoice.id

    def _customer_for(self, wish: Wish) -> str:
        return self.add_customer(wish.get("magic", "paid"), wish.get("name", "Example Ltd"), wish.get("email"))

    def _bring_to(self, invoice: Invoice, wish: Wish) -> None:
        """Let the invoice have lived until its wished-for status."""
        status = wish.get("status", "open")
        if status in ("draft", "failed", "pending"):
            invoice.status = status
            return
        invoice.status = "finalized"
        invoice.number = wish.get("number") or f"LAG-{1000 + invoice.serial}-001"
        match status:
            case "paid":
                self._old_payment(invoice, "succeeded")
                invoice.payment_status, invoice.paid = "succeeded", invoice.total
            case "void":
                invoice.status, invoice.voided_at = "voided", min(invoice.created + DAY, self.now())
            case "overdue":
                invoice.due_at = wish.get("due_at", self.now() - DAY)
            case _:
                invoice.payment_status = "failed"
                for _ in range(wish.get("attempts", 1)):
                    self._old_payment(invoice, "failed")

    def _old_payment(self, invoice: Invoice, status: str) -> None:
        at = max(invoice.created, min(invoice.created + HOUR, self.now() - 3 * HOUR))
        self._add_payment(invoice, invoice.due, status, at)

    def _add_payment(self, invoice: Invoice, amount: int, status: str, at: float) -> Payment:
        said = {"failed": "requires_payment_method", "processing": "processing"}.get(status, status)
        payment = Payment(
            id=self.new_id(4),
            serial=self._serial,
            invoice=invoice.id,
            amount=amount,
            currency=invoice.currency,
            payment_status=status,
            status=said,
            created=at,
            provider_id=f"pi_3Sandbox{self._serial:06d}",
        )
        self.payments[payment.id] = payment
        return payment

    # --- what happens to an invoice, whoever asked for it

    def of_invoice(self, invoice: str) -> list[Payment]:
        """Newest first."""
        mine = [one for one in self.payments.values() if one.invoice == invoice]
        return sorted(mine, key=lambda one: (one.created, one.serial), reverse=True)

    def is_under_way(self, invoice: Invoice) -> bool:
        return invoice.is_queued or any(one.payment_status == "processing" for one in self.of_invoice(invoice.id))

    def is_overdue(self, invoice: Invoice) -> bool:
        is_open = invoice.status == "finalized" and invoice.payment_status != "succeeded"
        return is_open and invoice.dispute_lost_at is None and invoice.due_at < self.now()

    def touch(self, invoice: Invoice) -> None:
        invoice.updated = self.now()

    def collect(self, invoice: Invoice, method_id: str | None = None) -> Charge | None:
        """What Lago's job does: None where it passes the invoice over and says nothing."""
        invoice.is_queued = False
        customer = self.customers[invoice.customer]
        method = self.methods.get(method_id or customer.default or "")
        is_chargeable = customer.has_provider and customer.is_at_provider and not invoice.self_billed
        if invoice.status != "finalized" or invoice.payment_status == "succeeded":
            return None
        if invoice.due == 0:
            self._settle_up(invoice)
            return None
        if not is_chargeable or method is None or method.magic.name in SILENT:
            return None
        return self._charge(invoice, method)

    def _charge(self, invoice: Invoice, method: Method) -> Charge:
        magic = method.magic
        charge = Charge(
            id=f"ch_{self.next_serial()}", invoice=invoice.id, amount=invoice.due, currency=invoice.currency, key=None,
            at=self.now(), result=magic.result, method=method.id, decline=magic.decline,
        )  # fmt: skip
        self.charges.append(charge)
        status = {Result.PAID: "succeeded", Result.DECLINED: "failed"}.get(magic.result, "processing")
        payment = self._add_payment(invoice, charge.amount, status, self.now())
        self.touch(invoice)
        match magic.result:
            case Result.PAID:
                invoice.paid += charge.amount
                self._settle_up(invoice)
            case Result.DECLINED:
                invoice.payment_status = "failed"
            case Result.REQUIRES_ACTION:
                payment.needs_action, payment.status = True, "requires_action"
                invoice.payment_status = "pending"
            case Result.PROCESSING:
                invoice.payment_status = "pending"
        return charge

    def record(self, invoice: Invoice, amount: int, reference: str) -> Payment:
        """A payment that came another way."""
        payment = self._add_payment(invoice, amount, "succeeded", self.now())
        payment.kind, payment.reference, payment.provider_id = "manual", reference, None
        invoice.paid += amount
        self.touch(invoice)
        if invoice.due <= 0:
            self._settle_up(invoice)
        return payment

    def settle(self, invoice: Invoice, *, success: bool) -> None:
        """A processing payment arrives, or bounces. Raises ValueError when none is under way."""
        running = next((one for one in self.of_invoice(invoice.id) if one.payment_status == "processing"), None)
        if running is None:
            raise ValueError("no payment of this invoice is processing")
        running.payment_status = running.status = "succeeded" if success else "failed"
        running.needs_action = False
        charge = next(one for one in reversed(self.charges) if one.invoice == invoice.id)
        if success:
            charge.result = Result.PAID
            invoice.paid += running.amount
            self._settle_up(invoice)
        else:
            charge.result, charge.decline = Result.DECLINED, "card_declined"
            invoice.payment_status = "failed"
        self.touch(invoice)

    def void(self, invoice: Invoice) -> None:
        invoice.status, invoice.voided_at = "voided", self.now()
        self.touch(invoice)

    def _settle_up(self, invoice: Invoice) -> None:
        invoice.payment_status = "succeeded"
        self.touch(invoice)
