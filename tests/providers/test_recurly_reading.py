"""What Recurly's invoices are read as: money, states, stored methods, account pages and PDFs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import FailedBecause, Invoice, InvoiceRef, InvoiceStatus, NoMethod, PaymentMethod, PaymentState
from bot.domain.money import Money
from bot.ports import Unreadable, Window
from bot.providers.recurly_facts import FACTS
from tests.providers.benches import read
from tests.providers.bridge import transport_over
from tests.providers.recurly_bench import RecurlyBench
from tests.providers.recurly_samples import (
    ID,
    INVOICE,
    Json,
    a_charge,
    a_method,
    a_page,
    an_error,
    an_invoice,
    answered,
    ours,
    recurly_over,
)
from tests.providers.samples import NOW
from tests.providers.wire import Answer, Wire

REF = InvoiceRef("recurly", ID)
METHODS = "GET /accounts/ac1ccccccccc/billing_infos"
ALL = Window(None, NOW)


async def seen(*charges: Json, **changes: Any) -> Invoice:
    provider, _ = recurly_over({f"GET {INVOICE}": answered(an_invoice(*charges, **changes))})
    return await read(provider, REF)


async def listed(answer: Answer | list[Answer], window: Window = ALL) -> tuple[list[Invoice | Unreadable], Wire]:
    provider, wire = recurly_over({"GET /invoices": answer})
    return [item async for item in provider.failed(window)], wire


# --- money


@pytest.mark.parametrize(
    ("written", "currency", "money"),
    [
        ("119.0", "EUR", Money(11900, "EUR")),
        ("0.07", "USD", Money(7, "USD")),
        ("19.99", "USD", Money(1999, "USD")),
        ("1.10", "USD", Money(110, "USD")),
        ("48000", "JPY", Money(48000, "JPY")),
        ("48000.0", "JPY", Money(48000, "JPY")),
        ("12.345", "KWD", Money(12345, "KWD")),
        ("12.3", "KWD", Money(12300, "KWD")),
        ("9007199254740.93", "USD", Money(900719925474093, "USD")),
        ("1.5e3", "JPY", Money(1500, "JPY")),
        ("84.5", "eur", Money(8450, "EUR")),
    ],
)
async def test_an_amount_is_read_with_exactly_its_digits(written: str, currency: str, money: Money) -> None:
    text = json.dumps(an_invoice(currency=currency)).replace('"balance": 84.5', f'"balance": {written}')
    text = text.replace('"paid": 0.0', f'"paid": {written}')
    provider, _ = recurly_over({f"GET {INVOICE}": answered(text)})
    invoice = await read(provider, REF)
    assert (invoice.owed, invoice.paid) == (money, money)


@pytest.mark.parametrize(
    ("written", "currency"),
    [
        ("84.505", "EUR"),
        ("84.5000000000001", "EUR"),
        ("48000.5", "JPY"),
        ("12.3456", "KWD"),
        ("-1.0", "EUR"),
        ("1e30", "EUR"),
        ("NaN", "EUR"),
        ("Infinity", "EUR"),
        ('"84.50"', "EUR"),
        ("null", "EUR"),
        ("true", "EUR"),
        ("84.5", "XYZ"),
        ("84.5", "EURO"),
        ("84.5", ""),
    ],
)
async def test_an_amount_that_is_none_is_unreadable_and_never_a_guess(written: str, currency: str) -> None:
    text = json.dumps(an_invoice(currency=currency)).replace('"balance": 84.5', f'"balance": {written}')
    provider, _ = recurly_over({f"GET {INVOICE}": answered(text)})
    with pytest.raises(ProviderFailure) as caught:
        await provider.get(REF)
    assert caught.value.reason is FailureReason.UNREADABLE
    if written not in {"NaN", "Infinity"}:  # with those no page is JSON at all
        items, _ = await listed(answered(f'{{"object": "list", "has_more": false, "next": null, "data": [{text}]}}'))
        assert [type(item) for item in items] == [Unreadable]


# --- states


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"state": "pending"}, InvoiceStatus.OPEN, "open"),
        ({"state": "processing"}, InvoiceStatus.OPEN, "open, a payment is processing"),
        ({"state": "past_due"}, InvoiceStatus.OPEN, "past due"),
        ({"state": "paid"}, InvoiceStatus.PAID, "paid"),
        ({"state": "failed", "balance": 0.0}, InvoiceStatus.UNCOLLECTIBLE, "given up and written off"),
        ({"state": "past_due", "type": "legacy"}, InvoiceStatus.OPEN, "past due"),
        ({"state": "open", "type": "legacy"}, InvoiceStatus.OTHER, "open"),
        ({"state": "closed", "type": "legacy"}, InvoiceStatus.OTHER, "closed"),
        ({"state": "open", "type": "credit", "balance": -84.5}, InvoiceStatus.OTHER, "a credit invoice"),
        ({"state": "paid", "type": "credit"}, InvoiceStatus.OTHER, "a credit invoice"),
        ({"state": "past_due", "type": "credit"}, InvoiceStatus.OTHER, "a credit invoice"),
        ({"state": "voided", "type": "credit"}, InvoiceStatus.VOID, "a credit invoice"),
        ({"state": "past_due", "type": None}, InvoiceStatus.OTHER, "of a kind that we do not know"),
        ({"state": None}, InvoiceStatus.OTHER, "without a state"),
        ({"state": "frozen"}, InvoiceStatus.OTHER, "frozen"),
    ],
)
async def test_each_state_is_read_by_the_kind_of_invoice_and_never_more_than_it_says(
    changes: Json, status: InvoiceStatus, said: str
) -> None:
    invoice = await seen(**changes)
    assert (invoice.status, invoice.provider_status) == (status, said)
    if changes.get("type") == "credit":
        assert (invoice.owed.minor, invoice.failed_because, invoice.decline) == (0, None, None)


@pytest.mark.parametrize(
    ("charge", "state"),
    [
        ({"status": "declined"}, PaymentState.FAILED),
        ({"status": "error", "status_code": "gateway_unavailable"}, PaymentState.FAILED),
        ({"status_code": "three_d_secure_action_required"}, PaymentState.NEEDS_AUTHENTICATION),
        ({"status": "pending"}, PaymentState.PROCESSING),
        ({"status": "scheduled"}, PaymentState.PROCESSING),
        ({"status": "success"}, PaymentState.SUCCEEDED),
        ({"status": "void"}, PaymentState.UNREAD),
        ({"status": None}, PaymentState.UNREAD),
    ],
)
async def test_the_newest_attempt_is_the_state_of_the_payment(charge: Json, state: PaymentState) -> None:
    assert (await seen(a_charge(**charge))).payment is state


async def test_attempts_are_purchases_and_captures_and_a_verification_or_refund_is_none() -> None:
    old, new = a_charge(), ours(created=NOW - timedelta(hours=3))
    others = [a_charge(f"tx{kind}aaaaaa", created=NOW, type=kind) for kind in ("verify", "refund", "authorization")]
    captured = a_charge("tx6fffffffff", created=NOW - timedelta(hours=9), type="capture")
    invoice = await seen(new, *others, old, captured)
    assert (invoice.attempts, invoice.newest_charge) == (3, "tx2bbbbbbbbb")
    assert invoice.newest_charge_at == NOW - timedelta(hours=3)


async def test_why_it_counts_as_failed_is_told_apart() -> None:
    assert (await seen()).failed_because is FailedBecause.PAYMENT_FAILED
    manual = await seen(transactions=[], collection_method="manual")
    assert (manual.failed_because, manual.payment) == (FailedBecause.PAST_DUE, PaymentState.NONE)
    for changes in ({"state": "pending"}, {"state": "failed"}, {"balance": 0.0}, {"type": "credit"}):
        assert (await seen(**changes)).failed_because is None


async def test_the_customer_is_read_with_the_operator_s_own_name_for_it_and_kept_out_of_repr() -> None:
    account = {"id": "ac1ccccccccc", "code": "thistle-9", "email": "pay@thistle.example", "company": None}
    invoice = await seen(account={**account, "first_name": "Robin", "last_name": "Thistle"})
    assert (invoice.customer_id, invoice.customer_name) == ("thistle-9", "Robin Thistle")
    assert "thistle" not in repr(invoice).lower()
    assert invoice.dashboard_url == "https://thistle.recurly.com/invoices/2207"


@pytest.mark.parametrize(
    "changes",
    [{"account": None}, {"created_at": None, "due_at": "soon"}, {"number": None}, {"paid": None}, {"billing_info_id": 7}],
)
async def test_what_is_only_shown_may_be_missing(changes: Json) -> None:
    assert (await seen(**changes)).owed == Money(8450, "EUR")


@pytest.mark.parametrize(
    "answer",
    [
        answered("<html>Bad gateway</html>", 502),
        answered("<html>Sign in</html>"),
        answered("<html>Not here</html>", 404),
        answered(""),
        answered('{"id": "tz4h8'),
        answered("[" * 100_000),
        answered(an_invoice(id="zz9zzzzzzzzz")),
        answered(an_error("invalid_api_version"), 406),
        httpx.ReadTimeout("silence"),
        httpx.RemoteProtocolError("half an answer"),
    ],
)
async def test_what_is_no_invoice_is_a_failure_and_never_none(answer: Answer) -> None:
    provider, _ = recurly_over({f"GET {INVOICE}": answer})
    with pytest.raises(ProviderFailure):
        await provider.get(REF)


# --- methods


async def methods_of(answers: Mapping[str, Answer], invoice: Json | None = None) -> tuple[Invoice, list[PaymentMethod]]:
    provider, _ = recurly_over({f"GET {INVOICE}": answered(invoice or an_invoice()), **answers})
    thorough = await read(provider, REF, thorough=True)
    return thorough, await provider.methods(REF)


async def test_the_primary_is_charged_unless_the_invoice_names_another() -> None:
    stored = {METHODS: answered(a_page(a_method("bi1", "1881"), a_method("bi2", "4444", primary=True)))}
    invoice, methods = await methods_of(stored)
    assert invoice.method == PaymentMethod("bi2", "Visa ending 4444")
    assert methods == [PaymentMethod("bi2", "Visa ending 4444, 04/2030"), PaymentMethod("bi1", "Visa ending 1881, 04/2030")]
    assert invoice.decline is not None
    assert (invoice.decline.method, invoice.charge_is_declined_method) == ("bi1", False)
    named, _ = await methods_of(stored, an_invoice(billing_info_id="bi1"))
    assert named.method == PaymentMethod("bi1", "Visa ending 1881")


HARD = a_charge(status_code="fraud_stolen_card")


@pytest.mark.parametrize(
    ("stored", "is_declined"),
    [
        ([a_method("bi1", "1881", primary=True)], True),
        ([a_method("bi1", "4444", primary=True)], False),
        ([a_method("bi1", "1881", primary=True), a_method("bi2", "1881")], None),
        ([], True),
    ],
)
async def test_which_stored_method_was_declined_is_told_by_its_looks_and_not_guessed(
    stored: list[Json], is_declined: bool | None
) -> None:
    invoice, _ = await methods_of({METHODS: answered(a_page(*stored))}, an_invoice(HARD))
    assert invoice.charge_is_declined_method is is_declined


async def test_a_card_without_digits_is_never_told_from_another() -> None:
    charge = a_charge(status_code="fraud_stolen_card", payment_method={"object": "paypal_billing_agreement"})
    invoice, _ = await methods_of({METHODS: answered(a_page(a_method("bi1", primary=True)))}, an_invoice(charge))
    assert invoice.charge_is_declined_method is None
    assert invoice.decline is not None
    assert invoice.decline.method_label == "paypal billing agreement"


@pytest.mark.parametrize("lack", [answered(an_error("missing_feature"), 422), answered(an_error("not_found"), 404)])
async def test_without_a_wallet_there_is_the_one_method_of_the_customer(lack: Answer) -> None:
    one = {"GET /accounts/ac1ccccccccc/billing_info": answered(a_method("bi1"))}
    invoice, methods = await methods_of({METHODS: lack, **one})
    assert invoice.method == PaymentMethod("bi1", "Visa ending 1881")
    assert [method.id for method in methods] == ["bi1"]
    none = {"GET /accounts/ac1ccccccccc/billing_info": answered(an_error("not_found"), 404)}
    invoice, methods = await methods_of({METHODS: lack, **none})
    assert (invoice.method, methods) == (NoMethod(), [])


async def test_methods_that_cannot_be_read_stay_unknown_and_are_never_none() -> None:
    provider, _ = recurly_over({f"GET {INVOICE}": answered(an_invoice()), METHODS: answered("<html>", 500)})
    assert (await read(provider, REF, thorough=True)).method is None
    with pytest.raises(ProviderFailure):
        await provider.methods(REF)


async def test_a_wallet_of_which_the_fake_knows_nothing_leaves_one_method() -> None:
    bench = RecurlyBench()
    bench.fake.wallet = False
    provider, ref = bench.open(), bench.failed_invoice(magic="stolen_card")
    invoice = await read(provider, ref, thorough=True)
    assert invoice.charge_is_declined_method is True
    assert len(await provider.methods(ref)) == 1


# --- pages and files


async def test_the_account_page_logs_in_so_it_is_said_and_stands_in_no_log() -> None:
    token = "VerySecretLogin123"
    account = {"id": "ac1ccccccccc", "code": "thistle-9", "hosted_login_token": token}
    provider, _ = recurly_over({f"GET {INVOICE}": answered(an_invoice()), "GET /accounts/ac1ccccccccc": answered(account)})
    with capture_logs() as events:
        link = await provider.payment_link(REF)
    assert link == f"https://thistle.recurly.com/account/{token}"
    assert provider.facts.link_logs_in
    assert provider.facts.link_hosts == {"thistle.recurly.com"}
    assert events
    assert token not in str(events)
    assert token not in repr(vars(provider))


@pytest.mark.parametrize(
    "account",
    [
        {"hosted_login_token": None},
        {"hosted_login_token": "../../evil"},
        {"hosted_login_token": ""},
        {"hosted_login_token": "a token with spaces"},
        {"id": "ac9zzzzzzzzz", "hosted_login_token": "VerySecretLogin123"},
    ],
)
async def test_a_token_that_makes_no_page_is_said_and_not_shown(account: Json) -> None:
    routes = {"GET /accounts/ac1ccccccccc": answered({"id": "ac1ccccccccc", **account})}
    provider, _ = recurly_over({f"GET {INVOICE}": answered(an_invoice()), **routes})
    with pytest.raises(ProviderFailure, match="no account page") as caught:
        await provider.payment_link(REF)
    assert "Secret" not in caught.value.detail


@pytest.mark.parametrize("changes", [{"state": "paid"}, {"state": "failed", "balance": 0.0}, {"type": "credit"}])
async def test_there_is_no_page_to_pay_at_for_what_is_not_owed(changes: Json) -> None:
    provider, wire = recurly_over({f"GET {INVOICE}": answered(an_invoice(**changes))})
    assert await provider.payment_link(REF) is None
    assert wire.asked == ["GET /sites", f"GET {INVOICE}"]


@pytest.mark.parametrize("content", [b"<html>Sign in</html>", b"", b"%PD", b'{"pdf": 1}'])
async def test_a_pdf_that_is_none_is_a_failure(content: bytes) -> None:
    provider, _ = recurly_over({f"GET {INVOICE}": answered(an_invoice()), f"GET {INVOICE}.pdf": answered(content)})
    with pytest.raises(ProviderFailure, match="not a PDF"):
        await provider.pdf(REF)


async def test_an_invoice_without_a_pdf_has_none_and_a_page_of_a_proxy_is_no_such_word() -> None:
    missing, proxy = answered(an_error("not_found"), 404), answered("<html>", 404)
    provider, _ = recurly_over({f"GET {INVOICE}": answered(an_invoice()), f"GET {INVOICE}.pdf": [missing, proxy]})
    assert await provider.pdf(REF) is None
    with pytest.raises(ProviderFailure):
        await provider.pdf(REF)


# --- finding


async def test_a_number_with_a_prefix_is_found_whatever_the_capitals() -> None:
    bench = RecurlyBench()
    ref = bench.invoice(number="FR1001")
    for text in ("FR1001", "fr1001", " Fr1001 "):
        assert [invoice.ref for invoice in await bench.open().numbered(text)] == [ref]


@pytest.mark.parametrize("text", ["", "no digits", "1/../2", "a" * 41 + "1", "number-1?x=1"])
async def test_what_is_no_number_is_not_asked_for(text: str) -> None:
    provider, wire = recurly_over({})
    assert await provider.numbered(text) == []
    assert wire.requests == []


async def test_another_number_in_the_answer_is_not_what_was_asked_for() -> None:
    provider, _ = recurly_over({"GET /invoices/number-2208": answered(an_invoice())})
    assert await provider.numbered("2208") == []


async def test_what_looks_like_an_id_and_is_none_is_looked_for_as_a_name() -> None:
    bench = RecurlyBench()
    theirs = bench.named("route66diners", "a@b.example")
    assert re.fullmatch(FACTS.id_pattern, "route66diners")
    assert [invoice.ref for invoice in await bench.open().find("route66diners")] == theirs


@pytest.mark.parametrize("word", ["2207", "insufficient", "ACME-0007", "in_1Stripe", "FR1001", "12345678901"])
def test_a_number_or_a_word_is_no_id_by_its_shape(word: str) -> None:
    assert re.fullmatch(FACTS.id_pattern, word) is None


async def test_at_this_machine_the_account_page_is_where_the_api_is_and_there_is_no_dashboard() -> None:
    bench = RecurlyBench()
    ref = bench.failed_invoice()
    routes = transport_over(bench.fake.respond)
    provider = bench.open(base_url="http://127.0.0.1:8123", transport=routes)
    assert (await read(provider, ref)).dashboard_url is None
    assert (await provider.payment_link(ref) or "").startswith("http://127.0.0.1:8123/account/")
