from __future__ import annotations

import httpx
import pytest

from bot.domain.errors import FailureReason, ProviderFailure
from bot.providers.http import SIZE_LIMIT
from tests.providers.lac_samples import A_PDF, API_KEY, PDF, READ_KEY, REF, lac_over, refused
from tests.providers.wire import Answer, Wire


async def fetched(what: Answer, **settings: object) -> tuple[bytes | None, Wire]:
    wire = Wire({PDF: what})
    return await lac_over(wire, **settings).pdf(REF), wire


async def failure(what: Answer, **settings: object) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        await fetched(what, **settings)
    return caught.value


@pytest.mark.parametrize(("settings", "key"), [({}, API_KEY), ({"read_key": READ_KEY}, READ_KEY)])
async def test_the_pdf_is_fetched_with_the_key_that_reads_and_handed_over_as_it_is(
    settings: dict[str, object], key: str
) -> None:
    pdf, wire = await fetched(httpx.Response(200, content=A_PDF), **settings)
    assert pdf == A_PDF
    (request,) = wire.requests
    assert (request.headers["accept"], request.headers["authorization"]) == ("application/pdf", f"Bearer {key}")


async def test_an_invoice_without_a_pdf_has_none() -> None:
    assert (await fetched(refused(404, "not_found", "No PDF.")))[0] is None


@pytest.mark.parametrize(
    "content", [b"<!doctype html><p>Sign in</p>", b"", b"{}", b" %PDF-1.7", b"%PDF", b"PK\x03\x04", b"\xef\xbb\xbf%PDF-1.7"]
)
async def test_what_is_not_a_pdf_is_not_handed_over(content: bytes) -> None:
    told = await failure(httpx.Response(200, headers={"Content-Type": "application/pdf"}, content=content))
    assert (told.reason, told.detail) == (FailureReason.UNREADABLE, "LAC's answer is not a PDF.")


async def test_a_pdf_may_be_as_large_as_the_limit_and_no_larger() -> None:
    most = A_PDF.ljust(SIZE_LIMIT, b" ")
    assert (await fetched(httpx.Response(200, content=most)))[0] == most
    told = await failure(httpx.Response(200, content=most + b" "))
    assert told.reason is FailureReason.UNREADABLE
    assert "too large" in told.detail


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_with_the_key(status: int) -> None:
    wire = Wire({PDF: httpx.Response(status, headers={"Location": "https://elsewhere.example/file.pdf"})})
    with pytest.raises(ProviderFailure) as caught:
        await lac_over(wire).pdf(REF)
    assert caught.value.reason is FailureReason.REFUSED
    assert str(status) in caught.value.detail
    assert wire.asked == [PDF]


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (400, FailureReason.REFUSED, "gave no PDF (it answered 400)"),
        (401, FailureReason.UNAUTHORIZED, "check RECOUP_ACCOUNTS__LAC__READ_KEY"),
        (403, FailureReason.FORBIDDEN, "check RECOUP_ACCOUNTS__LAC__READ_KEY"),
        (422, FailureReason.REFUSED, "gave no PDF (it answered 422)"),
        (429, FailureReason.RATE_LIMITED, "slow down"),
        (500, FailureReason.UNREACHABLE, "not working at the moment"),
        (503, FailureReason.UNREACHABLE, "not working at the moment"),
    ],
)
async def test_a_refused_read_says_what_to_do(status: int, reason: FailureReason, words: str) -> None:
    told = await failure(refused(status, "whatever", "Because."), read_key=READ_KEY)
    assert told.reason is reason
    assert words in told.detail
    assert "Secret" not in told.detail


async def test_a_read_key_that_is_not_set_is_not_named() -> None:
    assert "RECOUP_ACCOUNTS__LAC__API_KEY" in (await failure(refused(401, "no", "No."))).detail


@pytest.mark.parametrize("what", [httpx.ReadTimeout("slow"), httpx.ReadError("cut"), httpx.ConnectError("refused")])
async def test_no_answer_is_a_failure_and_not_an_invoice_without_a_pdf(what: Exception) -> None:
    assert (await failure(what)).reason is FailureReason.UNREACHABLE
