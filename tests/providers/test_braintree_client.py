"""Braintree's own Python SDK as the judge: its GraphQL client reads the fake's answers and asks as our adapter does, and
its constants are the codes and words that both of us use.

Exceptions, of which there are two. The SDK's other half, the gateway, speaks XML: another wire, on another host, which the
adapter does not use. So it judges by its constants alone, and what it sends is not compared; its `retry_charge` defaults to
an authorization without settlement, and ours never does. And the GraphQL client pins a version that is older than recurring
billing, so the header is set anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import braintree
import pytest
from braintree.environment import Environment
from braintree.error_codes import ErrorCodes
from braintree.exceptions.authentication_error import AuthenticationError
from braintree.exceptions.authorization_error import AuthorizationError
from braintree.exceptions.not_found_error import NotFoundError
from braintree.exceptions.server_error import ServerError
from braintree.exceptions.too_many_requests_error import TooManyRequestsError
from braintree.exceptions.upgrade_required_error import UpgradeRequiredError
from braintree.util.graphql_client import GraphQLClient
from graphql import GraphQLEnumType

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import InvoiceRef
from bot.domain.outcome import Rejected, RejectedReason, Succeeded
from bot.ports import Window
from bot.providers.braintree import Braintree
from bot.providers.braintree_answers import ABOUT_STATE, IS_RUNNING
from bot.providers.braintree_declines import REJECTIONS
from bot.providers.braintree_invoices import AUTHORIZED, COLLECTED, DECLINED, VOIDED, WAITING
from bot.providers.braintree_orders import charge, on_transaction
from bot.providers.braintree_queries import CAPTURE, CHARGE, IDS, PAST_DUE, SUBSCRIPTION, VERSION, VOID, transactions
from bot.sandbox.providers.braintree import MERCHANT, PRIVATE_KEY, PUBLIC_KEY, ApiKey, FakeBraintree
from bot.sandbox.providers.braintree_graphql import schema
from bot.sandbox.wire import WireReply, WireRequest, serve
from tests.providers.benches import read
from tests.providers.braintree_bench import BraintreeBench
from tests.providers.braintree_samples import PAST_DUE as SEEN
from tests.providers.braintree_samples import REF, error, failed, over
from tests.providers.samples import NOW
from tests.providers.wire import an_order


@dataclass
class Hall:
    """A fake Braintree on a real socket, and before it our adapter and the SDK. `heard` is all that was asked."""

    bench: BraintreeBench = field(default_factory=BraintreeBench)
    port: int = 0
    heard: list[WireRequest] = field(default_factory=list)

    def respond(self, request: WireRequest) -> WireReply:
        self.heard.append(request)
        return self.bench.fake.respond(request)

    @property
    def fake(self) -> FakeBraintree:
        return self.bench.fake

    def provider(self) -> Braintree:
        return self.bench.open(base_url=f"http://127.0.0.1:{self.port}/graphql")

    def client(self, *, private: str = PRIVATE_KEY, version: str = VERSION) -> GraphQLClient:
        port = str(self.port)
        here = Environment("here", "127.0.0.1", port, "", False, None, "127.0.0.1", port)
        gateway = braintree.BraintreeGateway(
            braintree.Configuration(here, merchant_id=MERCHANT, public_key=PUBLIC_KEY, private_key=private)
        )
        client: GraphQLClient = gateway.graphql_client
        client.graphql_headers["Braintree-Version"] = version
        return client

    async def told(self, document: str, variables: Any = None, **client: str) -> Any:
        """What the SDK makes of the fake's answer."""
        return await asyncio.to_thread(lambda: self.client(**client).query(document, variables))


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    opened = Hall()
    server = await serve(opened.respond)
    opened.port = server.port
    yield opened
    await server.close()


def looked_up(ref: InvoiceRef) -> Any:
    return {"input": {"ids": [{"legacyId": ref.id, "type": "RECURRING_BILLING_SUBSCRIPTION"}]}}


async def opaque(hall: Hall, ref: InvoiceRef) -> str:
    found: list[str] = (await hall.told(IDS, looked_up(ref)))["data"]["idsFromLegacyIds"]
    return found[0]


# --- the SDK reads the fake


async def test_the_sdk_reads_a_list_a_subscription_and_its_transactions(hall: Hall) -> None:
    ref = hall.bench.failed_invoice(magic="insufficient_funds")
    listed = await hall.told(PAST_DUE, {"input": {"status": ["PAST_DUE"]}, "first": 50, "after": None})
    (edge,) = listed["data"]["recurringBillingSubscriptions"]["edges"]
    assert edge["node"]["legacyId"] == ref.id
    one = (await hall.told(SUBSCRIPTION, {"id": await opaque(hall, ref)}))["data"]["node"]
    assert one == edge["node"]
    newest = await hall.told(transactions(1), {"i0": one["transactionIds"][0]})
    assert newest["data"]["n0"]["statusHistory"][0]["processorResponse"]["legacyCode"] == "2001"


async def test_the_sdk_reads_a_charge_a_decline_and_a_void(hall: Hall) -> None:
    paid, failing = hall.bench.failed_invoice(), hall.bench.failed_invoice(magic="expired_card")
    for ref, status in ((paid, "SUBMITTED_FOR_SETTLEMENT"), (failing, "PROCESSOR_DECLINED")):
        given = {"subscriptionId": await opaque(hall, ref), "amount": "49.00", "submitForSettlement": True}
        told = await hall.told(CHARGE, {"input": given})
        assert told["data"]["chargeRecurringBillingSubscription"]["transaction"]["status"] == status
        assert GraphQLClient.get_validation_errors(told) is None
    newest = (await hall.told(SUBSCRIPTION, {"id": await opaque(hall, paid)}))["data"]["node"]["transactionIds"][0]
    voided = await hall.told(VOID, {"input": {"transactionId": newest}})
    assert voided["data"]["voidTransaction"]["transaction"]["status"] == "VOIDED"


NOBODY = "c3Vic2NyaXB0aW9uX25vYm9keQ"


async def test_the_sdk_raises_its_own_errors_for_the_fake_s(hall: Hall) -> None:
    with pytest.raises(AuthenticationError):
        await hall.told("{ ping }", private="wrong")
    with pytest.raises(UpgradeRequiredError):
        await hall.told("{ ping }", version="yesterday")
    with pytest.raises(NotFoundError):
        await hall.told(SUBSCRIPTION, {"id": NOBODY})
    hall.fake.everything = "500"
    with pytest.raises(ServerError):
        await hall.told("{ ping }")
    hall.fake.everything = "429"
    with pytest.raises(TooManyRequestsError):
        await hall.told("{ ping }")
    hall.fake.everything = None
    hall.fake.keys = (ApiKey(PUBLIC_KEY, PRIVATE_KEY, frozenset()),)
    with pytest.raises(AuthorizationError):
        await hall.told(VOID, {"input": {"transactionId": NOBODY}})


async def test_the_sdk_finds_the_code_of_a_validation_error(hall: Hall) -> None:
    ref = hall.bench.failed_invoice(status="paid")
    given = {"subscriptionId": await opaque(hall, ref), "amount": "49.00", "submitForSettlement": True}
    told = await hall.told(CHARGE, {"input": given})
    (found,) = GraphQLClient.get_validation_errors(told)["errors"]
    assert found["code"] == ErrorCodes.Transaction.SubscriptionStatusMustBePastDue


# --- the SDK asks as we do


def as_asked(request: WireRequest) -> tuple[Any, ...]:
    body = json.loads(request.body)
    headers = {name: request.headers[name] for name in ("authorization", "braintree-version", "content-type", "accept")}
    return request.method, request.path, request.query, headers, body["query"], body.get("variables")


async def test_the_sdk_sends_the_same_requests_for_the_same_documents(hall: Hall) -> None:
    """All requests of a morning: list, read, retry, void and capture."""
    provider = hall.provider()
    retried, authorized = hall.bench.failed_invoice(), hall.bench.invoice(status="paid", newest="AUTHORIZED")
    assert [item async for item in provider.failed(Window(None, NOW))]
    assert isinstance(await provider.perform(an_order(await read(provider, retried))), Succeeded)
    assert isinstance(await provider.perform(an_order(await read(provider, retried), Action.VOID)), Succeeded)
    order = an_order(await read(provider, authorized), Action.FINALIZE, key="attempt-2")
    order = replace(order, details=Issue(collect=True))
    assert isinstance(await provider.perform(order), Succeeded)
    await provider.close()
    ours = [as_asked(request) for request in hall.heard]
    assert {one[4] for one in ours} >= {PAST_DUE, IDS, SUBSCRIPTION, CHARGE, VOID, CAPTURE}
    hall.heard.clear()
    for *_, document, variables in ours:
        await hall.told(document, variables)  # a charge is refused by now; here only the request counts
    assert [as_asked(request) for request in hall.heard] == ours


# --- constants


def test_the_sdk_knows_the_validation_codes_by_the_meaning_that_we_give_them() -> None:
    known = ErrorCodes.Transaction
    assert (
        frozenset(
            {
                known.SubscriptionStatusMustBePastDue,
                known.CannotBeVoided,
                known.CannotSubmitForSettlement,
                ErrorCodes.Subscription.StatusIsCanceled,
            }
        )
        == ABOUT_STATE
    )
    assert known.ApiRequestKeyIsInFlight == IS_RUNNING


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (ErrorCodes.Transaction.SubscriptionIdIsInvalid, RejectedReason.NOT_FOUND),
        (ErrorCodes.Transaction.MerchantAccountIsSuspended, RejectedReason.FORBIDDEN),
        (ErrorCodes.Transaction.MerchantAccountIdIsInvalid, RejectedReason.INVALID_REQUEST),
        (ErrorCodes.Transaction.PaymentMethodDoesNotBelongToSubscription, RejectedReason.INVALID_REQUEST),
        (ErrorCodes.Transaction.AmountMustBeGreaterThanZero, RejectedReason.INVALID_REQUEST),
        (ErrorCodes.Transaction.AmountIsTooLarge, RejectedReason.INVALID_REQUEST),
        (ErrorCodes.Transaction.SettlementAmountIsTooLarge, RejectedReason.INVALID_REQUEST),
        (ErrorCodes.Transaction.ApiRequestKeyTooLong, RejectedReason.INVALID_REQUEST),
    ],
)
async def test_the_sdk_s_codes_are_read_as_what_they_are_called(code: str, reason: RejectedReason) -> None:
    root = "chargeRecurringBillingSubscription"
    provider, _ = over({**SEEN, "Charge": failed(error("VALIDATION", code, root), data={root: None})})
    outcome = await provider.perform(an_order(await read(provider, REF)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason


def test_the_sdk_s_gateway_rejections_are_all_known_to_us() -> None:
    theirs = _constants(braintree.Transaction.GatewayRejectionReason)
    assert {reason.upper() for reason in theirs} <= set(REJECTIONS)


NEVER_MET = {"SETTLEMENT_FAILED", "UNRECOGNIZED", "AUTHORIZATION_EXPIRED"}
"""The first two are the XML gateway's own; an expired authorization is neither money nor a decline."""


def test_every_status_of_the_sdk_s_is_one_of_ours_and_on_the_side_of_ours() -> None:
    theirs = {status.upper() for status in _constants(braintree.Transaction.Status)}
    ours = COLLECTED | WAITING | DECLINED | {AUTHORIZED, VOIDED}
    assert theirs - ours <= NEVER_MET
    assert ours <= theirs


def test_every_kind_of_subscription_of_the_sdk_s_is_one_of_the_schema_s() -> None:
    known = schema().type_map["RecurringBillingSubscriptionStatus"]
    assert isinstance(known, GraphQLEnumType)
    theirs = {status.upper().replace(" ", "_") for status in _constants(braintree.Subscription.Status)}
    assert theirs == set(known.values)


def _constants(owner: type) -> set[str]:
    return {value for name, value in vars(owner).items() if not name.startswith("_") and isinstance(value, str)}


async def test_what_the_sdk_s_xml_half_leaves_to_chance_is_said_by_us_always() -> None:
    bench = BraintreeBench()
    order = an_order(await read(bench.open(), bench.failed_invoice()))
    assert charge(order, "c3Vi").input["submitForSettlement"] is True
    assert "apiRequestKey" not in charge(order, "c3Vi").input
    assert on_transaction(replace(order, action=Action.VOID), "dHg").input["apiRequestKey"] == order.key
