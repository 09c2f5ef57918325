"""The HTTP side of the Web API and of response URLs: arguments, tokens, faults, then the method."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from bot.sandbox.slack_content import content_of
from bot.sandbox.slack_faults import Faults
from bot.sandbox.slack_files import Files
from bot.sandbox.slack_methods import Methods
from bot.sandbox.slack_state import Json, ResponseUrl, SlackError, Workspace

RESPONSE_URL = "response_url"
"""Under this name uses of response URLs stand among the calls."""
UPLOAD = "upload"
"""Likewise uses of upload URLs."""


@dataclass(slots=True)
class ApiCall:
    """A call as it came in, without its token; `answer` is ok, Slack's error word, or the fault that befell it."""

    method: str
    params: Json
    at: float
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the app must show."""

    bot: str
    app: str

    def allow(self, method: str, shown: str) -> bool:
        wanted = self.app if method == "apps.connections.open" else self.bot
        return hmac.compare_digest(shown.encode(), wanted.encode())


async def arguments_of(request: web.Request, *, takes_json: bool = True) -> Json:
    """Query, form or JSON; form and query fields are text."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        if not takes_json:
            return args
        try:
            body = await request.json()
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        return {**args, **body}
    return {**args, **{name: str(value) for name, value in (await request.post()).items()}}


def refused(error: SlackError) -> Json:
    body: Json = {"ok": False, "error": error.code, **error.extra}
    if error.details:
        body["response_metadata"] = {"messages": error.details}
    return body


class WebApi:
    """Answers what the app asks. `calls` remembers everything that came in, in order."""

    def __init__(
        self,
        workspace: Workspace,
        methods: Methods,
        files: Files,
        faults: Faults,
        tokens: Tokens,
        connection_url: Callable[[], str],
    ) -> None:
        self._workspace = workspace
        self._methods = methods
        self._files = files
        self._faults = faults
        self._tokens = tokens
        self._connection_url = connection_url
        self.calls: list[ApiCall] = []

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/{method}", self.handle),
            web.get("/api/{method}", self.handle),
            web.post("/response/{token}", self.respond),
            web.post("/upload/v1/{token}", self.upload),
            web.get("/files/{id}/{name}", self._files.download),
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        known = self._methods.table.get(method)
        try:
            args = await arguments_of(request, takes_json=known is None or known.takes_json)
        except SlackError as error:
            return web.json_response(refused(error))
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(args.get("token", ""))
        call = self._noted(method, {name: value for name, value in args.items() if name != "token"})
        fault = await self._spoiled(call)
        if fault is not None:
            return fault
        body = self._answer(method, shown, call.params)
        call.answer = "ok" if body["ok"] else str(body["error"])
        self._workspace.changed()  # the page counts calls
        if body["ok"] and self._faults.drops_reply(method):
            return self._cut(request, call)
        return web.json_response(body, headers={"X-OAuth-Scopes": ",".join(self._workspace.identity.scopes)})

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Take an answer by response URL. https://docs.slack.dev/interactivity/handling-user-interaction"""
        try:
            args = await arguments_of(request)
        except SlackError as error:
            return web.json_response(refused(error), status=HTTPStatus.BAD_REQUEST)
        call = self._noted(RESPONSE_URL, args)
        fault = await self._spoiled(call)
        if fault is not None:
            return fault
        problem = self._respond(request.match_info["token"], args)
        if problem is not None:
            call.answer = problem.code
            spent = problem.code in {"expired_url", "used_url"}
            return web.json_response(refused(problem), status=HTTPStatus.NOT_FOUND if spent else HTTPStatus.BAD_REQUEST)
        call.answer = "ok"
        return self._cut(request, call) if self._faults.drops_reply(RESPONSE_URL) else web.Response(text="ok")

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Take the bytes of a file, plain or as a form."""
        content = await self._bytes_of(request)
        call = self._noted(UPLOAD, {"bytes": len(content)})
        fault = await self._spoiled(call)
        if fault is not None:
            return fault
        if self._faults.uploads_failing:
            call.answer = "failing"
            return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text="the local Slack takes no files")
        try:
            self._files.take(request.match_info["token"], content)
        except SlackError as error:
            call.answer = error.code
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=" ".join([error.code, *error.details]))
        call.answer = "ok"
        return self._cut(request, call) if self._faults.drops_reply(UPLOAD) else web.Response(text=f"OK - {len(content)}")

    @staticmethod
    async def _bytes_of(request: web.Request) -> bytes:
        if not request.content_type.startswith("multipart/"):
            return await request.read()
        sent = next((one for one in (await request.post()).values() if isinstance(one, web.FileField)), None)
        return sent.file.read() if sent else b""

    def _respond(self, token: str, args: Json) -> SlackError | None:
        try:
            self._take_answer(self._workspace.use_response_url(token), args)
        except SlackError as error:
            return error
        return None

    def _noted(self, method: str, params: Json) -> ApiCall:
        call = ApiCall(method, params, self._workspace.now())
        self.calls.append(call)
        return call

    async def _spoiled(self, call: ApiCall) -> web.StreamResponse | None:
        if not self._faults.hits(call.method):
            return None
        if self._faults.web_api_down:
            call.answer = "down"
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="the local Slack plays dead")
        if self._faults.rate_limits(call.method):
            call.answer = "ratelimited"
            wait = {"Retry-After": str(self._faults.retry_after)}
            return web.json_response(
                {"ok": False, "error": "ratelimited"}, status=HTTPStatus.TOO_MANY_REQUESTS, headers=wait
            )
        await asyncio.sleep(self._faults.delay)
        return None

    def _answer(self, method: str, shown: str, args: Json) -> Json:
        try:
            return {"ok": True, **self._called(method, shown, args)}
        except SlackError as error:
            return refused(error)

    def _called(self, method: str, shown: str, args: Json) -> Json:
        if not self._tokens.allow(method, shown):
            raise SlackError("invalid_auth" if shown else "not_authed")
        if method == "apps.connections.open":
            return {"url": self._connection_url()}
        found = self._methods.table.get(method)
        if found is None:
            raise SlackError("unknown_method", req_method=method)
        scopes = self._workspace.identity.scopes
        if found.scope not in (None, *scopes):
            raise SlackError("missing_scope", needed=found.scope, provided=",".join(scopes))
        if self._faults.usergroups_failing and method.startswith("usergroups."):
            raise SlackError("internal_error")
        return found.call(args)

    def _cut(self, request: web.Request, call: ApiCall) -> web.StreamResponse:
        call.answer = "reply dropped"
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _take_answer(self, url: ResponseUrl, args: Json) -> None:
        channel = self._workspace.channel(url.channel)
        original = self._workspace.find(url.channel, url.original) if url.original else None
        if args.get("delete_original"):
            if original is not None:
                self._workspace.delete(original)
            return
        content = content_of(args)
        if args.get("replace_original") and original is not None:
            self._workspace.rewrite(original, content)
            return
        public = args.get("response_type", "ephemeral") == "in_channel"
        posted = self._workspace.post(
            channel, content, thread_ts=args.get("thread_ts"), only_for=None if public else url.user
        )
        if url.original is None:
            url.original = posted.ts  # the URL of a command can replace only what it posted itself
