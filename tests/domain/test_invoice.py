"""Names of invoices, and what an invoice says about the next step."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.decline import Decline, DeclineClass
from bot.domain.errors import UnusableValue
from bot.domain.invoice import (
    CollectionMethod,
    InvoiceRef,
    InvoiceStatus,
    NoMethod,
    PaymentMethod,
    PaymentState,
    account_name,
)
from bot.domain.money import Money
from tests.domain.builders import an_invoice

GOOD = Decline(DeclineClass.SOFT, "insufficient_funds", "insufficient funds", method="pm_1")
BAD = Decline(DeclineClass.HARD, "stolen_card", "the card is reported stolen", method="pm_1")
_ACCOUNTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
_IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)


@given(_ACCOUNTS, _IDS)
def test_a_reference_is_written_as_account_and_id(account: str, invoice: str) -> None:
    written = str(InvoiceRef(account, invoice))
    assert written.partition(":") == (account, ":", invoice)


@pytest.mark.parametrize("name", ["", "Stripe", "a b", "-a", "a-", "a:b", "a\n", "ä", "a" * 65, "a_b"])
def test_what_cannot_be_a_name_in_the_configuration_is_refused(name: str) -> None:
    with pytest.raises(UnusableValue):
        account_name(name)


@pytest.mark.parametrize("invoice", ["", " ", "in 1", "in_1\n", "in\x00", "ä", "a" * 256])
def test_what_cannot_be_an_invoice_id_is_refused(invoice: str) -> None:
    with pytest.raises(UnusableValue):
        InvoiceRef("stripe", invoice)


@pytest.mark.parametrize("moment", ["created_at", "due_at", "next_attempt_at", "newest_charge_at"])
def test_a_moment_needs_its_time_zone(moment: str) -> None:
    naive = datetime(2026, 11, 21)  # noqa: DTZ001 - the very thing that is refused
    with pytest.raises(UnusableValue, match="time zone"):
        an_invoice(**{moment: naive})


def test_an_invoice_cannot_owe_less_than_nothing() -> None:
    assert an_invoice(owed=Money(0, "EUR")).owed.minor == 0
    with pytest.raises(UnusableValue):
        an_invoice(owed=Money(-1, "EUR"))


def test_customer_data_stays_out_of_what_logs_show() -> None:
    shown = repr(
        an_invoice(
            customer_name="Acme GmbH", customer_email="ap@acme.example", customer_id="cus_9", dashboard_url="https://d"
        )
    )
    assert not any(secret in shown for secret in ("Acme", "acme.example", "cus_9", "https"))


@pytest.mark.parametrize(
    "change",
    [
        {"status": InvoiceStatus.PAID},
        {"owed": Money(41999, "EUR")},
        {"owed": Money(42000, "USD")},
        {"newest_charge": "ch_2"},
        {"payment": PaymentState.PROCESSING},
    ],
)
def test_the_fingerprint_changes_with_what_a_decision_depends_on(change: dict[str, Any]) -> None:
    assert an_invoice(**change).fingerprint != an_invoice().fingerprint


@pytest.mark.parametrize(
    "change", [{"number": "INV-1"}, {"customer_name": "Acme"}, {"attempts": 3}, {"method": NoMethod()}]
)
def test_the_fingerprint_ignores_what_no_decision_depends_on(change: dict[str, Any]) -> None:
    assert an_invoice(**change).fingerprint == an_invoice().fingerprint


@pytest.mark.parametrize(
    ("decline", "method", "expected"),
    [
        (None, None, False),
        (GOOD, PaymentMethod("pm_1", "visa"), False),
        (BAD, PaymentMethod("pm_1", "visa"), True),
        (BAD, PaymentMethod("pm_2", "visa"), False),
        (BAD, NoMethod(), True),
        (BAD, None, None),
        (replace(BAD, method=None), PaymentMethod("pm_1", "visa"), None),
    ],
)
def test_whether_a_retry_would_charge_the_declined_method(
    decline: Decline | None, method: Any, expected: bool | None
) -> None:
    assert an_invoice(decline=decline, method=method).charge_is_declined_method is expected


@pytest.mark.parametrize("kind", list(DeclineClass))
def test_the_customer_is_asked_exactly_when_the_method_cannot_pay(kind: DeclineClass) -> None:
    invoice = an_invoice(decline=Decline(kind, "code", "reason"))
    assert invoice.wants_payment_link is kind.blocks_same_method
    assert replace(invoice, collection=CollectionMethod.MANUAL).wants_payment_link is True


def test_an_invoice_is_called_by_its_number_where_it_has_one() -> None:
    assert an_invoice(number="INV-7").label == "INV-7"
    assert an_invoice(number="").label == an_invoice().label == "in_1AbC"


@pytest.mark.parametrize(("code", "reason"), [("", "no"), ("code", "")])
def test_a_decline_says_what_the_bank_said(code: str, reason: str) -> None:
    with pytest.raises(ValueError, match="code and a reason"):
        Decline(DeclineClass.SOFT, code, reason)


def test_every_class_of_decline_has_its_own_words_and_next_step() -> None:
    assert len({kind.label for kind in DeclineClass}) == len({kind.advice for kind in DeclineClass}) == len(DeclineClass)
    assert Decline(DeclineClass.HARD, "c", "r", own_advice="call the bank").advice == "call the bank"
