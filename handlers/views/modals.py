"""The dialogs: what a person is asked before a decision counts, and what stands there while an invoice is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import Capability, ProviderFacts
from bot.domain.invoice import CollectionMethod, Invoice, PaymentMethod
from bot.domain.offer import Offer
from bot.domain.records import ActionRecord
from handlers import ids
from handlers.views import blocks
from handlers.views.blocks import Block, Option
from handlers.views.details import PAID_BY
from handlers.views.money import amount
from handlers.views.row import title
from handlers.views.sentences import open_question, verified_words
from handlers.views.text import cut, escape, person, plain, prose, size
from handlers.views.times import moment

OTHER: Final = "other"
REASON_CHARACTERS: Final = 500
REFERENCE_CHARACTERS: Final = 100
AMOUNT_CHARACTERS: Final = 30

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


def issue_modal(offer: Offer, capability: Capability, private_metadata: str) -> Block:
    """FINALIZE: its submission is the decision. Without the box nothing is collected, save where the provider always
    does."""
    label = Action.FINALIZE.traits.label
    box = Option("Also collect it", ids.COLLECT_YES, _collecting(offer.invoice))
    question = blocks.input_block(
        "Afterwards",
        blocks.checkboxes([box], action_id=ids.COLLECT),
        block_id=ids.COLLECT_BLOCK,
        hint="Without this, nothing is collected or e-mailed by itself.",
        optional=True,
    )
    return blocks.modal(
        label,
        [
            blocks.section(title(offer.invoice)),
            blocks.section(_meaning(Action.FINALIZE, capability) if capability.consequence else _FINAL),
            *([] if capability.always_collects else [question]),
        ],
        callback_id=ids.ISSUE_MODAL,
        private_metadata=private_metadata,
        submit=label,
    )


def payment_modal(offer: Offer, capability: Capability, private_metadata: str, today: date) -> Block:
    """PAID: its submission is the decision. `today` is the day that the date field starts with."""
    label, owed = Action.PAID.traits.label, offer.invoice.owed
    ways = [Option(words.capitalize(), way) for way, words in PAID_BY.items()]
    received = blocks.text_input(action_id=ids.AMOUNT, limit=AMOUNT_CHARACTERS, multiline=False, value=f"{owed.major:f}")
    reference = blocks.text_input(action_id=ids.PAYMENT_REFERENCE, limit=REFERENCE_CHARACTERS, multiline=False)
    part = "Less than this is recorded as a part payment." if capability.takes_part else _WHOLE
    found_by = "What the payment can be found by in your books, such as its line on the bank statement."
    return blocks.modal(
        label,
        [
            blocks.section(title(offer.invoice)),
            blocks.section(f"*No money is taken from the customer.* {_meaning(Action.PAID, capability)}"),
            blocks.input_block(
                f"Amount received, in {owed.currency}",
                received,
                block_id=ids.AMOUNT_BLOCK,
                hint=f"Owed: {amount(owed)}. {part}",
            ),
            blocks.input_block(
                "Paid by",
                blocks.static_select(ways, action_id=ids.PAID_BY, placeholder="Choose how it was paid"),
                block_id=ids.PAID_BY_BLOCK,
            ),
            blocks.input_block(
                "Received on", blocks.datepicker(action_id=ids.PAID_ON, chosen=today), block_id=ids.PAID_ON_BLOCK
            ),
            blocks.input_block("Reference", reference, block_id=ids.PAYMENT_REFERENCE_BLOCK, hint=found_by),
        ],
        callback_id=ids.PAYMENT_MODAL,
        private_metadata=private_metadata,
        submit=label,
    )


def method_modal(offer: Offer, facts: ProviderFacts, methods: Sequence[PaymentMethod], private_metadata: str) -> Block:
    """Retry with…: its submission is the decision. A notice without a choice where no method is left that could work."""
    invoice = offer.invoice
    options = _methods(invoice, methods)
    if not options:
        return refused_modal(nothing_to_choose(facts))
    label = Action.RETRY.traits.label
    return blocks.modal(
        label,
        [
            blocks.section(title(invoice)),
            blocks.section(f"{escape(facts.name)} charges *{amount(invoice.owed)}* to the payment method that you choose."),
            blocks.input_block(
                "Payment method",
                blocks.static_select(options, action_id=ids.METHOD, placeholder="Choose a payment method"),
                block_id=ids.METHOD_BLOCK,
            ),
        ],
        callback_id=ids.METHOD_MODAL,
        private_metadata=private_metadata,
        submit=label,
    )


def verdict_modal(offer: Offer, action: ActionRecord, private_metadata: str, *, happened: bool) -> Block:
    """What a second person saw at the provider; its submission is their word."""
    word = verified_words(action.kind, happened=happened)
    label = f"I verified: {word}"
    pressed = f"{person(action.actor.user)} pressed {action.kind.traits.label} {moment(action.created_at)}."
    seen = blocks.text_input(action_id=ids.NOTE, limit=REASON_CHARACTERS)
    return blocks.modal(
        label,
        [
            blocks.section(title(offer.invoice, owed=action.amount)),
            blocks.section(f"{pressed} {open_question(action)}."),
            blocks.section(_following(action.kind, happened=happened)),
            blocks.input_block("What did you see at the provider?", seen, block_id=ids.NOTE_BLOCK, hint=_SEEN_HINT),
        ],
        callback_id=ids.VERDICT_MODAL,
        private_metadata=private_metadata,
        submit="Say so",
    )


_SEEN_HINT: Final = "For example the payment's id and its status there. Kept in the history of the invoice."


def _following(kind: Action, *, happened: bool) -> str:
    """What comes of saying so."""
    first = "The provider is read once more, and what it can tell counts first. If it tells nothing, this ends as"
    said = f"*{verified_words(kind, happened=happened)}*"
    if happened:
        return f"{first} {said}, and nothing more is done."
    danger = "the customer is charged a second time" if kind.traits.takes_money else "it is done a second time"
    return f"{first} {said}, and it can be pressed again. If it did happen after all, {danger} then."


def nothing_to_choose(facts: ProviderFacts) -> str:
    """mrkdwn, for `refused_modal`."""
    link = "Give the customer the payment link: they can pay with a new one." if facts.has_payment_link else ""
    next_step = link or "Ask the customer for another way to pay."
    return f"No other payment method that could work is stored for this customer, so nothing was charged. {next_step}"


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


_FINAL: Final = "The invoice gets its final number, and nothing on it can be changed any more."
_WHOLE: Final = "Only the whole amount can be marked as paid here."


def _collecting(invoice: Invoice) -> str:
    if invoice.collection is CollectionMethod.MANUAL:
        return "The provider e-mails it to the customer by itself"
    return "The provider charges the customer's stored payment method by itself"


def _methods(invoice: Invoice, methods: Sequence[PaymentMethod]) -> list[Option]:
    """Without the one that was refused for good; one that was refused softly may pass now, and says so."""
    decline = invoice.decline
    refused = decline.method if decline is not None else None
    options = {}
    for method in methods:
        if not 0 < size(method.id) <= blocks.OPTION_VALUE:
            continue  # cut, it would be another method
        mark = " (declined last time)" if method.id == refused else ""
        if mark and decline is not None and decline.kind.blocks_same_method:
            continue
        name = plain(method.label) or plain(method.id)
        options[method.id] = Option(f"{cut(name, blocks.OPTION_CHARACTERS - len(mark))}{mark}", method.id)
    return list(options.values())


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
