from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from runner import migrations
from runner.tasks.database import Database
from runner.tasks.model import metadata


def test_head_is_the_newest_revision_and_there_is_one_line_of_them() -> None:
    scripts = ScriptDirectory.from_config(migrations.config())
    assert scripts.get_heads() == [migrations.HEAD]


def test_the_migrated_schema_is_the_one_in_the_model(database_url: str) -> None:
    database = Database(database_url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrations.VERSION_TABLE})
        differences = compare_metadata(context, metadata)
    database.close()
    assert differences == []


def test_every_revision_can_be_undone(database_url: str) -> None:
    from alembic import command

    database = Database(database_url)
    with database.write() as connection:
        command.downgrade(migrations.config(connection), "base")
    with database.read() as connection:
        assert inspect(connection).get_table_names() == [migrations.VERSION_TABLE]
    database.close()
    Database(database_url).close()  # and made again


def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    together = threading.Barrier(4)

    def open_it(_: int) -> None:
        together.wait()
        Database(database_url).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_it, range(4)))


def test_the_wheel_carries_the_migrations() -> None:
    folder = Path(migrations.__file__).parent
    assert (folder / "env.py").is_file()
    assert sorted(folder.glob("versions/*_*.py"))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "alembic")
