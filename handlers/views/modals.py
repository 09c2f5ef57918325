"""The dialogs: a reason before something final, and what stands there while an invoice is read."""

from __future__ import annotations

from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability
from bot.domain.offer import Offer
from handlers import ids
from handlers.views import blocks
from handlers.views.blocks import Block, Option
from handlers.views.row import title
from handlers.views.text import escape, prose

OTHER: Final = "other"
REASON_CHARACTERS: Final = 500

REASONS: dict[Action, dict[str, str]] = {
    Action.VOID: {
        "duplicate": "Duplicate of another invoice",
        "issued_by_mistake": "Issued by mistake",
        "wrong_details": "Wrong amount or details",
        "cancelled": "Order or subscription cancelled",
        OTHER: "Other",
    },
    Action.UNCOLLECTIBLE: {
        "not_reachable": "Customer cannot be reached",
        "insolvent": "Customer is insolvent",
        "disputed": "Customer disputes it",
        "not_worth_it": "Too small to pursue",
        "attempts_failed": "All attempts failed",
        OTHER: "Other",
    },
}
"""For every action that wants a reason: what is stored, and what people read."""

_WARNING: dict[Action, str] = {Action.VOID: "*This cannot be undone.*"}


def reason_modal(offer: Offer, action: Action, capability: Capability, private_metadata: str) -> Block:
    """Its submission is the decision; `private_metadata` says for what. A reason is asked for by `REASONS` only."""
    label = action.traits.label
    options = [Option(text, value) for value, text in REASONS[action].items()]
    choice = blocks.static_select(options, action_id=ids.REASON_CHOICE, placeholder="Choose a reason")
    words = blocks.text_input(action_id=ids.REASON_TEXT, limit=REASON_CHARACTERS)
    hint = "Needed for “Other”. Kept in the history of the invoice."
    return blocks.modal(
        label,
        [
            blocks.section(title(offer.invoice)),
            blocks.section(_meaning(action, capability)),
            blocks.input_block("Reason", choice, block_id=ids.REASON_CHOICE_BLOCK),
            blocks.input_block("In your words", words, block_id=ids.REASON_TEXT_BLOCK, hint=hint, optional=True),
        ],
        callback_id=ids.REASON_MODAL,
        private_metadata=private_metadata,
        submit=label,
    )


def reading_modal(private_metadata: str) -> Block:
    """Opened at once for a typed command, and filled when the invoice has been read."""
    return _notice("Reading the invoice…", "Reading the invoice…", private_metadata)


def refused_modal(sentence: str) -> Block:
    """`sentence` is mrkdwn of ours, as `refusal_sentence` gives it."""
    return _notice("Not possible", sentence, "")


def _notice(heading: str, text: str, private_metadata: str) -> Block:
    return blocks.modal(
        heading,
        [blocks.section(text)],
        callback_id=ids.READING_MODAL,
        private_metadata=private_metadata,
        submit=None,
    )


def _meaning(action: Action, capability: Capability) -> str:
    """What happens at this provider, and the provider's own word where it is another than ours."""
    term = capability.provider_term
    is_own_word = term.lower().replace("_", " ") in action.traits.label.lower()
    parts = [
        _WARNING.get(action, ""),
        f"{prose(capability.consequence)}." if capability.consequence else "",
        "" if not term or is_own_word else f"The provider calls this “{escape(term)}”.",
    ]
    return " ".join(part for part in parts if part) or f"{action.traits.label}?"
