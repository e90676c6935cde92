"""Accounts: what runs have seen of them on which phone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_states",
        sa.Column("serial", sa.String, primary_key=True),
        sa.Column("app", sa.String, primary_key=True),
        sa.Column("username", sa.String, primary_key=True),
        sa.Column("package", sa.String, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("task_id", sa.Integer),
    )


def downgrade() -> None:
    op.drop_table("account_states")
