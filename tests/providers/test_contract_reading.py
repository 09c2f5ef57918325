"""What every provider promises about reading and finding, proved against its own sandbox fake."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial

import httpx
import pytest
from structlog.testing import capture_logs

from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, PaymentMethod
from bot.domain.outcome import Succeeded
from bot.ports import Provider, Unreadable, Window
from bot.providers.registry import facts_of, slugs
from tests.providers.benches import BENCHES, BROKEN, EURO, Bench, read
from tests.providers.samples import NOW
from tests.providers.wire import an_order


def promised(provider: Provider, bench: Bench, ref: InvoiceRef) -> list[Callable[[], Awaitable[object]]]:
    """Every read that the facts promise, to be made."""

    async def listing() -> list[object]:
        return [item async for item in provider.failed(Window(None, NOW))]

    facts, reads = provider.facts, list[Callable[[], Awaitable[object]]]()
    reads.append(lambda: provider.get(ref))
    if facts.has_list:
        wanted = ("DEMO-1", ref.id, bench.customer_of(ref), "billing@acme.example")
        reads += [listing, lambda: provider.numbered("DEMO-1"), *(partial(provider.find, text) for text in wanted)]
    if any(capability.takes_method for capability in facts.capabilities.values()):
        reads.append(lambda: provider.methods(ref))
    if facts.has_pdf:
        reads.append(lambda: provider.pdf(ref))
    if facts.has_payment_link:
        reads.append(lambda: provider.payment_link(ref))
    return reads


async def test_a_thorough_read_names_what_a_retry_would_charge(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice(magic="stolen_card")
    invoice = await read(provider, ref, thorough=True)
    assert isinstance(invoice.method, PaymentMethod)
    assert invoice.charge_is_declined_method is charger.tells_reasons


async def test_a_thorough_read_tells_when_the_newest_charge_was_made(reader: Bench) -> None:
    provider, ref = reader.open(), reader.failed_invoice(magic="stolen_card")
    invoice = await read(provider, ref, thorough=True)
    assert invoice.newest_charge_at is not None
    assert invoice.newest_charge_at < NOW


async def test_a_listing_is_complete_as_a_set(lister: Bench) -> None:
    provider = lister.open()
    failed = {lister.failed_invoice(days_old=0.01 + n * 0.55) for n in range(1000)}
    for status in ("draft", "paid", "void", "uncollectible"):
        lister.failed_invoice(status=status)
    listed = [item async for item in provider.failed(Window(None, NOW))]
    assert not any(isinstance(item, Unreadable) for item in listed)
    assert len(listed) == len(failed)
    assert {item.ref for item in listed if isinstance(item, Invoice)} == failed


@pytest.mark.parametrize("how", [*BROKEN, "429"])
async def test_a_broken_provider_is_a_failure_of_every_read_and_never_an_empty_answer(reader: Bench, how: str) -> None:
    ref = reader.failed_invoice()
    reader.break_everything(how)

    async def fails(number: int) -> None:
        """By a client of its own: nobody waits for the pause that another was asked for."""
        with pytest.raises(ProviderFailure):
            await promised(reader.open(), reader, ref)[number]()

    await asyncio.gather(*(fails(number) for number in range(len(promised(reader.open(), reader, ref)))))


async def test_an_invoice_is_found_by_its_number(lister: Bench) -> None:
    provider, ref = lister.open(), lister.failed_invoice()
    number = (await read(provider, ref)).number
    assert number
    assert [invoice.ref for invoice in await provider.numbered(number)] == [ref]
    assert [invoice.ref for invoice in await provider.numbered(number.lower())] == [ref]
    assert [invoice.ref for invoice in await provider.find(number)] == [ref]
    assert await provider.numbered("no-such-number") == []


@pytest.mark.parametrize("name", ["Fennel & Thyme", 'O\'Neil \\ "Söhne"', "\u682a\u5f0f\u4f1a\u793e", "Li"])
async def test_invoices_are_found_by_whatever_a_person_knows_of_the_customer(lister: Bench, name: str) -> None:
    provider, stranger = lister.open(), lister.failed_invoice()
    theirs = lister.named(name, "Billing@Fennel.example")
    for wanted in (name, lister.customer_of(theirs[0]), "Billing@Fennel.example", f"  {name} "):
        assert [invoice.ref for invoice in await provider.find(wanted)] == theirs
    assert [invoice.ref for invoice in await provider.find(stranger.id)] == [stranger]


async def test_an_address_is_found_in_small_letters_too(lister: Bench) -> None:
    theirs = lister.named("Fennel", "billing@fennel.example")
    assert [invoice.ref for invoice in await lister.open().find("Billing@Fennel.Example")] == theirs


@pytest.mark.parametrize(
    "nothing", ["", "   ", "x" * 5000, "no such name", "nobody@nowhere.example", "cus_Nobody", "in_No"]
)
async def test_what_fits_nothing_finds_nothing(bench: Bench, nothing: str) -> None:
    bench.failed_invoice()
    assert await bench.open().find(nothing) == []


async def test_a_number_finds_its_invoice_among_those_of_a_customer_of_that_name(lister: Bench) -> None:
    provider, numbered = lister.open(), lister.failed_invoice()
    number = (await read(provider, numbered)).number
    assert number
    named = lister.named(f"{number} Ltd", "a@b.example")
    found = await provider.find(number)
    assert {invoice.ref for invoice in found} == {numbered, *named}
    assert [invoice.created_at for invoice in found] == sorted((i.created_at for i in found if i.created_at), reverse=True)


async def test_a_search_is_bounded_in_requests_and_invoices(lister: Bench) -> None:
    provider = lister.open()
    for number in range(15):
        lister.named(f"Everybody {number}", "all@everybody.example")
    before = lister.requests()
    found = await provider.find("everybody")
    assert lister.requests() - before <= 8
    assert 0 < len(found) <= 50


async def test_the_stored_methods_are_those_that_a_retry_could_charge(chooser: Bench) -> None:
    provider, ref = chooser.open(), chooser.failed_invoice(magic="stolen_card")
    other = chooser.add_working_method(ref)
    invoice = await read(provider, ref, thorough=True)
    assert isinstance(invoice.method, PaymentMethod)
    methods = await provider.methods(ref)
    assert {method.id for method in methods} == {invoice.method.id, other}
    assert len({method.label for method in methods}) == 2
    outcome = await provider.perform(an_order(invoice, method=other))
    assert isinstance(outcome, Succeeded)
    assert chooser.collected(ref) == EURO.minor


async def test_a_customer_without_methods_has_none(bench: Bench) -> None:
    assert await bench.open().methods(bench.failed_invoice(magic="no_method")) == []
    assert await bench.open().methods(InvoiceRef("stripe", "in_Missing")) == []


async def test_the_pdf_is_one_or_is_on_a_host_that_the_facts_name(bench: Bench) -> None:
    provider, ref = bench.open(), bench.failed_invoice()
    pdf = await provider.pdf(ref)
    assert (pdf is not None) is provider.facts.has_pdf
    if isinstance(pdf, str):
        assert httpx.URL(pdf).host in provider.facts.link_hosts
    elif pdf is not None:
        assert bytes(pdf).startswith(b"%PDF")
    assert await provider.pdf(bench.failed_invoice(status="draft")) is None
    assert await provider.pdf(InvoiceRef("stripe", "in_Missing")) is None


async def test_the_payment_link_is_on_a_host_that_the_facts_name(bench: Bench) -> None:
    provider, ref = bench.open(), bench.failed_invoice()
    link = await provider.payment_link(ref)
    assert (link is not None) is provider.facts.has_payment_link
    assert link is None or httpx.URL(link).host in provider.facts.link_hosts
    assert await provider.payment_link(bench.failed_invoice(status="draft")) is None


@pytest.mark.parametrize("identifier", ["in_Missing", "..", "../customers/cus_1", "in_1?expand=x", "%2e%2e"])
async def test_an_id_that_does_not_exist_is_none_whatever_its_shape(reader: Bench, identifier: str) -> None:
    assert await reader.open().get(InvoiceRef("stripe", identifier)) is None


async def test_credentials_never_reach_log_errors_or_repr(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    with capture_logs() as events:
        provider, ref = bench.open(), bench.failed_invoice(magic="generic_decline")
        said.append(repr(provider) + repr(provider.facts) + repr(vars(provider)))
        invoice, action = await read(provider, ref, thorough=True), next(iter(provider.facts.capabilities))
        said.append(repr(await provider.perform(an_order(invoice, action))))
        bench.break_everything("reset")
        said.append(repr(await provider.perform(an_order(invoice, action, key="attempt-2"))))
        with pytest.raises(ProviderFailure) as caught:
            await (provider.pdf(ref) if provider.facts.has_pdf else provider.get(ref))
        said.append(f"{caught.value!r} {caught.value.detail}")
        await provider.close()
    assert events
    everything = " ".join([*said, str(events), caplog.text])
    assert bench.secret not in everything


async def test_what_the_facts_promise_about_ids_is_true(bench: Bench) -> None:
    facts = bench.open().facts
    has_shape = re.fullmatch(facts.id_pattern, bench.failed_invoice().id) is not None
    assert has_shape is not facts.ids_are_opaque


@pytest.mark.parametrize("slug", [slug for slug in slugs() if not facts_of(slug).can_read])
async def test_a_provider_that_cannot_be_read_says_so_and_asks_for_nothing(slug: str) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.failed_invoice()
    assert (await read(provider, ref)).is_unseen
    assert await provider.find(ref.id) == []
    assert bench.requests() == 0


async def test_every_declared_action_says_what_it_does(bench: Bench) -> None:
    for capability in bench.open().facts.capabilities.values():
        assert capability.provider_term
        assert capability.consequence.endswith(".")
        assert capability.allowed_on
