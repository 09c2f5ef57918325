"""What the reader may do here, with examples; what they may not is left out."""

from __future__ import annotations

from bot.domain.action import Word
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, rendered
from handlers.views.text import code

_Line = tuple[Word, str, str]

_LOOK: tuple[_Line, ...] = (
    (Word.VIEW, "show {ref}", "the invoice, and what can be done with it"),
    (Word.VIEW, "find acme", "invoices by number, or by the customer's name, e-mail or id"),
    (Word.VIEW, "failed", "every failed invoice"),
    (Word.VIEW, "failed >500eur hard", "only some: by amount, account, customer, `hard` or `overdue`, `since:2026-11-01`"),
    (Word.VIEW, "history {ref}", "who decided what, why, and how it ended"),
    (Word.LINK, "link {ref}", "the payment page for the customer, shown only to you"),
    (Word.PDF, "pdf {ref}", "the invoice as a PDF, shown only to you"),
    (Word.VIEW, "status", "whether the providers can be reached, the next digest, what is still open"),
)
_ACT: tuple[_Line, ...] = (
    (Word.RETRY, "retry {ref}", "try to collect again, now"),
    (Word.RETRY, "retry {ref} with pm_1XyZ", "the same with another stored payment method"),
    (Word.RESEND, "resend {ref}", "e-mail the invoice to the customer again, now"),
    (Word.FINALIZE, "finalize {ref}", "make a draft a real invoice; asks whether to collect it too"),
    (Word.REFRESH, "refresh {ref}", "have a draft computed again"),
    (Word.PAID, "paid {ref}", "the customer has paid in another way; asks how, takes no money"),
    (Word.VOID, "void {ref}", "the invoice is owed no more; asks for a reason"),
    (Word.UNCOLLECTIBLE, "uncollectible {ref}", "payment is expected no more; asks for a reason"),
)
_DIGEST: tuple[_Line, ...] = (
    (Word.VIEW, "watch {ref}", "see it in every digest until nothing is owed on it"),
    (Word.VIEW, "unwatch {ref}", "stop that"),
    (Word.VIEW, "digest preview", "the digest of this channel, shown only to you"),
    (Word.DIGEST, "digest now", "post the digest in this channel now"),
)
_STOP: tuple[_Line, ...] = (
    (Word.FREEZE, "freeze wrong prices", "stop everything that changes something at a provider, at once, and say why"),
    (Word.FREEZE, "unfreeze", "let it go on"),
)
_GROUPS: tuple[tuple[str, tuple[_Line, ...]], ...] = (
    ("Look", _LOOK),
    ("Act", _ACT),
    ("Digest", _DIGEST),
    ("Stop", _STOP),
)
_REFERENCE = (
    "An invoice is named by its id, with the account where there are several, by its number, or by its link in the "
    "provider's dashboard. What an invoice or its provider does not allow is answered with the reason."
)
_ASK = "Ask whoever keeps the rules of this bot to give you a role."


def help_blocks(command: str, words: frozenset[Word], ref: str = "stripe:in_1AbC") -> list[Block]:
    """`ref` stands in the examples, so that they look like the reader's own invoices."""
    shown: list[Block] = []
    for name, group in _GROUPS:
        lines = [f"{code(f'{command} {text.format(ref=ref)}', 300)}  {what}" for word, text, what in group if word in words]
        if lines:
            shown.append(blocks.section("\n".join([f"*{name}*", *lines])))
    if not shown:
        return [blocks.section(f"You may not do anything here yet. {_ASK}")]
    head = blocks.section(f"*What you can do here* · this list again: {code(f'{command} help')}")
    return [head, *shown, blocks.context(_REFERENCE)]


def help_message(command: str, words: frozenset[Word], ref: str = "stripe:in_1AbC") -> Rendered:
    return rendered("What you can do here", help_blocks(command, words, ref))
