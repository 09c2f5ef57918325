"""What the reader may do here, with examples; what they may not is left out."""

from __future__ import annotations

from bot.domain.action import Word
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, rendered
from handlers.views.text import code

_LINES: tuple[tuple[Word, str, str], ...] = (
    (Word.VIEW, "show {ref}", "the invoice, and what can be done with it"),
    (Word.VIEW, "failed", "every failed invoice"),
    (Word.VIEW, "failed >500eur hard", "only some: by amount, account, customer, `hard` or `overdue`, `since:2026-11-01`"),
    (Word.VIEW, "history {ref}", "who decided what, why, and how it ended"),
    (Word.VIEW, "status", "whether the providers can be reached, the next digest, what is still open"),
    (Word.RETRY, "retry {ref}", "try to collect again"),
    (Word.RETRY, "retry {ref} with pm_1AbC", "the same with another stored payment method"),
    (Word.LINK, "link {ref}", "the payment page for the customer, shown only to you"),
    (Word.VOID, "void {ref}", "the invoice is owed no more; asks for a reason"),
    (Word.UNCOLLECTIBLE, "uncollectible {ref}", "payment is expected no more; asks for a reason"),
    (Word.DIGEST, "digest now", "post the digest of this channel now"),
    (Word.DIGEST, "digest preview", "show it to me only"),
)
_REFERENCE = "An invoice is named by its id with the account, by its number, or by its link in the provider's dashboard."


def help_blocks(command: str, words: frozenset[Word], ref: str = "stripe:in_1AbC") -> list[Block]:
    """`ref` stands in the examples, so that they look like the reader's own invoices."""
    lines = [f"{code(f'{command} {text.format(ref=ref)}', 300)}  {what}" for word, text, what in _LINES if word in words]
    if not lines:
        return [blocks.section(f"You may not do anything here yet. {_ASK}")]
    lines.append(f"{code(f'{command} help')}  this list")
    return [
        blocks.section("*What you can do here*"),
        blocks.section("\n".join(lines)),
        blocks.context(_REFERENCE),
    ]


def help_message(command: str, words: frozenset[Word], ref: str = "stripe:in_1AbC") -> Rendered:
    return rendered("What you can do here", help_blocks(command, words, ref))


_ASK = "Ask whoever keeps the rules of this bot to give you a role."
