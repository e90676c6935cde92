"""Copies all that a runner knows from SQLite to PostgreSQL, for the day when one host becomes a fleet.

One transaction in the target: it has everything or, after any error, nothing. Files (library, screenshots)
stay where they are. Runs that had not ended are copied as they are; the publish fence ends them later.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DataError, IntegrityError

from runner import datadir
from runner.accounts import model as _accounts  # noqa: F401 - its tables are copied
from runner.errors import ConfigError, StoreError
from runner.fleet import model as fleet
from runner.materials import model as _materials  # noqa: F401
from runner.tasks.database import Database
from runner.tasks.misfire import FLEET
from runner.tasks.model import beats, metadata
from runner.tasks.types import LOCAL
from runner.worker_api import model as _worker_api  # noqa: F401

ROWS_AT_ONCE = 1000
OF_A_FLEET = {fleet.hosts, fleet.phones, fleet.leases, fleet.common}
"""What says who runs now: empty in SQLite, and left alone in the target."""


class Copied(NamedTuple):
    rows: dict[str, int]
    """By table."""
    changed_texts: int
    """Texts with a NUL character, which PostgreSQL can't keep: they have U+2400 (␀) in its place."""
    set_aside: Path | None
    """The source's new name, under which no runner starts its tasks a second time; None when another program
    held the file open, so that it kept its name."""


def copy(source: Path, target: str) -> Copied:
    """Copy the SQLite file of a data directory to the empty PostgreSQL database at this URL.

    Both schemas are brought up to date first. Raises ConfigError when the target is another kind of database,
    and StoreError when the source is in use, when the target has something already or can't keep something.
    """
    if not target.startswith(("postgresql", "postgres:")):
        raise ConfigError(
            "The target is not a PostgreSQL database.", remedy="Write postgresql://user:password@host/name."
        )
    if not source.is_file():
        raise StoreError(f"There is no database {source}.", remedy="Name it with --from or --data-dir.")
    lock = datadir.hold(source.parent)
    try:
        rows, changed = _copied(f"sqlite:///{source.absolute().as_posix()}", target)
        return Copied(rows, changed, _set_aside(source))
    finally:
        lock.release()


def _copied(source: str, target: str) -> tuple[dict[str, int], int]:
    with (
        closing(Database(source)) as here,
        closing(Database(target)) as there,
        here.read() as reading,
        there.write() as writing,
    ):
        return _copy_all(reading, writing, there.name)


def _copy_all(reading: Connection, writing: Connection, name: str) -> tuple[dict[str, int], int]:
    tables = [table for table in metadata.sorted_tables if table not in OF_A_FLEET]
    names = ", ".join(table.name for table in tables)
    writing.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    if filled := [table.name for table in tables if table is not beats and _count(writing, table)]:
        raise StoreError(
            f"The database {name} is not empty: it has rows in {', '.join(filled)}.",
            remedy="Name an empty one; nothing was changed in it.",
        )
    writing.execute(delete(beats))
    changed = sum(_copy(reading, writing, table) for table in tables)
    rows = {table.name: _count(reading, table) for table in tables}
    for table in tables:
        if (arrived := _count(writing, table)) != rows[table.name]:
            raise StoreError(f"Of {rows[table.name]} rows of {table.name} only {arrived} arrived.")
        _follow_ids(reading, writing, table)
    # What became late while one host became a fleet is late for the fleet.
    writing.execute(update(beats).where(beats.c.name == LOCAL).values(name=FLEET))
    return rows, changed


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    """Copy the rows; how many texts had to be changed."""
    changed = 0
    rows = reading.execution_options(yield_per=ROWS_AT_ONCE).execute(
        select(table).order_by(*table.primary_key)
    )
    for part in rows.mappings().partitions():
        values = [dict(row) for row in part]
        changed += sum(map(_without_nul, values))
        try:
            writing.execute(insert(table), values)
        except (DataError, IntegrityError) as error:
            raise StoreError(
                f"PostgreSQL can't keep a row of {table.name}: {error.orig}.",
                remedy="Nothing was copied. Repair or delete that row, then copy again.",
            ) from error
    return changed


def _without_nul(row: dict[str, Any]) -> int:
    bad = {name: value for name, value in row.items() if isinstance(value, str) and "\0" in value}
    row.update({name: value.replace("\0", "␀") for name, value in bad.items()})
    return len(bad)


def _follow_ids(reading: Connection, writing: Connection, table: Table) -> None:
    """Let new rows get ids that were never used, not even by rows that were deleted since."""
    column = table.autoincrement_column
    if column is None:
        return
    highest = reading.scalar(select(func.max(column))) or 0
    given = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    last = max(highest, reading.scalar(given, {"table": table.name}) or 0)
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    writing.execute(select(func.setval(sequence, max(last, 1), last > 0)))


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _set_aside(source: Path) -> Path | None:
    if source.with_name(
        f"{source.name}-wal"
    ).exists():  # another program has it open, and part of it is there
        return None
    aside = source.with_name(f"{source.stem}-copied-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{source.suffix}")
    try:
        return source.rename(aside)
    except OSError:
        return None
