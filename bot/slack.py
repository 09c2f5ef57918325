"""Start-up and listening side of Slack: `auth.test` before anything else, then Socket Mode or HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import RecoupError
from bot.ports import NotSaid, SlackFailure
from bot.settings import SlackConfiguration
from handlers.slack_client import SlackCalls, new_client, new_session

CONNECT_SECONDS = 60.0
_PAUSE = 2.0
_log = structlog.get_logger()


class StartRefused(RecoupError):
    """The bot does not start; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class ConnectedSlack:
    """Slack as `auth.test` answered at the start: the team that the bot is installed in, and the Bolt app for it."""

    calls: SlackCalls
    bolt: AsyncApp
    team: str
    settings: SlackConfiguration


@asynccontextmanager
async def connected_slack(configuration: SlackConfiguration) -> AsyncGenerator[ConnectedSlack]:
    """Raises StartRefused where the token is refused, or Slack is not reached within a minute."""
    session = new_session()
    try:
        client = new_client(configuration.bot_token, configuration.api_url, session)
        calls = SlackCalls(client, session, configuration.api_url)
        identity = await _auth_test(calls)
        yield ConnectedSlack(
            calls=calls,
            bolt=_bolt(configuration, client, identity),
            team=identity["team_id"],
            settings=configuration,
        )
    finally:
        await session.close()


@asynccontextmanager
async def socket_mode(slack: ConnectedSlack) -> AsyncGenerator[AsyncSocketModeHandler]:
    """Connected while the context lasts. The app token has a client of its own: the bot's would be used otherwise."""
    configuration = slack.settings
    assert configuration.app_token is not None  # noqa: S101 - asked for by the caller
    web_client = AsyncWebClient(token=configuration.app_token, base_url=configuration.api_url, retry_handlers=[])
    handler = AsyncSocketModeHandler(slack.bolt, configuration.app_token, web_client=web_client, logger=_quiet_logger())
    deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
    while True:
        try:
            await handler.connect_async()  # type: ignore[no-untyped-call]  # the SDK leaves these three untyped
            break
        except Exception as error:  # noqa: BLE001 - the SDK lets whatever its transport raised pass
            if asyncio.get_running_loop().time() > deadline or _is_denied(error):
                await handler.close_async()  # type: ignore[no-untyped-call]
                raise StartRefused(
                    "Slack did not open a Socket Mode connection: check SLACK_APP_TOKEN (scope connections:write)."
                ) from None
            await asyncio.sleep(_PAUSE)
    try:
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def _auth_test(calls: SlackCalls) -> dict[str, Any]:
    """A first press must never meet an unanswered `auth.test`: Bolt would answer it 200 and drop it."""
    identity: dict[str, Any] | None = None
    deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
    while identity is None:
        try:
            identity = await calls.call("auth.test")
        except SlackFailure as failure:
            if failure.why in {NotSaid.DENIED, NotSaid.UNUSABLE, NotSaid.GONE}:
                raise StartRefused(f"Slack refuses SLACK_BOT_TOKEN ({failure.detail}).") from None
            if asyncio.get_running_loop().time() > deadline:
                raise StartRefused(f"Slack cannot be reached ({failure.detail}); is SLACK_API_URL right?") from None
            _log.warning("slack.not_reached", detail=failure.detail)
            await asyncio.sleep(failure.retry_after or _PAUSE)
    if not isinstance(identity.get("team_id"), str):
        raise StartRefused("Slack's auth.test names no workspace; the bot cannot know whose people to trust.")
    return identity


def _bolt(configuration: SlackConfiguration, client: AsyncWebClient, identity: dict[str, Any]) -> AsyncApp:
    result = AuthorizeResult(
        enterprise_id=identity.get("enterprise_id"),
        team_id=identity["team_id"],
        bot_user_id=identity.get("user_id"),
        bot_id=identity.get("bot_id"),
        bot_token=configuration.bot_token,
    )

    async def authorize(**_: Any) -> AuthorizeResult:
        return result

    return AsyncApp(
        client=client,
        authorize=authorize,
        signing_secret=configuration.signing_secret or "unused in Socket Mode",
        # Chosen on purpose: the listener is one commit, and without this every ack waits for a 10 ms poll.
        process_before_response=True,
        logger=_quiet_logger(),
    )


def _quiet_logger() -> logging.Logger:
    """Bolt and the SDK print request bodies below WARNING: customer data, response_urls."""
    logger = logging.getLogger("recoup.slack")
    logger.setLevel(logging.ERROR)
    return logger


def _is_denied(error: Exception) -> bool:
    response = getattr(error, "response", None)
    data = getattr(response, "data", None)
    return isinstance(data, dict) and data.get("error") in {
        "invalid_auth",
        "not_authed",
        "not_allowed_token_type",
        "missing_scope",
    }
