"""A short tour of the sandbox over HTTP only: what a person does, checked against what Slack and the provider saw."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import aiohttp

CHANNEL: Final = "C0FIN"
LEAD: Final = "U0MAYA"
AGENT: Final = "U0TOM"
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
        return [m for place in places for m in place["messages"] if m["ephemeral"] or place in state["directs"]]

    async def row(self, number: str) -> Row | None:
        message = await self.digest()
        return _row(message["blocks"], number) if message else None

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


class Tour:
    """Each stop does one thing that people do, and is true when Slack and the provider both saw it end right."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._ids: dict[str, str] = {}
        self.seen = "nothing yet"
        """The row that was looked at last, for whoever has to find out why a stop failed."""

    def stops(self) -> list[tuple[str, Callable[[], Awaitable[bool]]]]:
        return [
            ("a digest of the failed invoices is posted, with buttons", self.digest),
            ("a retry collects the money once, and the row shows it", self.retry),
            ("two people press the same button: the customer is charged once", self.twice),
            ("a decline is shown as one, and the customer's payment page is offered", self.decline),
            ("a void asks for a reason, and then voids", self.void),
            ("a press above the person's limit is refused privately, and nothing is charged", self.refused),
            ("the payment page is given to one person only", self.link),
            ("an answer lost after the charge is settled by reading: one charge, shown as it is", self.unknown),
            ("a draft is finalized after its dialog, gets its number and is not collected", self.finalize),
            ("a payment received elsewhere is noted: the invoice is paid, and nothing is charged", self.paid),
            ("an invoice that the customer pays is e-mailed again, once", self.resend),
            ("a watched invoice is in the next digest, although nothing failed", self.watch),
            ("a customer's name finds their invoices", self.find),
        ]

    async def prepare(self) -> None:
        """Large amounts, so that they lead the digest."""
        for number, magic, amount in (
            ("TOUR-1", "paid", 900_100),
            ("TOUR-2", "paid", 800_100),
            ("TOUR-3", "insufficient_funds", 700_100),
            ("TOUR-4", "expired_card", 600_100),
            ("TOUR-5", "paid", 500_100),
            ("TOUR-6", "charge_then_reset", 400_100),
        ):
            self._ids[number] = await self._visitor.add(number, magic, amount)
        self._ids["TOUR-7"] = await self._visitor.add("TOUR-7", "paid", 300_100, status="draft")
        later = {"collection_method": "send_invoice", "due_date": time.time() + 14 * 86_400, "name": "Tour de Force Ltd"}
        self._ids["TOUR-8"] = await self._visitor.add("TOUR-8", "paid", 200_100, **later)

    async def digest(self) -> bool:
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text="digest now")
        await self._visitor.until("the digest", self._visitor.digest)
        return True

    async def retry(self) -> bool:
        return await self._collects("TOUR-1", [LEAD])

    async def twice(self) -> bool:
        return await self._collects("TOUR-2", [LEAD, LEAD])

    async def decline(self) -> bool:
        row = await self._pressed_and_changed(LEAD, "TOUR-3", "retry")
        charges = await self._visitor.ledger(self._ids["TOUR-3"])
        return [c["result"] for c in charges] == ["declined"] and "link" in row.buttons and "retry" not in row.buttons

    async def void(self) -> bool:
        number, user = "TOUR-4", LEAD
        before = await self._visitor.press(user, number, "void")
        untouched = await self._answers_dialog(user, number, "open")
        await self._visitor.until("the voided invoice", lambda: self._has_status(number, "void"))
        row = await self._settled_row(number, before)
        return untouched and not {"retry", "void"} & set(row.buttons)

    async def refused(self) -> bool:
        number, before = "TOUR-5", len(await self._visitor.private(AGENT))
        others = len(await self._visitor.private(LEAD))
        await self._visitor.press(AGENT, number, "retry")
        await self._visitor.until("the private refusal", lambda: self._told_more(AGENT, before))
        nobody_else = len(await self._visitor.private(LEAD)) == others
        return nobody_else and not await self._visitor.ledger(self._ids[number])

    async def link(self) -> bool:
        before = len(await self._visitor.private(AGENT))
        await self._visitor.press(AGENT, "TOUR-5", "link")
        await self._visitor.until("the payment page", lambda: self._told_more(AGENT, before))
        told = str((await self._visitor.private(AGENT))[-1])
        shown_to_all = str(await self._visitor.messages())
        url = re.search(r"https?://[^\s|>\"']+", told)
        return url is not None and url.group() not in shown_to_all

    async def unknown(self) -> bool:
        number = "TOUR-6"
        row = await self._pressed_and_changed(LEAD, number, "retry")
        charges = await self._visitor.ledger(self._ids[number])
        paid = (await self._visitor.invoice(self._ids[number]))["status"] == "paid"
        return paid and len([c for c in charges if c["result"] == "paid"]) == 1 and "retry" not in row.buttons

    async def finalize(self) -> bool:
        number = "TOUR-7"
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text=f"finalize {self._ids[number]}")
        untouched = await self._answers_dialog(LEAD, number, "draft")
        await self._visitor.until("the finalized invoice", lambda: self._has_status(number, "open"))
        invoice = await self._visitor.invoice(self._ids[number])
        return untouched and bool(invoice["number"]) and not await self._visitor.ledger(invoice["id"])

    async def paid(self) -> bool:
        number = "TOUR-5"
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text=f"paid {number}")
        untouched = await self._answers_dialog(LEAD, number, "open")
        await self._visitor.until("the paid invoice", lambda: self._has_status(number, "paid"))
        return untouched and not await self._visitor.ledger(self._ids[number])

    async def resend(self) -> bool:
        invoice = self._ids["TOUR-8"]
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text="resend TOUR-8")
        await self._visitor.until("the e-mail", lambda: self._visitor.mails(invoice))
        return bool(await self._visitor.mails(invoice) == 1)

    async def watch(self) -> bool:
        number = "TOUR-8"
        was_there = await self._visitor.row(number) is not None
        told = await self._visitor.answer_to(LEAD, f"watch {number}")
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text="digest now")
        await self._visitor.until(f"{number} in the digest", lambda: self._visitor.row(number))
        return not was_there and number in told

    async def find(self) -> bool:
        found = await self._visitor.answer_to(AGENT, "find tour de force")
        return "TOUR-8" in found and "TOUR-5" not in found

    async def _answers_dialog(self, user: str, number: str, status: str) -> bool:
        """Fill in the dialog and send it; true when the invoice still had `status` until then."""
        view = await self._visitor.until("the dialog", lambda: self._view(user))
        untouched = await self._has_status(number, status)
        await self._visitor.do("submit", user=user, view_id=view["id"], values=_filled(view))
        return untouched

    async def _collects(self, number: str, users: list[str]) -> bool:
        before, *_ = await asyncio.gather(*(self._visitor.press(user, number, "retry") for user in users))
        await self._visitor.until("the paid invoice", lambda: self._has_status(number, "paid"))
        row = await self._settled_row(number, before)
        charges = await self._visitor.ledger(self._ids[number])
        return [c["result"] for c in charges] == ["paid"] and "retry" not in row.buttons

    async def _pressed_and_changed(self, user: str, number: str, verb: str) -> Row:
        before = await self._visitor.press(user, number, verb)
        return await self._settled_row(number, before)

    async def _settled_row(self, number: str, before: Row) -> Row:
        """The row when it says something new and its buttons are back; while the ending is open it has none."""

        async def settled() -> Row | Literal[False]:
            row = await self._visitor.row(number)
            is_new = row is not None and row.text != before.text and {"show", "link"} & set(row.buttons)
            return row if row is not None and is_new else False

        row = await self._visitor.until(f"the ending of {number}", settled)
        assert isinstance(row, Row)  # noqa: S101 - `until` answers what `settled` found
        self.seen = f"{row.text!r} with {', '.join(sorted(row.buttons))}"
        return row

    async def _view(self, user: str) -> Json | None:
        """The open dialog once it asks for something: after a typed command it opens empty and is filled in later."""
        view = (await self._visitor.state(user))["view"]
        return dict(view) if view and any(block["type"] == "input" for block in view["blocks"]) else None

    async def _has_status(self, number: str, status: str) -> bool:
        return bool((await self._visitor.invoice(self._ids[number]))["status"] == status)

    async def _told_more(self, user: str, before: int) -> bool:
        return len(await self._visitor.private(user)) > before


async def take_tour(page_url: str) -> int:
    """Play every stop, print the channel and the count; answers 0 only if every ending was the expected one."""
    passed = failed = 0
    async with aiohttp.ClientSession() as session:
        visitor = Visitor(session, page_url)
        tour = Tour(visitor)
        await tour.prepare()
        for title, stop in tour.stops():
            try:
                is_right = await stop()
                why = f"another ending than expected; the last row seen was {tour.seen}"
            except Missing as missing:
                is_right, why = False, f"{missing} did not appear"
            passed, failed = passed + is_right, failed + (not is_right)
            print(f"  {'ok  ' if is_right else 'FAIL'}  {title}{'' if is_right else f': {why}'}", flush=True)
        print(f"\n#finance, as everybody sees it:\n\n{_as_text(await visitor.messages())}\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _row(blocks: list[Json], number: str) -> Row | None:
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


def _filled(view: Json) -> Json:
    """What a hurried person leaves: every value that is there already, the first option of a choice, nothing ticked."""
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    return {one["block_id"]: {one["element"]["action_id"]: _value(one["element"])} for one in inputs}


def _value(element: Json) -> object:
    match element["type"]:
        case "checkboxes":
            return []
        case "datepicker":
            return element["initial_date"]
        case _ if "options" in element:
            return element["options"][0]["value"]
        case _:
            return element.get("initial_value") or "said on the tour"


def _as_text(messages: list[Json]) -> str:
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
    return ["  " + _MARKUP.sub(_readable, part["text"]).replace("\n", "\n  ") for part in texts if part and "text" in part]


def _readable(found: re.Match[str]) -> str:
    return found.group(1) or found.group(2) or ""
