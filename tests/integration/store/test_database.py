from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from runner.errors import StoreError
from runner.tasks.database import Database


def sqlite(path: Path) -> str:
    return f"sqlite:///{path}"


def test_sqlite_waits_for_the_disk_except_for_notes(tmp_path: Path) -> None:
    database = Database(sqlite(tmp_path / "runner.db"))

    def pragma(connection: Connection, name: str) -> object:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    # A note first: a connection that took one must not stay careless for the next write.
    with database.note() as connection:
        assert pragma(connection, "synchronous") == 1  # NORMAL
    with database.write() as connection:
        assert pragma(connection, "synchronous") == 2  # FULL
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "foreign_keys") == 1
    database.close()


def test_a_block_that_fails_writes_nothing(database_url: str) -> None:
    database = Database(database_url)

    def half_done() -> None:
        with database.write() as connection:
            connection.execute(
                text("INSERT INTO beats (name, seen_at) VALUES ('here', '2026-05-04 12:00:00')")
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM beats")) == 0
    database.close()


def test_two_processes_write_to_one_sqlite_file_in_turn(tmp_path: Path) -> None:
    file = tmp_path / "runner.db"
    database = Database(sqlite(file))
    held = threading.Event()
    release = threading.Event()

    def hold() -> None:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        held.set()
        release.wait()
        other.execute("COMMIT")
        other.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    threading.Timer(0.3, release.set).start()
    started = time.monotonic()
    with database.write() as connection:
        connection.execute(text("INSERT INTO beats (name, seen_at) VALUES ('here', '2026-05-04 12:00:00')"))
    assert 0.2 < time.monotonic() - started < 5
    other.join()
    database.close()


def test_an_open_database_needs_no_alembic(tmp_path: Path) -> None:
    """Importing it takes a fifth of what the service may take to start."""
    url = sqlite(tmp_path / "runner.db")
    Database(url).close()
    check = (
        "import sys; from runner.tasks.database import Database; Database(sys.argv[1]).close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check, url], check=True)


def test_a_schema_of_a_newer_runner_is_refused_with_a_remedy(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as connection:
        connection.execute(text("UPDATE runner_revision SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreError, match="schema 9999") as refusal:
        Database(database_url)
    assert "newer" in refusal.value.remedy


def test_tables_of_another_program_are_not_touched(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as connection:
        connection.execute(text("DROP TABLE runner_revision"))
    database.close()
    with pytest.raises(StoreError, match=r"not the runner's: .*tasks"):
        Database(database_url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "can't be read"),
        ("sqlite:////no/such/folder/runner.db", "unable to open"),
        ("postgresql://anna:secret@127.0.0.1:1/runner", "127.0.0.1"),
        ("oracle://here/runner", "driver"),
    ],
)
def test_a_database_that_can_not_be_used_is_told_without_its_password(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as refusal:
        Database(url)
    assert refusal.value.remedy
    assert "secret" not in str(refusal.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "runner.db"
    file.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Database(sqlite(file))
