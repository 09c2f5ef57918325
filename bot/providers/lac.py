"""LAC, The Last Accounting Company: send an invoice again whose delivery failed, and fetch its PDF. It charges nobody.

    Keys            https://docs.lastaccountingcompany.com/api-reference
    Retry send      https://docs.lastaccountingcompany.com/api-reference/invoicing/retry-sending-an-invoice
    PDF             https://docs.lastaccountingcompany.com/api-reference/invoicing/download-the-invoice-as-pdf

No call that lists or reads invoices is documented, so none is guessed: an invoice is known by its id until a send answers
with it. No idempotency key either: a send whose answer is missing is never repeated and never settled.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.domain.action import Action
from bot.domain.capability import Capability, LiveCheck, Permission, ProviderFacts, Resend
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceRef, InvoiceStatus, PaymentMethod
from bot.domain.money import MinorUnits, Money, known_currency
from bot.domain.outcome import Outcome, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder, Unreadable, Window
from bot.providers import lac_checks
from bot.providers.http import Access, ProviderHttp, Reply, Transport
from bot.providers.lac_wire import WireInvoice, invoice_of, read_failure, refusal
from bot.providers.orders import misdirected
from bot.providers.pace import Pace
from bot.providers.wording import scrubbed, setting

HOST: Final = "api.app.lastaccountingcompany.com"
PORTAL: Final = "https://app.lastaccountingcompany.com"
"""Its root only: how a link to one invoice is built is not documented."""
TURN: Final = 5.0
"""Seconds that a send waits for the one before it; together with its own time it fits the worker's deadline."""
_KEY: Final = re.compile(r"lac_sk_[!-~]+")

FACTS: Final = ProviderFacts(
    slug="lac",
    name="LAC",
    docs_url="https://docs.lastaccountingcompany.com/api-reference/invoicing/retry-sending-an-invoice",
    capabilities={
        Action.RESEND: Capability(
            allowed_on=frozenset({InvoiceStatus.OTHER}),
            provider_term="retry send",
            consequence=(
                "LAC sends an invoice whose delivery failed once more to the real customer, as an e-invoice or by e-mail. "
                "No money moves, and LAC does not tell afterwards whether it arrived."
            ),
            asks_back=True,
        ),
    },
    instead={
        Action.RETRY: (
            "LAC keeps the books and charges no cards: customers pay by bank. Resend the invoice if its delivery failed."
        ),
        Action.VOID: "An invoice in Finnish books is annulled by a credit note. Make it in the LAC portal.",
        Action.UNCOLLECTIBLE: "LAC does the bookkeeping itself. Send LAC a message and ask for the write-off.",
        Action.PAID: "LAC finds payments in the bank statement by itself. If one is missing, send LAC a message.",
        Action.FINALIZE: "In LAC an invoice is issued by sending it. Send the draft in the LAC portal.",
        Action.REFRESH: "LAC recomputes no drafts. Change the draft in the LAC portal.",
    },
    resend=Resend.NAIVE,
    key_window=timedelta(0),
    link_hosts=frozenset(),
    id_pattern=r"(?!)",
    failed_means="delivery failed. LAC cannot be listed, so only invoices that somebody watches or acted on are here.",
    has_payment_link=False,
    link_instead="The invoice itself holds what the customer needs to pay: send them its PDF.",
    has_list=False,
    pdf_is_file=True,
    can_read=False,
    ids_are_opaque=True,
    permissions=(
        Permission("scope write", "sends; LAC lets a key of this scope read as well"),
        Permission("scope read, as `read_key`", "fetches PDFs, so that the key that sends does not", is_optional=True),
    ),
    quirks=(
        "LAC has no test side: every send goes to a real customer, so Recoup asks once more before each. `mode` only says "
        "what people read.",
        "An invoice is named by the id that LAC shows, `lac:ID`; its customer, amount and status are known once LAC has "
        "answered a send.",
        "LAC's words for a status are shown as they come, and “sent” is never taken for “arrived”.",
        "Amounts come without a currency; the setting `currency` says which it is.",
        "When the answer to a send is lost, nothing can find out what came of it. Recoup says so, sends nothing again, and "
        "frees the invoice after ten minutes. Look in the LAC portal before you press again.",
        "One invoice is sent at a time, and one request a second is made.",
        "A PDF comes as a file, in direct messages: LAC gives it only to the key.",
    ),
)


class Credentials(BaseModel):
    """Settings of one company at LAC. `mode` cannot be told from a key: there are no test keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(description="A write-scoped key (`lac_sk_…`), which sends.")
    mode: Literal["test", "live"] = Field(
        description="Whether these are real books and customers. LAC documents no test keys, so it has to be said."
    )
    read_key: SecretStr | None = Field(default=None, description="A read-scoped key (`lac_sk_…`) for PDFs.")
    currency: str = Field(default="EUR", description="The currency of the invoices, which LAC does not tell.")
    base_url: str = Field(default=f"https://{HOST}/portal", description="Another base of LAC's API, with its path.")
    requests_per_second: float = Field(
        default=1, gt=0, le=1000, description="How often LAC may be asked; it documents no limit."
    )


class Lac:
    """One company at LAC. Raises UnusableValue when it is built from settings that cannot be used."""

    def __init__(
        self, account: str, credentials: Credentials, *, transport: Transport | None = None, turn: float = TURN
    ) -> None:
        self._account = account
        self._turn = turn
        self._live = credentials.mode == "live"
        self._currency = _checked(account, credentials)
        self._units = MinorUnits({self._currency: 2})  # "cents" are hundredths, whatever the currency
        self._read_key = "read_key" if credentials.read_key else "api_key"
        self._sending = asyncio.Lock()
        self._http = ProviderHttp(
            account,
            credentials.base_url,
            access=Access(send=_bearer(credentials.api_key), read=_bearer(credentials.read_key or credentials.api_key)),
            headers={},
            pace=Pace(credentials.requests_per_second, burst=1, concurrent=1),
            transport=transport,
        )

    @property
    def facts(self) -> ProviderFacts:
        return FACTS

    @property
    def account(self) -> str:
        return self._account

    @property
    def live(self) -> bool:
        return self._live

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:  # noqa: ARG002  nothing to be thorough about
        return Invoice(
            ref=ref,
            status=InvoiceStatus.OTHER,
            provider_status="not known",
            owed=Money(0, self._currency),
            live=self._live,
            collection=CollectionMethod.MANUAL,
            dashboard_url=self._dashboard,
            is_unseen=True,
        )

    async def failed(self, window: Window) -> AsyncGenerator[Invoice | Unreadable]:  # noqa: ARG002  facts.has_list says no
        nothing: tuple[Invoice | Unreadable, ...] = ()
        for item in nothing:
            yield item

    async def numbered(self, number: str) -> list[Invoice]:  # noqa: ARG002  LAC documents no search
        return []

    async def find(self, text: str) -> list[Invoice]:  # noqa: ARG002  LAC documents no search
        return []

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:  # noqa: ARG002  LAC charges nobody
        return []

    async def perform(self, order: ActionOrder) -> Outcome:
        if (objection := self._objection(order)) is not None:
            return objection
        try:
            async with asyncio.timeout(self._turn):
                await self._sending.acquire()
        except TimeoutError:
            detail = "Another invoice is being sent at LAC, which is given one at a time."
            return Rejected(reason=RejectedReason.RATE_LIMITED, detail=detail, retry_after=self._turn)
        try:
            answer = await self._http.send("POST", "/invoices/{}/retry-send", order.invoice.ref.id, body={})
        finally:
            self._sending.release()
        match answer:
            case Reply(is_success=True):
                return self._accepted(order.invoice, answer)
            case Reply():
                return refusal(self._account, answer)
            case Rejected() | Unknown():
                return answer

    async def settle(self, attempt: Attempt) -> Outcome:  # noqa: ARG002  no read could tell, whatever was tried
        return Unknown(cause="LAC cannot be asked what came of it")

    async def payment_link(self, ref: InvoiceRef) -> str | None:  # noqa: ARG002  LAC has no payment page
        return None

    async def pdf(self, ref: InvoiceRef) -> bytes | None:
        """Fetched with the key, which LAC asks for here too, so it cannot be given away as a link."""
        reply = await self._http.get("/invoices/{}/pdf", ref.id, accept="application/pdf")
        if reply.status == 404:
            return None
        if not reply.is_success:
            raise read_failure(self._account, self._read_key, reply)
        if not reply.content.startswith(b"%PDF-"):
            raise ProviderFailure(FailureReason.UNREADABLE, "LAC's answer is not a PDF.", request_id=reply.request_id)
        return reply.content

    async def live_checks(self) -> list[LiveCheck]:
        return await lac_checks.live_checks(self._http, self._account, self._read_key)

    async def close(self) -> None:
        await self._http.close()

    @property
    def _dashboard(self) -> str | None:
        return PORTAL if self._http.host == HOST else None

    def _objection(self, order: ActionOrder) -> Rejected | None:
        if (refused := misdirected(order, self._account, live=self._live)) is not None:
            return refused
        invoice = order.invoice
        if (lack := FACTS.objection(order.action, invoice)) is not None:
            supported = order.action in FACTS.capabilities
            detail = f"Invoice {invoice.label} is {lack.facts['status']}." if supported else FACTS.instead[order.action]
            return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail)
        if order.method is not None or order.details is not None:
            return Rejected(reason=RejectedReason.INVALID_REQUEST, detail="This action takes no such details.")
        return None

    def _accepted(self, before: Invoice, reply: Reply) -> Outcome:
        wire = invoice_of(reply)
        if wire is None:
            return Unknown(cause="LAC's answer could not be read", request_id=reply.request_id)
        if wire.id != before.ref.id:
            return Unknown(cause="LAC answered with another invoice", request_id=reply.request_id)
        invoice = self._invoice(wire, before)
        detail = f"Delivery requested; its status is now “{invoice.provider_status}”"
        return Succeeded(invoice=invoice, detail=detail, request_id=reply.request_id)

    def _invoice(self, wire: WireInvoice, before: Invoice) -> Invoice:
        """What the answer does not tell stays as it was known before."""
        owed = self._money(wire.total)
        return Invoice(
            ref=before.ref,
            status=InvoiceStatus.OTHER,
            provider_status=scrubbed(wire.status) or "without a status",
            owed=before.owed if owed is None else owed,
            live=self._live,
            customer_id=wire.party.id or before.customer_id,
            customer_name=wire.party.name or before.customer_name,
            customer_email=wire.party.email or before.customer_email,
            collection=CollectionMethod.MANUAL,
            dashboard_url=self._dashboard,
            is_unseen=before.is_unseen and owed is None,
        )

    def _money(self, cents: int | None) -> Money | None:
        """None for what cannot be owed: a negative total, or one that does not fit the currency."""
        try:
            return None if cents is None or cents < 0 else self._units.read(cents, self._currency)
        except UnusableValue:
            return None


def _bearer(key: SecretStr) -> SecretStr:
    return SecretStr(f"Bearer {key.get_secret_value().strip()}")


def _checked(account: str, credentials: Credentials) -> str:
    """The currency; raises UnusableValue with a sentence for every problem."""
    problems: list[str] = []
    for name, secret in (("api_key", credentials.api_key), ("read_key", credentials.read_key)):
        if secret is not None and not _KEY.fullmatch(secret.get_secret_value().strip()):
            problems.append(f"{setting(account, name)} is not a key of LAC; those begin with lac_sk_")
    currency = ""
    try:
        currency = known_currency(credentials.currency)
    except UnusableValue as error:
        problems.append(f"{setting(account, 'currency')}: {error}")
    if problems:
        raise UnusableValue("\n".join(problems))
    return currency
