"""The tables of the Worker Tasks API: what is served (worker_*), what was taken from upstreams (upstream_*).

On the metadata of `runner.tasks.model`, so that one metadata describes the whole database.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from runner.tasks.model import UtcDateTime, metadata

_Big = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column of exactly this type; its integers are long anyway."""

servers = Table(
    "worker_servers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("key_hash", String(64), nullable=False),
    Column("max_tasks", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("health", JSON, nullable=False, server_default="{}"),
)

requests = Table(
    "worker_requests",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("website", Text, nullable=False),
    Column("type_request", Text, nullable=False),
    Column("service_type", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

tasks = Table(
    "worker_tasks",
    metadata,
    Column("seq", _Big, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("request_id", ForeignKey("worker_requests.id"), nullable=False),
    Column("server_id", ForeignKey("worker_servers.id")),
    Column("named", Boolean, nullable=False, server_default=text("false")),
    Column("service_type", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("site_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("sealed_password", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("auction_price", Float, nullable=False),
    Column("retry_count", Integer, nullable=False, server_default="0"),
    Column("max_retries", Integer, nullable=False),
    Column("link_profile", Text, nullable=False, server_default=""),
    Column("link_post", Text, nullable=False, server_default=""),
    Column("error_message", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("is_indexed", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("retry_at", UtcDateTime),
    # One page of one server in the order of seq, whatever the filter, is a walk along this index.
    Index("ix_worker_tasks_page", "server_id", "service_type", "status", "seq"),
    Index("ix_worker_tasks_request", "request_id", "status"),
    sqlite_autoincrement=True,
)

Index(
    "ix_worker_tasks_retry",
    tasks.c.retry_at,
    sqlite_where=tasks.c.retry_at.is_not(None),
    postgresql_where=tasks.c.retry_at.is_not(None),
)

counts = Table(
    "worker_counts",
    metadata,
    Column("server_id", String(36), primary_key=True),
    Column("request_id", ForeignKey("worker_requests.id"), primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("service_type", String(16), nullable=False),
    Column("tasks", Integer, nullable=False),
    Index("ix_worker_counts_request", "request_id"),
)
"""How many tasks each server ("" for none) has of each request in each status, written with every change of
them: a page says its total, and counting a million rows for it would take longer than the page."""

links = Table(
    "upstream_links",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=True),
    Column("upstream", String(64), nullable=False),
    Column("upstream_id", String(255), nullable=False),
    Column("retry_count", Integer, nullable=False),
    Column("request", JSON, nullable=False),
    Column("task_id", Integer, index=True),
    Column("refusal", Text, nullable=False, server_default=""),
    Column("said", String(16)),
    Column("open", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("upstream", "upstream_id"),
    Index("ix_upstream_links_open", "upstream", "open", "said"),
    sqlite_autoincrement=True,
)
"""One row per task ever taken from an upstream. What the columns mean is said in `upstream.links`."""

reports = Table(
    "upstream_reports",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=True),
    Column("link_id", ForeignKey("upstream_links.id"), nullable=False, index=True),
    Column("body", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("refused", Text),
    sqlite_autoincrement=True,
)
"""The outbox: what an upstream has not been told yet, or refused to hear (`refused` says why)."""
