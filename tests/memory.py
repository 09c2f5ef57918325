"""Where tests keep their databases: in memory, where there is room. A disk that stands still for seconds fails a press."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3
"""Bytes; a container often has 64 MB there, which two PostgreSQL clusters fill."""


def folder_in_memory() -> Path | None:
    """None where the disk has to do."""
    is_usable = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    return _MEMORY if is_usable and shutil.disk_usage(_MEMORY).free >= _ROOM else None
