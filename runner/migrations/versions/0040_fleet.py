"""Fleet: hosts, who drives which phone, leases, and the engine's job of a task."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("hosts", "beats")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX hosts_pkey RENAME TO beats_pkey")
    op.create_table(
        "hosts",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("instance", sa.String(32), nullable=False),
        sa.Column("home", sa.String(32), nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False, server_default=""),
        sa.Column("skew", sa.Float, nullable=False, server_default="0"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "phones",
        sa.Column("serial", sa.String, primary_key=True),
        sa.Column("host", sa.String, nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("info", sa.JSON),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "fleet",
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.add_column("tasks", sa.Column("job_id", sa.BigInteger))
    given = sa.text("job_id IS NOT NULL")
    op.create_index("ix_tasks_job", "tasks", ["job_id"], postgresql_where=given, sqlite_where=given)


def downgrade() -> None:
    op.drop_index("ix_tasks_job", "tasks")
    op.drop_column("tasks", "job_id")
    for table in ("fleet", "leases", "phones", "hosts"):
        op.drop_table(table)
    op.rename_table("beats", "hosts")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX beats_pkey RENAME TO hosts_pkey")
