"""What can be made to go wrong between Slack and the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

_WRITES: Final = frozenset(
    {"chat.postMessage", "chat.postEphemeral", "chat.update", "response_url", "upload", "files.completeUploadExternal"}
)


@dataclass(slots=True)
class Faults:
    """Switches. Numbers count down with every call they spoil; `only` limits the first four to one method."""

    web_api_down: bool = False
    """503 to every call, response URLs included."""
    ratelimited: int = 0
    """This many calls get 429."""
    drop_reply: int = 0
    """This many posted messages are kept, but the connection is closed before the answer."""
    delay: float = 0.0
    """Seconds before every call has its effect."""
    retry_after: int = 1
    """Seconds, for 429."""
    usergroups_failing: bool = False
    uploads_failing: bool = False
    """500 to every file that is sent to an upload URL."""
    lose_acks: int = 0
    """This many answers of the app to a delivery are lost: it acted, and the user is told that it did not."""
    only: str | None = None

    def hits(self, method: str) -> bool:
        return self.only in (None, method)

    def rate_limits(self, method: str) -> bool:
        return self.hits(method) and self._take("ratelimited")

    def drops_reply(self, method: str) -> bool:
        writes = method in _WRITES
        wanted = method == self.only if self.only else method == "chat.postMessage"
        return writes and wanted and self._take("drop_reply")

    def loses_ack(self) -> bool:
        return self._take("lose_acks")

    def set(self, values: Mapping[str, Any]) -> None:
        """Set several by name; raises ValueError for what is not a switch or not of its kind."""
        for name, value in values.items():
            self._set_one(name, value)

    def clear(self) -> None:
        self.set(asdict(Faults()))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def _set_one(self, name: str, value: Any) -> None:
        kinds = {one.name: one.type for one in fields(self)}
        if name not in kinds:
            raise ValueError(f"there is no fault named {name}")
        sound = {
            "bool": isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000,
            "float": isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 600,
            "str | None": value is None or isinstance(value, str),
        }
        if not sound[str(kinds[name])]:
            raise ValueError(f"{value!r} is no {kinds[name]} for {name}")
        setattr(self, name, value)

    def _take(self, name: str) -> bool:
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0
