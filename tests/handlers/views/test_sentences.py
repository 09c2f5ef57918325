"""How decisions and refusals read: true, distinct, with the next step, in a person's words."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.decline import Decline, DeclineClass
from bot.domain.details import Issue
from bot.domain.invoice import Invoice, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import RejectedReason
from bot.domain.records import Ending
from bot.domain.refusal import Refusal, RefusalKind
from handlers.views.refusals import refusal_sentence
from handlers.views.sentences import decline_words, reference_line, sentence
from handlers.views.text import readable
from tests.handlers.views.samples import EUR_420, NOW, SOFT, STOLEN, an_action, an_invoice

_JARGON = re.compile(r"\b(null|none|true|false|exception|payload|idempoten\w*|an offer|enum|[a-z]+_[a-z_]+|https?)\b", re.I)
_TROUBLED = [
    ActionState.UNKNOWN,
    ActionState.NEEDS_HUMAN,
    ActionState.DECLINED,
    ActionState.REJECTED,
    ActionState.REFUSED,
    ActionState.NOT_APPLIED,
    ActionState.EXPIRED,
    ActionState.UNSETTLED,
]

FULL_FACTS = {
    "word": "retry",
    "ask": "<@U0MAYA>, <!subteam^S0LEAD>",
    "limit": "EUR 500.00",
    "amount": "EUR 920.00",
    "spent": "EUR 200.00",
    "currency": "SEK",
    "channels": "<#C0FIN>",
    "account": "stripe",
    "by": "U0TOM",
    "at": NOW.isoformat(),
    "state": "succeeded",
    "saw": "EUR 420.00",
    "now": "EUR 400.00",
    "what": "amount",
    "provider": "Stripe",
    "action": "retry payment",
    "invoice": "INV-0042",
    "ref": "stripe:in_1AbC",
    "status": "paid",
    "until": (NOW + timedelta(hours=1)).isoformat(),
    "method": "visa ending 4242",
    "choices": "stripe:in_1, stripe:in_2",
    "text": "INV-9",
    "detail": "Stripe did not answer",
}


def said(state: ActionState, kind: Action = Action.RETRY, **ending: object) -> str:
    given = {"ending": Ending(at=NOW, **ending)} if ending else {}  # type: ignore[arg-type]
    return readable(sentence(an_action(state, kind, **given)))


def of(kind: Action, invoice: Invoice | None = None, **changes: object) -> str:
    """How a success reads, on a row that shows `invoice`; without who and when."""
    action = an_action(ActionState.SUCCEEDED, kind, **changes)
    return readable(sentence(action, "/invoice", invoice)).removesuffix(" · @U0ANA · 09:14 UTC")


def refused(kind: RefusalKind, **facts: str) -> str:
    return refusal_sentence(Refusal(kind, facts), "/invoice")


@pytest.mark.parametrize("kind", list(Action))
def test_every_state_has_a_sentence_of_its_own_without_jargon(kind: Action) -> None:
    sentences = {state: said(state, kind) for state in ActionState}
    assert len(set(sentences.values())) == len(ActionState)
    for text in sentences.values():
        assert not _JARGON.search(text)
        assert "@U0ANA" in text


@pytest.mark.parametrize("facts", [{}, FULL_FACTS], ids=["no facts", "all facts"])
def test_every_refusal_has_a_sentence_of_its_own_without_jargon(facts: dict[str, str]) -> None:
    sentences = {kind: readable(refused(kind, **facts)) for kind in RefusalKind}
    assert len(set(sentences.values())) == len(RefusalKind)
    for text in sentences.values():
        assert len(text) > 20
        assert text.endswith((".", "`."))
        assert not _JARGON.search(re.sub(r"`[^`]*`", "", text))
        assert not re.search(r"  | ,| \.|\(\)|: \.|“”|``", text), text


@pytest.mark.parametrize("state", _TROUBLED)
def test_what_did_not_go_well_can_be_quoted_to_us_and_to_the_provider(state: ActionState) -> None:
    line = reference_line(an_action(state, ending=Ending(at=NOW, request_id="req_8Pq")))
    assert line == "Reference `1a2b3c4d` · provider request `req_8Pq`"


@pytest.mark.parametrize("state", [state for state in ActionState if state not in _TROUBLED])
def test_what_went_well_is_not_cluttered_with_references(state: ActionState) -> None:
    assert reference_line(an_action(state)) is None


def test_a_retry_reads_from_press_to_paid() -> None:
    assert said(ActionState.ACCEPTED) == "Retrying… (by @U0ANA)"
    assert said(ActionState.SUCCEEDED) == "Paid EUR 420.00 · @U0ANA · 09:14 UTC"


def test_another_amount_than_the_person_saw_is_said() -> None:
    assert said(ActionState.SUCCEEDED, charged=Money(40000, "EUR")).startswith("Paid EUR 400.00 (you saw EUR 420.00) · ")


def test_a_part_payment_is_never_called_paid() -> None:
    text = said(ActionState.SUCCEEDED, charged=Money(10000, "EUR"), paid_in_full=False)
    assert text.startswith("Part payment of EUR 100.00 (you saw EUR 420.00); the rest is still open")
    assert "Paid" not in text


def test_a_payment_that_may_be_somebody_elses_is_not_claimed() -> None:
    text = said(ActionState.SUCCEEDED, charged=EUR_420, ours=False)
    assert text.startswith("Paid EUR 420.00, by this retry or by another payment; ")


def test_a_void_that_may_be_somebody_elses_is_not_claimed() -> None:
    assert "by this press or by somebody at the provider" in said(ActionState.SUCCEEDED, Action.VOID, ours=False)


def test_an_invoice_that_was_sent_again_is_not_called_delivered_and_names_no_address() -> None:
    invoice = an_invoice(customer_email="ana@acme.test")
    assert of(Action.RESEND, invoice) == "Sent again by the provider to the customer's e-mail address"


def test_a_payment_that_was_noted_says_how_it_came_and_that_no_money_was_taken() -> None:
    assert of(Action.PAID) == (
        "Marked as paid: EUR 420.00, bank transfer of 20 Nov 2026, reference RF-18, no money was taken"
    )
    assert of(Action.PAID, details=None) == "Marked as paid: EUR 420.00, no money was taken"
    part = of(Action.PAID, ending=Ending(at=NOW, paid_in_full=False))
    assert part.startswith("Marked as paid in part: EUR 420.00, ")
    assert part.endswith("; no money was taken, and the rest is still open")


def test_where_another_payment_may_have_come_it_is_not_said_that_no_money_was_taken() -> None:
    text = of(Action.PAID, ending=Ending(at=NOW, ours=False))
    assert text.endswith("; as marked by this press or by another payment, see at the provider which")
    assert "no money" not in text


@pytest.mark.parametrize(
    ("collect", "then"), [(False, "nothing is collected by itself"), (True, "the provider collects it by itself")]
)
def test_a_finalized_draft_has_its_number_and_says_what_happens_next(collect: bool, then: str) -> None:
    details = Issue(collect=collect)
    assert of(Action.FINALIZE, an_invoice(), details=details) == (
        f"Finalized as INV-0042: EUR 420.00 is now open, and {then}"
    )
    assert of(Action.FINALIZE, details=details) == f"Finalized: EUR 420.00 is now open, and {then}"
    assert of(Action.FINALIZE, amount=None, details=details) == f"Finalized: it is now open, and {then}"


def test_a_finalized_draft_on_which_nothing_is_due_is_paid() -> None:
    paid = an_invoice(status=InvoiceStatus.PAID, owed=Money(0, "EUR"))
    assert of(Action.FINALIZE, paid, amount=Money(0, "EUR")) == "Finalized as INV-0042: nothing is due, so it is paid"
    assert of(Action.FINALIZE, amount=Money(0, "EUR")) == "Finalized: nothing is due, so it is paid"


def test_a_finalized_draft_that_was_voided_since_is_not_called_open() -> None:
    assert of(Action.FINALIZE, an_invoice(status=InvoiceStatus.VOID)) == "Finalized as INV-0042"


def test_a_finalizing_that_may_be_somebody_elses_is_not_claimed() -> None:
    text = of(Action.FINALIZE, an_invoice(), ending=Ending(at=NOW, ours=False))
    assert text.startswith("Finalized as INV-0042, by this press or by somebody at the provider: EUR 420.00 is now open")


def test_a_refreshed_draft_says_what_it_is_about_now() -> None:
    assert of(Action.REFRESH, an_invoice(owed=Money(43000, "EUR"))) == "Refreshed: the draft now says EUR 430.00"
    assert of(Action.REFRESH) == "Refreshed"


def test_an_e_mail_in_doubt_may_have_been_sent() -> None:
    text = said(ActionState.UNKNOWN, Action.RESEND)
    assert text.startswith("It may have been sent: no answer from Stripe within 90 seconds. Checking; ")
    assert "please do not send it again, here or at the provider." in text
    assert said(ActionState.NEEDS_HUMAN, Action.RESEND).startswith("Nobody knows yet whether the e-mail was sent, ")


def test_a_declined_retry_names_reason_class_and_next_step() -> None:
    text = said(ActionState.DECLINED, decline=SOFT)
    assert (
        text == "Declined: insufficient funds (soft). Next: may pass later; wait before the next retry · @U0ANA · 09:14 UTC"
    )


def test_a_confidential_reason_comes_with_the_warning_not_to_repeat_it() -> None:
    text = said(ActionState.DECLINED, decline=STOLEN)
    assert "reported stolen (hard; do not tell the customer; say “declined”)" in text


def test_an_unknown_ending_is_neither_called_failed_nor_paid() -> None:
    text = said(ActionState.UNKNOWN)
    assert text.startswith("It may have happened: no answer from Stripe within 90 seconds. Checking; please do not retry")
    assert not re.search(r"fail|declin|paid|not done", text, re.I)


def test_the_next_check_is_named_once_the_first_one_told_nothing() -> None:
    later = an_action(ActionState.UNKNOWN, checks=1, next_check_at=NOW)
    assert "Next check 2026-11-21 09:14 UTC." in readable(sentence(later))


def test_what_nobody_knows_sends_a_person_to_the_dashboard() -> None:
    assert "Look at the provider's dashboard, then press Check again" in said(ActionState.NEEDS_HUMAN)


@pytest.mark.parametrize("state", [ActionState.EXPIRED, ActionState.NOT_APPLIED, ActionState.REJECTED])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Action.RETRY, "nothing was charged"),
        (Action.RESEND, "nothing was sent"),
        (Action.VOID, "nothing was changed"),
        (Action.FINALIZE, "nothing was changed"),
    ],
)
def test_what_was_not_done_says_that_nothing_happened(state: ActionState, kind: Action, words: str) -> None:
    assert words in said(state, kind)


def test_a_decision_that_waits_for_the_provider_says_until_when() -> None:
    text = said(ActionState.ACCEPTED, reason=RejectedReason.RATE_LIMITED, detail="too many requests")
    assert text.startswith("Retrying… (by @U0ANA). The provider asks to wait")
    assert "until 09:24 UTC" in text


def test_every_rejection_ends_with_a_next_step() -> None:
    endings = {
        said(ActionState.REJECTED, reason=reason, detail="No.").split("nothing was charged. ")[1]
        for reason in RejectedReason
    }
    assert len(endings) == 5


def test_a_refusal_by_the_worker_reads_the_same_as_by_the_handler() -> None:
    refusal = Refusal(RefusalKind.CHANGED, {"what": "paid"})
    action = an_action(ActionState.REFUSED, ending=Ending(at=NOW, refusal=refusal))
    assert refusal_sentence(refusal, "/invoice").removesuffix(".") in sentence(action)


def test_a_refusal_names_whom_to_ask() -> None:
    text = refused(RefusalKind.NO_RIGHT, word="void", ask="<@U0MAYA>, <!subteam^S0LEAD>")
    assert text == "You may not void invoices: no rule allows it to you. Ask <@U0MAYA>, <!subteam^S0LEAD>."


def test_only_mentions_are_taken_from_the_fact_that_names_whom_to_ask() -> None:
    text = refused(RefusalKind.NO_RIGHT, ask="<!channel> <https://evil.example|Maya> <@U0MAYA>")
    assert text.endswith("Ask <@U0MAYA>.")


def test_the_daily_limit_shows_the_sum_that_is_used() -> None:
    text = refused(RefusalKind.OVER_DAY, limit="EUR 500.00", spent="EUR 200.00", amount="EUR 420.00")
    assert "limit is EUR 500.00 in 24 hours; EUR 200.00 of it is used, and EUR 420.00 would go over it" in text


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("paid", "has been paid"),
        ("status", "from open to void"),
        ("amount", "The amount has changed from open to void"),
        ("method", "What a retry would charge has changed"),
        ("attempted", "Something else was tried"),
        ("new_word", "no longer as you saw it"),
    ],
)
def test_what_changed_since_the_press_is_named(what: str, words: str) -> None:
    assert words in refused(RefusalKind.CHANGED, what=what, saw="open", now="void")


def test_a_blocked_method_comes_with_the_two_ways_out() -> None:
    text = refused(RefusalKind.SAME_METHOD, ref="stripe:in_1", method="visa ending 4242", provider="Stripe")
    assert "visa ending 4242" in text
    assert "payment link" in text
    assert "`/invoice retry stripe:in_1 with pm_…`" in text


def test_a_method_that_waits_for_its_owner_is_not_said_to_be_refused() -> None:
    def about(refusal: RefusalKind, kind: str, method: str) -> str:
        return refusal_sentence(Refusal(refusal, {"kind": kind, "method": method}), "/invoice")

    waits = about(RefusalKind.CONFIRM_METHOD, "needs_authentication", "visa ending 3155")
    assert waits.startswith("The bank wants the customer to confirm payments with visa ending 3155")
    gone = about(RefusalKind.SAME_METHOD, "needs_new_method", "visa ending 0069")
    assert gone.startswith("Visa ending 0069 cannot be charged any more")
    assert "for good" not in waits + gone


def test_a_cool_down_says_when_the_next_attempt_is_possible() -> None:
    assert f"<!date^{int(NOW.timestamp())}^" in refused(RefusalKind.COOL_DOWN, until=NOW.isoformat())


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-21T09:14:00", "<!channel>"])
def test_a_fact_that_is_no_moment_is_shown_as_text(text: str) -> None:
    said_so = refused(RefusalKind.COOL_DOWN, until=text)
    assert "<!" not in said_so
    assert f"The next is possible {text}." in readable(said_so)


def test_whom_to_ask_does_not_run_into_who_pressed() -> None:
    ending = Ending(at=NOW, refusal=Refusal(RefusalKind.NO_RIGHT, {"word": "void", "ask": "<@U0MAYA>"}))
    assert "Ask <@U0MAYA>. · <@U0ANA>" in sentence(an_action(ActionState.REFUSED, Action.VOID, ending=ending))


def test_a_payment_method_that_is_not_there_sends_nobody_to_the_operator() -> None:
    ending = Ending(at=NOW, reason=RejectedReason.INVALID_REQUEST, detail="Stripe refused the request")
    text = sentence(an_action(ActionState.REJECTED, method="pm_nope", ending=ending))
    assert "Check the payment method's id, or retry without “with”" in text
    assert "whoever runs this bot" not in text


def test_a_reason_that_names_the_customers_confirmation_does_not_say_it_twice() -> None:
    why = "the bank wants the customer to confirm"
    decline = Decline(DeclineClass.NEEDS_AUTHENTICATION, "authentication_required", why)
    assert decline_words(decline) == why


def test_what_another_collection_rules_out_says_why_and_names_the_link() -> None:
    why = "Stripe e-mails no such invoice. Give the customer the payment link instead."
    text = refused(RefusalKind.WRONG_COLLECTION, why=why, invoice="INV-0042", action="resend invoice", ref="stripe:in_1")
    assert text == f"{why} Nothing happened. For the link: `/invoice link stripe:in_1`."
    no_link = "Lago charges nothing here. Resend the invoice."
    assert refused(RefusalKind.WRONG_COLLECTION, why=no_link) == f"{no_link} Nothing happened."
    silent = refused(RefusalKind.WRONG_COLLECTION, invoice="INV-0042", action="resend invoice", ref="stripe:in_1")
    assert silent.startswith("Invoice INV-0042 is collected in another way, so “resend invoice” cannot work and nothing")


@pytest.mark.parametrize(
    ("action", "instead", "end"),
    [
        ("refresh draft", "Stripe recomputes drafts by itself.", "nothing happened. Stripe recomputes drafts by itself."),
        ("resend invoice", "", "You can give the customer the payment link: `/invoice link INVOICE`."),
        ("mark as paid", "", "nothing happened. Look in its own dashboard whether it can be done there."),
    ],
)
def test_what_a_provider_does_not_do_comes_with_the_next_best_thing(action: str, instead: str, end: str) -> None:
    text = refused(RefusalKind.NOT_SUPPORTED, provider="Stripe", action=action, instead=instead)
    assert text.startswith(f"Stripe does not offer “{action}” here, so nothing happened. ")
    assert text.endswith(end)


def test_an_invoice_that_was_not_found_can_be_searched_for() -> None:
    assert refused(RefusalKind.NO_SUCH_INVOICE, text="EX-1").endswith(
        "or search by number, customer or e-mail: `/invoice find EX-1`."
    )


def test_the_command_in_a_sentence_is_the_configured_one() -> None:
    assert "`/invoice-dev show INVOICE`" in refusal_sentence(Refusal(RefusalKind.OLD_BUTTON), "/invoice-dev")
