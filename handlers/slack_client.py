"""Calls Slack's Web API and response_urls, and says in our words what went wrong; nothing is resent here.

The SDK resends a request once on a dropped connection by default, which can post a message twice: its retry handlers are
left out (Slack platform notes, rate limits). Waiting and trying again is the outbox's affair.
"""

from __future__ import annotations

import io
import json
import math
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import NotSaid, SlackFailure

TIMEOUT_SECONDS: Final = 10
UPLOAD_SECONDS: Final = 20
_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 3600.0
_SLACK_DOMAINS: Final = ("slack.com", "slack-gov.com")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_GONE: Final = frozenset(
    {
        "channel_not_found", "not_in_channel", "is_archived", "message_not_found", "cant_update_message",
        "edit_window_closed", "user_not_in_channel", "user_not_found", "users_not_found", "user_disabled",
        "user_not_visible", "cannot_dm_bot", "messages_tab_disabled", "restricted_action", "thread_not_found",
        "restricted_action_read_only_channel", "restricted_action_thread_only_channel", "expired_url", "used_url",
        "no_permission", "cannot_reply_to_message", "update_failed", "is_inactive", "channel_is_archived",
    }
)  # fmt: skip
_DENIED: Final = frozenset(
    {
        "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
        "no_permission_to_call", "org_login_required", "ekm_access_denied", "access_denied", "not_allowed_token_type",
        "team_access_not_granted", "two_factor_setup_required",
    }
)  # fmt: skip
_DOWN: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})


def new_client(token: str, api_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """A client that sends each request once. `api_url` ends with a slash."""
    return AsyncWebClient(token=token, base_url=api_url, session=session, timeout=TIMEOUT_SECONDS, retry_handlers=[])


def new_session() -> aiohttp.ClientSession:
    """The connections to Slack; closed by whoever opened them."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))


class SlackCalls:
    """One method per kind of call; every one raises SlackFailure and nothing else."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession, api_url: str) -> None:
        self._client = client
        self._session = session
        self._own_host = urlsplit(api_url).hostname or ""
        self.trouble: str | None = None
        """Slack's word where it last refused our token or a scope, for `/healthz`; None when the last call was taken."""

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A method that writes, as JSON: the reply's body. `method` is Slack's name of it, such as `chat.postMessage`."""
        return await self._call(method, **({"json": arguments} if arguments else {}))

    async def read(self, method: str, **arguments: str) -> dict[str, Any]:
        """A method that reads: Slack takes its arguments in the query, not as JSON."""
        return await self._call(method, http_verb="GET", params=arguments)

    async def form(self, method: str, **arguments: str) -> dict[str, Any]:
        """A method that takes a form and no JSON."""
        return await self._call(method, data=arguments)

    async def _call(self, method: str, **how: Any) -> dict[str, Any]:
        try:
            response = await self._client.api_call(method, **how)
        except SlackApiError as error:
            failure = _failure(error)
            if failure.why is NotSaid.DENIED:
                self.trouble = failure.detail
            raise failure from None
        except aiohttp.ClientConnectorError:
            raise SlackFailure(NotSaid.WAIT, "slack cannot be reached") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackFailure(NotSaid.LOST, type(error).__name__) from None
        except (AttributeError, ValueError, TypeError):
            # What the SDK raises for a reply that is not Slack's JSON, such as a proxy's text page.
            raise SlackFailure(NotSaid.LOST, "unreadable reply") from None
        self.trouble = None
        body = response.data
        return body if isinstance(body, dict) else {}

    async def respond(self, response_url: str, message: dict[str, Any]) -> None:
        """Post to a response_url: five times within 30 minutes, on Slack's own hosts only."""
        if not self._is_slack(response_url):
            raise SlackFailure(NotSaid.GONE, "the response_url is not on a host of Slack")
        try:
            async with self._session.post(response_url, json=message, allow_redirects=False) as reply:
                text = await reply.text()
        except aiohttp.ClientConnectorError:
            raise SlackFailure(NotSaid.WAIT, "slack cannot be reached") from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackFailure(NotSaid.LOST, type(error).__name__) from None
        _check_response(reply.status, text, reply.headers.get("Retry-After"))

    async def upload(self, upload_url: str, content: bytes) -> None:
        """Send a file where `files.getUploadURLExternal` said, on Slack's own hosts only. The URL is the right to do so:
        the token is not sent along. Nobody sees the file yet, so a lost answer leaves no doubt."""
        if not self._is_slack(upload_url):
            raise SlackFailure(NotSaid.UNUSABLE, "the upload_url is not on a host of Slack")
        kind, patience = {"Content-Type": "application/octet-stream"}, aiohttp.ClientTimeout(total=UPLOAD_SECONDS)
        try:
            async with self._session.post(
                upload_url, data=io.BytesIO(content), headers=kind, timeout=patience, allow_redirects=False
            ) as reply:
                await reply.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackFailure(NotSaid.WAIT, type(error).__name__) from None
        _check_upload(reply.status, reply.headers.get("Retry-After"))

    def _is_slack(self, url: str) -> bool:
        """Readers of URLs disagree about credentials, backslashes and blanks: none of Slack's has any."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if not url.isascii() or not url.isprintable() or any(character in parts.netloc for character in "@\\ "):
            return False
        if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
            return False
        is_own = host != "" and (host == self._own_host or (host in _LOOPBACK and self._own_host in _LOOPBACK))
        return is_own or any(host == d or host.endswith(f".{d}") for d in _SLACK_DOMAINS)


def _check_response(status: int, text: str, retry_after: str | None) -> None:
    error = _error_word(text)
    if status == 429:
        raise SlackFailure(NotSaid.WAIT, "ratelimited", retry_after=_seconds(retry_after))
    if error in {"expired_url", "used_url", "invalid_token", "channel_not_found"} or status in {403, 404, 410}:
        raise SlackFailure(NotSaid.GONE, error or f"http {status}")
    if error in {"invalid_blocks", "invalid_payload", "no_text", "msg_too_long", "msg_blocks_too_long"} or status == 400:
        raise SlackFailure(NotSaid.UNUSABLE, error or "http 400")
    if status < 300 and error:
        raise SlackFailure(NotSaid.UNUSABLE, error)
    if status >= 300:
        # Slack answers 500 for a spent response_url at times; the next address is safe, it repeats at most a text.
        raise SlackFailure(NotSaid.GONE if error else NotSaid.LOST, error or f"http {status}")


def _check_upload(status: int, retry_after: str | None) -> None:
    if status == 429:
        raise SlackFailure(NotSaid.WAIT, "ratelimited", retry_after=_seconds(retry_after))
    if 400 <= status < 500:
        raise SlackFailure(NotSaid.UNUSABLE, f"http {status}")
    if status != 200:
        raise SlackFailure(NotSaid.WAIT, f"http {status}")


def _error_word(text: str) -> str:
    """Slack answers `ok`, a bare error word, or JSON with ok and error."""
    text = text.strip()
    if text.startswith("{"):
        try:
            body = json.loads(text)
        except ValueError:
            return ""
        return "" if body.get("ok") else str(body.get("error", ""))[:60]
    return text[:60] if "_" in text and text.replace("_", "").isalpha() else ""


def _failure(error: SlackApiError) -> SlackFailure:
    response = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    data = getattr(response, "data", None)
    word = str(data.get("error") or "") if isinstance(data, dict) else ""
    if status == 429 or word in {"ratelimited", "rate_limited", "message_limit_exceeded"}:
        headers = getattr(response, "headers", None) or {}
        return SlackFailure(NotSaid.WAIT, "ratelimited", retry_after=_seconds(headers.get("Retry-After")))
    if status >= 500 or word in _DOWN or not word:
        return SlackFailure(NotSaid.LOST, word or f"http {status}")
    if word in _GONE:
        return SlackFailure(NotSaid.GONE, word)
    if word in _DENIED:
        return SlackFailure(NotSaid.DENIED, word)
    return SlackFailure(NotSaid.UNUSABLE, word)


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or "")
    except ValueError:
        return _PAUSE
    return min(max(seconds, 1.0), _LONGEST_PAUSE) if math.isfinite(seconds) else _PAUSE
