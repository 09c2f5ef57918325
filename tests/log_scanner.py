"""A pytest plugin: reads every line that the bot's code logs during a test, and fails the test that logged what is nobody's
business: a secret, a response_url, a customer's name or address.

It sees what any level would have written (also DEBUG, also where a test set the level to CRITICAL), what tests leave on
standard error, and the standard error of the processes that they start, where they read it.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest
import structlog

from bot.sandbox.providers import braintree, chargebee, lac, lago, recurly, stripe
from bot.sandbox.providers.stripe_demo import FAILED

_KEYS = (
    stripe.SECRET_KEY,
    stripe.READ_KEY,
    chargebee.SECRET_KEY,
    chargebee.READ_KEY,
    lago.SECRET_KEY,
    lago.READ_KEY,
    lac.WRITE_KEY,
    lac.READ_KEY,
    recurly.SECRET_KEY,
    braintree.PRIVATE_KEY,
    braintree.PUBLIC_KEY,
)
SECRETS: Final = (*_KEYS, "s3cr3t", "5ec2e7", "asked by customer")
"""Values that tests hand to the bot and that it has to keep: keys, signing secrets, a reason in a person's own words."""
_SOME_NAMES = ("Acme", "Harbour Lane", "Elmstead School", "Free Lunch", "Maya", "Nadia", "Olga")
NAMES: Final = (*_SOME_NAMES, *(name for name, *_ in FAILED if name is not None))
PATTERNS: Final[dict[str, re.Pattern[str]]] = {
    "a token of Slack": re.compile(r"\bx(?:ox[a-z]|app)-\w"),
    "a key of the provider": re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_\w|\bwhsec_\w|\blac_sk_\w"),
    "an Authorization header": re.compile(r"\b(?:Bearer|Basic) [\w+/=.-]{4,}"),
    "a response_url": re.compile(r"https?://\S*?/(?:commands|actions|services|respond|response_url)s?/\S"),
    "a hosted page or file of an invoice": re.compile(
        r"https?://(?:invoice|pay|files)\.stripe\.com|https?://\S*/(?:i|pdf)/\S"
    ),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b"),
    "a secret of the tests": re.compile("|".join(map(re.escape, SECRETS))),
    "the name of a person or customer": re.compile(rf"\b(?:{'|'.join(map(re.escape, NAMES))})\b"),
    "the number of an invoice": re.compile(r"\b(?:EX|DEMO|ODD|ACME)-[0-9]+\b"),
}
_CHILD: Final = "standard error of a child"
_STDERR: Final = 2
_LEVELS: Final = ("debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "msg")


def findings(line: str) -> list[str]:
    """What in this line is nobody's business, as kinds of things: the report must not repeat it."""
    return [kind for kind, pattern in PATTERNS.items() if pattern.search(line)]


class Scanner:
    """Keeps what the test that runs now has logged, and what is wrong with it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._wrong: list[str] = []
        self._read = 0

    def begin(self) -> None:
        """Another test begins."""
        self.events.clear()
        self._read = 0

    def line(self, line: str, where: str) -> None:
        self._wrong += [f"{where}: {kind}" for kind in findings(line)]

    def event(self, event: str, facts: dict[str, Any]) -> None:
        self.events.append({**facts, "event": event})
        self.line(json.dumps(self.events[-1], default=str, ensure_ascii=False), f"the log line {event!r}")

    def text(self, text: str, where: str) -> None:
        for line in text.splitlines():
            self.line(line, where)

    def standard_error(self, text: str) -> None:
        """What a test has left there up to now; only what is new is looked at."""
        self.text(text[self._read :], "standard error")
        self._read = len(text)

    def taken(self) -> list[str]:
        """What was wrong since the last call."""
        wrong, self._wrong = self._wrong, []
        return list(dict.fromkeys(wrong))


scanner = Scanner()


def _watching(kind: type[Any]) -> type[Any]:
    """A class of loggers that shows the scanner every call before the level decides whether it is written."""

    def watched(level: str) -> Callable[..., Any]:
        def say(self: Any, event: Any = None, *args: Any, **facts: Any) -> Any:
            bound = structlog.contextvars.get_contextvars()
            scanner.event(str(event), {**bound, **self._context, **facts, "args": args})
            return getattr(super(watching, self), level)(event, *args, **facts)

        return say

    watching = type(f"Watching{kind.__name__}", (kind,), {name: watched(name) for name in _LEVELS if hasattr(kind, name)})
    watching.is_watching = True  # type: ignore[attr-defined]
    return watching


_configure, _reset = structlog.configure, structlog.reset_defaults


def _configured(*args: Any, **kwargs: Any) -> None:
    _configure(*args, **kwargs)
    kind = structlog.get_config()["wrapper_class"]
    if not getattr(kind, "is_watching", False):
        _configure(wrapper_class=_watching(kind))


def _reset_and_watched() -> None:
    _reset()
    _configured()


def pytest_configure() -> None:
    structlog.configure, structlog.reset_defaults = _configured, _reset_and_watched
    _reset_and_watched()
    _watch_children()


def _watch_children() -> None:
    """What a test reads from a child's standard error, the scanner reads too."""
    communicate = subprocess.Popen.communicate
    receive = asyncio.subprocess.SubprocessStreamProtocol.pipe_data_received

    def communicated(self: Any, *args: Any, **kwargs: Any) -> Any:
        out, err = communicate(self, *args, **kwargs)
        scanner.text(err.decode(errors="replace") if isinstance(err, bytes) else err or "", _CHILD)
        return out, err

    def received(self: Any, fd: int, data: bytes | str) -> None:
        if fd == _STDERR:
            whole = getattr(self, "_scanned", b"") + (data.encode() if isinstance(data, str) else data)
            *lines, self._scanned = whole.split(b"\n")
            for line in lines:
                scanner.line(line.decode(errors="replace"), _CHILD)
        receive(self, fd, data)

    subprocess.Popen.communicate = communicated  # type: ignore[method-assign]
    asyncio.subprocess.SubprocessStreamProtocol.pipe_data_received = received  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The test that logged it is the one that fails, in the phase in which it did."""
    report = yield
    if call.when == "setup":
        scanner.begin()
    else:
        scanner.standard_error(report.capstderr)
    if call.when == "teardown":
        for left in _left_by_children(item):
            scanner.text(left.read_text(errors="replace"), _CHILD)
    if (wrong := scanner.taken()) and report.passed:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} wrote what must not be written:\n" + "\n".join(wrong)
    return report


def _left_by_children(item: pytest.Item) -> list[Path]:
    """Files that a test had its children write their standard error into."""
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    return sorted(file for file in folder.rglob("*stderr*") if file.is_file()) if isinstance(folder, Path) else []
