"""A second person's word (approvals, verdicts), the freeze, seals over the audit trail, and which database this is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("state = 'open'")
_APPEND_ONLY = "the audit trail is append-only"


def upgrade() -> None:
    op.drop_table("approval")  # of the first migration; nothing ever wrote to it
    _create_approvals()
    op.add_column("action", sa.Column("approval_id", sa.Text, nullable=True))
    op.add_column("action", sa.Column("verdict", sa.JSON, nullable=True))
    _create_freeze()
    _create_seals()
    op.create_table(
        "epoch",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("database", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_epoch"),
    )


def downgrade() -> None:
    op.drop_table("epoch")
    op.drop_table("seal")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_seal()")
    op.drop_table("frozen")
    op.drop_column("action", "verdict")
    op.drop_column("action", "approval_id")
    op.drop_table("approval")
    _create_first_approvals()


def _create_approvals() -> None:
    op.create_table(
        "approval",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("invoice", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("offer_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("details", sa.JSON, nullable=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("reply_to", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("remind_at", sa.BigInteger, nullable=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("answered_by", sa.Text, nullable=True),
        sa.Column("answered_at", sa.BigInteger, nullable=True),
        sa.Column("why", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
    )
    columns = ["account", "invoice", "kind"]
    op.create_index("one_open_approval", "approval", columns, unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
    op.create_index("ix_approval_due", "approval", ["state", "expires_at"])


def _create_freeze() -> None:
    table = op.create_table(
        "frozen",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("by", sa.Text, nullable=True),
        sa.Column("why", sa.Text, nullable=True),
        sa.Column("since", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_frozen"),
    )
    op.bulk_insert(table, [{"id": 1}])


def _create_seals() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "seal",
        sa.Column("id", serial, autoincrement=True, nullable=False),
        sa.Column("last_event", sa.BigInteger, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_seal"),
        sa.UniqueConstraint("previous", name="uq_seal_previous"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change_of_seal() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER seal_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON seal "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_seal()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER seal_refuses_{change.lower()} BEFORE {change} ON seal "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
        )


def _create_first_approvals() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "approval",
        sa.Column("id", serial, autoincrement=True, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("invoice", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
    )
    columns = ["account", "invoice", "kind"]
    op.create_index("one_open_approval", "approval", columns, unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
