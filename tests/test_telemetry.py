"""Logs are lines of JSON that say which action they belong to, and never what is nobody's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.telemetry import ACK_SECONDS, DIGESTS, PRESSES, in_action, metrics

ROOT = Path(__file__).parents[1]


def logged(code: str) -> tuple[list[str], str]:
    """The lines on standard error of a process of its own: logging is set up for a whole process."""
    program = "import logging, structlog\nfrom bot.telemetry import configure_logging, in_action\n" + code
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    return done.stderr.splitlines(), done.stdout


def test_a_line_is_json_with_time_level_and_event() -> None:
    lines, out = logged("configure_logging()\nstructlog.get_logger().info('bot.started', port=3000)")
    (line,) = [json.loads(line) for line in lines]
    assert (line["event"], line["level"], line["port"]) == ("bot.started", "info", 3000)
    assert line["timestamp"].endswith("Z")
    assert out == ""


def test_every_line_inside_an_action_carries_its_id_and_none_after_it() -> None:
    lines, _ = logged(
        "configure_logging()\nlog = structlog.get_logger()\n"
        "with in_action('a1b2'):\n    log.info('inside')\n    with in_action('c3d4'):\n        log.info('deeper')\n"
        "    log.info('again')\n"
        "log.info('outside')"
    )
    assert [json.loads(line).get("action") for line in lines] == ["a1b2", "c3d4", "a1b2", None]


def test_a_line_of_an_action_has_the_reference_that_people_quote_and_a_line_of_none_has_neither() -> None:
    lines, _ = logged(
        "configure_logging()\nlog = structlog.get_logger()\n"
        "with in_action('db28ccc3fe4a3b50'):\n    log.info('inside')\n"
        "with in_action(None):\n    log.info('of none')"
    )
    inside, of_none = [json.loads(line) for line in lines]
    assert (inside["action"], inside["reference"]) == ("db28ccc3fe4a3b50", "db28ccc3")
    assert {"action", "reference"}.isdisjoint(of_none)


def test_two_actions_at_once_keep_their_lines_apart() -> None:
    lines, _ = logged(
        "import asyncio\nconfigure_logging()\nlog = structlog.get_logger()\n"
        "async def act(name):\n"
        "    with in_action(name):\n        await asyncio.sleep(0)\n        log.info('acting', name=name)\n"
        "async def both():\n    await asyncio.gather(act('a'), act('b'))\n"
        "asyncio.run(both())"
    )
    assert all(json.loads(line)["action"] == json.loads(line)["name"] for line in lines)
    assert len(lines) == 2


@pytest.mark.parametrize(("level", "shown"), [("DEBUG", 3), ("INFO", 2), ("WARNING", 1), ("ERROR", 0)])
def test_the_level_decides_what_is_written(level: str, shown: int) -> None:
    lines, _ = logged(
        f"configure_logging('{level}')\nlog = structlog.get_logger()\nlog.debug('d')\nlog.info('i')\nlog.warning('w')"
    )
    assert len(lines) == shown


def test_what_libraries_log_shows_neither_requests_nor_their_texts() -> None:
    lines, _ = logged(
        "configure_logging('DEBUG')\n"
        "logging.getLogger('httpx').info('POST https://hooks.slack.com/s3cr3t')\n"
        "logging.getLogger('aiohttp').debug('s3cr3t')\n"
        "logging.getLogger('slack').warning('body: %s', 's3cr3t')\n"
        "try:\n    raise ValueError('s3cr3t')\nexcept ValueError:\n    logging.getLogger('apscheduler').exception('s3cr3t')"
    )
    assert "s3cr3t" not in "\n".join(lines)
    told = [json.loads(line) for line in lines]
    assert [(line["level"], line["logger"], line.get("error")) for line in told] == [
        ("warning", "slack", None),
        ("error", "apscheduler", "ValueError"),
    ]


def test_for_a_person_the_lines_are_readable() -> None:
    lines, _ = logged("configure_logging(human=True)\nstructlog.get_logger().info('bot.started', port=3000)")
    assert "bot.started" in lines[0]
    assert "port=3000" in lines[0]
    assert "\x1b" not in lines[0]


def test_metrics_count_what_was_counted() -> None:
    PRESSES.labels("accepted").inc()
    DIGESTS.labels("posted").inc()
    ACK_SECONDS.observe(0.003)
    text = metrics().decode()
    assert 'recoup_presses_total{decided="accepted"}' in text
    assert 'recoup_digests_total{result="posted"}' in text
    assert 'recoup_ack_seconds_bucket{le="0.005"}' in text
    assert text.endswith("\n")


def test_an_action_s_id_leaves_the_context_when_something_raises() -> None:
    import structlog

    def fail() -> None:
        with in_action("a1b2"):
            raise RuntimeError("bug")

    with pytest.raises(RuntimeError):
        fail()
    assert "action" not in structlog.contextvars.get_contextvars()
