"""Logs and metrics: JSON lines with the action id in every line that belongs to one; no secrets, no customer data."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

PRESSES = Counter("recoup_presses_total", "Presses and commands by what was decided", ["decided"], registry=REGISTRY)
ACTION_STEPS = Counter("recoup_action_steps_total", "Steps the worker took, by action", ["action"], registry=REGISTRY)
LETTERS = Counter(
    "recoup_messages_total", "What was said in Slack, by kind and result", ["kind", "result"], registry=REGISTRY
)
OPEN_ACTIONS = Gauge("recoup_open_actions", "Decisions whose ending is open", registry=REGISTRY)
WAITING_LETTERS = Gauge("recoup_outbox_waiting", "Messages that Slack has not taken yet", registry=REGISTRY)
DIGESTS = Counter("recoup_digests_total", "Digest runs by result", ["result"], registry=REGISTRY)
ACK_SECONDS = Histogram(
    "recoup_ack_seconds",
    "Seconds from Slack's request to our acknowledgement",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    registry=REGISTRY,
)


def configure_logging(level: str = "INFO", *, human: bool = False) -> None:
    """JSON lines on standard error; `human` for a terminal. Libraries' warnings and errors pass the same way."""
    renderer = structlog.dev.ConsoleRenderer(colors=False) if human else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,  # a cached logger would keep the first configuration for ever
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_LibraryLines()], force=True)


class _LibraryLines(logging.Handler):
    """A library's line becomes one of ours, without its text and its trace: these hold URLs, bodies and tokens."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        log = structlog.get_logger()
        say = log.error if record.levelno >= logging.ERROR else log.warning
        say("library.logged", logger=record.name, **({"error": kind.__name__} if kind else {}))


@contextlib.contextmanager
def in_action(action_id: str) -> Iterator[None]:
    """Every line logged inside carries the action id."""
    with structlog.contextvars.bound_contextvars(action=action_id):
        yield


def metrics() -> bytes:
    """The Prometheus text format."""
    return generate_latest(REGISTRY)
