"""What really happened to the money, and whether the journal says the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.services.reconciliation import MOST_SENDS
from tests.crash.books import Books
from tests.crash.fakes import Fake, GuardedLago, KeyedStripe, NaiveStripe, SilentLac
from tests.crash.scenarios import Kind, Scenario

_IS_NOT_CHARGED = {"not_applied", "rejected", "expired", "refused", "declined"}
"""Endings that tell people: the money was not taken."""


def results(fake: Fake, invoice: str) -> list[str]:
    """What came of every try at the bank, or of every letter, oldest first."""
    if isinstance(fake, SilentLac):
        return [one.result for one in fake.books.deliveries if one.invoice == invoice]
    return [charge.result.value for charge in fake.charges if charge.invoice == invoice]


def paid(fake: Fake, invoice: str) -> int:
    return results(fake, invoice).count("paid")


def wrong_money(scenario: Scenario, fake: Fake) -> Iterable[str]:
    """More than one decision can cause."""
    asked = results(fake, scenario.invoice)
    if asked.count("paid") > 1:
        yield f"charged {asked.count('paid')} times"
    if len(asked) > 1:
        yield f"the {'customer was written to' if scenario.kind is Kind.MUTE else 'bank was asked'} {len(asked)} times"
    yield from _sends(scenario, fake)
    others = fake.books.deliveries if isinstance(fake, SilentLac) else fake.charges
    if any(one.invoice != scenario.invoice for one in others):
        yield "another invoice was charged"


def _sends(scenario: Scenario, fake: Fake) -> Iterable[str]:
    """One key for all sends of a decision; where there are no keys, one send. One that was turned away does not count."""
    sends = [one for one in fake.requests if one.method == "POST" and scenario.invoice in one.path]
    if isinstance(fake, KeyedStripe) and not isinstance(fake, NaiveStripe):
        keys = {*(one.key for one in fake.requests if one in sends), *fake.wire.swallowed}
        if len(keys) > 1 or None in keys:
            yield f"{len(keys)} idempotency keys were used for one decision"
        return
    arrived = [one for one in sends if one.status != 429]
    if len(arrived) + len(fake.wire.swallowed) > 1:
        yield f"a provider without keys was asked {len(arrived) + len(fake.wire.swallowed)} times"


def wrong_endings(scenario: Scenario, fake: Fake, books: Books, deaths: int) -> Iterable[str]:
    """What the journal says against what happened."""
    asked, status = results(fake, scenario.invoice), _status(fake, scenario.invoice)
    may_be_lost = {scenario.if_lost} if any(event["kind"] == "attempt.lost" for event in books.events) else set()
    is_used_up = any(attempt["sends"] >= MOST_SENDS for attempt in books.attempts)
    if scenario.kind is Kind.KEYED and deaths and (deaths > 1 or is_used_up):
        # A death may use up a send. And two waits for a lease are so long that a provider which then shows nothing is taken
        # at its word, not asked again.
        may_be_lost.add("not_applied")
    for action in books.actions:
        state, ending = str(action["state"]), action["ending"] or {}
        if state == scenario.state:
            yield from _against(scenario, asked, status)
        elif state not in may_be_lost:
            kinds = [event["kind"] for event in books.events if event["action_id"] == action["id"]]
            yield f"recorded as {state}, the invoice is {status} after {asked}: {kinds}, {ending}"
        yield from _contradictions(scenario, state, asked)
        if status == "paid" and state == "succeeded" and not ending.get("ours", True):
            yield f"the payment was ours and is recorded as perhaps another's: {ending}"
    if (told := _told(fake, scenario.invoice)) not in {status, None}:
        yield f"the provider tells {told} of an invoice that is {status}: the proof itself is broken"
    yield from _strangers(fake, books)


def _against(scenario: Scenario, asked: Sequence[str], status: str) -> Iterable[str]:
    wanted = (status if scenario.kind is Kind.MUTE else scenario.status, scenario.charges)
    found = (status, () if scenario.kind is Kind.MUTE else tuple(asked))
    if found != wanted:
        yield f"at the provider the invoice is {status} after {asked}"


def _contradictions(scenario: Scenario, state: str, asked: Sequence[str]) -> Iterable[str]:
    """Whatever a scenario expects: SUCCEEDED if and only if it happened."""
    if state in _IS_NOT_CHARGED and "paid" in asked:
        yield f"told as {state}, and charged"
    if state == "succeeded" and not asked and (scenario.charges or scenario.kind is Kind.MUTE):
        yield "told as succeeded, and nothing happened"


def _strangers(fake: Fake, books: Books) -> Iterable[str]:
    if isinstance(fake, NaiveStripe) or not isinstance(fake, KeyedStripe):
        return
    keys = {attempt["idem_key"] for attempt in books.attempts}
    if strangers := {charge.key for charge in fake.charges} - keys:
        yield f"a charge was made under keys that are not on record: {strangers}"


def _status(fake: Fake, invoice: str) -> str:
    if isinstance(fake, GuardedLago):
        return "paid" if fake.invoices[invoice].payment_status == "succeeded" else "open"
    return fake.books.invoices[invoice].status


def _told(fake: Fake, invoice: str) -> str | None:
    """The status as the provider's API shows it, where it shows one."""
    match fake:
        case GuardedLago():
            return "paid" if fake.objects.invoice(fake.invoices[invoice])["payment_status"] == "succeeded" else "open"
        case KeyedStripe():
            return str(fake.objects.by_id("invoice", invoice)["status"])
        case SilentLac():
            return None
