"""Over everything an invoice can be: at most three buttons and five lines, and nothing that counts at once by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from bot.domain.action import Action
from bot.domain.capability import Capability, ProviderFacts
from bot.domain.choices import Standing, choices_for
from bot.domain.content import CardContent, Choice, Row
from bot.domain.decline import Decline, DeclineClass
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceStatus, NoMethod, PaymentMethod
from bot.domain.money import Money
from bot.domain.offer import ButtonValue
from handlers import ids
from handlers.views.render import render
from handlers.views.row import row_blocks
from tests.handlers.views.samples import EUR_420, FACTS, NOW, a_row, an_invoice

VISA, AMEX = PaymentMethod("pm_1", "visa ending 4242"), PaymentMethod("pm_2", "amex ending 0005")
_ALL = frozenset(InvoiceStatus)
ABLE = replace(
    FACTS,
    name="Example Pay",
    capabilities={action: Capability(_ALL, action.value, "It happens.", takes_method=True) for action in Action},
)
"""A provider that can do everything to everything: more choices than a card has room for."""
_FINAL = {Choice.VOID, Choice.UNCOLLECTIBLE, Choice.PAID}
_ASK_BACK = {Choice.RESEND}


def invoices() -> Iterator[Invoice]:
    kinds: list[DeclineClass | None] = [None, *DeclineClass]
    for status, collection, kind, method, owed in product(
        InvoiceStatus, CollectionMethod, kinds, [None, VISA, AMEX, NoMethod()], [EUR_420, Money(0, "EUR")]
    ):
        decline = Decline(kind, "code", "no", method=VISA.id, method_label=VISA.label) if kind else None
        yield an_invoice(
            status=status, provider_status=status.value, collection=collection, decline=decline, method=method, owed=owed
        )


def row_of(invoice: Invoice, facts: ProviderFacts, *, is_card: bool, is_private: bool) -> Row:
    standing = Standing(invoice=invoice, facts=facts, now=NOW + timedelta(days=9))
    choices = choices_for(standing, None, is_card=is_card, is_private=is_private)
    return a_row(invoice, facts=facts, choices=choices, confirm_retry=standing.confirm_retry)


def elements(row: Row, *, is_card: bool, is_private: bool = True) -> list[dict[str, Any]]:
    if is_card:
        found = render(CardContent(row=row, is_private=is_private), command="/invoice", now=NOW).blocks
    else:
        found = row_blocks(row, 0, now=NOW, command="/invoice")
    return next((block["elements"] for block in found if block["type"] == "actions"), [])


def verbs(found: list[dict[str, Any]]) -> tuple[list[Choice], list[Choice]]:
    """As buttons, and as lines of the overflow."""
    shown = [element["value"] for element in found if element["type"] == "button"]
    more = [option["value"] for element in found for option in element.get("options", [])]
    return [Choice(ButtonValue.parse(v).verb) for v in shown], [Choice(ButtonValue.parse(v).verb) for v in more]


@pytest.mark.parametrize("facts", [FACTS, ABLE], ids=["Stripe", "one that can do everything"])
@pytest.mark.parametrize(("is_card", "is_private"), [(False, False), (True, False), (True, True)])
def test_whatever_an_invoice_is_slack_takes_its_buttons(facts: ProviderFacts, is_card: bool, is_private: bool) -> None:
    for invoice in invoices():
        row = row_of(invoice, facts, is_card=is_card, is_private=is_private)
        found = elements(row, is_card=is_card, is_private=is_private)
        shown, more = verbs(found)
        assert len(shown) <= (3 if is_card else 2)
        assert len(more) <= 5
        assert len({*shown, *more}) == len(shown) + len(more)
        assert {*shown, *more} <= set(row.choices)
        assert not _FINAL & set(shown), "what ends an invoice for good is never one careless press away"
        assert not _ASK_BACK & set(more), "a line of an overflow cannot ask back"
        assert _FINAL & set(row.choices) <= set(more), "and it is never left out"
        assert Choice.RETRY not in more or row.confirm_retry is None
        assert sum(element.get("style") == "primary" for element in found) <= 1
        assert len({element["action_id"] for element in found}) == len(found), "Slack takes no id twice in a block"
        if facts is FACTS:
            assert {*shown, *more} == set(row.choices), "Stripe's choices all have a place"


def test_what_is_drawn_nowhere_on_a_card_stands_there_as_a_command() -> None:
    commands = {Choice.LINK: "link", Choice.PDF: "pdf", Choice.RESEND: "resend", Choice.REFRESH: "refresh"}
    commands |= {Choice.RETRY_WITH: "retry", Choice.SHARE: ""}
    left_out: set[Choice] = set()
    for invoice in invoices():
        row = row_of(invoice, ABLE, is_card=True, is_private=True)
        shown, more = verbs(elements(row, is_card=True))
        small_print = render(CardContent(row=row, is_private=True), command="/invoice", now=NOW).blocks[-1]
        for choice in set(row.choices) - {*shown, *more}:
            left_out.add(choice)
            assert f"`/invoice {commands[choice]}" in str(small_print["elements"])
    assert Choice.PDF in left_out, "else this test sees nothing"


def drawn(facts: ProviderFacts = FACTS, *, is_card: bool = False, **changes: Any) -> list[dict[str, Any]]:
    return elements(row_of(an_invoice(**changes), facts, is_card=is_card, is_private=is_card), is_card=is_card)


def test_a_draft_is_to_be_finalized_first_by_a_dialog() -> None:
    draft: dict[str, Any] = {"status": InvoiceStatus.DRAFT, "decline": None, "failed_because": None}
    for is_card in (False, True):
        finalize = drawn(is_card=is_card, **draft)[0]
        assert (finalize["text"]["text"], finalize["style"]) == ("Finalize invoice", "primary")
        assert finalize["action_id"] == ids.ASK
        assert "confirm" not in finalize


def test_an_invoice_that_the_customer_pays_is_sent_again_only_after_asking_back() -> None:
    for is_card in (False, True):
        link, resend, *_ = drawn(is_card=is_card, collection=CollectionMethod.MANUAL, decline=None)
        assert (link["text"]["text"], link["style"]) == ("Payment link", "primary")
        assert (resend["text"]["text"], resend["action_id"]) == ("Resend invoice", ids.RESEND)
        assert resend["confirm"]["text"]["text"] == "Stripe e-mails the invoice again. Send INV-0042 again?"
        assert resend["confirm"]["confirm"]["text"] == "Send again"


def test_another_method_is_a_button_where_the_declined_one_blocks_a_plain_retry() -> None:
    stolen = Decline(DeclineClass.HARD, "stolen_card", "stolen card", method=VISA.id, method_label=VISA.label)
    link, retry_with, more = drawn(decline=stolen, method=VISA)
    assert (link["text"]["text"], link["style"]) == ("Payment link", "primary")
    assert (retry_with["text"]["text"], retry_with["action_id"]) == ("Retry with…", ids.RETRY_WITH)
    assert "Retry with…" not in [option["text"]["text"] for option in more["options"]]


def test_another_method_is_in_the_overflow_where_a_plain_retry_may_pass() -> None:
    retry, _, more = drawn()
    assert retry["action_id"] == ids.RUN_ACTION
    assert [option["text"]["text"] for option in more["options"]] == [
        "Retry with…",
        "Show invoice",
        "Mark as paid",
        "Void invoice",
        "Mark uncollectible",
    ]


def test_a_private_card_of_stripe_has_room_for_everything() -> None:
    *buttons, more = drawn(is_card=True)
    assert [button["text"]["text"] for button in buttons] == ["Retry payment", "Payment link", "Share here"]
    assert [option["text"]["text"] for option in more["options"]] == [
        "Retry with…",
        "PDF",
        "Mark as paid",
        "Void invoice",
        "Mark uncollectible",
    ]


def test_a_paid_invoice_still_has_its_pdf() -> None:
    share, pdf = drawn(is_card=True, status=InvoiceStatus.PAID, owed=Money(0, "EUR"), decline=None)
    assert (pdf["text"]["text"], pdf["action_id"]) == ("PDF", ids.PDF)
    assert share["action_id"] == ids.SHARE
