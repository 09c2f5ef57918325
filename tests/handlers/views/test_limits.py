"""Whatever stands in the data, Slack takes every message, and the data stays data."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block as SlackBlock
from slack_sdk.models.views import View

from bot.domain.action import Action, ActionState, Word
from bot.domain.attempts import Spent
from bot.domain.content import Choice, DigestContent, ListContent, Row
from bot.domain.decline import Decline, DeclineClass
from bot.domain.invoice import CollectionMethod, Invoice, PaymentMethod
from bot.domain.money import Money
from bot.domain.offer import Offer
from bot.domain.records import Ending
from handlers.views import blocks
from handlers.views.help import help_message
from handlers.views.modals import (
    REASONS,
    issue_modal,
    method_modal,
    payment_modal,
    reading_modal,
    reason_modal,
    refused_modal,
)
from handlers.views.render import Rendered, plain, render
from handlers.views.text import size
from tests.handlers.views.samples import (
    FACTS,
    NOW,
    STANDING_CHOICES,
    a_digest,
    a_row,
    an_action,
    an_invoice,
    an_offer,
    contents,
)

_NASTY = [
    "x" * 10_000,
    "<!channel>",
    "<https://evil.example|Pay here>",
    "<@U1> & <@U2>",
    "😀" * 3_000,
    "👩‍👩‍👧‍👦" * 400,
    "e\u0301" * 4_000,
    "\u202egnp.exe\u202c\u2066x\u2069",
    "\x00\x07\x1b[31m",
    "first\nsecond\r\n> quoted\u2028third",
    "\u200b\u200d\ufeff",
    "*bold* _it_ ~no~ `code`",
    "&amp;&lt;!here&gt;",
    "&" * 5_000,
    "<" * 5_000,
    "`" * 5_000,
    ":white_check_mark: Paid",
    "https://evil.example/pay",
    "\ud800",
    "|",
    "",
    "   ",
]
_SHORT = [text[:400] for text in _NASTY]
nasty = st.one_of(
    st.sampled_from(_SHORT), st.text(max_size=40), st.builds(str.__add__, st.sampled_from(_SHORT), st.text(max_size=9))
)


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    decline = Decline(
        draw(st.sampled_from(DeclineClass)),
        "code",
        draw(nasty) or "no",
        confidential=draw(st.booleans()),
        method="pm_1",
        method_label=draw(st.none() | nasty),
        own_advice=draw(st.none() | nasty),
    )
    return an_invoice(
        customer_name=draw(st.none() | nasty),
        customer_email=draw(st.none() | nasty),
        number=draw(st.none() | nasty),
        provider_status=draw(nasty),
        dashboard_url=draw(st.none() | nasty | st.just("https://dashboard.stripe.com/invoices/in_1?a=1&b=2")),
        owed=Money(draw(st.integers(0, 10**15)), draw(st.sampled_from(["EUR", "JPY", "KWD"]))),
        decline=draw(st.none() | st.just(decline)),
        method=PaymentMethod(draw(nasty), draw(nasty)),
        live=draw(st.booleans()),
        collection=draw(st.sampled_from(CollectionMethod)),
        due_at=draw(st.none() | st.just(NOW)),
    )


@st.composite
def rows(draw: st.DrawFn) -> Row:
    state = draw(st.none() | st.sampled_from(ActionState))
    action = None
    if state is not None:
        ending = Ending(at=NOW, detail=draw(st.none() | nasty), request_id=draw(st.none() | nasty))
        action = an_action(state, draw(st.sampled_from(Action)), ending=ending, reason=draw(nasty), typed_ref=draw(nasty))
    return a_row(
        draw(invoices()),
        action=action,
        choices=tuple(draw(st.sets(st.sampled_from(Choice)))),
        confirm_retry=draw(st.none() | nasty),
        attempts=draw(st.sampled_from([None, Spent(at_least=99, limit=100), Spent(at_least=100, limit=100, free_at=NOW)])),
    )


def check(message: Rendered) -> None:
    """Slack's rules, by its own models and by our reading of its reference."""
    assert 0 < size(message.text) <= 4_000
    assert 1 <= len(message.blocks) <= 50
    assert blocks.characters(message.blocks) <= 10_000
    ids = Counter(block["block_id"] for block in message.blocks if "block_id" in block)
    assert all(count == 1 for count in ids.values())
    for block in message.blocks:
        check_block(block)
    data_stays_data(message.text, *mrkdwn_of(message.blocks))
    for text in [message.text, *blocks.texts(message.blocks)]:
        assert not _UNSEEN.search(text)
    json.dumps([message.text, message.blocks]).encode("utf-8")


def check_block(block: dict[str, Any]) -> None:
    parsed = SlackBlock.parse(block)
    assert parsed is not None
    parsed.to_dict()
    assert block["type"] != "header" or size(block["text"]["text"]) <= 150
    for value in _objects(block):
        _check_object(value)


def _check_object(value: dict[str, Any]) -> None:
    limits = {"block_id": 255, "action_id": 255, "accessibility_label": 75}
    assert all(0 < size(value[key]) <= limit for key, limit in limits.items() if key in value)
    match value:
        case {"type": "section", "fields": list(fields)}:
            assert 1 <= len(fields) <= 10
            assert all(size(field["text"]) <= 2_000 for field in fields)
        case {"type": "context" | "actions", "elements": list(elements)}:
            assert 1 <= len(elements) <= 10
        case {"type": "button", "text": {"text": text}, "value": button_value}:
            assert 0 < size(text) <= 75
            assert size(button_value) <= 2_000
        case {"type": "overflow", "options": list(options)}:
            assert 1 <= len(options) <= 5
            assert len({option["value"] for option in options}) == len(options)
        case {"text": {"text": text}, "value": option_value}:
            assert 0 < size(text) <= 75
            assert size(option_value) <= 150
        case {"title": title, "confirm": yes, "deny": no, "text": text}:
            assert all(size(part["text"]) <= limit for part, limit in ((title, 100), (text, 300), (yes, 30), (no, 30)))
        case {"type": "plain_text" | "mrkdwn", "text": text}:
            assert 0 < size(text) <= 3_000
            assert text.strip()
        case _:
            pass


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)


_OURS = re.compile(
    r"<@U0(?:ANA|TOM|MAYA)>|<#C0FIN>|<!date\^\d+\^[^<>|]*\|[^<>|]* UTC>"
    r"|<https://([A-Za-z0-9.-]+)(?=[/:?#|])[^<>|]*\|[^<>]* \(\1\)>"  # a link shows the host that it leads to
)
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\x00-\x09\x0b-\x1f\x7f]")


def data_stays_data(*parsed: str) -> None:
    """In what Slack parses, every token is one that a view wrote; `parsed` is mrkdwn."""
    for text in parsed:
        assert not re.search(r"[<>]", _OURS.sub("", text)), text
        assert not re.search(r"&(?!amp;|lt;|gt;)", text), text


def mrkdwn_of(value: object) -> Iterator[str]:
    return (found["text"] for found in _objects(value) if found.get("type") == "mrkdwn")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows())
def test_every_message_is_within_slacks_limits_whatever_the_data_holds(row: Row) -> None:
    for content in contents(row):
        check(render(content, command="/invoice", now=NOW))
        assert plain(content, command="/invoice", now=NOW).strip()


@pytest.mark.parametrize("name", _NASTY)
def test_a_digest_full_of_nasty_rows_fits_or_says_how_many_it_left_out(name: str) -> None:
    invoice = an_invoice(
        customer_name=name, number=name, decline=Decline(DeclineClass.SOFT, "c", name or "x", own_advice=name)
    )
    listed = tuple(a_row(invoice, number, action=an_action(ActionState.DECLINED)) for number in range(30))
    content = DigestContent(digest=a_digest(), rows=listed)
    check(render(content, command="/invoice", now=NOW))
    everything = render(ListContent(rows=listed, total=30), command="/invoice", now=NOW)
    check(everything)
    shown = sum("act" in block.get("block_id", "") for block in everything.blocks)
    assert shown < 30
    assert any(
        f"Showing 1 to {shown} of 30. {30 - shown} more of this page did not fit" in text
        for text in blocks.texts(everything.blocks)
    )


def test_ten_ordinary_rows_that_were_all_acted_on_are_all_shown() -> None:
    listed = tuple(a_row(None, number, action=an_action(ActionState.DECLINED)) for number in range(10))
    message = render(DigestContent(digest=a_digest(), rows=listed), command="/invoice", now=NOW)
    check(message)
    assert sum(block["type"] == "actions" for block in message.blocks) == 10
    assert any("Showing 10 of 13" in text for text in blocks.texts(message.blocks))


def dialogs(offer: Offer, name: str) -> list[dict[str, Any]]:
    metadata, methods = "m" * 3_000, [PaymentMethod("pm_1", name), PaymentMethod("pm_2", "amex ending 0005")]
    return [
        *(reason_modal(offer, action, FACTS.capabilities[action], metadata) for action in REASONS),
        issue_modal(offer, FACTS.capabilities[Action.FINALIZE], metadata),
        payment_modal(offer, FACTS.capabilities[Action.PAID], metadata, NOW.date()),
        method_modal(offer, FACTS, methods, metadata),
        method_modal(offer, FACTS, [], metadata),
        reading_modal("m"),
        refused_modal("No: <@U0ANA> may."),
    ]


@pytest.mark.parametrize("name", _NASTY)
def test_every_dialog_is_a_view_that_slack_takes(name: str) -> None:
    offer = an_offer(an_invoice(customer_name=name, number=name, owed=Money(10**15, "KWD")))
    for view in dialogs(offer, name):
        assert View(**view).to_dict()["type"] == "modal"
        assert all(size(view[key]["text"]) <= 24 for key in ("title", "close", "submit") if key in view)
        has_input = any(block["type"] == "input" for block in view["blocks"])
        assert ("submit" in view) is has_input
        ids = [block["block_id"] for block in view["blocks"] if "block_id" in block]
        assert len(set(ids)) == len(ids)
        for block in view["blocks"]:
            check_block(block)
        data_stays_data(*mrkdwn_of(view))


def test_metadata_that_slack_would_not_keep_whole_is_an_error_and_not_cut() -> None:
    with pytest.raises(ValueError, match="3000 characters"):
        reading_modal("m" * 3_001)


@pytest.mark.parametrize("words", [frozenset(), frozenset(Word), frozenset({Word.VIEW})])
def test_help_is_a_message_that_slack_takes(words: frozenset[Word]) -> None:
    check(help_message("/invoice", words))


def test_an_overflow_is_never_empty_and_never_too_long() -> None:
    options = [blocks.Option("a", str(number)) for number in range(6)]
    for wrong in ([], options):
        with pytest.raises(ValueError, match="1 to 5"):
            blocks.overflow(wrong, action_id="x")


def test_standing_choices_make_at_most_three_buttons_and_one_overflow() -> None:
    for choice_count in range(1, len(STANDING_CHOICES) + 1):
        row = a_row(choices=STANDING_CHOICES[:choice_count])
        message = render(ListContent(rows=(row,), total=1), command="/invoice", now=NOW)
        elements = next(block["elements"] for block in message.blocks if block["type"] == "actions")
        assert sum(element["type"] == "button" for element in elements) <= 3
        assert len({element["action_id"] for element in elements}) == len(elements)
