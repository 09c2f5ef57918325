"""What customers call themselves must not become Slack's language, and must not cost a message."""

from __future__ import annotations

from bot.sandbox.slack_state import Message
from tests.scenarios.stage import FIN, LINK, MAYA, RETRY, SHARE, VOID, Bill, Stage

NAMES = {
    "a mention of everybody": "<!channel> <!here> @channel",
    "a mention of a person": "<@U0TOM> &lt;!here&gt; & <b>Sons</b>",
    "a link": "<https://evil.example|Stripe>",
    "a bare link": " https://evil.example/pay",
    "formatting": "*bold* _it_ ~no~ `code` :tada: > quote",
    "ten thousand characters": "Long " * 2000,
    "right to left": "\u202eevil\u202c شركة النور",
    "invisible": "\u200b\u2066\u0000\u0007\n\n",
    "emoji of many parts": "👩‍💻" * 300,
    "nothing": "",
}


async def test_a_difficult_name_is_harmless_wherever_it_is_shown(stage: Stage) -> None:
    bills = [stage.bill(name=name, email=None) for name in NAMES.values()]
    assert len(bills) == 10, "as many as a digest shows"
    digest = await stage.digest()
    for bill in bills:
        await show_everywhere(stage, bill, digest)
    for bill in bills[:2]:
        await stage.press(MAYA, RETRY, bill, digest)
        await stage.row_says(bill, digest, "Paid EUR 49.00")
        await stage.command(MAYA, f"history {bill.ref}")
        await stage.told(MAYA, f"1 decision about {bill.ref}")

    assert stage.objections() == []
    for call in stage.slack.calls:
        said = f"{call.params.get('text')} {call.params.get('blocks')} {call.params.get('view')}"
        for dangerous in ("<!channel", "<!here", "<@U0TOM", "<https://evil", " https://evil", "\u202e", "\u2066"):
            assert dangerous not in said


async def show_everywhere(stage: Stage, bill: Bill, digest: Message) -> None:
    shared = len(stage.slack.messages(FIN))
    await stage.press(MAYA, VOID, bill, digest)
    await stage.slack.close_view(MAYA)
    await stage.press(MAYA, LINK, bill, digest)
    await stage.told(MAYA, f"Payment page of invoice {bill.number}")
    card = await stage.card(MAYA, bill)
    await stage.press(MAYA, SHARE, bill, card)
    await stage.eventually(lambda: len(stage.slack.messages(FIN)) > shared, "the shared card")


async def test_a_reason_is_kept_as_it_was_written_and_harmless_where_it_is_shown(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(MAYA, VOID, bill, digest)
    words = "<!channel> see <https://evil.example|here> *now*\n& then"
    reason = {"reason_choice": {"invoice.reason_choice": "other"}, "reason_text": {"invoice.reason_text": words}}
    await stage.slack.submit(MAYA, reason)
    await stage.row_says(bill, digest, "Voided")
    await stage.command(MAYA, f"history {bill.ref}")
    await stage.told(MAYA, "Reason: <!channel> see <https")
    assert not any("<!channel" in str(call.params) or "<https://evil" in str(call.params) for call in stage.slack.calls)
    assert stage.objections() == []
