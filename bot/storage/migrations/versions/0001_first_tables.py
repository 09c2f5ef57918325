"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out here and not imported: a migration stays what it was when the code moves on.
_IS_LIVE = "state IN ('accepted', 'executing', 'pending', 'unknown', 'needs_human')"
_TABLES = (
    "digest_row",
    "digest_run",
    "outbox_hold",
    "outbox",
    "event",
    "attempt",
    "approval",
    "action",
    "posting",
    "offer",
    "delivery",
    "mark",
)
_APPEND_ONLY = "the audit trail is append-only"


def upgrade() -> None:
    _create_offers()
    _create_actions()
    _create_attempts_and_events()
    _create_outbox()
    _create_digests()
    _create_marks()
    if op.get_bind().dialect.name == "postgresql":
        _protect_events_on_postgresql()
    else:
        _protect_events_on_sqlite()


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_event()")


def _serial(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def _protect_events_on_sqlite() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER event_refuses_{change.lower()} BEFORE {change} ON event "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
        )


def _protect_events_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change_of_event() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER event_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_event()"
    )


def _create_offers() -> None:
    op.create_table(
        "delivery",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_delivery"),
    )
    op.create_table(
        "offer",
        _serial("seq"),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("invoice", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_offer"),
        sa.UniqueConstraint("id", name="uq_offer_id"),
    )
    op.create_index("ix_offer_invoice", "offer", ["account", "invoice"])
    op.create_index("ix_offer_place", "offer", ["message", "row_no", "seq"])
    op.create_table(
        "posting",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("posted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message", "channel", "ts", name="pk_posting"),
    )


def _create_actions() -> None:
    op.create_table(
        "action",
        _serial("seq"),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("intent_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offer_id", sa.Text()),
        sa.Column("account", sa.Text()),
        sa.Column("invoice", sa.Text()),
        sa.Column("typed_ref", sa.Text()),
        sa.Column("amount_minor", sa.BigInteger()),
        sa.Column("currency", sa.Text()),
        sa.Column("method", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("act_by", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("lease_ms", sa.BigInteger()),
        sa.Column("next_check_at", sa.BigInteger()),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("ending", sa.JSON()),
        sa.PrimaryKeyConstraint("seq", name="pk_action"),
        sa.UniqueConstraint("id", name="uq_action_id"),
        sa.UniqueConstraint("intent_key", name="uq_action_intent_key"),
    )
    op.create_index("ix_action_actor", "action", ["actor", "created_at"])
    op.create_index("ix_action_due", "action", ["next_check_at"])
    op.create_index("ix_action_invoice", "action", ["account", "invoice"])
    op.create_index(
        "one_live_action_per_invoice",
        "action",
        ["account", "invoice"],
        unique=True,
        sqlite_where=sa.text(_IS_LIVE),
        postgresql_where=sa.text(_IS_LIVE),
    )
    op.create_table(
        "approval",
        _serial("id"),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("invoice", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
    )
    op.create_index(
        "one_open_approval",
        "approval",
        ["account", "invoice", "kind"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _create_attempts_and_events() -> None:
    op.create_table(
        "attempt",
        _serial("id"),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("idem_key", sa.Text(), nullable=False),
        sa.Column("key_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("first_sent_at", sa.BigInteger(), nullable=False),
        sa.Column("last_sent_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger()),
        sa.Column("result", sa.Text()),
        sa.Column("request_id", sa.Text()),
        sa.ForeignKeyConstraint(["action_id"], ["action.id"], name="fk_attempt_action_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
        sa.UniqueConstraint("action_id", "no", name="uq_attempt_action_id_no"),
        sa.UniqueConstraint("idem_key", name="uq_attempt_idem_key"),
    )
    op.create_table(
        "event",
        _serial("id"),
        sa.Column("action_id", sa.Text()),
        sa.Column("account", sa.Text()),
        sa.Column("invoice", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text()),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_action", "event", ["action_id"])
    op.create_index("ix_event_invoice", "event", ["account", "invoice"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _serial("id"),
        sa.Column("action_id", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("why", sa.Text()),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("dedup_key", name="uq_outbox_dedup_key"),
    )
    op.create_index("ix_outbox_due", "outbox", ["state", "next_at"])
    op.create_index("ix_outbox_target", "outbox", ["target", "state"])
    op.create_table(
        "outbox_hold",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("target", name="pk_outbox_hold"),
    )


def _create_digests() -> None:
    op.create_table(
        "digest_run",
        _serial("id"),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scheduled", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("message", sa.Text()),
        sa.Column("why", sa.Text()),
        sa.Column("summary", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_digest_run"),
        sa.UniqueConstraint("digest", "scheduled", name="uq_digest_run_digest_scheduled"),
    )
    op.create_index("ix_digest_run_message", "digest_run", ["message"])
    op.create_table(
        "digest_row",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("invoice", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.ForeignKeyConstraint(["run"], ["digest_run.id"], name="fk_digest_row_run"),
        sa.PrimaryKeyConstraint("run", "account", "invoice", name="pk_digest_row"),
    )


def _create_marks() -> None:
    op.create_table(
        "mark",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_mark"),
    )
