"""Everything Slack can do with Recoup: the table of contents of its listeners."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import JournalUnavailable, UnusableValue
from bot.telemetry import ACK_SECONDS
from handlers import ids
from handlers.approvals import Approvals
from handlers.buttons import Buttons
from handlers.commands import Commands
from handlers.dialogs import Dialogs
from handlers.verdicts import VerdictListeners

LISTENER_SECONDS: Final = 2.5
"""Slack waits three; under `process_before_response` Bolt has no guard of its own."""

_Listener = Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]
_log = structlog.get_logger()
_ANYTHING = re.compile(".*")


@dataclass(frozen=True, slots=True)
class Handlers:
    """The objects whose methods are the listeners."""

    commands: Commands
    buttons: Buttons
    dialogs: Dialogs
    verdicts: VerdictListeners
    approvals: Approvals


def register(app: AsyncApp, handlers: Handlers, command: str) -> None:
    """Bind ids to methods. The first listener that matches wins, so the catch-alls for old buttons come last."""
    app.command(command)(_bounded(handlers.commands.run))
    buttons = handlers.buttons
    for action_id, listener in (
        (ids.RUN_ACTION, buttons.run_action),
        (ids.RESEND, buttons.run_action),
        (ids.REFRESH, buttons.run_action),
        (ids.ASK, buttons.ask),
        (ids.RETRY_WITH, buttons.retry_with),
        (ids.MORE, buttons.more),
        (ids.LINK, buttons.link),
        (ids.PDF, buttons.pdf),
        (ids.SHOW, buttons.show),
        (ids.SHARE, buttons.share),
        (ids.CHECK, buttons.check),
        (ids.VERIFIED, handlers.verdicts.ask),
        (ids.VERIFIED_NOT, handlers.verdicts.ask),
        (ids.APPROVE, handlers.approvals.answer),
        (ids.DENY, handlers.approvals.answer),
    ):
        app.action(action_id)(_bounded(listener))
    for callback_id in (ids.REASON_MODAL, ids.ISSUE_MODAL, ids.PAYMENT_MODAL, ids.METHOD_MODAL):
        app.view(callback_id)(_bounded(handlers.dialogs.submit))
    app.view(ids.VERDICT_MODAL)(_bounded(handlers.verdicts.submit))
    app.view(_ANYTHING)(_bounded(handlers.dialogs.submit_old))
    app.action(_ANYTHING)(_bounded(buttons.unknown))
    app.error(_report)


def _bounded(listener: _Listener) -> Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]:
    """A deadline around the listener's own body. Bolt injects by parameter name, so the names here are fixed."""

    async def run(ack: AsyncAck, body: dict[str, Any]) -> None:
        started = time.monotonic()
        async with asyncio.timeout(LISTENER_SECONDS):
            await listener(ack, body)
        ACK_SECONDS.observe(time.monotonic() - started)

    return run


async def _report(error: Exception) -> None:
    """Answers nothing, so that Bolt's 500 stays and Slack tells the person; a 200 here would hide a lost press."""
    match error:
        case UnusableValue() | JournalUnavailable():
            _log.warning("press.not_accepted", reason=str(error))
        case TimeoutError():
            _log.error("press.not_accepted", reason="no commit within the deadline")
        case _:
            reference = secrets.token_hex(4)
            _log.error("press.not_accepted", reason=type(error).__name__, at=_place(error), reference=reference)


def _place(error: Exception) -> str:
    """The module and line that raised it, to look it up: a trace may hold what is nobody's business."""
    trace, place = error.__traceback__, "nowhere"
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
