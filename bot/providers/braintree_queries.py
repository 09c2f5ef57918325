"""The GraphQL documents that are sent to Braintree: https://developer.paypal.com/braintree/graphql/reference"""

from __future__ import annotations

from functools import cache
from typing import Final

VERSION: Final = "2026-09-08"
"""The day whose behaviour is asked for; recurring billing came in 2026, so an earlier one may hide it."""
BATCH: Final = 20
"""Objects asked for by id in one request: Braintree limits the size of a query and does not say to what."""

_SUBSCRIPTION: Final = """
fragment Sub on RecurringBillingSubscription {
  id legacyId status balance failureCount paymentMethodId transactionIds
  timeline { nextBillingDate billingPeriodStartDate createdAt }
  statusHistory { status timestamp currencyIsoCode }
}
"""
_TRANSACTION: Final = """
fragment Tx on Transaction {
  id legacyId status createdAt source upcomingRetryDate
  amount { value currencyCode }
  customer { legacyId email firstName lastName company }
  paymentMethod { id }
  paymentMethodSnapshot {
    __typename
    ... on CreditCardDetails { brandCode last4 }
    ... on UsBankAccountDetails { last4 }
  }
  statusHistory {
    status timestamp
    ... on ProcessorDeclinedEvent {
      declineType processorResponse { legacyCode message } merchantAdviceCodeResponse { code }
    }
    ... on GatewayRejectedEvent {
      gatewayRejectionReason duplicateOf { id } merchantAdviceCodeResponse { code }
    }
    ... on FailedEvent { processorResponse { legacyCode message } merchantAdviceCodeResponse { code } }
    ... on SettlementDeclinedEvent { processorResponse { legacyCode message } }
  }
}
"""

IDS: Final = "query Ids($input: IdsFromLegacyIdsInput!) { idsFromLegacyIds(input: $input) }"
SUBSCRIPTION: Final = f"query Subscription($id: ID!) {{ node(id: $id) {{ ...Sub }} }}{_SUBSCRIPTION}"
PAST_DUE: Final = f"""
query PastDue($input: RecurringBillingSubscriptionSearchInput!, $first: Int, $after: String) {{
  recurringBillingSubscriptions(input: $input, first: $first, after: $after) {{
    edges {{ node {{ ...Sub }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}{_SUBSCRIPTION}"""
WHO: Final = "query Who { viewer { merchant { id } } }"


def _mutation(name: str, field: str, kind: str) -> str:
    return f"mutation {name}($input: {kind}!) {{ {field}(input: $input) {{ transaction {{ ...Tx }} }} }}{_TRANSACTION}"


CHARGE_FIELD: Final = "chargeRecurringBillingSubscription"
VOID_FIELD: Final = "voidTransaction"
CAPTURE_FIELD: Final = "captureTransaction"
CHARGE: Final = _mutation("Charge", CHARGE_FIELD, "ChargeRecurringBillingSubscriptionInput")
VOID: Final = _mutation("Void", VOID_FIELD, "VoidTransactionInput")
CAPTURE: Final = _mutation("Capture", CAPTURE_FIELD, "CaptureTransactionInput")


@cache
def transactions(count: int) -> str:
    """So many transactions by id, as `n0`, `n1`…"""
    return f"query Transactions({_ids(count)}) {{ {_fields(count, 'node(id: $i{})', '{ ...Tx }')} }}{_TRANSACTION}"


@cache
def subscriptions_by(count: int) -> str:
    """The subscriptions of so many transactions, as `n0`, `n1`…"""
    given = ", ".join(f"$i{place}: RecurringBillingSubscriptionSearchInput!" for place in range(count))
    asked = _fields(count, "recurringBillingSubscriptions(input: $i{}, first: 5)", "{ edges { node { ...Sub } } }")
    return f"query SubscriptionsBy({given}) {{ {asked} }}{_SUBSCRIPTION}"


@cache
def transactions_by(count: int) -> str:
    """Transactions by so many searches, as `n0`, `n1`…: their ids and times."""
    given = ", ".join(f"$i{place}: TransactionSearchInput!" for place in range(count))
    asked = _fields(count, "transactions(input: $i{}, first: 50)", "{ edges { node { id legacyId createdAt } } }")
    return f"query TransactionsBy({given}) {{ {asked} }}"


def _ids(count: int) -> str:
    return ", ".join(f"$i{place}: ID!" for place in range(count))


def _fields(count: int, field: str, wanted: str) -> str:
    return " ".join(f"n{place}: {field.format(place)} {wanted}" for place in range(count))


DOCUMENTS: Final = (
    IDS, SUBSCRIPTION, PAST_DUE, WHO, CHARGE, VOID, CAPTURE,
    *(make(count) for make in (transactions, subscriptions_by, transactions_by) for count in (1, BATCH)),
)  # fmt: skip
