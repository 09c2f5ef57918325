"""What dialogs ask for beside a reason, and the invoices that somebody watches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("action", sa.Column("details", sa.JSON, nullable=True))
    op.create_table(
        "watch",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("invoice", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", "invoice", name="pk_watch"),
    )


def downgrade() -> None:
    op.drop_table("watch")
    op.drop_column("action", "details")
