"""What is peculiar to Chargebee: what it refuses and why, what is sent, and which settings cannot be used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.details import Issue, PaidBy, Received
from bot.domain.errors import ProviderFailure, UnusableValue
from bot.domain.invoice import CollectionMethod, InvoiceStatus, NoMethod, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.providers.registry import facts_of, open_provider
from tests.providers.chargebee_samples import (
    API_KEY,
    BASE,
    CUSTOMER,
    ID,
    NEW_PAYMENT,
    READ_KEY,
    REF,
    SITE,
    SOURCE,
    Desk,
    a_customer,
    a_payment,
    a_transaction,
    a_wire,
    an_invoice,
    answer,
    collected,
    form_in,
    listed,
    one,
    over,
    refused,
    transaction,
)
from tests.providers.samples import NOW
from tests.providers.wire import Answer, FixedClock, an_order

VERBS = {
    Action.RETRY: "collect_payment",
    Action.RESEND: "send_email",
    Action.VOID: "void",
    Action.UNCOLLECTIBLE: "write_off",
    Action.FINALIZE: "close",
    Action.PAID: "record_payment",
}
PATHS = {action: f"POST /invoices/{ID}/{verb}" for action, verb in VERBS.items()}
DRAFT = one(status="pending")
R = RejectedReason


def desk_for(action: Action, reply: Answer, *, settings: dict[str, Any] | None = None, **routes: Any) -> Desk:
    first = DRAFT if action is Action.FINALIZE else one()
    return Desk(a_wire({f"GET /invoices/{ID}": first, PATHS[action]: reply, **routes}), **(settings or {}))


# --- every error, and what it is to us

TABLE: list[tuple[Action, httpx.Response, RejectedReason]] = [
    (Action.RETRY, refused(400, "payment_gateway_currency_incompatible"), R.INVALID_REQUEST),
    (Action.RETRY, refused(400, "configuration_incompatible"), R.INVALID_REQUEST),
    (Action.RETRY, refused(400, "invalid_request"), R.INVALID_REQUEST),
    (Action.RETRY, refused(400, "param_wrong_value", param="comment"), R.INVALID_REQUEST),
    (Action.RETRY, refused(400, "duplicate_entry"), R.INVALID_REQUEST),
    (Action.RETRY, refused(400, "resource_limit_exhausted"), R.INVALID_REQUEST),
    (Action.RETRY, refused(400, "resource_limit_exceeded"), R.INVALID_REQUEST),
    (Action.RETRY, refused(401, "api_authentication_failed", "untyped"), R.UNAUTHORIZED),
    (Action.RETRY, refused(401, "basic_authentication_failed", "untyped"), R.UNAUTHORIZED),
    (Action.RETRY, refused(403, "api_authorization_failed", "untyped"), R.FORBIDDEN),
    (Action.RETRY, refused(403, "request_blocked", "untyped"), R.FORBIDDEN),
    (Action.RETRY, refused(404, "resource_not_found", param="invoice_id"), R.NOT_FOUND),
    (Action.RETRY, refused(404, "resource_not_found", param="payment_source_id"), R.INVALID_REQUEST),
    (Action.RETRY, refused(404, "site_not_found"), R.INVALID_REQUEST),
    (Action.RETRY, answer(b"<h1>Not found</h1>", 404), R.INVALID_REQUEST),
    (Action.RETRY, refused(405, "http_method_not_supported"), R.INVALID_REQUEST),
    (Action.RETRY, refused(409, "invalid_state_for_request"), R.NOT_ACTIONABLE),
    (Action.RETRY, refused(422, "unable_to_process_request"), R.INVALID_REQUEST),
    (Action.RETRY, refused(429, "api_request_limit_exceeded", "operation_failed"), R.RATE_LIMITED),
    (Action.RETRY, refused(429, "third_party_api_request_limit_exceeded", "operation_failed"), R.RATE_LIMITED),
    (Action.RETRY, refused(429, "lock_timeout", "operation_failed"), R.RATE_LIMITED),
    (Action.RETRY, answer(b"slow down", 429), R.RATE_LIMITED),
    (Action.RETRY, refused(503, "site_read_only_mode", "operation_failed"), R.UNREACHABLE),
    (Action.RETRY, refused(503, "site_not_ready", "operation_failed"), R.UNREACHABLE),
    (Action.RETRY, answer(b"<html>blocked</html>", 403), R.FORBIDDEN),
    (Action.VOID, refused(409, "invalid_state_for_request"), R.NOT_ACTIONABLE),
    (Action.VOID, refused(400, "param_wrong_value", param="void_reason_code"), R.INVALID_REQUEST),
    (Action.UNCOLLECTIBLE, refused(409, "invalid_state_for_request"), R.NOT_ACTIONABLE),
    (Action.FINALIZE, refused(409, "invalid_state_for_request"), R.NOT_ACTIONABLE),
    (Action.PAID, refused(409, "invalid_invoice_state"), R.NOT_ACTIONABLE),
    (Action.PAID, refused(400, "param_wrong_value", param="transaction[amount]"), R.INVALID_REQUEST),
    (Action.RESEND, answer(b"<h1>Not found</h1>", 404), R.INVALID_REQUEST),
    (Action.RESEND, refused(404, "resource_not_found"), R.INVALID_REQUEST),
    (Action.RESEND, refused(405, "http_method_not_supported"), R.INVALID_REQUEST),
    (Action.RESEND, refused(409, "invalid_state_for_request"), R.NOT_ACTIONABLE),
]


@pytest.mark.parametrize(("action", "reply", "reason"), TABLE)
async def test_every_refusal_is_an_ending_with_a_sentence(
    action: Action, reply: httpx.Response, reason: RejectedReason
) -> None:
    desk = desk_for(action, reply)
    outcome = await desk.perform(action)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert outcome.detail[0].isupper()
    assert outcome.detail.endswith(".")
    assert len(desk.sent) == 1


@pytest.mark.parametrize(
    "reply",
    [
        refused(500, "internal_error", "operation_failed"),
        refused(503, "internal_temporary_error", "operation_failed"),
        refused(503, "db_connection_failure", "operation_failed"),
        answer(b"<h1>Bad gateway</h1>", 502),
        answer(b"", 504),
        answer(b"", 302),
        answer(b"", 408),
        refused(409, "something_else"),
        answer(b"", 409),
        answer(b"", 200),
        answer(b"<p>one moment", 200),
        answer(b'{"invoice": {}}', 200),
        answer(b'{"invoice": {"id": "GP-2041", "currency_code": "EUR", "amount_due": 0, "sta', 200),
        answer({"invoice": an_invoice(id="SOMEBODY-ELSE"), "transaction": a_transaction("success")}),
    ],
)
@pytest.mark.parametrize("action", [Action.RETRY, Action.RESEND, Action.VOID, Action.UNCOLLECTIBLE, Action.PAID])
async def test_what_proves_nothing_is_a_doubt_and_is_not_sent_again(action: Action, reply: httpx.Response) -> None:
    desk = desk_for(action, reply)
    assert isinstance(await desk.perform(action), Unknown)
    assert len(desk.sent) == 1


@pytest.mark.parametrize(
    ("headers", "code", "wait"),
    [
        ({"Retry-After": "20"}, "api_request_limit_exceeded", 20.0),
        ({}, "api_request_limit_exceeded", 60.0),
        ({}, "lock_timeout", 3.0),
        ({"Retry-After": "soon"}, "lock_timeout", 3.0),
    ],
)
async def test_a_rate_limit_says_how_long_to_wait(headers: dict[str, str], code: str, wait: float) -> None:
    outcome = await desk_for(Action.RETRY, refused(429, code, "operation_failed", headers=headers)).perform()
    assert isinstance(outcome, Rejected)
    assert outcome.retry_after == wait


async def test_what_a_vendor_says_is_shown_without_its_addresses() -> None:
    body = {"message": "Ask jo@granite.example", "type": "untyped", "api_error_code": "api_authorization_failed"}
    outcome = await desk_for(Action.VOID, answer(body, 403)).perform(Action.VOID)
    assert isinstance(outcome, Rejected)
    assert "granite.example" not in outcome.detail


# --- a payment: what the gateway said, and what the invoice says now

CAUSES: list[tuple[str, type, RejectedReason | None]] = [
    ("gateway.transaction_processing.payment_intent_unexpected_state", Unknown, None),
    ("gateway.technical.connection_lost", Unknown, None),
    ("gateway.technical.rate_limit_exceeded", Rejected, R.RATE_LIMITED),
    ("gateway.transaction_processing.payment_code_incorrect", Rejected, R.INVALID_REQUEST),
    ("gateway.merchant_account.authentication_failure", Rejected, R.INVALID_REQUEST),
    ("gateway.merchant_account.test_only", Rejected, R.INVALID_REQUEST),
    ("gateway.merchant_account.anything", Rejected, R.INVALID_REQUEST),
]


@pytest.mark.parametrize(("cause", "ending", "reason"), CAUSES)
async def test_trouble_behind_chargebee_is_no_decline_of_a_bank(
    cause: str, ending: type, reason: RejectedReason | None
) -> None:
    reply = refused(400, "payment_processing_failed", "payment", error_cause_id=cause)
    outcome = await desk_for(Action.RETRY, reply).perform()
    assert isinstance(outcome, ending)
    assert getattr(outcome, "reason", None) is reason


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("payment_method_not_present", DeclineClass.NEEDS_NEW_METHOD),
        ("payment_method_verification_failed", DeclineClass.NEEDS_NEW_METHOD),
        ("payment_intent_invalid", DeclineClass.NEEDS_AUTHENTICATION),
        ("payment_intent_invalid_amount", DeclineClass.NEEDS_AUTHENTICATION),
    ],
)
@pytest.mark.parametrize("type_", ["payment", "invalid_request"])
async def test_what_lacks_to_a_payment_is_told_as_a_decline(code: str, kind: DeclineClass, type_: str) -> None:
    outcome = await desk_for(Action.RETRY, refused(400, code, type_)).perform()
    assert isinstance(outcome, Declined)
    assert (outcome.decline.code, outcome.decline.kind) == (code, kind)


async def test_a_decline_whose_transaction_cannot_be_read_is_told_by_the_refusal() -> None:
    """Not by the decline of yesterday, which is the newest that can be seen."""
    reply = refused(400, "payment_processing_failed", "payment", error_cause_id="gateway.general.decline")
    outcome = await desk_for(Action.RETRY, reply).perform()
    assert isinstance(outcome, Declined)
    assert (outcome.decline.code, outcome.decline.method) == ("gateway.general.decline", SOURCE)
    assert outcome.decline.method_label == "visa ending 8210"


async def test_a_decline_is_told_by_its_own_transaction() -> None:
    stolen = transaction(identifier=NEW_PAYMENT, error_detail={"decline_code": "stolen_card"})
    after = one(a_payment(), a_payment("failure", NEW_PAYMENT))
    reply = refused(400, "payment_processing_failed", "payment", error_cause_id="gateway.general.decline")
    wire = a_wire(
        {
            f"GET /invoices/{ID}": [one(), after],
            f"GET /transactions/{NEW_PAYMENT}": stolen,
            PATHS[Action.RETRY]: reply,
        }
    )
    outcome = await Desk(wire).perform()
    assert isinstance(outcome, Declined)
    assert (outcome.decline.code, outcome.decline.confidential) == ("stolen_card", True)


async def test_the_answer_to_a_retry_is_told_by_its_transaction_and_not_by_its_status() -> None:
    for status, ending in {
        "success": Succeeded,
        "in_progress": Pending,
        "failure": Declined,
        "late_failure": Declined,
        "voided": Rejected,
        "timeout": Unknown,
        "needs_attention": Unknown,
        "a_new_word": Unknown,
    }.items():
        outcome = await desk_for(Action.RETRY, collected(status)).perform()
        assert isinstance(outcome, ending), status


async def test_a_part_that_was_collected_is_not_told_as_paid() -> None:
    reply = answer(
        {
            "invoice": an_invoice(amount_due=1500, amount_to_collect=1500, amount_paid=30000),
            "transaction": a_transaction("success", NEW_PAYMENT, amount=30000),
        }
    )
    outcome = await desk_for(Action.RETRY, reply).perform()
    assert isinstance(outcome, Succeeded)
    assert outcome.charged == Money(30000, "EUR")
    assert outcome.invoice is not None
    assert (outcome.invoice.status, outcome.invoice.owed) == (InvoiceStatus.OPEN, Money(1500, "EUR"))


@pytest.mark.parametrize(
    "reply", [refused(409, "invalid_state_for_request"), refused(400, "param_wrong_value", param="amount")]
)
async def test_a_retry_beside_a_payment_under_way_is_pending_however_it_is_refused(reply: httpx.Response) -> None:
    running = one(a_payment(), a_payment("in_progress", NEW_PAYMENT), amount_to_collect=0)
    wire = a_wire({f"GET /invoices/{ID}": [one(), running], PATHS[Action.RETRY]: reply})
    assert isinstance(await Desk(wire).perform(), Pending)


@pytest.mark.parametrize(
    "reply", [refused(409, "invalid_state_for_request"), refused(400, "param_wrong_value", param="amount")]
)
async def test_what_was_paid_meanwhile_is_told_as_paid(reply: httpx.Response) -> None:
    paid = one(a_payment("success"), status="paid", amount_due=0, amount_to_collect=0)
    wire = a_wire({f"GET /invoices/{ID}": [one(), paid], PATHS[Action.RETRY]: reply})
    outcome = await Desk(wire).perform()
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.detail) == (R.NOT_ACTIONABLE, f"Invoice {ID} is already paid.")


async def test_what_was_written_off_meanwhile_is_not_told_as_paid() -> None:
    gone = one(status="paid", amount_due=0, amount_to_collect=0, write_off_amount=31500)
    wire = a_wire({f"GET /invoices/{ID}": [one(), gone], PATHS[Action.RETRY]: refused(409, "invalid_state_for_request")})
    outcome = await Desk(wire).perform()
    assert isinstance(outcome, Rejected)
    assert outcome.detail == f"Invoice {ID} is written off."


# --- what is sent


async def test_a_retry_asks_for_the_amount_that_the_person_saw_and_the_method_that_they_saw() -> None:
    desk = desk_for(Action.RETRY, collected())
    outcome = await desk.perform(key="recoup-7")
    assert isinstance(outcome, Succeeded)
    (request,) = desk.sent
    assert request.url == f"https://{SITE}.chargebee.com{BASE}/invoices/{ID}/collect_payment"
    assert form_in(request) == {
        "amount": "31500",
        "payment_source_id": SOURCE,
        "payment_initiator": "merchant",
        "comment": "Recoup recoup-7",
    }
    assert request.headers["chargebee-idempotency-key"] == "recoup-7"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_retry_takes_no_more_than_the_person_saw() -> None:
    desk = desk_for(Action.RETRY, collected())
    order = await desk.order(Action.RETRY)
    await desk.provider.perform(replace(order, expected=Money(20000, "EUR")))
    assert form_in(desk.sent[0])["amount"] == "20000"


@pytest.mark.parametrize("expected", [Money(31501, "EUR"), Money(0, "EUR"), Money(31500, "USD")])
async def test_an_amount_that_is_not_owed_is_never_asked_for(expected: Money) -> None:
    desk = desk_for(Action.RETRY, collected())
    outcome = await desk.provider.perform(replace(await desk.order(Action.RETRY), expected=expected))
    assert isinstance(outcome, Rejected)
    assert desk.sent == []


async def test_another_method_is_charged_where_the_person_named_one() -> None:
    desk = desk_for(Action.RETRY, collected())
    await desk.perform(method="pm_Other")
    assert form_in(desk.sent[0])["payment_source_id"] == "pm_Other"


async def test_without_a_thorough_read_the_primary_method_is_looked_up_so_that_a_second_send_is_the_same() -> None:
    desk = desk_for(Action.RETRY, collected())
    first, second = await desk.invoice(thorough=True), await desk.invoice(thorough=False)
    for invoice in (first, second):
        await desk.provider.perform(an_order(invoice))
    one_form, other_form = (form_in(request) for request in desk.sent)
    assert one_form == other_form


async def test_a_customer_without_a_primary_method_is_left_to_chargebee() -> None:
    reply = refused(400, "payment_method_not_present", "payment")
    routes: dict[str, Any] = {
        f"GET /customers/{CUSTOMER}": answer({"customer": a_customer(primary_payment_source_id=None)}),
        "GET /payment_sources": listed("payment_source"),
    }
    desk = desk_for(Action.RETRY, reply, **routes)
    invoice = await desk.invoice()
    assert invoice.method == NoMethod()
    assert isinstance(await desk.provider.perform(an_order(invoice)), Declined)
    assert "payment_source_id" not in form_in(desk.sent[0])


async def test_another_customer_who_pays_is_the_one_who_is_charged() -> None:
    parent = answer({"customer": a_customer(id="parent", primary_payment_source_id="pm_Parent")})
    desk = Desk(
        a_wire(
            {
                f"GET /invoices/{ID}": one(payment_owner="parent"),
                "GET /customers/parent": parent,
                PATHS[Action.RETRY]: collected(),
            }
        )
    )
    await desk.provider.perform(an_order(await desk.invoice(thorough=False)))
    assert form_in(desk.sent[0])["payment_source_id"] == "pm_Parent"


async def test_a_write_off_and_a_void_carry_the_reason_and_a_void_the_sites_code() -> None:
    settings = {"void_reason_code": "Goodwill"}
    for action in (Action.VOID, Action.UNCOLLECTIBLE):
        desk = desk_for(action, one(status="voided"), settings=settings)
        await desk.provider.perform(replace(await desk.order(action), reason="asked for by the customer"))
        code = {"void_reason_code": "Goodwill"} if action is Action.VOID else {}
        assert form_in(desk.sent[0]) == {"comment": "asked for by the customer", **code}


async def test_a_void_without_the_code_that_the_site_wants_says_which_setting_helps() -> None:
    outcome = await desk_for(Action.VOID, refused(400, "param_wrong_value", param="void_reason_code")).perform(Action.VOID)
    assert isinstance(outcome, Rejected)
    assert "RECOUP_ACCOUNTS__CHARGEBEE__VOID_REASON_CODE" in outcome.detail


async def test_a_write_off_that_ends_as_paid_is_told_as_written_off() -> None:
    reply = one(status="paid", amount_due=0, amount_to_collect=0, write_off_amount=31500)
    outcome = await desk_for(Action.UNCOLLECTIBLE, reply).perform(Action.UNCOLLECTIBLE)
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.UNCOLLECTIBLE
    assert (outcome.invoice.provider_status, outcome.charged) == ("written off", None)


async def test_an_invoice_that_was_paid_is_no_write_off() -> None:
    reply = one(a_payment("success"), status="paid", amount_due=0, amount_to_collect=0)
    assert isinstance(await desk_for(Action.UNCOLLECTIBLE, reply).perform(Action.UNCOLLECTIBLE), Unknown)


@pytest.mark.parametrize(
    ("by", "method"),
    [
        (PaidBy.BANK_TRANSFER, "bank_transfer"),
        (PaidBy.CASH, "cash"),
        (PaidBy.CHEQUE, "check"),
        (PaidBy.CARD, "card"),
        (PaidBy.OTHER, "other"),
    ],
)
async def test_a_recorded_payment_is_written_in_bracketed_parameters(by: PaidBy, method: str) -> None:
    desk = desk_for(Action.PAID, collected())
    order = await desk.order(Action.PAID, key="recoup-0123456789abcdef")
    received = Received(amount=Money(1000, "EUR"), by=by, on=NOW.date(), reference="wire " * 40)
    await desk.provider.perform(replace(order, details=received))
    form = form_in(desk.sent[0])
    reference = form.pop("transaction[reference_number]")
    assert form == {
        "transaction[amount]": "1000",
        "transaction[payment_method]": method,
        "transaction[date]": str(int(NOW.replace(hour=0, minute=0).timestamp())),
        "transaction[status]": "success",
    }
    assert reference.endswith("[456789abcdef]")
    assert len(reference) <= 100


async def test_a_recorded_payment_of_more_than_is_owed_is_refused_before_any_request() -> None:
    desk = desk_for(Action.PAID, collected())
    received = Received(amount=Money(31501, "EUR"), by=PaidBy.CASH, on=NOW.date(), reference="1")
    outcome = await desk.provider.perform(replace(await desk.order(Action.PAID), details=received))
    assert isinstance(outcome, Rejected)
    assert desk.sent == []


async def test_a_recorded_payment_that_the_invoice_does_not_show_is_a_doubt() -> None:
    body = {"invoice": an_invoice(), "transaction": a_transaction("success", NEW_PAYMENT)}
    assert isinstance(await desk_for(Action.PAID, answer(body)).perform(Action.PAID), Unknown)


async def test_closing_always_collects_and_a_person_who_wants_otherwise_is_told() -> None:
    desk = desk_for(Action.FINALIZE, one())
    outcome = await desk.provider.perform(replace(await desk.order(Action.FINALIZE), details=Issue(collect=False)))
    assert isinstance(outcome, Rejected)
    assert "cannot be told not to" in outcome.detail
    assert desk.sent == []
    assert isinstance(await desk.perform(Action.FINALIZE), Succeeded)
    assert form_in(desk.sent[0]) == {}


async def test_an_invoice_of_an_app_store_is_not_collected_here() -> None:
    desk = Desk(a_wire({f"GET /invoices/{ID}": one(channel="play_store")}))
    invoice = await desk.invoice()
    assert invoice.collection is CollectionMethod.MANUAL
    assert isinstance(await desk.provider.perform(an_order(invoice)), Rejected)
    assert desk.sent == []


# --- e-mails


async def test_a_site_without_the_call_says_what_else_helps() -> None:
    outcome = await desk_for(Action.RESEND, answer(b"<h1>Not found</h1>", 404)).perform(Action.RESEND)
    assert isinstance(outcome, Rejected)
    assert "payment link" in outcome.detail


async def test_a_resend_of_an_invoice_that_is_gone_is_not_found() -> None:
    gone = refused(404, "resource_not_found")
    wire = a_wire({f"GET /invoices/{ID}": [one(), gone], PATHS[Action.RESEND]: gone})
    outcome = await Desk(wire).perform(Action.RESEND)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is R.NOT_FOUND


@pytest.mark.parametrize(
    ("logs", "ending"),
    [
        ([{"id": "1", "subject": "Invoice", "status": "sent"}], Succeeded),
        ([{"email_log": {"id": "1", "subject": "Invoice", "status": "sent"}}], Succeeded),
        ([], Unknown),
        ([{"id": "1", "error_message": "no such mailbox"}], Rejected),
    ],
)
async def test_an_e_mail_is_sent_where_chargebee_says_so(logs: list[Any], ending: type) -> None:
    assert isinstance(await desk_for(Action.RESEND, answer({"email_logs": logs})).perform(Action.RESEND), ending)


# --- settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"site": "https://acme.chargebee.com"}, "SITE must be the site's name alone"),
        ({"site": "acme.chargebee.com"}, "SITE must be the site's name alone"),
        ({"site": "Acme"}, "SITE must be the site's name alone"),
        ({"mode": "live"}, "MODE is live, but RECOUP_ACCOUNTS__CHARGEBEE__SITE names a test site"),
        ({"site": "granite", "mode": "test"}, "names a live site"),
        ({"mode": "production"}, "MODE must be test or live"),
        ({"api_key": "two words"}, "API_KEY contains characters"),
        ({"read_key": "with:colon"}, "READ_KEY contains characters"),
        ({"zero_decimal": "JPY, DOLLARS"}, "ZERO_DECIMAL"),
        ({"void_reason_code": "x" * 101}, "VOID_REASON_CODE is longer"),
        ({"base_url": "http://elsewhere.example/api/v2"}, "must start with https://"),
        ({"base_url": "nonsense"}, "BASE_URL"),
        ({"requests_per_second": "0"}, "REQUESTS_PER_SECOND cannot be used"),
        ({"region": "eu"}, "is not a setting of Chargebee"),
        ({"site": ""}, "SITE is missing"),
    ],
)
def test_settings_that_cannot_be_used_say_so_without_their_value(settings: dict[str, str], said: str) -> None:
    values = {"api_key": API_KEY, "site": SITE, **settings}
    with pytest.raises(UnusableValue) as caught:
        open_provider("chargebee", "chargebee", values, FixedClock())
    assert said in str(caught.value)
    assert API_KEY not in str(caught.value)
    assert values["api_key"] not in str(caught.value)


@pytest.mark.parametrize(("site", "live"), [("granite-test", False), ("granite", True), ("test", True), ("a", True)])
def test_the_sites_name_tells_test_from_live(site: str, live: bool) -> None:
    assert over(a_wire(), site=site).live is live
    assert over(a_wire(), site=site, mode="live" if live else "test").live is live


async def test_reads_use_the_read_key_and_sends_the_other() -> None:
    desk = desk_for(Action.VOID, one(status="voided"), settings={"read_key": READ_KEY})
    await desk.perform(Action.VOID)
    keys = {httpx.BasicAuth(key, "")._auth_header: key for key in (API_KEY, READ_KEY)}
    used = {(request.method, keys[request.headers["authorization"]]) for request in desk.wire.requests}
    assert used == {("GET", READ_KEY), ("POST", API_KEY)}


async def test_links_are_on_the_sites_own_host_and_each_account_has_its_own() -> None:
    assert over(a_wire()).facts.link_hosts == {f"{SITE}.chargebee.com"}
    assert facts_of("chargebee").link_hosts == frozenset()


async def test_a_payment_under_way_blocks_every_action() -> None:
    for status in ("in_progress", "timeout", "needs_attention"):
        desk = Desk(a_wire({f"GET /invoices/{ID}": one(a_payment(), a_payment(status, NEW_PAYMENT))}))
        invoice = await desk.invoice()
        assert invoice.payment is PaymentState.PROCESSING
        for action in (Action.RETRY, Action.VOID, Action.UNCOLLECTIBLE, Action.PAID):
            assert isinstance(await desk.provider.perform(an_order(invoice, action)), Rejected)
        assert desk.sent == []


async def test_an_id_of_another_provider_is_no_invoice_and_climbs_nowhere() -> None:
    wire = a_wire({"GET /invoices/in_1AbC": refused(404, "resource_not_found")})
    provider = over(wire)
    for identifier in ("in_1AbC", "..", "../customers/x", "a/../b", "x" * 51):
        assert await provider.get(replace(REF, id=identifier)) is None
    assert wire.asked == [f"GET {BASE}/invoices/in_1AbC"]
    slashed = over(a_wire({"GET /invoices/2026/11": one()}))
    with pytest.raises(ProviderFailure, match="another invoice"):
        await slashed.get(replace(REF, id="2026/11"))
