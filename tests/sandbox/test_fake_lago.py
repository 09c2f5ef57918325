"""The fake Lago keeps to what is known of Lago: the table of statuses, jobs that run later, and its traps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.sandbox.providers.lago import BASE, READ_KEY, SECRET_KEY, FakeLago
from bot.sandbox.providers.lago_door import ApiKey
from bot.sandbox.wire import Fault, WireReply, WireRequest

AT = 1_795_000_000.0
DAY = 86_400


@dataclass
class Shop:
    """A fake on a clock of its own, asked without a socket."""

    at: float = AT
    secret: str = SECRET_KEY
    fake: FakeLago = field(init=False)

    def __post_init__(self) -> None:
        self.fake = FakeLago(lambda: self.at)

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> WireReply:
        request = WireRequest(
            method=method,
            path=f"{BASE}{path}",
            query=urlencode(query, doseq=True),
            headers={"authorization": f"Bearer {self.secret}", "host": "127.0.0.1:8123"},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        return self.fake.respond(request)

    def read(self, path: str, **query: Any) -> Any:
        reply = self.ask("GET", path, **query)
        assert reply.status == 200
        return json.loads(reply.body)

    def invoice(self, identifier: str) -> Any:
        return self.read(f"/invoices/{identifier}")["invoice"]

    def code(self, method: str, path: str, body: Any = None) -> tuple[int, str | None]:
        reply = self.ask(method, path, body)
        return reply.status, json.loads(reply.body).get("code") if reply.body.startswith(b"{") else None


@pytest.fixture
def shop() -> Shop:
    return Shop()


# --- which action on which status

VERBS = [
    ("POST", "/retry_payment"),
    ("POST", "/resend_email"),
    ("POST", "/void"),
    ("PUT", "/finalize"),
    ("PUT", "/refresh"),
    ("POST", "/payment_url"),
]
ANSWERS = {
    "draft": [405, 405, 405, 200, 200, 422],
    "open": [200, 200, 200, 404, 200, 200],
    "void": [405, 405, 405, 404, 200, 422],
    "failed": [200, 405, 405, 404, 200, 200],
    "pending": [200, 405, 405, 404, 200, 200],
    "paid": [405, 200, 200, 404, 200, 422],
}


@pytest.mark.parametrize(
    ("status", "verb", "answer"),
    [(status, verb, one) for status, row in ANSWERS.items() for verb, one in zip(VERBS, row, strict=True)],
)
def test_each_action_is_accepted_on_the_statuses_of_the_table(
    shop: Shop, status: str, verb: tuple[str, str], answer: int
) -> None:
    identifier = shop.fake.add_invoice(status=status, email="a@b.example")
    assert shop.ask(verb[0], f"/invoices/{identifier}{verb[1]}").status == answer


# --- what a job does a moment later


def test_a_retry_is_answered_with_nothing_and_charges_later(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    reply = shop.ask("POST", f"/invoices/{identifier}/retry_payment")
    assert (reply.status, reply.body, shop.fake.charges) == (200, b"", [])
    assert shop.code("POST", f"/invoices/{identifier}/retry_payment") == (
        405,
        "payment_processor_is_currently_handling_payment",
    )
    shop.at += 1
    assert shop.fake.collected(identifier) == 4900
    assert shop.invoice(identifier)["payment_status"] == "succeeded"
    assert shop.code("POST", f"/invoices/{identifier}/retry_payment") == (405, "invalid_status")


@pytest.mark.parametrize("magic", ["no_method", "no_customer", "no_provider", "silent"])
def test_a_retry_that_comes_to_nothing_leaves_no_trace(shop: Shop, magic: str) -> None:
    identifier = shop.fake.add_invoice(magic=magic)
    before = shop.invoice(identifier)
    assert shop.ask("POST", f"/invoices/{identifier}/retry_payment").status == 200
    shop.at += 60
    assert (shop.invoice(identifier), shop.fake.charges) == (before, [])


def test_a_self_billed_invoice_is_never_charged(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(self_billed=True)
    shop.ask("POST", f"/invoices/{identifier}/retry_payment")
    shop.at += 60
    assert shop.fake.charges == []


def test_a_decline_is_a_new_failed_payment_and_nothing_more(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="declined")
    old = shop.read("/payments", invoice_id=identifier)["payments"]
    shop.ask("POST", f"/invoices/{identifier}/retry_payment")
    shop.at += 1
    new = shop.read("/payments", invoice_id=identifier)["payments"]
    assert [payment["payment_status"] for payment in new] == ["failed", "failed"]
    assert new[1:] == old
    assert "insufficient" not in json.dumps(new)


def test_a_payment_that_waits_for_the_customer_says_what_to_do_next(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="needs_authentication")
    shop.ask("POST", f"/invoices/{identifier}/retry_payment")
    shop.at += 1
    newest = shop.read("/payments", invoice_id=identifier)["payments"][0]
    assert newest["payment_status"] == "processing"
    assert newest["next_action"]["type"] == "redirect_to_url"
    assert shop.invoice(identifier)["payment_status"] == "pending"


def test_finalizing_charges_and_mails_by_itself(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(status="draft", email="a@b.example")
    assert shop.invoice(identifier)["number"].endswith("-DRAFT")
    shop.ask("PUT", f"/invoices/{identifier}/finalize")
    assert not shop.invoice(identifier)["number"].endswith("-DRAFT")
    shop.at += 1
    assert shop.fake.collected(identifier) == 4900
    assert [sent.invoice for sent in shop.fake.sent] == [identifier]


def test_a_draft_whose_taxes_come_from_elsewhere_waits_for_them(shop: Shop) -> None:
    waiting, broken = (shop.fake.add_invoice(status="draft", taxes=taxes) for taxes in ("pending", "broken"))
    assert json.loads(shop.ask("PUT", f"/invoices/{waiting}/finalize").body)["invoice"]["status"] == "pending"
    assert shop.code("PUT", f"/invoices/{broken}/finalize") == (422, "validation_errors")
    one_off = shop.fake.add_invoice(status="draft", type="one_off")
    assert shop.code("PUT", f"/invoices/{one_off}/finalize") == (403, "feature_unavailable")


def test_the_server_voids_even_what_is_paid(shop: Shop) -> None:
    """Which is why the adapter may not leave it to the server."""
    identifier = shop.fake.add_invoice(status="paid")
    assert shop.ask("POST", f"/invoices/{identifier}/void").status == 200
    assert (shop.invoice(identifier)["status"], shop.invoice(identifier)["total_due_amount_cents"]) == ("voided", 0)


# --- licence, e-mail, payments


def test_without_premium_there_is_neither_mail_nor_recording(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(email="a@b.example")
    shop.fake.control("premium", {"on": False})
    assert shop.code("POST", f"/invoices/{identifier}/resend_email") == (403, "premium_license_required")
    payment = {"payment": {"invoice_id": identifier, "amount_cents": 100, "reference": "wire"}}
    assert shop.code("POST", "/payments", payment) == (403, "feature_unavailable")
    assert shop.ask("PUT", f"/invoices/{identifier}", {"invoice": {"payment_status": "succeeded"}}).status == 200
    told = shop.invoice(identifier)
    assert (told["payment_status"], told["total_paid_amount_cents"]) == ("succeeded", 0)


def test_mail_needs_settings_and_an_address(shop: Shop) -> None:
    nobody, somebody = shop.fake.add_invoice(email=None), shop.fake.add_invoice(email="a@b.example")
    assert shop.code("POST", f"/invoices/{nobody}/resend_email") == (422, "validation_errors")
    shop.fake.control("email_settings", {"on": False})
    assert shop.code("POST", f"/invoices/{somebody}/resend_email") == (405, "email_settings_disabled")
    assert shop.fake.sent == []


def test_recorded_parts_add_up(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(amount=1000, currency="JPY")
    for amount, status in ((400, "failed"), (600, "succeeded")):
        payment = {"payment": {"invoice_id": identifier, "amount_cents": amount, "reference": f"wire {amount}"}}
        assert shop.ask("POST", "/payments", payment).status == 200
        assert shop.invoice(identifier)["payment_status"] == status
    assert shop.fake.collected(identifier) == 0


@pytest.mark.parametrize(
    ("payment", "status"),
    [
        ({}, 422),
        ({"invoice_id": "nowhere", "amount_cents": 1}, 404),
        ({"amount_cents": 0}, 422),
        ({"amount_cents": 4901}, 422),
        ({"amount_cents": 100, "paid_at": "yesterday"}, 422),
    ],
)
def test_a_payment_that_makes_no_sense_is_refused(shop: Shop, payment: dict[str, Any], status: int) -> None:
    identifier = shop.fake.add_invoice()
    whole = {"invoice_id": identifier, **payment} if payment else {}
    assert shop.ask("POST", "/payments", {"payment": whole}).status == status
    assert shop.ask("POST", "/payments", whole).status == 400


@pytest.mark.parametrize(("status", "code"), [("draft", 405), ("void", 405)])
def test_a_draft_or_voided_invoice_cannot_be_said_to_be_paid(shop: Shop, status: str, code: int) -> None:
    identifier = shop.fake.add_invoice(status=status)
    assert shop.ask("PUT", f"/invoices/{identifier}", {"invoice": {"payment_status": "succeeded"}}).status == code


# --- lists, and their traps


def numbers(answered: Any) -> list[str]:
    return [invoice["lago_id"] for invoice in answered["invoices"]]


def test_the_filter_for_lost_disputes_reads_false_as_true(shop: Shop) -> None:
    lost, _ = shop.fake.add_invoice(dispute_lost=True), shop.fake.add_invoice()
    assert numbers(shop.read("/invoices", payment_dispute_lost="false")) == [lost]


def test_a_malformed_date_is_passed_over_and_a_wrong_word_is_not(shop: Shop) -> None:
    shop.fake.add_invoice()
    assert len(numbers(shop.read("/invoices", issuing_date_from="tomorrow"))) == 1
    assert shop.code("GET", "/invoices?x")[0] == 404
    assert shop.ask("GET", "/invoices", status="lost").status == 422


def test_generation_that_failed_is_another_list_than_payment_that_failed(shop: Shop) -> None:
    unmade, unpaid = shop.fake.add_invoice(status="failed"), shop.fake.add_invoice()
    assert numbers(shop.read("/invoices", **{"statuses[]": "failed"})) == [unmade]
    assert numbers(shop.read("/invoices", **{"payment_statuses[]": "failed"})) == [unpaid]


def test_overdue_is_a_clocks_affair(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(due_at=AT + DAY)
    assert shop.read("/invoices", payment_overdue="true")["invoices"] == []
    shop.at += 2 * DAY
    assert numbers(shop.read("/invoices", payment_overdue="true")) == [identifier]


def test_an_empty_list_has_no_current_page(shop: Shop) -> None:
    assert shop.read("/invoices")["meta"] == {
        "current_page": 0,
        "next_page": None,
        "prev_page": None,
        "total_pages": 0,
        "total_count": 0,
    }


def test_pages_have_the_size_that_was_asked_for_unless_the_server_has_its_own(shop: Shop) -> None:
    made = [shop.fake.add_invoice(created=AT - n * DAY) for n in range(5)]
    first = shop.read("/invoices", per_page=2)
    assert (numbers(first), first["meta"]["next_page"]) == (made[:2], 2)
    shop.fake.page_limit = 4
    assert len(numbers(shop.read("/invoices", per_page=100))) == 4


# --- the door


def test_the_door_knows_keys_and_what_they_may(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    shop.secret = READ_KEY
    assert shop.ask("GET", f"/invoices/{identifier}").status == 200
    assert shop.code("POST", f"/invoices/{identifier}/payment_url") == (403, "write_action_not_allowed_for_invoice")
    assert shop.code("POST", "/payments", {"payment": {}}) == (403, "write_action_not_allowed_for_payment")
    shop.secret = "nobody's"
    assert shop.code("GET", f"/invoices/{identifier}") == (401, None)


def test_a_key_may_be_kept_from_reading_payments() -> None:
    shop = Shop()
    shop.fake.keys = (ApiKey(SECRET_KEY, frozenset({"invoice:write"})),)
    assert shop.code("GET", "/payments") == (403, "read_action_not_allowed_for_payment")


def test_the_rate_limit_says_when_it_ends(shop: Shop) -> None:
    shop.fake.control("rate_limit", {"per_second": 1, "retry_after": 9})
    identifier = shop.fake.add_invoice()
    assert shop.ask("GET", f"/invoices/{identifier}").status == 200
    reply = shop.ask("GET", f"/invoices/{identifier}")
    assert (reply.status, reply.headers["X-RateLimit-Reset"]) == (429, "9")
    shop.at += 1
    assert shop.ask("GET", f"/invoices/{identifier}").status == 200


# --- an old server, pages, PDFs


def test_an_old_server_lacks_what_is_young(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    shop.fake.control("old_server", {"on": True})
    assert "total_due_amount_cents" not in shop.invoice(identifier)
    customer = shop.fake.invoices[identifier].customer
    for method, path in (
        ("POST", f"/invoices/{identifier}/resend_email"),
        ("GET", f"/customers/{customer}/payment_methods"),
    ):
        assert shop.code(method, path) == (404, None)


def test_a_pdf_is_made_after_it_was_asked_for(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(has_pdf=False)
    assert shop.ask("POST", f"/invoices/{identifier}/download").body == b""
    shop.at += 1
    assert shop.invoice(identifier)["file_url"]


def test_links_lead_to_pages_of_the_fake_where_it_is_its_own_host() -> None:
    shop = Shop()
    shop.fake = FakeLago(lambda: shop.at, hosted=False)
    identifier = shop.fake.add_invoice(name="<b>Bold</b>", currency="JPY", amount=9800)
    link = json.loads(shop.ask("POST", f"/invoices/{identifier}/payment_url").body)["invoice_payment_details"][
        "payment_url"
    ]
    file = json.loads(shop.ask("POST", f"/invoices/{identifier}/download").body)["invoice"]["file_url"]
    for url, beginning in ((link, b"<!doctype html>"), (file, b"%PDF-1.4")):
        path = url.removeprefix("http://127.0.0.1:8123")
        reply = shop.fake.respond(WireRequest("GET", path, "", {}))
        assert (reply.status, reply.body[: len(beginning)]) == (200, beginning)
        assert b"<b>" not in reply.body
    assert b"JPY 9,800" in shop.fake.respond(WireRequest("GET", link.removeprefix("http://127.0.0.1:8123"), "", {})).body


# --- switches, demo, controls


@pytest.mark.parametrize(
    ("how", "status", "fault"),
    [("hang", 200, Fault.HANG), ("reset", 200, Fault.RESET), ("500", 500, None), ("html", 200, None), ("429", 429, None)],
)
def test_everything_can_go_wrong_without_an_effect_or_after_it(
    shop: Shop, how: str, status: int, fault: Fault | None
) -> None:
    identifier = shop.fake.add_invoice()
    shop.fake.control("everything", {"what": how, "times": 1})
    reply = shop.ask("POST", f"/invoices/{identifier}/void")
    assert (reply.status, reply.fault, shop.invoice(identifier)["status"]) == (status, fault, "finalized")
    shop.fake.control("everything", {})
    shop.fake.control("after_effect", {"what": how, "times": 1})
    reply = shop.ask("POST", f"/invoices/{identifier}/void")
    assert (reply.fault, shop.invoice(identifier)["status"]) == (fault, "voided")


@pytest.mark.parametrize("magic", ["charge_then_hang", "charge_then_reset", "charge_then_500", "charge_then_html"])
def test_a_magic_customer_is_charged_although_the_answer_is_lost(shop: Shop, magic: str) -> None:
    identifier = shop.fake.add_invoice(magic=magic)
    reply = shop.ask("POST", f"/invoices/{identifier}/retry_payment")
    assert reply.fault is not None or reply.body
    shop.at += 1
    assert shop.fake.collected(identifier) == 4900


def test_a_magic_customer_whose_answer_never_comes_is_not_charged(shop: Shop) -> None:
    identifier = shop.fake.add_invoice(magic="hang")
    assert shop.ask("POST", f"/invoices/{identifier}/retry_payment").fault is Fault.HANG
    shop.at += 60
    assert shop.fake.charges == []


def test_the_demo_holds_what_a_digest_shows_and_what_it_must_leave_out(shop: Shop) -> None:
    shop.fake.seed_demo()
    invoices = list(shop.fake.invoices.values())
    assert {invoice.currency for invoice in invoices} == {"EUR", "USD", "JPY"}
    assert {invoice.status for invoice in invoices} == {"finalized", "draft", "failed"}
    assert any(invoice.dispute_lost_at for invoice in invoices)
    assert any(invoice.self_billed for invoice in invoices)
    assert shop.fake.charges == []
    json.dumps(shop.fake.snapshot())


def test_a_colleague_and_the_customer_act_elsewhere(shop: Shop) -> None:
    one, two, three = (shop.fake.add_invoice(magic="declined") for _ in range(3))
    assert shop.fake.control("pay_elsewhere", {"invoice": one})["status"] == "succeeded"
    assert shop.fake.control("void_elsewhere", {"invoice": two})["status"] == "voided"
    assert shop.fake.control("change_amount", {"invoice": three, "amount": 100}) == {"total_due_amount_cents": 100}
    assert shop.fake.control("automatic_attempt", {"invoice": three})["result"] == "declined"
    shop.fake.control("change_card", {"invoice": three})
    assert shop.fake.control("automatic_attempt", {"invoice": three})["result"] == "paid"
    assert [line["amount"] for line in shop.fake.ledger()] == [4900, 100, 100]


def test_a_bank_debit_settles_or_bounces(shop: Shop) -> None:
    for success, status in ((True, "succeeded"), (False, "failed")):
        identifier = shop.fake.add_invoice(magic="bank_debit")
        shop.ask("POST", f"/invoices/{identifier}/retry_payment")
        shop.at += 1
        assert shop.fake.collected(identifier) == 0
        shop.fake.control("settle_processing", {"invoice": identifier, "success": success})
        assert shop.invoice(identifier)["payment_status"] == status
        assert shop.fake.collected(identifier) == (4900 if success else 0)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("dance", {}),
        ("keyed", {"on": False}),
        ("void_elsewhere", {"invoice": "nowhere"}),
        ("void_elsewhere", {"nothing": 1}),
        ("change_card", {"invoice": "x", "magic": "no_method"}),
        ("settle_processing", {"invoice": "open"}),
        ("change_amount", {"invoice": "open", "amount": 0}),
        ("automatic_attempt", {"invoice": "open"}),
        ("pay_elsewhere", {"invoice": "draft"}),
        ("everything", {"what": "rain"}),
    ],
)
def test_a_control_that_cannot_be_done_says_why(shop: Shop, name: str, args: dict[str, Any]) -> None:
    made = {"open": shop.fake.add_invoice(magic="no_method"), "draft": shop.fake.add_invoice(status="draft")}
    if "invoice" in args:
        args = {**args, "invoice": made.get(args["invoice"], args["invoice"])}
    with pytest.raises(ValueError, match=r"\w"):
        shop.fake.control(name, args)


def test_what_was_asked_is_remembered_without_secrets(shop: Shop) -> None:
    identifier = shop.fake.add_invoice()
    shop.ask("POST", f"/invoices/{identifier}/void", {})
    seen = shop.fake.requests[-1]
    assert (seen.method, seen.path, seen.status) == ("POST", f"/invoices/{identifier}/void", 200)
    assert SECRET_KEY not in repr(shop.fake.requests)
    assert SECRET_KEY not in json.dumps(shop.fake.snapshot())
