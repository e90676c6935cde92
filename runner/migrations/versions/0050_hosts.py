"""Hosts: which ones were stopped in order, and which scripts each has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hosts", sa.Column("stopped", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("hosts", sa.Column("scripts", sa.JSON))


def downgrade() -> None:
    op.drop_column("hosts", "scripts")
    op.drop_column("hosts", "stopped")
