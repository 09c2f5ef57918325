"""What can be wrong with an answer or a payload: parts that are missing, of another type, huge, or no JSON at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

Path = tuple[str | int, ...]

HUGE: Final = (10**15 + 1, 10**30, -(10**30), 2**63, -(2**63), 1e308, -1.5, 0.1, float("nan"), float("inf"))
TEXTS: Final = ("", " ", "a" * 5_000, "\x00", "\u202e\u200f", "ünïcödé 🧾", "<!channel> *x*", "../..", "null", "paid", "0")
junk: Final[st.SearchStrategy[Any]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(HUGE),
    st.floats(),
    st.sampled_from(TEXTS),
    st.text(max_size=20),
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=6,
    ),
)
BODIES: Final = (
    b"",
    b" \r\n",
    b"null",
    b"[]",
    b"{}",
    b"true",
    b'"paid"',
    b"NaN",
    b"-Infinity",
    b"1" * 5_000,
    b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b'{"id":"\\ud800"}',
    b'{"error":{"message":"\\ud800","code":"\\udfff"}}',
    b'{"error":null}',
    b"%PDF-1.7 not really",
    b"\x1f\x8b\x08\x00nothing",
)
"""Bodies that no provider sends, and proxies, load balancers and broken servers do."""


@dataclass(frozen=True)
class Spoiling:
    """Changes to a JSON body. Each is where (a share of all places), how, and with what."""

    steps: tuple[tuple[float, str, Any], ...]

    def of(self, body: object) -> Any:
        spoiled = copy.deepcopy(body)
        for at, how, value in self.steps:
            places = paths(spoiled)
            spoiled = _spoil(spoiled, places[min(int(at * len(places)), len(places) - 1)], how, value)
        return spoiled


def spoilings(values: st.SearchStrategy[Any] = junk, hows: Sequence[str] = ("drop", "put", "twice")) -> Any:
    step = st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(hows), values)
    return st.lists(step, min_size=1, max_size=4).map(tuple).map(Spoiling)


def paths(node: object, path: Path = ()) -> list[Path]:
    inner: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, part in inner for found in paths(part, (*path, key)))]


def dumped(body: object) -> bytes:
    """JSON as a careless server writes it: NaN and lone surrogates included."""
    return json.dumps(body, default=str).encode()


def _spoil(node: Any, path: Path, how: str, value: Any) -> Any:
    if not path:
        return value if how == "put" else [node, node] if how == "twice" else None
    parent = node
    for key in path[:-1]:
        parent = parent[key]
    if how == "put":
        parent[path[-1]] = copy.deepcopy(value)
    elif how == "twice":
        parent[path[-1]] = [parent[path[-1]]] * 2
    else:
        del parent[path[-1]]
    return node
