"""Every row of Braintree's decline tables, written down from its documents and not from the adapter."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.decline import Decline, DeclineClass
from bot.providers.braintree_declines import REASONS, REJECTIONS, decline_of
from bot.providers.braintree_wire import WireTransaction, read
from tests.providers.braintree_samples import Json, declined, rejected

SOFT, HARD = DeclineClass.SOFT, DeclineClass.HARD
NEW, CONFIRM, UNCLEAR = DeclineClass.NEEDS_NEW_METHOD, DeclineClass.NEEDS_AUTHENTICATION, DeclineClass.UNCLEAR


def codes(text: str) -> list[str]:
    """ "2002, 2004-2006" as single codes."""
    found: list[str] = []
    for part in text.replace(",", " ").split():
        first, _, last = part.partition("-")
        found += [str(code) for code in range(int(first), int(last or first) + 1)]
    return found


TABLE = {
    SOFT: codes(
        "2000 2001 2002 2003 2025 2026 2034 2035 2038 2040 2042 2046 2048 2057 2062 2078 2080 2092 2101-2106 2109-2130 "
        "2500 2999 3000 3001 3999 4001 4005"
    ),
    NEW: codes("2004 2005-2010 2012 2013 2022 2047 2051 2053 2070 2074 2075 2093 2107 2108"),
    HARD: codes(
        "2011 2014 2015 2017-2021 2023 2024 2027-2033 2036 2037 2039 2041 2043-2045 2049 2050 2052 2054-2056 2058-2061 "
        "2063-2069 2071-2073 2076 2077 2079 2081-2091 2094-2098 2100"
    ),
    CONFIRM: ["2099"],
    UNCLEAR: ["2016"],
}
ROWS = [(code, kind) for kind, known in TABLE.items() for code in known]


def told(one: Json) -> Decline:
    return decline_of(read(WireTransaction, one))


@pytest.mark.parametrize(("code", "kind"), ROWS)
def test_a_code_has_its_class(code: str, kind: DeclineClass) -> None:
    found = told(declined(code))
    assert (found.kind, found.code) == (kind, code)
    assert found.reason


def test_the_table_names_every_code_between_2000_and_2108() -> None:
    named = {int(code) for code, _ in ROWS}
    assert set(range(2000, 2109)) <= named


@pytest.mark.parametrize(("code", "kind"), [row for row in ROWS if row[0] != "2016"])
def test_of_type_and_code_the_stricter_counts(code: str, kind: DeclineClass) -> None:
    assert told(declined(code, "HARD")).kind is (HARD if kind is SOFT else kind)
    assert told(declined(code, "SOFT")).kind is kind


@pytest.mark.parametrize(("kind", "expected"), [("HARD", HARD), ("SOFT", SOFT), (None, UNCLEAR), ("NEW_WORD", UNCLEAR)])
@pytest.mark.parametrize("code", ["9999", "5001", "x", None])
def test_a_code_in_no_table_goes_by_its_type_or_is_unclear(
    code: str | None, kind: str | None, expected: DeclineClass
) -> None:
    assert told(declined(code, kind)).kind is expected


@pytest.mark.parametrize("code", ["1000", "1001", "1002", "1003", "1004", "1005", "4000"])
def test_a_no_with_a_code_that_means_yes_is_unclear(code: str) -> None:
    assert told(declined(code, "SOFT")).kind is UNCLEAR


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("DUPLICATE", UNCLEAR),
        ("CVV", NEW),
        ("AVS", NEW),
        ("AVS_AND_CVV", NEW),
        ("THREE_D_SECURE", CONFIRM),
        ("FRAUD", HARD),
        ("RISK_THRESHOLD", HARD),
        ("PAYMENT_METHOD_BLOCKED", HARD),
        ("EXCESSIVE_RETRY", HARD),
        ("MANUAL_TRANSACTIONS_DISABLED", UNCLEAR),
        ("APPLICATION_INCOMPLETE", HARD),
        ("TOKEN_ISSUANCE", HARD),
        ("TOO_MANY_CONFIRMATION_ATTEMPTS", HARD),
        ("UNION_PAY_ENROLLMENT_REQUIRED", HARD),
        ("A_NEW_REASON", HARD),
        (None, HARD),
    ],
)
def test_a_gateway_rejection_has_its_class(reason: str | None, kind: DeclineClass) -> None:
    assert told(rejected(reason)).kind is kind


@pytest.mark.parametrize(
    ("advice", "kind", "wait"),
    [
        (None, SOFT, None),
        ("01", NEW, None),
        ("02", SOFT, None),
        ("03", HARD, None),
        ("04", SOFT, None),
        ("21", HARD, None),
        ("24", SOFT, timedelta(hours=1)),
        ("25", SOFT, timedelta(hours=24)),
        ("26", SOFT, timedelta(days=2)),
        ("27", SOFT, timedelta(days=4)),
        ("28", SOFT, timedelta(days=6)),
        ("29", SOFT, timedelta(days=8)),
        ("30", SOFT, timedelta(days=10)),
        ("40", SOFT, None),
        ("41", SOFT, None),
        ("43", SOFT, None),
        ("99", SOFT, None),
    ],
)
def test_advice_of_the_network_bends_a_soft_decline(advice: str | None, kind: DeclineClass, wait: timedelta | None) -> None:
    found = told(declined("2001", "SOFT", advice))
    assert (found.kind, found.wait) == (kind, wait)


@pytest.mark.parametrize("advice", ["01", "02", "03", "21", "24", "30"])
@pytest.mark.parametrize("code", ["2004", "2014", "2099"])
def test_advice_changes_nothing_that_is_final_and_says_what_helps(code: str, advice: str) -> None:
    found = told(declined(code, "SOFT", advice))
    assert found.kind is told(declined(code)).kind
    assert found.wait is None


def test_advice_to_wait_classes_a_code_in_no_table() -> None:
    assert told(declined("9999", None, "25")).kind is SOFT


@pytest.mark.parametrize("code", ["2012", "2013", "2014", "2047", "2053"])
def test_what_the_customer_must_not_hear_is_marked(code: str) -> None:
    assert told(declined(code)).confidential
    assert not told(declined("2001")).confidential


def test_no_advice_promises_a_payment_link_for_what_a_customer_has_to_mend() -> None:
    """Braintree has none."""
    found = [told(declined(code)) for code in REASONS] + [told(rejected(reason)) for reason in REJECTIONS]
    for one in found:
        assert "payment link" not in one.advice


def test_words_of_the_processor_stand_in_where_we_have_none() -> None:
    assert told(declined("2026")).reason == "No"
    assert told(declined(None)).reason == "No"
    assert told({**declined("2026"), "statusHistory": []}).reason == "declined for a reason we do not know"
