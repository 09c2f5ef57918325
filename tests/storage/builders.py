"""Example decisions that mean something: Ana and Tom of the billing team, and one failed invoice of Acme."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.action import Action, ActionState
from bot.domain.decline import Decline, DeclineClass
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.offer import Decision, Offer, Place, new_offer_id
from bot.domain.policy import Actor
from bot.domain.records import Before, Claim, Ending, ReplyTo
from bot.ports import Accepted, Letter, Press, Step
from bot.storage.engine import Storage

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=120)
ALREADY_OVER = timedelta(seconds=-1)
KEY_WINDOW = timedelta(hours=24)
ANA = Actor("U0ANA", "T0TEAM")
TOM = Actor("U0TOM", "T0TEAM")
REF = InvoiceRef("stripe", "in_1")
OWED = Money(42_000, "EUR")
INVOICE = Invoice(
    ref=REF,
    status=InvoiceStatus.OPEN,
    provider_status="open",
    owed=OWED,
    live=False,
    number="ACME-7",
    customer_name="Acme",
    payment=PaymentState.FAILED,
    newest_charge="ch_1",
)
PAID = replace(INVOICE, status=InvoiceStatus.PAID, provider_status="paid", owed=Money(0, "EUR"), newest_charge="ch_2")
FUNDS = Decline(DeclineClass.SOFT, "insufficient_funds", "insufficient funds")
CHANNEL = "C0FIN"
ROW = ReplyTo(user="U0ANA", channel=CHANNEL, ts="1763600000.000100")
TYPED = ReplyTo(user="U0ANA", channel=CHANNEL, response_url="https://hooks.slack.com/x")
CARD = replace(TYPED, is_ephemeral=True)
_numbers = itertools.count(1)


def an_offer(invoice: Invoice = INVOICE, *, message: str = "digest-1", row: int = 0) -> Offer:
    return Offer(id=new_offer_id(), invoice=invoice, actions=0, place=Place(message, CHANNEL, row), made_at=NOW)


def a_press(
    offer: Offer | None, actor: Actor = ANA, action: Action = Action.RETRY, reply_to: ReplyTo = ROW, at: datetime = NOW
) -> Press:
    """A new delivery of the button; two presses of one offer and action share the intent."""
    delivery = f"delivery-{next(_numbers)}"
    return Press(
        delivery=delivery,
        intent=f"{offer.id}:{action}" if offer else f"typed:{delivery}",
        actor=actor,
        decision=Decision(action),
        reply_to=replace(reply_to, user=actor.user),
        created_at=at,
        act_by=at + timedelta(minutes=10),
        offer=offer,
        typed_ref=None if offer else "in_1",
    )


async def a_drawn_offer(storage: Storage, offer: Offer | None = None) -> Offer:
    offer = offer or an_offer()
    await storage.journal.draw([offer])
    return offer


async def an_accepted(storage: Storage, press: Press | None = None) -> Accepted:
    if press is None:
        press = a_press(await a_drawn_offer(storage))
    accepted = await storage.journal.accept(press)
    assert isinstance(accepted, Accepted)
    return accepted


async def a_claim(storage: Storage, *, lease: timedelta = LEASE, at: datetime = NOW) -> Claim:
    claim = await storage.journal.claim(f"worker-{next(_numbers)}", lease, at)
    assert claim is not None
    return claim


async def begun(storage: Storage, claim: Claim, at: datetime = NOW) -> Claim:
    """The claim as the worker holds it after the attempt is committed."""
    attempt = await storage.journal.begin(claim, Before.of(INVOICE), KEY_WINDOW, at)
    return replace(claim, attempt=attempt, action=replace(claim.action, state=ActionState.EXECUTING))


def a_step(state: ActionState, invoice: Invoice | None = None, at: datetime = NOW) -> Step:
    ending = Ending(at=at, decline=FUNDS if state is ActionState.DECLINED else None, request_id="req_1")
    return Step(state=state, ending=ending, invoice=invoice, next_check_at=at if state.is_live else None)


async def all_letters(storage: Storage, at: datetime = NOW) -> list[Letter]:
    """Take every letter that is due and say it."""
    letters = []
    while (letter := await storage.outbox.next_letter("sender", LEASE, at)) is not None:
        letters.append(letter)
        await storage.outbox.sent(letter, "sender")
    return letters
