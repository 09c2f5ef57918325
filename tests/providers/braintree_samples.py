"""Answers as Braintree's GraphQL reference describes them, and a wire that gives them by the name of the operation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from bot.domain.invoice import InvoiceRef
from bot.providers.braintree import Braintree
from bot.providers.braintree_account import Credentials

Json = dict[str, Any]
REF = InvoiceRef("braintree", "kq7t2m")
SUBSCRIPTION_ID, OLD, NEW, METHOD = "c3ViX2txN3QybQ", "dHhfb2xk", "dHhfbmV3", "cG1fOWI0Zw"
PRIVATE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SETTINGS = {"merchant_id": "hx2merchant", "public_key": "pub8pub8", "private_key": PRIVATE, "mode": "test"}


def event(status: str, **more: Any) -> Json:
    return {"status": status, "timestamp": "2026-11-21T09:00:01.000000Z", **more}


def processor(code: str | None, kind: str | None = None, advice: str | None = None, text: str = "No") -> Json:
    """What a processor's no carries."""
    told = {"declineType": kind, "processorResponse": {"legacyCode": code, "message": text}}
    return {**told, "merchantAdviceCodeResponse": {"code": advice} if advice else None}


def transaction(status: str = "PROCESSOR_DECLINED", *, id: str = NEW, at: str = "09:00:00", **more: Any) -> Json:  # noqa: A002
    told = {**processor("2001", "SOFT"), "timestamp": None} if status == "PROCESSOR_DECLINED" else {}
    return {
        "id": id,
        "legacyId": f"{id[-3:].lower()}legacy",
        "status": status,
        "createdAt": f"2026-11-21T{at}.000000Z",
        "source": "API",
        "amount": {"value": "49.00", "currencyCode": "EUR"},
        "customer": {"legacyId": "90210", "company": "Kestrel Rowing", "email": "pay@kestrel.example"},
        "paymentMethod": {"id": METHOD},
        "paymentMethodSnapshot": {"__typename": "CreditCardDetails", "brandCode": "VISA", "last4": "4321"},
        "upcomingRetryDate": None,
        "statusHistory": [event(status, **told)],
        **more,
    }


def declined(code: str | None, kind: str | None = None, advice: str | None = None, **more: Any) -> Json:
    status = more.pop("status", "PROCESSOR_DECLINED")
    return transaction(status, statusHistory=[event(status, **processor(code, kind, advice))], **more)


def rejected(reason: str | None, **more: Any) -> Json:
    told = event("GATEWAY_REJECTED", gatewayRejectionReason=reason, duplicateOf=more.pop("duplicate_of", None))
    return transaction("GATEWAY_REJECTED", statusHistory=[told], **more)


def subscription(status: str = "PAST_DUE", *charges: str, **more: Any) -> Json:
    return {
        "id": SUBSCRIPTION_ID,
        "legacyId": REF.id,
        "status": status,
        "balance": "49.00" if status == "PAST_DUE" else "0.00",
        "failureCount": 1,
        "paymentMethodId": METHOD,
        "transactionIds": list(charges or (OLD,)),
        "timeline": {
            "nextBillingDate": "2026-11-25",
            "billingPeriodStartDate": "2026-11-18",
            "createdAt": "2026-03-18T08:00:00.000000Z",
        },
        "statusHistory": [{"status": status, "timestamp": "2026-11-18T06:00:00.000000Z", "currencyIsoCode": "EUR"}],
        **more,
    }


def data(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={"data": fields, "extensions": {"requestId": "6f1c-77"}})


def error(kind: str | None, code: str | None = None, *path: str | int, message: str = "That went wrong.") -> Json:
    known = {"errorClass": kind} if kind else {}
    said: Json = {"message": message, "extensions": {**known, **({"legacyCode": code} if code else {})}}
    return {**said, "path": list(path)} if path else said


def failed(*errors: Json, data: Json | None = None) -> httpx.Response:
    return httpx.Response(200, json={"data": data, "errors": list(errors), "extensions": {"requestId": "6f1c-77"}})


def charged(one: Json | None, **more: Any) -> httpx.Response:
    payload = {"chargeRecurringBillingSubscription": {"transaction": one}}
    return httpx.Response(200, json={"data": payload, "extensions": {"requestId": "6f1c-77"}, **more})


IDS = data(idsFromLegacyIds=[SUBSCRIPTION_ID])
PAST_DUE = {"Ids": IDS, "Subscription": data(node=subscription()), "Transactions": data(n0=transaction(id=OLD))}
"""What reading a past-due subscription asks for."""

Answer = httpx.Response | Exception


class Wire:
    """`answers` by the operation's name; of several the last one stays."""

    def __init__(self, answers: Mapping[str, Answer | list[Answer]]) -> None:
        self._answers = {name: [*one] if isinstance(one, list) else [one] for name, one in answers.items()}
        self.asked: list[str] = []
        self.variables: list[Json] = []
        self.requests: list[httpx.Request] = []

    def respond(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        found = re.search(r"(?:query|mutation) (\w+)", body["query"])
        name = found[1] if found else ""
        self.requests.append(request)
        self.asked.append(name)
        self.variables.append(body["variables"])
        queue = self._answers.get(name) or [httpx.Response(404)]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def sent(self, name: str) -> list[Json]:
        """The variables of every request of that name."""
        return [given for asked, given in zip(self.asked, self.variables, strict=True) if asked == name]


def over(answers: Mapping[str, Answer | list[Answer]], **settings: object) -> tuple[Braintree, Wire]:
    wire = Wire(answers)
    values = {**SETTINGS, "requests_per_second": 1000, **settings}
    provider = Braintree("braintree", Credentials.model_validate(values), transport=httpx.MockTransport(wire.respond))
    return provider, wire
