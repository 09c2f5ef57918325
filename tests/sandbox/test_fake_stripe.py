from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.sandbox.providers.stripe import READ_KEY, SECRET_KEY, FakeStripe
from bot.sandbox.providers.stripe_door import ApiKey
from bot.sandbox.providers.stripe_magic import MAGIC, Disturbance, Result
from bot.sandbox.wire import Fault, RunningServer, WireReply, WireRequest, serve
from bot.sandbox.world import World

PAYMENT = "payments.data.payment.payment_intent"
NOON = 1_900_000_000.0


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> float:
        return self.time


class Client:
    """Speaks form encoding at a fake, without a network."""

    def __init__(self, stripe: FakeStripe, secret: str = SECRET_KEY) -> None:
        self.stripe = stripe
        self.secret = secret

    def get(self, path: str, *expand: str, **params: object) -> tuple[int, Any]:
        reply = self.reply("GET", path, query=urlencode([*params.items(), *(("expand[]", one) for one in expand)]))
        return reply.status, json.loads(reply.body)

    def post(self, invoice: str, verb: str, key: str | None = None, **params: object) -> tuple[int, Any]:
        reply = self.reply("POST", f"/v1/invoices/{invoice}/{verb}", key=key, body=urlencode(params))
        return reply.status, json.loads(reply.body)

    def reply(self, method: str, path: str, *, query: str = "", key: str | None = None, body: str = "") -> WireReply:
        headers = {"authorization": f"Bearer {self.secret}", "content-type": "application/x-www-form-urlencoded"}
        if key is not None:
            headers["idempotency-key"] = key
        return self.stripe.respond(WireRequest(method, path, query, headers, body.encode()))

    def status(self, invoice: str) -> str:
        return str(self.get(f"/v1/invoices/{invoice}")[1]["status"])

    def intent(self, invoice: str) -> Any:
        return self.get(f"/v1/invoices/{invoice}", PAYMENT)[1]["payments"]["data"][0]["payment"]["payment_intent"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stripe(clock: Clock) -> FakeStripe:
    return FakeStripe(clock)


@pytest.fixture
def client(stripe: FakeStripe) -> Client:
    return Client(stripe)


# --- what an invoice may become

TRANSITIONS = [
    # from, call, status of the answer, status afterwards
    ("draft", "finalize", 200, "open"),
    ("draft", "void", 400, "draft"),
    ("draft", "mark_uncollectible", 400, "draft"),
    ("draft", "pay", 200, "paid"),
    ("open", "pay", 200, "paid"),
    ("open", "void", 200, "void"),
    ("open", "mark_uncollectible", 200, "uncollectible"),
    ("open", "finalize", 400, "open"),
    ("uncollectible", "pay", 200, "paid"),
    ("uncollectible", "void", 200, "void"),
    ("uncollectible", "mark_uncollectible", 400, "uncollectible"),
    ("paid", "pay", 400, "paid"),
    ("paid", "void", 400, "paid"),
    ("paid", "mark_uncollectible", 400, "paid"),
    ("void", "pay", 400, "void"),
    ("void", "void", 400, "void"),
    ("void", "mark_uncollectible", 400, "void"),
]


@pytest.mark.parametrize(("before", "verb", "answer", "after"), TRANSITIONS)
def test_every_call_follows_the_transition_table(
    stripe: FakeStripe, client: Client, before: str, verb: str, answer: int, after: str
) -> None:
    invoice = stripe.add_invoice(status=before)
    status, body = client.post(invoice, verb)
    assert (status, client.status(invoice)) == (answer, after)
    if status == 200:
        assert body["status"] == after


def test_state_errors_of_pay_and_void_carry_no_code(stripe: FakeStripe, client: Client) -> None:
    _, paid = client.post(stripe.add_invoice(status="paid"), "pay")
    _, void = client.post(stripe.add_invoice(status="void"), "pay")
    _, gone = client.post(stripe.add_invoice(status="paid"), "void")
    assert [body["error"].get("code", "none") for body in (paid, void, gone)] == ["none"] * 3
    assert paid["error"]["message"] == "Invoice is already paid"


def test_only_a_send_invoice_can_be_sent_by_hand(stripe: FakeStripe, client: Client) -> None:
    manual = stripe.add_invoice(collection_method="send_invoice")
    status, body = client.post(stripe.add_invoice(), "send")
    assert (status, "collection method" in body["error"]["message"]) == (400, True)
    assert client.post(manual, "send", key="s1")[0] == 200
    assert client.post(manual, "send", key="s1")[0] == 200
    assert [sent.invoice for sent in stripe.sent] == [manual]


def test_finalizing_with_nothing_due_pays_at_once(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(status="draft", amount=0)
    assert client.post(invoice, "finalize")[1]["status"] == "paid"
    assert stripe.charges == []


def test_paying_out_of_band_charges_nothing(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(amount=4900)
    status, body = client.post(invoice, "pay", paid_out_of_band="true")
    assert (status, body["status"], body["amount_paid_off_stripe"], body["amount_remaining"]) == (200, "paid", 4900, 0)
    assert stripe.charges == []


# --- what the bank says


@pytest.mark.parametrize(
    ("magic", "code", "decline_code"),
    [
        ("insufficient_funds", "card_declined", "insufficient_funds"),
        ("stolen_card", "card_declined", "stolen_card"),
        ("lost_card", "card_declined", "lost_card"),
        ("generic_decline", "card_declined", "generic_decline"),
        ("expired_card", "expired_card", "expired_card"),
    ],
)
def test_a_decline_is_told_alike_by_the_answer_and_by_a_later_read(
    stripe: FakeStripe, client: Client, magic: str, code: str, decline_code: str
) -> None:
    invoice = stripe.add_invoice(magic=magic)
    before = client.intent(invoice)["latest_charge"]
    status, body = client.post(invoice, "pay")
    told, read = body["error"], client.intent(invoice)
    assert (status, told["type"], told["code"], told["decline_code"]) == (402, "card_error", code, decline_code)
    assert read["last_payment_error"]["decline_code"] == decline_code
    assert before != read["latest_charge"] == told["charge"]
    assert (client.status(invoice), stripe.collected(invoice)) == ("open", 0)


def test_authentication_leaves_the_intent_waiting_for_the_customer(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(magic="needs_authentication")
    status, body = client.post(invoice, "pay")
    assert (status, body["error"]["code"]) == (402, "invoice_payment_intent_requires_action")
    assert client.intent(invoice)["status"] == "requires_action"
    assert stripe.collected(invoice) == 0


def test_a_customer_without_a_method_is_never_charged(stripe: FakeStripe, client: Client) -> None:
    no_method, no_card = stripe.add_invoice(magic="no_method"), stripe.add_invoice(magic="no_card")
    status, body = client.post(no_method, "pay")
    assert (status, body["error"]["type"], "code" in body["error"]) == (400, "invalid_request_error", False)
    status, body = client.post(no_card, "pay")
    assert (status, body["error"]["code"]) == (402, "missing")
    assert stripe.charges == []


def test_a_bank_debit_is_accepted_first_and_settles_later(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(magic="bank_debit", amount=2500)
    status, body = client.post(invoice, "pay")
    assert (status, body["status"], client.intent(invoice)["status"]) == (200, "open", "processing")
    assert client.post(invoice, "pay")[1]["error"]["code"] == "payment_intent_unexpected_state"
    assert client.post(invoice, "void")[0] == 400
    assert stripe.collected(invoice) == 0
    stripe.settle_processing(invoice)
    assert (client.status(invoice), stripe.collected(invoice)) == ("paid", 2500)


def test_a_bounced_debit_leaves_the_invoice_open_and_declined(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(magic="bank_debit")
    client.post(invoice, "pay")
    stripe.settle_processing(invoice, success=False)
    assert (client.status(invoice), client.intent(invoice)["status"]) == ("open", "requires_payment_method")
    assert stripe.collected(invoice) == 0


def test_a_new_card_cures_the_decline_but_not_under_the_old_key(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(magic="fix_the_card")
    assert client.post(invoice, "pay", key="first")[0] == 402
    stripe.control("change_card", {"invoice": invoice})
    assert client.post(invoice, "pay", key="first")[0] == 402
    assert client.post(invoice, "pay", key="second")[0] == 200
    assert [charge.result for charge in stripe.charges] == [Result.DECLINED, Result.PAID]


def test_the_method_asked_for_is_charged_if_it_is_the_customers(stripe: FakeStripe, client: Client) -> None:
    invoice, other = stripe.add_invoice(magic="stolen_card"), stripe.add_invoice()
    customer = stripe.books.customers[stripe.invoices[invoice].customer]
    stolen = customer.default
    stripe.books.change_card(customer.id)
    assert client.post(invoice, "pay", payment_method=stolen)[0] == 402
    theirs = stripe.books.customers[stripe.invoices[other].customer].default
    status, body = client.post(invoice, "pay", payment_method=theirs)
    assert (status, body["error"]["code"]) == (400, "resource_missing")
    assert client.post(invoice, "pay", payment_method=customer.default)[0] == 200


def test_a_manual_attempt_does_not_move_the_attempt_count(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(magic="generic_decline", attempts=2)
    client.post(invoice, "pay")
    assert client.get(f"/v1/invoices/{invoice}")[1]["attempt_count"] == 2
    stripe.control("automatic_attempt", {"invoice": invoice})
    assert client.get(f"/v1/invoices/{invoice}")[1]["attempt_count"] == 3


def test_the_ledger_names_key_amount_and_time_of_every_attempt(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(amount=9800, currency="JPY", amount_paid=800)
    client.post(invoice, "pay", key="k-1")
    [charge] = stripe.charges
    assert (charge.invoice, charge.amount, charge.currency, charge.key, charge.at, charge.result) == (
        invoice, 9000, "jpy", "k-1", NOON, Result.PAID,
    )  # fmt: skip
    assert stripe.collected(invoice) == 9000


def test_earlier_declines_are_hours_old_and_not_on_the_ledger(stripe: FakeStripe, client: Client) -> None:
    charge = client.get(f"/v1/charges/{client.intent(stripe.add_invoice())['latest_charge']}")[1]
    assert charge["status"] == "failed"
    assert charge["created"] <= NOON - 2 * 3600
    assert stripe.charges == []


# --- idempotency


@pytest.mark.parametrize(
    ("magic", "first"), [("paid", 200), ("insufficient_funds", 402), ("charge_then_500", 500), ("no_method", 400)]
)
def test_the_same_key_replays_the_first_answer(stripe: FakeStripe, client: Client, magic: str, first: int) -> None:
    path = f"/v1/invoices/{stripe.add_invoice(magic=magic)}/pay"
    one, two = client.reply("POST", path, key="k"), client.reply("POST", path, key="k")
    assert (one.status, two.status, one.body == two.body) == (first, first, True)
    assert "Idempotent-Replayed" not in one.headers
    assert two.headers["Idempotent-Replayed"] == "true"
    assert one.headers["Request-Id"] != two.headers["Request-Id"]
    assert len(stripe.charges) <= 1


def test_a_key_is_forgotten_after_a_day(stripe: FakeStripe, client: Client, clock: Clock) -> None:
    invoice = stripe.add_invoice(magic="insufficient_funds")
    client.post(invoice, "pay", key="k")
    clock.time += 24 * 3600 - 1
    client.post(invoice, "pay", key="k")
    assert len(stripe.charges) == 1
    clock.time += 1
    client.post(invoice, "pay", key="k")
    assert len(stripe.charges) == 2


def test_a_key_with_other_parameters_or_endpoint_is_an_idempotency_error(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(magic="insufficient_funds")
    client.post(invoice, "pay", key="k")
    for status, body in (client.post(invoice, "pay", key="k", off_session="true"), client.post(invoice, "void", key="k")):
        assert (status, body["error"]["type"]) == (400, "idempotency_error")
    assert client.status(invoice) == "open"


def test_validation_errors_and_429_are_not_remembered(stripe: FakeStripe, client: Client) -> None:
    invoice = stripe.add_invoice(magic="rate_limited")
    assert client.post(invoice, "pay", key="k", nonsense="1")[1]["error"]["code"] == "parameter_unknown"
    assert [client.post(invoice, "pay", key="k")[0] for _ in range(3)] == [429, 429, 200]
    assert len(stripe.charges) == 1


def test_a_key_whose_request_still_runs_is_a_conflict_and_then_a_replay(
    stripe: FakeStripe, client: Client, clock: Clock
) -> None:
    path = f"/v1/invoices/{(invoice := stripe.add_invoice(magic='charge_then_hang'))}/pay"
    assert client.reply("POST", path, key="k").fault is Fault.HANG
    assert client.post(invoice, "pay", key="k")[0] == 409
    status, body = client.post(invoice, "void", key="another")
    assert (status, body["error"]["code"]) == (429, "lock_timeout")
    clock.time += stripe.hang_runs
    assert client.post(invoice, "pay", key="k")[1]["status"] == "paid"
    assert len(stripe.charges) == 1


def test_a_request_that_hung_before_the_charge_leaves_nothing_behind(
    stripe: FakeStripe, client: Client, clock: Clock
) -> None:
    invoice = stripe.add_invoice(magic="hang")
    assert client.reply("POST", f"/v1/invoices/{invoice}/pay", key="k").fault is Fault.HANG
    clock.time += stripe.hang_runs
    stripe.control("change_card", {"invoice": invoice})
    assert client.post(invoice, "pay", key="k")[0] == 200
    assert len(stripe.charges) == 1


def test_a_provider_without_keys_charges_every_time(stripe: FakeStripe, client: Client) -> None:
    stripe.keyed = False
    invoice = stripe.add_invoice(magic="insufficient_funds")
    client.post(invoice, "pay", key="k")
    client.post(invoice, "pay", key="k")
    assert len(stripe.charges) == 2


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


# --- the demo


def test_the_demo_shows_every_magic_customer_and_three_currencies(stripe: FakeStripe, client: Client) -> None:
    stripe.seed_demo()
    _, page = client.get("/v1/invoices", status="open", limit=100)
    assert {"eur", "usd", "jpy", "kwd"} <= {one["currency"] for one in page["data"]}
    assert {line["magic"] for line in stripe.snapshot()["invoices"]} >= {one.name for one in MAGIC if one.has_method}
    assert {one.status for one in stripe.invoices.values()} == {"draft", "open", "paid", "void", "uncollectible"}
    names = [one["customer_name"] for one in page["data"]]
    assert None in names
    assert max(len(name) for name in names if name) == 10_000
    numbers = [one.number for one in stripe.invoices.values() if one.number]
    assert len(numbers) == len(set(numbers))


def test_every_magic_customer_of_the_demo_ends_as_the_table_says(stripe: FakeStripe, client: Client) -> None:
    for magic in MAGIC:
        invoice = stripe.add_invoice(magic=magic.name, amount=700)
        for _ in range(1 + magic.refusals):
            client.reply("POST", f"/v1/invoices/{invoice}/pay", key=f"k-{magic.name}")
        collects = magic.result is Result.PAID and magic.has_method and magic.reaches_bank
        assert (magic.name, stripe.collected(invoice)) == (magic.name, 700 if collects else 0)


# --- over real sockets


@pytest.fixture
async def server(stripe: FakeStripe) -> AsyncIterator[RunningServer]:
    running = await serve(stripe.respond)
    yield running
    await running.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=0.4)) as session:
        yield session


@pytest.mark.parametrize(
    ("magic", "error"),
    [
        ("charge_then_hang", TimeoutError),
        ("charge_then_reset", aiohttp.ClientConnectionError),
        ("charge_then_cut", aiohttp.ClientPayloadError),
    ],
)
async def test_the_money_moves_although_no_whole_answer_arrives(
    stripe: FakeStripe, server: RunningServer, http: aiohttp.ClientSession, magic: str, error: type[Exception]
) -> None:
    invoice = stripe.add_invoice(magic=magic, amount=500)
    with pytest.raises(error):
        async with http.post(f"{server.url}/v1/invoices/{invoice}/pay", headers={"Idempotency-Key": "k"}) as response:
            await response.read()
    assert stripe.collected(invoice) == 500
    async with http.get(f"{server.url}/v1/invoices/{invoice}") as response:
        assert (await response.json())["status"] == "paid"


async def test_a_hang_without_a_charge_collects_nothing(
    stripe: FakeStripe, server: RunningServer, http: aiohttp.ClientSession
) -> None:
    invoice = stripe.add_invoice(magic="hang")
    with pytest.raises(TimeoutError):
        await http.post(f"{server.url}/v1/invoices/{invoice}/pay")
    assert stripe.charges == []


async def test_a_web_page_comes_back_with_200_after_the_charge(
    stripe: FakeStripe, server: RunningServer, http: aiohttp.ClientSession
) -> None:
    invoice = stripe.add_invoice(magic="charge_then_html")
    async with http.post(f"{server.url}/v1/invoices/{invoice}/pay") as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "Request-Id" in response.headers
    assert len(stripe.charges) == 1


@pytest.mark.parametrize("what", list(Disturbance))
async def test_everything_can_be_made_to_fail_without_effect_and_then_to_work_again(
    stripe: FakeStripe, server: RunningServer, http: aiohttp.ClientSession, what: Disturbance
) -> None:
    stripe.add_invoice()
    stripe.everything = what
    statuses = {Disturbance.ERROR: 500, Disturbance.LIMITED: 429}
    if what in (Disturbance.HANG, Disturbance.RESET, Disturbance.TRUNCATED):
        with pytest.raises((TimeoutError, aiohttp.ClientError)):
            async with http.get(f"{server.url}/v1/invoices") as response:
                await response.read()
    else:
        async with http.get(f"{server.url}/v1/invoices") as response:
            assert response.status == statuses.get(what, 200)
            assert b'"data"' not in await response.read()
    stripe.everything = None
    async with http.get(f"{server.url}/v1/invoices") as response:
        assert len((await response.json())["data"]) == 1


def test_faults_can_be_counted(stripe: FakeStripe, client: Client) -> None:
    stripe.control("everything", {"what": "500", "times": 2})
    assert [client.get("/v1/invoices")[0] for _ in range(3)] == [500, 500, 200]


def test_a_fault_after_the_effect_befalls_any_write_and_no_read(stripe: FakeStripe, client: Client) -> None:
    stripe.after_effect = Disturbance.ERROR
    invoice = stripe.add_invoice()
    assert client.post(invoice, "void", key="k")[0] == 500
    assert client.post(invoice, "void", key="k")[0] == 500
    assert client.status(invoice) == "void"


async def test_closing_the_server_ends_a_hanging_request_at_once() -> None:
    running = await serve(lambda _: WireReply(200, {}, b"", Fault.HANG))
    async with aiohttp.ClientSession() as session, aiohttp.ClientSession() as other:
        hanging = asyncio.create_task(session.get(running.url))
        with pytest.raises(TimeoutError):
            await other.get(running.url, timeout=aiohttp.ClientTimeout(total=0.1))
        async with asyncio.timeout(2):
            await running.close()
            with pytest.raises(aiohttp.ClientError):
                await hanging


async def test_an_unreachable_provider_comes_back_on_the_same_port(http: aiohttp.ClientSession) -> None:
    world = World()
    await world.start()
    try:
        url = world.url("stripe")
        assert await world.control("unreachable", {"provider": "stripe"}) == {"reachable": False}
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(f"{url}/v1/invoices")
        await world.control("reachable", {})
        async with http.get(f"{url}/v1/invoices") as response:
            assert response.status == 200
    finally:
        await world.stop()


async def test_the_world_does_what_the_page_asks_and_shows_it_as_json() -> None:
    world = World()
    invoice = (await world.control("add_invoice", {"name": "Otter Books", "amount": 300}))["invoice"]
    await world.control("pay_elsewhere", {"provider": "stripe", "invoice": invoice})
    shown = json.loads(json.dumps(world.snapshot()))["stripe"]
    assert shown["invoices"][0] | {"status": "paid", "customer": "Otter Books", "collected": 300} == shown["invoices"][0]
    assert [(one["invoice"], one["key"]) for one in shown["ledger"]] == [(invoice, None)]
    for name, args in (("no_such", {}), ("pay_elsewhere", {"invoice": invoice}), ("void_elsewhere", {"invoice": "in_no"})):
        with pytest.raises(ValueError, match=r"\w"):
            await world.control(name, args)
    with pytest.raises(ValueError, match="no provider"):
        await world.control("seed_demo", {"provider": "abacus"})
