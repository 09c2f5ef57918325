"""Digests, lists, history, status and help: what stands in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import Action, ActionState, Word
from bot.domain.content import (
    AccountHealth,
    AlertContent,
    Choice,
    DigestContent,
    HistoryContent,
    ListContent,
    ListOf,
    StatusContent,
)
from bot.domain.details import Issue
from bot.domain.digest import CurrencyTotal, Gap
from bot.domain.freeze import Freeze
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.domain.records import HistoryEntry
from handlers.command_text import SUBCOMMANDS
from handlers.views.blocks import texts
from handlers.views.help import help_blocks
from handlers.views.render import plain, render
from tests.handlers.views.samples import (
    EUR_420,
    NOW,
    a_digest,
    a_row,
    an_action,
    an_approval,
    an_invoice,
)


def shown(content: Any) -> str:
    return plain(content, command="/invoice", now=NOW)


# --- digests ---------------------------------------------------------------------------------------------------------


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


def test_watched_invoices_stand_apart_at_the_end_and_are_not_counted_as_failed() -> None:
    open_one = an_invoice(ref=InvoiceRef("stripe", "in_9"), number="INV-9", decline=None, failed_because=None)
    rows = (a_row(open_one, choices=(Choice.LINK,)), a_row(number=1, choices=(Choice.RETRY,)))
    digest = a_digest(
        totals=(CurrencyTotal(total=EUR_420, count=1),), watched=frozenset({"stripe:in_9"}), new=None, recovered=None
    )
    lines = shown(DigestContent(digest=digest, rows=rows)).split("\n")
    assert lines[0] == "1 failed invoice"
    assert lines[7:12] == [
        "Watched: 1 invoice, in every digest until nothing is owed or somebody unwatches it",
        "",
        "Acme GmbH · INV-9 · EUR 420.00",
        "Status: open · Stripe retries 2026-11-24 09:14 UTC by itself · 12 days old",
        "  [Payment link]",
    ]
    assert not any("Showing" in line for line in lines)
    assert render(DigestContent(digest=digest, rows=rows), command="/invoice", now=NOW).text.endswith("; 1 watched")


def test_a_day_on_which_nothing_failed_still_shows_what_is_watched() -> None:
    quiet = a_digest(totals=(), new=None, recovered=None, watched=frozenset({"stripe:in_1AbC"}))
    text = shown(DigestContent(digest=quiet, rows=(a_row(),)))
    assert text.startswith("No failed invoices\n==================\nWatched: 1 invoice, ")
    unread = replace(quiet, gaps=(Gap("lago", "no answer"),))
    assert shown(DigestContent(digest=unread, rows=(a_row(),))).startswith("No failed invoices in what could be read\n")


def test_watched_rows_that_do_not_fit_are_counted() -> None:
    rows = tuple(a_row(None, number, action=an_action(ActionState.DECLINED)) for number in range(30))
    quiet = a_digest(totals=(), watched=frozenset({"stripe:in_1AbC"}))
    message = render(DigestContent(digest=quiet, rows=rows), command="/invoice", now=NOW)
    drawn = sum(block["type"] == "actions" for block in message.blocks)
    assert any(f"{30 - drawn} more watched did not fit into this message." in text for text in texts(message.blocks))
    assert not any("Showing" in text for text in texts(message.blocks))


# --- lists, history, status, help ------------------------------------------------------------------------------------


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


def test_a_list_without_buttons_to_decide_with_says_once_that_all_is_frozen() -> None:
    rows = tuple(a_row(number=number, frozen=Freeze("U0MAYA", "wrong prices", NOW)) for number in range(2))
    assert shown(ListContent(rows=rows, total=2)).count("Frozen by @U0MAYA") == 1


def test_an_invoice_about_which_only_questions_were_asked_has_no_decision_and_shows_its_steps() -> None:
    events = (
        HistoryEntry(NOW, "approval.asked", "U0ANA", {"word": "void", "amount": "EUR 420.00", "approver": ""}),
        HistoryEntry(NOW, "approval.denied", "U0MAYA", {"word": "void"}),
    )
    lines = shown(HistoryContent(ref="stripe:in_1AbC", actions=(), events=events)).split("\n")
    assert lines[0] == "No decisions about stripe:in_1AbC so far"
    assert lines[2:4] == [
        "  2026-11-21 09:14 UTC · asked for approval · @U0ANA · “Void invoice”, amount EUR 420.00",
        "  2026-11-21 09:14 UTC · denied · @U0MAYA · “Void invoice”",
    ]


def test_a_list_names_its_page_and_the_way_to_the_next() -> None:
    assert a_page(1, 10)[0] == "23 failed invoices for “hard”"
    assert a_page(1, 10)[-1] == "  Showing 1 to 10 of 23. Next page: /invoice failed hard page:2."
    assert a_page(3, 3)[-1] == "  Showing 21 to 23 of 23."
    assert a_page(4, 0)[-1] == "  There is no page 4. From the start: /invoice failed hard."
    assert "Showing" not in a_page(1, 3, total=3)[-1]


def test_what_was_found_is_counted_and_leads_to_the_next_page() -> None:
    rows = tuple(a_row(None, row) for row in range(10))
    text = shown(ListContent(rows=rows, total=23, of=ListOf.FOUND, words="acme gmbh")).split("\n")
    assert text[0] == "23 invoices for “acme gmbh”"
    assert text[-1] == "  Showing 1 to 10 of 23. Next page: /invoice find acme gmbh page:2."
    assert shown(ListContent(rows=rows[:1], total=1, of=ListOf.FOUND, words="x")).startswith("1 invoice for “x”\n")


def test_a_search_that_found_nothing_says_what_can_be_searched_for_and_what_else_to_do() -> None:
    assert shown(ListContent(rows=(), total=0, of=ListOf.FOUND, words="acme")).split("\n") == [
        "No invoice found for “acme”",
        "  Search by the invoice's number, id or dashboard link, or by the customer's name, e-mail address or id; each of "
        "them whole. What has failed: /invoice failed.",
    ]
    unread = ListContent(rows=(), total=0, of=ListOf.FOUND, words="acme", gaps=(("lago", "no answer"),))
    assert shown(unread).startswith("No invoice found for “acme” in what could be read\nMissing: lago: no answer.\n")


def test_history_tells_what_the_dialogs_were_answered_with() -> None:
    def told(kind: Action, **changes: Any) -> str:
        return shown(HistoryContent(ref="x", actions=(an_action(ActionState.UNKNOWN, kind, **changes),), events=()))

    assert "\nReceived: EUR 420.00, bank transfer of 20 Nov 2026, reference RF-18\n" in told(Action.PAID)
    assert "\nNot to be collected by itself\n" in told(Action.FINALIZE)
    assert "\nTo be collected by the provider by itself\n" in told(Action.FINALIZE, details=Issue(collect=True))


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
        "  2026-11-21 09:14 UTC · press refused · @U0TOM · “Void invoice”, because: over limit",
        "  As of 2026-11-21 09:14 UTC",
    ]


def test_history_tells_what_a_step_changed_who_agreed_and_by_which_key_it_is_found() -> None:
    whole = {"kind": "void", "amount": "EUR 420.00", "key": "recoup-0123456789abcdef", "approver": "U0MAYA"}
    change = {"status_before": "open", "status_after": "void", "owed_before": "EUR 420.00", "owed_after": "EUR 0.00"}
    events = (
        HistoryEntry(NOW, "action.accepted", "U0ANA", whole),
        HistoryEntry(NOW, "attempt.begun", None, whole),
        HistoryEntry(NOW, "action.succeeded", None, {**whole, **change, "request_id": "req_8Pq"}),
        HistoryEntry(NOW, "watch.ended", "recoup", {}),
    )
    steps = shown(HistoryContent(ref="x", actions=(an_action(ActionState.SUCCEEDED),), events=events)).split("\n")[-5:-1]
    assert [step.removeprefix("  2026-11-21 09:14 UTC · ") for step in steps] == [
        "decided · @U0ANA · amount EUR 420.00, approved by @U0MAYA",
        "about to be sent to the provider · key ends in 89abcdef",
        "done · provider request req_8Pq, status open → void, owed EUR 420.00 → EUR 0.00",
        "watched no more · Recoup",
    ]


def test_no_step_of_a_history_is_cut_however_much_each_says() -> None:
    told = {
        "request_id": "r" * 100,
        "decline": "d" * 100,
        "status_before": "open",
        "status_after": "paid",
        "charged": "EUR 1.00",
    }
    events = tuple(HistoryEntry(NOW, "action.succeeded", "U0ANA", {**told, "key": str(number)}) for number in range(25))
    text = shown(HistoryContent(ref="x", actions=(an_action(ActionState.SUCCEEDED),), events=events))
    assert text.count("status open → paid") == 20


def test_history_tells_a_payment_marked_by_hand_once_and_no_amount_that_nobody_knew() -> None:
    marked = an_action(ActionState.SUCCEEDED, Action.PAID)
    assert shown(HistoryContent(ref="x", actions=(marked,), events=())).count("reference RF-18") == 1
    resent = an_action(ActionState.SUCCEEDED, Action.RESEND, amount=Money(0, "EUR"))
    events = (HistoryEntry(NOW, "action.accepted", "U0ANA", {"amount": "EUR 0.00"}),)
    text = shown(HistoryContent(ref="lac:inv_1", actions=(resent,), events=events))
    assert "· decided · @U0ANA\n" in text
    assert "0.00" not in text


@pytest.mark.parametrize("state", [one for one in ActionState if one is not ActionState.EXECUTING])
def test_history_has_words_of_its_own_for_every_state(state: ActionState) -> None:
    events = (HistoryEntry(NOW, f"action.{state}", None, {}),)
    text = shown(HistoryContent(ref="x", actions=(an_action(ActionState.SUCCEEDED),), events=events))
    assert f"action {state}" not in text.replace("_", " ")


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
        "Look at the provider's dashboard, then press Check again, or let a second person say what they saw there. "
        "Until then nothing else can be done to this invoice here. (by @U0ANA) · Reference 1a2b3c4d",
    ]
    assert render(content, command="/invoice", now=NOW).text == "Accounts with a problem: 1 of 2; open decisions: 1"


def test_status_names_what_waits_for_a_second_person() -> None:
    waiting = tuple(an_approval(ref=InvoiceRef("stripe", f"in_{n}")) for n in range(7))
    content = StatusContent(accounts=(), digests=(), open_actions=(), now=NOW, waiting=waiting)
    lines = shown(content).split("\n")
    first = lines.index("Waiting for a second person") + 1
    assert lines[first].startswith("stripe:in_0: @U0ANA asked for “Void invoice”; waiting for approval by lead in #")
    assert lines[first + 5] == "2 more"
    assert "Waiting" not in shown(replace(content, waiting=()))


def test_help_leaves_out_what_the_reader_may_not_do() -> None:
    viewer = "\n".join(texts(help_blocks("/invoice-dev", frozenset({Word.VIEW}))))
    assert "`/invoice-dev show stripe:in_1AbC`" in viewer
    for hidden in (*(action.value for action in Action), "link", "pdf", "digest now"):
        assert f"/invoice-dev {hidden}" not in viewer
    everything = "\n".join(texts(help_blocks("/invoice", frozenset(Word))))
    for name in SUBCOMMANDS:
        assert f"`/invoice {name}" in everything
    assert [title for title in ("*Look*", "*Act*", "*Digest*") if title not in everything] == []
    assert "*Act*" not in viewer
    assert "You may not do anything here yet" in "\n".join(texts(help_blocks("/invoice", frozenset())))


@pytest.mark.parametrize(
    ("what", "facts", "words"),
    [
        ("digest_not_posted", {"channel": "C0FIN", "detail": "is_archived"}, "The digest could not be posted in #C0FIN"),
        ("digest_not_posted", {}, "The digest could not be posted in its channel"),
        ("digest_failed", {"digest": "finance", "detail": "no answer"}, "finance could not be made: no answer."),
        ("database_restored", {"detail": "the database is a copy"}, "I have frozen myself: the database is a copy."),
        ("new_trouble", {"key": "value"}, "Something needs a look: new trouble (key value)."),
    ],
)
def test_an_alert_says_what_to_look_at(what: str, facts: dict[str, str], words: str) -> None:
    assert shown(AlertContent(what=what, facts=facts)).startswith(words)
