"""The real command, `recoup run`, killed with SIGKILL between the press and the answer, and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.world import World
from handlers import ids
from tests.crash.outside import ROOT

_LEAD, _CHANNEL = "U0MAYA", "C0FIN"
_PATIENCE = 15.0
_TOML = """
[digest.finance]
channel = "C0FIN"
cron = "0 9 29 feb *"

[roles.lead]
users = ["U0MAYA"]

[[allow]]
role = "lead"
actions = ["*", "digest"]
"""


class Running:
    """One `recoup run`: started when it says so in its log."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    @classmethod
    async def started(cls, environment: Mapping[str, str]) -> Running:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", "run", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        log: list[str] = []
        async with asyncio.timeout(_PATIENCE):
            async for line in process.stderr:
                log.append(line.decode())
                if '"bot.started"' in log[-1]:
                    return cls(process, int(json.loads(log[-1])["port"]))
        raise AssertionError("".join(log))

    async def killed(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.communicate()
        assert self._process.returncode == -signal.SIGKILL


@asynccontextmanager
async def _outside(stripe: FakeStripe) -> AsyncGenerator[tuple[World, LocalSlack]]:
    world, slack = World([stripe]), LocalSlack()
    await world.start()
    await slack.start()
    try:
        yield world, slack
    finally:
        await slack.close()
        await world.stop()


def _environment(folder: Path, world: World, slack: LocalSlack, *, over_socket: bool) -> dict[str, str]:
    (folder / "recoup.toml").write_text(_TOML)
    how = {"SLACK_APP_TOKEN": slack.app_token} if over_socket else {"SLACK_SIGNING_SECRET": slack.signing_secret}
    return {
        "PATH": os.environ["PATH"],
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_API_URL": slack.api_url,
        **how,
        "RECOUP_CONFIG": str(folder / "recoup.toml"),
        "RECOUP_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'recoup.db'}",
        "RECOUP_HTTP__PORT": "0",
        "RECOUP_ACCOUNTS__STRIPE__API_KEY": world.providers["stripe"].credentials()["api_key"],
        "RECOUP_ACCOUNTS__STRIPE__BASE_URL": world.url("stripe"),
    }


async def _until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def _shown(slack: LocalSlack) -> str:
    return json.dumps([message.blocks for message in slack.messages(_CHANNEL)])


@pytest.mark.parametrize("over_socket", [False, True], ids=["http", "socket"])
async def test_killed_after_the_charge_and_before_the_answer_it_charges_once_and_tells_the_truth(
    tmp_path: Path, over_socket: bool
) -> None:
    stripe = FakeStripe()
    invoice = stripe.add_invoice(magic="charge_then_hang", amount=4900)
    async with _outside(stripe) as (world, slack):
        environment = _environment(tmp_path, world, slack, over_socket=over_socket)

        bot = await Running.started(environment)
        try:
            slack.request_url = None if over_socket else f"http://127.0.0.1:{bot.port}/slack/events"
            assert (await slack.command(_LEAD, _CHANNEL, "digest now")).status == 200
            await _until(lambda: slack.messages(_CHANNEL), "no digest was posted")
            message = slack.messages(_CHANNEL)[0]
            pressed = await slack.press(_LEAD, _CHANNEL, message.ts, action_id=ids.RUN_ACTION)
            assert pressed.status == 200
            await _until(lambda: stripe.collected(invoice), "nothing was charged")
        finally:
            await bot.killed()
        assert "Paid" not in _shown(slack)

        bot = await Running.started(environment)
        try:
            await _until(lambda: "Paid EUR 49.00" in _shown(slack), "the message does not say that it is paid")
        finally:
            await bot.killed()

        assert [charge.result.value for charge in stripe.charges] == ["paid"]
        assert len(slack.messages(_CHANNEL)) == 1
        said = json.dumps(slack.called("chat.update"))
        assert "Declined" not in said
        assert "Not done" not in said
