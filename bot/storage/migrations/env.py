"""Alembic's entry: uses the connection that `bot.storage.schema` hands over, or opens the one given as `-x url=…`."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from bot.storage.engine import database_url, writing_engine
from bot.storage.tables import metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_at(url: str) -> None:
    engine = writing_engine(database_url(url), mode="rwc")
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_at(context.get_x_argument(as_dictionary=True)["url"]))
