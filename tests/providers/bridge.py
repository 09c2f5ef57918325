"""From a sandbox fake to httpx, without a socket: requests over, replies back, faults as the errors they cause."""

from __future__ import annotations

import httpx

from bot.sandbox.wire import Fault, Respond, WireRequest


def transport_over(respond: Respond) -> httpx.MockTransport:
    def handle(request: httpx.Request) -> httpx.Response:
        reply = respond(
            WireRequest(
                method=request.method,
                path=request.url.path,
                query=request.url.query.decode(),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.content,
            )
        )
        match reply.fault:
            case None:
                return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)
            case Fault.HANG:
                raise httpx.ReadTimeout("the fake never answers")
            case Fault.RESET:
                raise httpx.ReadError("the fake cut the connection")
            case Fault.TRUNCATE:
                raise httpx.RemoteProtocolError("the fake sent half an answer")

    return httpx.MockTransport(handle)
