"""What people type after the command: forgiving about capitals, quotes and spaces, clear about everything else."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain.errors import UnusableValue
from bot.domain.filters import is_amount
from bot.domain.reference import OtherKind, other_kind
from handlers.views.text import clean

SUBCOMMANDS = (
    "help",
    "show",
    "retry",
    "resend",
    "void",
    "uncollectible",
    "finalize",
    "paid",
    "refresh",
    "link",
    "pdf",
    "failed",
    "find",
    "digest",
    "history",
    "watch",
    "unwatch",
    "status",
    "freeze",
    "unfreeze",
)
NEEDS_REFERENCE = frozenset(SUBCOMMANDS) - {"help", "failed", "find", "digest", "status", "freeze", "unfreeze"}
_ALIASES = {
    "?": "help",
    "": "help",
    "list": "failed",
    "search": "find",
    "view": "show",
    "cancel": "void",
    "writeoff": "uncollectible",
    "write-off": "uncollectible",
    "finalise": "finalize",
    "mark-paid": "paid",
    "markpaid": "paid",
    "re-try": "retry",
    "re-send": "resend",
    "log": "history",
    "follow": "watch",
    "unfollow": "unwatch",
}
"""Other words for the same. What counts at once has none that only might mean it; those are in `_PERHAPS`."""
_PHRASES = (
    (re.compile(r"mark (?:as )?paid(?![\w-])", re.IGNORECASE), "paid"),
    (re.compile(r"(?:write off|mark (?:as )?uncollectible)(?![\w-])", re.IGNORECASE), "uncollectible"),
    (re.compile(r"payment link(?![\w-])", re.IGNORECASE), "link"),
)
_PERHAPS = {
    "charge": "retry",
    "collect": "retry",
    "again": "retry",
    "send": "resend",
    "email": "resend",
    "e-mail": "resend",
    "mail": "resend",
    "remind": "resend",
    "reissue": "resend",
    "issue": "finalize",
    "delete": "void",
    "download": "pdf",
    "open": "show",
    "stop": "freeze",
    "pause": "freeze",
    "halt": "freeze",
    "lock": "freeze",
    "resume": "unfreeze",
    "continue": "unfreeze",
    "unpause": "unfreeze",
    "unlock": "unfreeze",
    "thaw": "unfreeze",
}
"""Words that may mean one of ours, and then would do something: asked back."""
_FILLERS = frozenset({"invoice", "payment", "draft", "the", "for", "no", "no.", "number"})
_LONGEST = 500
_ONE_LINK = re.compile(r"<[^<>]*>[.,;!?]?")
_WRAPPED = re.compile(r"<(?:mailto:|tel:)?([^<>|]+)(?:\|[^<>]*)?>")
_SPACED_COLON = re.compile(r"^([A-Za-z0-9][A-Za-z0-9-]*)\s*:\s*(?=[^\s/])")
_WIDE = str.maketrans("：＞＜", ":><")  # as keyboards for Chinese and Japanese type them
_QUOTES = "\"'“”‘’„«»`"
_NAMES_A_THING = re.compile(r"[#\w.:-]*\d[\w.:/-]*")
_GLUED = re.compile(rf"({'|'.join(SUBCOMMANDS)})[:,.#_-]?((?:in_|[a-z0-9-]+:|[A-Z]+-?\d|\d).*)", re.IGNORECASE)


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
    text = re.sub(rf"^(?:{re.escape(command)}(?:\s+|$))+", "", text, flags=re.IGNORECASE)
    name, rest = _name_of(text)
    if name == "find":
        return CommandText(name, _sought(rest, command))
    rest = rest.translate(_WIDE)
    if name is None:
        return _without_name(text.translate(_WIDE), command)
    if name in NEEDS_REFERENCE:
        return _with_reference(name, rest, command)
    return CommandText(name, rest)


def _name_of(text: str) -> tuple[str | None, str]:
    """The sub-command and what follows it; None where the text begins with none."""
    for phrase, name in _PHRASES:
        if (found := phrase.match(text.lstrip(_QUOTES))) is not None:
            return name, text.lstrip(_QUOTES)[found.end() :].strip()
    first, _, rest = text.partition(" ")
    if first.lower().startswith(("failed>", "failed<")):  # reads only, so it is taken as it is meant
        return "failed", f"{first[len('failed') :]} {rest}".strip()
    word = _word(first)
    name = _ALIASES.get(word, word)
    return (name, rest.strip()) if name in SUBCOMMANDS else (None, rest.strip())


def _word(text: str) -> str:
    return _bare(text).lower()


def _bare(text: str) -> str:
    return text.strip(f"{_QUOTES}.,:;!")


def _sought(rest: str, command: str) -> str:
    """Free text, without what Slack and phones put around it."""
    sought = _WRAPPED.sub(r"\1", rest).strip(f"{_QUOTES} ").removeprefix("#")
    sought = re.sub(r"(?<=\d)[.,;!?]+$", "", sought)  # after a number it ends the sentence; "Acme Inc." keeps its own
    if not sought:
        raise UnusableValue(
            f"What shall I look for? For example `{command} find acme` or `{command} find ana@acme.example`."
        )
    return sought


# --- what begins with no sub-command -----------------------------------------------------------------------------


def _without_name(text: str, command: str) -> CommandText:
    """An invoice alone is shown; everything else is answered with the nearest command."""
    words = text.split()
    if len(words) == 2 and (name := _word(words[1])) in NEEDS_REFERENCE:
        raise UnusableValue(_did_you_mean(f"{name} {words[0]}", command))
    if (glued := _GLUED.fullmatch(text)) is not None:
        raise UnusableValue(_did_you_mean(f"{glued[1].lower()} {glued[2]}", command))
    sought = _WRAPPED.sub(r"\1", text)
    if "@" in sought and "://" not in sought:
        raise UnusableValue(_did_you_mean(f"find {sought}", command))
    if _ONE_LINK.fullmatch(text) or "://" in text or (len(words) == 1 and _NAMES_A_THING.fullmatch(text.strip(_QUOTES))):
        return _with_reference("show", text, command)
    raise UnusableValue(_nearest(_word(words[0]), " ".join(words[1:]), command))


def _nearest(word: str, rest: str, command: str) -> str:
    if word == "pay":
        charges = _form(f"retry {rest}", command)
        notes = _form(f"paid {rest}", command)
        return f"Did you mean {charges}, which charges the customer, or {notes}, which only notes a payment?"
    if word == "refund":
        return "Refunds are not made here: make them at the provider, on the page of the payment."
    if word == "mark" and (ending := _marked(rest)) is not None:
        return _did_you_mean(ending, command)
    close = [_PERHAPS[word]] if word in _PERHAPS else get_close_matches(word, SUBCOMMANDS, n=1, cutoff=0.7)
    if close:
        return f"I don't know `{_shown(word)}`. {_did_you_mean(f'{close[0]} {rest}', command)}"
    return f"I don't know `{_shown(word)}`. `{command} help` lists what I can do."


def _marked(rest: str) -> str | None:
    """ "mark in_1 as paid": the invoice stands in the middle."""
    words = rest.split()
    name = _ALIASES.get(_word(words[-1]), _word(words[-1])) if words else ""
    if name not in {"paid", "uncollectible"}:
        return None
    return f"{name} {' '.join(word for word in words[:-1] if word.lower() != 'as')}"


def _did_you_mean(said: str, command: str) -> str:
    return f"Did you mean {_form(said, command)}?"


def _form(said: str, command: str) -> str:
    return f"`{command} {_shown(said.strip())}`"


# --- what follows a sub-command ----------------------------------------------------------------------------------


def _with_reference(name: str, rest: str, command: str) -> CommandText:
    words = _without_fillers(_SPACED_COLON.sub(r"\1:", rest.strip()).split())
    if not words:
        raise UnusableValue(f"Which invoice? For example `{command} {name} stripe:in_1AbC` or `{command} {name} EX-0042`.")
    lowered = [word.lower() for word in words]
    if "with" not in lowered:
        return CommandText(name, _one_reference(words, name, command))
    at = lowered.index("with")
    if name != "retry":
        named = " ".join(words[:at])
        raise UnusableValue(f"Only `retry` takes “with”. Try {_form(f'{name} {named}', command)}.")
    if at == 0 or at != len(words) - 2:
        method = words[1] if at == 0 and len(words) == 2 else "pm_1XyZ"
        named = " ".join(words[:at]) or "stripe:in_1AbC"
        form = _form(f"retry {named} with {method}", command)
        raise UnusableValue(f"After “with” comes one stored payment method: {form}.")
    return CommandText(name, _one_reference(words[:at], name, command), words[-1].strip(f"{_QUOTES}<>.,"))


def _without_fillers(words: list[str]) -> list[str]:
    """ "retry payment in_1", as the button is called."""
    while len(words) > 1 and words[0].lower() in _FILLERS:
        words = words[1:]
    return words


def _one_reference(words: list[str], name: str, command: str) -> str:
    """One invoice at a time; a link that Slack wrapped may hold spaces in its label."""
    joined = " ".join(words)
    if len(words) == 1 or _ONE_LINK.fullmatch(joined):
        if (sentence := _another_thing(joined, name, command)) is not None:
            raise UnusableValue(sentence)
        return joined
    raise UnusableValue(_too_many(words, name, command))


def _too_many(words: list[str], name: str, command: str) -> str:
    filters = " ".join(word for word in words if is_amount(word))
    if filters:
        return f"`{name}` is for one invoice. To see them by amount: {_form(f'failed {filters}', command)}."
    methods = [word for word in words if other_kind(word) is OtherKind.METHOD]
    others = [word for word in words if word not in methods]
    if name == "retry" and len(methods) == len(others) == 1:
        return _did_you_mean(f"retry {others[0]} with {methods[0]}", command)
    if len(words) == 2 and words[0].isalpha() and words[0].isupper() and words[1].isdigit():
        return _did_you_mean(f"{name} {words[0]}-{words[1]}", command)
    first = next((word for word in words if re.search(r"\d", word)), None)
    if first is None:
        find = _form(f"find {' '.join(words)}", command)
        return f"I see no invoice id or number in that. To look for a customer: {find}."
    return f"One invoice at a time, please: {_form(f'{name} {_bare(first)}', command)}."


def _another_thing(typed: str, name: str, command: str) -> str | None:
    """What is surely no invoice, and how to come from it to one."""
    word = _WRAPPED.sub(r"\1", typed).strip(f"{_QUOTES}.,;!? ")
    if is_amount(word):
        return _too_many([word], name, command)
    named = word.partition("?")[0].rstrip("/").rpartition("/")[2] if "://" in word else word.rpartition(":")[2]
    kind = other_kind(named)
    if kind is None:
        return None
    find, retry = _form(f"find {named}", command), _form(f"retry stripe:in_1AbC with {named}", command)
    return _OTHERS[kind].format(find=find, retry=retry, show=_form("show in_1AbC", command))


_OTHERS: dict[OtherKind, str] = {
    OtherKind.CUSTOMER: "That is a customer, not an invoice. Their invoices: {find}.",
    OtherKind.EMAIL: "That is an e-mail address, not an invoice. The customer's invoices: {find}.",
    OtherKind.PAYMENT: "That is a payment, not an invoice. Its page at the provider names the invoice; then try {show}.",
    OtherKind.SUBSCRIPTION: (
        "That is a subscription, not an invoice. Its page at the provider lists its invoices; then try {show}."
    ),
    OtherKind.METHOD: "That is a payment method, not an invoice. To charge it for an invoice: {retry}.",
    OtherKind.OTHER: "That is the id of something else, not of an invoice, which looks like this: {show}.",
}


def _shown(text: str) -> str:
    """What was typed, short and to stand between backticks."""
    return text[:60].replace("`", "'")
