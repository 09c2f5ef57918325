"""The tour's last stop: every magic customer of every provider, and the ending that people are told of each."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.sandbox.tour_visitor import CHANNEL, LEAD, PATIENCE, Json, Visitor, readable

_PAID: Final = "Paid EUR 12.34"
_PAGE: Final = "Payment page"
_VERBS: Final = {"lac": "resend", "paddle": "link"}
"""What is asked where there is no retry."""
_OUT: Final = ""
"""Still with the provider when the tour ends: such a send is given up after more than a minute only."""
ENDINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "stripe": {
        "paid": _PAID,
        "insufficient_funds": "Declined: insufficient funds (soft)",
        "network_wait": "the card's network asks to wait",
        "generic_decline": "Declined: the bank gave no reason",
        "stolen_card": "refused visa ending 9979 for good",
        "lost_card": "refused visa ending 9987 for good",
        "expired_card": "Visa ending 0069 cannot be charged any more",
        "needs_authentication": "wants the customer to confirm",
        "no_method": "no payment method is on file",
        "no_card": "no payment method is on file",
        "bank_debit": "Processing",
        "charge_then_hang": _OUT,
        "charge_then_reset": _PAID,
        "charge_then_500": _PAID,
        "charge_then_html": _PAID,
        "charge_then_cut": _PAID,
        "hang": _OUT,
        "rate_limited": _PAID,
        "fix_the_card": "Declined: the bank gave no reason",
    },
    "lago": {
        "paid": _PAID,
        "declined": "Declined: Lago does not tell the bank's reason",
        "needs_authentication": "wants them to confirm the payment",
        "bank_debit": "Processing",
        "no_method": "no stored payment method",
        "no_customer": "no stored payment method",
        "no_provider": "no payment provider in Lago",
        "silent": _OUT,
        "charge_then_hang": _OUT,
        "charge_then_reset": _PAID,
        "charge_then_500": _PAID,
        "charge_then_html": _PAID,
        "hang": _OUT,
        "rate_limited": _PAID,
        "fix_the_card": "Declined: Lago does not tell the bank's reason",
    },
    "braintree": {
        "paid": _PAID,
        "insufficient_funds": "Declined: insufficient funds (soft)",
        "network_wait": "the card's network asks to wait",
        "generic_decline": "Declined: the bank declined without a reason",
        "stolen_card": "cannot be charged any more",
        "lost_card": "cannot be charged any more",
        "expired_card": "cannot be charged any more",
        "closed_card": "cannot be charged any more",
        "needs_authentication": "wants the customer to confirm",
        "security_code": "cannot be charged any more",
        "network_down": "Declined: the card network could not be reached",
        "bank_debit": "Processing",
        "charged_before": "by this retry or by another payment",
        "charge_then_hang": _OUT,
        "charge_then_reset": _PAID,
        "charge_then_500": _PAID,
        "charge_then_html": _PAID,
        "charge_then_cut": _PAID,
        "hang": _OUT,
        "rate_limited": _PAID,
        "fix_the_card": "Declined: the bank declined without a reason",
    },
    "recurly": {
        "paid": _PAID,
        "insufficient_funds": "Declined: insufficient funds (soft)",
        "generic_decline": "Declined: the bank gave no reason",
        "stolen_card": "refused Visa ending 9979 for good",
        "lost_card": "refused Visa ending 9979 for good",
        "expired_card": "Visa ending 0069 cannot be charged any more",
        "gateway_unavailable": "Declined: the payment gateway could not be reached",
        "needs_authentication": "wants the customer to confirm",
        "no_method": "no payment method is on file",
        "no_card": "no payment method is on file",
        "bank_debit": "Processing",
        "busy": _PAID,
        "charge_then_hang": _OUT,
        "charge_then_reset": _PAID,
        "charge_then_500": _PAID,
        "charge_then_html": _PAID,
        "charge_then_cut": _PAID,
        "charge_late": _PAID,
        "decline_then_reset": "Declined: insufficient funds (soft)",
        "gateway_timeout": "It may have happened",
        "hang": _OUT,
        "rate_limited": _PAID,
        "fix_the_card": "Declined: the bank gave no reason",
    },
    "paddle": {
        "paid": _PAGE,
        "by_transfer": "to be paid by bank transfer",
        "insufficient_funds": _PAGE,
        "generic_decline": _PAGE,
        "stolen_card": _PAGE,
        "expired_card": _PAGE,
        "needs_authentication": _PAGE,
        "renewal": _PAGE,
        "active_again": "The subscription is active and not past due",
        "newer_bill": "another transaction of this subscription",
        "being_paid": _PAGE,
        "act_then_hang": _PAGE,
        "act_then_reset": _PAGE,
        "act_then_500": _PAGE,
        "act_then_html": _PAGE,
        "hang": _PAGE,
        "rate_limited": _PAGE,
    },
    "chargebee": {
        "paid": _PAID,
        "insufficient_funds": "Declined: insufficient funds (soft)",
        "generic_decline": "Declined: the bank gave no reason",
        "stolen_card": "refused card ending 9979 for good",
        "lost_card": "refused card ending 9987 for good",
        "expired_card": "ard ending 0069 cannot be charged any more",
        "token_gone": "ard ending 0404 cannot be charged any more",
        "needs_authentication": "wants the customer to confirm",
        "no_method": "no payment method is on file",
        "bank_debit": "Processing",
        "charge_then_hang": _OUT,
        "charge_then_reset": _PAID,
        "charge_then_500": _PAID,
        "charge_then_html": _PAID,
        "charge_then_cut": _PAID,
        "decline_then_reset": "Declined: insufficient funds (soft)",
        "charge_late": _PAID,
        "hang": _OUT,
        "rate_limited": _PAID,
        "fix_the_card": "Declined: the bank gave no reason",
    },
    "lac": {
        "delivered": "Delivery requested",
        "queued": "Delivery requested",
        "fails_again": "Delivery requested",
        "refused": "Not done",
        "send_then_hang": _OUT,
        "send_then_reset": "It may have been sent",
        "send_then_500": "It may have been sent",
        "send_then_html": "It may have been sent",
        "send_then_cut": "It may have been sent",
        "hang": _OUT,
        "rate_limited": "Delivery requested",
    },
}


@dataclass(slots=True, kw_only=True)
class Meeting:
    """One customer, what was asked about their invoice, and what was told of it so far."""

    slug: str
    name: str
    invoice: str
    words: str
    is_asked_back: bool
    told: str = "nothing"
    is_over: bool = False

    @property
    def verb(self) -> str:
        return _VERBS.get(self.slug, "retry")

    def is_about(self, text: str) -> bool:
        names = (f"{self.slug}-{self.name}".upper(), self.invoice)
        return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in names)


class Customers:
    """Meets them all at once, as a busy morning would."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor

    async def meet(self) -> list[str]:
        """What ended otherwise than expected, a line each; empty when all is well."""
        worlds = await self._worlds()
        names = {slug: [one["name"] for one in world["magic"]] for slug, world in worlds.items()}
        known = {slug: ENDINGS.get(slug, {}) for slug in names}
        wrong = [f"{slug}: nobody knows how {n} ends" for slug, ns in names.items() for n in set(ns) ^ set(known[slug])]
        meetings = [await self._begun(slug, name) for slug, ns in names.items() for name in ns if name in known[slug]]
        for meeting in meetings:
            text = f"{meeting.verb} {meeting.slug}:{meeting.invoice}"
            await self._visitor.do("command", user=LEAD, channel=CHANNEL, text=text)
        deadline = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < deadline and not all(one.is_over for one in meetings):
            await self._listen([one for one in meetings if not one.is_over])
            await asyncio.sleep(0.5)
        wrong += [
            f"{one.slug}, {one.name}: expected “{one.words}”, told “{one.told[:160]}”"
            for one in meetings
            if not one.is_over
        ]
        return wrong + self._too_much(meetings, await self._worlds())

    async def _begun(self, slug: str, name: str) -> Meeting:
        if slug == "lac":
            added = await self._visitor.do("world", name="add_invoice", args={"magic": name, "provider": slug})
            invoice = str(added["result"]["invoice"])
        else:
            invoice = await self._visitor.add(f"{slug}-{name}".upper(), name, 1234, provider=slug)
        words = ENDINGS[slug][name]
        is_asked_back = slug == "lac"
        return Meeting(
            slug=slug, name=name, invoice=invoice, words=words, is_asked_back=is_asked_back,
            is_over=words is _OUT and not is_asked_back,
        )  # fmt: skip

    async def _listen(self, waiting: Sequence[Meeting]) -> None:
        """One look at everything that was told, for all of them."""
        messages = [(readable(message), message) for message in await self._visitor.private(LEAD)]
        for meeting in waiting:
            about = [(text, message) for text, message in messages if meeting.is_about(text)]
            if not about:
                continue
            meeting.told = about[-1][0].strip()
            if meeting.words is _OUT and len(waiting) > self._hanging(waiting):
                continue  # LAC takes one send at a time: one that hangs would keep the others waiting
            if meeting.is_asked_back and "Nothing was sent yet" in meeting.told:
                meeting.is_asked_back = False
                await self._visitor.push(LEAD, about[-1][1], meeting.verb)
                meeting.is_over = meeting.words is _OUT
            elif any(meeting.words in text for text, _ in about):
                meeting.is_over = True

    @staticmethod
    def _hanging(waiting: Sequence[Meeting]) -> int:
        return sum(meeting.words is _OUT for meeting in waiting)

    def _too_much(self, meetings: Sequence[Meeting], worlds: Mapping[str, Json]) -> list[str]:
        """Never more than one charge, or one delivery, whatever befell the answer."""
        said = []
        for meeting in meetings:
            ledger = worlds[meeting.slug]["ledger"]
            done = [one for one in ledger if one["invoice"] == meeting.invoice and one["result"] not in _NOTHING_MOVED]
            if len(done) > 1:
                said.append(f"{meeting.slug}, {meeting.name}: {len(done)} times")
        return said

    async def _worlds(self) -> dict[str, Json]:
        return dict((await self._visitor.state())["world"])


_NOTHING_MOVED: Final = frozenset({"declined", "requires_action"})
