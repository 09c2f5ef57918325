"""What a message says at this moment: rebuilt from the journal each time it is sent or redrawn."""

from __future__ import annotations

import secrets
from dataclasses import replace

from bot.domain.approval import approval_of
from bot.domain.content import ApprovalContent, CardContent, Content, DigestContent, Row
from bot.domain.freeze import Freeze
from bot.domain.policy import Actor
from bot.domain.records import ActionRecord
from bot.ports import DigestLog, Journal
from bot.services.accounts import Accounts
from bot.services.rights import Rights
from bot.services.rows import Rows


def new_message(kind: str) -> str:
    """Our own id of a message, before Slack has given it a ts: "card", "list", "modal"."""
    return f"{kind}:{secrets.token_hex(8)}"


def is_card(message: str) -> bool:
    """Whether a message shows one invoice, so that an answer may take its place."""
    return message.startswith("card:")


class Messages:
    """A message is the offers drawn for it; a digest adds what its run found."""

    def __init__(self, journal: Journal, digests: DigestLog, accounts: Accounts, rows: Rows, rights: Rights) -> None:
        self._journal = journal
        self._digests = digests
        self._accounts = accounts
        self._rows = rows
        self._rights = rights

    async def of(self, message: str) -> Content | None:
        """None where nothing is known of the message, or its account is configured no more."""
        if (approval_id := approval_of(message)) is not None:
            return await self.question(approval_id)
        found = await self._digests.found(message)
        rows = await self._drawn(message, is_card=found is None)
        if any(row.is_outrun for row in rows):
            # A decision ended between the reading of the offers and that of the actions: its new offer is there by now.
            rows = await self._drawn(message, is_card=found is None)
        if found is None:
            return CardContent(row=rows[0], is_private=False) if rows else None
        digest, _ = found
        return DigestContent(
            digest=digest,
            rows=tuple(rows),
            definitions=self.definitions(digest.accounts),
            frozen=await self._journal.frozen(),
        )

    async def _drawn(self, message: str, *, is_card: bool) -> list[Row]:
        offers = await self._journal.shown(message)
        return [row for offer in offers if (row := await self._rows.row(offer, is_card=is_card)) is not None]

    async def question(self, approval_id: str) -> ApprovalContent | None:
        """A question to a second person, as it stands now."""
        asked = await self._journal.approval(approval_id)
        offer = await self._journal.offer(asked.offer_id) if asked is not None else None
        facts = self._accounts.facts(asked.ref.account) if asked is not None else None
        if asked is None or offer is None or facts is None:
            return None
        return ApprovalContent(
            approval=asked,
            invoice=offer.invoice,
            facts=facts,
            approvers=self._rights.members(asked.role, asked.asker),
            action=await self._journal.approved_action(asked.id),
        )

    async def card_of(self, action: ActionRecord) -> CardContent | None:
        """The private card that a decision was made on, as it stands now."""
        if action.offer_id is None or (offer := await self._journal.offer(action.offer_id)) is None:
            return None
        shown = await self._journal.shown(offer.place.message)
        newest = next((one for one in shown if one.place.row == offer.place.row), offer)
        card = await self._rows.card(newest, is_private=True)
        if card is None:
            return None
        return replace(card, row=await self._rights.theirs(card.row, action.actor, action.reply_to.channel))

    async def theirs(self, row: Row, actor: Actor, channel: str) -> Row:
        """A row of a private message, with its reader's buttons."""
        return await self._rights.theirs(row, actor, channel)

    async def channel_of(self, message: str) -> str | None:
        """The channel that a digest is posted to."""
        found = await self._digests.found(message)
        return found[1] if found else None

    async def frozen(self) -> Freeze | None:
        return await self._journal.frozen()

    def definitions(self, accounts: tuple[str, ...]) -> tuple[str, ...]:
        """How "failed" is defined, once per provider, for the footer."""
        facts = [found for account in accounts if (found := self._accounts.facts(account)) is not None]
        return tuple(dict.fromkeys(f"{found.name}: {found.failed_means}" for found in facts))
