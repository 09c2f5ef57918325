"""The tables, the same on SQLite and PostgreSQL. Migrations bring a database to this shape."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.domain.action import LIVE
from bot.storage.instant import Instant

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

_IS_LIVE = text("state IN (" + ", ".join(f"'{state}'" for state in LIVE) + ")")
_IS_OPEN = text("state = 'open'")


def _serial(name: str) -> Column[int]:
    # SQLite counts up only a column that is exactly INTEGER PRIMARY KEY.
    return Column(name, BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)


def _json(name: str, *, nullable: bool = False) -> Column[Any]:
    # none_as_null: a missing value is SQL's NULL, so that IS NULL finds it.
    return Column(name, JSON(none_as_null=True), nullable=nullable)


delivery = Table(
    "delivery",
    metadata,
    Column("key", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
)
"""What Slack delivered, so that a redelivery has no second effect."""

offer = Table(
    "offer",
    metadata,
    _serial("seq"),
    Column("id", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("invoice", Text, nullable=False),
    _json("snapshot"),
    Column("actions", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("row_no", Integer, nullable=False),
    Column("made_at", Instant, nullable=False),
    Index("ix_offer_invoice", "account", "invoice"),
    Index("ix_offer_place", "message", "row_no", "seq"),
)
"""What a message showed. `seq` says which offer of a row is the newest."""

posting = Table(
    "posting",
    metadata,
    Column("message", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("ts", Text, primary_key=True),
    Column("posted_at", Instant, nullable=False),
)
"""Where the copies of a message lie in Slack."""

action = Table(
    "action",
    metadata,
    _serial("seq"),
    Column("id", Text, nullable=False, unique=True),
    Column("intent_key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("offer_id", Text),
    Column("account", Text),
    Column("invoice", Text),
    Column("typed_ref", Text),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("method", Text),
    Column("reason", Text),
    _json("details", nullable=True),
    Column("actor", Text, nullable=False),
    Column("team", Text, nullable=False),
    _json("reply_to"),
    Column("created_at", Instant, nullable=False),
    Column("act_by", Instant, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    Column("lease_ms", BigInteger),
    Column("next_check_at", Instant),
    Column("checks", Integer, nullable=False),
    _json("ending", nullable=True),
    Column("approval_id", Text),
    _json("verdict", nullable=True),
    Index(
        "one_live_action_per_invoice",
        "account",
        "invoice",
        unique=True,
        sqlite_where=_IS_LIVE,
        postgresql_where=_IS_LIVE,
    ),
    Index("ix_action_invoice", "account", "invoice"),
    Index("ix_action_due", "next_check_at"),
    Index("ix_action_actor", "actor", "created_at"),
)
"""One person's decision. The partial index allows one live decision per invoice, whatever its kind."""

approval = Table(
    "approval",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("invoice", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("offer_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method", Text),
    Column("reason", Text),
    _json("details", nullable=True),
    Column("fingerprint", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("team", Text, nullable=False),
    _json("reply_to"),
    Column("created_at", Instant, nullable=False),
    Column("remind_at", Instant),
    Column("expires_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("answered_by", Text),
    Column("answered_at", Instant),
    Column("why", Text),
    Index(
        "one_open_approval",
        "account",
        "invoice",
        "kind",
        unique=True,
        sqlite_where=_IS_OPEN,
        postgresql_where=_IS_OPEN,
    ),
    Index("ix_approval_due", "state", "expires_at"),
)
"""A question to a second person; outside the index of live actions, so that asking locks nothing."""

attempt = Table(
    "attempt",
    metadata,
    _serial("id"),
    Column("action_id", Text, ForeignKey("action.id"), nullable=False),
    Column("no", Integer, nullable=False),
    Column("idem_key", Text, nullable=False, unique=True),
    Column("key_expires_at", Instant, nullable=False),
    _json("before"),
    Column("sends", Integer, nullable=False),
    Column("first_sent_at", Instant, nullable=False),
    Column("last_sent_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("result", Text),
    Column("request_id", Text),
    UniqueConstraint("action_id", "no"),
)
"""One try at the provider under one key; committed before the first byte goes out."""

event = Table(
    "event",
    metadata,
    _serial("id"),
    Column("action_id", Text),
    Column("account", Text),
    Column("invoice", Text),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text),
    _json("facts"),
    Index("ix_event_action", "action_id"),
    Index("ix_event_invoice", "account", "invoice"),
)
"""The audit trail. Triggers of the first migration refuse UPDATE and DELETE."""

seal = Table(
    "seal",
    metadata,
    _serial("id"),
    Column("last_event", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("previous", Text, nullable=False, unique=True),
    Column("digest", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
"""A hash over a batch of events and over the seal before it; append-only, too. Two sealers cannot fork the chain: one seal
follows one."""

outbox = Table(
    "outbox",
    metadata,
    _serial("id"),
    Column("action_id", Text),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("dedup_key", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("why", Text),
    _json("body"),
    Index("ix_outbox_due", "state", "next_at"),
    Index("ix_outbox_target", "target", "state"),
)
"""What is still to be said; rendered when it is sent."""

outbox_hold = Table(
    "outbox_hold",
    metadata,
    Column("target", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Instant, nullable=False),
)
"""Whose hands a target is in. The primary key is what keeps two senders off one message."""

digest_run = Table(
    "digest_run",
    metadata,
    _serial("id"),
    Column("digest", Text, nullable=False),
    Column("scheduled", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_until", Instant, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("message", Text),
    Column("why", Text),
    _json("summary", nullable=True),
    UniqueConstraint("digest", "scheduled"),
    Index("ix_digest_run_message", "message"),
)
"""One row per digest and scheduled local time: it decides who posts."""

digest_row = Table(
    "digest_row",
    metadata,
    Column("run", BigInteger, ForeignKey("digest_run.id"), primary_key=True),
    Column("account", Text, primary_key=True),
    Column("invoice", Text, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("kind", Text),
)
"""Every failed invoice that a run found, for the comparison with the next one."""

watch = Table(
    "watch",
    metadata,
    Column("account", Text, primary_key=True),
    Column("invoice", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("since", Instant, nullable=False),
)
"""Invoices that stay in the digest until nothing is owed on them."""

mark = Table(
    "mark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("at", Instant, nullable=False),
)
"""`writer`: the process that holds a SQLite file. `pulse`: the last write that only proved that writing works;
`replica:…`: the same of each bot that runs on PostgreSQL."""

frozen = Table(
    "frozen",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("by", Text),
    Column("why", Text),
    Column("since", Instant),
)
"""One row, always there, so that a send and a freeze can wait for each other; `by` says who froze, NULL nobody."""

epoch = Table(
    "epoch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("database", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
"""One row: which database this was when the bot last used it, to notice that it is a restored copy."""
