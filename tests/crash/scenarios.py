"""What is going on while the process dies, and how it has to end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from bot.sandbox.providers.stripe_books import DAY, HOUR, Charge, Wish
from handlers import ids
from tests.crash import deeds
from tests.crash.child import CHANNEL, LEAD
from tests.crash.databases import Database
from tests.crash.deeds import NUMBER, Deed
from tests.crash.fakes import SMOOTH, Fake, GuardedLago, KeyedStripe, Mishap, NaiveStripe, Now, SilentLac
from tests.crash.outside import Mother, Stage, WorldClock, opened

_IN_STRIPE = "in_1Judged"
_OTHER = "in_1Bystander"
_IN_LAGO = "5a9d0003-0000-4000-8000-000000000003"
"""The first invoice of an empty fake Lago."""

DAILY = "0 9 * * *"
NEVER = "0 9 29 feb *"
_PRESSES = 5
"""Slack opens a dialog only within three seconds of the press, which a busy machine may miss."""
_IS_NOT_CHARGED = "nothing was charged"


class Kind(StrEnum):
    """What the provider can do about a send whose answer is missing."""

    KEYED = "keyed"
    """The same key again has no second effect."""
    GUARDED = "guarded"
    """No keys, and one payment of an invoice at a time; its books tell."""
    NAIVE = "naive"
    """No keys, no guard; its books tell."""
    MUTE = "mute"
    """No keys, and no way to ask: a letter, not money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`deed` is what happens in the life that is killed, and again in the next one when Slack got no answer.

    `state` is the ending that the journal must hold, `status` the invoice's at the provider, `charges` what the bank was
    asked, `says` words of the message by that state. The digests have no action: state None. `if_lost` is the ending where
    a death took the answer, or came before the send, and nothing may be sent again. `drops` messages are taken by Slack
    and not confirmed. `from_start` also kills while the bot is starting.
    `earlier` is done in peace before, with the mishap; when the deed comes, the provider can be read again.
    """

    plot: str
    kind: Kind
    deed: Deed
    magic: str = "paid"
    mishap: Mishap = SMOOTH
    state: str | None = None
    if_lost: str | None = None
    status: str = "open"
    charges: tuple[str, ...] = ()
    says: Mapping[str | None, str]
    dialog: str | None = None
    is_scheduled: bool = False
    drops: int = 0
    from_start: bool = False
    earlier: Deed | None = None

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.plot}"

    @property
    def invoice(self) -> str:
        match self.kind:
            case Kind.KEYED | Kind.NAIVE:
                return _IN_STRIPE
            case Kind.GUARDED:
                return _IN_LAGO
            case Kind.MUTE:
                return NUMBER

    def fake(self, began: float, now: Now, *, charges: Sequence[Charge] = ()) -> Fake:
        """Two failed invoices, the same to the second whenever it is called with the same moment. With `charges`, what was
        done earlier has been done here, too, and the mishap is over."""
        match self.kind:
            case Kind.KEYED:
                stripe = _stripe(KeyedStripe(now, SMOOTH if self.earlier else self.mishap), self.magic, began)
                for charge in charges if self.earlier else ():
                    stripe.charged_before(charge)
                return stripe
            case Kind.NAIVE:
                return _stripe(NaiveStripe(now, self.mishap), self.magic, began)
            case Kind.GUARDED:
                lago = GuardedLago(now, self.mishap)
                for number in (NUMBER, "BYSTANDER-1"):
                    lago.add_invoice(magic=self.magic, amount=4900, number=number, created=began - 2 * DAY)
                return lago
            case Kind.MUTE:
                lac = SilentLac(now, self.mishap)
                lac.books.add_invoice("Kivikko Bakery Oy", magic=self.magic, amount=4900, invoice=NUMBER)
                return lac

    async def staged(self, folder: Path, database: Database, mother: Mother) -> Stage:
        """Everything before the deed, in a life of its own that ends well."""
        clock, began = WorldClock(), time.time()
        cron = DAILY if self.is_scheduled else NEVER
        first = replace(self, earlier=None).fake(began, clock)
        async with opened(first, folder, database, mother, cron, clock) as outside:
            if self.kind is Kind.MUTE:
                await deeds.watch(outside, f"lac:{NUMBER}")
            if self.is_scheduled:
                clock.offset = deeds.seconds_to_nine()
                await outside.live(fires=True)
            else:
                await deeds.ask_for_digest(outside)
            if self.earlier is not None:
                await self.earlier(outside)
            for _ in range(_PRESSES):
                if self.dialog is None or outside.slack.view_of(LEAD) is not None:
                    break
                await deeds.press(outside, ids.MORE, self.dialog)
            assert all(life.ended == 0 for life in outside.lives), mother.last_words()
            view = outside.slack.view_of(LEAD)
            return Stage(
                fake=partial(self.fake, began, charges=tuple(getattr(outside.fake, "charges", ()))),
                messages=tuple(outside.slack.messages(CHANNEL)),
                kept=await database.keep(),
                view=view.body if view else None,
                cron=cron,
                slack_url=outside.slack.page_url,
                offset=clock.offset + (timedelta(days=1).total_seconds() if self.is_scheduled else 0.0),
            )


def _stripe(stripe: KeyedStripe, magic: str, began: float) -> KeyedStripe:
    for wish in (
        Wish(id=_IN_STRIPE, magic=magic, amount=4900, number=NUMBER, name="Quillmark Press"),
        Wish(id=_OTHER, amount=2500, number="BYSTANDER-1", name="Saltmarsh Ceramics"),
    ):
        wish["created"], wish["charged_at"], wish["next_attempt"] = began - 2 * DAY, began - 3 * HOUR, began + DAY
        stripe.add_invoice(**wish)
    return stripe


_PAID = Scenario(
    plot="retry, paid",
    kind=Kind.KEYED,
    deed=deeds.press_retry,
    state="succeeded",
    status="paid",
    charges=("paid",),
    says={"succeeded": "Paid EUR 49.00", "not_applied": _IS_NOT_CHARGED},
)


def _retry(plot: str, **rest: Any) -> Scenario:
    return replace(_PAID, plot=plot, **rest)


_ARRIVES = (
    _PAID,
    _retry(
        "retry, declined",
        magic="declined",
        state="declined",
        status="open",
        charges=("declined",),
        says={"declined": "Declined", "not_applied": _IS_NOT_CHARGED},
    ),
    _retry("retry, charged, answer cut", mishap=Mishap(after_effect="reset")),
    _retry("retry, charged, no answer", mishap=Mishap(after_effect="hang")),
    _retry("retry, charged, answer 500", mishap=Mishap(after_effect="500")),
    _retry("retry, charged late, no answer", mishap=Mishap(late=20.0)),
    _retry("retry, turned away twice", magic="rate_limited"),
    _retry("retry, bank debit arrives", magic="bank_debit", mishap=Mishap(settles_after=2 * HOUR)),
    _retry(
        "retry, charged, then no reads",
        mishap=Mishap(after_effect="reset", blinds=True),
        state="needs_human",
        says={"needs_human": "check", "not_applied": _IS_NOT_CHARGED},
    ),
)
"""Retries that come to the same, whatever kind the provider is of."""
_NEVER_ARRIVES = (
    _retry("retry, never arrives, no answer", mishap=Mishap(swallows=1)),
    _retry("retry, never arrives, answer 500", mishap=Mishap(swallows=1, fault=None)),
)
"""A keyed provider is asked again; of the others it is told that nothing was charged."""
_OF_STRIPE = (
    _retry("retry, paid, from the start", from_start=True),
    _retry(
        "retry, checked again by a person",
        earlier=deeds.press_retry,
        mishap=Mishap(after_effect="reset", blinds=True),
        deed=deeds.press_check,
    ),
    _retry(
        "retry, bank debit bounces",
        magic="bank_debit",
        mishap=Mishap(settles_after=2 * HOUR, bounces=True),
        state="declined",
        status="open",
        charges=("declined",),
        says={"declined": "Declined"},
    ),
    _retry(
        "retry, never arrives at all",
        mishap=Mishap(swallows=99),
        state="not_applied",
        status="open",
        charges=(),
        says={"not_applied": _IS_NOT_CHARGED},
    ),
    _retry(
        "void with a reason",
        deed=deeds.submit_reason,
        status="void",
        charges=(),
        says={"succeeded": "Voided"},
        dialog="void",
    ),
    _retry(
        "void, answer cut",
        deed=deeds.submit_reason,
        mishap=Mishap(after_effect="reset"),
        status="void",
        charges=(),
        says={"succeeded": "Voided"},
        dialog="void",
    ),
    _retry(
        "marked as paid, by dialog",
        deed=deeds.submit_payment,
        charges=(),
        says={"succeeded": "Marked as paid"},
        dialog="paid",
    ),
    _retry("digest, scheduled", deed=deeds.let_the_time_come, state=None, says={None: NUMBER}, is_scheduled=True),
    _retry("digest, asked for", deed=deeds.ask_for_digest, state=None, says={None: NUMBER}),
    _retry(
        "digest, Slack's answer cut",
        deed=deeds.let_the_time_come,
        state=None,
        says={None: NUMBER},
        is_scheduled=True,
        drops=1,
    ),
)


_SENT = Scenario(
    plot="resend, sent",
    kind=Kind.MUTE,
    deed=deeds.press_resend,
    magic="delivered",
    state="succeeded",
    if_lost="unsettled",
    says={"succeeded": "Delivery requested", "unsettled": "not known"},
)
_LETTERS = (
    _SENT,
    replace(_SENT, plot="resend, sent, answer cut", mishap=Mishap(after_effect="reset"), state="unsettled"),
    replace(_SENT, plot="resend, never arrives, no answer", mishap=Mishap(swallows=1), state="unsettled"),
)


def _of(kind: Kind, scenario: Scenario) -> Scenario:
    """Where nothing may be sent again, what never arrived is told as that."""
    changed = replace(scenario, kind=kind, if_lost="not_applied")
    if scenario.mishap.swallows:
        return replace(changed, state="not_applied", status="open", charges=())
    return changed


def _as_stripe(scenario: Scenario) -> Scenario:
    """The fake Stripe has a decline for every reason, and none that is only called so."""
    return replace(scenario, magic="insufficient_funds") if scenario.magic == "declined" else scenario


SCENARIOS: tuple[Scenario, ...] = (
    *map(_as_stripe, (*_ARRIVES, *_NEVER_ARRIVES, *_OF_STRIPE)),
    *(_of(Kind.GUARDED, one) for one in (*_ARRIVES, *_NEVER_ARRIVES)),
    *(_of(Kind.NAIVE, _as_stripe(one)) for one in (*_ARRIVES, *_NEVER_ARRIVES)),
    *_LETTERS,
)
