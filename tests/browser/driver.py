"""A sandbox in a process of its own, and a Chromium that looks at it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = ("background-networking", "component-update", "sync", "quic", "gpu", "dev-shm-usage")


def chromium() -> str:
    """The browser's path: $CHROMIUM, or the first one installed. Raises RuntimeError with a sentence."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        raise RuntimeError("These tests need Chromium: install it (on Debian: apt install chromium) or set CHROMIUM.")
    return found


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    # The sandbox of Chromium itself needs rights that containers do not have; it visits nothing but loopback here.
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in _QUIET)]
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        try:
            yield chrome
        finally:
            chrome.close()


@contextlib.contextmanager
def sandbox() -> Iterator[str]:
    """`recoup sandbox` on a free port; gives the address of its page."""
    command = [sys.executable, "-c", "from bot.cli import app; app()", "sandbox", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _address(process: subprocess.Popen[str]) -> str:
    said = []
    assert process.stdout is not None
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while waiting.select(START_SECONDS):
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if found:
                return found[0]
            if not line:
                break
            said.append(line)
    raise RuntimeError(f"The sandbox did not start: {''.join(said) or 'it said nothing'}")


def control(page_url: str, what: str, **args: Any) -> dict[str, Any]:
    """Make something happen at the fake provider."""
    body = json.dumps({"name": what, "args": args}).encode()
    request = urllib.request.Request(f"{page_url}sandbox/world", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        answer: dict[str, Any] = json.load(reply)["result"]
    return answer
