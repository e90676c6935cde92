"""Every query of the served side. The rows are the truth: who changes a status does it here, in one
transaction that holds the rows it looks at.

Rows are always locked in the same order (servers, then tasks by seq, then counts by key), so that two
transactions never wait for each other in a circle.
"""

from __future__ import annotations

import heapq
import math
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from runner.errors import InvalidRequest, NotFound
from runner.tasks.database import Database
from runner.worker_api import model
from runner.worker_api.bookmarks import Bookmarks
from runner.worker_api.flow import UNENDED, WAITING, ServiceType, WorkerStatus, may_become
from runner.worker_api.keys import is_key, key_hash, new_key, server_of
from runner.worker_api.sealing import Seal
from runner.worker_api.types import (
    ItemError,
    NewRequest,
    NewServer,
    NewWorkerTask,
    Request,
    RequestPage,
    Server,
    ServerTasks,
    TaskQuery,
    Update,
    WorkerTask,
    WorkerTaskPage,
)

log = structlog.get_logger(__name__)

_SERVER = [model.servers.c[field.name] for field in fields(Server)]
_OF_REQUEST = {
    "request_name": model.requests.c.name,
    "request_website": model.requests.c.website,
    "type_request": model.requests.c.type_request,
}
_TASK = [
    _OF_REQUEST[field.name].label(field.name) if field.name in _OF_REQUEST else model.tasks.c[field.name]
    for field in fields(WorkerTask)
]
_CHANGING = (
    "status",
    "link_profile",
    "link_post",
    "error_message",
    "note",
    "is_indexed",
    "started_at",
    "completed_at",
    "retry_at",
    "retry_count",
    "sealed_password",
)
"""The columns that change with a task's status or by a worker's word."""
_AT_ONCE = 20_000
"""Rows that one round of sharing out or retrying takes; SQLite takes 32,766 values in one statement."""

_ADD_COUNT = text(
    "INSERT INTO worker_counts (server_id, request_id, status, service_type, tasks) "
    "VALUES (:server_id, :request_id, :status, :service_type, :tasks) "
    "ON CONFLICT (server_id, request_id, status) DO UPDATE SET tasks = worker_counts.tasks + excluded.tasks"
)


class WorkerStore:
    """Thread-safe. All methods raise StoreError when the database can't be used."""

    def __init__(self, database: Database, *, retry_delay: timedelta = timedelta(seconds=60)) -> None:
        """A failed task that may be retried waits `retry_delay` before it is pending again."""
        self._database = database
        self._retry_delay = retry_delay
        self._bookmarks = Bookmarks()

    # -- servers

    def add_server(self, name: str, max_tasks: int, now: datetime) -> NewServer:
        """Raises InvalidRequest when the name is taken."""
        server = Server(str(uuid.uuid4()), name, max_tasks, now, now, None, {})
        key = new_key(server.id)
        try:
            with self._database.write() as connection:
                values = asdict(server) | {"key_hash": key_hash(key)}
                connection.execute(insert(model.servers).values(values))
        except IntegrityError:
            raise InvalidRequest(
                f'There is a server "{name}" already.',
                field="name",
                value=name,
                remedy=f"`runner servers rotate {name}` gives it a new key.",
            ) from None
        log.info("worker server added", server=name)
        return NewServer(server, key)

    def rotate(self, name: str, now: datetime) -> NewServer:
        """A new key; the old one is refused from now on. Brings a revoked server back. Raises NotFound."""
        with self._database.write() as connection:
            server = _server_named(connection, name)
            key = new_key(server.id)
            values = {"key_hash": key_hash(key), "revoked_at": None, "seen_at": now}
            connection.execute(update(model.servers).where(model.servers.c.id == server.id).values(values))
        log.info("worker server has a new key", server=name)
        return NewServer(server, key)

    def revoke(self, name: str, now: datetime) -> Server:
        """Its key is refused from now on. Raises NotFound."""
        with self._database.write() as connection:
            server = _server_named(connection, name)
            mine = update(model.servers).where(model.servers.c.id == server.id)
            connection.execute(mine.values(revoked_at=now))
        log.info("worker server revoked", server=name)
        return server

    def registered(self) -> list[Server]:
        with self._database.read() as connection:
            return _servers(connection)

    def servers(self) -> list[ServerTasks]:
        """All of them by name, with their tasks by status."""
        table = model.counts
        by_server = select(table.c.server_id, table.c.status, func.sum(table.c.tasks))
        with self._database.read() as connection:
            rows = connection.execute(select(*_SERVER).order_by(model.servers.c.name)).all()
            sums = connection.execute(by_server.group_by(table.c.server_id, table.c.status)).all()
        counts: dict[str, dict[WorkerStatus, int]] = {row.id: dict.fromkeys(WorkerStatus, 0) for row in rows}
        for server_id, status, number in sums:
            if server_id:
                counts[server_id][WorkerStatus(status)] = int(number)
        return [ServerTasks(Server(**row._mapping), counts[row.id]) for row in rows]

    def authenticate(self, key: str) -> Server | None:
        """The server whose key this is, unless it was revoked."""
        servers = model.servers
        mine = select(*_SERVER, servers.c.key_hash).where(servers.c.id == server_of(key))
        with self._database.read() as connection:
            row = connection.execute(mine).one_or_none()
        if row is None:
            is_key(key, key_hash(""))  # takes the same time
            return None
        *columns, stored = row
        return Server(*columns) if is_key(key, stored) and row.revoked_at is None else None

    def seen(self, server_id: str, now: datetime, health: Mapping[str, Any] | None = None) -> None:
        """Note a sign of life, and what a heartbeat said."""
        values = {"seen_at": now} | ({} if health is None else {"health": health})
        with self._database.write() as connection:
            connection.execute(update(model.servers).where(model.servers.c.id == server_id).values(values))

    # -- requests

    def create_request(self, new: NewRequest, seal: Seal, now: datetime) -> str:
        """The request with its tasks, all or nothing; its id. Tasks that name no server have none yet.

        Raises InvalidRequest for a server that doesn't exist.
        """
        request_id = str(uuid.uuid4())
        with self._database.write() as connection:
            named = _ids_of_servers(connection, new.tasks)
            connection.execute(
                insert(model.requests).values(
                    id=request_id,
                    name=new.name,
                    website=new.website,
                    type_request=new.type_request,
                    service_type=new.service_type,
                    created_at=now,
                )
            )
            rows: list[dict[str, Any]] = [
                {
                    "id": str(uuid.uuid4()),
                    "request_id": request_id,
                    "server_id": named[task.server] if task.server else None,
                    "named": bool(task.server),
                    "service_type": new.service_type,
                    "status": WorkerStatus.PENDING,
                    "site_name": task.site_name,
                    "email": task.email,
                    "username": task.username,
                    "sealed_password": seal.seal(task.password),
                    "about": task.about,
                    "config": task.config,
                    "auction_price": task.auction_price,
                    "max_retries": task.max_retries,
                    "created_at": now,
                }
                for task in new.tasks
            ]
            connection.execute(insert(model.tasks), rows)
            changes = _CountChanges()
            for row in rows:
                changes.count(row["server_id"], request_id, new.service_type, WorkerStatus.PENDING, 1)
            changes.write(connection)
        log.info("worker request created", request=request_id, tasks=len(rows))
        return request_id

    def requests(self, page: int, limit: int) -> RequestPage:
        """Newest first, with their tasks by status."""
        table = model.requests
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(table)) or 0
            rows = connection.execute(
                select(table)
                .order_by(table.c.created_at.desc(), table.c.id)
                .limit(limit)
                .offset((page - 1) * limit)
            ).all()
            sums = connection.execute(
                select(model.counts.c.request_id, model.counts.c.status, func.sum(model.counts.c.tasks))
                .where(model.counts.c.request_id.in_([row.id for row in rows]))
                .group_by(model.counts.c.request_id, model.counts.c.status)
            )
            counts: dict[str, dict[WorkerStatus, int]] = {
                row.id: dict.fromkeys(WorkerStatus, 0) for row in rows
            }
            for request_id, status, number in sums:
                counts[request_id][WorkerStatus(status)] = int(number)
        return RequestPage([_request(row, counts[row.id]) for row in rows], total)

    def cancel_request(self, request_id: str, now: datetime) -> int:
        """Cancel those of its tasks that have not ended (how many), and retry none. Raises NotFound."""
        tasks = model.tasks
        with self._database.write() as connection:
            if (
                connection.scalar(select(model.requests.c.id).where(model.requests.c.id == request_id))
                is None
            ):
                raise NotFound(f"There is no request {request_id}.")
            unended = tasks.c.status.in_(UNENDED) | tasks.c.retry_at.is_not(None)
            rows = _held(connection, tasks.c.request_id == request_id, unended)
            canceled = 0
            changed = _Changed(connection, now, self._retry_delay)
            for row in rows:
                row["retry_at"] = None
                ended = row["status"] == WorkerStatus.FAILED
                status = WorkerStatus.FAILED if ended else WorkerStatus.CANCELED
                changed.apply(row, status, cause="by the administrator")
                canceled += not ended
            changed.write()
        changed.tell()
        return canceled

    # -- a server's tasks

    def tasks(self, server_id: str, query: TaskQuery) -> WorkerTaskPage:
        """One page. Raises InvalidRequest for a cursor that is not one of this server's tasks.

        A walk by cursor sees each task once whatever happens to their status in between; so does a walk by
        page that starts at page 1.
        """
        walk = (server_id, query.statuses, query.service_type, query.limit)
        offset = 0
        with self._database.read() as connection:
            total, types = _total(connection, server_id, query)
            if query.after:
                start = _place(connection, server_id, query.after)
            elif query.page == 1:
                start = 0
            else:
                marked = self._bookmarks.start_of(walk, query.page)
                start = marked or 0
                offset = 0 if marked is not None else (query.page - 1) * query.limit
            rows = _page(connection, server_id, query, types, start, offset) if types else []
        shown = rows[: query.limit]
        if shown and not query.after:
            self._bookmarks.ended(walk, query.page, shown[-1].seq)
        tasks = [_task(row) for row in shown]
        return WorkerTaskPage(tasks, total, tasks[-1].id if len(rows) > query.limit else None)

    def update(self, server: Server, updates: Sequence[Update], now: datetime) -> list[ItemError | None]:
        """Make each update that can be made, in order; per update None, or why not."""
        with self._database.write() as connection:
            rows = {
                row["id"]: row
                for row in _held(connection, model.tasks.c.id.in_({one.task_id for one in updates}))
            }
            changed = _Changed(connection, now, self._retry_delay)
            results: list[ItemError | None] = []
            for one in updates:
                row = rows.get(one.task_id)
                refusal = _refusal(server, row, one.status)
                if row is not None and refusal is None:
                    row.update(one.values)
                    changed.apply(row, one.status or row["status"], cause=f"by {server.name}")
                results.append(refusal)
            changed.write()
        changed.tell()
        return results

    def complete(
        self, server: Server, task_id: str, values: Mapping[str, Any], now: datetime
    ) -> ItemError | None:
        """A worker that says only this one thing: a task that it did not say to run is taken as run."""
        with self._database.write() as connection:
            row = next(iter(_held(connection, model.tasks.c.id == task_id)), None)
            waiting = row is not None and row["status"] in WAITING
            step = WorkerStatus.RUNNING if waiting else WorkerStatus.COMPLETED
            refusal = _refusal(server, row, step)
            changed = _Changed(connection, now, self._retry_delay)
            if row is not None and refusal is None:
                row.update(values)
                if waiting:
                    changed.apply(row, WorkerStatus.RUNNING, cause=f"by {server.name}")
                changed.apply(row, WorkerStatus.COMPLETED, cause=f"by {server.name}")
            changed.write()
        changed.tell()
        return refusal

    # -- on the clock

    def retry_due(self, now: datetime) -> int:
        """Failed tasks whose time has come are pending again; how many."""
        due = model.tasks.c.retry_at <= now
        with self._database.read() as connection:
            if not connection.scalar(select(exists().where(due))):
                return 0
        with self._database.write() as connection:
            rows = _held(connection, due, limit=_AT_ONCE)
            changed = _Changed(connection, now, self._retry_delay)
            for row in rows:
                changed.apply(row, WorkerStatus.PENDING, cause="retry")
            changed.write()
        changed.tell()
        return len(rows)

    def share_out(self, *, online_since: datetime, silent_before: datetime) -> int:
        """Give waiting tasks without a server, and those of silent or revoked ones, to servers with room.

        A server is online when it was seen since `online_since`, and silent when it was not since
        `silent_before`. A task whose server was named stays with it unless that was revoked. A task for which
        nobody has room stays where it is. How many were given.
        """
        with self._database.read() as connection:
            silent, _ = _by_presence(connection, online_since, silent_before)
            if not _homeless(connection, silent, limit=1):
                return 0
        changes = _CountChanges()
        given = 0
        with self._database.write() as connection:
            silent, online = _by_presence(connection, online_since, silent_before, hold=True)
            loads = _loads(connection)
            room = sum(_room(server, loads[server.id]) for server in online)
            seqs = _homeless(connection, silent, limit=int(min(room, _AT_ONCE)))
            # Before they were ours somebody else may have begun one of them.
            rows = _held(connection, model.tasks.c.seq.in_(seqs), model.tasks.c.status.in_(WAITING))
            for server_id, share in _shares(rows, online, loads).items():
                for row in share:
                    changes.count(row["server_id"], row["request_id"], row["service_type"], row["status"], -1)
                    changes.count(server_id, row["request_id"], row["service_type"], WorkerStatus.PENDING, 1)
                values = {"server_id": server_id, "status": WorkerStatus.PENDING, "named": False}
                mine = update(model.tasks).where(model.tasks.c.seq.in_([row["seq"] for row in share]))
                connection.execute(mine.values(values))
                given += len(share)
            changes.write(connection)
        if given:
            log.info("worker tasks shared out", tasks=given, servers=len(online))
        return given

    def forget_empty_counts(self) -> None:
        with self._database.write() as connection:
            connection.execute(delete(model.counts).where(model.counts.c.tasks == 0))


class _CountChanges:
    """What a transaction changes in `worker_counts`."""

    def __init__(self) -> None:
        self._changes: Counter[tuple[str, str, str, str]] = Counter()

    def count(self, server_id: str | None, request_id: str, service_type: str, status: str, by: int) -> None:
        self._changes[server_id or "", request_id, status, service_type] += by

    def write(self, connection: Connection) -> None:
        names = ("server_id", "request_id", "status", "service_type", "tasks")
        rows = [dict(zip(names, (*key, by), strict=True)) for key, by in sorted(self._changes.items()) if by]
        if rows:
            connection.execute(_ADD_COUNT, rows)


class _Changed:
    """Task rows that one transaction changes: first in memory, then written at once."""

    def __init__(self, connection: Connection, now: datetime, retry_delay: timedelta) -> None:
        self._connection = connection
        self._now = now
        self._retry_delay = retry_delay
        self._rows: dict[int, dict[str, Any]] = {}
        self._counts = _CountChanges()
        self._lines: list[dict[str, Any]] = []

    def apply(self, row: dict[str, Any], status: WorkerStatus, *, cause: str) -> None:
        """Let the row, which is held, become `status`; the caller has checked that it may."""
        self._rows[row["seq"]] = row
        before, row["status"] = row["status"], status
        if status != before:
            self._stamp(row)
            key = row["server_id"], row["request_id"], row["service_type"]
            self._counts.count(*key, before, -1)
            self._counts.count(*key, status, 1)
            line = {"worker_task": row["id"], "source": str(before), "target": status.value, "cause": cause}
            self._lines.append(line)
        if status not in UNENDED and row["retry_at"] is None:
            row["sealed_password"] = ""  # nobody will need it any more

    def _stamp(self, row: dict[str, Any]) -> None:
        row["retry_at"] = None
        match row["status"]:
            case WorkerStatus.RUNNING:
                row["started_at"] = self._now
            case WorkerStatus.COMPLETED:
                row["completed_at"] = self._now
            case WorkerStatus.FAILED:
                row["completed_at"] = self._now
                if row["retry_count"] < row["max_retries"]:
                    row["retry_at"] = self._now + self._retry_delay
            case WorkerStatus.PENDING:  # a retry
                row["retry_count"] += 1
                row["started_at"] = row["completed_at"] = None

    def write(self) -> None:
        if self._rows:
            values: dict[str, Any] = {name: bindparam(name) for name in _CHANGING}
            write = update(model.tasks).where(model.tasks.c.seq == bindparam("held")).values(values)
            self._connection.execute(
                write,
                [{name: row[name] for name in _CHANGING} | {"held": seq} for seq, row in self._rows.items()],
            )
        self._counts.write(self._connection)

    def tell(self) -> None:
        """Log what is committed now."""
        for line in self._lines:
            log.info("worker task changed", **line)


def _refusal(server: Server, row: Mapping[str, Any] | None, wanted: WorkerStatus | None) -> ItemError | None:
    if row is None:
        return ItemError.NOT_FOUND
    if row["server_id"] != server.id:
        return ItemError.NOT_YOURS
    if wanted is not None and not may_become(WorkerStatus(row["status"]), wanted):
        return ItemError.INVALID_TRANSITION
    return None


def _held(
    connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None
) -> list[dict[str, Any]]:
    """These rows in the order of seq, locked until the transaction ends (on SQLite the writer is alone)."""
    tasks = model.tasks
    columns = ("seq", "id", "server_id", "request_id", "service_type", "max_retries", *_CHANGING)
    wanted = select(*(tasks.c[name] for name in columns)).where(*conditions).order_by(tasks.c.seq)
    return [dict(row._mapping) for row in connection.execute(wanted.limit(limit).with_for_update())]


def _server_named(connection: Connection, name: str) -> Server:
    row = connection.execute(select(*_SERVER).where(model.servers.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(
            f'There is no worker server "{name}".', remedy="`runner servers list` shows those that exist."
        )
    return Server(**row._mapping)


def _ids_of_servers(connection: Connection, tasks: Iterable[NewWorkerTask]) -> dict[str, str]:
    names = sorted({task.server for task in tasks if task.server})
    servers = model.servers
    usable = select(servers.c.name, servers.c.id).where(servers.c.revoked_at.is_(None))
    ids = dict(connection.execute(usable.where(servers.c.name.in_(names))).all())
    if missing := [name for name in names if name not in ids]:
        raise InvalidRequest(
            f"server: no such worker server: {', '.join(missing)}.",
            field="server",
            value=missing,
            remedy="`runner servers list` shows those that exist.",
        )
    return ids


def _request(row: Row[Any], counts: dict[WorkerStatus, int]) -> Request:
    values = dict(row._mapping) | {"service_type": ServiceType(row.service_type), "counts": counts}
    return Request(**values)


def _total(connection: Connection, server_id: str, query: TaskQuery) -> tuple[int, list[str]]:
    """How many tasks match, and which service types the server has."""
    counts = model.counts
    conditions = [counts.c.server_id == server_id]
    if query.service_type:
        conditions.append(counts.c.service_type == query.service_type)
    grouped = select(counts.c.service_type, counts.c.status, func.sum(counts.c.tasks)).where(*conditions)
    total = 0
    types = set()
    for service_type, status, number in connection.execute(
        grouped.group_by(counts.c.service_type, counts.c.status)
    ):
        types.add(service_type)
        total += int(number) if status in query.statuses else 0
    return total, sorted(types)


def _place(connection: Connection, server_id: str, task_id: str) -> int:
    tasks = model.tasks
    mine = select(tasks.c.seq).where(tasks.c.id == task_id, tasks.c.server_id == server_id)
    place = connection.scalar(mine)
    if place is None:
        raise InvalidRequest(
            f'after: "{task_id}" is not the id of one of your tasks.',
            field="after",
            value=task_id,
            remedy="Start again without it.",
        )
    return int(place)


def _page(
    connection: Connection, server_id: str, query: TaskQuery, types: Sequence[str], start: int, offset: int
) -> Sequence[Row[Any]]:
    """The page's rows and one more, if there is one.

    One statement, so that a task whose status changes meanwhile is neither missed nor seen twice: for each
    type and status the first few of the index, merged by seq.
    """
    tasks = model.tasks
    parts = [
        select(tasks.c.seq)
        .where(
            tasks.c.server_id == server_id,
            tasks.c.service_type == service_type,
            tasks.c.status == status,
            tasks.c.seq > start,
        )
        .order_by(tasks.c.seq)
        .limit(offset + query.limit + 1)
        .subquery()
        for service_type in types
        for status in query.statuses
    ]
    merged = union_all(*(select(part.c.seq) for part in parts)).subquery()
    places = select(merged.c.seq).order_by(merged.c.seq).offset(offset).limit(query.limit + 1).subquery()
    return connection.execute(
        select(tasks.c.seq, *_TASK)
        .join(places, places.c.seq == tasks.c.seq)
        .join(model.requests, model.requests.c.id == tasks.c.request_id)
        .order_by(tasks.c.seq)
    ).all()


def _task(row: Row[Any]) -> WorkerTask:
    values = dict(row._mapping)
    del values["seq"]
    values["status"] = WorkerStatus(row.status)
    values["service_type"] = ServiceType(row.service_type)
    return WorkerTask(**values)


# Sharing out


def _servers(connection: Connection, *, hold: bool = False) -> list[Server]:
    wanted = select(*_SERVER).order_by(model.servers.c.id)
    rows = connection.execute(wanted.with_for_update(key_share=True) if hold else wanted)
    return [Server(**row._mapping) for row in rows]


def _by_presence(
    connection: Connection, online_since: datetime, silent_before: datetime, *, hold: bool = False
) -> tuple[list[Server], list[Server]]:
    """(servers that are silent or revoked, servers that are online)."""
    servers = _servers(connection, hold=hold)
    silent = [one for one in servers if one.revoked_at or one.seen_at < silent_before]
    return silent, [one for one in servers if not one.revoked_at and one.seen_at >= online_since]


def _homeless(connection: Connection, silent: Iterable[Server], *, limit: int) -> Sequence[int]:
    """The oldest waiting tasks that need another server, by seq."""
    tasks, counts = model.tasks, model.counts
    revoked = {server.id: server.revoked_at is not None for server in silent}
    waiting = (
        select(counts.c.server_id, counts.c.service_type, counts.c.status)
        .where(counts.c.server_id.in_(["", *revoked]), counts.c.status.in_(WAITING), counts.c.tasks > 0)
        .distinct()
    )
    parts = []
    for server_id, service_type, status in connection.execute(waiting).all():
        part = select(tasks.c.seq).where(
            tasks.c.server_id == (server_id or None),
            tasks.c.service_type == service_type,
            tasks.c.status == status,
        )
        if server_id and not revoked[server_id]:
            part = part.where(tasks.c.named.is_(False))
        parts.append(part.order_by(tasks.c.seq).limit(limit).subquery())
    if not parts:
        return []
    merged = union_all(*(select(part.c.seq) for part in parts)).subquery()
    return connection.scalars(select(merged.c.seq).order_by(merged.c.seq).limit(limit)).all()


def _loads(connection: Connection) -> Counter[str]:
    counts = model.counts
    unended = select(counts.c.server_id, func.sum(counts.c.tasks)).where(counts.c.status.in_(UNENDED))
    return Counter(
        {server_id: int(load) for server_id, load in connection.execute(unended.group_by(counts.c.server_id))}
    )


def _room(server: Server, load: int) -> float:
    return max(0, server.max_tasks - load) if server.max_tasks else math.inf


def _shares(
    rows: Iterable[dict[str, Any]], online: Iterable[Server], loads: Mapping[str, int]
) -> dict[str, list[dict[str, Any]]]:
    """Each row to the server that has the fewest tasks, among those with room."""
    queue = [(loads[server.id], server.id, _room(server, loads[server.id])) for server in online]
    heapq.heapify(queue)
    shares: dict[str, list[dict[str, Any]]] = {server.id: [] for server in online}
    for row in rows:
        while queue and queue[0][2] <= 0:
            heapq.heappop(queue)
        if not queue:
            break
        load, server_id, room = queue[0]
        shares[server_id].append(row)
        heapq.heapreplace(queue, (load + 1, server_id, room - 1))
    return {server_id: share for server_id, share in shares.items() if share}
