"""The fake Braintree keeps to what is documented of Braintree, whatever document it is asked with."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
from graphql import parse, validate

from bot.providers.braintree_queries import DOCUMENTS
from bot.sandbox.providers.braintree import PRIVATE_KEY, PUBLIC_KEY, ApiKey, FakeBraintree
from bot.sandbox.providers.braintree_graphql import schema
from bot.sandbox.providers.magic import Result
from bot.sandbox.wire import Fault, Traffic, WireReply, WireRequest

AT = 1_795_000_000.0
TODAY = "2026-09-08"


@dataclass
class Shop:
    """A fake on a clock of its own, asked without a socket."""

    at: float = AT
    keys: tuple[str, str] = (PUBLIC_KEY, PRIVATE_KEY)
    fake: FakeBraintree = field(init=False)

    def __post_init__(self) -> None:
        self.fake = FakeBraintree(lambda: self.at)

    def ask(self, query: str, version: str = TODAY, method: str = "POST", **variables: Any) -> WireReply:
        basic = base64.b64encode(":".join(self.keys).encode()).decode()
        headers = {"authorization": f"Basic {basic}", "braintree-version": version}
        body = json.dumps({"query": query, "variables": variables}).encode()
        return self.fake.respond(WireRequest(method=method, path="/graphql", query="", headers=headers, body=body))

    def told(self, query: str, **variables: Any) -> Any:
        reply = self.ask(query, **variables)
        assert reply.status == 200
        return json.loads(reply.body)

    def data(self, query: str, **variables: Any) -> Any:
        told = self.told(query, **variables)
        assert "errors" not in told, told
        return told["data"]

    def error(self, query: str, **variables: Any) -> tuple[str | None, str | None]:
        (first, *_) = self.told(query, **variables)["errors"]
        return first["extensions"].get("errorClass"), first["extensions"].get("legacyCode")

    def id_of(self, legacy: str, kind: str = "RECURRING_BILLING_SUBSCRIPTION") -> str:
        found: str = self.data(f'{{ idsFromLegacyIds(input: {{ids: [{{legacyId: "{legacy}", type: {kind}}}]}}) }}')[
            "idsFromLegacyIds"
        ][0]
        return found

    def charge(self, legacy: str, **given: Any) -> Any:
        wanted = {"subscriptionId": self.id_of(legacy), **given}
        return self.told(CHARGE, input=wanted)


CHARGE = """mutation M($input: ChargeRecurringBillingSubscriptionInput!) {
  chargeRecurringBillingSubscription(input: $input) { clientMutationId transaction { id status amount { value } } }
}"""
VOID = "mutation M($input: VoidTransactionInput!) { voidTransaction(input: $input) { transaction { status } } }"
CAPTURE = "mutation M($input: CaptureTransactionInput!) { captureTransaction(input: $input) { transaction { status } } }"
CANCEL = """mutation M($input: CancelRecurringBillingSubscriptionInput!) {
  cancelRecurringBillingSubscription(input: $input) { subscription { status } }
}"""
ONE = "query Q($id: ID!) { node(id: $id) { ... on RecurringBillingSubscription { status balance transactionIds } } }"


@pytest.fixture
def shop() -> Shop:
    return Shop()


# --- it is a GraphQL server


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_adapter_s_documents_are_within_the_schema(document: str) -> None:
    assert validate(schema(), parse(document)) == []


def test_any_document_within_the_schema_is_executed(shop: Shop) -> None:
    shop.fake.add_invoice(number="abc123", name="Lantern Ltd")
    query = """
      query Mine($input: RecurringBillingSubscriptionSearchInput!) {
        hello: ping
        me: viewer { merchant { companyName } }
        list: recurringBillingSubscriptions(input: $input, first: 1) {
          edges { node { __typename kind: planId price timeline { createdAt } statusHistory { ...S } } }
        }
      }
      fragment S on RecurringBillingSubscriptionStatusEvent { currencyIsoCode balance @skip(if: true) }
    """
    found = shop.data(query, input={"status": ["PAST_DUE"]})
    assert found["hello"] == "pong"
    (edge,) = found["list"]["edges"]
    assert edge["node"]["__typename"] == "RecurringBillingSubscription"
    assert edge["node"]["statusHistory"][0] == {"currencyIsoCode": "EUR"}


@pytest.mark.parametrize(
    "query",
    ["{ pong }", "{ ping", "", "{ node(id: 5.5) { nothing } }", "query Q($a: Nothing) { ping }", "mutation { ping }"],
)
def test_a_document_outside_the_schema_is_a_fault_of_the_developer_s(shop: Shop, query: str) -> None:
    told = shop.told(query)
    assert told["data"] is None
    assert {error["extensions"]["errorClass"] for error in told["errors"]} == {"VALIDATION"}


def test_variables_that_do_not_fit_change_nothing(shop: Shop) -> None:
    shop.fake.add_invoice(number="abc123")
    assert shop.error(CHARGE, input={"amount": "1.00"}) == ("VALIDATION", None)
    assert shop.error(CHARGE, input={"subscriptionId": "x", "apiRequestKey": "k"}) == ("VALIDATION", None)
    assert shop.fake.charges == []


@pytest.mark.parametrize(("version", "known"), [("2026-09-08", True), ("2026-06-30", True), ("2018-09-10", False)])
def test_an_old_version_has_no_recurring_billing(shop: Shop, version: str, known: bool) -> None:
    told = json.loads(shop.ask("{ recurringBillingSubscriptions(input: {}) { edges { cursor } } }", version).body)
    assert ("errors" not in told) is known
    assert "errors" not in json.loads(shop.ask("{ ping }", version).body)


def test_graphql_is_not_imported_before_it_is_asked() -> None:
    code = "import sys, bot.sandbox.providers.braintree; print('graphql' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


# --- the door


def test_everything_is_answered_with_200_and_a_request_id(shop: Shop) -> None:
    shop.keys = (PUBLIC_KEY, "wrong")
    reply = shop.ask("{ ping }")
    assert reply.status == 200
    told = json.loads(reply.body)
    assert told["errors"][0]["extensions"]["errorClass"] == "AUTHENTICATION"
    assert told["extensions"]["requestId"]


def test_without_a_version_nothing_is_answered(shop: Shop) -> None:
    told = json.loads(shop.ask("{ ping }", version="").body)
    assert told["errors"][0]["extensions"]["errorClass"] == "UNSUPPORTED_CLIENT"


def test_only_a_post_reaches_it(shop: Shop) -> None:
    assert shop.ask("{ ping }", method="GET").status == 404


def test_a_key_without_the_right_may_read_and_not_charge(shop: Shop) -> None:
    shop.fake.keys = (ApiKey(PUBLIC_KEY, PRIVATE_KEY, frozenset({"voidTransaction"})),)
    legacy = shop.fake.add_invoice()
    assert shop.charge(legacy)["errors"][0]["extensions"]["errorClass"] == "AUTHORIZATION"
    assert shop.fake.charges == []


def test_too_many_requests_are_told_in_the_body(shop: Shop) -> None:
    shop.fake.per_second = 2
    classes = [shop.told("{ ping }").get("errors") is None for _ in range(3)]
    assert classes == [True, True, False]
    shop.at += 1.1
    assert shop.data("{ ping }") == {"ping": "pong"}


# --- ids and searching


def test_looking_up_an_id_does_not_say_whether_there_is_one(shop: Shop) -> None:
    identifier = shop.id_of("nobody")
    assert shop.id_of(identifier) == identifier
    assert shop.error(ONE, id=identifier) == ("NOT_FOUND", None)
    assert shop.told(ONE, id=identifier)["data"] == {"node": None}


def test_a_list_goes_on_where_its_cursor_says(shop: Shop) -> None:
    made = [shop.fake.add_invoice() for _ in range(5)]
    shop.fake.add_invoice(status="paid")
    query = """query Q($after: String) {
      recurringBillingSubscriptions(input: {status: [PAST_DUE]}, first: 2, after: $after) {
        edges { node { legacyId } } pageInfo { hasNextPage endCursor } } }"""
    found, after = list[str](), None
    while True:
        page = shop.data(query, after=after)["recurringBillingSubscriptions"]
        found += [edge["node"]["legacyId"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == made


def test_transactions_are_searched_by_customer_status_and_source(shop: Shop) -> None:
    shop.fake.add_invoice(name="Lantern Ltd", email="a@lantern.example")
    shop.fake.add_invoice(name="Other", status="paid")
    query = "query Q($input: TransactionSearchInput!) { transactions(input: $input) { edges { node { status } } } }"

    def found(**wanted: Any) -> list[str]:
        edges = shop.data(query, input=wanted)["transactions"]["edges"]
        return [edge["node"]["status"] for edge in edges]

    assert found(customer={"company": {"contains": "lantern"}}) == ["PROCESSOR_DECLINED"]
    assert found(customer={"email": {"is": "a@lantern.example"}}) == ["PROCESSOR_DECLINED"]
    assert found(customer={"email": {"startsWith": "b@"}}) == []
    assert found(status={"in": ["SETTLED"]}) == ["SETTLED"]
    assert found(source={"in": ["API"]}) == []
    assert shop.error(query, input={"createdAt": {"lessThanOrEqualTo": "x"}})[0] == "NOT_IMPLEMENTED"


# --- what the page is told of the requests


def test_requests_are_told_by_what_they_do_and_by_the_subscription_that_they_are_about(shop: Shop) -> None:
    traffic = Traffic(shop.fake.respond, lambda: shop.at)
    legacy, other = shop.fake.add_invoice(number="gold77"), shop.fake.add_invoice(number="gold88")

    def ask(query: str, **variables: Any) -> Any:
        basic = base64.b64encode(":".join(shop.keys).encode()).decode()
        headers = {"authorization": f"Basic {basic}", "braintree-version": TODAY}
        body = json.dumps({"query": query, "variables": variables}).encode()
        return json.loads(traffic.respond(WireRequest("POST", "/graphql", "", headers, body)).body)["data"]

    identifier = shop.id_of(legacy)
    newest = ask(CHARGE, input={"subscriptionId": identifier, "submitForSettlement": True})
    ask(ONE, id=identifier)
    transaction = newest["chargeRecurringBillingSubscription"]["transaction"]["id"]
    ask(VOID, input={"transactionId": transaction, "apiRequestKey": "k-9"})
    assert [(one.path.split()[-1], one.reads, one.key) for one in traffic.about(legacy)] == [
        ("chargeRecurringBillingSubscription", False, None),
        ("node", True, None),
        ("voidTransaction", False, "k-9"),
    ]
    assert traffic.about(other) == []


# --- charging


def test_a_charge_that_shall_settle_pays_the_balance(shop: Shop) -> None:
    legacy = shop.fake.add_invoice(amount=4999, currency="USD")
    told = shop.charge(legacy, submitForSettlement=True, clientMutationId="me")["data"]
    payload = told["chargeRecurringBillingSubscription"]
    assert payload["clientMutationId"] == "me"
    assert (payload["transaction"]["status"], payload["transaction"]["amount"]) == (
        "SUBMITTED_FOR_SETTLEMENT",
        {"value": "49.99"},
    )
    node = shop.data(ONE, id=shop.id_of(legacy))["node"]
    assert (node["status"], node["balance"], node["transactionIds"][0]) == ("ACTIVE", "0.00", payload["transaction"]["id"])
    assert shop.fake.collected(legacy) == 4999


@pytest.mark.parametrize("given", [{}, {"submitForSettlement": False}])
def test_a_charge_that_is_not_told_to_settle_only_authorizes(shop: Shop, given: dict[str, Any]) -> None:
    legacy = shop.fake.add_invoice()
    told = shop.charge(legacy, **given)["data"]["chargeRecurringBillingSubscription"]["transaction"]
    assert told["status"] == "AUTHORIZED"
    assert shop.fake.collected(legacy) == 0
    assert shop.data(CAPTURE, input={"transactionId": told["id"]})["captureTransaction"]["transaction"] == {
        "status": "SUBMITTED_FOR_SETTLEMENT"
    }
    assert shop.fake.collected(legacy) == 4900
    assert shop.error(CAPTURE, input={"transactionId": told["id"]}) == ("VALIDATION", "91507")


@pytest.mark.parametrize(
    ("amount", "code"), [("0", "81531"), ("-5.00", "81531"), ("4.999", "81503"), ("x", "81503"), ("NaN", "81503")]
)
def test_an_amount_that_cannot_be_charged_is_refused(shop: Shop, amount: str, code: str) -> None:
    told = shop.charge(shop.fake.add_invoice(), amount=amount, submitForSettlement=True)
    assert told["data"] == {"chargeRecurringBillingSubscription": None}
    assert told["errors"][0]["extensions"]["legacyCode"] == code
    assert shop.fake.charges == []


@pytest.mark.parametrize("status", ["paid", "draft", "void", "uncollectible"])
def test_what_is_not_past_due_is_not_charged(shop: Shop, status: str) -> None:
    told = shop.charge(shop.fake.add_invoice(status=status), amount="49.00", submitForSettlement=True)
    assert told["errors"][0]["extensions"]["legacyCode"] == "91531"


def test_a_part_leaves_the_rest_past_due_and_the_same_part_again_is_a_duplicate(shop: Shop) -> None:
    legacy = shop.fake.add_invoice(amount=4900)

    def status() -> str:
        told = shop.charge(legacy, amount="10.00", submitForSettlement=True)["data"]
        found: str = told["chargeRecurringBillingSubscription"]["transaction"]["status"]
        return found

    assert [status(), status()] == ["SUBMITTED_FOR_SETTLEMENT", "GATEWAY_REJECTED"]
    shop.at += 31
    assert status() == "SUBMITTED_FOR_SETTLEMENT"
    assert shop.data(ONE, id=shop.id_of(legacy))["node"]["balance"] == "29.00"
    assert shop.fake.collected(legacy) == 2000


def test_a_decline_is_no_error_and_only_the_engine_s_own_count(shop: Shop) -> None:
    legacy = shop.fake.add_invoice(magic="stolen_card")
    assert shop.charge(legacy, submitForSettlement=True)["data"]["chargeRecurringBillingSubscription"]["transaction"]
    assert shop.fake.invoices[legacy].failures == 1
    shop.fake.control("automatic_attempt", {"invoice": legacy})
    assert shop.fake.invoices[legacy].failures == 2
    assert [charge.result for charge in shop.fake.charges] == [Result.DECLINED, Result.DECLINED]


def test_a_cancelled_subscription_stays_so(shop: Shop) -> None:
    legacy = shop.fake.add_invoice()
    given = {"subscriptionId": shop.id_of(legacy)}
    assert shop.data(CANCEL, input=given)["cancelRecurringBillingSubscription"]["subscription"]["status"] == "CANCELED"
    assert shop.error(CANCEL, input=given) == ("VALIDATION", "81905")


# --- keys


def test_the_same_key_and_input_act_once_and_answer_with_the_present_state(shop: Shop) -> None:
    legacy = shop.fake.add_invoice(status="paid", newest="SUBMITTED_FOR_SETTLEMENT")
    other = shop.fake.add_invoice(status="paid", newest="SUBMITTED_FOR_SETTLEMENT")
    one, two = (shop.data(ONE, id=shop.id_of(name))["node"]["transactionIds"][0] for name in (legacy, other))
    given = {"transactionId": one, "apiRequestKey": "k-1"}
    for _ in range(2):
        assert shop.data(VOID, input=given)["voidTransaction"]["transaction"]["status"] == "VOIDED"
    assert shop.error(VOID, input={"transactionId": one}) == ("VALIDATION", "91504")
    assert shop.error(VOID, input={"transactionId": two, "apiRequestKey": "k-1"}) == ("VALIDATION", "915232")
    assert shop.error(CAPTURE, input=given) == ("VALIDATION", "915232")
    assert shop.error(VOID, input={"transactionId": two, "apiRequestKey": "k" * 256}) == ("VALIDATION", "915230")


# --- what goes wrong


@pytest.mark.parametrize("magic", ["charge_then_hang", "charge_then_reset", "charge_then_cut"])
def test_a_magic_customer_is_charged_and_the_answer_lost(shop: Shop, magic: str) -> None:
    legacy = shop.fake.add_invoice(magic=magic)
    given = {"subscriptionId": shop.id_of(legacy), "submitForSettlement": True}
    fault = shop.ask(CHARGE, input=given).fault
    assert fault is {"hang": Fault.HANG, "reset": Fault.RESET, "cut": Fault.TRUNCATE}[magic.removeprefix("charge_then_")]
    assert shop.fake.collected(legacy) == 4900


def test_one_that_hangs_is_not_charged(shop: Shop) -> None:
    legacy = shop.fake.add_invoice(magic="hang")
    assert shop.ask(CHARGE, input={"subscriptionId": shop.id_of(legacy)}).fault is Fault.HANG
    assert shop.fake.charges == []


def test_the_switches_disturb_what_they_say(shop: Shop) -> None:
    legacy = shop.fake.add_invoice()
    given = {"subscriptionId": shop.id_of(legacy), "submitForSettlement": True}
    shop.fake.control("everything", {"what": "500", "times": 1})
    assert shop.error(CHARGE, input=given) == ("INTERNAL", None)
    assert shop.fake.charges == []
    shop.fake.control("everything", {})
    shop.fake.control("after_effect", {"what": "500", "times": 1})
    assert shop.data("{ ping }")
    assert shop.error(CHARGE, input=given) == ("INTERNAL", None)
    assert shop.fake.collected(legacy) == 4900
    assert shop.data("{ ping }")


def test_controls_change_what_is_there(shop: Shop) -> None:
    fake, one, two = shop.fake, shop.fake.add_invoice(magic="fix_the_card"), shop.fake.add_invoice()
    fake.control("change_amount", {"invoice": one, "amount": 2500})
    assert str(fake.invoices[one].balance) == "25.00"
    fake.control("change_card", {"invoice": one})
    assert fake.control("automatic_attempt", {"invoice": one})["result"] == "SUBMITTED_FOR_SETTLEMENT"
    assert fake.control("pay_elsewhere", {"invoice": two})["status"] == "ACTIVE"
    for name, args in (("void_elsewhere", {}), ("change_amount", {"amount": 1}), ("settle_processing", {})):
        with pytest.raises(ValueError, match=r"\w"):
            fake.control(name, {"invoice": two, **args})
    with pytest.raises(ValueError, match="no customer behaves"):
        fake.control("change_card", {"invoice": two, "magic": "nobody"})
    assert fake.control("void_elsewhere", {"invoice": fake.add_invoice()})["status"] == "CANCELED"


def test_what_the_page_sees_is_json_and_holds_no_secret(shop: Shop) -> None:
    shop.fake.seed_demo()
    shop.charge("gold4821", submitForSettlement=True)
    seen = json.dumps(shop.fake.snapshot())
    assert PRIVATE_KEY not in seen
    past_due = [one for one in shop.fake.snapshot()["invoices"] if one["status"] == "past due"]
    assert [one["number"] for one in past_due] == ["basic317"]
    assert all(one["amount_remaining"] < 6_000 for one in shop.fake.snapshot()["invoices"])
