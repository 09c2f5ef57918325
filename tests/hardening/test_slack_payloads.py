"""Anything at all from Slack, signed: it has the effect that it names or none, and nothing of ours falls over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlencode

from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.action import Action
from bot.domain.offer import ButtonValue, Offer
from bot.domain.records import ReplyTo
from handlers import ids
from handlers.payloads import Origin
from tests.builders import ANA, CHANNEL, TEAM
from tests.handlers.bodies import RESPONSE_URL, a_command, a_press, a_submission
from tests.hardening.bot_under_fire import UnderFire, under_fire
from tests.hardening.fuzzing import fuzzed
from tests.hardening.tally import note
from tests.hardening.wrong import BODIES, Spoiling, dumped, junk, spoilings

Json = dict[str, Any]
Run = Callable[[Awaitable[Any]], Any]

VERBS: Final = {
    "retry": ids.RUN_ACTION,
    "void": ids.ASK,
    "paid": ids.ASK,
    "retry_with": ids.RETRY_WITH,
    "link": ids.LINK,
    "pdf": ids.PDF,
    "show": ids.SHOW,
    "share": ids.SHARE,
    "check": ids.CHECK,
}


def press(offer: Offer, verb: str = "retry", *, overflow: bool = False, private: bool = False) -> Json:
    body = a_press(verb, overflow=overflow, action_id=ids.MORE if overflow else VERBS[verb])
    chosen = body["actions"][0]["selected_option"] if overflow else body["actions"][0]
    chosen["value"] = str(ButtonValue(offer.id, verb))
    body["user"] = {"id": ANA.user, "team_id": ANA.team}
    body["team"]["id"] = TEAM
    body["channel"]["id"] = CHANNEL
    body["container"] |= {"channel_id": CHANNEL, "is_ephemeral": private}
    return body


def submission(offer: Offer) -> Json:
    reply_to = ReplyTo(user=ANA.user, channel=CHANNEL, ts="1763500000.000100", response_url=RESPONSE_URL)
    body = a_submission(metadata=Origin(str(ButtonValue(offer.id, "void")), Action.VOID, reply_to).dump())
    body["user"] = {"id": ANA.user, "team_id": ANA.team}
    return body


def command(text: str) -> Json:
    return {**a_command(text), "user_id": ANA.user, "team_id": TEAM, "channel_id": CHANNEL}


def shot_at(check: Callable[[Run, UnderFire], None]) -> None:
    """Hypothesis is not async: one loop and one bot for all its examples."""
    with asyncio.Runner() as runner:

        async def whole(work: Awaitable[Any]) -> Any:
            return await work

        opened = under_fire()
        fire = runner.run(opened.__aenter__())
        try:
            check(lambda work: runner.run(whole(work)), fire)
        finally:
            runner.run(opened.__aexit__(None, None, None))


def judge(kind: str, fire: UnderFire, answer: tuple[int, str]) -> None:
    status, text = answer
    note(f"payload: {kind}", f"answered {status}")
    assert status in {200, 400, 401, 404, 500}
    assert "Traceback" not in text
    assert 'File "' not in text
    assert fire.surprises == []


KINDS: Final[dict[str, Callable[[Offer], Json]]] = {
    "press": press,
    "press in a private card": lambda offer: press(offer, private=True),
    "overflow": lambda offer: press(offer, overflow=True),
    "dialog": submission,
    **{f"button {verb}": lambda offer, verb=verb: press(offer, verb) for verb in VERBS if verb != "retry"},  # type: ignore[misc]  # the default binds the loop's verb
}


def test_a_spoiled_payload_has_the_effect_that_it_names_or_none() -> None:
    def check(run: Run, fire: UnderFire) -> None:
        @fuzzed(3, short=100)
        @given(st.sampled_from(sorted(KINDS)), spoilings())
        def sent(kind: str, spoiling: Spoiling) -> None:
            offer = run(fire.offered())
            payload = spoiling.of(KINDS[kind](offer))
            judge(kind, fire, run(fire.send_payload(payload)))
            performed = fire.slack.bench.provider.performed
            assert len(performed) <= 1
            for order in performed:
                assert order.invoice.ref == offer.ref
                assert payload["user"]["id"] == ANA.user
                assert offer.id in json.dumps(payload)

        sent()

    shot_at(check)


def test_what_stands_in_a_field_of_text_is_text_or_the_press_is_none() -> None:
    """The places that are kept with a decision: a later telling must not trip over them."""

    def check(run: Run, fire: UnderFire) -> None:
        @fuzzed(short=40)
        @given(
            st.sampled_from(["response_url", "container.thread_ts", "container.message_ts", "user.id", "channel.id"]),
            junk | st.sampled_from(["\ud800", "a\x00b", "x" * 100_000]),
        )
        @example("response_url", {"a": 1})
        @example("response_url", ["https://hooks.slack.com/x"])
        @example("container.thread_ts", 17.5)
        @example("user.id", "\ud800")
        @example("response_url", "\ud800")
        def sent(where: str, value: object) -> None:
            offer = run(fire.offered())
            payload = press(offer, private=where == "response_url")
            *parents, last = where.split(".")
            part = payload
            for name in parents:
                part = part[name]
            part[last] = value
            judge("one field", fire, run(fire.send_payload(payload)))

        sent()

    shot_at(check)


def test_a_payload_that_is_none_of_ours_has_no_effect() -> None:
    types = (
        "view_closed",
        "shortcut",
        "message_action",
        "block_suggestion",
        "event_callback",
        "url_verification",
        "app_rate_limited",
    )

    def check(run: Run, fire: UnderFire) -> None:
        @fuzzed(short=50)
        @given(
            st.sampled_from(types) | st.text(max_size=10),
            junk,
            st.sampled_from(["form", "json", "bare", "raw"]),
            st.sampled_from(BODIES),
        )
        def sent(kind: str, value: object, how: str, raw: bytes) -> None:
            offer = run(fire.offered())
            body = {"type": kind, "callback_id": "x", "event": value, "view": value, "actions": value, "challenge": "c"}
            match how:
                case "form":
                    answer = run(fire.send_payload(body))
                case "json":
                    answer = run(fire.send(dumped(body), "application/json"))
                case "bare":
                    answer = run(fire.send_payload(value))
                case _:
                    answer = run(fire.send(b"payload=" + raw))
            judge("unknown", fire, answer)
            assert fire.slack.bench.provider.performed == [], offer

        sent()

    shot_at(check)


def test_any_value_of_a_button_and_any_metadata_of_a_dialog_names_a_known_offer_or_nothing() -> None:
    def check(run: Run, fire: UnderFire) -> None:
        values = (
            st.text(max_size=60)
            | st.from_regex(r"1:[0-9a-f]{32}:[a-z_]{1,24}", fullmatch=True)
            | st.sampled_from(["1::", "2:x:y"])
        )

        @fuzzed(short=50)
        @given(
            st.booleans(),
            values,
            junk.map(json.dumps) | st.sampled_from(["[" * 3_000, "", "null", '{"a":' * 500]),
            spoilings(),
        )
        def sent(dialog: bool, value: str, metadata: str, spoiling: Spoiling) -> None:
            offer = run(fire.offered())
            payload = submission(offer) if dialog else press(offer)
            if dialog:
                own = json.loads(payload["view"]["private_metadata"])
                payload["view"]["private_metadata"] = json.dumps(spoiling.of(own)) if len(metadata) % 2 else metadata
            else:
                payload["actions"][0]["value"] = value
            judge("value or metadata", fire, run(fire.send_payload(payload)))
            performed = fire.slack.bench.provider.performed
            assert dialog or performed == []
            assert all(order.invoice.ref == offer.ref for order in performed)

        sent()

    shot_at(check)


WORDS: Final = (
    *(
        "help",
        "show",
        "retry",
        "resend",
        "void",
        "failed",
        "find",
        "digest now",
        "history",
        "status",
        "watch",
        "unwatch",
        "paid",
    ),
    *("retry in_1 with pm_1", "refresh", "finalize", "uncollectible", "link", "pdf", "audit", "freeze", "approve"),
)


def test_any_text_after_the_command_is_answered() -> None:
    def check(run: Run, fire: UnderFire) -> None:
        @fuzzed(short=50)
        @given(
            st.sampled_from(WORDS),
            st.text(max_size=80),
            st.sampled_from([" ", "", ":", "\n", "\u00a0", "`", "<", "&lt;", "|"]),
        )
        @example("show", "x" * 100_000, " ")
        @example("show", "\x00", " ")
        @example("find", "\ud800", " ")
        @example("retry", "\ud800", " ")
        @example("failed", "over 1e999999 EUR", " ")
        @example("failed", "over " + "9" * 5_000, " ")
        def typed(word: str, text: str, between: str) -> None:
            run(fire.offered())
            body = urlencode(command(word + between + text), errors="replace").encode()
            judge(f"command {word.split(maxsplit=1)[0]}", fire, run(fire.send(body)))
            assert fire.slack.bench.provider.performed == [] or word.startswith(("retry", "resend"))

        typed()

    shot_at(check)


def test_a_command_with_wrong_fields_is_refused_or_answered() -> None:
    def check(run: Run, fire: UnderFire) -> None:
        @fuzzed(short=50)
        @given(
            st.sampled_from(list(command(""))),
            st.none() | st.text(max_size=20) | st.sampled_from(["\x00", "x" * 50_000, "<@U1>"]),
        )
        def typed(name: str, value: str | None) -> None:
            offer = run(fire.offered())
            fields = command(f"retry {offer.ref}")
            if value is None:
                del fields[name]
            else:
                fields[name] = value
            judge("command fields", fire, run(fire.send(urlencode(fields).encode())))
            assert fire.slack.bench.provider.performed == [] or fields.get("user_id") == ANA.user

        typed()

    shot_at(check)
