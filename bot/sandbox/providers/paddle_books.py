"""What the fake Paddle knows: customers, subscriptions, transactions with their attempts, and adjustments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from bot.sandbox.providers.magic import Magic, Result
from bot.sandbox.providers.paddle_magic import ACTIVE_AGAIN, BY_NAME, MANUAL, NEWER_BILL, WITHOUT_PAGE

HOUR = 3600
DAY = 24 * HOUR
TERM = 14
"""Days in which a customer has to pay an invoice."""
PROCESSING = frozenset({"created", "authorized", "authorized_flagged", "pending_no_action_required", "action_required"})


@dataclass(slots=True)
class Customer:
    """Who pays, or does not."""

    id: str
    name: str | None
    email: str
    created: float
    magic: Magic


@dataclass(slots=True)
class Subscription:
    """`status` is `active`, `past_due`, `paused` or `canceled`."""

    id: str
    customer: str
    status: str
    created: float


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt to take money. `method` is the stored payment method's id."""

    id: str
    amount: int
    status: str
    code: str | None
    at: float
    method: str
    last4: str


@dataclass(slots=True, kw_only=True)
class Transaction:
    """Amounts in minor units, times in epoch seconds. `has_page` says whether it names its payment page."""

    id: str
    serial: int
    customer: str
    currency: str
    total: int
    created: float
    updated: float
    mode: str
    origin: str
    status: str = "ready"
    subscription: str | None = None
    number: str | None = None
    billed: float | None = None
    terms: tuple[str, int] = ("day", TERM)
    has_page: bool = True
    captured: int = 0
    credited: int = 0
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return max(self.total - self.captured - self.credited, 0)

    @property
    def is_manual(self) -> bool:
        return self.mode == "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What took something off a transaction, or gave it back."""

    id: str
    serial: int
    transaction: str
    action: str
    type: str
    reason: str
    amount: int
    status: str
    at: float


@dataclass(slots=True, kw_only=True)
class Charge:
    """One attempt to take money since the start. `key` is always None: Paddle has no idempotency keys."""

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
    currency: str
    customer: str
    name: str | None
    email: str
    magic: str
    status: str
    """`draft` (not complete), `ready`, `billed`, `open` (past due), `paid`, `void`, `uncollectible`, `web` (a failed
    checkout)."""
    mode: str
    created: float
    number: str | None
    attempts: int
    terms: tuple[str, int]
    has_page: bool


class Books:
    """The state."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.customers: dict[str, Customer] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.transactions: dict[str, Transaction] = {}
        self.adjustments: dict[str, Adjustment] = {}
        self.charges: list[Charge] = []
        self._serial = 0

    def new_id(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}_01sandbox{self._serial:017d}"

    # --- filling it

    def add_customer(self, magic: str = "paid", name: str | None = "Example Ltd", email: str | None = None) -> str:
        identifier = self.new_id("ctm")
        address = email or f"books{self._serial}@payer.example"
        self.customers[identifier] = Customer(identifier, name, address, self.now() - 200 * DAY, BY_NAME[magic])
        return identifier

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        """A transaction that is past due, unless told otherwise: created two days ago. Answers its id."""
        customer = self.customers[wish.get("customer") or self._customer_for(wish)]
        created = float(wish.get("created", self.now() - 2 * DAY))
        status = wish.get("status", "open")
        mode = wish.get("mode") or self._mode(customer, status)
        transaction = Transaction(
            id=self.new_id("txn"), serial=self._serial, customer=customer.id, created=created, updated=created, mode=mode,
            currency=wish.get("currency", "EUR").upper(), total=wish.get("amount", 4900), number=wish.get("number"),
            origin="api" if mode == "manual" else "subscription_recurring",
            terms=wish.get("terms", ("day", 1 if status == "open" else TERM)),
            has_page=wish.get("has_page", customer.magic.name not in WITHOUT_PAGE),
        )  # fmt: skip
        self.transactions[transaction.id] = transaction
        self._bring_to(transaction, status, wish.get("attempts", 1))
        return transaction.id

    def _customer_for(self, wish: Wish) -> str:
        return self.add_customer(wish.get("magic", "paid"), wish.get("name", "Example Ltd"), wish.get("email"))

    @staticmethod
    def _mode(customer: Customer, status: str) -> str:
        """What only exists among invoices that customers pay themselves is one of those."""
        is_manual = customer.magic.name in MANUAL or status in {"draft", "ready", "billed", "void", "uncollectible"}
        return "manual" if is_manual and status != "web" else "automatic"

    def _bring_to(self, transaction: Transaction, status: str, attempts: int) -> None:
        """Let the transaction have lived until its wished-for status."""
        if status in {"draft", "ready", "web"}:
            transaction.status = "draft" if status == "draft" else "ready"
            if status == "web":
                transaction.origin = "web"
                self._old_attempts(transaction, attempts)
            return
        self._issue(transaction)
        self._age(transaction, status, attempts)

    def _issue(self, transaction: Transaction) -> None:
        transaction.billed = transaction.created
        if transaction.is_manual:
            transaction.number = transaction.number or f"325-{10_000 + transaction.serial}"
        else:
            self._subscribe(transaction)

    def _age(self, transaction: Transaction, status: str, attempts: int) -> None:
        match status:
            case "billed":
                transaction.status = "billed"
            case "paid":
                self._settle(transaction, transaction.created + HOUR, "completed")
            case "void":
                transaction.status = "canceled"
            case "uncollectible":
                transaction.status = "past_due"
                self.credit(transaction, "uncollectible: an old debt", "full")
            case _:
                transaction.status = "past_due"
                if not transaction.is_manual:
                    self._old_attempts(transaction, attempts)

    def _subscribe(self, transaction: Transaction) -> None:
        magic = self.customers[transaction.customer].magic.name
        status = "active" if magic == ACTIVE_AGAIN else "past_due"
        identifier = self.new_id("sub")
        self.subscriptions[identifier] = Subscription(identifier, transaction.customer, status, transaction.created)
        transaction.subscription = identifier
        if magic == NEWER_BILL:
            newer = Transaction(
                id=self.new_id("txn"), serial=self._serial, customer=transaction.customer, currency=transaction.currency,
                total=transaction.total, created=self.now(), updated=self.now(), mode="automatic", status="past_due",
                origin="subscription_recurring", subscription=identifier, billed=self.now(), has_page=False,
            )  # fmt: skip
            self.transactions[newer.id] = newer

    def _old_attempts(self, transaction: Transaction, number: int) -> None:
        at = max(transaction.created, min(transaction.created + HOUR, self.now() - 3 * HOUR))
        code = self.customers[transaction.customer].magic.decline or "declined"
        for place in range(number):
            self.attempt(transaction, "error", code, at - (number - 1 - place))

    def _settle(self, transaction: Transaction, at: float, status: str) -> None:
        self.attempt(transaction, "captured", None, at)
        transaction.captured, transaction.status = transaction.total - transaction.credited, status
        transaction.number = transaction.number or f"325-{10_000 + transaction.serial}"

    # --- what happens to a transaction, whoever asked for it

    def attempt(self, transaction: Transaction, status: str, code: str | None, at: float) -> Attempt:
        """Put on the record, newest first."""
        customer = transaction.customer[-8:]
        self._serial += 1
        made = Attempt(
            id=f"5a9d0000-0000-4000-8000-{self._serial:012d}", amount=transaction.balance, status=status, code=code, at=at,
            method=f"5a9d0001-0000-4000-8000-0000{customer}", last4=f"{int(customer) % 10_000:04d}",
        )  # fmt: skip
        transaction.attempts.insert(0, made)
        return made

    def charge(self, transaction: Transaction, result: Result, code: str | None = None) -> Charge:
        """A try at the bank, by Paddle itself or on the payment page."""
        charge = Charge(
            id=self.new_id("chg"), invoice=transaction.id, amount=transaction.balance, currency=transaction.currency,
            key=None, at=self.now(), result=result, method=None, decline=code,
        )  # fmt: skip
        self.charges.append(charge)
        if result is Result.PAID:
            self._settle(transaction, self.now(), "completed")
            if transaction.subscription is not None:
                self.subscriptions[transaction.subscription].status = "active"
        else:
            self.attempt(transaction, "error", code or "declined", self.now())
        transaction.updated = self.now()
        return charge

    def cancel(self, transaction: Transaction) -> None:
        transaction.status, transaction.updated = "canceled", self.now()

    def bill(self, transaction: Transaction) -> None:
        """The number follows a moment later, as Paddle says; here at the next look."""
        transaction.status, transaction.billed, transaction.updated = "billed", self.now(), self.now()
        transaction.number = f"325-{10_000 + transaction.serial}"

    def credit(self, transaction: Transaction, reason: str, kind: str, amount: int | None = None) -> Adjustment:
        """A full credit makes a transaction completed, as a payment does."""
        identifier = self.new_id("adj")
        adjustment = Adjustment(
            id=identifier, serial=self._serial, transaction=transaction.id, action="credit", type=kind, reason=reason,
            amount=transaction.balance if amount is None else amount, status="approved", at=self.now(),
        )  # fmt: skip
        self.adjustments[identifier] = adjustment
        transaction.credited += adjustment.amount
        transaction.updated = self.now()
        if transaction.balance == 0:
            transaction.status = "completed"
        return adjustment

    def method_change(self, subscription: Subscription) -> Transaction:
        """What Paddle makes for an active subscription whose customer wants to change the card: it costs nothing."""
        made = Transaction(
            id=self.new_id("txn"), serial=self._serial, customer=subscription.customer, currency="EUR", total=0,
            created=self.now(), updated=self.now(), mode="automatic", origin="subscription_payment_method_change",
            subscription=subscription.id,
        )  # fmt: skip
        self.transactions[made.id] = made
        return made

    def credits_of(self, transaction: str) -> list[Adjustment]:
        return [one for one in self.adjustments.values() if one.transaction == transaction]
