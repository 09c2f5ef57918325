"""The freeze in words: who, since when, why, and how it ends."""

from __future__ import annotations

from bot.domain.freeze import Freeze
from handlers.views.refusals import frozen_words
from handlers.views.text import code


def frozen_line(freeze: Freeze, command: str) -> str:
    """For digests and `status`: what stands at the top while it lasts."""
    end = code(f"{command} unfreeze")
    return f"*Frozen*{frozen_words(freeze.refusal.facts)}: nothing can be changed at any provider until {end}."


def now_frozen(command: str) -> str:
    return (
        "Frozen: nothing is changed at any provider any more. Reading still works, and what was sent before is followed to "
        f"its end. When it is safe again: {code(f'{command} unfreeze')}."
    )


def frozen_already(freeze: Freeze, command: str) -> str:
    return f"Already frozen{frozen_words(freeze.refusal.facts)}; nothing changed. To end it: {code(f'{command} unfreeze')}."


def not_frozen_any_more(*, is_news: bool) -> str:
    if not is_news:
        return "Nothing is frozen, so nothing changed."
    return "Not frozen any more: buttons and commands work again. What was refused meanwhile has to be pressed again."
