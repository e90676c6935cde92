"""The schema's history, by Alembic. Every table since the first is here, and ships in the wheel.

A new revision: add `versions/NNNN_what.py`, set HEAD, keep `runner.tasks.model` equal (a test compares them).
Alembic is imported only when there is something to migrate, because importing it takes a quarter of a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

HEAD = "0050"
VERSION_TABLE = "runner_revision"
"""Not Alembic's default name, so that another program may live in the same PostgreSQL database."""


def is_known(revision: str) -> bool:
    """Whether this version of the runner can bring a database at `revision` up to HEAD."""
    from alembic.script import ScriptDirectory

    revisions = ScriptDirectory.from_config(config()).walk_revisions()
    return any(script.revision == revision for script in revisions)


def migrate(connection: Connection) -> None:
    """Bring the schema up to HEAD within the connection's open transaction."""
    from alembic import command

    command.upgrade(config(connection), HEAD)


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, made in memory: there is no alembic.ini."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
