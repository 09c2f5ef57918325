"""May this person do that, here, now? The policy's answer with everything it needs to know looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bot.domain.action import BOUND, Action, Word
from bot.domain.content import VERDICTS, Choice, Row
from bot.domain.money import Money
from bot.domain.policy import Actor, ApprovalRule, People, Policy, Request
from bot.domain.refusal import Refusal
from bot.ports import Clock, DayLimit, Directory, Journal

_DAY = timedelta(hours=24)
_WORDS = {
    Choice.RETRY: Word.RETRY,
    Choice.LINK: Word.LINK,
    Choice.RETRY_WITH: Word.RETRY,
    Choice.PDF: Word.PDF,
    Choice.RESEND: Word.RESEND,
    Choice.FINALIZE: Word.FINALIZE,
    Choice.REFRESH: Word.REFRESH,
    Choice.PAID: Word.PAID,
    Choice.VOID: Word.VOID,
    Choice.UNCOLLECTIBLE: Word.UNCOLLECTIBLE,
    Choice.SHOW: Word.VIEW,
    Choice.SHARE: Word.SHARE,
    Choice.CHECK: Word.VIEW,
    Choice.VERIFIED: Word.SETTLE,
    Choice.VERIFIED_NOT: Word.SETTLE,
}
"""The right that each button needs."""
_WRITING = frozenset({*(Word(action.value) for action in Action), Word.APPROVE})
"""What a freeze forbids to everybody."""


class Rights:
    """Asks the policy with a snapshot of the roles, or with a fresh reading where the stakes are higher."""

    def __init__(self, policy: Policy, directory: Directory, journal: Journal, clock: Clock) -> None:
        self._policy = policy
        self._directory = directory
        self._journal = journal
        self._clock = clock

    async def objection(
        self,
        actor: Actor,
        word: Word,
        *,
        channel: str | None,
        account: str | None = None,
        amount: Money | None = None,
    ) -> Refusal | None:
        """From the snapshot: no network."""
        request = await self._request(actor, word, channel, account, amount)
        objection = self._policy.objection(actor, request, self._directory.snapshot(), self._clock.now())
        return objection or await self._frozen(word)

    async def objection_at_execution(
        self, actor: Actor, word: Word, channel: str, account: str, amount: Money, *, afresh: bool
    ) -> Refusal | None:
        """The worker's check. What a person may do in a day is judged later, where the attempt begins (`day_limit`)."""
        people: People | None = await self._directory.afresh() if afresh else self._directory.snapshot()
        request = Request(word=word, channel=channel, account=account, amount=amount)
        return self._policy.objection(actor, request, people, self._clock.now()) or await self._frozen(word)

    def day_limit(self, actor: Actor, word: Word, channel: str, account: str, amount: Money) -> DayLimit | None:
        """The same question once more, for when it is known what the person's other decisions of the day come to; None
        where no rule sets such a limit. Asked inside a transaction, so it must not wait for anything."""
        if word not in BOUND or not self._policy.has_daily_limits:
            return None
        people, now = self._directory.snapshot(), self._clock.now()

        def within(spent: Mapping[str, Money]) -> Refusal | None:
            request = Request(word=word, channel=channel, account=account, amount=amount, spent=spent)
            return self._policy.objection(actor, request, people, now)

        return within

    def approval_rule(self, word: Word, amount: Money) -> ApprovalRule | None:
        """The rule that asks for a second person; None where one is enough."""
        return self._policy.approval_for(word, amount)

    def members(self, role: str, without: Actor | None = None) -> str:
        """Whom a role means, as Slack mentions."""
        return self._policy.members(role, without)

    async def objection_to_approver(
        self, actor: Actor, role: str, channel: str, account: str, *, afresh: bool = False
    ) -> Refusal | None:
        """Why this person may not give the second word. `afresh`: the worker asks Slack for the roles once more."""
        people = await self._directory.afresh() if afresh else self._directory.snapshot()
        request = Request(word=Word.APPROVE, channel=channel, account=account)
        refusal = self._policy.objection_to_approver(actor, role, request, people, self._clock.now())
        return refusal or await self._frozen(Word.APPROVE)

    async def theirs(self, row: Row, actor: Actor, channel: str) -> Row:
        """A private row with only the buttons that its reader may press; a message for all can't be trimmed for one."""
        kept = []
        for choice in row.choices:
            word = _WORDS[choice]
            if choice in VERDICTS and row.action is not None and row.action.actor.user == actor.user:
                continue
            account, owed = row.invoice.ref.account, row.invoice.owed
            if await self.objection(actor, word, channel=channel, account=account, amount=owed) is None:
                kept.append(choice)
        return replace(row, choices=tuple(kept))

    def whom_to_ask(self, actor: Actor, word: Word, *, channel: str | None, account: str | None) -> str:
        """Others who may do this here, as Slack mentions."""
        return self._policy.whom_to_ask(actor, Request(word=word, channel=channel, account=account))

    def words(self, actor: Actor, channel: str | None) -> frozenset[Word]:
        """What the person may do here, for help."""
        people, now = self._directory.snapshot(), self._clock.now()
        return frozenset(w for w in Word if self._policy.may(actor, Request(word=w, channel=channel), people, now))

    def accounts(self, actor: Actor, channel: str | None, names: tuple[str, ...]) -> tuple[str, ...]:
        """The accounts whose invoices the person may see here."""
        people, now = self._directory.snapshot(), self._clock.now()
        return tuple(
            name
            for name in names
            if self._policy.may(actor, Request(word=Word.VIEW, channel=channel, account=name), people, now)
        )

    async def _frozen(self, word: Word) -> Refusal | None:
        frozen = await self._journal.frozen() if word in _WRITING else None
        return frozen.refusal if frozen is not None else None

    async def _request(
        self, actor: Actor, word: Word, channel: str | None, account: str | None, amount: Money | None
    ) -> Request:
        spent: dict[str, Money] = {}
        if word in BOUND and amount is not None and self._policy.has_daily_limits:
            spent = await self._journal.spent(actor.user, self._clock.now() - _DAY)
        return Request(word=word, channel=channel, account=account, amount=amount, spent=spent)
