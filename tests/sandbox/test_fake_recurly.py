"""The fake Recurly keeps to what is known of Recurly: which state allows what, declines, the memory of keys, the door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.sandbox.providers.magic import Result
from bot.sandbox.providers.recurly import SECRET_KEY
from bot.sandbox.wire import Fault, Traffic
from tests.sandbox.recurly_shop import AT, Shop

HOUR = 3600


@pytest.fixture
def shop() -> Shop:
    return Shop()


# --- which action in which state

VERBS = [("PUT", "collect"), ("PUT", "mark_failed"), ("PUT", "mark_successful"), ("POST", "transactions"), ("PUT", "void")]
ANSWERS = {
    "pending": [200, 200, 200, 422, 422],
    "processing": [422, 200, 200, 422, 422],
    "past_due": [200, 200, 200, 422, 422],
    "failed": [422, 422, 200, 422, 422],
    "paid": [422, 422, 422, 422, 422],
    "credit": [422, 422, 422, 422, 200],
}
MANUAL = {"pending": [422, 200, 200, 200, 422], "past_due": [422, 200, 200, 200, 422], "paid": [422, 422, 422, 422, 422]}
PAYMENT = {"payment_method": "check", "amount": 49.0}


@pytest.mark.parametrize(
    ("collection", "status", "verb", "answer"),
    [
        (collection, status, verb, one)
        for collection, table in (("automatic", ANSWERS), ("manual", MANUAL))
        for status, row in table.items()
        for verb, one in zip(VERBS, row, strict=True)
    ],
)
def test_each_action_is_accepted_in_the_states_of_the_table(
    shop: Shop, collection: str, status: str, verb: tuple[str, str], answer: int
) -> None:
    invoice = shop.fake.add_invoice(status=status, collection_method=collection)
    body = PAYMENT if verb[1] == "transactions" else None
    assert shop.kind(verb[0], f"/invoices/{invoice}/{verb[1]}", body) == (answer, None if answer == 200 else "validation")


# --- collecting


def test_a_collection_charges_the_whole_balance_and_says_whose_attempt_it_was(shop: Shop) -> None:
    invoice = shop.fake.add_invoice(amount=11900, amount_paid=1900)
    shown = json.loads(shop.ask("PUT", f"/invoices/{invoice}/collect", key="k1").body)
    assert (shown["state"], shown["balance"], shown["paid"], shown["closed_at"] is not None) == ("paid", 0.0, 119.0, True)
    assert [made["origin"] for made in shown["transactions"]] == ["recurring", "api_force_collect"]
    assert (shown["transactions"][-1]["amount"], shown["transactions"][-1]["status"]) == (100.0, "success")
    (charge,) = shop.fake.ledger()
    assert (charge["amount"], charge["key"], charge["result"]) == (10000, "k1", Result.PAID)


@pytest.mark.parametrize(
    ("magic", "category", "code"),
    [
        ("insufficient_funds", "soft", "insufficient_funds"),
        ("expired_card", "hard", "expired_card"),
        ("stolen_card", "fraud", "fraud_stolen_card"),
        ("needs_authentication", "three_d_secure_action_required", "three_d_secure_action_required"),
        ("gateway_timeout", "communication", "gateway_timeout"),
    ],
)
def test_a_decline_is_a_422_with_the_stored_attempt_behind_it(shop: Shop, magic: str, category: str, code: str) -> None:
    invoice = shop.fake.add_invoice(magic=magic)
    reply = shop.ask("PUT", f"/invoices/{invoice}/collect")
    error = json.loads(reply.body)["error"]
    stored = shop.read(f"/invoices/{invoice}")["transactions"][-1]
    told = error["transaction_error"]
    assert (reply.status, error["type"], told["category"], told["code"]) == (422, "transaction", category, code)
    assert (told["transaction_id"], code) == (stored["id"], stored["status_code"])
    assert (shop.read(f"/invoices/{invoice}")["state"], shop.fake.collected(invoice)) == ("past_due", 0)


def test_without_billing_info_nobody_is_asked_and_nothing_is_stored(shop: Shop) -> None:
    for magic, kind in (("no_method", "transaction"), ("no_card", "validation")):
        invoice = shop.fake.add_invoice(magic=magic)
        assert shop.kind("PUT", f"/invoices/{invoice}/collect") == (422, kind)
    assert shop.fake.charges == []


def test_a_bank_debit_processes_until_it_settles_or_bounces(shop: Shop) -> None:
    for success, state in ((True, "paid"), (False, "past_due")):
        invoice = shop.fake.add_invoice(magic="bank_debit")
        assert json.loads(shop.ask("PUT", f"/invoices/{invoice}/collect").body)["state"] == "processing"
        assert shop.fake.collected(invoice) == 0
        shop.fake.control("settle_processing", {"invoice": invoice, "success": success})
        assert shop.read(f"/invoices/{invoice}")["state"] == state


def test_another_billing_info_is_charged_only_if_it_is_the_customer_s_and_there_is_a_wallet(shop: Shop) -> None:
    invoice = shop.fake.add_invoice(magic="expired_card")
    path = f"/invoices/{invoice}/collect"
    good = shop.fake.books.add_card(shop.fake.invoices[invoice].customer, "paid")
    stranger = shop.fake.books.customers[shop.fake.add_customer()].methods[0]
    assert shop.kind("PUT", path, {"billing_info_id": stranger}) == (422, "validation")
    shop.fake.wallet = False
    assert shop.kind("PUT", path, {"billing_info_id": good}) == (422, "validation")
    shop.fake.wallet = True
    assert shop.kind("PUT", path, {"billing_info_id": good}) == (200, None)


def test_one_attempt_per_customer_and_hour_where_it_is_switched_on(shop: Shop) -> None:
    shop.fake.actions.one_per_hour = True
    first = shop.fake.add_invoice(magic="insufficient_funds")
    second = shop.fake.add_invoice(customer=shop.fake.invoices[first].customer)
    assert shop.kind("PUT", f"/invoices/{first}/collect") == (422, "transaction")
    assert shop.kind("PUT", f"/invoices/{second}/collect") == (422, "validation")
    shop.at += HOUR + 1
    assert shop.kind("PUT", f"/invoices/{second}/collect") == (422, "transaction")


def test_a_late_charge_happens_after_the_connection_was_cut(shop: Shop) -> None:
    invoice = shop.fake.add_invoice(magic="charge_late")
    assert shop.ask("PUT", f"/invoices/{invoice}/collect").fault is Fault.RESET
    assert shop.fake.collected(invoice) == 0
    shop.at += 4
    assert shop.fake.collected(invoice) == 4900


# --- writing off, and payments from elsewhere


def test_a_write_off_makes_a_credit_invoice_and_owes_nothing_without_being_paid(shop: Shop) -> None:
    invoice = shop.fake.add_invoice(amount=11900)
    shown = json.loads(shop.ask("PUT", f"/invoices/{invoice}/mark_failed").body)
    assert (shown["state"], shown["balance"], shown["paid"]) == ("failed", 0.0, 0.0)
    (credit,) = shown["credit_payments"]
    assert (credit["action"], credit["amount"], credit["original_invoice"]["type"]) == ("write_off", 119.0, "credit")
    made = shop.read(f"/invoices/{credit['original_invoice']['id']}")
    assert (made["origin"], made["state"], made["type"]) == ("write_off", "closed", "credit")
    assert shop.fake.charges == []


def test_a_part_is_recorded_and_the_rest_makes_it_paid(shop: Shop) -> None:
    invoice = shop.fake.add_invoice(collection_method="manual", amount=10000)
    path = f"/invoices/{invoice}/transactions"
    part = json.loads(
        shop.ask("POST", path, {"payment_method": "wire_transfer", "amount": 40.5, "description": "w 7"}).body
    )
    assert (part["object"], part["amount"], part["description"], part["success"]) == ("transaction", 40.5, "w 7", True)
    assert (shop.read(f"/invoices/{invoice}")["balance"], shop.read(f"/invoices/{invoice}")["state"]) == (59.5, "past_due")
    shop.ask("POST", path, {"payment_method": "check"})
    assert shop.read(f"/invoices/{invoice}")["state"] == "paid"


@pytest.mark.parametrize(
    "body",
    [
        {"payment_method": "shells", "amount": 1.0},
        {"amount": 1.0},
        {"payment_method": "check", "amount": 49.01},
        {"payment_method": "check", "amount": 0},
        {"payment_method": "check", "amount": 1.005},
        {"payment_method": "check", "amount": "1.00"},
        {"payment_method": "check", "amount": 1.0, "description": "x" * 51},
    ],
)
def test_a_payment_that_cannot_be_is_not_recorded(shop: Shop, body: dict[str, Any]) -> None:
    invoice = shop.fake.add_invoice(collection_method="manual")
    assert shop.kind("POST", f"/invoices/{invoice}/transactions", body) == (422, "validation")
    assert shop.read(f"/invoices/{invoice}")["paid"] == 0.0


# --- keys


def test_a_key_is_answered_with_its_first_answer_for_an_hour(shop: Shop) -> None:
    invoice = shop.fake.add_invoice()
    path = f"/invoices/{invoice}/collect"
    first, again = (shop.ask("PUT", path, key="k1") for _ in range(2))
    assert (again.status, again.body, again.headers["Idempotency-Prior"]) == (first.status, first.body, "true")
    assert "Idempotency-Prior" not in first.headers
    assert len(shop.fake.charges) == 1
    assert shop.ask("PUT", f"/invoices/{invoice}/mark_failed", key="k1").status == 422, "a key is of one path"
    shop.at += HOUR
    assert shop.ask("PUT", path, key="k1").status == 422


def test_a_decline_is_kept_under_its_key_and_a_429_is_not(shop: Shop) -> None:
    declined = shop.fake.add_invoice(magic="insufficient_funds")
    for _ in range(3):
        assert shop.ask("PUT", f"/invoices/{declined}/collect", key="k1").status == 422
    assert len(shop.fake.charges) == 1
    limited = shop.fake.add_invoice(magic="rate_limited")
    answers = [shop.ask("PUT", f"/invoices/{limited}/collect", key="k2").status for _ in range(4)]
    assert answers == [429, 429, 200, 200]
    busy = shop.fake.add_invoice(magic="busy")
    kinds = [shop.kind("PUT", f"/invoices/{busy}/collect")[1] for _ in range(3)]
    assert kinds == ["simultaneous_request", "simultaneous_request", None]


def test_while_a_request_runs_its_key_is_answered_with_409(shop: Shop) -> None:
    invoice = shop.fake.add_invoice()
    shop.fake.takes = 5.0
    assert shop.ask("PUT", f"/invoices/{invoice}/collect", key="k1").status == 200
    running = shop.ask("PUT", f"/invoices/{invoice}/collect", key="k1")
    assert (running.status, running.body) == (409, b"")
    assert (running.headers["Recurly-Should-Retry"], running.headers["Retry-After"]) == ("true", "2")
    shop.at += 6
    assert shop.ask("PUT", f"/invoices/{invoice}/collect", key="k1").status == 200
    assert len(shop.fake.charges) == 1


def test_a_key_that_is_too_long_is_refused(shop: Shop) -> None:
    reply = shop.ask("PUT", f"/invoices/{shop.fake.add_invoice()}/collect", key="k" * 256)
    assert (reply.status, shop.fake.charges) == (400, [])


def test_the_page_can_tell_that_an_answer_was_a_remembered_one(shop: Shop) -> None:
    traffic = Traffic(shop.fake.respond, lambda: shop.at)
    invoice = shop.fake.add_invoice()
    for _ in range(2):
        traffic.respond(shop.request("PUT", f"/invoices/{invoice}/collect", key="k1"))
    assert [one.replayed for one in traffic.exchanges] == [False, True]


# --- the door


def test_the_key_is_a_user_without_a_password(shop: Shop) -> None:
    shop.secret = "another"
    assert shop.kind("GET", "/sites") == (401, "unauthorized")
    shop.secret = f"{SECRET_KEY}:password"
    assert shop.kind("GET", "/sites") == (401, "unauthorized")


@pytest.mark.parametrize("accept", ["application/json", "", "application/pdf", "application/vnd.recurly.v2019-10-10"])
def test_a_version_that_is_not_named_is_refused_also_for_a_pdf(shop: Shop, accept: str) -> None:
    invoice = shop.fake.add_invoice()
    shop.accept = accept
    for path in ("/invoices", f"/invoices/{invoice}.pdf"):
        assert shop.kind("GET", path) == (406, "invalid_api_version")


def test_a_limit_is_told_as_the_moment_at_which_it_ends(shop: Shop) -> None:
    shop.fake.control("rate_limit", {"per_second": 2, "retry_after": 30})
    assert [shop.ask("GET", "/sites").status for _ in range(3)] == [200, 200, 429]
    assert shop.ask("GET", "/sites").headers["X-RateLimit-Reset"] == str(int(AT) + 30)
    shop.at += 2
    assert shop.ask("GET", "/sites").status == 200


def test_every_answer_names_request_and_version(shop: Shop) -> None:
    replies = [shop.ask("GET", "/sites"), shop.ask("GET", "/invoices/nowhere00000"), shop.ask("GET", "/nothing")]
    assert len({reply.headers["X-Request-Id"] for reply in replies}) == 3
    assert {reply.headers["Recurly-Version"] for reply in replies} == {"recurly.v2021-02-25"}


# --- amounts


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [(4900, "EUR", b'"total": 49.0'), (48000, "JPY", b'"total": 48000.0'), (12345, "KWD", b'"total": 12.345')],
)
def test_amounts_are_numbers_in_major_units(shop: Shop, minor: int, currency: str, written: bytes) -> None:
    invoice = shop.fake.add_invoice(amount=minor, currency=currency)
    assert written in shop.ask("GET", f"/invoices/{invoice}").body


# --- switches, controls and the demo


@pytest.mark.parametrize("how", ["hang", "reset", "500", "html", "empty", "429"])
def test_a_fault_of_everything_has_no_effect(shop: Shop, how: str) -> None:
    invoice = shop.fake.add_invoice()
    shop.fake.control("everything", {"what": how, "times": 1})
    shop.ask("PUT", f"/invoices/{invoice}/collect")
    assert (shop.fake.charges, shop.ask("GET", "/sites").status) == ([], 200)


@pytest.mark.parametrize("how", ["hang", "reset", "500", "html", "empty", "truncated", "429"])
def test_a_fault_after_the_effect_comes_after_it_and_the_key_still_knows_the_answer(shop: Shop, how: str) -> None:
    invoice = shop.fake.add_invoice()
    shop.fake.control("after_effect", {"what": how, "times": 1})
    shop.ask("PUT", f"/invoices/{invoice}/collect", key="k1")
    assert shop.fake.collected(invoice) == 4900
    again = shop.ask("PUT", f"/invoices/{invoice}/collect", key="k1")
    assert (json.loads(again.body)["state"], len(shop.fake.charges)) == ("paid", 1)


def test_controls_do_what_happens_elsewhere(shop: Shop) -> None:
    paid, written_off, halved, tried, cured = (shop.fake.add_invoice(magic="insufficient_funds") for _ in range(5))
    shop.fake.control("pay_elsewhere", {"invoice": paid})
    assert (shop.read(f"/invoices/{paid}")["state"], shop.fake.charges[-1].result) == ("paid", Result.PAID)
    shop.fake.control("void_elsewhere", {"invoice": written_off})
    assert shop.read(f"/invoices/{written_off}")["state"] == "failed"
    shop.fake.control("change_amount", {"invoice": halved, "amount": 2450})
    assert shop.read(f"/invoices/{halved}")["balance"] == 24.5
    shop.fake.control("automatic_attempt", {"invoice": tried})
    assert shop.read(f"/invoices/{tried}")["transactions"][-1]["origin"] == "recurring"
    shop.fake.control("change_card", {"invoice": cured})
    assert shop.kind("PUT", f"/invoices/{cured}/collect") == (200, None)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("no_such_control", {}),
        ("pay_elsewhere", {}),
        ("pay_elsewhere", {"invoice": "nowhere00000"}),
        ("change_card", {"invoice": "?", "magic": "no_method"}),
        ("change_amount", {"invoice": "?", "amount": 0}),
        ("settle_processing", {"invoice": "?"}),
    ],
)
def test_a_control_that_cannot_be_done_says_so(shop: Shop, name: str, args: dict[str, Any]) -> None:
    invoice = shop.fake.add_invoice()
    with pytest.raises(ValueError, match=r"\w"):
        shop.fake.control(name, {key: invoice if value == "?" else value for key, value in args.items()})


def test_the_demo_has_two_failed_invoices(shop: Shop) -> None:
    shop.fake.seed_demo()
    failed = shop.read("/invoices", state="past_due", type="charge")["data"]
    assert len(failed) == 2
    assert {one["state"] for one in shop.read("/invoices", limit=200)["data"]} >= {
        "pending",
        "processing",
        "failed",
        "paid",
    }


def test_what_is_shown_of_it_holds_no_key(shop: Shop) -> None:
    shop.fake.seed_demo()
    shop.ask("GET", "/invoices")
    shown = json.dumps(shop.fake.snapshot())
    assert SECRET_KEY not in shown
    assert "sandboxlogin" not in shown
