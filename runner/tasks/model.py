"""The tables. What the columns mean is said in `runner.tasks.types`; here stands how they are stored.

Only what SQLite and PostgreSQL share is used. A change here needs a migration in `runner.migrations`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

from runner.tasks.types import Status


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC. SQLite has no time zones, so there the zone is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

tasks = Table(
    "tasks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("batch", String(32), nullable=False),
    Column("serial", String, nullable=False),
    Column("username", String, nullable=False),
    Column("app", String, nullable=False),
    Column("package", String, nullable=False),
    Column("script_name", String, nullable=False),
    Column("script_config", JSON, nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", String),
    Column("remark", Text, nullable=False, server_default=""),
    Column("source", String, nullable=False),
    Column("retry_count", Integer, nullable=False, server_default="0"),
    Column("retries_used", Integer, nullable=False, server_default="0"),
    Column("retry_limit", Integer, nullable=False, server_default="0"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("token", String),
    Column("host", String, nullable=False, server_default=""),
    Column("job_id", BigInteger),
    Column("force", Boolean, nullable=False, server_default=text("false")),
    Column("due_at", UtcDateTime, nullable=False),
    Column("scheduled_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("fenced_at", UtcDateTime),
    Column("step", String, nullable=False, server_default=""),
    Column("step_number", Integer, nullable=False, server_default="0"),
    Column("step_count", Integer, nullable=False, server_default="0"),
    Column("post_url", Text, nullable=False, server_default=""),
    Column("profile_url", Text, nullable=False, server_default=""),
    Column("evidence", JSON, nullable=False, server_default="{}"),
    Index("ix_tasks_queue", "serial", "status", "due_at", "id"),
    Index("ix_tasks_due", "status", "due_at"),
    Index(
        "ix_tasks_job",
        "job_id",
        sqlite_where=text("job_id IS NOT NULL"),
        postgresql_where=text("job_id IS NOT NULL"),
    ),
    sqlite_autoincrement=True,  # an id is never used again, not even after the newest task was deleted
)

Index(
    "uq_tasks_one_run_per_phone",
    tasks.c.serial,
    unique=True,
    sqlite_where=tasks.c.status == Status.RUNNING,
    postgresql_where=tasks.c.status == Status.RUNNING,
)

steps = Table(
    "steps",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("outcome", String, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    Column("notes", JSON, nullable=False, server_default="[]"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("step", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("path", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

status_changes = Table(
    "status_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("change", String, nullable=False),
    Column("source", Integer, nullable=False),
    Column("target", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("task_ids", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

beats = Table(
    "beats",
    metadata,
    Column("name", String, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)
"""When the runner, or a fleet as a whole, was last known to be up; by this is judged what became late."""
