from __future__ import annotations

import json
from typing import Any

import pytest

from bot.sandbox.providers.stripe import READ_KEY, SECRET_KEY, FakeStripe
from bot.sandbox.providers.stripe_door import ApiKey
from bot.sandbox.wire import WireRequest
from tests.sandbox.stripe_client import NOON, PAYMENT, Client, Clock

# --- reading


def test_payments_are_absent_until_they_are_expanded(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice()
    assert "payments" not in client.get(f"/v1/invoices/{invoice}")[1]
    plain = client.get(f"/v1/invoices/{invoice}", "payments")[1]["payments"]["data"][0]
    assert isinstance(plain["payment"]["payment_intent"], str)
    assert client.intent(invoice)["last_payment_error"]["decline_code"] == "insufficient_funds"


@pytest.mark.parametrize("path", ["payment_intent", "charge", "data.payments.data.payment.payment_intent"])
def test_what_basil_removed_and_what_lies_too_deep_cannot_be_expanded(
    stripe: FakeStripe, client: Client, path: str
) -> None:
    stripe.add_invoice()
    target = "/v1/invoices" if path.startswith("data") else f"/v1/invoices/{next(iter(stripe.invoices))}"
    assert client.get(target, path)[0] == 400


def test_a_bad_expansion_is_found_out_before_anything_is_charged(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice()
    reply = client.reply("POST", f"/v1/invoices/{invoice}/pay", body="expand[]=payment_intent")
    assert (reply.status, stripe.charges, client.status(invoice)) == (400, [], "open")


def test_a_walk_by_cursor_meets_every_open_invoice_once_newest_first(stripe: FakeStripe, client: Client) -> None:
    made = [stripe.add_invoice(created=NOON - 86400 - minute // 2) for minute in range(7)]
    stripe.add_invoice(status="paid")
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        _, page = client.get("/v1/invoices", status="open", limit=3, **cursor)
        seen += page["data"]
        if not page["has_more"]:
            break
        client.post(page["data"][-1]["id"], "void")  # the cursor leaves the filter while we walk
        cursor = {"starting_after": page["data"][-1]["id"]}
    assert sorted(one["id"] for one in seen) == sorted(made)
    assert [one["created"] for one in seen] == sorted((one["created"] for one in seen), reverse=True)


def test_walking_backwards_gives_the_page_before(stripe: FakeStripe, client: Client) -> None:
    newest_first = [stripe.add_invoice(created=NOON - 86400 - day) for day in range(5)]
    _, page = client.get("/v1/invoices", ending_before=newest_first[4], limit=2)
    assert ([one["id"] for one in page["data"]], page["has_more"]) == (newest_first[2:4], True)


def test_filters_narrow_by_status_window_due_date_and_collection(stripe: FakeStripe, client: Client) -> None:
    early, late = stripe.add_invoice(created=NOON - 9000), stripe.add_invoice(created=NOON - 8000)
    due = stripe.add_invoice(collection_method="send_invoice", created=NOON - 99000, due_date=NOON - 60)
    stripe.add_invoice(collection_method="send_invoice", created=NOON - 99000, due_date=NOON + 60)

    def ids(**params: object) -> list[str]:
        return [one["id"] for one in client.get("/v1/invoices", **params)[1]["data"]]

    assert ids(**{"created[gte]": int(NOON - 9000), "created[lt]": int(NOON - 8000)}) == [early]
    assert ids(**{"created[gt]": int(NOON - 9000)}) == [late]
    assert ids(**{"due_date[lt]": int(NOON), "status": "open", "collection_method": "send_invoice"}) == [due]
    assert ids(customer=stripe.invoices[late].customer) == [late]
    assert ids(subscription=stripe.invoices[early].subscription) == [early]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 101},
        {"limit": 0},
        {"status": "late"},
        {"starting_after": "in_none"},
        {"starting_after": "a", "ending_before": "b"},
        {"paid": "true"},
        {"created[after]": 1},
    ],
)
def test_a_list_request_that_stripe_would_refuse_is_refused(
    stripe: FakeStripe, client: Client, params: dict[str, object]
) -> None:
    stripe.add_invoice()
    assert client.get("/v1/invoices", **params)[0] == 400


def test_search_finds_a_number_and_takes_escaped_quotes(stripe: FakeStripe, client: Client) -> None:
    plain, odd = stripe.add_invoice(number="RC-7"), stripe.add_invoice(number=r"O'Neil\7")

    def found(query: str) -> list[str]:
        return [one["id"] for one in client.get("/v1/invoices/search", query=query)[1]["data"]]

    assert found("number:'RC-7' AND status:'open'") == [plain]
    assert found(r"number:'O\'Neil\\7'") == [odd]
    assert found('number:"RC-7" AND status:"paid"') == []
    assert client.get("/v1/invoices/search", query="number:'RC-7' OR")[0] == 400


def test_payments_of_many_invoices_come_in_one_list(stripe: FakeStripe, client: Client) -> None:
    declined, voided = stripe.add_invoice(magic="stolen_card"), stripe.add_invoice(status="void")
    _, page = client.get("/v1/invoice_payments", "data.payment.payment_intent", status="open", limit=100)
    [payment] = page["data"]
    assert payment["invoice"] == declined
    assert payment["payment"]["payment_intent"]["last_payment_error"]["decline_code"] == "stolen_card"
    assert client.get("/v1/invoice_payments", invoice=voided)[1]["data"][0]["status"] == "canceled"


def test_what_a_retry_would_charge_can_be_followed_by_id(stripe: FakeStripe, client: Client) -> None:
    _, invoice = client.get(f"/v1/invoices/{stripe.add_invoice()}", "parent.subscription_details.subscription")
    subscription = invoice["parent"]["subscription_details"]["subscription"]
    assert client.get(f"/v1/subscriptions/{subscription['id']}")[1] == subscription
    _, customer = client.get(f"/v1/customers/{invoice['customer']}")
    _, method = client.get(f"/v1/payment_methods/{customer['invoice_settings']['default_payment_method']}")
    assert (method["customer"], method["card"]["last4"]) == (customer["id"], "4242")
    assert client.get("/v1/account")[1]["object"] == "account"


# --- keys, limits, requests


def test_a_missing_wrong_or_publishable_key_is_unauthorized(stripe: FakeStripe) -> None:
    for secret in ("", "sk_test_wrong_wrong", "pk_test_anything"):
        status, body = Client(stripe, secret).get("/v1/invoices")
        assert (status, body["error"]["type"]) == (401, "invalid_request_error")


def test_a_read_key_may_not_act_and_is_told_which_permission_is_missing(stripe: FakeStripe) -> None:
    invoice, reader = stripe.add_invoice(), Client(stripe, READ_KEY)
    status, body = reader.post(invoice, "void", key="k")
    assert (status, "rak_invoice_write" in body["error"]["message"]) == (403, True)
    assert READ_KEY not in json.dumps(body)
    assert reader.status(invoice) == "open"


def test_expanding_needs_the_permission_of_what_is_expanded() -> None:
    narrow = ApiKey("rk_test_narrow_narrow", permissions=frozenset({"rak_invoice_write"}))
    stripe = FakeStripe(keys=[narrow])
    status, body = Client(stripe, narrow.secret).get(f"/v1/invoices/{stripe.add_invoice()}", PAYMENT)
    assert (status, "rak_payment_intent_read" in body["error"]["message"]) == (403, True)


def test_a_live_key_finds_nothing_of_the_test_side() -> None:
    live = ApiKey("sk_live_recoup_other", live=True)
    stripe = FakeStripe(keys=[live])
    invoice, other = stripe.add_invoice(), Client(stripe, live.secret)
    assert other.get("/v1/invoices")[1]["data"] == []
    assert other.get(f"/v1/invoices/{invoice}")[1]["error"]["code"] == "resource_missing"
    assert other.post(invoice, "void")[0] == 404


def test_the_rate_limit_says_why_and_ends_with_the_second(stripe: FakeStripe, client: Client, clock: Clock) -> None:
    stripe.limit.per_second, stripe.limit.retry_after = 2, 1
    replies = [client.reply("GET", "/v1/invoices") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[2].headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert replies[2].headers["Retry-After"] == "1"
    clock.time += 1
    stripe.limit.retry_after = None
    assert client.get("/v1/invoices")[0] == 200


def test_requests_are_on_record_without_secrets(stripe: FakeStripe, client: Client) -> None:
    client.post(invoice := stripe.add_invoice(), "pay", key="k", off_session="true")
    [seen] = stripe.requests
    assert (seen.method, seen.path, seen.key, seen.status) == ("POST", f"/v1/invoices/{invoice}/pay", "k", 200)
    assert dict(seen.params) == {"off_session": ("true",)}
    assert SECRET_KEY not in repr(seen)


def test_json_bodies_odd_booleans_and_unknown_urls_are_refused(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice()
    assert client.post(invoice, "pay", paid_out_of_band="True")[0] == 400
    assert client.post(invoice, "retry")[0] == 404
    assert client.get("/v2/invoices")[0] == 404
    headers = {"authorization": f"Bearer {SECRET_KEY}", "content-type": "application/json"}
    assert stripe.respond(WireRequest("POST", f"/v1/invoices/{invoice}/pay", "", headers, b"{}")).status == 400
    assert client.status(invoice) == "open"
