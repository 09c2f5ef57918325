"""Text from outside made safe for Slack: cleaned, cut at a whole character, escaped once."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

ZERO_WIDTH: Final = "\u200b"
NAME_LIMIT: Final = 80
DETAIL_LIMIT: Final = 300
URL_LIMIT: Final = 2000
UNKNOWN_CUSTOMER: Final = "unknown customer"

_JOINERS = frozenset("\u200c\u200d")  # Persian and Hindi need them inside words, emoji between their parts
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters by class, nothing to the eye
_MARKER = re.compile(r"(?<![^\W_])[*_~`]|[*_~`](?![^\W_])")
_EMOJI = re.compile(r":(?=[\w+'-]+:)")
_TOKEN = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_USER = re.compile(r"[UW][A-Z0-9]{1,30}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,100}")  # no letters that look like others: a host is there to be recognised
_MENTION = re.compile(r"<@[UW][A-Z0-9]{1,30}>|<!subteam\^S[A-Z0-9]{1,30}>|<#[CGD][A-Z0-9]{1,30}>")


def size(text: str) -> int:
    """Length in UTF-16 units, the larger of the two ways in which a limit of Slack's may be counted."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)


def clean(text: str) -> str:
    """One line without control, bidirectional, zero-width and other invisible characters."""
    kept = (_visible(character) for character in text)
    return " ".join("".join(kept).split()).strip("\u200c\u200d ")


def _visible(character: str) -> str:
    if character.isspace() or character in "\u2028\u2029":
        return " "
    if character in _JOINERS:
        return character
    if character in _INVISIBLE or unicodedata.category(character) in {"Cc", "Cf", "Cs"}:
        return ""
    return character


def cut(text: str, limit: int) -> str:
    """At most `limit` long, ending in an ellipsis where something was lost, never inside a combined character."""
    if size(text) <= limit:
        return text
    end, room = 0, limit - 1
    while end < len(text) and (room := room - size(text[end])) >= 0:
        end += 1
    while end > 0 and (_combines(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return text[:end].rstrip() + "…"


def _combines(character: str) -> bool:
    """True for what belongs to the character before it: accents, variation selectors, skin tones, joiners."""
    return character == "\u200d" or unicodedata.category(character)[0] == "M" or "\U0001f3fb" <= character <= "\U0001f3ff"


def cut_mrkdwn(text: str, limit: int) -> str:
    """Like `cut`, for mrkdwn that is composed already: neither a `<token>` nor an `&escape;` is left half."""
    if size(text) <= limit:
        return text
    short = cut(text, limit)[:-1]
    if short.rfind("<") > short.rfind(">"):
        short = short[: short.rfind("<")]
    if short.rfind("&") > short.rfind(";"):
        short = short[: short.rfind("&")]
    return short.rstrip() + "…"


def plain(text: str | None, limit: int = NAME_LIMIT) -> str:
    """Data for a plain_text object: nothing is parsed there, so nothing needs escaping."""
    return cut(clean((text or "")[: limit * 8]), limit)  # what lies further away cannot be shown, so it need not be read


def escape(text: str | None, limit: int = NAME_LIMIT) -> str:
    """Data for mrkdwn: no mention, link, emoji or formatting can come out of it. At most `limit` characters of it."""
    safe = _entities(plain(text, limit))
    safe = _MARKER.sub(lambda found: f"{ZERO_WIDTH}{found[0]}{ZERO_WIDTH}", safe)
    return _EMOJI.sub(f":{ZERO_WIDTH}", safe.replace("://", f":{ZERO_WIDTH}//"))


def code(text: str | None, limit: int = NAME_LIMIT) -> str:
    """Data in a code span, to be copied as it is; empty text gives no span."""
    safe = _entities(plain(text, limit).replace("`", "'"))
    return f"`{safe}`" if safe else ""


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def customer(name: str | None, email: str | None = None) -> str:
    """A customer's name for a plain_text object; escape it for mrkdwn."""
    return plain(name) or plain(email) or UNKNOWN_CUSTOMER


def person(user: str | None) -> str:
    """A mention of a Slack user; anything that is no user id is nobody in particular."""
    return f"<@{user}>" if user and _USER.fullmatch(user) else "somebody"


def channel(channel_id: str) -> str:
    return f"<#{channel_id}>" if _CHANNEL.fullmatch(channel_id) else escape(channel_id)


def mentions(text: str | None) -> str:
    """Only the mentions out of a fact that should hold nothing else."""
    return ", ".join(_MENTION.findall(text or ""))


def link(url: str, label: str) -> str | None:
    """A link that shows its host; None for one that is not https (or this machine's own) or too long to be whole."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    is_local = parts.scheme == "http" and host in {"127.0.0.1", "localhost", "::1"}
    is_clean = url == clean(url) and " " not in url and parts.username is None
    if not is_clean or not _HOST.fullmatch(host) or not (parts.scheme == "https" or is_local) or size(url) > URL_LIMIT:
        return None
    safe = url.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E").replace("&", "&amp;")
    return f"<{safe}|{escape(label)} ({host})>"


def readable(mrkdwn: str) -> str:
    """mrkdwn as a terminal shows it: tokens by their text, escapes undone."""
    shown = _TOKEN.sub(_token, mrkdwn).replace(ZERO_WIDTH, "")
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _token(found: re.Match[str]) -> str:
    target, label = found[1], found[2]
    if target.startswith("!subteam^"):
        return f"@{target.removeprefix('!subteam^')}"
    if target.startswith(("@", "#")):
        return target
    return label if target.startswith("!") else f"{label}: {target}"


def prose(text: str | None, limit: int = DETAIL_LIMIT) -> str:
    """A sentence of ours or of a provider module, escaped, with its `code spans` kept; ends without a full stop."""
    whole = plain(text, limit).rstrip(". ")
    parts = re.split(r"(`[^`]+`)", whole)
    return "".join(
        code(part[1:-1], limit) if part.startswith("`") and part.endswith("`") else _spaced(part) for part in parts
    )


def _spaced(part: str) -> str:
    """`escape` trims; between two code spans the blanks at the ends are wanted."""
    before, after = (" " if part[:1] == " " else ""), (" " if part[-1:] == " " and part.strip() else "")
    return before + escape(part, DETAIL_LIMIT) + after
