"""How many requests a fake provider lets in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque


class Limit(ABC):
    """So many requests in any one second; None is no limit. `retry_after` is in seconds."""

    def __init__(self, retry_after: int | None = None) -> None:
        self.per_second: int | None = None
        self.retry_after = retry_after
        self._recent: deque[float] = deque()

    @abstractmethod
    def refusal(self) -> Exception:
        """The vendor's own error."""

    def take(self, now: float) -> None:
        """Raises the refusal; a request that is turned away does not count."""
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self.per_second is not None and len(self._recent) >= self.per_second:
            raise self.refusal()
        self._recent.append(now)

    def left(self, of: int) -> int:
        """How many more are let in within this second, where `of` is what is said without a limit."""
        return max((self.per_second or of) - len(self._recent), 0)
