"""At least so many attempts in 30 days: nothing is counted twice, and nothing that may be older."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Budget, Spent, attempts_by, spent
from bot.domain.invoice import Invoice
from tests.builders import INVOICE, NOW

DAY = timedelta(days=1)
YOUNG = replace(INVOICE, created_at=NOW - 20 * DAY, attempts=3, newest_charge_at=NOW - DAY)
OLD = replace(YOUNG, created_at=NOW - 90 * DAY)


def days_ago(*days: float) -> tuple[datetime, ...]:
    return tuple(NOW - number * DAY for number in sorted(days, reverse=True))


def counted(invoice: Invoice, *ours: float, lists_ours: bool = False) -> int:
    return attempts_by(invoice, days_ago(*ours), NOW, lists_ours=lists_ours)


def test_ours_and_the_provider_s_own_are_added_where_it_counts_only_its_own() -> None:
    assert counted(YOUNG, 1, 5) == 5


def test_a_provider_that_lists_ours_too_is_not_added_to_them() -> None:
    assert counted(YOUNG, 1, 5, lists_ours=True) == 3
    assert counted(YOUNG, 1, 5, 6, 7, lists_ours=True) == 4


def test_of_an_invoice_older_than_the_window_only_what_has_a_date_counts() -> None:
    assert counted(OLD) == 1, "its newest charge"
    assert counted(OLD, 1, 5) == 2, "the newest charge is ours"
    assert counted(OLD, 2, 5) == 3, "the newest charge is another's"
    assert counted(replace(OLD, newest_charge_at=NOW - 31 * DAY)) == 0
    assert counted(replace(OLD, newest_charge_at=None), 4) == 1
    assert counted(replace(OLD, created_at=None)) == 1


@pytest.mark.parametrize("lists_ours", [False, True])
def test_what_cannot_be_read_is_not_made_up(lists_ours: bool) -> None:
    bare = replace(INVOICE, created_at=None, attempts=None, newest_charge_at=None)
    assert counted(bare, lists_ours=lists_ours) == 0


def test_the_window_slides() -> None:
    unread = replace(INVOICE, attempts=None, newest_charge_at=None)
    assert counted(unread, 29.9, 30, 31) == 1


@pytest.mark.parametrize(("seconds", "count"), [(-6, 2), (-5, 1), (0, 1), (120, 1), (121, 2)])
def test_a_charge_that_appears_while_our_request_was_under_way_is_ours(seconds: int, count: int) -> None:
    sent = NOW - 3 * DAY
    assert (
        attempts_by(replace(OLD, newest_charge_at=sent + timedelta(seconds=seconds)), [sent], NOW, lists_ours=False)
        == count
    )


def test_few_attempts_are_not_worth_a_word() -> None:
    assert spent(replace(YOUNG, attempts=7), (), Budget(), NOW, lists_ours=False) is None


def test_many_attempts_are_told_with_the_limit() -> None:
    told = spent(replace(YOUNG, attempts=6), days_ago(1, 2), Budget(), NOW, lists_ours=False)
    assert told == Spent(at_least=8, limit=15)


def test_at_the_limit_the_time_is_told_at_which_the_oldest_falls_out() -> None:
    ours = days_ago(*range(1, 16))
    told = spent(replace(OLD, newest_charge_at=None), ours, Budget(), NOW, lists_ours=False)
    assert told == Spent(at_least=15, limit=15, free_at=NOW + 15 * DAY)


def test_what_the_provider_tried_counts_until_the_whole_invoice_is_too_old_for_it() -> None:
    told = spent(replace(YOUNG, attempts=15), (), Budget(), NOW, lists_ours=False)
    assert told == Spent(at_least=15, limit=15, free_at=NOW + 10 * DAY)


@given(
    st.lists(st.integers(0, 40 * 24), max_size=30),
    st.none() | st.integers(0, 60),
    st.none() | st.integers(0, 30),
    st.none() | st.integers(0, 40),
    st.booleans(),
)
def test_at_the_promised_time_and_not_before_there_is_room_again(
    ours: list[int], created: int | None, attempts: int | None, charged: int | None, lists_ours: bool
) -> None:
    invoice = replace(
        INVOICE,
        created_at=None if created is None else NOW - created * DAY,
        attempts=attempts,
        newest_charge_at=None if charged is None else NOW - charged * DAY,
    )
    retries = sorted(NOW - timedelta(hours=hours) for hours in ours)
    told = spent(invoice, retries, Budget(2, 3), NOW, lists_ours=lists_ours)
    if told is None or told.at_least < 3:
        assert told is None or told.free_at is None
        return
    assert told.free_at is not None
    assert NOW < told.free_at <= NOW + 30 * DAY
    assert attempts_by(invoice, retries, told.free_at, lists_ours=lists_ours) < 3
    assert attempts_by(invoice, retries, told.free_at - timedelta(seconds=1), lists_ours=lists_ours) >= 3
