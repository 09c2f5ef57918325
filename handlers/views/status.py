"""The answer to `status`: can the providers be reached, when is the next digest, which decisions are open."""

from __future__ import annotations

from bot.domain.content import AccountHealth, StatusContent
from bot.domain.records import ActionRecord
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, fit, rendered
from handlers.views.freezing import frozen_line
from handlers.views.row import waiting_for
from handlers.views.sentences import sentence
from handlers.views.text import channel, code, escape, prose
from handlers.views.times import moment

_LINES_SHOWN = 20
_WAITING_SHOWN = 5


def status(content: StatusContent, *, command: str) -> Rendered:
    top = [blocks.section(frozen_line(content.frozen, command))] if content.frozen is not None else []
    head = [
        *top,
        blocks.section(_accounts(content)),
        blocks.section(_digests(content)),
        *_waiting(content),
        blocks.section(_open_count(content)),
    ]
    rows = [[_open(action, command)] for action in content.open_actions]
    return rendered(_summary(content), fit(head, rows, lambda shown: _tail(content, shown)))


def _accounts(content: StatusContent) -> str:
    if not content.accounts:
        return "*Accounts*\nNone is configured."
    return "\n".join(["*Accounts*", *(_account(account) for account in content.accounts[:_LINES_SHOWN])])


def _account(account: AccountHealth) -> str:
    mode = "live" if account.live else "test"
    stand = f"*problem:* {prose(account.problem)}" if account.problem else "works"
    return f"{code(account.name)} ({escape(account.provider)}, {mode}): {stand}"


def _digests(content: StatusContent) -> str:
    if not content.digests:
        return "*Digests*\nNone is configured."
    lines = [
        f"{code(name)} in {channel(place)}: {f'next {moment(at)}' if at else 'no next time'}"
        for name, place, at in content.digests[:_LINES_SHOWN]
    ]
    return "\n".join(["*Digests*", *lines])


def _waiting(content: StatusContent) -> list[Block]:
    """Nothing where nobody was asked."""
    if not content.waiting:
        return []
    lines = [f"{code(str(asked.ref), 300)}: {waiting_for(asked)}" for asked in content.waiting[:_WAITING_SHOWN]]
    more = [f"{len(content.waiting) - len(lines)} more"] if len(content.waiting) > len(lines) else []
    return [blocks.section("\n".join(["*Waiting for a second person*", *lines, *more]))]


def _open_count(content: StatusContent) -> str:
    if not content.open_actions:
        return "*Open decisions*\nNone: everything that was decided has ended."
    return f"*Open decisions* ({len(content.open_actions)})"


def _open(action: ActionRecord, command: str) -> Block:
    name = str(action.ref) if action.ref else action.typed_ref
    return blocks.section(
        f"{code(name, 300) or 'an invoice'}: {sentence(action, command)} · Reference {code(action.reference)}"
    )


def _tail(content: StatusContent, shown: int) -> list[Block]:
    left_out = len(content.open_actions) - shown
    more = [blocks.context(f"{left_out} more open decisions are not shown here.")] if left_out else []
    return [*more, blocks.context(f"As of {moment(content.now)}")]


def _summary(content: StatusContent) -> str:
    troubled = [account for account in content.accounts if account.problem]
    health = f"Accounts with a problem: {len(troubled)} of {len(content.accounts)}" if troubled else "All accounts work"
    stop = "Frozen; " if content.frozen is not None else ""
    return f"{stop}{health}; open decisions: {len(content.open_actions)}"
