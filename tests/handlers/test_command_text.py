"""What people type after the command, tired, on phones, by copy and paste."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import UnusableValue
from handlers.command_text import NEEDS_REFERENCE, SUBCOMMANDS, CommandText, parse_command

LINK = "https://dashboard.stripe.com/test/invoices/in_1"


def read(text: str) -> CommandText:
    return parse_command(text, "/invoice")


def refusal(text: str) -> str:
    with pytest.raises(UnusableValue) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", CommandText("help")),
        ("   ", CommandText("help")),
        ("?", CommandText("help")),
        ("Help", CommandText("help")),
        ("STATUS", CommandText("status")),
        ("failed", CommandText("failed")),
        ("list hard", CommandText("failed", "hard")),
        ("failed &gt;500eur", CommandText("failed", ">500eur")),
        ("failed customer:AT&amp;T", CommandText("failed", "customer:AT&T")),
        ("digest  now", CommandText("digest", "now")),
        ("show in_1", CommandText("show", "in_1")),
        ("  Show   in_1  ", CommandText("show", "in_1")),
        ("show\u00a0in_1", CommandText("show", "in_1")),
        ("show\u202fin_1\u00a0", CommandText("show", "in_1")),
        ("show\tin_1\n", CommandText("show", "in_1")),
        ("show\u200b in_1\u200b", CommandText("show", "in_1")),
        ("\u202eshow in_1", CommandText("show", "in_1")),
        ("“show” in_1", CommandText("show", "in_1")),
        ("show: in_1", CommandText("show", "in_1")),
        ("show “in_1”", CommandText("show", "“in_1”")),
        ("retry stripe:in_1AbC", CommandText("retry", "stripe:in_1AbC")),
        ("retry in_1 with pm_2", CommandText("retry", "in_1", "pm_2")),
        ("Retry in_1 WITH “pm_2”.", CommandText("retry", "in_1", "pm_2")),
        ("cancel in_1", CommandText("void", "in_1")),
        ("write-off in_1", CommandText("uncollectible", "in_1")),
        ("Writeoff in_1", CommandText("uncollectible", "in_1")),
        (f"show <{LINK}>", CommandText("show", f"<{LINK}>")),
        (f"show <{LINK}|a label of four words>", CommandText("show", f"<{LINK}|a label of four words>")),
        (f"show &lt;{LINK}&gt;", CommandText("show", f"<{LINK}>")),
        (f"retry <{LINK}|the invoice> with pm_2", CommandText("retry", f"<{LINK}|the invoice>", "pm_2")),
    ],
)
def test_this_is_understood(text: str, meant: CommandText) -> None:
    assert read(text) == meant


@pytest.mark.parametrize("name", sorted(NEEDS_REFERENCE))
def test_a_command_without_its_invoice_is_told_what_to_add(name: str) -> None:
    assert f"`/invoice {name} stripe:in_1AbC`" in refusal(name)


@pytest.mark.parametrize(
    "text",
    [
        "in_1 in_2",
        "in_1, in_2",
        f"<{LINK}> <https://dashboard.stripe.com/invoices/in_2>",
        f"<{LINK}|one> and <https://dashboard.stripe.com/invoices/in_2|two>",
        f"<{LINK}> in_2",
        f"in_2 <{LINK}>",
    ],
)
def test_two_invoices_are_one_too_many(text: str) -> None:
    assert refusal(f"retry {text}").startswith("One invoice at a time")


@pytest.mark.parametrize(
    "text", ["in_1 with", "with pm_2", "in_1 with pm_2 pm_3", "in_1 with pm_2 with pm_3", "in_1 with in_2 x"]
)
def test_after_with_comes_one_method(text: str) -> None:
    assert "stored payment method" in refusal(f"retry {text}")


def test_a_method_is_for_retries_only() -> None:
    assert "`/invoice void in_1`" in refusal("void in_1 with pm_2")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("retri", "retry"), ("Rety", "retry"), ("shwo", "show"), ("uncolectible", "uncollectible"), ("digets", "digest")],
)
def test_a_misspelt_word_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    assert f"Did you mean `/invoice {meant} in_1`?" in refusal(f"{typed} in_1")


def test_an_unknown_word_is_answered_with_the_way_to_the_list() -> None:
    assert refusal("bogus in_1").endswith("`/invoice help` lists what I can do.")


def test_the_configured_command_is_the_one_that_is_named() -> None:
    with pytest.raises(UnusableValue, match="/invoice-dev help"):
        parse_command("zzz", "/invoice-dev")


@pytest.mark.parametrize("text", ["x" * 10_000, "show " + "in_1 " * 5_000, "🙂" * 600, "&amp;" * 2_000])
def test_an_endless_command_is_refused_in_a_short_sentence(text: str) -> None:
    assert len(refusal(text)) < 100


@pytest.mark.parametrize(
    "text",
    ["`retri` `in_1`", "retri `in_1`", "retri in_1` *bold*", "retry `a` `b`", "void `x` with `y`", "🙂 `"],
)
def test_quoted_words_do_not_break_the_code_in_an_answer(text: str) -> None:
    assert refusal(text).count("`") % 2 == 0


@given(st.text(max_size=80))
def test_whatever_is_typed_it_is_read_or_refused(text: str) -> None:
    try:
        said = read(text)
    except UnusableValue:
        return
    assert said.name in SUBCOMMANDS
    assert not (said.name in NEEDS_REFERENCE and not said.argument)


@given(st.sampled_from(SUBCOMMANDS), st.sampled_from(["", "  ", "\u00a0", "\u200b"]), st.booleans())
def test_every_command_is_found_however_it_is_written(name: str, space: str, capital: bool) -> None:
    typed = name.upper() if capital else name.capitalize()
    assert read(f"{space}{typed}{space or ' '} in_1").name == name
