"""Logs and metrics: JSON lines with the action id in every line that belongs to one; no secrets, no customer data."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REFERENCE_LENGTH = 8
"""Characters of an action's id that people are shown, see `ActionRecord.reference`."""

PRESSES = Counter("recoup_presses_total", "Presses and commands by what was decided", ["decided"], registry=REGISTRY)
ACTION_STEPS = Counter("recoup_action_steps_total", "Steps the worker took, by action", ["action"], registry=REGISTRY)
LETTERS = Counter(
    "recoup_messages_total", "What was said in Slack, by kind and result", ["kind", "result"], registry=REGISTRY
)
ENDED_ACTIONS = Counter(
    "recoup_actions_ended_total", "Decisions that ended, by action and state", ["action", "state"], registry=REGISTRY
)
OPEN_ACTIONS = Gauge("recoup_open_actions", "Decisions whose ending is open, by state", ["state"], registry=REGISTRY)
WAITING_LETTERS = Gauge("recoup_outbox_waiting", "Messages that Slack has not taken yet", registry=REGISTRY)
OLDEST_LETTER = Gauge(
    "recoup_outbox_oldest_seconds", "How long the oldest message that is due has not been taken by Slack", registry=REGISTRY
)
DIGESTS = Counter("recoup_digests_total", "Digest runs by result", ["result"], registry=REGISTRY)
DIGEST_LATE = Gauge(
    "recoup_digest_late_seconds", "How long a digest that is due has not been built", ["digest"], registry=REGISTRY
)
HEALTHY = Gauge("recoup_healthy", "1 where /healthz finds nothing wrong with the part, else 0", ["part"], registry=REGISTRY)
BUILD = Gauge("recoup_build_info", "Always 1; the version is in the label", ["version"], registry=REGISTRY)
PROVIDER_SECONDS = Histogram(
    "recoup_provider_seconds",
    "Seconds that one request to a provider took, by account, method and outcome",
    ["account", "method", "outcome"],
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 80.0),
    registry=REGISTRY,
)
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
def in_action(action_id: str | None) -> Iterator[None]:
    """Every line logged inside carries the action's id, and the reference that people quote. None: no action's."""
    if action_id is None:
        yield
        return
    with structlog.contextvars.bound_contextvars(action=action_id, reference=action_id[:REFERENCE_LENGTH]):
        yield


def metrics() -> bytes:
    """The Prometheus text format."""
    return generate_latest(REGISTRY)
