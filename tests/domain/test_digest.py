"""The tally agrees with the obvious way to count, in memory that does not grow with the invoices."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.decline import Decline, DeclineClass
from bot.domain.digest import ROWS_SHOWN, CurrencyTotal, DigestKey, Tally, listed
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.money import Money
from tests.domain.builders import an_invoice

CURRENCIES = ("EUR", "USD", "JPY", "KWD")
MINIMUM = {"EUR": Money(5000, "EUR"), "JPY": Money(1000, "JPY")}


def numbered(amounts: list[tuple[int, str]]) -> list[Invoice]:
    return [
        an_invoice(ref=InvoiceRef("stripe", f"in_{number}"), owed=Money(minor, currency))
        for number, (minor, currency) in enumerate(amounts)
    ]


invoices = st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from(CURRENCIES)), max_size=60).map(numbered)
rows_wanted = st.integers(len(CURRENCIES), 12)


def tallied(found: list[Invoice], rows: int = ROWS_SHOWN) -> Tally:
    tally = Tally(MINIMUM, rows)
    for invoice in found:
        tally.add(invoice)
    return tally


def naive(found: list[Invoice]) -> dict[str, list[Invoice]]:
    """What may be shown, by currency, the largest first, the currency with most rows first."""
    groups: defaultdict[str, list[Invoice]] = defaultdict(list)
    for invoice in found:
        least = MINIMUM.get(invoice.owed.currency)
        if least is None or least <= invoice.owed:
            groups[invoice.owed.currency].append(invoice)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return {currency: sorted(group, key=lambda i: (-i.owed.minor, i.ref.id)) for currency, group in ordered}


@given(invoices)
def test_totals_count_everything_shown_or_not(found: list[Invoice]) -> None:
    totals = {total.total.currency: total for total in tallied(found).totals()}
    assert set(totals) == {invoice.owed.currency for invoice in found}
    for currency, total in totals.items():
        mine = [invoice for invoice in found if invoice.owed.currency == currency]
        least = MINIMUM.get(currency, Money(0, currency))
        assert total == CurrencyTotal(
            total=Money(sum(invoice.owed.minor for invoice in mine), currency),
            count=len(mine),
            below_minimum=sum(invoice.owed < least for invoice in mine),
        )


@given(invoices, rows_wanted)
def test_rows_are_the_largest_of_each_currency_and_no_currency_is_left_out(found: list[Invoice], rows: int) -> None:
    shown, groups = tallied(found, rows).rows(), naive(found)
    assert len(shown) == min(rows, sum(map(len, groups.values())))
    assert list(dict.fromkeys(invoice.owed.currency for invoice in shown)) == list(groups)
    for currency, group in groups.items():
        mine = [invoice.owed.minor for invoice in shown if invoice.owed.currency == currency]
        assert mine == [invoice.owed.minor for invoice in group[: len(mine)]]


@given(invoices, st.randoms())
def test_the_order_in_which_pages_arrive_changes_nothing(found: list[Invoice], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert tallied(shuffled).rows() == tallied(found).rows()
    assert tallied(shuffled).totals() == tallied(found).totals()


def test_more_currencies_than_rows_show_one_row_of_as_many_as_fit() -> None:
    found = numbered([(100, currency) for currency in ("USD", "KWD", "CHF", "SEK")])
    assert [invoice.owed.currency for invoice in tallied(found, 2).rows()] == ["CHF", "KWD"]


def test_an_invoice_that_a_listing_names_twice_does_not_stop_the_digest() -> None:
    once, again = an_invoice(attempts=1), an_invoice(attempts=2)
    assert tallied([once, again], 1).rows() == [once]
    assert len(tallied([once, again] * 10).rows()) == ROWS_SHOWN


def test_memory_depends_on_the_rows_and_not_on_the_invoices() -> None:
    tally = tallied(numbered([(minor, "EUR") for minor in range(10_000)]), 10)
    assert sum(len(kept) for kept in tally._largest.values()) == 10


def test_an_amount_of_exactly_the_minimum_is_shown() -> None:
    at, below = numbered([(5000, "EUR"), (4999, "EUR")])
    assert tallied([at, below]).rows() == [at]


def test_little_is_kept_of_every_invoice() -> None:
    invoice = an_invoice(customer_name="Acme GmbH", decline=Decline(DeclineClass.HARD, "c", "r"))
    (kept,) = listed([invoice])
    assert (kept.ref, kept.amount, kept.kind) == (invoice.ref, invoice.owed, DeclineClass.HARD)
    assert "Acme" not in repr(kept)


def test_a_run_is_named_by_its_digest_and_scheduled_time() -> None:
    assert str(DigestKey("finance", "2026-11-21T09:00")) == "finance@2026-11-21T09:00"
