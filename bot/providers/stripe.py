"""Stripe: collect, send, finalize, void and write off invoices, and list those whose payment failed.

    Invoices        https://docs.stripe.com/api/invoices
    Payments        https://docs.stripe.com/api/invoice-payment/object
    Errors          https://docs.stripe.com/api/errors
    Idempotency     https://docs.stripe.com/api/idempotent_requests
    Rate limits     https://docs.stripe.com/rate-limits
    Transitions     https://docs.stripe.com/invoicing/integration/workflow-transitions

The decline is not on the invoice but on the payment intent behind its default payment, which has to be expanded. Manual
attempts do not move `attempt_count`: what tells one attempt from the next is the newest charge.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.domain.action import Action
from bot.domain.capability import LiveCheck, ProviderFacts
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import Invoice, InvoiceRef, PaymentMethod
from bot.domain.outcome import Outcome, Rejected, RejectedReason, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder, Clock, Unreadable, Window
from bot.providers.http import Access, Pairs, ProviderHttp, Reply, Transport
from bot.providers.links import Links
from bot.providers.merging import merged
from bot.providers.pace import Pace
from bot.providers.stripe_answers import final_refusal, read_failure, refusal_by_state
from bot.providers.stripe_checks import Checks
from bot.providers.stripe_events import is_on_record
from bot.providers.stripe_facts import FACTS
from bot.providers.stripe_finding import Finder
from bot.providers.stripe_invoices import DASHBOARD, Reader
from bot.providers.stripe_listing import Span, spans, walk
from bot.providers.stripe_methods import complete, stored
from bot.providers.stripe_orders import EXPAND, form_of, objection, path_of
from bot.providers.stripe_outcomes import accepted, settled, telling_event
from bot.providers.stripe_wire import WireInvoice, WirePage, body_of
from bot.providers.wording import setting

VERSION: Final = "2026-06-24.dahlia"
"""The shapes we read; without it the account's own default version would decide them."""
ID_LIMIT: Final = 255
REREAD_LIMIT: Final = 8.0
"""Seconds for the read after a refused send, which the worker's deadline has to hold too."""

_KEY = re.compile(r"[!-~]+")
_MODES: Final = {"sk_live_": True, "rk_live_": True, "sk_test_": False, "rk_test_": False}

_OTHER_HOST: Final = (
    "Stripe gave a link to a host that is not known to be safe, so it is not shown. Open it in Stripe instead."
)

log = structlog.get_logger()


class Credentials(BaseModel):
    """Settings of one Stripe account. A restricted key (`rk_…`) is enough; `read_key` keeps reads off the writing key."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(description="The key that acts; a restricted one (`rk_…`) is enough.")
    read_key: SecretStr | None = Field(
        default=None, description="A key for reading, so that reads use no key that can act."
    )
    stripe_account: str | None = Field(
        default=None, pattern=r"^acct_[A-Za-z0-9]+$", description="A connected account, on whose behalf the key acts."
    )
    mode: Literal["test", "live"] | None = Field(
        default=None, description="For keys whose beginning does not tell; refused where it does and says the other."
    )
    base_url: str = Field(default="https://api.stripe.com", description="Another base of Stripe's API.")
    requests_per_second: float | None = Field(
        default=None, gt=0, le=1000, description="Our share of the account's rate limit; 20 live and 10 in test mode."
    )
    """Our own share of the account's rate limit; 20 live and 10 in test mode when not set: with a burst of ten still
    inside Stripe's 100 and 25, and a fifth press does not wait for seconds behind the reads of four others."""


class Stripe:
    """One Stripe account. Raises UnusableValue when it is built from keys or a URL that cannot be used."""

    def __init__(self, account: str, credentials: Credentials, *, clock: Clock, transport: Transport | None = None) -> None:
        self._account = account
        self._clock = clock
        self._live = _is_live(account, credentials)
        headers = {"Stripe-Version": VERSION}
        if credentials.stripe_account:
            headers["Stripe-Account"] = credentials.stripe_account
        self._http = ProviderHttp(
            account,
            credentials.base_url,
            access=_access(credentials),
            headers=headers,
            pace=Pace(credentials.requests_per_second or (20.0 if self._live else 10.0)),
            transport=transport,
        )
        self._links = Links(FACTS.link_hosts, self._http.host, self._http.is_loopback)
        self._reader = Reader(account=account, live=self._live, dashboard=self._dashboard(credentials.stripe_account))
        self._finder = Finder(self._http, self._reader, clock)

    @property
    def facts(self) -> ProviderFacts:
        return FACTS

    @property
    def account(self) -> str:
        return self._account

    @property
    def live(self) -> bool:
        return self._live

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:
        wire = await self._wire(ref, EXPAND)
        if wire is None:
            return None
        invoice = self._invoice(wire)
        return await complete(self._http, wire, invoice, thorough=thorough)

    async def failed(self, window: Window) -> AsyncGenerator[Invoice | Unreadable]:
        now = self._clock.now()
        known: set[str] = set()
        async with aclosing(merged([walk(span, self._page) for span in spans(window)])) as pages:
            async for page in pages:
                for item in self._reader.items(page, now):
                    if isinstance(item, Unreadable):
                        yield item
                    elif item.failed_because is not None and item.ref.id not in known:
                        known.add(item.ref.id)
                        yield item

    async def numbered(self, number: str) -> list[Invoice]:
        return await self._finder.numbered(number)

    async def find(self, text: str) -> list[Invoice]:
        wanted = text.strip()
        if re.fullmatch(FACTS.id_pattern, wanted) and len(wanted) <= ID_LIMIT:
            found = await self.get(InvoiceRef(self._account, wanted))
            return [found] if found else []
        return await self._finder.find(wanted)

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:
        wire = await self._wire_of_mode(ref)
        return await stored(self._http, self._account, wire) if wire else []

    async def perform(self, order: ActionOrder) -> Outcome:
        if (refusal := self._objection(order)) is not None:
            return refusal
        match await self._http.post(path_of(order), order.invoice.ref.id, form=form_of(order), key=order.key):
            case Reply(is_success=True) as reply:
                return self._accepted(order, reply)
            case Reply() as reply:
                return final_refusal(order, reply) or await self._refused_by_state(order, reply)
            case Rejected() | Unknown() as no_answer:
                return no_answer

    async def settle(self, attempt: Attempt) -> Outcome:
        try:
            invoice = await self.get(attempt.ref, thorough=True)
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail, request_id=failure.request_id)
        if invoice is None:
            return Unknown(cause="Stripe does not show the invoice any more")
        event = telling_event(attempt, invoice, FACTS.settle_after)
        on_record = await self._on_record(event, attempt) if event is not None else None
        return settled(attempt, invoice, FACTS.settle_after, on_record=on_record)

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        wire = await self._wire_of_mode(ref)
        return self._shown(wire, wire.hosted_invoice_url, "payment page") if wire else None

    async def pdf(self, ref: InvoiceRef) -> str | None:
        wire = await self._wire_of_mode(ref)
        return self._shown(wire, wire.invoice_pdf, "PDF") if wire else None

    async def live_checks(self) -> list[LiveCheck]:
        checks = Checks(
            http=self._http,
            account=self._account,
            live=self._live,
            version=VERSION,
            may_show=lambda url: self._links.shown(url) is not None,
        )
        return await checks.run()

    async def close(self) -> None:
        await self._http.close()

    async def _wire(self, ref: InvoiceRef, params: Pairs = ()) -> WireInvoice | None:
        reply = await self._http.get("/v1/invoices/{}", ref.id, params=params)
        if reply.status == 403 and params:
            # A restricted key may read invoices but not payment intents: better the invoice without its decline.
            reply = await self._http.get("/v1/invoices/{}", ref.id)
        if reply.status == 404:
            return None
        if not reply.is_success:
            raise read_failure(self._account, reply)
        wire = body_of(WireInvoice, reply)
        if wire.id != ref.id:
            raise ProviderFailure(
                FailureReason.UNREADABLE, "Stripe answered with another invoice.", request_id=reply.request_id
            )
        return wire

    def _invoice(self, wire: WireInvoice) -> Invoice:
        try:
            return self._reader.invoice(wire, self._clock.now())
        except UnusableValue as error:
            raise ProviderFailure(FailureReason.UNREADABLE, f"Stripe's invoice makes no sense: {error}.") from error

    async def _page(self, span: Span, cursor: str | None) -> WirePage:
        params = [("status", "open"), ("limit", "100"), ("created[lt]", str(span.end))]
        if span.start is not None:
            params.append(("created[gte]", str(span.start)))
        if cursor is not None:
            params.append(("starting_after", cursor))
        return self._body_page(await self._http.get("/v1/invoices", params=params))

    def _body_page(self, reply: Reply) -> WirePage:
        if not reply.is_success:
            raise read_failure(self._account, reply)
        return body_of(WirePage, reply)

    async def _wire_of_mode(self, ref: InvoiceRef) -> WireInvoice | None:
        wire = await self._wire(ref)
        if wire is not None and self._reader.is_of_other_mode(wire):
            raise self._reader.wrong_mode()
        return wire

    async def _on_record(self, event: str, attempt: Attempt) -> bool | None:
        """None where Stripe does not show its events, a restricted key say: nothing is proved then."""
        try:
            return await is_on_record(self._http, event, attempt)
        except ProviderFailure as failure:
            log.warning("provider.events_unread", account=self._account, reason=failure.reason)
            return None

    def _objection(self, order: ActionOrder) -> Rejected | None:
        invoice = order.invoice
        if invoice.live is not self._live:
            return Rejected(reason=RejectedReason.WRONG_MODE, detail=self._reader.wrong_mode().detail)
        if invoice.ref.account != self._account:
            detail = f"Invoice {invoice.ref} does not belong to account {self._account}."
            return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=detail)
        return objection(order)

    def _accepted(self, order: ActionOrder, reply: Reply) -> Outcome:
        try:
            wire = body_of(WireInvoice, reply)
            invoice = self._invoice(wire)
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail, request_id=reply.request_id)
        if invoice.ref != order.invoice.ref:
            return Unknown(cause="Stripe answered with another invoice", request_id=reply.request_id)
        if order.action is not Action.RETRY:
            # Not expanded, for a key that may void need not read payments; no other action makes a new charge.
            before = order.invoice
            invoice = replace(
                invoice,
                payment=before.payment,
                newest_charge=before.newest_charge,
                newest_charge_at=before.newest_charge_at,
                decline=before.decline,
            )
        return accepted(order, invoice, wire.intent, reply.request_id)

    async def _refused_by_state(self, order: ActionOrder, reply: Reply) -> Outcome:
        try:
            async with asyncio.timeout(REREAD_LIMIT):
                now = await self.get(order.invoice.ref, thorough=True)
        except (ProviderFailure, TimeoutError):
            now = None
        return refusal_by_state(order, reply, now)

    def _shown(self, wire: WireInvoice, url: str | None, what: str) -> str | None:
        """None where the invoice's status is why there is none: a draft has neither page nor PDF."""
        if not url and wire.status == "open":
            raise ProviderFailure(
                FailureReason.REFUSED, f"Stripe gives no {what} for invoice {wire.number or wire.id} now."
            )
        shown = self._links.shown(url)
        if url and shown is None:
            log.warning("provider.link_refused", account=self._account)
            raise ProviderFailure(FailureReason.REFUSED, _OTHER_HOST)
        return shown

    def _dashboard(self, stripe_account: str | None) -> str | None:
        if self._http.host != "api.stripe.com":
            return None
        account = f"{stripe_account}/" if stripe_account else ""
        return f"{DASHBOARD}{account}{'' if self._live else 'test/'}"


def _access(credentials: Credentials) -> Access:
    read = credentials.read_key or credentials.api_key
    return Access(
        send=SecretStr(f"Bearer {credentials.api_key.get_secret_value().strip()}"),
        read=SecretStr(f"Bearer {read.get_secret_value().strip()}"),
    )


def _is_live(account: str, credentials: Credentials) -> bool:
    """Live or test, as the keys and `mode` say together; raises UnusableValue with a sentence for every problem."""
    declared = None if credentials.mode is None else credentials.mode == "live"
    problems: list[str] = []
    modes: set[bool] = set() if declared is None else {declared}
    for name, secret in (("api_key", credentials.api_key), ("read_key", credentials.read_key)):
        if secret is None:
            continue
        key, variable = secret.get_secret_value().strip(), setting(account, name)
        if problem := _problem(key, variable):
            problems.append(problem)
            continue
        mode = _MODES.get(key[:8], declared)
        if mode is None:
            problems.append(f"{variable} does not tell test from live; set {setting(account, 'mode')} to test or live")
        else:
            modes.add(mode)
    if not problems and len(modes) > 1:
        problems.append(f"{setting(account, 'api_key')}, read_key and mode of account {account} mix test and live")
    if problems:
        raise UnusableValue("\n".join(problems))
    return modes.pop()


def _problem(key: str, variable: str) -> str | None:
    if not key:
        return f"{variable} is missing"
    if key.startswith("pk_"):
        return f"{variable} is a publishable key (pk_…); it needs a secret (sk_…) or restricted (rk_…) key"
    if not _KEY.fullmatch(key):
        return f"{variable} contains characters that no Stripe key has"
    return None
