"""What a visitor of the sandbox can see and do: the page's own routes, and messages as a person reads them."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

CHANNEL: Final = "C0FIN"
LEAD: Final = "U0MAYA"
AGENT: Final = "U0TOM"
CONTROLLER: Final = "U0NADIA"
PATIENCE: Final = 20.0
"""Seconds that any ending may take; an unknown one is first read again after five."""

Json = dict[str, Any]
_MARKUP = re.compile(r"<!date\^[^|>]*\|([^>]*)>|<[^|>]*\|([^>]*)>|[*`\u200b]")


class Missing(Exception):
    """Something that a person would have seen did not appear in time."""


@dataclass(frozen=True, slots=True)
class Row:
    """One invoice in the digest: what is written, and the values of its buttons and overflow options by their verb."""

    text: str
    block_id: str
    buttons: Mapping[str, tuple[str, str]]
    """Verb to (action_id, value)."""


class Visitor:
    """Speaks to the sandbox's page routes as the page itself does."""

    def __init__(self, session: aiohttp.ClientSession, page_url: str) -> None:
        self._session = session
        self._url = page_url

    async def state(self, user: str = LEAD) -> Json:
        async with self._session.get(f"{self._url}sandbox/state", params={"user": user}) as reply:
            return dict(await reply.json())

    async def do(self, deed: str, **what: Any) -> Json:
        async with self._session.post(f"{self._url}sandbox/{deed}", json=what) as reply:
            return dict(await reply.json())

    async def add(self, number: str, magic: str, amount: int, **more: Any) -> str:
        """A failed invoice whose payment method behaves as `magic` says; `amount` in cents. `more` makes it another one."""
        wish = {"number": number, "magic": magic, "amount": amount, "currency": "eur", "name": f"Tour {magic}"}
        added = await self.do("world", name="add_invoice", args=wish | more)
        return str(added["result"]["invoice"])

    async def until(self, what: str, found: Callable[[], Awaitable[Any]]) -> Any:
        """The first answer that is not None, False or empty; raises Missing after PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = await found()
            if answer:
                return answer
            await asyncio.sleep(0.1)
        raise Missing(what)

    async def digest(self) -> Json | None:
        """The newest message for all in the channel that has buttons."""
        messages = (await self.messages())[::-1]
        return next((m for m in messages if any(b["type"] == "actions" for b in m["blocks"])), None)

    async def messages(self, user: str = LEAD) -> list[Json]:
        channels = (await self.state(user))["channels"]
        return [m for channel in channels if channel["id"] == CHANNEL for m in channel["messages"] if not m["ephemeral"]]

    async def private(self, user: str) -> list[Json]:
        state = await self.state(user)
        places = [*state["channels"], *state["directs"]]
        told = [m for place in places for m in place["messages"] if m["ephemeral"] or place in state["directs"]]
        return sorted(told, key=lambda message: float(message["ts"]))

    async def row(self, number: str) -> Row | None:
        message = await self.digest()
        return row_of(message["blocks"], number) if message else None

    async def press(self, user: str, number: str, verb: str) -> Row:
        """Press a button or overflow option of an invoice's row, as `user`; answers the row as it was."""
        message, row = await self.digest(), await self.row(number)
        if message is None or row is None or verb not in row.buttons:
            raise Missing(f"a button to {verb} {number}")
        action_id, value = row.buttons[verb]
        await self.do(
            "press", user=user, channel=CHANNEL, ts=message["ts"], action_id=action_id, block_id=row.block_id, value=value
        )
        return row

    async def push(self, user: str, message: Json, verb: str) -> None:
        """Press what a private message in the channel offers."""
        for block in message["blocks"]:
            for action_id, value in _values(block.get("elements", []) if block["type"] == "actions" else []):
                if value.endswith(f":{verb}"):
                    where = {"channel": CHANNEL, "ts": message["ts"], "block_id": block["block_id"]}
                    await self.do("press", user=user, **where, action_id=action_id, value=value)
                    return
        raise Missing(f"a button to {verb}")

    async def ledger(self, invoice: str) -> list[Json]:
        """Every attempt of the bot at the bank for one invoice."""
        world = (await self.state())["world"]["stripe"]
        return [entry for entry in world["ledger"] if entry["invoice"] == invoice and entry["key"]]

    async def mails(self, invoice: str) -> int:
        """How often the invoice was e-mailed to its customer."""
        world = (await self.state())["world"]["stripe"]
        return sum(mail["invoice"] == invoice for mail in world["sent"])

    async def answer_to(self, user: str, command: str) -> str:
        """What a typed command is answered with, to this person alone."""
        before = len(await self.private(user))
        await self.do("command", user=user, channel=CHANNEL, text=command)

        async def answered() -> list[Json]:
            return (await self.private(user))[before:]

        return str(await self.until(f"an answer to {command}", answered))

    async def invoice(self, invoice: str) -> Json:
        world = (await self.state())["world"]["stripe"]
        return next(dict(one) for one in world["invoices"] if one["id"] == invoice)


def row_of(blocks: list[Json], number: str) -> Row | None:
    for section, after in zip(blocks, [*blocks[1:], {}], strict=True):
        text = section.get("text", {}).get("text", "") if section["type"] == "section" else ""
        if number in text:
            elements = after.get("elements", []) if after.get("type") == "actions" else []
            return Row(text, after.get("block_id", ""), {v.rpartition(":")[2]: (a, v) for a, v in _values(elements)})
    return None


def _values(elements: list[Json]) -> list[tuple[str, str]]:
    return [
        (element["action_id"], one["value"])
        for element in elements
        for one in (element.get("options") or [element])
        if one.get("value")
    ]


def readable(message: Json) -> str:
    """One message as a person reads it."""
    return as_text([message])


def as_text(messages: list[Json]) -> str:
    newest = messages[-1:] if messages else []
    return "\n".join(line for message in newest for block in message["blocks"] for line in _lines(block))


def _lines(block: Json) -> list[str]:
    if block["type"] == "actions":
        shown = [one for element in block["elements"] for one in (element.get("options") or [element])]
        labels = [one["text"]["text"] for one in shown if "text" in one]
        return ["    " + "  ".join(f"[{label}]" for label in labels)]
    if block["type"] == "divider":
        return ["  " + "-" * 60]
    texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
    said = [html.unescape(_MARKUP.sub(_shown, part["text"])) for part in texts if part and "text" in part]
    return ["  " + text.replace("\n", "\n  ") for text in said]


def _shown(found: re.Match[str]) -> str:
    return found.group(1) or found.group(2) or ""
