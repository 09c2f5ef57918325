"""Cards, digests, lists, answers and the dialog: what stands in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import Action, ActionState, Dialog, Word
from bot.domain.content import (
    AccountHealth,
    AlertContent,
    CardContent,
    Choice,
    DigestContent,
    EndingContent,
    HistoryContent,
    LinkContent,
    ListContent,
    RefusalContent,
    StatusContent,
)
from bot.domain.digest import CurrencyTotal, Gap
from bot.domain.invoice import NoMethod
from bot.domain.money import Money
from bot.domain.records import HistoryEntry
from bot.domain.refusal import Refusal, RefusalKind
from handlers import ids
from handlers.views.blocks import texts
from handlers.views.help import help_blocks
from handlers.views.modals import OTHER, REASONS, reason_modal
from handlers.views.render import plain, render
from handlers.views.text import readable
from tests.handlers.views.samples import (
    EUR_420,
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


def shown(content: Any) -> str:
    return plain(content, command="/invoice", now=NOW)


# --- cards -------------------------------------------------------------------------------------------------------


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
        "  Reference: stripe:in_1AbC",
        "Next: may pass later; wait before the next retry.",
        "  [Retry payment] [Payment link] [Share here] [Void invoice] [Mark uncollectible]",
        "  As of 2026-11-21 09:00 UTC · only you can see this · "
        "Open at Stripe (dashboard.stripe.com): https://dashboard.stripe.com/invoices/in_1AbC",
    ]


def test_a_shared_card_names_who_shared_it_and_is_not_called_private() -> None:
    text = shown(CardContent(row=a_row(), is_private=False, shared_by="U0ANA"))
    assert "shared by @U0ANA" in text
    assert "only you" not in text


@pytest.mark.parametrize(("method", "words"), [(NoMethod(), "no payment method is stored"), (None, "could not be read")])
def test_a_card_says_when_it_is_not_known_what_would_be_charged(method: Any, words: str) -> None:
    assert words in shown(CardContent(row=a_row(an_invoice(method=method)), is_private=True))


# --- digests -----------------------------------------------------------------------------------------------------


def test_a_digest_reads_from_the_counts_to_the_rows() -> None:
    yen = an_invoice(owed=Money(12000, "JPY"), number="INV-7")
    content = DigestContent(
        digest=a_digest(),
        rows=(a_row(choices=(Choice.RETRY,)), a_row(yen, 1, choices=(Choice.LINK,))),
        definitions=("Stripe: open with a failed attempt",),
    )
    next_retry = "Stripe retries 2026-11-24 09:14 UTC by itself"
    line = f"Declined: insufficient funds (soft), visa ending 4242 · {next_retry} · 12 days old"
    assert shown(content).split("\n") == [
        "13 failed invoices",
        "==================",
        "EUR 6,120.00 (12) · JPY 12,000 (1)",
        "5 new, 3 no longer failed since the last digest",
        "EUR: 12 failed invoices, EUR 6,120.00 in all",
        "",
        "Acme GmbH · INV-0042 · EUR 420.00",
        line,
        "  [Retry payment]",
        "JPY: 1 failed invoice, JPY 12,000 in all",
        "",
        "Acme GmbH · INV-7 · JPY 12,000",
        line,
        "  [Payment link]",
        "",
        "Showing 2 of 13. Show all 13: /invoice failed",
        "  As of 2026-11-21 09:14 UTC",
        "  2 below the minimum: counted in the totals, not shown as rows",
        "  Stripe: open with a failed attempt",
    ]


def test_the_digests_summary_carries_counts_and_amounts_for_screen_readers() -> None:
    message = render(DigestContent(digest=a_digest(gaps=(Gap("lago", "no answer"),)), rows=()), command="/invoice", now=NOW)
    assert message.text == (
        "13 failed invoices: EUR 6,120.00 (12), JPY 12,000 (1); 5 new, 3 no longer failed since the last digest; "
        "not everything could be read: lago"
    )


def test_the_first_digest_compares_with_nothing() -> None:
    assert "since the last digest" not in shown(DigestContent(digest=a_digest(new=None, recovered=None), rows=()))


def test_a_late_and_incomplete_digest_says_so() -> None:
    text = shown(DigestContent(digest=a_digest(late_since=NOW, gaps=(Gap("lago", "no answer in time."),)), rows=()))
    assert "Late: it was due 2026-11-21 09:14 UTC, when the bot was not running." in text
    assert "Missing: lago: no answer in time." in text


def test_a_quiet_day_is_one_line_and_does_not_call_unread_accounts_quiet() -> None:
    quiet = a_digest(totals=(), new=0, recovered=3)
    assert shown(DigestContent(digest=quiet, rows=())).startswith(
        "No failed invoices in stripe.\n0 new, 3 no longer failed"
    )
    unread = replace(quiet, gaps=(Gap("stripe", "no answer"),))
    assert shown(DigestContent(digest=unread, rows=())).startswith("No failed invoices in what could be read.")


def test_test_accounts_are_told_apart_in_the_heading_and_in_every_row() -> None:
    rows = (a_row(an_invoice(live=False)), a_row(number=1))
    mixed = shown(DigestContent(digest=a_digest(accounts=("a", "b"), test_accounts=("b",)), rows=rows))
    assert mixed.startswith("13 failed invoices (live and test mode)")
    assert " · TEST" in mixed
    assert " · LIVE" in mixed
    assert shown(DigestContent(digest=a_digest(test_accounts=("stripe",)), rows=())).startswith(
        "13 failed invoices (test mode)"
    )


def test_a_preview_says_that_it_is_one() -> None:
    assert "Preview: only you can see this" in shown(DigestContent(digest=a_digest(), rows=(), is_preview=True))


def test_one_currency_needs_no_heading() -> None:
    totals = (CurrencyTotal(total=EUR_420, count=1),)
    text = shown(DigestContent(digest=a_digest(totals=totals), rows=(a_row(),)))
    assert text.startswith("1 failed invoice\n")
    assert "in all" not in text
    assert "Show all" not in text


# --- answers -----------------------------------------------------------------------------------------------------


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


def test_no_other_message_holds_the_payment_link() -> None:
    for content in contents(a_row()):
        message = render(content, command="/invoice", now=NOW)
        assert isinstance(content, LinkContent) or not any("invoice.stripe.com" in text for text in texts(message.blocks))


def test_an_unsafe_payment_link_is_not_shown() -> None:
    text = shown(LinkContent(invoice=an_invoice(), url="http://invoice.stripe.example/x"))
    assert "not safe to show" in text
    assert "stripe.example" not in text


# --- lists, history, status, help ----------------------------------------------------------------------------------


def test_a_list_that_lacks_an_account_says_which_and_why() -> None:
    text = shown(ListContent(rows=(), total=0, words="hard", gaps=(("lago", "no answer"),), note="Read 200 of 800"))
    assert text.split("\n") == [
        "No failed invoices for “hard” in what could be read",
        "Missing: lago: no answer.",
        "Read 200 of 800.",
    ]


def a_page(number: int, rows: int, total: int = 23) -> list[str]:
    listed = tuple(a_row(None, row) for row in range(rows))
    return shown(ListContent(rows=listed, total=total, words=f"hard page:{number}")).split("\n")


def test_a_list_names_its_page_and_the_way_to_the_next() -> None:
    assert a_page(1, 10)[0] == "23 failed invoices for “hard”"
    assert a_page(1, 10)[-1] == "  Showing 1 to 10 of 23. Next page: /invoice failed hard page:2."
    assert a_page(3, 3)[-1] == "  Showing 21 to 23 of 23."
    assert a_page(4, 0)[-1] == "  There is no page 4. From the start: /invoice failed hard."
    assert "Showing" not in a_page(1, 3, total=3)[-1]


def test_history_tells_who_when_why_and_how_it_ended() -> None:
    older = an_action(ActionState.DECLINED, created_at=NOW - timedelta(days=1))
    voided = an_action(ActionState.SUCCEEDED, Action.VOID, id="ffee0011", reason="Duplicate of INV-41")
    events = (HistoryEntry(NOW, "press.refused", "U0TOM", {"word": "void", "refusal": "over_limit", "key": "secret"}),)
    assert shown(HistoryContent(ref="stripe:in_1AbC", actions=(older, voided), events=events)).split("\n") == [
        "2 decisions about stripe:in_1AbC",
        "2026-11-21 09:13 UTC · Void invoice · EUR 420.00 · @U0ANA",
        "Voided: EUR 420.00 · @U0ANA · 09:14 UTC",
        "Reason: Duplicate of INV-41",
        "Reference ffee0011 · provider request req_8Pq",
        "2026-11-20 09:14 UTC · Retry payment · EUR 420.00 · @U0ANA",
        "Declined: insufficient funds (soft). Next: may pass later; wait before the next retry · @U0ANA · 09:14 UTC",
        "Reference 1a2b3c4d · provider request req_8Pq",
        "  Step by step",
        "  2026-11-21 09:14 UTC · press refused · @U0TOM · to void, because: over limit",
        "  As of 2026-11-21 09:14 UTC",
    ]


def test_a_long_history_says_what_it_left_out() -> None:
    actions = tuple(an_action(ActionState.SUCCEEDED, created_at=NOW - timedelta(hours=hour)) for hour in range(60))
    events = tuple(HistoryEntry(NOW, "action.succeeded", None, {}) for _ in range(25))
    text = shown(HistoryContent(ref="stripe:in_1AbC", actions=actions, events=events))
    left_out = 60 - text.count("Retry payment ·")
    assert left_out > 0
    assert f"{left_out} older decisions are not shown here." in text
    assert "(5 earlier steps are not shown here.)" in text


def test_status_tells_health_next_digests_and_open_decisions() -> None:
    content = StatusContent(
        accounts=(
            AccountHealth("stripe", "Stripe", live=True, problem=None),
            AccountHealth("stripe-us", "Stripe", live=False, problem="The key was refused."),
        ),
        digests=(("finance", "C0FIN", NOW), ("weekly", "C0FIN", None)),
        open_actions=(an_action(ActionState.NEEDS_HUMAN),),
        now=NOW,
    )
    assert shown(content).split("\n")[:8] == [
        "Accounts",
        "stripe (Stripe, live): works",
        "stripe-us (Stripe, test): problem: The key was refused",
        "Digests",
        "finance in #C0FIN: next 2026-11-21 09:14 UTC",
        "weekly in #C0FIN: no next time",
        "Open decisions (1)",
        "stripe:in_1AbC: Nobody knows yet whether the customer was charged, and checking by itself has stopped. "
        "Look at the provider's dashboard, then press Check again. "
        "Until then nothing else can be done to this invoice here. (by @U0ANA) · Reference 1a2b3c4d",
    ]
    assert render(content, command="/invoice", now=NOW).text == "Accounts with a problem: 1 of 2; open decisions: 1"


def test_help_leaves_out_what_the_reader_may_not_do() -> None:
    viewer = "\n".join(texts(help_blocks("/invoice-dev", frozenset({Word.VIEW}))))
    assert "`/invoice-dev show stripe:in_1AbC`" in viewer
    assert all(f"/invoice-dev {word}" not in viewer for word in ("retry", "void", "uncollectible", "link", "digest"))
    everything = "\n".join(texts(help_blocks("/invoice", frozenset(Word))))
    words = ("show", "retry", "void", "uncollectible", "link", "failed", "digest now", "history", "status", "help")
    assert all(f"`/invoice {word}" in everything for word in words)
    assert "You may not do anything here yet" in "\n".join(texts(help_blocks("/invoice", frozenset())))


@pytest.mark.parametrize(
    ("what", "facts", "words"),
    [
        ("digest_not_posted", {"channel": "C0FIN", "detail": "is_archived"}, "The digest could not be posted in #C0FIN"),
        ("digest_not_posted", {}, "The digest could not be posted in its channel"),
        ("digest_failed", {"digest": "finance", "detail": "no answer"}, "finance could not be made: no answer."),
        ("new_trouble", {"key": "value"}, "Something needs a look: new trouble (key value)."),
    ],
)
def test_an_alert_says_what_to_look_at(what: str, facts: dict[str, str], words: str) -> None:
    assert shown(AlertContent(what=what, facts=facts)).startswith(words)


# --- the dialog --------------------------------------------------------------------------------------------------


def test_every_action_that_wants_a_reason_has_reasons_and_a_way_to_say_another() -> None:
    assert {action for action in Action if action.traits.dialog is Dialog.REASON} == set(REASONS)
    assert all(OTHER in reasons for reasons in REASONS.values())


def test_a_dialog_names_the_providers_own_word_where_it_is_another() -> None:
    capability = replace(FACTS.capabilities[Action.UNCOLLECTIBLE], provider_term="write off")
    said = readable("\n".join(texts(reason_modal(an_offer(), Action.UNCOLLECTIBLE, capability, "")["blocks"])))
    assert "The provider calls this “write off”." in said


def test_the_void_dialog_names_invoice_and_amount_and_that_it_is_final() -> None:
    view = reason_modal(an_offer(), Action.VOID, FACTS.capabilities[Action.VOID], "meta")
    said = readable("\n".join(texts(view["blocks"])))
    assert "*Acme GmbH* · INV-0042 · *EUR 420.00*" in said
    assert "*This cannot be undone.* The customer can no longer pay it." in said
    assert "The provider calls this" not in said  # its word is ours
    assert (view["callback_id"], view["private_metadata"]) == (ids.REASON_MODAL, "meta")
    assert view["submit"]["text"] == "Void invoice"
    inputs = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert inputs[ids.REASON_CHOICE_BLOCK]["action_id"] == ids.REASON_CHOICE
    assert inputs[ids.REASON_TEXT_BLOCK]["action_id"] == ids.REASON_TEXT
    assert {option["value"] for option in inputs[ids.REASON_CHOICE_BLOCK]["options"]} == set(REASONS[Action.VOID])
