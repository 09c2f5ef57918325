"""The scanner over the logs of the tests: it bites, it sees what no level hides, and it lets the ordinary pass."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from bot.telemetry import configure_logging
from tests.log_scanner import findings, scanner

ROOT = Path(__file__).parents[1]

BAD = {
    "a bot token": '{"event": "x", "token": "xoxb-123-abc"}',
    "an app token": "using xapp-1-A0",
    "a live key": "key=sk_live_51Abc",
    "a restricted key": "rk_test_51Abc",
    "a webhook secret": "whsec_abc",
    "a header": "{'Authorization': 'Bearer abcdef'}",
    "a response_url of a command": "https://hooks.slack.com/commands/T1/2/abc",
    "a response_url of a button": "http://127.0.0.1:4000/actions/T1/2/abc",
    "an address": "sent to ap@saltmarsh.example.com",
    "a payment page": "https://invoice.stripe.com/i/acct_1/test_abc",
    "a name of the sandbox": '{"customer": "Saltmarsh Ceramics"}',
    "a name of the builders": "Acme owes 420.00",
    "an invoice's number": "paid EX-0042",
    "a reason in somebody's own words": "asked by customer",
}
GOOD = (
    '{"event": "action.ended", "action": "db28ccc3fe4a3b50363190882c6ce4db", "reference": "db28ccc3"}',
    '{"path": "/v1/invoices/{}/pay", "status": 200, "request_id": "req_1", "event": "provider.replied"}',
    '{"event": "digest.built", "digest": "finance@2026-11-20T09:00", "late": false}',
    '{"event": "digest.built", "digest": "everything@now:U0MAYA:8c1f"}',
    '{"event": "database", "detail": "the database recoup at db.internal did not answer in time"}',
    "customer cus_acme, invoice in_1, charge ch_1, method pm_visa",
)


@pytest.mark.parametrize("line", BAD.values(), ids=BAD)
def test_a_line_with_what_is_nobody_s_business_is_found(line: str) -> None:
    assert findings(line)


@pytest.mark.parametrize("line", GOOD, ids=range(len(GOOD)))
def test_an_ordinary_line_passes(line: str) -> None:
    assert findings(line) == []


def test_a_line_below_the_level_is_seen_and_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("CRITICAL")
    with structlog.contextvars.bound_contextvars(action="a1b2"):
        structlog.get_logger().bind(account="stripe").debug("action.looked_at", checks=2)
    structlog.reset_defaults()
    facts = {"event": "action.looked_at", "action": "a1b2", "account": "stripe", "checks": 2}
    assert facts.items() <= scanner.events[-1].items()
    assert capsys.readouterr().err == ""


_LEAKING = """
import asyncio, structlog, subprocess, sys
from bot.telemetry import configure_logging

def test_that_logs_a_secret_at_a_level_that_nobody_reads():
    configure_logging("CRITICAL")
    structlog.get_logger().debug("told", url="https://hooks.slack.com/actions/T1/2/zzz")

def test_that_logs_after_the_defaults_came_back():
    structlog.reset_defaults()
    structlog.get_logger().info("told", who="ap@saltmarsh.example")

def test_that_binds_a_secret():
    structlog.get_logger().bind(key="sk_live_zzz").info("told")

def test_that_writes_to_standard_error():
    print("Bearer zzzzzz", file=sys.stderr)

def test_whose_child_writes_to_standard_error():
    subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('xoxb-zzz')"], capture_output=True, check=True)

async def _child():
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; sys.stderr.write('xoxb-zzz\\\\n')", stderr=asyncio.subprocess.PIPE)
    await child.stderr.readline()
    await child.wait()

def test_whose_child_of_the_loop_writes_to_standard_error():
    asyncio.run(_child())

def test_whose_child_writes_into_a_file(tmp_path):
    (tmp_path / "stderr-1").write_text("xoxb-zzz")

def test_that_is_well():
    structlog.get_logger().info("told", action="a1b2")
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_test_that_leaks_fails_by_itself_and_the_secret_is_not_repeated(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "test_leaks.py").write_text(_LEAKING)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.log_scanner",
        "-p",
        "no:cacheprovider",
        "--show-capture=no",
    ]
    done = subprocess.run(
        [*command, *workers, f"--rootdir={tmp_path}", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    told = re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.MULTILINE)
    assert sorted(told) == sorted(set(re.findall(r"test_\w+(?=\()", _LEAKING)) - {"test_that_is_well"}), done.stdout
    assert "zzz" not in done.stdout
