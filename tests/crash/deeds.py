"""What people do, and what time does, in the life that gets killed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.sandbox.slack_play import Press
from handlers import ids
from tests.crash.child import CHANNEL, LEAD
from tests.crash.outside import Outside

NUMBER = "JUDGED-1"
"""What the invoice is called in every message."""
Deed = Callable[[Outside], Awaitable[object]]


async def press(outside: Outside, action_id: str, verb: str) -> None:
    """The button or option of that verb in the invoice's row of the digest."""
    message = outside.slack.messages(CHANNEL)[0]
    for block in message.blocks:
        for element in block.get("elements", []) if block["type"] == "actions" else []:
            options = element.get("options", [element])
            value = next((str(one["value"]) for one in options if str(one.get("value", "")).endswith(f":{verb}")), None)
            if element["action_id"] == action_id and value and _is_about(message.blocks, block["block_id"]):
                chosen = Press(
                    user=LEAD,
                    channel=CHANNEL,
                    ts=message.ts,
                    action_id=action_id,
                    block_id=block["block_id"],
                    value=value,
                )
                await outside.people.press(chosen)
                return
    raise LookupError(f"the row offers no {verb}")


def _is_about(blocks: list[dict[str, object]], block_id: object) -> bool:
    """Whether the text before these buttons names the invoice."""
    before = next(number for number, block in enumerate(blocks) if block.get("block_id") == block_id)
    above = [str(block) for block in blocks[:before] if block["type"] == "section"]
    return NUMBER in above[-1]


async def press_retry(outside: Outside) -> None:
    await press(outside, ids.RUN_ACTION, "retry")


async def press_check(outside: Outside) -> None:
    await press(outside, ids.CHECK, "check")


async def press_resend(outside: Outside) -> None:
    await press(outside, ids.RESEND, "resend")


async def submit_reason(outside: Outside) -> None:
    values = {
        ids.REASON_CHOICE_BLOCK: {ids.REASON_CHOICE: "other"},
        ids.REASON_TEXT_BLOCK: {ids.REASON_TEXT: "billed twice"},
    }
    await outside.people.submit(LEAD, values)


async def submit_payment(outside: Outside) -> None:
    values = {
        ids.AMOUNT_BLOCK: {ids.AMOUNT: "49.00"},
        ids.PAID_BY_BLOCK: {ids.PAID_BY: "bank_transfer"},
        ids.PAID_ON_BLOCK: {ids.PAID_ON: datetime.now(UTC).date().isoformat()},
        ids.PAYMENT_REFERENCE_BLOCK: {ids.PAYMENT_REFERENCE: "statement 12, line 3"},
    }
    await outside.people.submit(LEAD, values)


async def ask_for_digest(outside: Outside) -> None:
    await outside.people.command(LEAD, CHANNEL, "/invoice", "digest now")


async def watch(outside: Outside, ref: str) -> None:
    await outside.people.command(LEAD, CHANNEL, "/invoice", f"watch {ref}")


async def let_the_time_come(outside: Outside) -> None:
    await outside.live(fires=True)


def seconds_to_nine() -> float:
    """Until ten seconds after the next nine o'clock of the digest."""
    zone = ZoneInfo("Europe/Berlin")
    now = datetime.now(zone)
    tomorrow = (now + timedelta(days=1)).replace(hour=9, minute=0, second=10)
    return tomorrow.timestamp() - now.timestamp()
