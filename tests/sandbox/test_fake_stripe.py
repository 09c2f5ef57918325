from __future__ import annotations

import pytest

from bot.sandbox.providers.magic import Result
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.providers.stripe_magic import MAGIC
from bot.sandbox.wire import Fault
from tests.sandbox.stripe_client import NOON, Client, Clock

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
