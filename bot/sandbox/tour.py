"""A short tour of the sandbox over HTTP only: what a person does, checked against what Slack and the provider saw."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import aiohttp

from bot.sandbox.tour_customers import Customers
from bot.sandbox.tour_visitor import AGENT, CHANNEL, CONTROLLER, LEAD, Json, Missing, Row, Visitor, as_text


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
            ("all providers stand in it, and what cannot be listed is said", self.providers),
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
            ("a large write-off needs a second person: nobody agrees to their own, somebody else does", self.second_person),
            ("frozen, a press is refused and nothing is sent; unfrozen, the same is done", self.freeze),
            ("every magic customer of every provider ends as the table says, and never twice", self.customers),
        ]

    async def prepare(self) -> None:
        """Large amounts, so that they lead the digest."""
        for number, magic, amount, currency in (
            ("TOUR-1", "paid", 900_100, "eur"),
            ("TOUR-2", "paid", 800_100, "eur"),
            ("TOUR-3", "insufficient_funds", 700_100, "eur"),
            ("TOUR-4", "expired_card", 600_100, "usd"),
            ("TOUR-5", "paid", 500_100, "eur"),
            ("TOUR-6", "charge_then_reset", 400_100, "eur"),
        ):
            self._ids[number] = await self._visitor.add(number, magic, amount, currency=currency)
        await self._visitor.add("TOUR-L", "paid", 1_000_100, provider="lago", name="Tour Lago")
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text="watch lac:inv_1001")
        self._ids["TOUR-7"] = await self._visitor.add("TOUR-7", "paid", 300_100, status="draft")
        later = {"collection_method": "send_invoice", "due_date": time.time() + 14 * 86_400, "name": "Tour de Force Ltd"}
        self._ids["TOUR-8"] = await self._visitor.add("TOUR-8", "paid", 200_100, **later)

    async def digest(self) -> bool:
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text="digest now")
        await self._visitor.until("the digest", self._visitor.digest)
        return True

    async def providers(self) -> bool:
        said = await self._visitor.until("the row of Lago", lambda: self._visitor.row("Tour Lago"))
        watched = await self._visitor.until("the row of LAC", lambda: self._visitor.row("inv_1001"))
        digest = str(await self._visitor.digest())
        return "· lago" in said.text and "· lac" in watched.text and "it has no list" in digest

    async def customers(self) -> bool:
        wrong = await Customers(self._visitor).meet()
        self.seen = "; ".join(wrong) or self.seen
        return not wrong

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

    async def second_person(self) -> bool:
        number = "TOUR-10"
        self._ids[number] = await self._visitor.add(number, "paid", 250_000)
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text=f"uncollectible {number}")
        untouched = await self._answers_dialog(LEAD, number, "open")
        question = await self._visitor.until("the question", lambda: self._question(number))
        before = len(await self._visitor.private(LEAD))
        await self._visitor.push(LEAD, question, "approve")
        await self._visitor.until("the refusal of an approval of one's own", lambda: self._told_more(LEAD, before))
        still_open = await self._has_status(number, "open")
        await self._visitor.push(CONTROLLER, question, "approve")
        await self._visitor.until("the write-off", lambda: self._has_status(number, "uncollectible"))
        await self._visitor.until("both answers", lambda: self._heard(LEAD, "was approved by", "EUR 2,500.00 · "))
        return untouched and still_open

    async def freeze(self) -> bool:
        invoice = await self._visitor.add("TOUR-9", "paid", 4200)
        await self._visitor.answer_to(LEAD, "freeze the tour shows it")
        refused = await self._visitor.answer_to(LEAD, f"retry {invoice}")
        is_untouched = not await self._visitor.ledger(invoice)
        await self._visitor.answer_to(LEAD, "unfreeze")
        await self._visitor.do("command", user=LEAD, channel=CHANNEL, text=f"retry {invoice}")
        charges = await self._visitor.until("the charge", lambda: self._visitor.ledger(invoice))
        return "is frozen" in refused and is_untouched and len(charges) == 1

    async def _question(self, number: str) -> Json | None:
        """The message that asks a second person about this invoice, while it has buttons."""
        message = await self._visitor.digest()
        return message if message is not None and "Approval needed" in str(message) and number in str(message) else None

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

    async def _heard(self, user: str, *words: str) -> bool:
        told = str(await self._visitor.private(user))
        return all(word in told for word in words)

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
        print(f"\n#finance, as everybody sees it:\n\n{as_text(await visitor.messages())}\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


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
