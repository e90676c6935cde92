"""Which local task is which upstream's, and what the upstream is still to be told.

A link is made once per upstream task and stays for ever, so that no poll, restart or second runner makes a
second local task of it. Reports are derived from the tasks' rows: a link remembers what was `said` last, and
when its task's row says more, the difference is put into the outbox in the same transaction. So a crash
loses no report, and whatever changed a task (a run, an operator, a recovery) needs no hook here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from runner.tasks.database import Database
from runner.tasks.model import tasks as local
from runner.tasks.types import Outcome, Status
from runner.worker_api.flow import WorkerStatus
from runner.worker_api.model import links, reports

Body = dict[str, Any]


@dataclass(frozen=True)
class Link:
    id: int
    upstream_id: str
    retry_count: int
    """The upstream's, of the attempt that the local task now works for."""
    request: dict[str, Any]
    """The fields of the CreateTasks that makes (or made) the local task."""
    task_id: int | None
    """The local task; None before it is made, and for ever when it was refused."""
    refusal: str
    """Why there can be no local task."""
    said: WorkerStatus | None
    """What the upstream was told last (or is about to be, by the outbox) of this attempt."""
    open: bool
    """False when there is nothing more to say of this attempt. Closed with nothing said: the upstream took
    the task away before it began."""
    created_at: datetime


@dataclass(frozen=True)
class Report:
    id: int
    upstream_id: str
    task_id: int | None
    body: Body
    created_at: datetime
    refused: str | None


_LINK = [links.c[field.name] for field in fields(Link)]
_SEEN = [local.c[name] for name in ("status", "outcome", "remark", "post_url", "profile_url")]


class Links:
    """The links and the outbox of one upstream. Thread-safe; every method is one transaction."""

    def __init__(self, database: Database, upstream: str) -> None:
        self._database = database
        self._upstream = upstream
        self._mine = links.c.upstream == upstream

    # -- taking

    def known(self, upstream_ids: Collection[str]) -> dict[str, Link]:
        """Those that were taken before."""
        wanted = select(*_LINK).where(self._mine, links.c.upstream_id.in_(upstream_ids))
        with self._database.read() as connection:
            found = [_link(row) for row in connection.execute(wanted)]
        return {link.upstream_id: link for link in found}

    def claim(
        self,
        upstream_id: str,
        retry_count: int,
        request: Mapping[str, Any],
        now: datetime,
        *,
        refusal: str = "",
    ) -> Link | None:
        """Take the task, once and for all; None when it is taken already."""
        values = {
            "upstream": self._upstream,
            "upstream_id": upstream_id,
            "retry_count": retry_count,
            "request": dict(request),
            "refusal": refusal,
            "created_at": now,
        }
        try:
            with self._database.write() as connection:
                return _link(connection.execute(insert(links).values(values).returning(*_LINK)).one())
        except IntegrityError:
            return None

    def unmade(self) -> list[Link]:
        """Claimed, and the local task is still to be made."""
        wanted = select(*_LINK).where(self._mine, links.c.open, links.c.task_id.is_(None))
        with self._database.read() as connection:
            return [_link(row) for row in connection.execute(wanted.where(links.c.refusal == ""))]

    def made(self, link: Link, task_id: int) -> None:
        self._write(link, {"task_id": task_id})

    def refuse(self, link: Link, reason: str) -> None:
        """There can be no local task."""
        self._write(link, {"refusal": reason})

    def again(self, link: Link, retry_count: int) -> None:
        """The upstream wants another attempt of the local task."""
        self._write(link, {"retry_count": retry_count, "said": None, "open": True})

    def claim_again(
        self, link: Link, retry_count: int, request: Mapping[str, Any], *, refusal: str = ""
    ) -> Link:
        """The upstream wants another attempt of a task that was refused before there was a local one."""
        again = replace(
            link, retry_count=retry_count, request=dict(request), refusal=refusal, said=None, open=True
        )
        self._write(link, asdict(again))
        return again

    def close(self, link: Link, said: WorkerStatus | None) -> None:
        """There is nothing to say (any more); `said` is what the upstream knows."""
        self._write(link, {"open": False, "said": said})

    def opened(self) -> dict[str, Link]:
        """Those whose local task the upstream waits for."""
        wanted = select(*_LINK).where(self._mine, links.c.open)
        with self._database.read() as connection:
            found = [_link(row) for row in connection.execute(wanted)]
        return {link.upstream_id: link for link in found}

    def unbegun(self) -> dict[str, Link]:
        """Those whose local task has not begun, ever."""
        wanted = (
            select(*_LINK)
            .join(local, local.c.id == links.c.task_id)
            .where(self._mine, links.c.open, links.c.said.is_(None), local.c.status == Status.PENDING)
        )
        with self._database.read() as connection:
            found = [_link(row) for row in connection.execute(wanted)]
        return {link.upstream_id: link for link in found}

    def reopen_retried(self) -> None:
        """Take up again those whose task an operator retried after the upstream was told of its end."""
        ended = (WorkerStatus.FAILED, WorkerStatus.CANCELED)
        retried = (
            select(links.c.id)
            .join(local, local.c.id == links.c.task_id)
            .where(self._mine, ~links.c.open, links.c.said.in_(ended), local.c.status != Status.FAILED)
        )
        with self._database.read() as connection:
            ids = connection.scalars(retried).all()
        if ids:
            with self._database.write() as connection:
                connection.execute(update(links).where(links.c.id.in_(ids)).values(open=True, said=None))

    # -- reporting

    def settle(self, now: datetime) -> int:
        """Put into the outbox what the tasks' rows say and the upstream was not told; how many reports."""
        more_to_say = (
            local.c.id.is_(None)
            | local.c.status.in_((Status.COMPLETED, Status.FAILED))
            | ((local.c.status == Status.RUNNING) & links.c.said.is_(None))
        )
        settled = links.c.task_id.is_not(None) | (links.c.refusal != "")
        wanted = (
            select(*_LINK, *_SEEN)
            .outerjoin(local, local.c.id == links.c.task_id)
            .where(self._mine, links.c.open, settled, more_to_say)
            .order_by(links.c.id)
        )
        with self._database.read() as connection:
            if connection.execute(wanted.limit(1)).one_or_none() is None:
                return 0
        number = 0
        with self._database.write() as connection:
            for row in connection.execute(wanted.with_for_update(of=links)).all():
                bodies = what_to_say(_link(row), row)
                if not bodies:
                    continue
                said = WorkerStatus(bodies[-1]["status"])
                done = update(links).where(links.c.id == row.id)
                connection.execute(done.values(said=said, open=said == WorkerStatus.RUNNING))
                rows = [{"link_id": row.id, "body": body, "created_at": now} for body in bodies]
                connection.execute(insert(reports), rows)
                number += len(bodies)
        return number

    def outbox(self, limit: int) -> list[Report]:
        """The next report of each task that has one, oldest first."""
        next_ones = (
            select(func.min(reports.c.id))
            .join(links, links.c.id == reports.c.link_id)
            .where(self._mine, reports.c.refused.is_(None))
            .group_by(reports.c.link_id)
        )
        return self._reports(reports.c.id.in_(next_ones), limit)

    def refused(self, limit: int) -> list[Report]:
        """What the upstream would not hear, newest first."""
        return self._reports(reports.c.refused.is_not(None), limit, newest=True)

    def sent(self, report_ids: Collection[int]) -> None:
        with self._database.write() as connection:
            connection.execute(delete(reports).where(reports.c.id.in_(report_ids)))

    def was_refused(self, report: Report, reason: str) -> None:
        """Keep it to be shown, and say it no more."""
        with self._database.write() as connection:
            connection.execute(update(reports).where(reports.c.id == report.id).values(refused=reason))

    def forget_refused(self, before: datetime) -> None:
        mine = select(links.c.id).where(self._mine)
        old = reports.c.refused.is_not(None) & (reports.c.created_at < before)
        with self._database.write() as connection:
            connection.execute(delete(reports).where(old, reports.c.link_id.in_(mine)))

    def counts(self) -> tuple[int, int]:
        """(tasks that the upstream waits for, reports that wait for the upstream)."""
        unsent = (
            select(func.count())
            .select_from(reports)
            .join(links, links.c.id == reports.c.link_id)
            .where(self._mine, reports.c.refused.is_(None))
        )
        held = select(func.count()).select_from(links).where(self._mine, links.c.open)
        with self._database.read() as connection:
            return connection.scalar(held) or 0, connection.scalar(unsent) or 0

    def _reports(self, condition: Any, limit: int, *, newest: bool = False) -> list[Report]:
        wanted = (
            select(
                reports.c.id,
                links.c.upstream_id,
                links.c.task_id,
                reports.c.body,
                reports.c.created_at,
                reports.c.refused,
            )
            .join(links, links.c.id == reports.c.link_id)
            .where(self._mine, condition)
            .order_by(reports.c.id.desc() if newest else reports.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Report(**row._mapping) for row in connection.execute(wanted)]

    def _write(self, link: Link, values: Mapping[str, Any]) -> None:
        with self._database.write() as connection:
            connection.execute(update(links).where(links.c.id == link.id).values(values))


def what_to_say(link: Link, task: Any) -> list[Body]:
    """The reports, in order, that bring the upstream from what was said to what the task's row says.

    `task` has status, outcome, remark, post_url and profile_url; its status is None when the row is gone.
    """
    running = {"status": WorkerStatus.RUNNING.value}
    end = _end(link, task)
    if end is None:
        return [running] if task.status == Status.RUNNING and link.said is None else []
    must_run_first = link.said is None and end["status"] != WorkerStatus.CANCELED
    return [running, end] if must_run_first else [end]


def _end(link: Link, task: Any) -> Body | None:
    """The last report of an attempt; None while it goes on."""
    if link.refusal:
        return _failed(link.refusal)
    match task.status:
        case None:
            return _canceled("The task was deleted here.")
        case Status.COMPLETED:
            urls = {"link_profile": task.profile_url, "link_post": task.post_url}
            return {
                "status": WorkerStatus.COMPLETED.value,
                **{name: url for name, url in urls.items() if url},
                **({"note": task.remark} if task.remark else {}),
            }
        case Status.FAILED if task.outcome == Outcome.STOPPED:
            return _canceled("The task was withdrawn here.")
        case Status.FAILED:
            return _failed(task.remark or "The task failed without a remark.")
    return None


def _failed(reason: str) -> Body:
    return {"status": WorkerStatus.FAILED.value, "error_message": reason}


def _canceled(reason: str) -> Body:
    return {"status": WorkerStatus.CANCELED.value, "note": reason}


def _link(row: Row[Any]) -> Link:
    values = {field.name: row._mapping[links.c[field.name]] for field in fields(Link)}
    values["said"] = WorkerStatus(row.said) if row.said else None
    return Link(**values)
