"""Every row of the table of declines, written down by hand from what the vendor and the gateways say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.decline import DeclineClass
from bot.providers.chargebee_declines import CAUSES, CONFIDENTIAL, DECLINES, decline_of, decline_of_error
from bot.providers.chargebee_wire import WireError, WireTransaction
from tests.providers.chargebee_samples import SOURCE, a_detail, a_transaction

SOFT, HARD = DeclineClass.SOFT, DeclineClass.HARD
NEW, CONFIRM, UNCLEAR = DeclineClass.NEEDS_NEW_METHOD, DeclineClass.NEEDS_AUTHENTICATION, DeclineClass.UNCLEAR

WORDS: dict[DeclineClass, str] = {
    SOFT: (
        "insufficient_funds generic_decline do_not_honor try_again_later processing_error issuer_not_available "
        "reenter_transaction withdrawal_count_limit_exceeded card_velocity_exceeded approve_with_id card_declined"
    ),
    HARD: (
        "fraudulent lost_card stolen_card pickup_card restricted_card revocation_of_authorization "
        "revocation_of_all_authorizations stop_payment_order security_violation transaction_not_allowed do_not_try_again "
        "merchant_blacklist"
    ),
    NEW: (
        "expired_card incorrect_number invalid_number invalid_account invalid_expiry_month invalid_expiry_year "
        "incorrect_cvc invalid_cvc card_not_supported currency_not_supported new_account_information_available "
        "payment_method_not_present payment_method_verification_failed"
    ),
    CONFIRM: "authentication_required authentication_not_handled payment_intent_invalid payment_intent_invalid_amount",
}
GONE = "gateway.transaction_processing.resource_missing"
WORD_ROWS = [(word, kind) for kind, words in WORDS.items() for word in words.split()]
CAUSE_ROWS = [
    ("gateway.transaction_processing.low_balance", SOFT),
    ("gateway.general.decline", SOFT),
    ("gateway.transaction_processing.invalid_transaction", SOFT),
    ("gateway.transaction_processing.payment_intent_unexpected_state", UNCLEAR),
    ("gateway.transaction_processing.resource_missing", NEW),
    ("gateway.transaction_processing.payment_code_incorrect", UNCLEAR),
    ("gateway.merchant_account.authentication_failure", UNCLEAR),
    ("gateway.merchant_account.test_only", UNCLEAR),
    ("gateway.merchant_account.anything_else", UNCLEAR),
    ("gateway.technical.rate_limit_exceeded", SOFT),
    ("gateway.technical.anything_else", SOFT),
    ("gateway.something.new", UNCLEAR),
]


def declined(**changes: Any) -> WireTransaction:
    """Only the detail says anything."""
    detail = changes.pop("detail", {})
    return WireTransaction.model_validate(
        a_transaction(error_code=None, error_text=None, **changes) | {"error_detail": detail}
    )


@pytest.mark.parametrize(("word", "kind"), WORD_ROWS)
@pytest.mark.parametrize("place", ["decline_code", "error_code"])
def test_every_word_of_a_gateway_has_its_class(word: str, kind: DeclineClass, place: str) -> None:
    decline = decline_of(declined(detail={place: word.upper()}))
    assert (decline.code, decline.kind) == (word, kind)


@pytest.mark.parametrize(("cause", "kind"), CAUSE_ROWS)
def test_every_cause_has_its_class(cause: str, kind: DeclineClass) -> None:
    decline = decline_of(declined(detail={"error_cause_id": cause}))
    assert (decline.code, decline.kind) == (cause, kind)
    assert decline_of_error(WireError(error_cause_id=cause)).kind is kind


def test_the_table_has_no_row_that_is_not_written_down_here() -> None:
    assert set(DECLINES) == {word for word, _ in WORD_ROWS}
    assert set(CAUSES) <= {cause for cause, _ in CAUSE_ROWS}


@pytest.mark.parametrize(
    ("cause", "word", "code", "kind"),
    [
        # a vague cause gives way to what the gateway says
        ("gateway.general.decline", "stolen_card", "stolen_card", HARD),
        ("gateway.transaction_processing.invalid_transaction", "transaction_not_allowed", "transaction_not_allowed", HARD),
        ("gateway.transaction_processing.low_balance", "insufficient_funds", "insufficient_funds", SOFT),
        # a vague word gives way to the cause
        ("gateway.transaction_processing.low_balance", "card_declined", "gateway.transaction_processing.low_balance", SOFT),
        ("gateway.general.decline", "generic_decline", "generic_decline", SOFT),
        # a cause that forbids another try is not softened
        (GONE, "do_not_honor", GONE, NEW),
        # what nobody knows is nobody's guess
        ("gateway.something.new", "word_nobody_knows", "word_nobody_knows", UNCLEAR),
        ("", "word_nobody_knows", "word_nobody_knows", UNCLEAR),
        ("", "", "no_code", UNCLEAR),
    ],
)  # fmt: skip
def test_the_most_telling_of_cause_and_word_decides(cause: str, word: str, code: str, kind: DeclineClass) -> None:
    decline = decline_of(declined(detail={"error_cause_id": cause or None, "decline_code": word or None}))
    assert (decline.code, decline.kind) == (code, kind)


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
        ("3DS is required", "card_declined", CONFIRM),
        ("This needs authentication.", None, CONFIRM),
        ("This needs authentication.", "stolen_card", HARD),
        ("Declined.", "card_declined", SOFT),
    ],
)
def test_a_text_that_speaks_of_authentication_counts_where_the_word_is_vague(
    text: str, word: str | None, kind: DeclineClass
) -> None:
    assert decline_of(declined(detail={"error_message": text, "decline_code": word})).kind is kind


def test_the_decline_code_is_more_telling_than_the_error_code() -> None:
    decline = decline_of(declined(detail=a_detail(decline_code="lost_card", error_cause_id=None)))
    assert (decline.code, decline.kind) == ("lost_card", HARD)


def test_what_must_not_be_repeated_to_the_customer_is_marked() -> None:
    assert {"lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist"} == CONFIDENTIAL
    assert decline_of(declined(detail={"decline_code": "stolen_card"})).confidential
    assert not decline_of(declined(detail={"decline_code": "insufficient_funds"})).confidential


@pytest.mark.parametrize("advice", ["03", "21"])
def test_a_network_that_forbids_another_try_makes_it_a_hard_decline(advice: str) -> None:
    decline = decline_of(declined(detail=a_detail(processor_advice_code=advice)))
    assert (decline.kind, decline.wait) == (HARD, None)


def test_a_network_that_asks_for_a_wait_is_heeded() -> None:
    decline = decline_of(declined(detail=a_detail(processor_advice_code="25")))
    assert (decline.kind, decline.wait) == (SOFT, timedelta(hours=24))
    assert "24 hours" in decline.advice


def test_the_method_that_was_declined_is_named() -> None:
    card = decline_of(declined(detail=a_detail()))
    assert (card.method, card.method_label) == (SOURCE, "card ending 8210")
    debit = decline_of(declined(detail=a_detail(), payment_method="direct_debit", masked_card_number=None))
    assert debit.method_label == "direct debit"
    bare = decline_of(declined(detail=a_detail(), payment_method=None, masked_card_number=None))
    assert bare.method_label == SOURCE


@pytest.mark.parametrize(("cause", "kind"), CAUSE_ROWS)
def test_no_cause_leaves_a_person_without_advice(cause: str, kind: DeclineClass) -> None:
    decline = decline_of(declined(detail={"error_cause_id": cause}))
    assert decline.advice
    is_ours_to_mend = cause.startswith("gateway.merchant_account.") or cause.endswith("payment_code_incorrect")
    assert ("settings of the payment gateway" in decline.advice) is is_ours_to_mend
    assert kind is decline.kind
