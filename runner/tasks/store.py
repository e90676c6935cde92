"""Every query about tasks. The row is the truth: who changes a status does it here, in one transaction.

A change names its transition (`runner.tasks.states`) and takes the row only if it still is where the
transition begins; a run's write also proves its attempt and token. Which change to make is decided elsewhere.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeVar

import structlog
from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from runner.accounts import marks
from runner.accounts.types import SeenAccount
from runner.errors import InvalidRequest, LostRun
from runner.materials import claims
from runner.tasks import model, states
from runner.tasks.database import Database
from runner.tasks.states import Transition
from runner.tasks.types import (
    Artifact,
    Created,
    Ending,
    NewTask,
    Outcome,
    Retried,
    Run,
    Source,
    Stats,
    Status,
    StatusChange,
    Step,
    Task,
    TaskDetail,
    TaskFilter,
    TaskPage,
)

log = structlog.get_logger(__name__)

QueueOrder = Literal["due", "random"]
Pending = tuple[str, datetime]
"""A task that became pending: its phone's serial and when it is due."""

_CHANGED = [model.tasks.c[name] for name in ("id", "serial", "attempt", "due_at", "job_id")]
_TASK = [model.tasks.c[field.name] for field in fields(Task)]
_FAILED_FOR_SURE = model.tasks.c.outcome != Outcome.UNKNOWN
_END_STEPS = (
    update(model.steps)
    .where(model.steps.c.task_id == bindparam("task"), model.steps.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"), outcome="stopped")
)
KEPT_KEY = "upstream-link-"
"""Keys that begin so are never forgotten: an upstream's task must not become a second local one."""
_MANY = 10_000
"""Ids in one statement; SQLite takes 32,766 values."""
_LONGEST_REMARK = 2_000

Key = TypeVar("Key", int, str)

_TRANSITION_OF = {
    Outcome.PUBLISHED: states.COMPLETE,
    Outcome.DONE: states.COMPLETE,
    Outcome.STOPPED: states.STOP,
    Outcome.FAILED: states.FAIL,
    Outcome.REFUSED: states.FAIL,
    Outcome.UNKNOWN: states.FAIL,
}


@dataclass(frozen=True)
class IdempotencyKey:
    key: str
    body_hash: str


class Engine(Protocol):
    """What a fleet does within the transactions that change tasks; see `runner.fleet.engine`."""

    def offer(self, connection: Connection, serials: Collection[str]) -> object:
        """These phones have tasks that became due: hand them to the phones' hosts, where there are some."""
        ...

    def take_back(self, connection: Connection, job_ids: Collection[int]) -> None:
        """The tasks of these jobs are pending no more, and have not been started."""
        ...

    def pass_on(self, connection: Connection, job_id: int, serial: str) -> bool:
        """Make this job, which is under way, that of the phone's next task; False when it is to end."""
        ...


class Store:
    """Thread-safe; every method is one transaction. All raise StoreError when the database can't be used."""

    def __init__(self, database: Database, engine: Engine | None = None) -> None:
        self._database = database
        self._engine = engine
        self._subscribers: list[Callable[[Sequence[Pending]], None]] = []

    def subscribe(self, on_pending: Callable[[Sequence[Pending]], None]) -> None:
        """Call `on_pending` after each commit that made tasks pending, in the thread that made them so."""
        self._subscribers.append(on_pending)

    def close(self) -> None:
        self._database.close()

    # -- creation

    def create(
        self,
        planned: Sequence[NewTask],
        *,
        script_name: str,
        script_config: Mapping[str, Any],
        source: Source,
        retry_limit: int,
        now: datetime,
        idempotency: IdempotencyKey | None = None,
    ) -> Created:
        """All rows or none, ids in the order given. With a key seen before: the ids of then, no new row."""
        common = {
            "batch": secrets.token_hex(16),
            "script_name": script_name,
            "script_config": script_config,
            "source": source,
            "retry_limit": retry_limit,
            "status": Status.PENDING,
            "created_at": now,
        }
        try:
            with self._transaction() as transaction:
                connection = transaction.connection
                if idempotency and (seen := _seen(connection, idempotency)):
                    return seen
                ids = connection.scalars(
                    insert(model.tasks).returning(model.tasks.c.id, sort_by_parameter_order=True),
                    [common | asdict(new) for new in planned],
                ).all()
                if idempotency:
                    values = asdict(idempotency) | {"task_ids": list(ids), "created_at": now}
                    connection.execute(insert(model.idempotency).values(values))
                transaction.pending += [(new.serial, new.due_at) for new in planned]
        except IntegrityError:  # the same key, by another process, between our look and our insert
            if idempotency and (replayed := self.recall(idempotency)):
                return replayed
            raise
        log.info("tasks created", tasks=len(ids), first=ids[0], script=script_name, source=source.value)
        return Created(list(ids))

    def recall(self, idempotency: IdempotencyKey) -> Created | None:
        """What this key created before. Raises InvalidRequest when it was sent with another body."""
        with self._database.read() as connection:
            return _seen(connection, idempotency)

    def forget_keys(self, before: datetime) -> int:
        """Except those that begin with KEPT_KEY."""
        keys = model.idempotency
        old = keys.c.created_at < before
        with self._database.write() as connection:
            return connection.execute(delete(keys).where(old, ~keys.c.key.startswith(KEPT_KEY))).rowcount

    # -- reading

    def task(self, task_id: int) -> Task | None:
        with self._database.read() as connection:
            row = connection.execute(select(*_TASK).where(model.tasks.c.id == task_id)).one_or_none()
        return _task(row) if row else None

    def detail(self, task_id: int) -> TaskDetail | None:
        """The task with its journal and artifacts, oldest first."""
        with self._database.read() as connection:
            row = connection.execute(select(*_TASK).where(model.tasks.c.id == task_id)).one_or_none()
            if row is None:
                return None
            steps = connection.execute(
                select(*(model.steps.c[field.name] for field in fields(Step)))
                .where(model.steps.c.task_id == task_id)
                .order_by(model.steps.c.id)
            )
            artifacts = connection.execute(
                select(model.artifacts)
                .where(model.artifacts.c.task_id == task_id)
                .order_by(model.artifacts.c.id)
            )
            return TaskDetail(
                _task(row),
                [Step(**step._mapping) for step in steps],
                [Artifact(**artifact._mapping) for artifact in artifacts],
            )

    def list(self, criteria: TaskFilter) -> TaskPage:
        """Newest first."""
        wanted = {
            "status": criteria.status,
            "serial": criteria.serial,
            "script_name": criteria.script_name,
            "source": criteria.source,
        }
        matches = [model.tasks.c[name] == value for name, value in wanted.items() if value is not None]
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(model.tasks).where(*matches)) or 0
            rows = connection.execute(
                select(*_TASK)
                .where(*matches)
                .order_by(model.tasks.c.id.desc())
                .limit(criteria.page_size)
                .offset((criteria.page - 1) * criteria.page_size)
            ).all()
            kept = connection.execute(
                select(model.artifacts)
                .where(model.artifacts.c.task_id.in_([row.id for row in rows]))
                .order_by(model.artifacts.c.id)
            )
            artifacts: dict[int, list[Artifact]] = defaultdict(list)
            for artifact in kept:
                artifacts[artifact.task_id].append(Artifact(**artifact._mapping))
        tasks = [_task(row) for row in rows]
        return TaskPage(tasks, total, criteria.page, criteria.page_size, dict(artifacts))

    def stats(self) -> Stats:
        with self._database.read() as connection:
            grouped = select(model.tasks.c.status, func.count()).group_by(model.tasks.c.status)
            count: dict[int, int] = dict(connection.execute(grouped).all())
        return Stats(
            total=sum(count.values()),
            pending=count.get(Status.PENDING, 0),
            running=count.get(Status.RUNNING, 0),
            completed=count.get(Status.COMPLETED, 0),
            failed=count.get(Status.FAILED, 0),
        )

    def changes(self, task_id: int) -> Sequence[StatusChange]:
        """Every change of status since the task was created, oldest first."""
        table = model.status_changes
        with self._database.read() as connection:
            rows = connection.execute(
                select(*(table.c[field.name] for field in fields(StatusChange)))
                .where(table.c.task_id == task_id)
                .order_by(table.c.id)
            ).all()
        return [
            StatusChange(**dict(row._mapping) | {"source": Status(row.source), "target": Status(row.target)})
            for row in rows
        ]

    def due_serials(self, now: datetime) -> Sequence[str]:
        """Phones that have a task to start."""
        with self._database.read() as connection:
            return connection.scalars(select(model.tasks.c.serial).where(*_due(now)).distinct()).all()

    def due_instants(self, after: datetime, until: datetime | None = None) -> Sequence[datetime]:
        """Each moment in that time at which some task is due."""
        due_at = model.tasks.c.due_at
        conditions = [model.tasks.c.status == Status.PENDING, due_at > after]
        if until is not None:
            conditions.append(due_at <= until)
        with self._database.read() as connection:
            return connection.scalars(select(due_at).where(*conditions).distinct()).all()

    # -- a run

    def claim_next(
        self,
        serial: str,
        now: datetime,
        host: str,
        *,
        order: QueueOrder = "due",
        scripts: Collection[str] | None = None,
        proving: Collection[str] = (),
        job_id: int | None = None,
        goes_on: bool = False,
    ) -> Run | None:
        """Start the phone's next due task, of `scripts` only if given. None when there is none to start.

        Also None while another run of this phone has not ended, wherever it runs. Due tasks of an account
        that can't be used are failed instead, but not those of the scripts `proving` that it can. With
        `job_id` only the task of that job is meant, if it still is; a job that `goes_on` has begun its first
        task before, and the engine passes it on to the next.
        """
        conditions = [model.tasks.c.serial == serial, *_due(now)]
        if job_id is not None:
            conditions.append(model.tasks.c.job_id == job_id)
        if scripts is not None:
            conditions.append(model.tasks.c.script_name.in_(scripts))
        first = (model.tasks.c.due_at, model.tasks.c.id) if order == "due" else (func.random(),)
        # PostgreSQL keeps the row locked until we commit, and skips a row that someone else has locked.
        next_due = (
            select(model.tasks.c.id)
            .where(*conditions)
            .order_by(*first)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        token = secrets.token_hex(16)
        values = _blank_run() | {
            "attempt": model.tasks.c.attempt + 1,
            "token": token,
            "host": host,
            "started_at": now,
        }
        try:
            with self._transaction() as transaction:
                _bar(transaction, serial, now, spare=proving)
                if (
                    goes_on
                    and self._engine
                    and job_id is not None
                    and not self._engine.pass_on(transaction.connection, job_id, serial)
                ):
                    return None
                started = transaction.apply(
                    states.START,
                    model.tasks.c.id == next_due,
                    cause=f"by {host}",
                    now=now,
                    values=values,
                    returning=tuple(model.tasks.c),
                )
                return _run(started[0]) if started else None
        except IntegrityError:  # uq_tasks_one_run_per_phone
            return None

    def fence(self, run: Run, now: datetime) -> None:
        """Commit that this attempt publishes from now on. Raises LostRun; then nothing may be published."""
        with self._database.write() as connection:
            _write_as(run, connection, {"fenced_at": now}, model.tasks.c.fenced_at.is_(None))

    @contextmanager
    def as_run(self, run: Run) -> Iterator[Connection]:
        """One transaction for what a run keeps in other tables; it can't end meanwhile. Raises LostRun."""
        with self._database.write() as connection:
            _write_as(run, connection)
            yield connection

    def open_step(self, run: Run, name: str, number: int, count: int, detail: str, now: datetime) -> int:
        """Journal that a step begins; its id. Raises LostRun."""
        with self._database.note() as connection:
            _write_as(run, connection, {"step": name, "step_number": number, "step_count": count})
            values = {
                "task_id": run.task.id,
                "attempt": run.task.attempt,
                "number": number,
                "name": name,
                "started_at": now,
                "detail": detail,
            }
            opened = insert(model.steps).values(values).returning(model.steps.c.id)
            return int(connection.scalars(opened).one())

    def write_step(self, run: Run, step_id: int, values: Mapping[str, Any]) -> None:
        """Fill in `notes`, or `outcome`, `detail` and `ended_at`. Raises LostRun."""
        with self._database.note() as connection:
            _write_as(run, connection)
            connection.execute(update(model.steps).where(model.steps.c.id == step_id).values(values))

    def add_artifact(
        self, run: Run, *, step: str, kind: str, path: str, media_type: str, size: int, now: datetime
    ) -> None:
        """Raises LostRun."""
        with self._database.note() as connection:
            _write_as(run, connection)
            connection.execute(
                insert(model.artifacts).values(
                    task_id=run.task.id,
                    attempt=run.task.attempt,
                    step=step,
                    kind=kind,
                    path=path,
                    media_type=media_type,
                    size=size,
                    created_at=now,
                )
            )

    def finish(
        self,
        run: Run,
        ending: Ending,
        now: datetime,
        *,
        retry_at: datetime | None = None,
        recovered: bool = False,
    ) -> None:
        """End the run; with `retry_at` the task goes back to pending until then. Raises LostRun."""
        values: dict[str, Any]
        if retry_at:
            transition = states.AUTO_RETRY
            values = _blank_run() | {
                "due_at": retry_at,
                "retry_count": model.tasks.c.retry_count + 1,
                "retries_used": model.tasks.c.retries_used + 1,
            }
        else:
            transition = states.RECOVER if recovered else _TRANSITION_OF[ending.outcome]
            values = {
                "outcome": ending.outcome,
                "ended_at": now,
                "post_url": ending.post_url,
                "profile_url": ending.profile_url,
                "evidence": ending.evidence,
            }
            if ending.outcome is Outcome.FAILED:
                # The fence may be committed and its tap not reached: the run knows that nothing is out.
                values["fenced_at"] = None
        with self._transaction() as transaction:
            self._leave(transaction, run, transition, ending.remark, now, values)
            changed = marks.settle(transaction.connection, run.task, ending, now)
        for account in changed:
            log.info(
                "account seen",
                app=account.app,
                username=account.username,
                state=account.state.value,
                task=run.task.id,
                serial=account.serial,
            )

    def hand_back(self, run: Run, remark: str, now: datetime) -> None:
        """Give up the turn before the fence: pending again, due as before. Raises LostRun."""
        with self._transaction() as transaction:
            self._leave(transaction, run, states.HAND_BACK, remark, now, _blank_run())

    def _leave(
        self,
        transaction: _Transaction,
        run: Run,
        transition: Transition,
        remark: str,
        now: datetime,
        values: Mapping[str, Any],
    ) -> None:
        text = _storable(remark)
        changed = transaction.apply(
            transition,
            *_owned_by(run),
            cause=text,
            now=now,
            values={**values, "remark": text, "token": None, "job_id": None},
        )
        if not changed:
            raise LostRun
        transaction.connection.execute(_END_STEPS, {"task": run.task.id, "now": now})

    def running(self, host: str) -> Sequence[Run]:
        """Runs of `host` that have not ended, as the rows say."""
        mine = select(model.tasks).where(model.tasks.c.status == Status.RUNNING, model.tasks.c.host == host)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(mine.order_by(model.tasks.c.id))]

    # -- accounts

    def unusable(self, serials: Collection[str]) -> Sequence[SeenAccount]:
        """Accounts of these phones whose tasks must not start."""
        with self._database.read() as connection:
            return [account for some in _portions(serials) for account in marks.unusable(connection, some)]

    # -- the operator

    def withdraw(self, task_ids: Collection[int], now: datetime) -> int:
        """Stop those that have not started; how many."""
        values = {"outcome": Outcome.STOPPED, "remark": "stopped", "ended_at": now}
        with self._transaction() as transaction:
            withdrawn = [
                row
                for some in _portions(task_ids)
                for row in transaction.apply(
                    states.WITHDRAW, model.tasks.c.id.in_(some), cause="stopped", now=now, values=values
                )
            ]
        return len(withdrawn)

    def retry(self, task_id: int, *, force: bool, retry_limit: int, now: datetime) -> Task | None:
        """The task as it is pending again; it may start at once.

        None when it isn't failed, or its outcome is unknown and `force` isn't given.
        """
        conditions = [model.tasks.c.id == task_id]
        values = _again(now, retry_limit)
        if force:
            values["force"] = True
        else:
            conditions.append(_FAILED_FOR_SURE)
        with self._transaction() as transaction:
            if not transaction.apply(states.RETRY, *conditions, cause="by hand", now=now, values=values):
                return None
            row = select(*_TASK).where(model.tasks.c.id == task_id)
            return _task(transaction.connection.execute(row).one())

    def retry_all(self, *, retry_limit: int, now: datetime, proving: Collection[str] = ()) -> Retried:
        """The failed ones, but not those whose outcome is unknown or whose account can't be used.

        Tasks of the scripts `proving` that it can are retried all the same.
        """
        tasks = model.tasks
        is_barred = marks.bars(tasks) & tasks.c.script_name.not_in(proving)
        failed = select(func.count()).select_from(tasks).where(tasks.c.status == Status.FAILED)
        with self._transaction() as transaction:
            changed = transaction.apply(
                states.RETRY,
                _FAILED_FOR_SURE,
                ~is_barred,
                cause="retry all",
                now=now,
                values=_again(now, retry_limit),
            )
            unknown = transaction.connection.scalar(failed.where(~_FAILED_FOR_SURE))
            barred = transaction.connection.scalar(failed.where(_FAILED_FOR_SURE, is_barred))
        return Retried(len(changed), unknown or 0, barred or 0)

    def delete(self, task_ids: Collection[int]) -> tuple[set[int], Sequence[str]]:
        """(ids that existed and are gone, paths of their artifacts, whose files the caller removes)."""
        deleted: set[int] = set()
        paths: list[str] = []
        with self._database.write() as connection:
            for some in _portions(task_ids):
                of_these = model.artifacts.c.task_id.in_(some)
                paths += connection.scalars(select(model.artifacts.c.path).where(of_these))
                claims.forget(connection, some)
                gone = delete(model.tasks).where(model.tasks.c.id.in_(some)).returning(model.tasks.c.id)
                deleted |= set(connection.scalars(gone))
        log.info("tasks deleted", tasks=len(deleted))
        return deleted, paths

    # -- lateness

    def beat(self, host: str, now: datetime) -> datetime | None:
        """Note that `host` is up; when it last said so."""
        beats = model.beats
        with self._database.note() as connection:
            seen = connection.scalar(select(beats.c.seen_at).where(beats.c.name == host))
            if seen is None:
                connection.execute(insert(beats).values(name=host, seen_at=now))
            else:
                connection.execute(update(beats).where(beats.c.name == host).values(seen_at=now))
        return seen

    def miss_overdue(self, due_before: datetime, remark: str, now: datetime) -> int:
        """Fail every pending task that was due before; how many."""
        with self._transaction() as transaction:
            return _miss(transaction, remark, now, model.tasks.c.due_at < due_before)

    def miss_waiting(
        self,
        remarks: Mapping[str, str],
        due_before: datetime,
        now: datetime,
        *,
        spare: Collection[str] = (),
        only: str | None = None,
    ) -> int:
        """The same for these phones, each with its remark; how many.

        Not for the scripts to `spare`, and for `only` this one if given.
        """
        tasks = model.tasks
        late = (tasks.c.due_at < due_before, _meant(spare, only))
        with self._transaction() as transaction:
            return sum(
                _miss(transaction, remark, now, tasks.c.serial == serial, *late)
                for serial, remark in remarks.items()
            )

    def say_waiting(
        self,
        remarks: Mapping[str, str],
        now: datetime,
        *,
        spare: Collection[str] = (),
        only: str | None = None,
    ) -> None:
        """Tell by serial what the phone's due tasks of these scripts wait for, see `miss_waiting`."""
        tasks = model.tasks
        told = {serial: _storable(remark) for serial, remark in remarks.items()}
        waiting = select(tasks.c.id, tasks.c.serial, tasks.c.remark).where(
            *_due(now), tasks.c.serial.in_(told), _meant(spare, only)
        )
        with self._database.read() as connection:
            rows = connection.execute(waiting).all()
        news = [{"task": row.id, "says": told[row.serial]} for row in rows if row.remark != told[row.serial]]
        if news:
            still = (tasks.c.id == bindparam("task"), tasks.c.status == Status.PENDING)
            with self._database.note() as connection:
                connection.execute(update(tasks).where(*still).values(remark=bindparam("says")), news)

    # -- artifacts

    def artifacts(self) -> Sequence[Artifact]:
        """All of them, newest first."""
        table = model.artifacts
        with self._database.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.created_at.desc(), table.c.id.desc()))
            return [Artifact(**row._mapping) for row in rows]

    def forget_artifacts(self, ids: Collection[int]) -> None:
        with self._database.write() as connection:
            for some in _portions(ids):
                connection.execute(delete(model.artifacts).where(model.artifacts.c.id.in_(some)))

    @contextmanager
    def _transaction(self) -> Iterator[_Transaction]:
        with self._database.write() as connection:
            transaction = _Transaction(connection)
            yield transaction
            if self._engine:
                transaction.tell(self._engine)
        for line in transaction.lines:
            log.info("task changed", **line)
        if transaction.pending:
            for subscriber in self._subscribers:
                subscriber(transaction.pending)


class _Transaction:
    """Collects what may only be said once it is committed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.lines: list[dict[str, Any]] = []
        self.pending: list[Pending] = []
        self._unneeded_jobs: list[int] = []

    def tell(self, engine: Engine) -> None:
        """What the engine has to know becomes true with this transaction, or not at all."""
        now = datetime.now(UTC)
        if self._unneeded_jobs:
            engine.take_back(self.connection, self._unneeded_jobs)
        if due := {serial for serial, due_at in self.pending if due_at <= now}:
            engine.offer(self.connection, due)

    def apply(
        self,
        transition: Transition,
        *conditions: ColumnElement[bool],
        cause: str,
        now: datetime,
        values: Mapping[str, Any],
        returning: Sequence[ColumnElement[Any]] = _CHANGED,
    ) -> Sequence[Row[Any]]:
        """Take every row that meets the conditions through the transition; the rows that it took.

        `returning`: at least `_CHANGED`.
        """
        tasks = model.tasks
        changed = self.connection.execute(
            update(tasks)
            .where(tasks.c.status == transition.source, *conditions)
            .values({**values, "status": transition.target})
            .returning(*returning)
        ).all()
        if not changed:
            return changed
        entry = {
            "change": transition.name,
            "source": transition.source,
            "target": transition.target,
            "cause": cause,
            "at": now,
        }
        self.connection.execute(
            insert(model.status_changes),
            [entry | {"task_id": row.id, "attempt": row.attempt} for row in changed],
        )
        self.lines += [
            {
                "task": row.id,
                "serial": row.serial,
                "attempt": row.attempt,
                "change": transition.name,
                "status": transition.target.name.lower(),
                "cause": cause,
            }
            for row in changed
        ]
        if transition.target in (Status.COMPLETED, Status.FAILED):
            for some in _portions([row.id for row in changed]):
                claims.settle(self.connection, some, values["outcome"])
        if transition.source is Status.PENDING and transition.target is not Status.RUNNING:
            self._unneeded_jobs += [row.job_id for row in changed if row.job_id is not None]
        if transition.target is Status.PENDING and transition is not states.HAND_BACK:
            self.pending += [(row.serial, row.due_at) for row in changed]
        return changed


def _miss(transaction: _Transaction, remark: str, now: datetime, *conditions: ColumnElement[bool]) -> int:
    text = _storable(remark)
    values = {"outcome": Outcome.MISSED, "remark": text, "ended_at": now}
    return len(transaction.apply(states.MISS, *conditions, cause=text, now=now, values=values))


def _bar(transaction: _Transaction, serial: str, now: datetime, *, spare: Collection[str]) -> None:
    """Fail the phone's due tasks of accounts that can't be used, but not those of the scripts to `spare`."""
    tasks = model.tasks
    for account in marks.unusable(transaction.connection, [serial]):
        text = marks.remark(account)
        transaction.apply(
            states.BAR,
            *_due(now),
            tasks.c.serial == serial,
            tasks.c.app == account.app,
            func.lower(tasks.c.username) == account.username,
            tasks.c.script_name.not_in(spare),
            cause=text,
            now=now,
            values={"outcome": Outcome.FAILED, "remark": text, "ended_at": now},
        )


def _due(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return model.tasks.c.status == Status.PENDING, model.tasks.c.due_at <= now


def _meant(spare: Collection[str], only: str | None) -> ColumnElement[bool]:
    script = model.tasks.c.script_name
    return script.not_in(spare) if only is None else script == only


def _owned_by(run: Run) -> tuple[ColumnElement[bool], ...]:
    tasks = model.tasks
    return (
        tasks.c.id == run.task.id,
        tasks.c.status == Status.RUNNING,
        tasks.c.attempt == run.task.attempt,
        tasks.c.token == run.token,
    )


def _write_as(
    run: Run,
    connection: Connection,
    values: Mapping[str, Any] | None = None,
    *conditions: ColumnElement[bool],
) -> None:
    """Write to the run's row, or only hold it so that nobody ends the run before we commit."""
    mine = update(model.tasks).where(*_owned_by(run), *conditions)
    if connection.execute(mine.values(values or {"token": run.token})).rowcount != 1:
        raise LostRun


def _blank_run() -> dict[str, Any]:
    """A row that no attempt has written to yet."""
    return {
        "outcome": None,
        "remark": "",
        "token": None,
        "started_at": None,
        "ended_at": None,
        "fenced_at": None,
        "step": "",
        "step_number": 0,
        "step_count": 0,
    }


def _portions(ids: Collection[Key]) -> Iterator[Sequence[Key]]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), _MANY):
        yield wanted[start : start + _MANY]


def _again(now: datetime, retry_limit: int) -> dict[str, Any]:
    return _blank_run() | {
        "due_at": now,
        "job_id": None,
        "retry_count": model.tasks.c.retry_count + 1,
        "retries_used": 0,
        "retry_limit": retry_limit,
    }


def _seen(connection: Connection, idempotency: IdempotencyKey) -> Created | None:
    keys = model.idempotency
    row = connection.execute(select(keys).where(keys.c.key == idempotency.key)).one_or_none()
    if row is None:
        return None
    if row.body_hash != idempotency.body_hash:
        raise InvalidRequest(
            "Idempotency-Key: this key was sent before with another request.",
            field="Idempotency-Key",
            value=idempotency.key,
            remedy="Use a new key for each new request; repeat a key only with the same body.",
        )
    return Created(row.task_ids, replayed=True)


def _task(row: Row[Any]) -> Task:
    values = {field.name: row._mapping[field.name] for field in fields(Task)}
    values["status"] = Status(row.status)
    values["outcome"] = Outcome(row.outcome) if row.outcome else None
    values["source"] = Source(row.source)
    return Task(**values)


def _run(row: Row[Any]) -> Run:
    return Run(_task(row), row.token, row.retries_used, row.retry_limit)


def _storable(text: str) -> str:
    """Without what a database refuses (lone surrogates, NUL), and no longer than a person reads."""
    plain = text.encode("utf-8", "replace").decode().replace("\0", "�")
    return plain if len(plain) <= _LONGEST_REMARK else plain[: _LONGEST_REMARK - 1] + "…"
