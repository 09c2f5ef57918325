"""Time in the database: business moments as epoch milliseconds, and the database's own clock for leases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(span: timedelta) -> int:
    return span // _MILLISECOND


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime in Python, whole milliseconds since 1970 in the database; finer parts are cut off."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else milliseconds(value - EPOCH)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else EPOCH + value * _MILLISECOND


class _DatabaseNow(FunctionElement[datetime]):
    """The database's clock plus a number of milliseconds."""

    type = Instant()
    inherit_cache = True


def db_now(plus: timedelta | ColumnElement[int] = timedelta()) -> ColumnElement[datetime]:
    """The moment by the database's clock, `plus` a span or a column of milliseconds: replicas with skewed clocks then
    still agree on whose lease has run out."""
    return _DatabaseNow(literal(milliseconds(plus), BigInteger) if isinstance(plus, timedelta) else plus)


@compiles(_DatabaseNow, "postgresql")
def _on_postgresql(element: _DatabaseNow, compiler: SQLCompiler, **kwargs: Any) -> str:
    # clock_timestamp moves on inside a transaction, unlike now().
    plus = compiler.process(element.clauses, **kwargs)
    return f"(CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) + {plus})"


@compiles(_DatabaseNow, "sqlite")
def _on_sqlite(element: _DatabaseNow, compiler: SQLCompiler, **kwargs: Any) -> str:
    # unixepoch('subsec') would need SQLite 3.42; a Julian day as a double is exact to a tenth of a millisecond.
    plus = compiler.process(element.clauses, **kwargs)
    return f"(CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + {plus})"
