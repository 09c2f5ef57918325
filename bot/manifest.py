"""The manifest of the Slack app: what `recoup manifest` prints, and the scopes that `recoup doctor` looks for.

Fields: https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bot.domain.errors import UnusableValue

DEFAULT_NAME: Final = "Recoup"
DEFAULT_COMMAND: Final = "/invoice"
EVENTS_PATH: Final = "/slack/events"
_LONGEST_NAME: Final = 35
_COMMAND: Final = re.compile(r"/[a-z0-9_-]{1,31}")


@dataclass(frozen=True, slots=True)
class Scope:
    """One right of the bot token. Without one that is only for the doctor the bot works, and less can be checked."""

    name: str
    why: str
    is_for_doctor: bool = False
    is_for_files: bool = False
    """Needed only where a provider gives a PDF as a file instead of a link."""


SCOPES: Final = (
    Scope("chat:write", "posts digests and answers, edits its own messages"),
    Scope("commands", "the slash command"),
    Scope("usergroups:read", "who is in the user groups that roles name"),
    Scope("users:read", "who is a guest or deactivated"),
    Scope("files:write", "hands over an invoice's PDF, where the provider has no link to it", is_for_files=True),
    Scope("im:write", "opens the direct messages that such a PDF is put into", is_for_files=True),
    Scope(
        "channels:read",
        "recoup doctor: is the bot in the channel, is the channel shared with another company",
        is_for_doctor=True,
    ),
    Scope("groups:read", "recoup doctor: the same for private channels", is_for_doctor=True),
)


def manifest(*, command: str = DEFAULT_COMMAND, url: str | None = None, name: str = DEFAULT_NAME) -> str:
    """YAML for Socket Mode, or for HTTP where `url` says where the bot is reached. Raises UnusableValue."""
    address = None if url is None else public_address(url) + EVENTS_PATH
    if not _COMMAND.fullmatch(command):
        raise UnusableValue(
            f"“{command}” cannot be a slash command: write / and up to 31 small letters, digits, - or _, such as /invoice."
        )
    shown = name.strip()
    if not 1 <= len(shown) <= _LONGEST_NAME or not shown.isprintable():
        raise UnusableValue(f"The app's name must have 1 to {_LONGEST_NAME} characters, on one line.")
    return _TEMPLATE.format(
        comment=_over_http(address) if address else _SOCKET_COMMENT,
        name=_quoted(shown),
        command=command,
        command_url=f"\n      url: {_quoted(address)}" if address else "",
        scopes="\n".join(f"      - {scope.name} # {scope.why}" for scope in SCOPES),
        request_url=f"\n    request_url: {_quoted(address)}" if address else "",
        socket_mode="false" if address else "true",
    )


def public_address(text: str) -> str:
    """`https://host[/path]` without a slash at its end and without /slack/events. Raises UnusableValue with a sentence."""
    address = text.strip()
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UnusableValue(f"“{address}” is not a web address; write it like https://bot.example.com.") from None
    if parts.scheme == "http":
        raise UnusableValue("Slack calls https:// addresses only; put the bot behind a proxy that speaks TLS.")
    if parts.scheme != "https" or not host:
        raise UnusableValue(f"“{address}” is not a whole web address; write it like https://bot.example.com.")
    if parts.username is not None or parts.query or parts.fragment or not address.isascii() or not address.isprintable():
        raise UnusableValue("The address must be a host and perhaps a path, such as https://bot.example.com/recoup.")
    if host == "localhost" or host.startswith("127.") or host == "::1":
        raise UnusableValue("Slack cannot reach this machine's own name; give the public address, or leave --url out.")
    path = parts.path.rstrip("/").removesuffix(EVENTS_PATH).rstrip("/")
    return f"https://{parts.netloc}{path}"


def _quoted(text: str) -> str:
    """JSON's strings are YAML's, too."""
    return json.dumps(text, ensure_ascii=False)


def _over_http(address: str) -> str:
    return (
        '# The Slack app, over HTTP: paste it at api.slack.com/apps ("Create New App", "From a manifest").\n'
        f"# Slack will call {address}, and must be able to reach it.\n"
        "# Without a public address: `recoup manifest` without --url prints the one for Socket Mode."
    )


_SOCKET_COMMENT: Final = """\
# The Slack app, for Socket Mode: paste it at api.slack.com/apps ("Create New App", "From a manifest").
# For HTTP instead: `recoup manifest --url https://bot.example.com` prints the manifest with your address in it."""

_TEMPLATE: Final = """\
{comment}
_metadata:
  major_version: 2
  minor_version: 1
display_information:
  name: {name}
  description: Act on failed invoices from Slack, safely, at any billing provider.
  background_color: "#1f3a5f"
features:
  bot_user:
    display_name: {name}
    always_online: true
  slash_commands:
    - command: {command}{command_url}
      description: Look at failed invoices and act on them
      usage_hint: "[help | failed | find TEXT | show REF | retry REF | resend REF | void REF | paid REF | link REF | …]"
      # Names arrive as ids, so that nobody can be confused with somebody of the same name.
      should_escape: true
oauth_config:
  scopes:
    bot:
{scopes}
settings:
  interactivity:
    is_enabled: true{request_url}
  org_deploy_enabled: false
  socket_mode_enabled: {socket_mode}
  token_rotation_enabled: false
"""
