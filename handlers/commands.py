"""The slash command: parse, authorize, accept or start a read, acknowledge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import assert_never

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.action import Action, Word
from bot.domain.content import Content, RefusalContent
from bot.domain.errors import UnusableValue
from bot.domain.filters import parse_filter
from bot.domain.refusal import Refusal
from bot.domain.search import parse_search
from bot.ports import Accepted, AlreadyAccepted, Busy, Clock, Redelivered
from bot.services.accounts import Accounts
from bot.services.actions import ActionService, Typed
from bot.services.digests import DigestService
from bot.services.finder import Reader
from bot.services.freezing import Freezing
from bot.services.lookup import Lookup
from bot.services.questions import Questions
from bot.services.rights import Rights
from bot.services.watching import Watching
from handlers.answers import Answers, asked_within
from handlers.background import Background
from handlers.command_text import CommandText, parse_command
from handlers.dialogs import NOT_OPENED, Dialogs
from handlers.payloads import Body, Invocation, invocation_of
from handlers.views.freezing import frozen_already, not_frozen_any_more, now_frozen
from handlers.views.help import help_message
from handlers.views.refusals import refusal_sentence
from handlers.views.text import escape, prose

_Handler = Callable[[AsyncAck, Invocation, CommandText], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandServices:
    """What the command may ask for."""

    actions: ActionService
    lookup: Lookup
    questions: Questions
    watching: Watching
    digests: DigestService
    rights: Rights
    accounts: Accounts
    freezing: Freezing


class Commands:
    """`/invoice …`. A decision is one commit; a read is a tracked task that answers by response_url."""

    def __init__(
        self,
        services: CommandServices,
        answers: Answers,
        dialogs: Dialogs,
        background: Background,
        *,
        clock: Clock,
        command: str,
    ) -> None:
        self._services = services
        self._answers = answers
        self._dialogs = dialogs
        self._background = background
        self._clock = clock
        self._command = command
        self._handlers: dict[str, _Handler] = {
            "help": self._help,
            "show": self._show,
            "retry": self._decide,
            "resend": self._decide,
            "refresh": self._decide,
            "void": self._with_dialog,
            "uncollectible": self._with_dialog,
            "finalize": self._with_dialog,
            "paid": self._with_dialog,
            "link": self._link,
            "pdf": self._link,
            "failed": self._failed,
            "find": self._find,
            "digest": self._digest,
            "history": self._history,
            "watch": self._watch,
            "unwatch": self._watch,
            "status": self._status,
            "freeze": self._freeze,
            "unfreeze": self._unfreeze,
        }

    async def run(self, ack: AsyncAck, body: Body) -> None:
        invocation = invocation_of(body, self._clock.now())
        try:
            said = parse_command(invocation.text, self._command)
            await self._handlers[said.name](ack, invocation, said)
        except UnusableValue as error:
            await ack(text=_sentence(error))

    async def _help(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        del said
        words = self._services.rights.words(invocation.actor, invocation.reply_to.channel)
        message = help_message(self._command, words)
        await ack(text=message.text, blocks=message.blocks)

    async def _decide(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        """Written down with the REF as text; the worker finds the invoice, and the answer comes to the response_url."""
        decided = await self._services.actions.typed(
            Typed(
                action=Action(said.name),
                text=said.argument,
                actor=invocation.actor,
                reply_to=invocation.reply_to,
                delivery=invocation.delivery,
                method=said.method,
            )
        )
        match decided:
            case Refusal():
                await ack(text=refusal_sentence(decided, self._command))
            case Accepted():
                await ack(text=f"Got it: {said.name} {escape(said.argument, 120)}. How it ends will be told here.")
            case AlreadyAccepted() | Busy() | Redelivered():
                await ack()
            case _:
                assert_never(decided)

    async def _with_dialog(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        """A dialog that says "reading" at once; a tracked task fills it. Opening it decides nothing."""
        action = Action(said.name)
        refusal = await self._services.rights.objection(
            invocation.actor, Word(said.name), channel=invocation.reply_to.channel
        )
        if refusal is not None:
            await ack(text=refusal_sentence(refusal, self._command))
            return
        view_id = await self._dialogs.open_reading(invocation.trigger_id)
        if view_id is None:
            await ack(text=NOT_OPENED)
            return
        self._background.start(self._fill(view_id, invocation, said.argument, action))
        await ack()

    async def _fill(self, view_id: str, invocation: Invocation, text: str, action: Action) -> None:
        """Whatever happens while reading, the dialog does not say "reading" for ever."""
        asked = await asked_within(self._services.questions.ask(_reader(invocation), text, action))
        if isinstance(asked, RefusalContent):
            await self._dialogs.fill_refused(view_id, asked.refusal)
            return
        await self._dialogs.fill(view_id, asked, action, invocation.reply_to)

    async def _show(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        await self._read(ack, invocation, self._services.lookup.show(_reader(invocation), said.argument))

    async def _link(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        await self._read(ack, invocation, self._services.lookup.link(_reader(invocation), said.argument, Word(said.name)))

    async def _find(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        parse_search(said.argument, self._services.accounts.id_patterns())
        await self._read(ack, invocation, self._services.lookup.find(_reader(invocation), said.argument))

    async def _watch(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        watching = self._services.watching
        change = watching.watch if said.name == "watch" else watching.unwatch
        await self._read(ack, invocation, change(_reader(invocation), said.argument))

    async def _history(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        await self._read(ack, invocation, self._services.lookup.history(_reader(invocation), said.argument))

    async def _status(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        del said
        await self._read(ack, invocation, self._services.lookup.status(_reader(invocation)))

    async def _freeze(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        """Answered once it holds: after this acknowledgement nothing begins any more."""
        frozen = await self._services.freezing.freeze(
            invocation.actor, invocation.reply_to, invocation.delivery, said.argument
        )
        if isinstance(frozen, Refusal):
            await ack(text=refusal_sentence(frozen, self._command))
        else:
            await ack(text=frozen_already(frozen, self._command) if frozen is not None else now_frozen(self._command))

    async def _unfreeze(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        del said
        thawed = await self._services.freezing.unfreeze(invocation.actor, invocation.reply_to, invocation.delivery)
        if isinstance(thawed, Refusal):
            await ack(text=refusal_sentence(thawed, self._command))
        else:
            await ack(text=not_frozen_any_more(is_news=thawed))

    async def _failed(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        words = parse_filter(said.argument, self._services.accounts.names())
        await self._read(ack, invocation, self._services.lookup.failed(_reader(invocation), words, said.argument))

    async def _digest(self, ack: AsyncAck, invocation: Invocation, said: CommandText) -> None:
        words = said.argument.lower().split()
        how = words[0] if words else "preview"
        if how not in {"now", "preview"} or len(words) > 2:
            raise UnusableValue(f"Try `{self._command} digest preview` (for you alone) or `{self._command} digest now`.")
        channel = invocation.reply_to.channel
        plan = self._services.digests.plan_for(channel, words[1] if len(words) == 2 else None)
        if plan is None:
            raise UnusableValue("There is no digest of that name here.")
        word = Word.DIGEST if how == "now" else Word.VIEW
        for account in plan.accounts or (None,):
            refusal = await self._services.rights.objection(invocation.actor, word, channel=channel, account=account)
            if refusal is not None:
                await ack(text=refusal_sentence(refusal, self._command))
                return
        if how == "preview":
            await self._read(ack, invocation, self._services.digests.preview(plan, channel, invocation.actor))
            return
        started = await self._services.digests.accept_now(plan, channel, invocation.actor.user, invocation.delivery)
        if started is not None:
            key, owner = started
            self._background.start(self._services.digests.build_now(key, owner, channel), seconds=None)
        await ack(text="Reading the failed invoices; the digest will be posted in this channel.")

    async def _read(self, ack: AsyncAck, invocation: Invocation, reading: Awaitable[Content]) -> None:
        self._background.start(self._answers.read_and_tell(reading, invocation.reply_to))
        await ack()


def _sentence(error: UnusableValue) -> str:
    """As mrkdwn: what was typed comes back in it, and must not ping or link."""
    said = prose(str(error))
    return said if said.endswith("?") else f"{said}."


def _reader(invocation: Invocation) -> Reader:
    return Reader(invocation.actor, invocation.reply_to.channel)
