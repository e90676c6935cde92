"""Every query about materials: the library's rows, who takes which file, and whose turn it is in a list.

Taking happens in the transaction that proves the run, one at a time over all threads, processes and hosts.
Files themselves are not touched here.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from runner.errors import InvalidRequest, NotFound
from runner.materials import model
from runner.materials.media import Kind, Media
from runner.materials.types import (
    Added,
    Changes,
    Details,
    Filter,
    Item,
    LocalFile,
    Page,
    State,
    Tag,
)
from runner.tasks.database import Database
from runner.tasks.store import Store
from runner.tasks.types import Run

log = structlog.get_logger(__name__)

_ITEM = [model.materials.c[field.name] for field in fields(Item) if field.name != "tags"]
_CLAIM_LOCK = 50810
"""Of PostgreSQL; SQLite has one writer anyway."""
_AT_ONCE = 100
"""Rows fetched at once where usually the first few will do."""

Usable = Callable[[Item], bool]
Known = dict[str, list[tuple[Item, int]]]
"""Local files by path: each version with the modification time (ns) at which it was read."""


class MaterialStore:
    """Thread-safe; every method is one transaction. All raise StoreError when the database can't be used."""

    def __init__(self, database: Database, tasks: Store) -> None:
        self._database = database
        self._tasks = tasks

    # -- the library

    def add(self, sha256: str, name: str, media: Media, details: Details, now: datetime) -> Added:
        """A file of the library; the one that is there when the content is there already."""
        values = asdict(media) | asdict(details)
        tags = values.pop("tags")
        values |= {"source": "library", "identity": sha256, "sha256": sha256, "name": name, "created_at": now}
        try:
            with self._database.write() as connection:
                added = insert(model.materials).values(values).returning(model.materials.c.id)
                item_id = connection.scalars(added).one()
                _tag(connection, item_id, tags)
                item = _item_of(connection, item_id)
        except IntegrityError:
            existing = self.by_content(sha256)
            if existing is None:
                raise
            return Added(existing, created=False)
        log.info("material added", material=item.id, name=name)
        return Added(item, created=True)

    def item(self, item_id: int) -> Item:
        """Raises NotFound."""
        with self._database.read() as connection:
            return _item_of(connection, item_id)

    def by_content(self, sha256: str) -> Item | None:
        table = model.materials
        with self._database.read() as connection:
            found = connection.scalar(select(table.c.id).where(table.c.identity == sha256))
            return None if found is None else _item_of(connection, found)

    def list(self, criteria: Filter) -> Page:
        """Newest first."""
        table = model.materials
        matches = [table.c.source == criteria.source]
        wanted = {"kind": criteria.kind, "state": criteria.state, "username": criteria.username}
        matches += [table.c[name] == value for name, value in wanted.items() if value is not None]
        matches += _with_any(criteria.tags)
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(table).where(*matches)) or 0
            rows = connection.execute(
                select(*_ITEM)
                .where(*matches)
                .order_by(table.c.id.desc())
                .limit(criteria.page_size)
                .offset((criteria.page - 1) * criteria.page_size)
            ).all()
            items = _tagged(connection, [_item(row) for row in rows])
        return Page(items, total, criteria.page, criteria.page_size)

    def tags(self) -> Sequence[Tag]:
        """By name."""
        table = model.materials
        unused = func.sum(case((table.c.state == State.UNUSED, 1), else_=0))
        counted = (
            select(model.tags.c.tag, func.count(), unused)
            .join_from(model.tags, table)
            .group_by(model.tags.c.tag)
            .order_by(model.tags.c.tag)
        )
        with self._database.read() as connection:
            return [Tag(name, number, int(free)) for name, number, free in connection.execute(counted)]

    def edit(self, item_id: int, changes: Changes) -> Item:
        """Raises NotFound, InvalidRequest for a local file, which is described by its folder."""
        values: dict[str, Any] = {
            name: value
            for name in ("caption", "username", "sort_number")
            if (value := getattr(changes, name)) is not None
        }
        if changes.clear_sort_number:
            values["sort_number"] = None
        with self._database.write() as connection:
            item = _of_library(connection, item_id)
            if values:
                mine = update(model.materials).where(model.materials.c.id == item_id)
                connection.execute(mine.values(values))
            tags = item.tags if changes.tags is None else changes.tags
            kept = [tag for tag in (*tags, *changes.add_tags) if tag not in changes.remove_tags]
            connection.execute(delete(model.tags).where(model.tags.c.material_id == item_id))
            _tag(connection, item_id, kept)
            return _item_of(connection, item_id)

    def drop_tag(self, tag: str) -> int:
        """Take the tag off every file; off how many."""
        with self._database.write() as connection:
            return connection.execute(delete(model.tags).where(model.tags.c.tag == tag)).rowcount

    def remove(self, item_id: int) -> Item:
        """Delete the row. Raises NotFound, InvalidRequest while a task has the file."""
        with self._database.write() as connection:
            _one_at_a_time(connection)
            item = _of_library(connection, item_id)
            if item.state is State.CLAIMED:
                raise InvalidRequest(
                    f"Material {item_id} is in use by task {item.task_id}.",
                    field="material_id",
                    value=item_id,
                    remedy="Wait until the task has ended, or stop it.",
                )
            connection.execute(delete(model.materials).where(model.materials.c.id == item_id))
        log.info("material deleted", material=item_id, name=item.name)
        return item

    def contents(self) -> set[str]:
        """SHA-256 of every file of the library."""
        table = model.materials
        with self._database.read() as connection:
            return set(connection.scalars(select(table.c.sha256).where(table.c.source == "library")))

    # -- what there is to take

    def could_take(
        self, kind: Kind, tags: Sequence[str], username: str, usable: Usable, *, enough: int
    ) -> int:
        """How many files of the library are there for the account, now or when others release them.

        Counts up to `enough`.
        """
        there = _choice(kind, tags, username).where(model.materials.c.state != State.USED)
        with self._database.read() as connection:
            return len(_first(connection, there, usable, enough))

    def census(self, kind: Kind, tags: Sequence[str], username: str) -> Counter[State]:
        """The library's files for the account, by state."""
        found = _choice(kind, tags, username).with_only_columns(model.materials.c.state, func.count())
        with self._database.read() as connection:
            rows = connection.execute(found.group_by(model.materials.c.state))
            return Counter({State(state): number for state, number in rows})

    def known_files(self, folder: Path) -> Known:
        """Files of a local folder that tasks have looked at."""
        table = model.materials
        known: Known = defaultdict(list)
        with self._database.read() as connection:
            rows = connection.execute(
                select(*[*_ITEM, table.c.modified_ns]).where(table.c.folder == _folder_key(folder))
            )
            for row in rows:
                known[row.path].append((_item(row), row.modified_ns))
        return known

    # -- taking

    def take(self, run: Run, kind: Kind, tags: Sequence[str], count: int, usable: Usable) -> Sequence[Item]:
        """So many files of the library for this run's task; none when there are not enough. Raises LostRun.

        What the task has it keeps, what it had it gets before others do. Otherwise: its account's own files
        before those of everyone, then by sort number, then the oldest first.
        """
        table = model.materials
        username = run.task.username.casefold()
        mine = table.c.task_id == run.task.id
        order = (
            case((mine, 0), else_=1),
            case((table.c.username == username, 0), else_=1),
            table.c.sort_number.nulls_last(),
            table.c.id,
        )
        theirs = or_(table.c.state == State.UNUSED, mine)
        wanted = _choice(kind, tags, username).where(theirs).order_by(*order)
        with self._taking(run) as connection:
            items = _first(connection, wanted, usable, count)
            if len(items) < count:
                return []
            _give(connection, run, items)
        return sorted(items, key=lambda item: _rank(item, username))

    def take_files(self, run: Run, files: Sequence[LocalFile]) -> Sequence[Item]:
        """All of these local files for this run's task, or none when one is another's. Raises LostRun."""
        with self._taking(run) as connection:
            items = [_local_item(connection, file) for file in files]
            if any(item.state is not State.UNUSED and item.task_id != run.task.id for item in items):
                return []
            _give(connection, run, items)
        return items

    def turn(self, run: Run, list_name: str) -> int:
        """Which entry of a list it is the turn of: 0 for the account's first task, then 1, 2 …

        The same for every attempt of a task. `list_name` tells lists apart. Raises LostRun.
        """
        turns = model.turns
        key = hashlib.sha256(list_name.encode()).hexdigest()
        account = f"{run.task.app}:{run.task.username.casefold()}"
        with self._taking(run) as connection:
            mine = select(turns.c.number).where(turns.c.task_id == run.task.id, turns.c.list == key)
            number = connection.scalar(mine)
            if number is None:
                last = select(func.max(turns.c.number)).where(turns.c.list == key, turns.c.account == account)
                before = connection.scalar(last)
                number = 0 if before is None else before + 1
                values = {"list": key, "account": account, "number": number, "task_id": run.task.id}
                connection.execute(insert(turns).values(values))
        return int(number)

    @contextmanager
    def _taking(self, run: Run) -> Iterator[Connection]:
        with self._tasks.as_run(run) as connection:
            _one_at_a_time(connection)
            yield connection


def _one_at_a_time(connection: Connection) -> None:
    """Until the transaction's end nobody else takes or removes a file."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIM_LOCK)))


def _choice(kind: Kind, tags: Sequence[str], username: str) -> Select[Any]:
    """Files of the library that the account may have, whatever their state."""
    table = model.materials
    return select(*_ITEM).where(
        table.c.source == "library",
        table.c.kind == kind,
        table.c.username.in_(["", username.casefold()]),
        *_with_any(tags),
    )


def _with_any(tags: Sequence[str]) -> list[ColumnElement[bool]]:
    if not tags:
        return []
    return [model.materials.c.id.in_(select(model.tags.c.material_id).where(model.tags.c.tag.in_(tags)))]


def _first(connection: Connection, wanted: Select[Any], usable: Usable, count: int) -> list[Item]:
    found: list[Item] = []
    with connection.execute(wanted, execution_options={"yield_per": _AT_ONCE}) as rows:
        for row in rows:
            item = _item(row)
            if usable(item):
                found.append(item)
            if len(found) == count:
                break
    return found


def _give(connection: Connection, run: Run, items: Sequence[Item]) -> None:
    table = model.materials
    ids = [item.id for item in items if item.state is State.UNUSED]
    values = {"state": State.CLAIMED, "task_id": run.task.id, "taken_at": datetime.now(UTC)}
    free = table.c.id.in_(ids), table.c.state == State.UNUSED
    if connection.execute(update(table).where(*free).values(values)).rowcount != len(ids):
        raise RuntimeError("a material was taken by someone who does not queue for it")


def _rank(item: Item, username: str) -> tuple[bool, bool, int, int]:
    return item.username != username, item.sort_number is None, item.sort_number or 0, item.id


def _local_item(connection: Connection, file: LocalFile) -> Item:
    """The row of a local file as it is now, made when there is none."""
    table = model.materials
    identity = hashlib.sha256(f"{file.path}\0{file.sha256}".encode()).hexdigest()
    found = connection.execute(select(*_ITEM).where(table.c.identity == identity)).one_or_none()
    if found is not None:
        touched = update(table).where(table.c.identity == identity)
        connection.execute(touched.values(modified_ns=file.modified_ns))
        return _item(found)
    values = asdict(file.media) | {
        "source": "folder",
        "identity": identity,
        "sha256": file.sha256,
        "name": file.path.name,
        "path": str(file.path),
        "folder": _folder_key(file.path.parent),
        "modified_ns": file.modified_ns,
        "created_at": datetime.now(UTC),
    }
    return _item(connection.execute(insert(table).values(values).returning(*_ITEM)).one())


def _folder_key(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()


def _of_library(connection: Connection, item_id: int) -> Item:
    item = _item_of(connection, item_id)
    if item.source != "library":
        raise InvalidRequest(
            f"Material {item_id} is the local file {item.path}; the library does not keep it.",
            field="material_id",
            value=item_id,
        )
    return item


def _item_of(connection: Connection, item_id: int) -> Item:
    row = connection.execute(select(*_ITEM).where(model.materials.c.id == item_id)).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no material {item_id}.", remedy="`runner materials list` shows those that exist."
        )
    return _tagged(connection, [_item(row)])[0]


def _tagged(connection: Connection, items: Sequence[Item]) -> list[Item]:
    table = model.tags
    of: defaultdict[int, list[str]] = defaultdict(list)
    mine = select(table).where(table.c.material_id.in_([item.id for item in items]))
    for material_id, tag in connection.execute(mine.order_by(table.c.tag)):
        of[material_id].append(tag)
    return [replace(item, tags=tuple(of[item.id])) for item in items]


def _tag(connection: Connection, item_id: int, tags: Sequence[str]) -> None:
    if tags:
        rows = [{"material_id": item_id, "tag": tag} for tag in dict.fromkeys(tags)]
        connection.execute(insert(model.tags), rows)


def _item(row: Row[Any]) -> Item:
    values = {column.name: row._mapping[column.name] for column in _ITEM}
    return Item(**values | {"state": State(row.state)})
