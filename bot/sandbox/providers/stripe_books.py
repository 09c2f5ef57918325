"""What the fake Stripe knows: customers, payment methods, invoices, intents and every attempt at the bank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from bot.sandbox.providers.magic import Magic, Result
from bot.sandbox.providers.stripe_magic import BY_NAME, DECLINES

HOUR = 3600
DAY = 24 * HOUR


@dataclass(slots=True)
class Customer:
    """`methods` are payment method ids; `default` is the one invoices are charged to."""

    id: str
    name: str | None
    email: str | None
    created: int
    default: str | None = None
    methods: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Method:
    """A stored card or bank debit; what it does when charged is its magic."""

    id: str
    customer: str
    magic: Magic
    last4: str
    created: int
    brand: str = "visa"


@dataclass(slots=True, kw_only=True)
class Invoice:
    """Amounts in minor units, times in epoch seconds. `serial` breaks ties of `created`."""

    id: str
    serial: int
    customer: str
    customer_name: str | None
    customer_email: str | None
    currency: str
    amount_due: int
    created: int
    collection_method: str
    status: str = "draft"
    number: str | None = None
    amount_paid: int = 0
    off_stripe: int = 0
    due_date: int | None = None
    attempts: int = 0
    next_attempt: int | None = None
    auto_advance: bool = True
    subscription: str | None = None
    default_method: str | None = None
    intent: str | None = None
    finalized_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None
    uncollectible_at: int | None = None
    unfinalizable: str | None = None
    """The error code that finalizing meets until somebody edits the draft."""
    busy_until: float = 0.0

    @property
    def amount_remaining(self) -> int:
        return max(self.amount_due - self.amount_paid, 0)


@dataclass(slots=True)
class Intent:
    """The PaymentIntent behind an invoice. `decline` names the last decline, `failed` the method that had it."""

    id: str
    invoice: str
    customer: str
    amount: int
    currency: str
    created: int
    status: str = "requires_payment_method"
    method: str | None = None
    latest_charge: str | None = None
    decline: str | None = None
    failed: str | None = None


@dataclass(slots=True, kw_only=True)
class Charge:
    """One attempt at the bank. `key` is the idempotency key that asked for it, None for anybody else's doing."""

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
class Event:
    """Something that happened to an invoice, and the invoice as it was then. `request` is the one that caused it, `key` its
    idempotency key; both None for what nobody asked for by API."""

    id: str
    type: str
    created: int
    invoice: Invoice
    request: str | None
    key: str | None


class Wish(TypedDict, total=False):
    """What `add_invoice` may be told; everything has a default. Times in epoch seconds, amounts in minor units."""

    id: str
    amount: int
    amount_paid: int
    currency: str
    customer: str
    """An existing customer's id; else a new one is made from `name`, `email` and `magic`."""
    name: str | None
    email: str | None
    magic: str
    status: str
    attempts: int
    created: float
    collection_method: str
    number: str | None
    decline: str | None
    due_date: float | None
    next_attempt: float | None
    subscription: bool
    charged_at: float
    unfinalizable: str


class Books:
    """The state. `charges` are the attempts since the fake started; older ones are only to be looked up by id."""

    def __init__(self, now: Callable[[], float], account: str) -> None:
        self.now = now
        self.account = account
        self.customers: dict[str, Customer] = {}
        self.methods: dict[str, Method] = {}
        self.invoices: dict[str, Invoice] = {}
        self.intents: dict[str, Intent] = {}
        self.subscriptions: dict[str, str] = {}
        """Subscription id to customer id."""
        self.cardless: set[str] = set()
        """Customers whose lack of a card Stripe tells as a card error."""
        self.charges: list[Charge] = []
        self.known_charges: dict[str, Charge] = {}
        self.events: list[Event] = []
        """Since the fake started, oldest first."""
        self._cause: tuple[str, str | None] | None = None
        self._serial = 0

    @contextmanager
    def caused_by(self, request: str, key: str | None) -> Iterator[None]:
        """Every event until the end names this request."""
        self._cause = (request, key)
        try:
            yield
        finally:
            self._cause = None

    def happened(self, what: str, invoice: Invoice) -> None:
        request, key = self._cause or (None, None)
        self.events.append(Event(self.new_id("evt"), f"invoice.{what}", self.today(), replace(invoice), request, key))

    def new_id(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}_1Sandbox{self._serial:06d}"

    def today(self) -> int:
        return int(self.now())

    def add_customer(self, magic: str = "paid", name: str | None = "Example Ltd", email: str | None = None) -> str:
        kind = BY_NAME[magic]
        customer = Customer(self.new_id("cus"), name, email, self.today() - 200 * DAY)
        self.customers[customer.id] = customer
        if kind.has_method:
            self.change_card(customer.id, magic)
        elif kind.decline == "missing":
            self.cardless.add(customer.id)
        return customer.id

    def change_card(self, customer_id: str, magic: str = "paid") -> str:
        """Store a payment method and make it the default one."""
        method = self.add_card(customer_id, magic)
        self.customers[customer_id].default = method
        return method

    def add_card(self, customer_id: str, magic: str = "paid", *, last4: str | None = None, brand: str | None = None) -> str:
        """Store a payment method beside the ones that are there."""
        kind = BY_NAME[magic]
        decline = DECLINES[kind.decline] if kind.decline else None
        usual = "6789" if kind.bank_debit else decline.last4 if decline else "4242"
        brand = brand or (decline.brand if decline else "visa")
        prefix = "pm_1Debit" if kind.bank_debit else "pm"
        method = Method(self.new_id(prefix), customer_id, kind, last4 or usual, self.today(), brand)
        self.methods[method.id] = method
        self.customers[customer_id].methods.append(method.id)
        return method.id

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        """A failed card invoice unless told otherwise: created two days ago, last tried hours ago. Answers its id."""
        customer = self.customers[wish.get("customer") or self._customer_for(wish)]
        created = int(wish.get("created", self.now() - 2 * DAY))
        invoice = Invoice(
            id=wish.get("id") or self.new_id("in"),
            serial=self._serial,
            customer=customer.id,
            customer_name=wish.get("name", customer.name),
            customer_email=wish.get("email", customer.email),
            currency=wish.get("currency", "eur").lower(),
            amount_due=wish.get("amount", 4900),
            amount_paid=wish.get("amount_paid", 0),
            created=created,
            collection_method=wish.get("collection_method", "charge_automatically"),
            unfinalizable=wish.get("unfinalizable"),
        )
        self.invoices[invoice.id] = invoice
        if wish.get("subscription", True):
            invoice.subscription = self.new_id("sub")
            self.subscriptions[invoice.subscription] = customer.id
        known = len(self.events)
        self._bring_to(invoice, wish)
        del self.events[known:]  # what it lived through before the fake started
        return invoice.id

    def _customer_for(self, wish: Wish) -> str:
        return self.add_customer(wish.get("magic", "paid"), wish.get("name", "Example Ltd"), wish.get("email"))

    def _bring_to(self, invoice: Invoice, wish: Wish) -> None:
        """Let the invoice have lived until its wished-for status."""
        status = wish.get("status", "open")
        if status == "draft":
            return
        self.finalize(invoice, wish.get("number"), at=invoice.created + HOUR)
        if (due := wish.get("due_date", self._due_by_default(invoice))) is not None:
            invoice.due_date = int(due)
        self._tried(invoice, wish)
        at = min(invoice.created + DAY, self.today())
        match status:
            case "paid":
                self._paid_long_ago(invoice, at)
            case "void":
                self.void(invoice, at)
            case "uncollectible":
                self.write_off(invoice, at)
            case _:
                invoice.status = status

    def _due_by_default(self, invoice: Invoice) -> float | None:
        return invoice.created + DAY if invoice.collection_method == "send_invoice" else None

    def _tried(self, invoice: Invoice, wish: Wish) -> None:
        """The attempts Stripe made by itself before the fake started; a send_invoice waits to be paid instead."""
        automatic = invoice.collection_method == "charge_automatically"
        invoice.attempts = wish.get("attempts", 1 if automatic else 0)
        if not invoice.attempts:
            return
        if automatic:
            invoice.next_attempt = int(wish.get("next_attempt", self.now() + DAY) or 0) or None
        magic = BY_NAME[wish.get("magic", "paid")]
        self._old_decline(invoice, wish.get("decline", magic.decline or "insufficient_funds"), wish.get("charged_at"))

    def _old_decline(self, invoice: Invoice, decline: str | None, at: float | None) -> None:
        intent = self.intents[invoice.intent or ""]
        method = self.customers[invoice.customer].default
        if decline is None or method is None:
            return
        if at is None:
            at = max(invoice.created, min(invoice.created + HOUR * invoice.attempts, self.now() - 3 * HOUR))
        charge = Charge(
            id=self.new_id("ch"), invoice=invoice.id, amount=invoice.amount_remaining, currency=invoice.currency, key=None,
            at=at, result=Result.DECLINED, method=method, decline=decline,
        )  # fmt: skip
        self.known_charges[charge.id] = charge
        intent.latest_charge = charge.id
        if decline == "authentication_required":
            intent.status = "requires_action"  # waits for the customer; nothing has failed in Stripe's words
        else:
            intent.decline, intent.failed = decline, method

    def _paid_long_ago(self, invoice: Invoice, at: int) -> None:
        intent = self.intents[invoice.intent or ""]
        charge = Charge(
            id=self.new_id("ch"), invoice=invoice.id, amount=invoice.amount_remaining, currency=invoice.currency, key=None,
            at=float(at), result=Result.PAID, method=self.customers[invoice.customer].default,
        )  # fmt: skip
        self.known_charges[charge.id] = charge
        intent.latest_charge, intent.decline, intent.failed = charge.id, None, None
        self.paid(invoice, at)

    # --- what happens to an invoice, whoever asked for it

    def finalize(self, invoice: Invoice, number: str | None = None, at: int | None = None) -> None:
        """Open it; one with nothing due is paid at once."""
        at = self.today() if at is None else min(at, self.today())
        invoice.status, invoice.finalized_at = "open", at
        invoice.number = number or f"DEMO-{1000 + invoice.serial:04d}"
        intent = Intent(self.new_id("pi"), invoice.id, invoice.customer, invoice.amount_remaining, invoice.currency, at)
        self.intents[intent.id] = intent
        invoice.intent = intent.id
        self.happened("finalized", invoice)
        if invoice.amount_remaining == 0:
            self.paid(invoice, at)

    def paid(self, invoice: Invoice, at: int) -> None:
        invoice.status, invoice.paid_at, invoice.next_attempt = "paid", at, None
        invoice.amount_paid = invoice.amount_due
        self._close_intent(invoice, "succeeded")
        self.happened("paid", invoice)

    def void(self, invoice: Invoice, at: int) -> None:
        invoice.status, invoice.voided_at, invoice.next_attempt = "void", at, None
        self._close_intent(invoice, "canceled")
        self.happened("voided", invoice)

    def write_off(self, invoice: Invoice, at: int) -> None:
        invoice.status, invoice.uncollectible_at, invoice.next_attempt = "uncollectible", at, None
        self.happened("marked_uncollectible", invoice)

    def _close_intent(self, invoice: Invoice, status: str) -> None:
        if invoice.intent is not None:
            self.intents[invoice.intent].status = status

    def charge(self, invoice: Invoice, method: Method, key: str | None) -> Charge:
        """Go to the bank with a method, whatever comes of it, and write it down."""
        magic = method.magic
        charge = Charge(
            id=self.new_id("ch"), invoice=invoice.id, amount=invoice.amount_remaining, currency=invoice.currency, key=key,
            at=self.now(), result=magic.result, method=method.id, decline=magic.decline,
        )  # fmt: skip
        self.charges.append(charge)
        self.known_charges[charge.id] = charge
        intent = self.intents[invoice.intent or ""]
        intent.amount, intent.latest_charge, intent.method = charge.amount, charge.id, method.id
        intent.decline = intent.failed = None
        match charge.result:
            case Result.PAID:
                self.paid(invoice, self.today())
            case Result.PROCESSING:
                intent.status = "processing"
            case Result.REQUIRES_ACTION:
                intent.status = "requires_action"
                self.happened("payment_action_required", invoice)
            case Result.DECLINED:
                intent.status, intent.method = "requires_payment_method", None
                intent.decline, intent.failed = magic.decline, method.id
                self.happened("payment_failed", invoice)
        return charge

    def settle(self, invoice: Invoice, *, success: bool) -> None:
        """A processing debit arrives, or bounces. Raises ValueError when none is under way."""
        intent = self.intents.get(invoice.intent or "")
        if intent is None or intent.status != "processing":
            raise ValueError("no payment of this invoice is processing")
        charge = self.known_charges[intent.latest_charge or ""]
        if success:
            charge.result = Result.PAID
            self.paid(invoice, self.today())
            return
        charge.result, charge.decline = Result.DECLINED, "insufficient_funds"
        intent.status, intent.decline, intent.failed = "requires_payment_method", charge.decline, charge.method
