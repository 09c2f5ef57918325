from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.decline import DeclineClass
from bot.providers.stripe_declines import CONFIDENTIAL, DECLINES, NOT_TRIED_AGAIN, WAIT_A_DAY, decline_of
from bot.providers.stripe_wire import WireError

SOFT = DeclineClass.SOFT
HARD = DeclineClass.HARD
NEW = DeclineClass.NEEDS_NEW_METHOD
AUTHENTICATE = DeclineClass.NEEDS_AUTHENTICATION
UNCLEAR = DeclineClass.UNCLEAR


@pytest.mark.parametrize("code", sorted(DECLINES))
def test_every_code_of_the_table_is_told_with_its_reason(code: str) -> None:
    kind, reason = DECLINES[code]
    for error in (WireError(code="card_declined", decline_code=code), WireError(code=code)):
        decline = decline_of(error)
        assert (decline.kind, decline.code, decline.reason) == (kind, code, reason)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_funds", SOFT),
        ("do_not_honor", SOFT),
        ("stolen_card", HARD),
        ("transaction_not_allowed", HARD),
        ("expired_card", NEW),
        ("missing", NEW),
        ("authentication_required", AUTHENTICATE),
        ("invoice_payment_intent_requires_action", AUTHENTICATE),
    ],
)
def test_the_codes_people_meet_most_are_in_their_class(code: str, kind: DeclineClass) -> None:
    assert DECLINES[code][0] is kind


@pytest.mark.parametrize(
    "error",
    [WireError(), WireError(code="card_declined"), WireError(code="card_declined", decline_code="moon_phase")],
)
def test_a_missing_or_unknown_code_is_unclear_never_an_error(error: WireError) -> None:
    decline = decline_of(error)
    assert decline.kind is UNCLEAR
    assert decline.code
    assert not decline.kind.blocks_same_method


def test_a_known_error_code_explains_an_unknown_decline_code() -> None:
    assert decline_of(WireError(code="expired_card", decline_code="moon_phase")).kind is NEW


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"decline_code": "insufficient_funds", "advice_code": "do_not_try_again"}, HARD),
        ({"decline_code": "generic_decline", "advice_code": "confirm_card_data"}, NEW),
        ({"decline_code": "restricted_card", "advice_code": "try_again_later"}, SOFT),
        ({"decline_code": "moon_phase", "advice_code": "try_again_later"}, SOFT),
        ({"decline_code": "do_not_honor", "advice_code": "new_advice"}, SOFT),
        ({"decline_code": "do_not_honor", "network_advice_code": "03"}, HARD),
        ({"decline_code": "do_not_honor", "network_advice_code": "21"}, HARD),
        ({"decline_code": "restricted_card", "network_advice_code": "02"}, SOFT),
        ({"decline_code": "do_not_honor", "network_advice_code": "03", "advice_code": "try_again_later"}, HARD),
        ({"decline_code": "restricted_card", "network_advice_code": "02", "advice_code": "confirm_card_data"}, NEW),
        ({"decline_code": "do_not_honor", "network_advice_code": "77"}, SOFT),
        ({"decline_code": "do_not_honor", "network_advice_code": "01"}, NEW),
        ({"decline_code": "moon_phase", "network_advice_code": "25"}, SOFT),
        ({"decline_code": "do_not_honor", "network_advice_code": "40"}, SOFT),
        ({"decline_code": "moon_phase", "network_advice_code": "41"}, UNCLEAR),
    ],
)
def test_advice_outranks_the_code(fields: dict[str, str], kind: DeclineClass) -> None:
    assert decline_of(WireError(code="card_declined", **fields)).kind is kind


@pytest.mark.parametrize("code", sorted(NOT_TRIED_AGAIN))
def test_no_advice_softens_what_stripe_would_not_try_again(code: str) -> None:
    decline = decline_of(WireError(decline_code=code, advice_code="try_again_later", network_advice_code="02"))
    assert decline.kind.blocks_same_method


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "pickup_card", "fraudulent"])
def test_what_must_not_be_said_to_the_customer_is_marked(code: str) -> None:
    assert decline_of(WireError(decline_code=code)).confidential


def test_ordinary_declines_are_not_confidential() -> None:
    assert not decline_of(WireError(decline_code="insufficient_funds")).confidential


def test_the_special_codes_are_in_the_table() -> None:
    assert set(DECLINES) >= CONFIDENTIAL | NOT_TRIED_AGAIN | WAIT_A_DAY


def test_vague_declines_say_what_to_do_next() -> None:
    assert "bank" in decline_of(WireError(decline_code="generic_decline")).advice
    assert "network" in decline_of(WireError(decline_code="insufficient_funds", network_advice_code="02")).advice
    assert decline_of(WireError(decline_code="insufficient_funds")).own_advice is None


@pytest.mark.parametrize(
    ("code", "wait", "words"),
    [
        ("24", timedelta(hours=1), "an hour"),
        ("25", timedelta(hours=24), "24 hours"),
        ("26", timedelta(days=2), "2 days"),
        ("27", timedelta(days=4), "4 days"),
        ("28", timedelta(days=6), "6 days"),
        ("29", timedelta(days=8), "8 days"),
        ("30", timedelta(days=10), "10 days"),
    ],
)
def test_the_network_s_wait_is_on_the_decline_and_in_its_advice(code: str, wait: timedelta, words: str) -> None:
    decline = decline_of(WireError(decline_code="insufficient_funds", network_advice_code=code))
    assert (decline.kind, decline.wait) == (SOFT, wait)
    assert decline.advice == f"the card's network asks to wait {words} before the next retry"


@pytest.mark.parametrize("code", [None, "", "02", "03", "21", "40", "99", "1", "025"])
def test_other_advice_names_no_time(code: str | None) -> None:
    assert decline_of(WireError(decline_code="insufficient_funds", network_advice_code=code)).wait is None


@pytest.mark.parametrize("declined", [{"decline_code": "stolen_card"}, {"advice_code": "do_not_try_again"}])
def test_what_is_refused_for_good_is_not_waited_for(declined: dict[str, str]) -> None:
    assert decline_of(WireError(network_advice_code="25", **declined)).wait is None


@pytest.mark.parametrize("code", ["40", "41", "43"])
def test_a_prepaid_or_virtual_card_is_named_as_one(code: str) -> None:
    assert "prepaid or virtual" in decline_of(WireError(decline_code="moon_phase", network_advice_code=code)).advice
