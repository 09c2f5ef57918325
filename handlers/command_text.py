"""What people type after the command: forgiving about capitals, quotes and spaces, clear about everything else."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain.errors import UnusableValue
from handlers.views.text import clean

SUBCOMMANDS = ("help", "show", "retry", "void", "uncollectible", "link", "failed", "digest", "history", "status")
NEEDS_REFERENCE = frozenset({"show", "retry", "void", "uncollectible", "link", "history"})
_ALIASES = {
    "?": "help",
    "": "help",
    "list": "failed",
    "writeoff": "uncollectible",
    "write-off": "uncollectible",
    "cancel": "void",
}
_LONGEST = 500
_ONE_LINK = re.compile(r"<[^<>]*>[.,;!?]?")


@dataclass(frozen=True, slots=True)
class CommandText:
    """A sub-command and what follows it; `method` after "with"."""

    name: str
    argument: str = ""
    method: str | None = None


def parse_command(text: str, command: str) -> CommandText:
    """Raises UnusableValue with one helpful sentence: the nearest correct form."""
    text = clean(html.unescape(text))
    if len(text) > _LONGEST:
        raise UnusableValue(f"That is longer than any command of mine. Try `{command} help`.")
    first, _, rest = text.partition(" ")
    word = first.lower().strip("\"'“”‘’`.,:;!")
    name = _ALIASES.get(word, word)
    if name not in SUBCOMMANDS:
        raise UnusableValue(_nearest(word, rest, command))
    if name in NEEDS_REFERENCE:
        return _with_reference(name, rest, command)
    return CommandText(name, rest.strip())


def _with_reference(name: str, rest: str, command: str) -> CommandText:
    if not rest.strip():
        raise UnusableValue(f"Which invoice? For example `{command} {name} stripe:in_1AbC` or `{command} {name} EX-0042`.")
    words = rest.split()
    lowered = [word.lower() for word in words]
    if "with" not in lowered:
        return CommandText(name, _one_reference(words, name, command))
    at = lowered.index("with")
    if name != "retry":
        raise UnusableValue(f"Only `retry` takes “with”. Try `{command} {name} {_shown(' '.join(words[:at]))}`.")
    if at == 0 or at != len(words) - 2:
        raise UnusableValue(f"After “with” comes one stored payment method: `{command} retry stripe:in_1AbC with pm_1XyZ`.")
    return CommandText(name, _one_reference(words[:at], name, command), words[-1].strip("\"'“”‘’`<>.,"))


def _one_reference(words: list[str], name: str, command: str) -> str:
    """One invoice at a time; a link that Slack wrapped may hold spaces in its label."""
    joined = " ".join(words)
    if len(words) > 1 and not _ONE_LINK.fullmatch(joined):
        raise UnusableValue(f"One invoice at a time, please: `{command} {name} {_shown(words[0])}`.")
    return joined


def _nearest(word: str, rest: str, command: str) -> str:
    close = get_close_matches(word, SUBCOMMANDS, n=1, cutoff=0.6)
    if close:
        return f"I don't know `{_shown(word)}`. Did you mean `{command} {close[0]}{' ' + _shown(rest) if rest else ''}`?"
    return f"I don't know `{_shown(word)}`. `{command} help` lists what I can do."


def _shown(text: str) -> str:
    """What was typed, short and to stand between backticks."""
    return text[:60].replace("`", "'")
