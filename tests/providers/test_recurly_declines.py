"""Every row of Recurly's table of transaction errors, written down here by hand: the class, and how the send ends."""

from __future__ import annotations

import pytest

from bot.domain.decline import DeclineClass
from bot.domain.invoice import InvoiceRef
from bot.domain.outcome import Declined, Rejected, RejectedReason, Unknown
from bot.providers.recurly_declines import DECLINES
from tests.providers.benches import read
from tests.providers.recurly_samples import (
    COLLECT,
    ID,
    INVOICE,
    a_charge,
    a_decline,
    an_invoice,
    answered,
    ours,
    recurly_over,
)
from tests.providers.wire import an_attempt, an_order

REF = InvoiceRef("recurly", ID)


def words(text: str) -> list[str]:
    return text.split()


SOFT = words(
    """
    declined declined_saveable insufficient_funds temporary_hold try_again too_many_attempts partial_approval
    call_issuer call_issuer_update_cardholder_data processor_not_available issuer_unavailable exceeds_daily_limit
    exceeds_max_amount cancelled paypal_primary_declined paypal_declined_use_alternate declined_security_code
    roku_zip_code_mismatch roku_invalid_card_number ach_return ach_cancel ach_chargeback ach_credit_return
    ach_validation_exception ach_exception no_gateway_found_for_transaction_amount
    merch_max_transaction_limit_exceeded batch_processing_error transaction_stale_at_gateway invalid_payment_method
    amazon_declined_review billing_agreement_replaced
    """
)
NEW_METHOD = words(
    """
    expired_card declined_expiration_date declined_card_number invalid_card_number invalid_account_number
    gateway_token_not_found card_type_not_accepted card_not_activated card_blocked no_billing_information
    paypal_invalid_billing_agreement paypal_expired_reference_id paypal_account_issue billing_agreement_not_accepted
    billing_agreement_not_found invalid_billing_agreement_status contract_not_found direct_debit_type_not_accepted
    invalid_payment_method_hard roku_invalid_payment_method roku_invalid_cib rjs_token_expired invalid_issuer
    payment_not_accepted invalid_name invalid_email declined_missing_data
    """
)
HARD = words(
    """
    declined_exception restricted_card restricted_card_chargeback deposit_referenced_chargeback
    customer_canceled_transaction cardholder_requested_stop lifecycle_decline paypal_hard_decline
    paypal_cannot_pay_self invalid_transaction invalid_data invalid_amount invalid_merchant_type
    gateway_validation_exception billing_agreement_already_accepted three_d_secure_action_result_token_mismatch
    authorization_expired recurring_mandate_cancelled
    """
)
FRAUD = words(
    """
    fraud_address fraud_security_code fraud_stolen_card fraud_ip_address fraud_gateway fraud_too_many_attempts
    fraud_advanced_verification fraud_velocity fraud_generic fraud_address_recurly fraud_risk_check
    fraud_manual_decision
    """
)
AUTHENTICATE = words(
    """
    three_d_secure_authentication three_d_secure_action_required payer_authentication_rejected
    three_d_secure_connection_error
    """
)
DOWN = words(
    """
    gateway_unavailable processor_unavailable gateway_error too_busy gateway_rate_limited moneybot_unavailable
    moneybot_disconnect finbot_unavailable finbot_disconnect transaction_service_v2_unavailable
    transaction_service_v2_disconnect vaultly_service_unavailable recurly_failed_to_get_token
    recurly_token_not_found recurly_credentials_not_found recurly_token_mismatch
    """
)
SET_UP = words(
    """
    reference_transactions_not_enabled invalid_gateway_configuration invalid_login contact_gateway cvv_required
    currency_not_supported ssl_error zero_dollar_auth_not_supported no_gateway gateway_account_setup_incomplete
    ach_transactions_not_supported three_d_secure_not_supported three_d_secure_credential_error
    invalid_gateway_access_token api_error provisioning_account_error provisioning_gateway_error
    amazon_invalid_seller_id amazon_order_not_modifiable amazon_amount_exceeded amazon_transaction_count_exceeded
    amazon_not_authorized transaction_not_found transaction_settled transaction_already_voided
    transaction_already_refunded transaction_failed_to_settle transaction_cannot_be_refunded
    payment_cannot_void_authorization partial_credits_not_supported cannot_refund_unsettled_transactions
    total_credit_exceeds_capture authorization_already_captured authorization_amount_depleted
    """
)
NOT_TOLD = ["unknown", "recurly_error", "unmapped_partner_error"]
TABLE = {
    **dict.fromkeys(SOFT, DeclineClass.SOFT),
    **dict.fromkeys(NEW_METHOD, DeclineClass.NEEDS_NEW_METHOD),
    **dict.fromkeys((*HARD, *FRAUD), DeclineClass.HARD),
    **dict.fromkeys(AUTHENTICATE, DeclineClass.NEEDS_AUTHENTICATION),
    **dict.fromkeys(DOWN, DeclineClass.SOFT),
    **dict.fromkeys(NOT_TOLD, DeclineClass.UNCLEAR),
}


async def sent(code: str | None, category: str = "a category that is new", decline_code: str | None = None) -> object:
    routes = {
        f"GET {INVOICE}": answered(an_invoice()),
        COLLECT: answered(a_decline(code, category, decline_code), 422),
    }
    provider, _ = recurly_over(routes)
    return await provider.perform(an_order(await read(provider, REF)))


async def declined(code: str | None, category: str = "a category that is new", network: str | None = None) -> Declined:
    outcome = await sent(code, category, network)
    assert isinstance(outcome, Declined)
    return outcome


@pytest.mark.parametrize(("code", "kind"), TABLE.items())
async def test_each_code_has_its_class_whatever_else_is_said_and_a_reason_in_plain_words(
    code: str, kind: DeclineClass
) -> None:
    decline = (await declined(code, "communication" if kind is DeclineClass.HARD else "hard")).decline
    assert (decline.kind, decline.code) == (kind, code)
    assert decline.reason != code
    assert decline.reason[0] in "abcdefghijklmnopqrstuvwxyzPAR"


@pytest.mark.parametrize("code", SET_UP)
async def test_a_gateway_that_is_not_set_up_is_no_decline_of_a_bank(code: str) -> None:
    outcome = await sent(code)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert f"({code})" in outcome.detail
    assert "in Recurly first" in outcome.detail


@pytest.mark.parametrize(("code", "wait"), [("simultaneous", 10.0), ("duplicate_transaction", 120.0)])
async def test_an_attempt_that_is_in_the_way_is_waited_for_and_looked_at_before_the_next(code: str, wait: float) -> None:
    outcome = await sent(code)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.retry_after) == (RejectedReason.RATE_LIMITED, wait)


async def test_a_gateway_that_did_not_answer_may_have_charged() -> None:
    outcome = await sent("gateway_timeout", "communication")
    assert isinstance(outcome, Unknown)
    assert "may have charged" in outcome.cause


def test_every_code_of_the_adapter_stands_in_this_table() -> None:
    beside = {*SET_UP, "simultaneous", "duplicate_transaction", "gateway_timeout"}
    assert set(DECLINES) - set(TABLE) - beside == set()


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("soft", DeclineClass.SOFT),
        ("hard", DeclineClass.HARD),
        ("fraud", DeclineClass.HARD),
        ("communication", DeclineClass.SOFT),
        ("skles", DeclineClass.SOFT),
        ("three_d_secure_required", DeclineClass.NEEDS_AUTHENTICATION),
        ("three_d_secure_action_required", DeclineClass.NEEDS_AUTHENTICATION),
        ("unknown", DeclineClass.UNCLEAR),
        ("referral", DeclineClass.UNCLEAR),
    ],
)
async def test_a_code_that_is_new_is_judged_by_its_category(category: str, kind: DeclineClass) -> None:
    assert (await declined("a_code_that_is_new", category)).decline.kind is kind


@pytest.mark.parametrize("category", ["configuration", "api_error", "amazon", "not_enabled", "not_supported"])
async def test_a_new_code_of_the_operator_s_own_set_up_is_no_decline(category: str) -> None:
    outcome = await sent("a_code_that_is_new", category)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ("insufficient_funds", DeclineClass.SOFT),
        ("expired_card", DeclineClass.NEEDS_NEW_METHOD),
        ("policy_decline", DeclineClass.HARD),
        ("requires_3d_secure", DeclineClass.NEEDS_AUTHENTICATION),
        ("a word that is new", DeclineClass.UNCLEAR),
        (None, DeclineClass.UNCLEAR),
    ],
)
async def test_where_code_and_category_are_new_the_network_s_word_decides(network: str | None, kind: DeclineClass) -> None:
    assert (await declined("a_code_that_is_new", network=network)).decline.kind is kind


@pytest.mark.parametrize(
    "network",
    words("do_not_try_again account_closed lost_card stolen_card pickup_card fraudulent cardholder_requested_stop"),
)
async def test_a_final_no_of_the_network_outranks_a_soft_decline(network: str) -> None:
    decline = (await declined("declined", "soft", network)).decline
    assert decline.kind is DeclineClass.HARD
    assert decline.own_advice is None


@pytest.mark.parametrize(
    ("code", "network", "is_secret"),
    [
        ("fraud_stolen_card", None, True),
        ("fraud_velocity", None, True),
        ("declined", "lost_card", True),
        ("declined", "pickup_card", True),
        ("insufficient_funds", "insufficient_funds", False),
    ],
)
async def test_what_a_thief_must_not_hear_is_confidential(code: str, network: str | None, is_secret: bool) -> None:
    assert (await declined(code, network=network)).decline.confidential is is_secret


async def test_a_decline_without_any_word_is_unclear_and_still_a_decline() -> None:
    decline = (await declined(None, "")).decline
    assert (decline.kind, decline.code) == (DeclineClass.UNCLEAR, "no_code")


@pytest.mark.parametrize("code", sorted(set(TABLE) | set(SET_UP)))
async def test_a_stored_attempt_is_read_as_the_send_would_have_told_it(code: str) -> None:
    invoice = an_invoice(a_charge(), ours(status_code=code, status="error" if code in DOWN else "declined"))
    provider, _ = recurly_over({f"GET {INVOICE}": [answered(an_invoice()), answered(invoice)]})
    outcome = await provider.settle(an_attempt(await read(provider, REF)))
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is TABLE.get(code, DeclineClass.UNCLEAR)
    assert outcome.decline.method_label == "Visa ending 1881"
