"""Words that every adapter shares: the name of a setting, and a vendor's message made fit to be shown."""

from __future__ import annotations

import re

_KEY = re.compile(
    r"\b(?:[a-z]+_)?(?:sk|rk|pk|ek|whsec)_[\w*]+|\bpdl_[a-z]+_\w+|\b\w+_secret_\w+|(?i:bearer|basic)\s+\S+"
    r"|\b(?:[a-z]+_)?(?:test|live)_(?=\w*[0-9A-Z])\w{12,}"  # Chargebee's, and others that begin with their mode
)
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LIMIT = 200


def setting(account: str, name: str) -> str:
    """The environment variable that holds a setting of an account: `RECOUP_ACCOUNTS__STRIPE__API_KEY`."""
    return f"RECOUP_ACCOUNTS__{account.upper().replace('-', '_')}__{name.upper()}"


def scrubbed(message: str) -> str:
    """A vendor's message without anything that looks like a key or a mail address, on one line and not long."""
    text = _UNSEEN.sub(" ", message)
    text = _KEY.sub("[key]", text)
    text = _ADDRESS.sub("[address]", text).strip()
    return text if len(text) <= _LIMIT else f"{text[: _LIMIT - 1]}…"
