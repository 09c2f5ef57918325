"""The fake Chargebee keeps to what is known of Chargebee: its table of statuses, its keys, its filters and its units."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.sandbox.providers.chargebee import BASE, KEY_HEADER, READ_KEY, SECRET_KEY, FakeChargebee
from bot.sandbox.providers.chargebee_magic import MAGIC
from bot.sandbox.wire import Fault, WireReply, WireRequest

AT = 1_795_000_000.0
DAY = 86_400
Form = dict[str, Any] | None
WRONG = (400, "param_wrong_value")


@dataclass
class Shop:
    """A fake on a clock of its own, asked without a socket."""

    at: float = AT
    secret: str = SECRET_KEY
    fake: FakeChargebee = field(init=False)

    def __post_init__(self) -> None:
        self.fake = FakeChargebee(lambda: self.at, hosted=None)

    def ask(
        self, method: str, path: str, form: dict[str, Any] | None = None, key: str | None = None, **query: Any
    ) -> WireReply:
        pair = base64.b64encode(f"{self.secret}:".encode()).decode()
        headers = {"authorization": f"Basic {pair}", "host": "127.0.0.1:8123", **({KEY_HEADER: key} if key else {})}
        request = WireRequest(
            method=method,
            path=f"{BASE}{path}",
            query=urlencode(query),
            headers=headers,
            body=urlencode(form or {}).encode(),
        )
        return self.fake.respond(request)

    def read(self, path: str, **query: Any) -> Any:
        reply = self.ask("GET", path, **query)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def invoice(self, identifier: str) -> Any:
        return self.read(f"/invoices/{identifier}")["invoice"]

    def post(self, identifier: str, verb: str, form: Form = None, key: str | None = None) -> Any:
        reply = self.ask("POST", f"/invoices/{identifier}/{verb}", form, key)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def code(
        self, method: str, path: str, form: dict[str, Any] | None = None, key: str | None = None
    ) -> tuple[int, str | None]:
        reply = self.ask(method, path, form, key)
        is_json = reply.body.startswith(b"{")
        return reply.status, json.loads(reply.body).get("api_error_code") if is_json else None

    def found(self, path: str = "/invoices", **query: Any) -> list[str]:
        return [next(iter(row.values()))["id"] for row in self.read(path, **query)["list"]]


@pytest.fixture
def shop() -> Shop:
    return Shop()


# --- which action on which status

VERBS = ["collect_payment", "void", "write_off", "record_payment", "close", "send_email", "pdf"]
ANSWERS = {
    "draft": [409, 409, 409, 409, 200, 409, 200],
    "posted": [200, 200, 200, 200, 409, 200, 200],
    "open": [200, 200, 200, 200, 409, 200, 200],
    "not_paid": [200, 200, 200, 200, 409, 200, 200],
    "paid": [409, 409, 409, 409, 409, 200, 200],
    "uncollectible": [409, 409, 409, 409, 409, 200, 200],
    "void": [409, 409, 409, 409, 409, 409, 200],
}


@pytest.mark.parametrize(
    ("status", "verb", "answer"),
    [(status, verb, one) for status, row in ANSWERS.items() for verb, one in zip(VERBS, row, strict=True)],
)
def test_each_action_is_accepted_on_the_statuses_of_the_table(shop: Shop, status: str, verb: str, answer: int) -> None:
    identifier = shop.fake.add_invoice(status=status)
    form = {"transaction[payment_method]": "cash"} if verb == "record_payment" else {}
    assert shop.ask("POST", f"/invoices/{identifier}/{verb}", form).status == answer


def test_a_write_off_ends_as_paid_with_the_amount_and_a_credit_note(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(amount=11900)
    body = shop.post(identifier, "write_off", {"comment": "gone"})
    after = body["invoice"]
    assert (after["status"], after["write_off_amount"], after["amount_due"], after["amount_paid"]) == ("paid", 11900, 0, 0)
    assert body["credit_note"]["total"] == 11900
    assert after["adjustment_credit_notes"][0]["cn_create_reason_code"] == "Write Off"
    assert shop.fake.collected(identifier) == 0


def test_a_void_is_refused_for_what_is_partly_paid_under_way_or_without_its_reason(shop: Shop) -> None:
    part = shop.fake.add_invoice(amount=4900, amount_paid=100)
    running = shop.fake.add_invoice(magic="bank_debit")
    shop.post(running, "collect_payment")
    for identifier in (part, running):
        assert shop.code("POST", f"/invoices/{identifier}/void") == (409, "invalid_state_for_request")
    shop.fake.site.void_reasons = {"Goodwill"}
    due = shop.fake.add_invoice()
    assert shop.code("POST", f"/invoices/{due}/void") == WRONG
    assert shop.post(due, "void", {"void_reason_code": "Goodwill"})["invoice"]["void_reason_code"] == "Goodwill"


def test_a_site_may_lack_the_call_that_mails_an_invoice(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    shop.fake.site.has_resend = False
    assert shop.code("POST", f"/invoices/{identifier}/send_email") == (404, None)
    assert shop.fake.books.mails == []


# --- collecting


def test_a_collection_pays_the_invoice_and_is_linked_to_it(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(amount=4900)
    body = shop.post(identifier, "collect_payment", {"amount": 4900, "payment_initiator": "merchant"})
    assert (body["invoice"]["status"], body["transaction"]["status"], body["transaction"]["amount"]) == (
        "paid",
        "success",
        4900,
    )
    assert [one["txn_status"] for one in body["invoice"]["linked_payments"]] == ["failure", "success"]
    assert shop.read(f"/transactions/{body['transaction']['id']}") == {"transaction": body["transaction"]}


def test_a_part_can_be_collected_and_no_more_than_all_of_it(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(amount=4900)
    for amount in ("0", "4901", "-1", "4.5"):
        assert shop.code("POST", f"/invoices/{identifier}/collect_payment", {"amount": amount}) == (
            400,
            "param_wrong_value",
        )
    after = shop.post(identifier, "collect_payment", {"amount": 900})["invoice"]
    assert (after["status"], after["amount_paid"], after["amount_due"]) == ("payment_due", 900, 4000)


def test_a_decline_is_a_400_and_its_transaction_says_why(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="insufficient_funds", attempts=0)
    reply = shop.ask("POST", f"/invoices/{identifier}/collect_payment")
    error = json.loads(reply.body)
    assert (reply.status, error["type"], error["api_error_code"]) == (400, "payment", "payment_processing_failed")
    assert error["error_cause_id"] == "gateway.transaction_processing.low_balance"
    (linked,) = shop.invoice(identifier)["linked_payments"]
    tried = shop.read(f"/transactions/{linked['txn_id']}")["transaction"]
    assert (tried["status"], tried["error_code"]) == ("failure", "card_declined")
    assert tried["error_detail"]["decline_code"] == "insufficient_funds"


def test_a_bank_debit_is_in_progress_and_leaves_nothing_to_collect(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="bank_debit", amount=4900)
    body = shop.post(identifier, "collect_payment")
    assert (body["transaction"]["status"], body["invoice"]["status"]) == ("in_progress", "payment_due")
    assert (body["invoice"]["amount_due"], body["invoice"]["amount_to_collect"]) == (4900, 0)
    assert shop.code("POST", f"/invoices/{identifier}/collect_payment") == (409, "invalid_state_for_request")
    shop.fake.settle_processing(identifier)
    assert (shop.invoice(identifier)["status"], shop.fake.collected(identifier)) == ("paid", 4900)


def test_without_a_payment_method_there_is_nothing_to_charge(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="no_method")
    assert shop.code("POST", f"/invoices/{identifier}/collect_payment") == (400, "payment_method_not_present")
    other = shop.fake.add_invoice()
    asked = {"payment_source_id": "pm_Nobody"}
    assert shop.code("POST", f"/invoices/{other}/collect_payment", asked) == (404, "resource_not_found")


def test_chargebees_own_retry_is_among_its_attempts(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="generic_decline")
    shop.fake.control("automatic_attempt", {"invoice": identifier})
    after = shop.invoice(identifier)
    assert after["dunning_attempts"][0]["transaction_id"] == after["linked_payments"][-1]["txn_id"]


def test_a_charge_that_comes_late_comes(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="charge_late", amount=4900)
    assert shop.ask("POST", f"/invoices/{identifier}/collect_payment").fault is Fault.RESET
    assert shop.fake.collected(identifier) == 0
    shop.at += 10
    assert shop.fake.collected(identifier) == 4900


@pytest.mark.parametrize("magic", [magic.name for magic in MAGIC])
def test_no_magic_customer_is_charged_twice_under_one_key(shop: Shop, magic: str) -> None:
    identifier = shop.fake.add_invoice(magic=magic)
    for _ in range(5):
        shop.ask("POST", f"/invoices/{identifier}/collect_payment", {"amount": 4900}, key="once")
        shop.at += 10
    assert shop.fake.collected(identifier) in {0, 4900}


def test_closing_collects_only_where_that_goes_by_itself(shop: Shop) -> None:
    by_itself = shop.fake.add_invoice(status="draft")
    by_hand = shop.fake.add_invoice(status="draft", auto_collection=False)
    with_terms = shop.fake.add_invoice(status="draft", net_term_days=30)
    statuses = [shop.post(one, "close")["invoice"]["status"] for one in (by_itself, by_hand, with_terms)]
    assert statuses == ["paid", "payment_due", "posted"]
    assert len(shop.fake.charges) == 1


def test_a_recorded_payment_is_no_charge(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(amount=4900)
    form = {"transaction[payment_method]": "check", "transaction[amount]": 900, "transaction[reference_number]": "no 7"}
    body = shop.post(identifier, "record_payment", form)
    assert (body["transaction"]["reference_number"], body["invoice"]["amount_due"]) == ("no 7", 4000)
    assert shop.fake.charges == []
    assert shop.code("POST", f"/invoices/{identifier}/record_payment") == WRONG


# --- keys


def test_a_key_is_kept_for_half_an_hour(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    first = shop.ask("POST", f"/invoices/{identifier}/collect_payment", {"amount": 4900}, key="k")
    shop.at += 29 * 60
    again = shop.ask("POST", f"/invoices/{identifier}/collect_payment", {"amount": 4900}, key="k")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["chargebee-idempotency-replayed"] == "true"
    shop.at += 2 * 60
    late = shop.code("POST", f"/invoices/{identifier}/collect_payment", {"amount": 4900}, "k")
    assert late == (409, "invalid_state_for_request")


def test_a_key_with_another_request_is_refused(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    shop.ask("POST", f"/invoices/{identifier}/collect_payment", {"amount": 100}, key="k")
    for verb, form in (("collect_payment", {"amount": 200}), ("void", {})):
        assert shop.code("POST", f"/invoices/{identifier}/{verb}", form, "k") == (422, "unable_to_process_request")


def test_a_request_that_still_runs_holds_its_key_and_its_invoice(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="charge_then_hang")
    assert shop.ask("POST", f"/invoices/{identifier}/collect_payment", key="k").fault is Fault.HANG
    for key in ("k", "another", None):
        assert shop.code("POST", f"/invoices/{identifier}/collect_payment", key=key) == (429, "lock_timeout")


def test_a_key_that_is_too_long_is_refused(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    assert shop.ask("POST", f"/invoices/{identifier}/void", key="k" * 101).status == 400


# --- the door


@pytest.mark.parametrize("header", ["", "Bearer x", f"Basic {base64.b64encode(b'test_Nobody:').decode()}", "Basic ===="])
def test_a_wrong_key_is_turned_away(shop: Shop, header: str) -> None:
    request = WireRequest("GET", f"{BASE}/invoices", "", {"authorization": header, "host": "x"})
    reply = shop.fake.respond(request)
    assert (reply.status, json.loads(reply.body)["api_error_code"]) == (401, "api_authentication_failed")


def test_a_read_only_key_reads_only(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    shop.secret = READ_KEY
    assert shop.invoice(identifier)["id"] == identifier
    assert shop.code("POST", f"/invoices/{identifier}/void") == (403, "api_authorization_failed")


def test_a_rate_limit_says_how_long_to_wait(shop: Shop) -> None:
    shop.fake.control("rate_limit", {"per_second": 1, "retry_after": 20})
    shop.read("/invoices")
    reply = shop.ask("GET", "/invoices")
    assert (reply.status, reply.headers["Retry-After"]) == (429, "20")


def test_json_where_a_form_belongs_and_parameters_that_there_are_not_are_refused(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    assert shop.code("POST", f"/invoices/{identifier}/collect_payment", {"amout": 1}) == WRONG
    pair = base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
    headers = {"authorization": f"Basic {pair}", "content-type": "application/json", "host": "x"}
    request = WireRequest("POST", f"{BASE}/invoices/{identifier}/void", "", headers, b"{}")
    assert shop.fake.respond(request).status == 400
    assert shop.code("DELETE", f"/invoices/{identifier}") == (405, "http_method_not_supported")
    assert shop.code("GET", "/nothing") == (404, None)


# --- lists


def test_a_list_is_filtered_sorted_and_paged(shop: Shop) -> None:
    made = [shop.fake.add_invoice(created=AT - n * DAY, amount=1000 + n) for n in range(1, 6)]
    shop.fake.add_invoice(status="paid")
    asked = {"status[in]": '["payment_due","not_paid"]', "amount_due[gt]": 0, "sort_by[asc]": "date", "limit": 2}
    pages, offset = [], None
    while True:
        body = shop.read("/invoices", **asked, **({"offset": offset} if offset else {}))
        pages.append([row["invoice"]["id"] for row in body["list"]])
        offset = body.get("next_offset")
        if offset is None:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one for page in pages for one in page] == made[::-1]
    assert len(shop.read("/invoices")["list"]) == 6


@pytest.mark.parametrize("shape", ['["payment_due","posted"]', "['payment_due', 'posted']", "[payment_due,posted]"])
def test_a_list_of_values_may_be_written_in_three_ways(shop: Shop, shape: str) -> None:
    due, posted = shop.fake.add_invoice(), shop.fake.add_invoice(status="posted")
    shop.fake.add_invoice(status="not_paid")
    assert set(shop.found(**{"status[in]": shape})) == {due, posted}
    assert len(shop.found(**{"status[not_in]": shape})) == 1


@pytest.mark.parametrize(("ends_count", "number"), [(True, 3), (False, 1)])
def test_whether_between_holds_its_ends_is_a_switch(shop: Shop, ends_count: bool, number: int) -> None:
    for n in range(3):
        shop.fake.add_invoice(created=AT - n)
    shop.fake.reads.ends_count = ends_count
    assert len(shop.found(**{"date[between]": f"[{int(AT) - 2},{int(AT)}]"})) == number


def test_customers_and_methods_can_be_looked_for(shop: Shop) -> None:
    customer = shop.fake.add_customer(name="Fennel & Thyme", email="a@b.example")
    shop.fake.add_customer(name="fennel in small letters")
    assert shop.found("/customers", **{"company[starts_with]": "Fennel"}) == [customer]
    assert shop.found("/customers", **{"email[is]": "a@b.example"}) == [customer]
    assert len(shop.found("/payment_sources", **{"customer_id[is]": customer})) == 1
    assert shop.found("/transactions", **{"status[is]": "success"}) == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"offset": "nonsense"},
        {"color[is]": "red"},
        {"date[near]": "1"},
        {"sort_by[asc]": "total"},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(shop: Shop, query: dict[str, Any]) -> None:
    assert shop.ask("GET", "/invoices", **query).status == 400


def test_what_has_no_value_is_absent(shop: Shop) -> None:
    shown = shop.invoice(shop.fake.add_invoice())
    assert not {"paid_at", "voided_at", "void_reason_code", "payment_owner"} & set(shown)
    assert None not in shown.values()


# --- pages, the demo and the sandbox's controls


def test_a_payment_page_lists_all_that_the_customer_has_not_paid(shop: Shop) -> None:
    first = shop.fake.add_invoice(name="Fennel & Thyme", currency="KWD", amount=1250)
    customer = shop.fake.invoices[first].customer
    second = shop.fake.add_invoice(customer=customer, currency="JPY", amount=980)
    paid = shop.fake.add_invoice(customer=customer, status="paid")
    reply = shop.ask("POST", "/hosted_pages/collect_now", {"customer[id]": customer})
    url = json.loads(reply.body)["hosted_page"]["url"]
    page = shop.fake.respond(WireRequest("GET", url.removeprefix("http://127.0.0.1:8123"), "", {"host": "127.0.0.1:8123"}))
    text = page.body.decode()
    assert first in text
    assert second in text
    assert paid not in text
    assert "KWD 12.50" in text
    assert "JPY 980" in text
    assert "Fennel &amp; Thyme" in text


def test_a_pdf_is_one_and_its_link_needs_no_key(shop: Shop) -> None:
    download = shop.post(shop.fake.add_invoice(), "pdf", {"disposition_type": "inline"})["download"]
    assert download["valid_till"] == int(AT) + 3600
    path = download["download_url"].removeprefix("http://127.0.0.1:8123")
    reply = shop.fake.respond(WireRequest("GET", path, "", {"host": "127.0.0.1:8123"}))
    assert reply.body.startswith(b"%PDF")


def test_the_demo_has_two_failed_invoices_and_others_that_a_digest_leaves_out(shop: Shop) -> None:
    shop.fake.control("seed_demo", {})
    failed = shop.read("/invoices", **{"status[in]": "[payment_due,not_paid]", "amount_due[gt]": 0})["list"]
    assert {row["invoice"]["status"] for row in failed} == {"payment_due", "not_paid"}
    assert len(failed) == 2
    assert {one.status for one in shop.fake.invoices.values()} >= {"posted", "pending", "paid", "voided"}


def test_what_a_person_can_make_happen(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="fix_the_card")
    shop.fake.control("change_amount", {"invoice": identifier, "amount": 100})
    assert shop.invoice(identifier)["amount_due"] == 100
    shop.fake.control("change_card", {"invoice": identifier})
    assert shop.post(identifier, "collect_payment")["invoice"]["status"] == "paid"
    other = shop.fake.add_invoice()
    shop.fake.control("pay_elsewhere", {"invoice": other})
    linked = shop.invoice(other)["linked_payments"][-1]["txn_id"]
    assert shop.read(f"/transactions/{linked}")["transaction"]["initiator_type"] == "customer"
    third = shop.fake.add_invoice()
    shop.fake.control("void_elsewhere", {"invoice": third})
    for name in ("pay_elsewhere", "void_elsewhere", "automatic_attempt"):
        with pytest.raises(ValueError, match="the invoice is voided"):
            shop.fake.control(name, {"invoice": third})
    with pytest.raises(ValueError, match="there is no control"):
        shop.fake.control("explode", {})


@pytest.mark.parametrize("how", ["hang", "reset", "500", "html", "empty", "truncated", "429"])
def test_the_two_switches_disturb_an_answer_before_and_after_its_effect(shop: Shop, how: str) -> None:
    identifier = shop.fake.add_invoice()
    shop.fake.control("everything", {"what": how, "times": 1})
    shop.ask("POST", f"/invoices/{identifier}/void")
    is_done = how == "truncated"  # which has to be computed, to be cut
    assert (shop.invoice(identifier)["status"] == "voided") is is_done
    second = shop.fake.add_invoice()
    shop.fake.control("everything", {})
    shop.fake.control("after_effect", {"what": how, "times": 1})
    shop.ask("POST", f"/invoices/{second}/void")
    assert shop.invoice(second)["status"] == "voided"


def test_a_snapshot_can_be_written_as_json_and_holds_no_key(shop: Shop) -> None:
    shop.fake.seed_demo()
    text = json.dumps(shop.fake.snapshot())
    assert SECRET_KEY not in text
    assert "CB-3001" in text
