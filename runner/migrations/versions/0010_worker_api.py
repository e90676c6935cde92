"""The Worker Tasks API: servers, requests and their tasks; links to upstreams' tasks and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RETRIED = sa.text("retry_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "worker_servers",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("max_tasks", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT),
        sa.Column("health", sa.JSON, nullable=False, server_default="{}"),
    )
    op.create_table(
        "worker_requests",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("website", sa.Text, nullable=False),
        sa.Column("type_request", sa.Text, nullable=False),
        sa.Column("service_type", sa.String(16), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, index=True),
    )
    op.create_table(
        "worker_tasks",
        sa.Column("seq", BIG, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("request_id", sa.String(36), sa.ForeignKey("worker_requests.id"), nullable=False),
        sa.Column("server_id", sa.String(36), sa.ForeignKey("worker_servers.id")),
        sa.Column("named", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("service_type", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("site_name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("sealed_password", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("auction_price", sa.Float, nullable=False),
        sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("max_retries", sa.Integer, nullable=False),
        sa.Column("link_profile", sa.Text, nullable=False, server_default=""),
        sa.Column("link_post", sa.Text, nullable=False, server_default=""),
        sa.Column("error_message", sa.Text, nullable=False, server_default=""),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("is_indexed", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("completed_at", INSTANT),
        sa.Column("retry_at", INSTANT),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_worker_tasks_page", "worker_tasks", ["server_id", "service_type", "status", "seq"])
    op.create_index("ix_worker_tasks_request", "worker_tasks", ["request_id", "status"])
    op.create_index(
        "ix_worker_tasks_retry",
        "worker_tasks",
        ["retry_at"],
        sqlite_where=RETRIED,
        postgresql_where=RETRIED,
    )
    op.create_table(
        "worker_counts",
        sa.Column("server_id", sa.String(36), primary_key=True),
        sa.Column("request_id", sa.String(36), sa.ForeignKey("worker_requests.id"), primary_key=True),
        sa.Column("status", sa.String(16), primary_key=True),
        sa.Column("service_type", sa.String(16), nullable=False),
        sa.Column("tasks", sa.Integer, nullable=False),
    )
    op.create_index("ix_worker_counts_request", "worker_counts", ["request_id"])
    op.create_table(
        "upstream_links",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("upstream", sa.String(64), nullable=False),
        sa.Column("upstream_id", sa.String(255), nullable=False),
        sa.Column("retry_count", sa.Integer, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("task_id", sa.Integer, index=True),
        sa.Column("refusal", sa.Text, nullable=False, server_default=""),
        sa.Column("said", sa.String(16)),
        sa.Column("open", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.UniqueConstraint("upstream", "upstream_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_upstream_links_open", "upstream_links", ["upstream", "open", "said"])
    op.create_table(
        "upstream_reports",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("link_id", BIG, sa.ForeignKey("upstream_links.id"), nullable=False, index=True),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("refused", sa.Text),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in (
        "upstream_reports",
        "upstream_links",
        "worker_counts",
        "worker_tasks",
        "worker_requests",
        "worker_servers",
    ):
        op.drop_table(table)
