"""Cards and answers: what stands in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.capability import ProviderFacts
from bot.domain.content import (
    CardContent,
    Choice,
    EndingContent,
    LinkContent,
    RefusalContent,
    WatchContent,
)
from bot.domain.invoice import CollectionMethod, InvoiceStatus, NoMethod
from bot.domain.money import Money
from bot.domain.refusal import Refusal, RefusalKind
from handlers.views.blocks import texts
from handlers.views.render import plain, render
from tests.handlers.views.samples import (
    FACTS,
    NOW,
    STANDING_CHOICES,
    a_row,
    an_action,
    an_invoice,
    contents,
)


def shown(content: Any) -> str:
    return plain(content, command="/invoice", now=NOW)


# --- cards -----------------------------------------------------------------------------------------------------------


def test_a_private_card_shows_everything_known() -> None:
    invoice = an_invoice(dashboard_url="https://dashboard.stripe.com/invoices/in_1AbC", due_at=NOW)
    choices = (*STANDING_CHOICES[:4], Choice.SHARE)
    assert shown(CardContent(row=a_row(invoice, choices=choices), is_private=True)).split("\n") == [
        "Acme GmbH · INV-0042 · EUR 420.00",
        "Declined: insufficient funds (soft), visa ending 4242",
        "  Status: open",
        "  Would be charged: visa ending 4242 pm_1",
        "  Attempts so far: 2",
        "  Stripe retries by itself: 2026-11-24 09:14 UTC",
        "  Created: 2026-11-09 UTC (12 days ago)",
        "  Due: 2026-11-21 UTC",
        "  Id: stripe:in_1AbC",
        "Next: may pass later; wait before the next retry.",
        "  [Retry payment] [Payment link] [Share here] [Void invoice] [Mark uncollectible]",
        "  Stripe e-mails an invoice again only where the customer pays it.",
        "  As of 2026-11-21 09:00 UTC · only you can see this · "
        "Open at Stripe (dashboard.stripe.com): https://dashboard.stripe.com/invoices/in_1AbC",
        "  /invoice history stripe:in_1AbC · /invoice watch stripe:in_1AbC",
    ]


def test_a_card_says_why_the_invoice_cannot_be_sent_again_and_offers_the_link_instead() -> None:
    def of(facts: ProviderFacts, **changes: Any) -> str:
        row = a_row(an_invoice(**changes), facts=facts, choices=(Choice.LINK,))
        return shown(CardContent(row=row, is_private=True))

    no_resend = replace(FACTS, capabilities={}, instead={Action.RESEND: "Stripe sends no e-mails here."})
    assert "  [Payment link]\n  Stripe sends no e-mails here.\n" in of(no_resend)
    silent = replace(no_resend, instead={})
    assert "\n  Stripe cannot send this invoice to the customer again from here.\n" in of(silent)
    assert "e-mails an invoice again" not in of(FACTS, collection=CollectionMethod.MANUAL)


def test_a_card_without_a_payment_page_does_not_talk_about_the_link() -> None:
    assert "e-mails an invoice again" not in shown(CardContent(row=a_row(choices=(Choice.RETRY,)), is_private=True))


def test_what_has_no_room_for_a_button_on_a_card_is_named_as_a_command() -> None:
    text = shown(CardContent(row=a_row(choices=tuple(set(Choice) - {Choice.FINALIZE, Choice.CHECK})), is_private=True))
    assert text.endswith(
        "  /invoice pdf stripe:in_1AbC · /invoice refresh stripe:in_1AbC · /invoice history stripe:in_1AbC · "
        "/invoice watch stripe:in_1AbC"
    )


def test_an_invoice_on_which_nothing_is_owed_is_not_offered_for_watching() -> None:
    paid = an_invoice(status=InvoiceStatus.PAID, provider_status="paid", owed=Money(0, "EUR"), decline=None)
    assert "watch" not in shown(CardContent(row=a_row(paid, choices=(Choice.PDF,)), is_private=True))


@pytest.mark.parametrize(
    ("status", "hours", "words"),
    [
        (InvoiceStatus.OPEN, 2, "Stripe retries by itself: 2026-11-21 11:14 UTC"),
        (InvoiceStatus.OPEN, -2, "Stripe retries by itself: any moment now"),
        (InvoiceStatus.DRAFT, 2, "Stripe collects by itself: 2026-11-21 11:14 UTC"),
    ],
)
def test_a_card_says_what_the_provider_will_do_by_itself(status: InvoiceStatus, hours: int, words: str) -> None:
    invoice = an_invoice(status=status, next_attempt_at=NOW + timedelta(hours=hours))
    assert words in shown(CardContent(row=a_row(invoice), is_private=True))


def test_a_card_says_a_status_once_and_of_a_draft_that_it_can_still_change() -> None:
    paid = an_invoice(status=InvoiceStatus.PAID, provider_status="paid", decline=None, failed_because=None)
    draft = replace(paid, status=InvoiceStatus.DRAFT, provider_status="draft")
    assert shown(CardContent(row=a_row(paid), is_private=True)).split("\n")[1] == "  Status: paid"
    assert shown(CardContent(row=a_row(draft), is_private=True)).split("\n")[1] == "Draft: it can still change"


def test_a_paid_invoice_is_not_said_to_be_retried() -> None:
    invoice = an_invoice(status=InvoiceStatus.PAID, next_attempt_at=NOW + timedelta(hours=2))
    assert "by itself" not in shown(CardContent(row=a_row(invoice), is_private=True))


def test_a_shared_card_names_who_shared_it_and_is_not_called_private() -> None:
    text = shown(CardContent(row=a_row(), is_private=False, shared_by="U0ANA"))
    assert "shared by @U0ANA" in text
    assert "only you" not in text


@pytest.mark.parametrize(
    ("method", "words"), [(NoMethod(), "no payment method is stored"), (None, "Would be charged: not known")]
)
def test_a_card_says_when_it_is_not_known_what_would_be_charged(method: Any, words: str) -> None:
    assert words in shown(CardContent(row=a_row(an_invoice(method=method)), is_private=True))


def test_a_card_speaks_of_no_charge_where_the_customer_pays_or_an_action_has_just_answered() -> None:
    manual = an_invoice(method=None, collection=CollectionMethod.MANUAL)
    answered = a_row(an_invoice(method=None), action=an_action(ActionState.DECLINED))
    for row in (a_row(manual), answered):
        assert "Would be charged" not in shown(CardContent(row=row, is_private=True))


@pytest.mark.parametrize("status", [InvoiceStatus.PAID, InvoiceStatus.VOID])
def test_a_card_of_an_invoice_that_has_ended_gives_no_advice_on_the_next_retry(status: InvoiceStatus) -> None:
    text = shown(CardContent(row=a_row(an_invoice(status=status, provider_status=status.value)), is_private=True))
    assert "Declined" not in text
    assert "Next:" not in text


def test_a_card_of_an_invoice_that_was_never_seen_says_why_it_is_so_empty() -> None:
    text = shown(CardContent(row=a_row(an_invoice(is_unseen=True)), is_private=True))
    assert "shows nothing of an invoice before it was acted on" in text


# --- answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_names_the_invoice_and_offers_fresh_buttons() -> None:
    action = an_action(ActionState.DECLINED)
    text = shown(EndingContent(action=action, row=a_row(action=action, choices=(Choice.LINK,))))
    assert text.split("\n") == [
        "INV-0042: Declined: insufficient funds (soft). "
        "Next: may pass later; wait before the next retry · @U0ANA · 09:14 UTC",
        "  Reference 1a2b3c4d · provider request req_8Pq",
        "Now: Acme GmbH · INV-0042 · EUR 420.00 · open",
        "  [Payment link]",
    ]


def test_a_late_answer_mentions_the_person_so_that_slack_notifies_them() -> None:
    message = render(EndingContent(action=an_action(ActionState.SUCCEEDED), is_late=True), command="/invoice", now=NOW)
    assert message.text.startswith("This took a while. ")
    assert "<@U0ANA>" in message.blocks[0]["text"]["text"]


def test_the_answer_to_a_typed_command_names_what_was_typed() -> None:
    action = an_action(ActionState.EXPIRED, ref=None, typed_ref="INV-9")
    assert shown(EndingContent(action=action)).startswith("INV-9: Not done")


def test_a_refusal_shows_its_reference_and_how_the_invoice_stands() -> None:
    refusal = Refusal(RefusalKind.CHANGED, {"what": "paid"})
    paid = a_row(an_invoice(provider_status="paid", decline=None), choices=())
    assert shown(RefusalContent(refusal=refusal, reference="9f8e", row=paid)).split("\n") == [
        "This invoice has been paid since you saw it, so nothing was done and nothing was charged.",
        "  Reference 9f8e",
        "Now: Acme GmbH · INV-0042 · EUR 420.00 · paid",
    ]


def test_a_payment_link_comes_whole_with_its_host_and_a_warning() -> None:
    url = "https://invoice.stripe.com/i/acct_1/live_" + "x" * 900
    message = render(LinkContent(invoice=an_invoice(), url=url), command="/invoice", now=NOW)
    assert f"<{url}|Payment page (invoice.stripe.com)>" in message.blocks[0]["text"]["text"]
    assert url not in message.text
    assert "do not post it in a channel" in message.blocks[1]["elements"][0]["text"]


def test_a_page_that_logs_in_as_the_customer_says_so() -> None:
    plain = LinkContent(invoice=an_invoice(), url="https://pay.example.com/account/token")
    assert "logged in as the customer" in shown(replace(plain, logs_in=True))
    assert "logged in" not in shown(plain)


def test_no_other_message_holds_the_payment_link() -> None:
    for content in contents(a_row()):
        message = render(content, command="/invoice", now=NOW)
        assert isinstance(content, LinkContent) or not any("invoice.stripe.com" in text for text in texts(message.blocks))


def test_an_unsafe_payment_link_is_not_shown() -> None:
    text = shown(LinkContent(invoice=an_invoice(), url="http://invoice.stripe.example/x"))
    assert "not safe to show" in text
    assert "stripe.example" not in text


def test_a_pdf_comes_as_a_link_for_the_customer_alone() -> None:
    content = LinkContent(invoice=an_invoice(), url="https://pay.stripe.com/invoice/pdf", is_pdf=True)
    assert shown(content).split("\n") == [
        "PDF of invoice INV-0042, Acme GmbH, EUR 420.00:",
        "PDF (pay.stripe.com): https://pay.stripe.com/invoice/pdf",
        "  The link works for anyone who has it, so send it only to the customer and do not post it in a channel.",
    ]


def watched(*, is_watched: bool, is_news: bool, **facts: Any) -> str:
    content = WatchContent(invoice=an_invoice(), is_watched=is_watched, is_news=is_news, facts=replace(FACTS, **facts))
    return shown(content).split("\n")[0]


def test_watching_says_what_will_be_seen_and_how_to_end_it() -> None:
    until = (
        "You will see it in every digest of this account until nothing is owed on it; "
        "/invoice unwatch stripe:in_1AbC ends that."
    )
    anyway = "Failed invoices are in the digest anyway."
    assert watched(is_watched=True, is_news=True) == f"INV-0042 is watched now. {until} {anyway}"
    assert watched(is_watched=True, is_news=True, has_list=False) == f"INV-0042 is watched now. {until}"
    assert watched(is_watched=True, is_news=False).startswith("INV-0042 is watched already; nothing changed. ")


def test_not_watching_any_more_says_what_that_means_and_the_way_back() -> None:
    back = "/invoice watch stripe:in_1AbC."
    assert watched(is_watched=False, is_news=True) == (
        f"INV-0042 is watched no more. It is in the digest only while it counts as failed. To watch it again: {back}"
    )
    assert "No digest shows it now." in watched(is_watched=False, is_news=True, has_list=False)
    assert watched(is_watched=False, is_news=False) == (
        f"Nobody watches INV-0042, so nothing changed. To see it in every digest: {back}"
    )
