"""What is written is read back the same, and what another version wrote is read with care."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.decline import Decline, DeclineClass
from bot.domain.digest import CurrencyTotal, Digest, Gap
from bot.domain.errors import JournalUnavailable
from bot.domain.invoice import (
    CollectionMethod,
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    NoMethod,
    PaymentMethod,
    PaymentState,
)
from bot.domain.money import Money
from bot.domain.outcome import RejectedReason
from bot.domain.records import Before, Ending, ReplyTo
from bot.domain.refusal import Refusal, RefusalKind
from bot.storage import codec
from tests.storage.builders import FUNDS, INVOICE, NOW, OWED, ROW

words = st.text(min_size=1, max_size=12)
maybe_words = st.none() | words
moments = st.builds(
    lambda seconds, zone: (NOW + timedelta(seconds=seconds)).astimezone(zone),
    st.floats(-1e9, 1e9),
    st.sampled_from([UTC, timezone(timedelta(hours=5.5))]),
)
maybe_moments = st.none() | moments
amounts = st.builds(Money, st.integers(0, 10**15), st.sampled_from(["EUR", "JPY", "KWD"]))
declines = st.builds(
    Decline,
    kind=st.sampled_from(DeclineClass),
    code=words,
    reason=words,
    confidential=st.booleans(),
    method=maybe_words,
    method_label=maybe_words,
    own_advice=maybe_words,
    wait=st.none() | st.integers(1, 240).map(lambda hours: timedelta(hours=hours)),
)
refusals = st.builds(Refusal, st.sampled_from(RefusalKind), st.dictionaries(words, words, max_size=3))
invoices = st.builds(
    Invoice,
    ref=st.builds(InvoiceRef, st.just("stripe"), st.sampled_from(["in_1", "in_2"])),
    status=st.sampled_from(InvoiceStatus),
    provider_status=words,
    owed=amounts,
    live=st.booleans(),
    number=maybe_words,
    customer_id=maybe_words,
    customer_name=maybe_words,
    customer_email=maybe_words,
    collection=st.sampled_from(CollectionMethod),
    created_at=maybe_moments,
    due_at=maybe_moments,
    failed_because=st.none() | st.sampled_from(FailedBecause),
    attempts=st.none() | st.integers(0, 9),
    next_attempt_at=maybe_moments,
    payment=st.sampled_from(PaymentState),
    newest_charge=maybe_words,
    newest_charge_at=maybe_moments,
    decline=st.none() | declines,
    method=st.none() | st.just(NoMethod()) | st.builds(PaymentMethod, words, words),
    dashboard_url=maybe_words,
)
endings = st.builds(
    Ending,
    at=moments,
    decline=st.none() | declines,
    charged=st.none() | amounts,
    paid_in_full=st.booleans(),
    ours=st.booleans(),
    reason=st.none() | st.sampled_from(RejectedReason),
    detail=maybe_words,
    refusal=st.none() | refusals,
    request_id=maybe_words,
)
addresses = st.builds(
    ReplyTo,
    user=words,
    channel=words,
    ts=maybe_words,
    thread=maybe_words,
    is_ephemeral=st.booleans(),
    response_url=maybe_words,
    response_url_until=maybe_moments,
)
baselines = st.builds(Before, newest_charge=maybe_words, payment=st.sampled_from(PaymentState), owed=amounts, status=words)
digests = st.builds(
    Digest,
    plan_name=words,
    as_of=moments,
    timezone=words,
    totals=st.lists(
        st.builds(CurrencyTotal, total=amounts, count=st.integers(0, 99), below_minimum=st.integers(0, 9)), max_size=3
    ).map(tuple),
    shown=st.integers(0, 10),
    new=st.none() | st.integers(0, 9),
    recovered=st.none() | st.integers(0, 9),
    gaps=st.lists(st.builds(Gap, words, words), max_size=2).map(tuple),
    accounts=st.lists(words, max_size=3).map(tuple),
    test_accounts=st.lists(words, max_size=3).map(tuple),
    late_since=maybe_moments,
    quiet_line=st.booleans(),
)
CODECS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "money": (amounts, codec.write_money, codec.read_money),
    "decline": (declines, codec.write_decline, codec.read_decline),
    "refusal": (refusals, codec.write_refusal, codec.read_refusal),
    "invoice": (invoices, codec.write_invoice, codec.read_invoice),
    "before": (baselines, codec.write_before, codec.read_before),
    "ending": (endings, codec.write_ending, codec.read_ending),
    "reply_to": (addresses, codec.write_reply_to, codec.read_reply_to),
    "digest": (digests, codec.write_digest, codec.read_digest),
}


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back_the_same(name: str, data: st.DataObject) -> None:
    values, write, read = CODECS[name]
    value = data.draw(values)
    assert read(json.loads(json.dumps(write(value)))) == value


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_keys_of_a_newer_version_are_ignored(name: str, data: st.DataObject) -> None:
    values, write, read = CODECS[name]
    value = data.draw(values)
    assert read({**write(value), "invented_later": {"deep": [1]}}) == value


def test_an_invoice_of_an_older_version_gets_the_defaults() -> None:
    stored = codec.write_invoice(INVOICE)
    needed = {key: stored[key] for key in ("account", "id", "status", "provider_status", "owed", "live")}
    read = codec.read_invoice(needed)
    assert read == Invoice(
        ref=INVOICE.ref, status=InvoiceStatus.OPEN, provider_status="open", owed=INVOICE.owed, live=False
    )


def test_words_of_a_newer_version_become_the_cautious_ones() -> None:
    stored = codec.write_invoice(replace(INVOICE, decline=FUNDS))
    stored |= {"status": "disputed", "collection": "by_pigeon", "payment": "escrowed", "failed_because": "weather"}
    stored["decline"] = {"kind": "lukewarm", "code": "x", "reason": "y"}
    read = codec.read_invoice(stored)
    assert read.status is InvoiceStatus.OTHER
    assert read.collection is CollectionMethod.MANUAL
    assert read.payment is PaymentState.UNREAD
    assert read.failed_because is None
    assert read.decline is not None
    assert (read.decline.kind, read.decline.confidential) == (DeclineClass.UNCLEAR, True)


@pytest.mark.parametrize(
    ("read", "stored"),
    [
        (codec.read_invoice, {"account": "stripe", "id": "in_1"}),
        (codec.read_ending, {"detail": "no moment"}),
        (codec.read_reply_to, {"user": "U0ANA"}),
        (codec.read_money, {"minor": 1}),
    ],
)
def test_a_record_without_what_matters_is_not_guessed(read: Callable[[Any], object], stored: dict[str, object]) -> None:
    with pytest.raises(JournalUnavailable, match="lacks"):
        read(stored)


def test_an_unknown_reason_is_left_out_and_the_rest_kept() -> None:
    stored = codec.write_ending(Ending(at=NOW, reason=RejectedReason.FORBIDDEN, detail="not allowed", charged=OWED))
    read = codec.read_ending({**stored, "reason": "tired"})
    assert read == Ending(at=NOW, detail="not allowed", charged=OWED)


def test_an_address_without_a_response_url_stays_one() -> None:
    assert codec.read_reply_to({"user": ROW.user, "channel": ROW.channel, "ts": ROW.ts}) == ROW
