"""Void and uncollectible: a dialog first, its submission is the decision."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.slack_views import View
from tests.scenarios.reading import read
from tests.scenarios.stage import MAYA, TOM, UNCOLLECTIBLE, VOID, Stage
from tests.scenarios.test_retry import both_ways


def filled(choice: str, words: str | None = None) -> dict[str, dict[str, str | None]]:
    return {"reason_choice": {"invoice.reason_choice": choice}, "reason_text": {"invoice.reason_text": words}}


def dialog(stage: Stage, user: str = MAYA) -> View:
    view = stage.slack.view_of(user)
    assert view is not None
    return view


@dataclass(frozen=True)
class Case:
    """One of the two decisions that want a reason."""

    label: str
    choice: str
    reason: str
    verb: str
    done: str
    status: str


CASES = (
    Case(VOID, "duplicate", "Duplicate of another invoice", "void", "Voided: EUR 49.00", "void"),
    Case(
        UNCOLLECTIBLE,
        "insolvent",
        "Customer is insolvent",
        "mark_uncollectible",
        "Marked uncollectible: EUR 49.00",
        "uncollectible",
    ),
)


@both_ways
async def test_the_overflow_opens_a_dialog_and_its_submission_is_carried_out(stage: Stage) -> None:
    for case in CASES:
        await carry_out(stage, case)


async def carry_out(stage: Stage, case: Case) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(MAYA, case.label, bill, digest)
    opened = dialog(stage)
    assert opened.title == case.label
    assert read(opened.blocks).says("Acme GmbH", bill.number, "EUR 49.00")
    assert stage.sends(bill) == [], "opening a dialog decides nothing"

    answer = await stage.slack.submit(MAYA, filled(case.choice, "as agreed with sales"))

    assert answer.ok
    assert stage.slack.view_of(MAYA) is None
    await stage.row_says(bill, digest, case.done, "<@U0MAYA>")
    assert (stage.sends(bill), stage.status(bill)) == ([case.verb], case.status)
    await stage.command(MAYA, f"history {bill.ref}")
    told = await stage.told(MAYA, f"1 decision about {bill.ref}")
    assert told.says(f"Reason: {case.reason}: as agreed with sales")


async def test_another_reason_needs_words(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(MAYA, VOID, bill, digest)

    await stage.slack.submit(MAYA, filled("other", "   "))

    assert dialog(stage).errors == {"reason_text": "Please say in a few words why."}
    assert stage.sends(bill) == []

    await stage.slack.submit(MAYA, filled("other", "wrong legal entity"))

    await stage.row_says(bill, digest, "Voided")
    await stage.command(MAYA, f"history {bill.ref}")
    await stage.told(MAYA, "Reason: wrong legal entity")


async def test_a_dialog_submitted_twice_is_one_decision(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(MAYA, VOID, bill, digest)
    await stage.slack.submit(MAYA, filled("duplicate"))
    await stage.slack.redeliver()
    await stage.row_says(bill, digest, "Voided")
    await stage.settled()
    assert stage.sends(bill) == ["void"]
    assert stage.private_saying(MAYA, "already") == []


async def test_a_closed_dialog_leaves_everything_as_it_was(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    before = stage.row(bill, digest)
    await stage.press(MAYA, VOID, bill, digest)
    await stage.slack.close_view(MAYA)
    await stage.settled()
    assert stage.row(bill, digest) == before
    assert stage.status(bill) == "open"


@both_ways
async def test_a_typed_void_opens_at_once_and_becomes_the_dialog_when_the_invoice_is_read(stage: Stage) -> None:
    bill = stage.bill()
    answer = await stage.command(MAYA, f"void {bill.number}")
    assert (answer.status, answer.body) == (200, None)
    opened = [call.params["view"] for call in stage.slack.calls if call.method == "views.open"]
    assert read(opened[0]["blocks"]).text == "Reading the invoice…"
    await stage.eventually(lambda: dialog(stage).title == VOID, "the dialog")

    await stage.slack.submit(MAYA, filled("issued_by_mistake"))

    await stage.told(MAYA, "Voided: EUR 49.00")
    assert stage.status(bill) == "void"


async def test_a_typed_void_of_an_invoice_that_cannot_be_voided_says_so_in_the_dialog(stage: Stage) -> None:
    bill = stage.bill(status="paid")
    await stage.command(MAYA, f"void {bill.ref}")
    await stage.eventually(lambda: dialog(stage).title == "Not possible", "the refusal")
    assert read(dialog(stage).blocks).says("is paid")
    assert dialog(stage).body.get("submit") is None


async def test_a_dialog_does_not_open_for_those_who_may_not(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(TOM, VOID, bill, digest)
    await stage.told(TOM, "You may not void invoices", "Ask <@U0MAYA>")
    assert stage.slack.view_of(TOM) is None
    answer = await stage.command(TOM, f"void {bill.ref}")
    assert "You may not void invoices" in str(answer.body)
    assert stage.slack.view_of(TOM) is None


async def test_a_dialog_that_slack_does_not_open_is_said(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    stage.slack.faults.set({"web_api_down": True, "only": "views.open"})
    await stage.press(MAYA, VOID, bill, digest)
    await stage.told(MAYA, "Nothing happened; please try again")
    answer = await stage.command(MAYA, f"void {bill.ref}")
    assert "Slack did not open the dialog" in str(answer.body)
