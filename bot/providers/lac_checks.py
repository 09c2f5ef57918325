"""What the adapter takes for granted of LAC and no document settles, tried by asking for a PDF that does not exist."""

from __future__ import annotations

from typing import Final

from bot.domain.capability import LiveCheck
from bot.domain.errors import ProviderFailure
from bot.providers.http import ProviderHttp, Reply
from bot.providers.lac_wire import is_envelope, read_failure
from bot.providers.trying import untold

NOBODY: Final = "recoup-tries-this"
"""No invoice has this id; the one read that LAC documents is an invoice's PDF."""

MISSING: Final = "An invoice that does not exist is answered with 404, with `error` and `detail`."
LIMITS: Final = "No answer tells a rate limit."


async def live_checks(http: ProviderHttp, account: str, key_name: str) -> list[LiveCheck]:
    """`key_name` is the setting whose key reads."""
    try:
        reply = await http.get("/invoices/{}/pdf", NOBODY, accept="application/pdf")
        if reply.status in {401, 403, 429} or reply.status >= 500:
            raise read_failure(account, key_name, reply)
    except ProviderFailure as failure:
        return [untold(MISSING, failure), untold(LIMITS, failure)]
    return [_missing(reply), _limits(reply)]


def _missing(reply: Reply) -> LiveCheck:
    if reply.is_success and not reply.content.startswith(b"%PDF-"):
        return LiveCheck(MISSING, None, f"{reply.status}, and neither a PDF nor a refusal: somebody else may have answered")
    shape = "with both" if is_envelope(reply) else "without them"
    return LiveCheck(MISSING, reply.status == 404 and is_envelope(reply), f"{reply.status}, {shape}")


def _limits(reply: Reply) -> LiveCheck:
    if reply.is_success or not is_envelope(reply):
        return LiveCheck(LIMITS, None, "the answer may not be LAC's own")
    told = sorted(name for name in reply.headers if "ratelimit" in name.replace("-", "") or name == "retry-after")
    return LiveCheck(LIMITS, not told, ", ".join(told) or "no such header")
