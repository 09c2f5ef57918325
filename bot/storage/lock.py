"""One writer per SQLite file: a lock that the system gives back when its process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bot.domain.errors import JournalUnavailable


class FileLock:
    """An advisory lock on `<database>.lock`, beside the database because SQLite has locks of its own on the file itself."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    def take(self) -> bool:
        """False where another process has it; raises JournalUnavailable where the file system cannot lock."""
        try:
            opened = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalUnavailable(f"the lock file {self._path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
            return False
        except OSError as error:
            os.close(opened)
            raise JournalUnavailable(f"the file {self._path} cannot be locked: {error.strerror}") from error
        self._file = opened
        return True

    def free(self) -> None:
        # The file stays: removing it would let two processes lock two files of one name.
        if self._file is not None:
            os.close(self._file)
            self._file = None
