from __future__ import annotations

import json
import re
from typing import Any

import aiohttp
import pytest

from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.providers.stripe_demo import JAPANESE
from bot.sandbox.providers.stripe_door import ApiKey
from bot.sandbox.wire import WireRequest, serve
from tests.sandbox.stripe_client import NOON, Client, Clock

STATUSES = ((900, "open"), (901, "draft"))

# --- customers and what they have


def test_an_address_is_compared_letter_by_letter(stripe: FakeStripe, client: Client) -> None:
    customer = stripe.add_customer(email="Bo@acme.example")
    stripe.add_customer(email="other@acme.example")
    assert [one["id"] for one in client.get("/v1/customers", email="Bo@acme.example")[1]["data"]] == [customer]
    assert client.get("/v1/customers", email="bo@acme.example")[1]["data"] == []
    assert [one["id"] for one in client.get("/v1/customers", limit=1)[1]["data"]] != [customer]


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ('name~"acme"', True),
        ("name~'ACM'", True),
        ('name:"Acme Ltd"', True),
        ('name:"Acme"', False),
        ('email~"bo@" AND name~"ltd"', True),
        ('name~"acme" AND email:"else@acme.example"', False),
    ],
)
def test_customers_are_searched_by_a_part_or_the_whole_of_a_name(
    stripe: FakeStripe, client: Client, query: str, finds: bool
) -> None:
    customer = stripe.add_customer(name="Acme Ltd", email="bo@acme.example")
    stripe.add_customer(name=None)
    body = client.get("/v1/customers/search", query=query)[1]
    assert body["object"] == "search_result"
    assert [one["id"] for one in body["data"]] == ([customer] if finds else [])


@pytest.mark.parametrize("query", ['name~"ac"', 'number:"A"', "name", 'name~"acme" OR name~"b"', 'balance:"1"'])
def test_a_search_that_stripe_would_refuse_is_refused(client: Client, query: str) -> None:
    assert client.get("/v1/customers/search", query=query)[0] == 400


def test_a_part_of_a_status_cannot_be_searched(client: Client) -> None:
    assert client.get("/v1/invoices/search", query='status~"ope"')[0] == 400
    assert client.get("/v1/invoices/search", query='number~"ope"')[0] == 200


def test_a_customers_methods_are_listed_newest_first_and_the_default_stays(stripe: FakeStripe, client: Client) -> None:
    customer = stripe.add_customer("stolen_card")
    first = stripe.books.customers[customer].default
    second = stripe.books.add_card(customer, "paid", last4="4444", brand="mastercard")
    debit = stripe.books.add_card(customer, "bank_debit")
    path = f"/v1/customers/{customer}/payment_methods"
    assert [one["id"] for one in client.get(path)[1]["data"]] == [debit, second, first]
    assert [one["id"] for one in client.get(path, type="sepa_debit")[1]["data"]] == [debit]
    shown = client.get(path, limit=1, starting_after=debit)[1]
    assert (shown["data"][0]["card"]["brand"], shown["has_more"]) == ("mastercard", True)
    assert client.get(f"/v1/customers/{customer}")[1]["invoice_settings"]["default_payment_method"] == first
    assert client.get("/v1/customers/cus_No/payment_methods")[1]["error"]["code"] == "resource_missing"


def test_a_customers_invoices_are_listed_and_an_unknown_customer_is_an_error(stripe: FakeStripe, client: Client) -> None:
    customer = stripe.add_customer()
    made = [
        stripe.add_invoice(customer=customer, created=NOON - 900 - n, status=s) for n, s in enumerate(("open", "draft"))
    ]
    stripe.add_invoice()
    assert [one["id"] for one in client.get("/v1/invoices", customer=customer)[1]["data"]] == made
    status, body = client.get("/v1/invoices", customer="cus_No")
    assert (status, body["error"]["param"]) == (400, "customer")


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("/v1/customers", "rak_customer_read"),
        ("/v1/customers/search", "rak_customer_read"),
        ("/v1/customers/cus_1/payment_methods", "rak_payment_method_read"),
        ("/v1/events", "rak_event_read"),
    ],
)
def test_a_key_without_the_permission_is_told_its_name(path: str, permission: str) -> None:
    narrow = ApiKey("rk_test_narrow_narrow", permissions=frozenset({"rak_invoice_write"}))
    status, body = Client(FakeStripe(keys=[narrow]), narrow.secret).get(path)
    assert (status, permission in body["error"]["message"]) == (403, True)


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/customers/search", "/v1/events"])
def test_a_filter_that_is_not_known_is_named(client: Client, path: str) -> None:
    status, body = client.get(path, advance="true")
    assert (status, body["error"]["code"], body["error"]["param"]) == (400, "parameter_unknown", "advance")


@pytest.mark.parametrize("verb", ["finalize", "send", "void", "mark_uncollectible", "pay"])
def test_an_order_with_a_parameter_that_is_not_known_does_nothing(stripe: FakeStripe, client: Client, verb: str) -> None:
    invoice = stripe.add_invoice(status="draft", collection_method="send_invoice")
    status, body = client.post(invoice, verb, advance="true")
    assert (status, body["error"]["code"], client.status(invoice)) == (400, "parameter_unknown", "draft")


def test_a_live_key_sees_no_customers_and_events_of_the_test_side() -> None:
    live = ApiKey("sk_live_recoup_other", live=True)
    stripe = FakeStripe(keys=[live])
    customer, other = stripe.add_customer(), Client(stripe, live.secret)
    assert other.get("/v1/customers")[1]["data"] == other.get("/v1/events")[1]["data"] == []
    assert other.get(f"/v1/customers/{customer}/payment_methods")[0] == 404


# --- events


def events(client: Client, **params: object) -> list[tuple[str, str | None]]:
    found: list[Any] = client.get("/v1/events", **params)[1]["data"]
    return [(one["type"], one["request"]["idempotency_key"]) for one in found]


def test_every_change_leaves_an_event_that_names_its_request(stripe: FakeStripe, client: Client) -> None:
    manual = stripe.add_invoice(collection_method="send_invoice")
    client.post(manual, "send", key="k-send")
    client.post(stripe.add_invoice(status="draft"), "finalize", key="k-final", auto_advance="false")
    client.post(stripe.add_invoice(), "void", key="k-void")
    client.post(stripe.add_invoice(), "mark_uncollectible", key="k-off")
    client.post(stripe.add_invoice(), "pay", key="k-pay")
    client.post(stripe.add_invoice(magic="lost_card"), "pay", key="k-no")
    client.post(stripe.add_invoice(), "pay", key="k-cash", paid_out_of_band="true")
    assert events(client, limit=100)[::-1] == [
        ("invoice.sent", "k-send"),
        ("invoice.finalized", "k-final"),
        ("invoice.voided", "k-void"),
        ("invoice.marked_uncollectible", "k-off"),
        ("invoice.paid", "k-pay"),
        ("invoice.payment_failed", "k-no"),
        ("invoice.paid", "k-cash"),
    ]
    assert events(client, type="invoice.sent") == [("invoice.sent", "k-send")]
    assert len(events(client, **{"types[]": "invoice.paid"})) == 2


def test_a_replayed_answer_leaves_no_second_event(stripe: FakeStripe, client: Client) -> None:
    manual = stripe.add_invoice(collection_method="send_invoice")
    for _ in range(3):
        client.post(manual, "send", key="k")
    assert events(client) == [("invoice.sent", "k")]


def test_an_event_shows_the_invoice_as_it_was_then(stripe: FakeStripe, client: Client) -> None:
    draft = stripe.add_invoice(status="draft")
    client.post(draft, "finalize")
    client.post(draft, "void")
    newest, oldest = client.get("/v1/events")[1]["data"]
    assert [one["data"]["object"]["status"] for one in (newest, oldest)] == ["void", "open"]
    assert client.get(f"/v1/events/{oldest['id']}")[1] == oldest


def test_what_nobody_asked_for_by_api_names_no_request(stripe: FakeStripe, client: Client) -> None:
    stripe.control("pay_elsewhere", {"invoice": stripe.add_invoice()})
    (event,) = client.get("/v1/events")[1]["data"]
    assert (event["type"], event["request"]) == ("invoice.paid", {"id": None, "idempotency_key": None})


def test_events_are_filtered_by_time_and_walked_by_cursor(stripe: FakeStripe, client: Client, clock: Clock) -> None:
    for _ in range(3):
        client.post(stripe.add_invoice(), "void")
        clock.time += 60
    assert len(events(client, **{"created[gte]": int(NOON + 60)})) == 2
    _, first = client.get("/v1/events", limit=2)
    _, rest = client.get("/v1/events", limit=2, starting_after=first["data"][-1]["id"])
    assert (first["has_more"], rest["has_more"], len(rest["data"])) == (True, False, 1)


# --- finalizing


@pytest.mark.parametrize(("collect", "attempt"), [("true", NOON + 3600), ("false", None)])
def test_a_finalized_invoice_is_collected_by_itself_only_where_asked(
    stripe: FakeStripe, client: Client, collect: str, attempt: float | None
) -> None:
    _, body = client.post(stripe.add_invoice(status="draft"), "finalize", auto_advance=collect)
    assert (body["auto_advance"], body["next_payment_attempt"]) == (collect == "true", attempt)
    assert body["number"]
    assert stripe.charges == []


@pytest.mark.parametrize(("collect", "mails"), [("true", 1), ("false", 0)])
def test_a_finalized_send_invoice_gets_a_due_date_and_leaves_by_itself_only_where_asked(
    stripe: FakeStripe, client: Client, collect: str, mails: int
) -> None:
    draft = stripe.add_invoice(status="draft", collection_method="send_invoice")
    _, body = client.post(draft, "finalize", auto_advance=collect)
    assert body["due_date"] > NOON
    assert len(stripe.sent) == mails


def test_a_draft_with_something_missing_stays_a_draft(stripe: FakeStripe, client: Client) -> None:
    draft = stripe.add_invoice(status="draft", unfinalizable="invoice_no_customer_line_items")
    status, body = client.post(draft, "finalize", key="k")
    assert (status, body["error"]["code"], client.status(draft)) == (400, "invoice_no_customer_line_items", "draft")


def test_a_malformed_switch_finalizes_nothing(stripe: FakeStripe, client: Client) -> None:
    draft = stripe.add_invoice(status="draft")
    assert client.post(draft, "finalize", auto_advance="yes")[0] == 400
    assert client.status(draft) == "draft"


def test_marking_as_paid_what_finalizing_paid_already_is_no_error(stripe: FakeStripe, client: Client) -> None:
    _, body = client.post(stripe.add_invoice(status="draft", amount=0), "pay", paid_out_of_band="true")
    assert (body["status"], body["amount_paid_off_stripe"]) == ("paid", None)


# --- where the links lead


def page(stripe: FakeStripe, url: str) -> tuple[int, str, bytes]:
    reply = stripe.respond(WireRequest("GET", re.sub(r"https?://[^/]+|\?.*", "", url), "", {}))
    return reply.status, reply.headers["Content-Type"], reply.body


def test_the_pdf_is_one_with_the_invoices_number(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(number="RC(7)\\", currency="jpy", amount=1200)
    status, kind, body = page(stripe, client.get(f"/v1/invoices/{invoice}")[1]["invoice_pdf"])
    assert (status, kind) == (200, "application/pdf")
    assert body.startswith(b"%PDF-1.")
    assert body.endswith(b"%%EOF\n")
    assert rb"Invoice RC\(7\)\\" in body
    assert b"JPY 1,200" in body
    start = int(body.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert body[start:].startswith(b"xref")
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", body), 1):
        assert body[int(place) :].startswith(b"%d 0 obj" % number)
    (length,) = re.findall(rb"/Length (\d+)", body)
    assert body[body.index(b"\nstream\n") + 8 :].index(b"\nendstream") == int(length)


def test_the_payment_page_says_that_it_is_the_sandboxs(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(name="<script>alert(1)</script>", currency="kwd", amount=12340)
    status, _, body = page(stripe, client.get(f"/v1/invoices/{invoice}")[1]["hosted_invoice_url"])
    assert (status, b"sandbox" in body, b"KWD 12.340" in body, b"<script>" in body) == (200, True, True, False)


@pytest.mark.parametrize(
    "path", ["/i/acct_1Sandbox/test_in_No", "/i/acct_1Other/test_in_1", "/i/acct_1Sandbox/test_in_2/pdf"]
)
def test_no_page_is_there_for_others_or_for_drafts(stripe: FakeStripe, path: str) -> None:
    stripe.add_invoice(id="in_1")
    stripe.add_invoice(id="in_2", status="draft")
    assert page(stripe, path)[0] == 404


async def test_where_the_fake_is_the_host_its_links_can_be_followed(client: Client) -> None:
    stripe = FakeStripe(hosted=None)
    invoice = stripe.add_invoice()
    server = await serve(stripe.respond)
    try:
        headers = {"Authorization": f"Bearer {client.secret}"}
        async with aiohttp.ClientSession() as anybody:
            async with anybody.get(f"{server.url}/v1/invoices/{invoice}", headers=headers) as reply:
                shown = await reply.json()
            assert shown["invoice_pdf"].startswith(server.url)
            async with anybody.get(shown["invoice_pdf"]) as reply:
                assert (reply.status, (await reply.read())[:5]) == (200, b"%PDF-")
            async with anybody.get(shown["hosted_invoice_url"]) as reply:
                assert "sandbox" in await reply.text()
    finally:
        await server.close()


# --- the demo


def test_the_demo_has_something_for_every_action(stripe: FakeStripe, client: Client) -> None:
    stripe.seed_demo()
    every = list(stripe.invoices.values())
    assert {one.status for one in every} >= {"draft", "uncollectible"}
    assert any(one.collection_method == "send_invoice" and (one.due_date or NOON) < NOON for one in every)
    (rowing,) = client.get("/v1/customers/search", query='name~"rowing club"')[1]["data"]
    new, old = client.get(f"/v1/customers/{rowing['id']}/payment_methods")[1]["data"]
    assert (new["card"]["last4"], old["id"]) == ("4444", rowing["invoice_settings"]["default_payment_method"])
    (press,) = client.get("/v1/customers/search", query='name~"Quillmark"')[1]["data"]
    assert len(client.get("/v1/invoices", customer=press["id"])[1]["data"]) == 5
    assert len(client.get("/v1/customers/search", query=f'name:"{JAPANESE}"')[1]["data"]) == 1
    json.dumps(stripe.snapshot())
    assert client.get("/v1/events")[1]["data"] == []
