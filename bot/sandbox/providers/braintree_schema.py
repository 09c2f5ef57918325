"""The part of Braintree's GraphQL schema that the fake one serves: https://developer.paypal.com/braintree/graphql/reference

Structure only, and more than Recoup asks for: whatever a client asks within it is executed.
"""

from __future__ import annotations

from typing import Final

RECURRING_SINCE: Final = "2026-06-30"
"""Before this day of `Braintree-Version` there is no recurring billing in the schema."""

_EVENT: Final = (
    "status: PaymentStatus, timestamp: Timestamp, amount: MonetaryAmount, source: PaymentSource, terminal: Boolean"
)
_AUTHORIZATION: Final = (
    "processorResponse: TransactionAuthorizationProcessorResponse, networkResponse: PaymentNetworkResponse"
)
_ADVISED: Final = f"{_AUTHORIZATION}, merchantAdviceCodeResponse: MerchantAdviceCodeResponse"
_SETTLEMENT: Final = "processorResponse: TransactionSettlementProcessorResponse"
_EVENTS: Final = {
    "AuthorizedEvent": f"{_AUTHORIZATION}, authorizationExpiresAt: Timestamp",
    "AuthorizationExpiredEvent": "",
    "FailedEvent": _ADVISED,
    "GatewayRejectedEvent": f"{_ADVISED}, gatewayRejectionReason: GatewayRejectionReason, duplicateOf: Transaction",
    "ProcessorDeclinedEvent": f"{_ADVISED}, declineType: ProcessorDeclineType",
    "SettledEvent": _SETTLEMENT,
    "SettlementConfirmedEvent": _SETTLEMENT,
    "SettlementDeclinedEvent": _SETTLEMENT,
    "SettlementPendingEvent": _SETTLEMENT,
    "SettlingEvent": "",
    "SubmittedForSettlementEvent": "",
    "VoidedEvent": "",
}

SDL: Final = (
    """
scalar Amount
scalar Timestamp
scalar Date
scalar CurrencyCodeAlpha

interface Node { id: ID! }

type Query {
  ping: String!
  viewer: Viewer
  node(id: ID!): Node
  idsFromLegacyIds(input: IdsFromLegacyIdsInput!): [ID]!
  transactions(input: TransactionSearchInput!, first: Int, after: String): TransactionConnection
  recurringBillingSubscriptions(
    input: RecurringBillingSubscriptionSearchInput!, first: Int, after: String
  ): RecurringBillingSubscriptionConnection
}

type Mutation {
  chargeRecurringBillingSubscription(input: ChargeRecurringBillingSubscriptionInput!): TransactionPayload
  cancelRecurringBillingSubscription(input: CancelRecurringBillingSubscriptionInput!): RecurringBillingSubscriptionPayload
  captureTransaction(input: CaptureTransactionInput!): TransactionPayload
  voidTransaction(input: VoidTransactionInput!): VoidTransactionPayload
}

type Viewer { user: User, merchant: Merchant }
type User { id: ID!, email: String, name: String }
type Merchant { id: ID!, companyName: String, timezone: String, status: String }

type RecurringBillingSubscription implements Node {
  id: ID!
  legacyId: ID!
  status: RecurringBillingSubscriptionStatus!
  price: Amount!
  balance: Amount!
  failureCount: Int!
  daysPastDue: Int
  currentBillingCycle: Int!
  numberOfBillingCycles: Int
  nextBillingPeriodAmount: Amount
  planId: ID!
  paymentMethodId: ID!
  merchantAccountId: ID
  transactionIds: [ID]
  timeline: RecurringBillingSubscriptionTimeline
  statusHistory: [RecurringBillingSubscriptionStatusEvent]
}
enum RecurringBillingSubscriptionStatus { ACTIVE CANCELED EXPIRED PAST_DUE PENDING }
enum RecurringBillingSubscriptionSource { API CONTROL_PANEL RECURRING }
type RecurringBillingSubscriptionTimeline {
  firstBillingDate: Date!
  nextBillingDate: Date!
  billingPeriodStartDate: Date
  billingPeriodEndDate: Date
  paidThroughDate: Date
  createdAt: Timestamp
  updatedAt: Timestamp
}
type RecurringBillingSubscriptionStatusEvent {
  status: RecurringBillingSubscriptionStatus!
  balance: Amount!
  price: Amount!
  subscriptionSource: RecurringBillingSubscriptionSource
  timestamp: Timestamp!
  planId: ID!
  currencyIsoCode: CurrencyCodeAlpha!
}

type Transaction implements Node {
  id: ID!
  legacyId: ID!
  createdAt: Timestamp
  amount: MonetaryAmount
  status: PaymentStatus
  statusHistory: [PaymentStatusEvent!]
  source: PaymentSource
  orderId: String
  merchantAccountId: ID
  customer: Customer
  paymentMethod: PaymentMethod
  paymentMethodSnapshot: PaymentMethodSnapshot
  retried: Boolean
  upcomingRetryDate: Date
}
type MonetaryAmount { value: Amount, currencyCode: CurrencyCodeAlpha }
enum PaymentStatus {
  AUTHORIZATION_EXPIRED AUTHORIZED AUTHORIZING FAILED GATEWAY_REJECTED PROCESSOR_DECLINED SETTLED SETTLEMENT_CONFIRMED
  SETTLEMENT_DECLINED SETTLEMENT_PENDING SETTLING SUBMITTED_FOR_SETTLEMENT VOIDED
}
enum PaymentSource { API CONTROL_PANEL PAYMENT_READER RECURRING UNKNOWN }
enum ProcessorDeclineType { HARD SOFT }
enum GatewayRejectionReason {
  APPLICATION_INCOMPLETE AVS AVS_AND_CVV CVV DUPLICATE EXCESSIVE_RETRY FRAUD MANUAL_TRANSACTIONS_DISABLED
  PAYMENT_METHOD_BLOCKED RISK_THRESHOLD THREE_D_SECURE TOKEN_ISSUANCE TOO_MANY_CONFIRMATION_ATTEMPTS
  UNION_PAY_ENROLLMENT_REQUIRED
}
type TransactionAuthorizationProcessorResponse { legacyCode: String, message: String, additionalInformation: String }
type TransactionSettlementProcessorResponse { legacyCode: String, message: String }
type PaymentNetworkResponse { code: String, message: String }
type MerchantAdviceCodeResponse { code: String, message: String }

type Customer implements Node {
  id: ID!
  legacyId: ID!
  company: String
  firstName: String
  lastName: String
  email: String
  createdAt: Timestamp
}
type PaymentMethod implements Node { id: ID!, legacyId: ID!, createdAt: Timestamp, customer: Customer }
union PaymentMethodSnapshot = CreditCardDetails | PayPalTransactionDetails | UsBankAccountDetails
type CreditCardDetails {
  brandCode: CreditCardBrandCode
  last4: String
  expirationMonth: String
  expirationYear: String
  cardholderName: String
}
enum CreditCardBrandCode { AMERICAN_EXPRESS DISCOVER JCB MASTERCARD UNKNOWN VISA }
type PayPalTransactionDetails { authorizationId: String, captureId: String }
type UsBankAccountDetails { accountholderName: String, bankName: String, last4: String }

type PageInfo { hasNextPage: Boolean!, hasPreviousPage: Boolean!, startCursor: String, endCursor: String }
type TransactionConnection { edges: [TransactionConnectionEdge], pageInfo: PageInfo! }
type TransactionConnectionEdge { cursor: String, node: Transaction }
type RecurringBillingSubscriptionConnection { edges: [RecurringBillingSubscriptionConnectionEdge], pageInfo: PageInfo! }
type RecurringBillingSubscriptionConnectionEdge { cursor: String, node: RecurringBillingSubscription }

type TransactionPayload { clientMutationId: String, transaction: Transaction }
type VoidTransactionPayload { clientMutationId: String, transaction: Transaction }
type RecurringBillingSubscriptionPayload { clientMutationId: String, subscription: RecurringBillingSubscription }

input ChargeRecurringBillingSubscriptionInput {
  clientMutationId: String
  subscriptionId: ID!
  amount: Amount
  submitForSettlement: Boolean
}
input CancelRecurringBillingSubscriptionInput { clientMutationId: String, subscriptionId: ID! }
input CaptureTransactionInput { clientMutationId: String, apiRequestKey: String, transactionId: ID!, amount: Amount }
input VoidTransactionInput { clientMutationId: String, apiRequestKey: String, transactionId: ID! }

enum LegacyIdType { CUSTOMER PAYMENT_METHOD RECURRING_BILLING_SUBSCRIPTION TRANSACTION }
input LegacyIdElementsInput { legacyId: ID!, type: LegacyIdType! }
input IdsFromLegacyIdsInput { ids: [LegacyIdElementsInput!]! }

input SearchTextInput { is: String, isNot: String, startsWith: String, endsWith: String, contains: String }
input SearchValueInput { is: String, in: [String!] }
input SearchRangeInput { is: String, greaterThanOrEqualTo: String, lessThanOrEqualTo: String }
input SearchTimestampInput { greaterThanOrEqualTo: Timestamp, lessThanOrEqualTo: Timestamp }
input SearchTransactionStatusInput { is: PaymentStatus, in: [PaymentStatus!] }
input SearchTransactionSourceInput { in: [PaymentSource!] }
input SearchPaymentCustomerInput {
  id: SearchValueInput
  firstName: SearchTextInput
  lastName: SearchTextInput
  company: SearchTextInput
  email: SearchTextInput
}
input TransactionSearchInput {
  id: SearchValueInput
  status: SearchTransactionStatusInput
  createdAt: SearchTimestampInput
  source: SearchTransactionSourceInput
  customer: SearchPaymentCustomerInput
  merchantAccountId: SearchTextInput
}
input RecurringBillingSubscriptionSearchInput {
  id: SearchValueInput
  status: [RecurringBillingSubscriptionStatus!]
  transactionId: SearchTextInput
  createdAt: SearchTimestampInput
  daysPastDue: SearchRangeInput
  merchantAccountId: SearchValueInput
}
"""
    + f"interface PaymentStatusEvent {{ {_EVENT} }}\n"
    + "\n".join(f"type {name} implements PaymentStatusEvent {{ {_EVENT}, {more} }}" for name, more in _EVENTS.items())
)
