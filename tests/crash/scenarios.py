"""What is going on while the process dies, and how it has to end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.sandbox.providers.lago import FakeLago
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.providers.stripe_books import DAY, HOUR, Wish
from bot.sandbox.slack_play import Press
from handlers import ids
from tests.crash.child import CHANNEL, LEAD
from tests.crash.outside import Fake, Mother, Outside, Stage, opened

_INVOICE = "in_1Judged"
_AT_LAGO = "5a9d0003-0000-4000-8000-000000000003"
"""The first invoice of an empty fake Lago."""
_OTHER = "in_1Bystander"

DAILY = "0 9 * * *"
_NEVER = "0 9 29 feb *"

Deed = Callable[[Outside], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`deed` is what happens in the life that is killed, and again in the next one when Slack got no answer.

    `state` is the ending that the journal must hold, `status` the invoice's at the provider, `charges` what the bank was
    asked, `says` words of the message in the end. The digests have no action: None. `unless_sent` is what the message may
    say instead where nothing was sent and nothing may be sent again, for the provider knows no keys.
    """

    name: str
    deed: Deed
    magic: str = "paid"
    state: str | None = None
    status: str = "open"
    charges: tuple[str, ...] = ()
    says: str
    dialog: str | None = None
    at_lago: bool = False
    unless_sent: str | None = None
    is_scheduled: bool = False

    @property
    def invoice(self) -> str:
        return _AT_LAGO if self.at_lago else _INVOICE

    def _fake(self, began: float) -> Fake:
        """Two failed invoices, the same to the second whenever it is called with the same moment."""
        if self.at_lago:
            lago = FakeLago(hosted=False)
            lago.licence.delay = 0
            for number in ("JUDGED-1", "BYSTANDER-1"):
                lago.add_invoice(magic=self.magic, amount=4900, number=number, created=began - 2 * DAY)
            return lago
        stripe = FakeStripe()
        for wish in (
            Wish(id=_INVOICE, magic=self.magic, amount=4900, number="JUDGED-1", name="Quillmark Press"),
            Wish(id=_OTHER, amount=2500, number="BYSTANDER-1", name="Saltmarsh Ceramics"),
        ):
            wish["created"], wish["charged_at"], wish["next_attempt"] = began - 2 * DAY, began - 3 * HOUR, began + DAY
            stripe.add_invoice(**wish)
        return stripe

    async def staged(self, folder: Path, mother: Mother) -> Stage:
        """Everything before the deed, in a life of its own that ends well."""
        fake = self._fake(began := time.time())
        async with opened(fake, folder, mother, DAILY if self.is_scheduled else _NEVER) as outside:
            if self.is_scheduled:
                outside.offset = seconds_to_nine()
                await outside.live(fires=True)
            else:
                await _ask_for_digest(outside)
            if self.dialog is not None:
                await _press(outside, ids.MORE, self.dialog)
            assert all(life.ended == 0 for life in outside.lives), mother.last_words()
            view = outside.slack.view_of(LEAD)
            return Stage(
                fake=partial(self._fake, began),
                messages=tuple(outside.slack.messages(CHANNEL)),
                database=outside.database,
                view=view.body if view else None,
                cron=outside.cron,
                slack_url=outside.slack.page_url,
                offset=outside.offset + (timedelta(days=1).total_seconds() if self.is_scheduled else 0.0),
            )


async def _press(outside: Outside, action_id: str, verb: str) -> None:
    """The button or option of that verb in the invoice's row of the digest."""
    message = outside.slack.messages(CHANNEL)[0]
    for block in message.blocks:
        for element in block.get("elements", []) if block["type"] == "actions" else []:
            options = element.get("options", [element])
            value = next((str(one["value"]) for one in options if str(one.get("value", "")).endswith(f":{verb}")), None)
            if element["action_id"] == action_id and value and _is_about(message.blocks, block["block_id"]):
                press = Press(
                    user=LEAD,
                    channel=CHANNEL,
                    ts=message.ts,
                    action_id=action_id,
                    block_id=block["block_id"],
                    value=value,
                )
                await outside.people.press(press)
                return
    raise LookupError(f"the row offers no {verb}")


def _is_about(blocks: list[dict[str, object]], block_id: object) -> bool:
    """Whether the text before these buttons names the invoice."""
    before = next(number for number, block in enumerate(blocks) if block.get("block_id") == block_id)
    above = [str(block) for block in blocks[:before] if block["type"] == "section"]
    return "JUDGED-1" in above[-1]


async def _press_retry(outside: Outside) -> None:
    await _press(outside, ids.RUN_ACTION, "retry")


async def _submit_reason(outside: Outside) -> None:
    values = {
        ids.REASON_CHOICE_BLOCK: {ids.REASON_CHOICE: "other"},
        ids.REASON_TEXT_BLOCK: {ids.REASON_TEXT: "billed twice"},
    }
    await outside.people.submit(LEAD, values)


async def _submit_payment(outside: Outside) -> None:
    values = {
        ids.AMOUNT_BLOCK: {ids.AMOUNT: "49.00"},
        ids.PAID_BY_BLOCK: {ids.PAID_BY: "bank_transfer"},
        ids.PAID_ON_BLOCK: {ids.PAID_ON: datetime.now(UTC).date().isoformat()},
        ids.PAYMENT_REFERENCE_BLOCK: {ids.PAYMENT_REFERENCE: "statement 12, line 3"},
    }
    await outside.people.submit(LEAD, values)


async def _ask_for_digest(outside: Outside) -> None:
    await outside.people.command(LEAD, CHANNEL, "/invoice", "digest now")


async def _let_the_time_come(outside: Outside) -> None:
    await outside.live(fires=True)


def seconds_to_nine() -> float:
    """Until ten seconds after the next nine o'clock of the digest."""
    zone = ZoneInfo("Europe/Berlin")
    now = datetime.now(zone)
    tomorrow = (now + timedelta(days=1)).replace(hour=9, minute=0, second=10)
    return tomorrow.timestamp() - now.timestamp()


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="retry, paid",
        deed=_press_retry,
        state="succeeded",
        status="paid",
        charges=("paid",),
        says="Paid EUR 49.00",
    ),
    Scenario(
        name="retry, declined",
        deed=_press_retry,
        magic="insufficient_funds",
        state="declined",
        charges=("declined",),
        says="Declined",
    ),
    Scenario(
        name="retry, charged, answer cut",
        deed=_press_retry,
        magic="charge_then_reset",
        state="succeeded",
        status="paid",
        charges=("paid",),
        says="Paid EUR 49.00",
    ),
    Scenario(
        name="void with a reason",
        deed=_submit_reason,
        state="succeeded",
        status="void",
        says="Voided",
        dialog="void",
    ),
    Scenario(
        name="marked as paid, by dialog",
        deed=_submit_payment,
        state="succeeded",
        status="paid",
        says="Marked as paid",
        dialog="paid",
    ),
    Scenario(
        name="retry at Lago, charged",
        deed=_press_retry,
        state="succeeded",
        status="paid",
        charges=("paid",),
        says="Paid EUR 49.00",
        at_lago=True,
        unless_sent="nothing was charged",
    ),
    Scenario(name="digest, scheduled", deed=_let_the_time_come, says="JUDGED-1", is_scheduled=True),
    Scenario(name="digest, asked for", deed=_ask_for_digest, says="JUDGED-1"),
)
