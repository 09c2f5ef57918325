"""The fake Paddle: what its documents say, asked for without any adapter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from bot.sandbox.providers.magic import Disturbance, Result
from bot.sandbox.providers.paddle import READ_KEY, SECRET_KEY, FakePaddle
from bot.sandbox.providers.paddle_books import Attempt
from bot.sandbox.providers.paddle_door import ApiKey
from bot.sandbox.providers.paddle_magic import MAGIC, MANUAL
from bot.sandbox.providers.paddle_objects import instant
from bot.sandbox.wire import Fault, WireReply, WireRequest

NOW = 1_790_000_000.0
CANCEL, BILL = {"status": "canceled"}, {"status": "billed"}


def a_fake(**changes: Any) -> FakePaddle:
    return FakePaddle(lambda: NOW, **changes)


def ask(
    fake: FakePaddle,
    path: str,
    params: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: object = None,
    key: str = SECRET_KEY,
    host: str = "sandbox-api.paddle.com",
) -> tuple[int, Any, WireReply]:
    headers = {"authorization": f"Bearer {key}", "host": host}
    content = b"" if body is None else json.dumps(body).encode()
    reply = fake.respond(WireRequest(method, path, urlencode(params or {}), headers, content))
    is_json = reply.headers["Content-Type"] == "application/json" and reply.body
    return reply.status, json.loads(reply.body) if is_json else reply.body, reply


def patch(fake: FakePaddle, identifier: str, body: object) -> tuple[int, str]:
    status, told, _ = ask(fake, f"/transactions/{identifier}", method="PATCH", body=body)
    return status, told["error"]["code"] if "error" in told else told["data"]["status"]


def credit(fake: FakePaddle, identifier: str, **changes: Any) -> tuple[int, str]:
    body = {"action": "credit", "type": "full", "transaction_id": identifier, "reason": "uncollectible: gone"} | changes
    status, told, _ = ask(fake, "/adjustments", method="POST", body=body)
    return status, told["error"]["code"] if "error" in told else told["data"]["status"]


def shown(fake: FakePaddle, identifier: str) -> Any:
    return ask(fake, f"/transactions/{identifier}")[1]["data"]


# --- the door


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "authentication_missing"),
        ("Basic abc", "authentication_malformed"),
        ("Bearer ", "authentication_malformed"),
        ("Bearer pdl_live_apikey_x", "invalid_token"),
    ],
)
def test_a_key_that_is_not_accepted_is_a_403_with_its_own_code(header: str, code: str) -> None:
    reply = a_fake().respond(WireRequest("GET", "/transactions", "", {"authorization": header}))
    told = json.loads(reply.body)
    assert (reply.status, told["error"]["code"]) == (403, code)
    assert told["meta"]["request_id"]


def test_a_key_is_held_to_its_permissions_and_writing_includes_reading() -> None:
    acts, reads = frozenset({"transaction.write"}), frozenset({"transaction.read"})
    fake = a_fake(keys=[ApiKey(SECRET_KEY, acts), ApiKey(READ_KEY, reads)])
    identifier = fake.add_invoice(status="billed")
    path = f"/transactions/{identifier}"
    assert ask(fake, path)[0] == 200
    assert ask(fake, path, {"include": "customer"})[1]["error"]["code"] == "forbidden"
    assert ask(fake, path, method="PATCH", body=CANCEL, key=READ_KEY)[1]["error"]["code"] == "forbidden"
    for listing in ("/customers", "/adjustments"):
        assert ask(fake, listing)[1]["error"]["code"] == "forbidden"
    assert ask(fake, "/adjustments", method="POST", body={})[1]["error"]["code"] == "forbidden"
    assert ask(fake, path, method="PATCH", body=CANCEL)[0] == 200


def test_more_requests_than_the_limit_are_turned_away_with_a_wait() -> None:
    fake = a_fake()
    fake.control("rate_limit", {"per_second": 1, "retry_after": 7})
    assert ask(fake, "/transactions")[0] == 200
    status, told, reply = ask(fake, "/transactions")
    assert (status, told["error"]["code"], reply.headers["Retry-After"]) == (429, "too_many_requests", "7")


def test_what_is_not_there_is_404_and_a_wrong_verb_405() -> None:
    fake = a_fake()
    for path in ("/transactions/txn_x", "/transactions/txn_x/invoice", "/subscriptions/sub_x", "/invoices"):
        assert ask(fake, path)[1]["error"]["code"] == "not_found"
    assert ask(fake, "/transactions", method="POST", body={})[0] == 405
    assert ask(fake, "/transactions/txn_x", method="PATCH", body=CANCEL)[0] == 404


# --- lists


def test_a_list_goes_by_cursor_and_its_last_page_has_a_next_as_well() -> None:
    fake = a_fake()
    made = [fake.add_invoice(created=NOW - n) for n in range(65)]
    found: list[str] = []
    params: dict[str, str] = {"status": "past_due", "order_by": "id[DESC]"}
    for has_more in (True, True, False):
        _, told, _ = ask(fake, "/transactions", params)
        found += [one["id"] for one in told["data"]]
        pages = told["meta"]["pagination"]
        assert (pages["has_more"], pages["per_page"], pages["estimated_total"]) == (has_more, 30, 65)
        assert urlsplit(pages["next"]).hostname == "sandbox-api.paddle.com"
        params = dict(parse_qsl(urlsplit(pages["next"]).query))
    assert found == sorted(made, reverse=True)


@pytest.mark.parametrize(
    "params",
    [
        {"per_page": "31"},
        {"per_page": "0"},
        {"per_page": "many"},
        {"status": "late"},
        {"order_by": "amount[DESC]"},
        {"after": "txn_nowhere"},
        {"created_at[GTE]": "yesterday"},
        {"include": "adjustment"},
    ],
)
def test_a_question_that_makes_no_sense_is_an_invalid_field(params: dict[str, str]) -> None:
    status, told, _ = ask(a_fake(), "/transactions", params)
    assert (status, told["error"]["code"], len(told["error"]["errors"])) == (400, "invalid_field", 1)


def test_filters_take_several_values_and_bounds_of_time() -> None:
    fake = a_fake()
    old, new = fake.add_invoice(created=NOW - 100, number="A-1"), fake.add_invoice(created=NOW - 10, number="A-2")
    paid = fake.add_invoice(status="paid", created=NOW - 10)

    def ids(**params: str) -> set[str]:
        return {one["id"] for one in ask(fake, "/transactions", params)[1]["data"]}

    assert ids(status="past_due,completed") == {old, new, paid}
    assert ids(invoice_number="A-1,A-2") == {old, new}
    assert ids(customer_id=fake.transactions[old].customer) == {old}
    assert ids(id=paid) == {paid}
    assert ids(**{"created_at[LT]": instant(NOW - 10) or ""}) == {old}
    assert ids(**{"created_at[LTE]": instant(NOW - 10) or "", "created_at[GT]": instant(NOW - 100) or ""}) == {new, paid}
    assert ids(**{"created_at[GTE]": instant(NOW - 100) or ""}) == {old, new, paid}


def test_customers_are_searched_in_id_name_and_address_whatever_the_capitals() -> None:
    fake = a_fake()
    customer = fake.add_customer(name="Fennel & Thyme", email="books@fennel.example")
    fake.add_customer(name="Somebody")
    for search in ("FENNEL", "books@", customer):
        told = ask(fake, "/customers", {"search": search})[1]
        assert [one["id"] for one in told["data"]] == [customer]


# --- canceling, issuing and crediting


@pytest.mark.parametrize(
    ("wish", "ending"),
    [
        ({"status": "ready"}, (200, "canceled")),
        ({"status": "billed"}, (200, "canceled")),
        ({"status": "open"}, (400, "transaction_invalid_status_change")),
        ({"status": "open", "magic": "renewal"}, (400, "transaction_invalid_status_change")),
        ({"status": "paid"}, (400, "transaction_immutable")),
        ({"status": "void"}, (400, "transaction_immutable")),
        ({"status": "uncollectible"}, (400, "transaction_immutable")),
        ({"status": "billed", "magic": "being_paid"}, (409, "transaction_immutable_while_processing_payment")),
    ],
)
def test_only_a_manual_one_that_is_ready_or_billed_can_be_canceled(wish: Any, ending: tuple[int, str]) -> None:
    fake = a_fake()
    assert patch(fake, fake.add_invoice(**wish), CANCEL) == ending


def test_a_cancellation_with_another_field_or_an_unknown_status_is_refused() -> None:
    fake = a_fake()
    identifier = fake.add_invoice(status="billed")
    assert patch(fake, identifier, {**CANCEL, "custom_data": {}}) == (400, "transaction_cannot_be_modified_and_canceled")
    assert patch(fake, identifier, {"status": "paid"}) == (400, "invalid_field")
    assert shown(fake, identifier)["status"] == "billed"


def test_a_payment_attempt_under_way_holds_everything_up() -> None:
    fake = a_fake()
    identifier = fake.add_invoice(status="billed")
    running = Attempt(id="a", amount=4900, status="authorized", code=None, at=NOW, method="m", last4="4242")
    fake.transactions[identifier].attempts.insert(0, running)
    for ending in (patch(fake, identifier, CANCEL), credit(fake, identifier)):
        assert ending == (409, "transaction_immutable_while_processing_payment")


def test_issuing_mails_the_customer_and_the_number_follows_after_the_answer() -> None:
    fake = a_fake()
    identifier = fake.add_invoice(status="ready")
    _, told, _ = ask(fake, f"/transactions/{identifier}", method="PATCH", body=BILL)
    assert (told["data"]["status"], told["data"]["invoice_number"]) == ("billed", None)
    assert shown(fake, identifier)["invoice_number"].startswith("325-")
    assert fake.actions.sent == [identifier]
    assert patch(fake, identifier, BILL) == (400, "transaction_status_must_be_ready")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"status": "draft"}, "transaction_status_must_be_ready"),
        ({"status": "web", "magic": "renewal"}, "transaction_billing_details_object_required"),
        ({"status": "ready", "currency": "JPY"}, "transaction_currency_code_not_valid_for_manual"),
    ],
)
def test_what_cannot_be_issued_says_why(wish: Any, code: str) -> None:
    fake = a_fake()
    assert patch(fake, fake.add_invoice(**wish), BILL) == (400, code)


@pytest.mark.parametrize("status", ["billed", "open"])
def test_a_full_credit_makes_it_completed_like_a_paid_one_and_only_the_credit_tells(status: str) -> None:
    fake = a_fake()
    written_off, paid = fake.add_invoice(status=status), fake.add_invoice(status="paid")
    assert credit(fake, written_off) == (201, "approved")
    one, other = shown(fake, written_off), shown(fake, paid)
    assert (one["status"], one["details"]["totals"]["balance"]) == (other["status"], other["details"]["totals"]["balance"])
    asked = {"transaction_id": f"{written_off},{paid}", "action": "credit"}
    assert [each["transaction_id"] for each in ask(fake, "/adjustments", asked)[1]["data"]] == [written_off]
    assert credit(fake, written_off) == (400, "adjustment_transaction_item_has_already_been_fully_adjusted")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"magic": "renewal"}, "adjustment_invalid_credit_action"),
        ({"status": "ready"}, "adjustment_transaction_invalid_status_for_credit"),
        ({"status": "paid"}, "adjustment_transaction_invalid_status_for_credit"),
        ({"status": "void"}, "adjustment_transaction_invalid_status_for_credit"),
    ],
)
def test_what_cannot_be_credited_says_why(wish: Any, code: str) -> None:
    fake = a_fake()
    assert credit(fake, fake.add_invoice(**wish)) == (400, code)


@pytest.mark.parametrize("lacking", ["action", "type", "transaction_id", "reason"])
def test_a_credit_without_a_required_field_names_it(lacking: str) -> None:
    fake = a_fake()
    assert credit(fake, fake.add_invoice(), **{lacking: None}) == (400, "invalid_field")
    assert fake.books.adjustments == {}


# --- pages, and the read that writes


def test_the_page_of_a_past_due_subscription_is_its_newest_unpaid_bill_and_nothing_is_made() -> None:
    fake = a_fake()
    identifier, newer = fake.add_invoice(magic="renewal"), fake.add_invoice(magic="newer_bill")
    for one, is_same in ((identifier, True), (newer, False)):
        path = f"/subscriptions/{fake.transactions[one].subscription}/update-payment-method-transaction"
        told = ask(fake, path)[1]["data"]
        assert (told["id"] == one) is is_same
        assert told["checkout"]["url"].endswith(told["id"])
    assert fake.made_by_reading == []


def test_for_an_active_subscription_the_same_get_makes_a_transaction_over_nothing() -> None:
    fake = a_fake()
    identifier = fake.add_invoice(magic="active_again")
    path = f"/subscriptions/{fake.transactions[identifier].subscription}/update-payment-method-transaction"
    told = ask(fake, path)[1]["data"]
    assert fake.made_by_reading == [told["id"]]
    assert (told["details"]["totals"]["balance"], told["origin"]) == ("0", "subscription_payment_method_change")
    assert ask(fake, path, key=READ_KEY)[1]["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("prepare", "code"),
    [("canceled", "subscription_is_canceled_action_invalid"), ("past_due", "transaction_default_checkout_url_not_set")],
)
def test_where_there_can_be_no_page_the_code_says_why(prepare: str, code: str) -> None:
    fake = a_fake()
    subscription = fake.transactions[fake.add_invoice(magic="renewal")].subscription or ""
    fake.books.subscriptions[subscription].status = prepare
    fake.reads.has_default_page = False
    told = ask(fake, f"/subscriptions/{subscription}/update-payment-method-transaction")[1]
    assert told["error"]["code"] == code


@pytest.mark.parametrize(
    ("wish", "has_pdf"),
    [
        ({"status": "billed"}, True),
        ({"status": "open"}, True),
        ({"status": "paid"}, True),
        ({"status": "ready"}, False),
        ({"status": "open", "magic": "renewal"}, False),
        ({"status": "paid", "magic": "renewal"}, True),
    ],
)
def test_a_pdf_is_there_once_it_was_issued_or_paid(wish: Any, has_pdf: bool) -> None:
    fake = a_fake()
    status, told, _ = ask(fake, f"/transactions/{fake.add_invoice(**wish)}/invoice")
    assert (status == 200) is has_pdf
    assert ("url" in told.get("data", {})) is has_pdf


def test_in_the_sandbox_its_links_lead_to_pages_of_its_own() -> None:
    fake = a_fake(hosted=False)
    identifier = fake.add_invoice(name="<script>alert(1)</script>")
    url = ask(fake, f"/transactions/{identifier}", host="127.0.0.1:8123")[1]["data"]["checkout"]["url"]
    assert url == f"http://127.0.0.1:8123/pay/{identifier}"
    _, page, _ = ask(fake, urlsplit(url).path)
    assert b"No money can be paid here" in page
    assert b"<script>" not in page
    file = ask(fake, f"/transactions/{identifier}/invoice", host="127.0.0.1:8123")[1]["data"]["url"]
    assert ask(fake, urlsplit(file).path)[1].startswith(b"%PDF")
    assert ask(fake, "/pay/txn_nobody")[0] == 404


# --- what a person makes happen, and what goes wrong


def test_a_customer_who_pays_makes_it_completed_and_the_subscription_active() -> None:
    fake = a_fake()
    identifier = fake.add_invoice(magic="renewal")
    fake.control("pay_elsewhere", {"invoice": identifier})
    assert shown(fake, identifier)["status"] == "completed"
    assert shown(fake, identifier)["payments"][0]["status"] == "captured"
    assert fake.books.subscriptions[fake.transactions[identifier].subscription or ""].status == "active"
    assert [(charge.result, charge.key) for charge in fake.charges] == [(Result.PAID, None)]
    with pytest.raises(ValueError, match="paid, credited or canceled already"):
        fake.control("void_elsewhere", {"invoice": identifier})


def test_paddle_s_own_attempt_ends_as_the_customer_is_and_is_the_newest() -> None:
    fake = a_fake()
    identifier = fake.add_invoice(magic="stolen_card")
    assert fake.control("automatic_attempt", {"invoice": identifier})["result"] == "declined"
    payments = shown(fake, identifier)["payments"]
    assert [one["error_code"] for one in payments] == ["blocked_card", "blocked_card"]
    assert payments[0]["created_at"] > payments[1]["created_at"]
    with pytest.raises(ValueError, match="charges nobody"):
        fake.control("automatic_attempt", {"invoice": fake.add_invoice()})


def test_a_colleague_s_credit_carries_no_tag_of_ours() -> None:
    fake = a_fake()
    identifier = fake.add_invoice()
    fake.control("credit_elsewhere", {"invoice": identifier})
    (made,) = fake.books.credits_of(identifier)
    assert not made.reason.startswith("uncollectible:")
    with pytest.raises(ValueError, match="credits no transaction"):
        fake.control("credit_elsewhere", {"invoice": fake.add_invoice(magic="renewal")})


@pytest.mark.parametrize("magic", ["act_then_hang", "act_then_reset", "act_then_500", "act_then_html", "hang"])
def test_a_magic_answer_befalls_only_what_was_or_was_not_done(magic: str) -> None:
    fake = a_fake()
    identifier = fake.add_invoice(magic=magic, status="billed")
    reply = ask(fake, f"/transactions/{identifier}", method="PATCH", body=CANCEL)[2]
    assert reply.fault is not None or reply.status == 500 or reply.headers["Content-Type"].startswith("text/html")
    assert shown(fake, identifier)["status"] == ("billed" if magic == "hang" else "canceled")


@pytest.mark.parametrize("how", Disturbance)
def test_everything_goes_wrong_without_an_effect_and_after_one(how: Disturbance) -> None:
    fake = a_fake()
    first, second = fake.add_invoice(status="billed"), fake.add_invoice(status="billed")
    fake.control("everything", {"what": how.value, "times": 1})
    ask(fake, f"/transactions/{first}", method="PATCH", body=CANCEL)
    assert fake.transactions[first].status == ("canceled" if how is Disturbance.TRUNCATED else "billed")
    fake.control("everything", {})
    fake.control("after_effect", {"what": how.value, "times": 1})
    assert ask(fake, "/transactions")[2].fault is None
    reply = ask(fake, f"/transactions/{second}", method="PATCH", body=CANCEL)[2]
    assert fake.transactions[second].status == "canceled"
    assert reply.fault in (None, Fault.HANG, Fault.RESET, Fault.TRUNCATE)
    assert ask(fake, "/transactions")[0] == 200


def test_every_magic_customer_can_be_added_and_is_one_who_pays_or_one_who_is_charged() -> None:
    fake = a_fake()
    for magic in MAGIC:
        added = fake.control("add_invoice", {"magic": magic.name, "amount": 1234, "currency": "eur", "number": "X-1"})
        one = shown(fake, added["invoice"])
        assert one["collection_mode"] == ("manual" if magic.name in MANUAL else "automatic")
        assert (one["status"], one["currency_code"]) == ("past_due", "EUR")
        if magic.name not in MANUAL:
            assert one["payments"][0]["error_code"] == magic.decline


def test_the_demo_has_two_that_failed_and_the_page_sees_all_of_them() -> None:
    fake = a_fake()
    assert fake.control("seed_demo", {}) == {"invoices": 7}
    failed = [one for one in fake.transactions.values() if one.status == "past_due"]
    assert [one.balance for one in failed] == [3800, 5650]
    seen = fake.snapshot()
    assert len(seen["invoices"]) == 7
    statuses = {one["status"] for one in seen["invoices"]}
    assert statuses == {"past_due", "ready", "billed", "completed, credited", "completed"}
    assert seen["ledger"] == []
    assert SECRET_KEY not in json.dumps(seen)


@pytest.mark.parametrize(
    ("name", "args"),
    [("pay_elsewhere", {"invoice": "txn_nobody"}), ("change_card", {"invoice": "x", "magic": "nobody"}), ("dance", {})],
)
def test_a_control_that_cannot_be_done_says_so(name: str, args: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\w+"):
        a_fake().control(name, args)
