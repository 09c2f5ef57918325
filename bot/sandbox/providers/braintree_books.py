"""What the fake Braintree keeps: customers with a payment method, subscriptions, their transactions, and every charge."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from bot.domain.money import Money
from bot.sandbox.providers.braintree_magic import ADVISED, BY_NAME, FAILED, FIRST_DECLINE, REJECTED, REPEATED, RESPONSES
from bot.sandbox.providers.magic import Magic, Result

DAY, HOUR = 86_400.0, 3_600.0
DUPLICATE_WINDOW = 30.0
GOOD = frozenset({"SUBMITTED_FOR_SETTLEMENT", "SETTLING", "SETTLED"})
VOIDABLE = frozenset({"AUTHORIZED", "SUBMITTED_FOR_SETTLEMENT"})
STATUSES = {
    "open": "PAST_DUE",
    "past_due": "PAST_DUE",
    "draft": "PENDING",
    "paid": "ACTIVE",
    "void": "CANCELED",
    "uncollectible": "EXPIRED",
}
"""What an invoice is called elsewhere, and what a subscription is that is likest to it."""


class Wish(TypedDict, total=False):
    """What `add_invoice` may be told; everything has a default. Times in epoch seconds, amounts in minor units."""

    amount: int
    currency: str
    customer: str
    name: str | None
    email: str | None
    magic: str
    status: str
    created: float
    number: str | None
    attempts: int
    newest: str
    """The state of the newest transaction, where it is not a decline or a settled payment: `AUTHORIZED`, say."""


@dataclass(slots=True)
class Method:
    """A payment method of a customer's; `turned_away` counts the charges that met a rate limit."""

    id: str
    magic: Magic
    last4: str
    turned_away: int = 0


@dataclass(slots=True)
class Customer:
    """Who pays, with the method that is charged."""

    id: str
    company: str | None
    email: str | None
    method: str
    first_name: str | None = None
    last_name: str | None = None


@dataclass(slots=True)
class Transaction:
    """One charge. `history` is newest first, as (status, time, what else the event tells)."""

    id: str
    subscription: str
    method: str
    amount: Decimal
    currency: str
    source: str
    created: float
    history: list[tuple[str, float, dict[str, Any]]] = field(default_factory=list)

    @property
    def status(self) -> str:
        return self.history[0][0]

    def becomes(self, status: str, at: float, **more: Any) -> None:
        self.history.insert(0, (status, at, more))


@dataclass(slots=True)
class Subscription:
    """What is billed. `states` is newest first, as (status, time, balance); `transactions` too."""

    id: str
    customer: str
    price: Decimal
    balance: Decimal
    currency: str
    begun: float
    period_start: float
    next_billing: float
    failures: int = 0
    states: list[tuple[str, float, Decimal]] = field(default_factory=list)
    transactions: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return self.states[0][0]

    def becomes(self, status: str, at: float) -> None:
        self.states.insert(0, (status, at, self.balance))


@dataclass(slots=True)
class Charge:
    """One attempt at the bank since the start, for judges. `amount` in minor units."""

    id: str
    invoice: str
    amount: int
    currency: str
    result: Result
    at: float
    by: str


class Books:
    """`now` is epoch seconds.

    authorization_activates  whether a subscription is past due no more once a charge is only authorized
    void_restores_debt       whether voiding a charge makes the subscription past due again
    Neither is documented, so both can be both.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.customers: dict[str, Customer] = {}
        self.methods: dict[str, Method] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.transactions: dict[str, Transaction] = {}
        self.charges: list[Charge] = []
        self.authorization_activates = True
        self.void_restores_debt = False
        self._count = 0

    # --- making

    def add_customer(self, magic: str = "paid", name: str | None = "Example GmbH", email: str | None = None) -> str:
        identifier = str(800_000 + self._next())
        self.customers[identifier] = Customer(identifier, name, email, self.add_method(magic))
        return identifier

    def add_method(self, magic: str) -> str:
        if magic not in BY_NAME:
            raise ValueError(f"no customer behaves like {magic!r}")
        number = self._next()
        self.methods[f"m{number:05x}"] = Method(f"m{number:05x}", BY_NAME[magic], f"{1000 + number % 9000}")
        return f"m{number:05x}"

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        """A subscription: past due, charged once in vain some hours ago, unless `status` says otherwise."""
        now, currency = self.now(), wish.get("currency", "EUR").upper()
        customer = wish.get("customer") or self.add_customer(
            wish.get("magic", "paid"), wish.get("name", "Example GmbH"), wish.get("email")
        )
        created = wish.get("created", now - 2 * DAY)
        status = STATUSES.get(wish.get("status", "open"))
        if status is None:
            raise ValueError(f"there is no subscription that is {wish.get('status')!r}")
        price = Money(wish.get("amount", 4900), currency).major
        identifier = wish.get("number") or f"s{self._next():05x}"
        balance = price if status == "PAST_DUE" else Decimal(0)
        made = Subscription(identifier, customer, price, balance, currency, created - 90 * DAY, created, created + 30 * DAY)
        made.becomes("PENDING", made.begun)
        if status != "PENDING":
            made.becomes(status, created)
            self._remember_history(made, max(wish.get("attempts", 1), 1), wish.get("newest"))
        self.subscriptions[identifier] = made
        return identifier

    def change_method(self, subscription: str, magic: str) -> str:
        """The customer stores another payment method, which the subscription charges from now on."""
        customer = self.customers[self.subscriptions[subscription].customer]
        customer.method = self.add_method(magic)
        return customer.method

    def _remember_history(self, made: Subscription, attempts: int, newest: str | None) -> None:
        """What was charged before the start; it stands in no ledger."""
        at = min(made.period_start + HOUR, self.now() - 3 * HOUR)
        was_tried = made.status in {"PAST_DUE", "EXPIRED"} and newest is None
        for number in range(attempts):
            one = self._transaction(made, made.price, "RECURRING", at - (attempts - 1 - number) * DAY)
            if was_tried:
                self._decline(one, is_first=True)
                made.failures += 1
            else:
                one.becomes(newest or "SETTLED", one.created)
                one.source = "API" if newest else one.source

    # --- charging

    def charge(self, made: Subscription, amount: Decimal, source: str, *, submit: bool = True) -> Transaction:
        """One attempt at the payment method on file."""
        magic = self._magic(made)
        if magic.name == REPEATED and source == "API" and not self._repeated(made, amount):
            self._succeed(made, self._transaction(made, amount, "API", self.now()), Result.PAID, submit=True, by="somebody")
        one = self._transaction(made, amount, source, self.now())
        repeated = self._repeated(made, amount, but=one)
        if repeated is not None:
            one.becomes("GATEWAY_REJECTED", one.created, gatewayRejectionReason="DUPLICATE", duplicateOf=repeated)
        elif magic.result in {Result.PAID, Result.PROCESSING}:
            self._succeed(made, one, magic.result, submit=submit, by=source)
        else:
            self._decline(one)
            made.failures += source == "RECURRING"
            self._note(made, one, magic.result, source)
        return one

    def void(self, one: Transaction) -> None:
        one.becomes("VOIDED", self.now())
        made = self.subscriptions[one.subscription]
        if self.void_restores_debt:
            made.balance += one.amount
            made.becomes("PAST_DUE", self.now())
        for charge in self.charges:
            if charge.id == one.id:
                charge.result = Result.DECLINED

    def capture(self, one: Transaction) -> None:
        one.becomes("SUBMITTED_FOR_SETTLEMENT", self.now())
        made = self.subscriptions[one.subscription]
        if made.status == "PAST_DUE":
            self._pay(made, one.amount)
        for charge in self.charges:
            if charge.id == one.id:
                charge.result = Result.PAID

    def settle(self, made: Subscription, *, success: bool = True) -> None:
        """A bank debit settles, or bounces days later. Raises ValueError when none is under way."""
        one = self.transactions[made.transactions[0]]
        if one.status != "SETTLEMENT_PENDING":
            raise ValueError("no payment is under way")
        if success:
            one.becomes("SETTLED", self.now(), processorResponse={"legacyCode": "4000", "message": "Confirmed"})
        else:
            one.becomes("SETTLEMENT_DECLINED", self.now(), processorResponse={"legacyCode": "4001", "message": "Declined"})
        for charge in self.charges:
            if charge.id == one.id:
                charge.result = Result.PAID if success else Result.DECLINED

    def collected(self, subscription: str) -> int:
        """What banks have paid since the start, in minor units."""
        return sum(one.amount for one in self.charges if one.invoice == subscription and one.result is Result.PAID)

    def subscription_behind(self, identifier: str) -> str | None:
        """What people call the subscription that one of Braintree's own ids is about; None where there is none."""
        transaction = self.transactions.get(known_by("transaction", identifier) or "")
        legacy = transaction.subscription if transaction else known_by("subscription", identifier)
        return legacy if legacy in self.subscriptions else None

    def _magic(self, made: Subscription) -> Magic:
        return self.methods[self.customers[made.customer].method].magic

    def _succeed(self, made: Subscription, one: Transaction, result: Result, *, submit: bool, by: str) -> None:
        is_debit = result is Result.PROCESSING
        approved = {"legacyCode": "1000", "message": "Approved"}
        one.becomes("AUTHORIZED", one.created, processorResponse=approved)
        if is_debit or submit:
            one.becomes("SETTLEMENT_PENDING" if is_debit else "SUBMITTED_FOR_SETTLEMENT", one.created)
        if is_debit or submit or self.authorization_activates:
            self._pay(made, one.amount)
        self._note(made, one, result if is_debit or submit else Result.PROCESSING, by)

    def _pay(self, made: Subscription, amount: Decimal) -> None:
        made.balance -= amount
        if made.balance <= 0 and made.status == "PAST_DUE":
            made.failures = 0
            made.becomes("ACTIVE", self.now())

    def _decline(self, one: Transaction, *, is_first: bool = False) -> None:
        magic = self.methods[one.method].magic
        if magic.name in REJECTED:
            one.becomes("GATEWAY_REJECTED", one.created, gatewayRejectionReason=REJECTED[magic.name])
            return
        if magic.name in FAILED and not is_first:
            code, message = FAILED[magic.name]
            one.becomes("FAILED", one.created, processorResponse={"legacyCode": code, "message": message})
            return
        code = magic.decline if magic.decline in RESPONSES else FIRST_DECLINE
        kind, message = RESPONSES[code or FIRST_DECLINE]
        advice = {"merchantAdviceCodeResponse": {"code": ADVISED[magic.name]}} if magic.name in ADVISED else {}
        response = {"legacyCode": code, "message": message}
        one.becomes("PROCESSOR_DECLINED", one.created, declineType=kind, processorResponse=response, **advice)

    def _repeated(self, made: Subscription, amount: Decimal, but: Transaction | None = None) -> Transaction | None:
        """One that succeeded within the window, with the same amount and method."""
        method = self.customers[made.customer].method
        known = [self.transactions[one] for one in made.transactions]
        return next(
            (
                one
                for one in known
                if one is not but
                and one.status in GOOD
                and (one.amount, one.method) == (amount, method)
                and self.now() - one.created <= DUPLICATE_WINDOW
            ),
            None,
        )

    def _transaction(self, made: Subscription, amount: Decimal, source: str, at: float) -> Transaction:
        identifier = f"t{self._next():06x}"
        method = self.customers[made.customer].method
        one = Transaction(identifier, made.id, method, amount, made.currency, source, at)
        self.transactions[identifier] = one
        made.transactions.insert(0, identifier)
        return one

    def _note(self, made: Subscription, one: Transaction, result: Result, by: str) -> None:
        minor = Money.from_major(one.amount, one.currency).minor
        self.charges.append(Charge(one.id, made.id, minor, one.currency, result, self.now(), by))

    def _next(self) -> int:
        self._count += 1
        return self._count


def opaque(kind: str, identifier: str) -> str:
    """Braintree's own id of an object; it does not say whether there is one."""
    return base64.urlsafe_b64encode(f"{kind}_{identifier}".encode()).decode().rstrip("=")


def known_by(kind: str, identifier: str) -> str | None:
    """The id that people see, from Braintree's own; None where it is none of that kind."""
    try:
        plain = base64.urlsafe_b64decode(identifier + "=" * (-len(identifier) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    return plain.removeprefix(f"{kind}_") if plain.startswith(f"{kind}_") else None
