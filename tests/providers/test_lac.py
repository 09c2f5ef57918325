from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import CollectionMethod, InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Outcome, Rejected, RejectedReason, Succeeded, Unknown
from bot.ports import Window
from bot.providers.lac import FACTS, PORTAL
from bot.providers.wording import scrubbed
from bot.sandbox.providers.lac import READ_KEY as FAKE_READ_KEY
from bot.sandbox.providers.lac import FakeLac
from bot.sandbox.wire import serve
from tests.providers.bridge import transport_over
from tests.providers.lac_samples import (
    API_KEY,
    READ_KEY,
    REF,
    a_line,
    an_invoice,
    answer,
    lac_over,
    refused,
    resent,
    unseen,
)
from tests.providers.samples import NOW
from tests.providers.wire import Answer, Wire, an_attempt, an_order

KEY_SETTING = "RECOUP_ACCOUNTS__LAC__API_KEY"
EURO = Money(31375, "EUR")


async def succeeded(what: httpx.Response, **settings: object) -> Succeeded:
    outcome, _ = await resent(what, **settings)
    assert isinstance(outcome, Succeeded), outcome
    return outcome


# --- sending


async def test_a_resend_asks_for_delivery_and_never_says_that_it_arrived() -> None:
    outcome, wire = await resent(answer(an_invoice(status="delivered")))
    assert isinstance(outcome, Succeeded)
    assert outcome.detail == "Delivery requested; its status is now “delivered”"
    assert (outcome.charged, outcome.ours) == (None, True)
    (request,) = wire.requests
    assert (request.method, str(request.url)) == (
        "POST",
        "https://api.app.lastaccountingcompany.com/portal/invoices/inv_7/retry-send",
    )
    assert (request.content, request.headers["content-type"]) == (b"{}", "application/json")
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert "idempotency-key" not in request.headers


async def test_the_answer_is_how_the_invoice_becomes_known() -> None:
    invoice = (await succeeded(answer(an_invoice()))).invoice
    assert invoice is not None
    assert (invoice.ref, invoice.label, invoice.is_unseen, invoice.seen_at) == (REF, "inv_7", False, None)
    assert (invoice.status, invoice.provider_status, invoice.live) == (InvoiceStatus.OTHER, "on its way", True)
    assert (invoice.customer_id, invoice.customer_name, invoice.customer_email) == (
        "party_3",
        "Havu Oy",
        "laskut@havu.example",
    )
    assert (invoice.owed, invoice.collection) == (EURO, CollectionMethod.MANUAL)
    assert invoice.dashboard_url == PORTAL


async def test_a_portal_that_is_not_the_vendors_own_is_not_linked() -> None:
    assert (await unseen(lac_over(Wire(), base_url="https://lac.example/portal"))).dashboard_url is None


@pytest.mark.parametrize(
    ("changes", "cents"),
    [
        ({"gross_cents": 12000}, 12000),
        ({"gross_cents": 0}, 0),
        ({"gross_cents": 120.0}, 31375),
        ({"gross_cents": "12000"}, 31375),
        ({"gross_cents": True}, 31375),
        ({"lines": [a_line(100), a_line(250), a_line(-50)]}, 300),
        ({"lines": [a_line()], "payment": {"x": [1]}, "paid_cents": 5}, 31375),
    ],
)
async def test_the_amount_is_the_invoices_own_word_or_the_sum_of_its_lines(changes: dict[str, object], cents: int) -> None:
    invoice = (await succeeded(answer(an_invoice(**changes)))).invoice
    assert invoice is not None
    assert (invoice.owed, invoice.is_unseen) == (Money(cents, "EUR"), False)


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": []},
        {"lines": [{}]},
        {"lines": [a_line(), a_line("7")]},
        {"lines": [a_line(1.5)]},
        {"lines": [a_line(), 7]},
        {"lines": "none"},
        {"lines": None},
        {"lines": [a_line(-5)]},
        {"gross_cents": -1},
        {"gross_cents": 10**30},
    ],
)
async def test_an_amount_that_makes_no_sense_is_not_made_up(changes: dict[str, object]) -> None:
    outcome = await succeeded(answer(an_invoice(**changes)))
    assert outcome.invoice is not None
    assert (outcome.invoice.owed, outcome.invoice.is_unseen) == (Money(0, "EUR"), True)
    assert outcome.detail == "Delivery requested; its status is now “on its way”"


async def test_what_the_answer_leaves_out_stays_as_it_was_last_seen() -> None:
    first = (await succeeded(answer(an_invoice()))).invoice
    assert first is not None
    wire = Wire({"POST /portal/invoices/inv_7/retry-send": answer({"id": "inv_7", "status": "queued"})})
    outcome = await lac_over(wire).perform(an_order(replace(first, seen_at=NOW), Action.RESEND))
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice == replace(first, provider_status="queued")


@pytest.mark.parametrize(("currency", "money"), [("sek", Money(31300, "SEK")), ("JPY", Money(313, "JPY"))])
async def test_cents_are_hundredths_of_the_currency_that_was_set(currency: str, money: Money) -> None:
    invoice = (await succeeded(answer(an_invoice(gross_cents=31300)), currency=currency)).invoice
    assert invoice is not None
    assert invoice.owed == money


@pytest.mark.parametrize("customer", [None, "Havu", {}, {"name": 7}, []])
async def test_a_customer_of_any_shape_loses_nothing_but_the_name(customer: object) -> None:
    invoice = (await succeeded(answer(an_invoice(customer=customer)))).invoice
    assert invoice is not None
    assert (invoice.customer_name, invoice.owed) == (None, EURO)


@pytest.mark.parametrize("name", ["<!channel> & Sons", "\u202eyO uvaH", "*bold* `x`", "株式会社", "N" * 5000])
async def test_a_name_that_bites_comes_through_as_it_is(name: str) -> None:
    invoice = (await succeeded(answer(an_invoice(customer={"name": name})))).invoice
    assert invoice is not None
    assert invoice.customer_name == name
    assert name not in repr(invoice)


@pytest.mark.parametrize(
    ("status", "shown"),
    [("send_failed", "send_failed"), ("lähetetty", "lähetetty"), ("a\n\tb", "a b"), (" ", "without a status")],
)
async def test_the_status_is_shown_in_lacs_own_word(status: str, shown: str) -> None:
    invoice = (await succeeded(answer(an_invoice(status=status)))).invoice
    assert invoice is not None
    assert invoice.provider_status == shown


@pytest.mark.parametrize(
    "identifier", ["..", ".", "a/b", "a?b=c", "a#b", "%2e%2e", "a:b", "../../keys", "é".encode().hex()]
)
async def test_an_id_that_bites_stays_inside_its_own_path(identifier: str) -> None:
    wire = Wire()
    lac = lac_over(wire)
    ref = InvoiceRef("lac", identifier)
    await lac.perform(an_order(await unseen(lac, ref), Action.RESEND))
    await lac.pdf(ref)
    for request, end in zip(wire.requests, ("retry-send", "pdf"), strict=True):
        raw = request.url.raw_path.decode()
        assert raw.startswith("/portal/invoices/")
        assert (raw.count("/"), raw.rsplit("/", 1)[1]) == (4, end)
        assert "/../" not in raw


async def test_an_id_that_bites_reaches_its_own_invoice() -> None:
    fake = FakeLac()
    for identifier in ("a/b", "2026#7?x=1", "%41"):
        fake.books.add_invoice(invoice=identifier)
        lac = lac_over(transport_over(fake.respond), api_key=fake.credentials()["api_key"])
        ref = InvoiceRef("lac", identifier)
        assert isinstance(await lac.perform(an_order(await unseen(lac, ref), Action.RESEND)), Succeeded)
        assert fake.books.deliveries[-1].invoice == identifier


# --- refusals

REFUSALS = [
    (400, RejectedReason.INVALID_REQUEST, "LAC refused the request"),
    (401, RejectedReason.UNAUTHORIZED, f"check {KEY_SETTING}"),
    (403, RejectedReason.FORBIDDEN, f"needs a write-scoped key to send an invoice; set {KEY_SETTING}"),
    (404, RejectedReason.NOT_FOUND, "no such invoice in the company of account lac; check the id"),
    (405, RejectedReason.INVALID_REQUEST, "LAC refused the request"),
    (409, RejectedReason.NOT_ACTIONABLE, "LAC does not send this invoice now"),
    (422, RejectedReason.NOT_ACTIONABLE, "LAC does not send this invoice again"),
    (429, RejectedReason.RATE_LIMITED, "asked us to slow down"),
]


@pytest.mark.parametrize(("status", "reason", "words"), REFUSALS)
async def test_a_refusal_surely_sent_nothing_and_says_what_to_do(status: int, reason: RejectedReason, words: str) -> None:
    outcome, wire = await resent(refused(status, "whatever", "Not in a state to be sent."))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert words in outcome.detail
    assert outcome.detail.endswith("LAC says: Not in a state to be sent.")
    assert len(wire.requests) == 1


@pytest.mark.parametrize(("status", "reason", "words"), REFUSALS)
@pytest.mark.parametrize("body", [b"<html>Denied by the gateway</html>", b"", b"[]", b'{"detail": 7}', b"{"])
async def test_a_refusal_without_lacs_envelope_is_known_by_its_status(
    status: int, reason: RejectedReason, words: str, body: bytes
) -> None:
    outcome, _ = await resent(httpx.Response(status, content=body))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert words in outcome.detail
    assert "gateway" not in outcome.detail


async def test_how_long_to_wait_is_told_where_lac_says_it() -> None:
    outcome, _ = await resent(refused(429, "slow", "Too fast.", **{"Retry-After": "7"}))
    assert isinstance(outcome, Rejected)
    assert outcome.retry_after == 7


async def test_neither_keys_nor_addresses_are_repeated_from_a_refusal() -> None:
    outcome, _ = await resent(refused(422, "no", f"Bearer {API_KEY} of {READ_KEY} cannot reach a@b.example"))
    assert isinstance(outcome, Rejected)
    assert not any(secret in outcome.detail for secret in ("Secret", "a@b"))
    assert scrubbed(f"key {API_KEY}.") == "key [key]."


async def test_a_read_scoped_key_cannot_send_and_is_told_which_setting_to_change() -> None:
    fake = FakeLac()
    identifier = fake.books.add_invoice()
    lac = lac_over(transport_over(fake.respond), api_key=FAKE_READ_KEY)
    ref = InvoiceRef("lac", identifier)
    outcome = await lac.perform(an_order(await unseen(lac, ref), Action.RESEND))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.FORBIDDEN
    assert KEY_SETTING in outcome.detail
    assert fake.books.deliveries == []
    assert await lac.pdf(ref)


# --- no answer


@pytest.mark.parametrize(
    "what",
    [
        httpx.Response(500, json={"error": "internal", "detail": "oops"}),
        httpx.Response(502, content=b"<html>Bad gateway</html>"),
        httpx.Response(503),
        httpx.Response(504),
        httpx.Response(408),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
        httpx.Response(307, headers={"Location": "https://elsewhere.example/"}),
        httpx.Response(200, content=b"<!doctype html>"),
        httpx.Response(200),
        httpx.Response(204),
        httpx.Response(200, content=b'{"id": "inv_7", "sta'),
        httpx.Response(200, json={"event_id": "ev_1"}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json=an_invoice(status=None)),
        httpx.Response(200, json=an_invoice(status=7)),
        httpx.Response(200, json=an_invoice(id="inv_8")),
        httpx.ReadTimeout("slow"),
        httpx.WriteError("cut"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("half"),
    ],
)
async def test_a_send_without_a_clear_answer_is_unknown_and_goes_out_once(what: Answer) -> None:
    outcome, wire = await resent(what)
    assert isinstance(outcome, Unknown)
    assert not outcome.cause.endswith(".")
    assert len(wire.requests) == 1


async def test_a_send_that_never_left_is_surely_not_sent() -> None:
    outcome, _ = await resent(httpx.ConnectError("refused"))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.UNREACHABLE


async def test_nothing_can_settle_a_doubt_and_no_request_tries_to() -> None:
    wire = Wire()
    lac = lac_over(wire)
    outcome = await lac.settle(an_attempt(await unseen(lac), Action.RESEND))
    assert outcome == Unknown(cause="LAC cannot be asked what came of it")
    assert wire.requests == []


# --- one at a time


class Slow(httpx.AsyncBaseTransport):
    """Answers when it is let go; counts the requests that are on their way at the same time."""

    def __init__(self) -> None:
        self.go, self.begun = asyncio.Event(), asyncio.Event()
        self.running = self.most = self.seen = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen += 1
        self.running += 1
        self.begun.set()
        self.most = max(self.most, self.running)
        await self.go.wait()
        self.running -= 1
        return answer(an_invoice(id=request.url.path.split("/")[3]))


async def test_sends_go_out_one_after_the_other() -> None:
    slow = Slow()
    slow.go.set()
    lac = lac_over(slow)
    orders = [an_order(await unseen(lac, InvoiceRef("lac", f"inv_{n}")), Action.RESEND) for n in range(5)]
    outcomes = await asyncio.gather(*map(lac.perform, orders))
    assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
    assert (slow.seen, slow.most) == (5, 1)


async def test_a_send_that_waits_too_long_for_another_is_put_off_and_surely_not_sent() -> None:
    slow = Slow()
    lac = lac_over(slow, 0.05)
    order = an_order(await unseen(lac), Action.RESEND)
    first = asyncio.create_task(lac.perform(order))
    await slow.begun.wait()
    second = await lac.perform(order)
    assert isinstance(second, Rejected)
    assert (second.reason, second.retry_after) == (RejectedReason.RATE_LIMITED, 0.05)
    slow.go.set()
    assert isinstance(await first, Succeeded)
    assert slow.seen == 1


async def test_a_send_that_was_called_off_lets_the_next_one_go() -> None:
    slow = Slow()
    lac = lac_over(slow)
    order = an_order(await unseen(lac), Action.RESEND)
    first = asyncio.create_task(lac.perform(order))
    await slow.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    slow.go.set()
    assert isinstance(await lac.perform(order), Succeeded)


# --- what LAC has not


async def refusal_of(action: Action, **changes: object) -> tuple[Outcome, Wire]:
    wire = Wire()
    lac = lac_over(wire)
    invoice = replace(await unseen(lac), **changes)  # type: ignore[arg-type]  # fields of an invoice, by name
    return await lac.perform(an_order(invoice, action)), wire


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.RESEND])
async def test_what_lac_cannot_do_is_told_with_the_way_round_and_never_asked_for(action: Action) -> None:
    outcome, wire = await refusal_of(action)
    assert outcome == Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=FACTS.instead[action])
    assert wire.requests == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"live": False}, RejectedReason.WRONG_MODE),
        ({"ref": InvoiceRef("lac-2", "inv_7")}, RejectedReason.INVALID_REQUEST),
        ({"status": InvoiceStatus.PAID}, RejectedReason.NOT_ACTIONABLE),
    ],
)
async def test_an_invoice_of_another_kind_is_refused_before_any_request(
    changes: dict[str, object], reason: RejectedReason
) -> None:
    outcome, wire = await refusal_of(Action.RESEND, **changes)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert wire.requests == []


@pytest.mark.parametrize("extra", [{"method": "card_1"}, {"details": Issue(collect=True)}])
async def test_an_order_with_more_than_lac_takes_is_refused_before_any_request(extra: dict[str, object]) -> None:
    wire = Wire()
    lac = lac_over(wire)
    order = replace(an_order(await unseen(lac), Action.RESEND), **extra)  # type: ignore[arg-type]  # fields, by name
    outcome = await lac.perform(order)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert wire.requests == []


async def test_nothing_is_asked_of_calls_that_lac_does_not_document() -> None:
    wire = Wire()
    lac = lac_over(wire)
    assert [item async for item in lac.failed(Window(None, NOW))] == []
    assert (await lac.numbered("7"), await lac.find("Havu"), await lac.methods(REF)) == ([], [], [])
    assert await lac.payment_link(REF) is None
    invoice = await unseen(lac)
    assert (invoice.is_unseen, invoice.provider_status, invoice.customer_name) == (True, "not known", None)
    assert wire.requests == []


def test_the_dialog_says_whom_it_reaches_and_what_nobody_will_know() -> None:
    capability = FACTS.capabilities[Action.RESEND]
    assert capability.asks_back
    assert "real customer" in capability.consequence
    assert "does not tell afterwards" in capability.consequence
    assert all(sentence.endswith(".") for sentence in FACTS.instead.values())
    assert set(FACTS.instead) | set(FACTS.capabilities) == set(Action)


# --- over real sockets


@pytest.mark.parametrize(
    ("magic", "ending", "deliveries"),
    [
        ("delivered", Succeeded, 1),
        ("refused", Rejected, 0),
        ("send_then_reset", Unknown, 1),
        ("send_then_cut", Unknown, 1),
        ("send_then_html", Unknown, 1),
        ("send_then_500", Unknown, 1),
    ],
)
async def test_the_endings_are_the_same_over_real_sockets(magic: str, ending: type, deliveries: int) -> None:
    fake = FakeLac()
    ref = InvoiceRef("lac", fake.books.add_invoice(magic=magic))
    server = await serve(fake.respond)
    lac = lac_over(httpx.AsyncHTTPTransport(), base_url=f"{server.url}{fake.base_path}", **fake.credentials())
    outcome = await lac.perform(an_order(await unseen(lac, ref), Action.RESEND))
    pdf = await lac.pdf(ref)
    await lac.close()
    await server.close()
    assert isinstance(outcome, ending)
    assert len(fake.books.deliveries) == deliveries
    assert pdf is not None
    assert [request.method for request in fake.requests] == ["POST", "GET"]
