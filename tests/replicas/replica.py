"""One `recoup run` of its own: started, killed, stopped, and what it answered with."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_START_SECONDS = 300.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """How it ended after SIGTERM: its exit status, and after how many seconds."""

    status: int
    seconds: float


class Replica:
    """A running process. `takes_requests` is what a balancer goes by: until it is told to stop, or is dead."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: deque[str]) -> None:
        self._process = process
        self._log = log
        self._listening = asyncio.create_task(self._listen())
        self.port = port
        self.takes_requests = True

    @classmethod
    async def started(cls, environment: Mapping[str, str]) -> Replica:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", "run", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        log: deque[str] = deque(maxlen=200)
        try:
            async with asyncio.timeout(_START_SECONDS):
                async for line in process.stderr:
                    log.append(line.decode(errors="replace"))
                    if '"bot.started"' in log[-1]:
                        return cls(process, int(json.loads(log[-1])["port"]), log)
            await process.wait()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        raise AssertionError("a replica did not start:\n" + "".join(log))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/slack/events"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """The newest lines that it wrote."""
        return "".join(self._log)

    async def killed(self) -> None:
        self.takes_requests = False
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        await self._listening

    async def stopped(self) -> Stopped:
        """SIGTERM, as an orchestrator sends it once the balancer leaves it alone."""
        self.takes_requests = False
        began = time.monotonic()
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.killed()
        await self._listening
        return Stopped(self._process.returncode or 0, time.monotonic() - began)

    async def _listen(self) -> None:
        """Its log has to be read, or it would stand still when the pipe is full."""
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._log.append(line.decode(errors="replace"))


def environment(folder: Path, **values: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "RECOUP_CONFIG": str(folder / "recoup.toml"),
        "RECOUP_HTTP__PORT": "0",
        **values,
    }
