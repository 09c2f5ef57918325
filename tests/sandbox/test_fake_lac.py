from __future__ import annotations

import json
import re
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot.sandbox.providers.lac import READ_KEY, WRITE_KEY, FakeLac
from bot.sandbox.providers.lac_books import STATUSES
from bot.sandbox.providers.lac_magic import BEHAVIOURS
from bot.sandbox.providers.magic import Disturbance
from bot.sandbox.wire import Fault, WireReply, WireRequest, serve
from bot.sandbox.world import World
from tests.sandbox.stripe_client import NOON, Clock


@pytest.fixture
def lac(clock: Clock) -> FakeLac:
    return FakeLac(clock)


def ask(lac: FakeLac, method: str, path: str, *, key: str = WRITE_KEY, body: bytes = b"{}") -> WireReply:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return lac.respond(WireRequest(method, f"/portal{path}", "", headers, body if method == "POST" else b""))


def send(lac: FakeLac, invoice: str, **how: Any) -> tuple[int, Any]:
    reply = ask(lac, "POST", f"/invoices/{invoice}/retry-send", **how)
    return reply.status, json.loads(reply.body)


# --- sending


@pytest.mark.parametrize(("magic", "status"), [("delivered", "sent"), ("queued", "queued"), ("fails_again", "send_failed")])
def test_a_failed_send_is_sent_again_and_the_answer_is_the_invoice(lac: FakeLac, magic: str, status: str) -> None:
    invoice = lac.books.add_invoice("Kivikko Oy", magic=magic, amount=12_550)
    code, body = send(lac, invoice)
    assert (code, body["id"], body["status"], body["customer"]["name"]) == (200, invoice, status, "Kivikko Oy")
    assert [line["gross_cents"] for line in body["lines"]] == [12_550]
    assert all(line["net_cents"] + line["vat_cents"] == line["gross_cents"] for line in body["lines"])
    assert "currency" not in body
    (line,) = lac.ledger()
    assert line | {"invoice": invoice, "amount": 12_550, "currency": "EUR", "result": status, "at": NOON} == line


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "send_failed"])
def test_only_a_failed_send_can_be_sent_again(lac: FakeLac, status: str) -> None:
    invoice = lac.books.add_invoice(status=status)
    code, body = send(lac, invoice)
    assert (code, set(body)) == (422, {"error", "detail"})
    assert status in body["detail"]
    assert lac.books.deliveries == []


def test_sending_twice_delivers_once(lac: FakeLac) -> None:
    invoice = lac.books.add_invoice()
    assert [send(lac, invoice)[0] for _ in range(2)] == [200, 422]
    assert len(lac.books.deliveries) == 1


@pytest.mark.parametrize("body", [b"", b"{}", b'{"customer_id": "c_1"}'])
def test_the_body_may_be_empty_or_an_object(lac: FakeLac, body: bytes) -> None:
    assert send(lac, lac.books.add_invoice(), body=body)[0] == 200


@pytest.mark.parametrize("body", [b"[]", b"customer_id=1", b"{", b"\xff"])
def test_any_other_body_is_refused(lac: FakeLac, body: bytes) -> None:
    assert send(lac, lac.books.add_invoice(), body=body)[0] == 422
    assert lac.books.deliveries == []


# --- keys and paths


@pytest.mark.parametrize("key", ["", "lac_sk_somebody_else", WRITE_KEY[:-1]])
@pytest.mark.parametrize(("method", "verb"), [("POST", "retry-send"), ("GET", "pdf")])
def test_an_unknown_key_opens_nothing(lac: FakeLac, key: str, method: str, verb: str) -> None:
    reply = ask(lac, method, f"/invoices/{lac.books.add_invoice()}/{verb}", key=key)
    assert (reply.status, set(json.loads(reply.body))) == (401, {"error", "detail"})


def test_a_key_for_reading_reads_and_does_not_send(lac: FakeLac) -> None:
    invoice = lac.books.add_invoice()
    assert send(lac, invoice, key=READ_KEY)[0] == 403
    assert lac.books.deliveries == []
    assert ask(lac, "GET", f"/invoices/{invoice}/pdf", key=READ_KEY).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/invoices"),
        ("GET", "/invoices/inv_1001"),
        ("POST", "/invoices/inv_1001/send"),
        ("POST", "/invoices/inv_1001/credit-note"),
        ("POST", "/invoices/inv_1001/pdf"),
        ("GET", "/invoices/inv_1001/retry-send"),
        ("DELETE", "/invoices/inv_1001"),
        ("POST", "/invoices/inv_nobody/retry-send"),
        ("GET", "/invoices/inv_nobody/pdf"),
    ],
)
def test_what_is_not_documented_or_not_there_is_a_404_with_the_envelope(lac: FakeLac, method: str, path: str) -> None:
    lac.books.add_invoice()
    reply = ask(lac, method, path)
    assert (reply.status, set(json.loads(reply.body))) == (404, {"error", "detail"})
    assert lac.books.deliveries == []


def test_the_portals_path_belongs_to_the_address(lac: FakeLac) -> None:
    invoice = lac.books.add_invoice()
    headers = {"authorization": f"Bearer {WRITE_KEY}"}
    assert lac.respond(WireRequest("GET", f"/invoices/{invoice}/pdf", "", headers)).status == 404


# --- the PDF


@pytest.mark.parametrize("status", ["send_failed", "queued", "sent"])
def test_a_pdf_is_one_whose_parts_lie_where_it_says(lac: FakeLac, status: str) -> None:
    reply = ask(lac, "GET", f"/invoices/{lac.books.add_invoice(status=status, amount=123_456)}/pdf")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/pdf")
    pdf = reply.body
    assert pdf.startswith(b"%PDF-1.4\n")
    assert pdf.endswith(b"%%EOF\n")
    assert b"EUR 1,234.56".hex().encode() in pdf
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split()[0])
    assert pdf[start : start + 4] == b"xref"
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n ", pdf), 1):
        assert pdf[int(offset) :].startswith(b"%d 0 obj" % number)
    length = int(re.findall(rb"/Length (\d+)", pdf)[0])
    assert pdf.split(b"stream\n", 1)[1][length : length + 10] == b"\nendstream"


def test_a_draft_has_no_pdf(lac: FakeLac) -> None:
    assert ask(lac, "GET", f"/invoices/{lac.books.add_invoice(status='draft')}/pdf").status == 404


# --- magic and faults


@pytest.mark.parametrize(
    ("magic", "fault"),
    [("send_then_hang", Fault.HANG), ("send_then_reset", Fault.RESET), ("send_then_cut", Fault.TRUNCATE)],
)
def test_the_invoice_is_sent_although_no_whole_answer_arrives(lac: FakeLac, magic: str, fault: Fault) -> None:
    invoice = lac.books.add_invoice(magic=magic)
    assert ask(lac, "POST", f"/invoices/{invoice}/retry-send").fault is fault
    assert lac.books.invoices[invoice].status == "sent"


def test_a_customer_whose_send_hangs_gets_nothing(lac: FakeLac) -> None:
    invoice = lac.books.add_invoice(magic="hang")
    assert ask(lac, "POST", f"/invoices/{invoice}/retry-send").fault is Fault.HANG
    assert lac.books.deliveries == []


def test_a_customer_with_a_rate_limit_gets_through_the_third_time(lac: FakeLac) -> None:
    lac.retry_after = 3
    invoice = lac.books.add_invoice(magic="rate_limited")
    first = ask(lac, "POST", f"/invoices/{invoice}/retry-send")
    assert (first.status, first.headers["Retry-After"]) == (429, "3")
    assert [send(lac, invoice)[0] for _ in range(2)] == [429, 200]


@pytest.mark.parametrize("what", list(Disturbance))
def test_everything_can_be_made_to_fail_without_effect_and_then_to_work_again(lac: FakeLac, what: Disturbance) -> None:
    invoice = lac.books.add_invoice(status="sent")
    lac.control("everything", {"what": what, "times": 1})
    disturbed = ask(lac, "GET", f"/invoices/{invoice}/pdf")
    assert disturbed.fault is not None or not disturbed.body.startswith(b"%PDF")
    assert ask(lac, "GET", f"/invoices/{invoice}/pdf").body.startswith(b"%PDF")


@pytest.mark.parametrize("what", list(Disturbance))
def test_a_fault_after_the_effect_befalls_a_send_and_no_read(lac: FakeLac, what: Disturbance) -> None:
    invoice = lac.books.add_invoice()
    lac.control("after_effect", {"what": what})
    assert ask(lac, "GET", f"/invoices/{invoice}/pdf").body.startswith(b"%PDF")
    ask(lac, "POST", f"/invoices/{invoice}/retry-send")
    assert lac.books.invoices[invoice].status == "sent"


def test_a_rate_limit_counts_the_requests_of_one_second(lac: FakeLac, clock: Clock) -> None:
    invoice = lac.books.add_invoice(status="sent")
    lac.control("rate_limit", {"per_second": 2, "retry_after": 1})
    assert [ask(lac, "GET", f"/invoices/{invoice}/pdf").status for _ in range(3)] == [200, 200, 429]
    clock.time += 1
    assert ask(lac, "GET", f"/invoices/{invoice}/pdf").status == 200


# --- what the page does and sees


def test_the_demo_has_one_invoice_of_every_ending(lac: FakeLac) -> None:
    lac.seed_demo()
    before = [invoice.status for invoice in lac.books.invoices.values()]
    assert before == ["send_failed", "send_failed", "send_failed", "sent"]
    assert [send(lac, invoice)[0] for invoice in lac.books.invoices] == [200, 422, 200, 422]
    assert [invoice.status for invoice in lac.books.invoices.values()] == ["sent", "send_failed", "queued", "sent"]


def test_the_page_can_add_every_magic_customer(lac: FakeLac) -> None:
    for one in lac.magic():
        added = lac.control("add_invoice", {"magic": one.name, "name": "New", "status": "open", "attempts": 1})
        assert lac.books.invoices[added["invoice"]].status == "send_failed"
    assert [one.name for one in lac.magic()] == [one.name for one in BEHAVIOURS]


def test_what_happens_in_the_portal_happens_without_the_bot(lac: FakeLac) -> None:
    failed, queued = lac.books.add_invoice(), lac.books.add_invoice(status="queued")
    assert lac.control("send_elsewhere", {"invoice": failed}) == {"status": "sent"}
    assert lac.control("arrive", {"invoice": queued}) == {"status": "sent"}
    assert lac.ledger() == []


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("pay_elsewhere", {"invoice": "inv_1001"}),
        ("arrive", {"invoice": "inv_1001"}),
        ("arrive", {"invoice": "inv_nobody"}),
        ("arrive", {}),
        ("everything", {"what": "earthquake"}),
        ("add_invoice", {"magic": "paid"}),
        ("add_invoice", {"amount": 1.5}),
        ("add_invoice", {"colour": "red"}),
    ],
)
def test_what_cannot_be_done_is_answered_with_a_sentence(lac: FakeLac, name: str, args: dict[str, Any]) -> None:
    lac.books.add_invoice()
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        lac.control(name, args)


def test_the_snapshot_is_json_and_holds_no_key(lac: FakeLac) -> None:
    lac.seed_demo()
    send(lac, "inv_1001")
    text = json.dumps(lac.snapshot())
    shown = json.loads(text)
    assert WRITE_KEY not in text
    assert READ_KEY not in text
    assert set(shown) == {"magic", "controls", "switches", "ledger", "sent", "requests", "invoices"}
    assert [one["invoice"] for one in shown["ledger"]] == ["inv_1001"]
    assert (
        shown["requests"][0] | {"method": "POST", "path": "/portal/invoices/inv_1001/retry-send", "status": 200}
        == (shown["requests"][0])
    )
    first = shown["invoices"][0]
    assert (first["id"], first["status"], first["amount_remaining"], first["currency"]) == (
        "inv_1001",
        "sent",
        48_920,
        "EUR",
    )


# --- on real sockets


async def test_a_strange_id_reaches_its_invoice_over_the_wire(lac: FakeLac) -> None:
    lac.books.add_invoice(invoice="2026/7?#")
    server = await serve(lac.respond)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {WRITE_KEY}"}) as session:
        url = f"{server.url}/portal/invoices/2026%2F7%3F%23/retry-send"
        async with session.post(URL(url, encoded=True), json={}) as response:
            assert (response.status, (await response.json())["id"]) == (200, "2026/7?#")
    await server.close()


async def test_the_world_gives_lac_an_address_with_its_path(clock: Clock) -> None:
    world = World([FakeLac(clock)], clock)
    await world.start()
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/portal", world.url("lac"))
        added = await world.control("add_invoice", {"provider": "lac", "name": "Kivikko Oy"})
        url = f"{world.url('lac')}/invoices/{added['invoice']}/retry-send"
        headers = {"Authorization": f"Bearer {WRITE_KEY}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json={}) as response:
            assert response.status == 200
        about = world.about("lac", added["invoice"])
        assert [one["status"] for one in about["requests"]] == [200]
        assert [one["result"] for one in about["charges"]] == ["sent"]
    finally:
        await world.stop()
