"""Alembic runs this file for every command; the connection is handed in by `runner.migrations.config`."""

from __future__ import annotations

from alembic import context

from runner.accounts import model as _account_tables  # noqa: F401 - they are on the same metadata
from runner.fleet import model as _fleet_tables  # noqa: F401 - they are on the same metadata
from runner.materials import model as _material_tables  # noqa: F401 - they are on the same metadata
from runner.migrations import VERSION_TABLE
from runner.tasks.model import metadata
from runner.worker_api import model as _worker_tables  # noqa: F401 - they are on the same metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite can't alter a table in place
)
with context.begin_transaction():
    context.run_migrations()
