"""Tasks, their journal and artifacts, the log of their changes, idempotency keys, hosts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
RUNNING = sa.text("status = 1")


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("batch", sa.String(32), nullable=False),
        sa.Column("serial", sa.String, nullable=False),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("app", sa.String, nullable=False),
        sa.Column("package", sa.String, nullable=False),
        sa.Column("script_name", sa.String, nullable=False),
        sa.Column("script_config", sa.JSON, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String),
        sa.Column("remark", sa.Text, nullable=False, server_default=""),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retries_used", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retry_limit", sa.Integer, nullable=False, server_default="0"),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("token", sa.String),
        sa.Column("host", sa.String, nullable=False, server_default=""),
        sa.Column("force", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("scheduled_at", INSTANT),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.Column("fenced_at", INSTANT),
        sa.Column("step", sa.String, nullable=False, server_default=""),
        sa.Column("step_number", sa.Integer, nullable=False, server_default="0"),
        sa.Column("step_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("post_url", sa.Text, nullable=False, server_default=""),
        sa.Column("profile_url", sa.Text, nullable=False, server_default=""),
        sa.Column("evidence", sa.JSON, nullable=False, server_default="{}"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tasks_queue", "tasks", ["serial", "status", "due_at", "id"])
    op.create_index("ix_tasks_due", "tasks", ["status", "due_at"])
    op.create_index(
        "uq_tasks_one_run_per_phone",
        "tasks",
        ["serial"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _task_id(),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("outcome", sa.String, nullable=False, server_default=""),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sa.Column("notes", sa.JSON, nullable=False, server_default="[]"),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _task_id(),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, index=True),
    )
    op.create_table(
        "status_changes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _task_id(),
        sa.Column("change", sa.String, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("target", sa.Integer, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("task_ids", sa.JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, index=True),
    )
    op.create_table(
        "hosts",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("seen_at", INSTANT, nullable=False),
    )


def _task_id() -> sa.Column[int]:
    task = sa.ForeignKey("tasks.id", ondelete="CASCADE")
    return sa.Column("task_id", sa.Integer, task, nullable=False, index=True)


def downgrade() -> None:
    for table in ("hosts", "idempotency", "status_changes", "artifacts", "steps", "tasks"):
        op.drop_table(table)
