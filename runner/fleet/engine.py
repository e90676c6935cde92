"""Procrastinate, as far as the runner uses it: one job is a turn of one phone, which begins with its task.

A job's queue is the phone's host and its lock the phone's serial, so that no two hosts ever begin the same
phone. A task gets its job in the transaction that makes it due, or later, when its phone can be had. A turn
goes on with the phone's next task as long as one waits, and that one's own job is forgotten. Jobs are hints
that can be rebuilt from rows at any time: a task without a job is offered again, a job without a task ends.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import structlog
from procrastinate import App, SyncPsycopgConnector
from procrastinate.jobs import Job
from procrastinate.schema import SchemaManager
from procrastinate.sql import queries
from sqlalchemy import Connection, insert, select, text, update

from runner.fleet.model import common
from runner.tasks.database import Database
from runner.tasks.store import QueueOrder
from runner.tasks.types import Status

log = structlog.get_logger(__name__)

TURN = "runner.turn"
"""The engine's name of the only kind of job."""
USABLE = ("ready", "busy")
"""States of a phone that can be given a turn."""
_LOCK = 50810
_INSTALLED = "engine"
"""The key in `runner.fleet.common` under which stands which of the engine's migrations were applied."""

# The engine looks for the next job of a lock when a job arrives, and every few seconds. We want the successor
# to begin when its predecessor ends, whoever ends it; so that is told as the engine tells of a new job.
_SUCCESSION = """
CREATE OR REPLACE FUNCTION runner_turn_is_over() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    successor record;
BEGIN
    SELECT id, queue_name INTO successor FROM procrastinate_jobs
        WHERE lock = OLD.lock AND status = 'todo' ORDER BY priority DESC, id LIMIT 1;
    IF FOUND THEN
        PERFORM pg_notify(
            'procrastinate_queue_v1#' || successor.queue_name,
            json_build_object('type', 'job_inserted', 'job_id', successor.id)::text
        );
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER runner_turn_is_over AFTER DELETE ON procrastinate_jobs
    FOR EACH ROW WHEN (OLD.status = 'doing') EXECUTE FUNCTION runner_turn_is_over();
CREATE OR REPLACE TRIGGER runner_turn_has_ended AFTER UPDATE OF status ON procrastinate_jobs
    FOR EACH ROW WHEN (OLD.status = 'doing' AND NEW.status <> 'doing') EXECUTE FUNCTION runner_turn_is_over();
"""

# A script that needs no phone goes to the phone's host whatever the phone's state, if that host has it.
_OFFERABLE = text("""
SELECT tasks.id, tasks.serial, phones.host
FROM tasks
JOIN phones ON phones.serial = tasks.serial
JOIN hosts ON hosts.name = phones.host AND hosts.instance <> ''
WHERE tasks.status = :pending AND tasks.due_at <= clock_timestamp() AND tasks.job_id IS NULL
    AND (phones.state = ANY(:usable) OR hosts.scripts ->> tasks.script_name = 'false')
    AND (CAST(:serials AS varchar[]) IS NULL OR tasks.serial = ANY(:serials))
ORDER BY tasks.due_at, tasks.id
LIMIT 5000
FOR UPDATE OF tasks SKIP LOCKED
""")
_OFFERED = text("""
UPDATE tasks SET job_id = offered.job_id
FROM unnest(CAST(:tasks AS integer[]), CAST(:jobs AS bigint[])) AS offered (task_id, job_id)
WHERE tasks.id = offered.task_id
""")
# Locked while it is read, the turn's job can't be ended by a sweep meanwhile. One that was asked to stop its
# task ends with that task, for whoever asked did not mean the next one.
_PASS_ON = text("""
WITH turn AS (
    SELECT id, queue_name, lock FROM procrastinate_jobs
    WHERE id = :job AND status = 'doing' AND worker_id IS NOT NULL AND NOT abort_requested
    FOR UPDATE
), next AS (
    SELECT jobs.id, tasks.id AS task_id
    FROM turn
    JOIN procrastinate_jobs AS jobs ON jobs.lock = turn.lock AND jobs.queue_name = turn.queue_name
    JOIN tasks ON tasks.job_id = jobs.id
    WHERE jobs.status = 'todo' AND tasks.status = :pending AND tasks.serial = :serial
    ORDER BY jobs.priority DESC, jobs.id
    LIMIT 1
    FOR UPDATE OF jobs, tasks SKIP LOCKED
), forgotten AS (
    DELETE FROM procrastinate_jobs USING next WHERE procrastinate_jobs.id = next.id
)
UPDATE tasks SET job_id = turn.id FROM turn, next WHERE tasks.id = next.task_id
""")
# Jobs that wait in vain: their task is not theirs any more, or its phone has another host, or none.
_STALE = text("""
SELECT jobs.id FROM procrastinate_jobs AS jobs
LEFT JOIN tasks ON tasks.job_id = jobs.id AND tasks.status = :pending
LEFT JOIN phones ON phones.serial = tasks.serial
LEFT JOIN hosts ON hosts.name = phones.host AND hosts.instance <> ''
WHERE jobs.status = 'todo' AND (
    tasks.id IS NULL OR hosts.name IS NULL OR phones.host <> jobs.queue_name
    OR phones.state <> ALL(:usable) AND hosts.scripts ->> tasks.script_name IS DISTINCT FROM 'false'
)
FOR UPDATE OF jobs SKIP LOCKED
""")
# Jobs whose worker is gone. While its task still runs (the worker lost its connection and got a new one, or
# is silent and not yet swept) the job stays, and keeps its lock.
_ORPHANS = text("""
SELECT jobs.id FROM procrastinate_jobs AS jobs
WHERE jobs.status = 'doing' AND jobs.worker_id IS NULL
    AND NOT EXISTS (SELECT FROM tasks WHERE tasks.job_id = jobs.id AND tasks.status = :running)
FOR UPDATE SKIP LOCKED
""")
_FORGOTTEN = text("""
UPDATE tasks SET job_id = NULL
WHERE status = :pending AND job_id IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM procrastinate_jobs AS jobs
        WHERE jobs.id = tasks.job_id
            AND (jobs.status = 'todo' OR jobs.status = 'doing' AND jobs.worker_id IS NOT NULL)
    )
""")
# A process may have been paused in the middle of a transaction. What it holds is left until the database has
# ended that transaction: a sweep that waited for it would hold up everybody.
_ABANDONED = text("""
UPDATE procrastinate_jobs SET worker_id = NULL
WHERE id IN (
    SELECT id FROM procrastinate_jobs WHERE queue_name = :host AND status = 'doing' FOR UPDATE SKIP LOCKED
)
""")
_STALLED = text("DELETE FROM procrastinate_workers WHERE last_heartbeat < now() - :silence")


class Engine:
    """A `runner.tasks.store.Engine`. Thread-safe; each method works within the transaction it is given."""

    def __init__(self, *, order: QueueOrder) -> None:
        self._order = order
        self._connector = SyncPsycopgConnector()
        self._jobs = App(connector=self._connector).job_manager

    # -- what becomes true with a task's transaction

    def offer(self, connection: Connection, serials: Collection[str] | None) -> int:
        """Give their jobs to due tasks of these phones (all, if None) that can be begun now; how many."""
        found = connection.execute(
            _OFFERABLE,
            {
                "pending": Status.PENDING,
                "usable": list(USABLE),
                "serials": None if serials is None else list(serials),
            },
        ).all()
        if not found:
            return 0
        turns = [
            Job(
                id=None,
                queue=task.host,
                lock=task.serial,
                queueing_lock=None,
                task_name=TURN,
                task_kwargs={"task_id": task.id, "serial": task.serial},
                priority=random.randrange(1000) if self._order == "random" else 0,
            )
            for task in found
        ]
        jobs = self._jobs.batch_defer_jobs(turns, connection=_driver(connection))
        ids = {"tasks": [task.id for task in found], "jobs": [job.id for job in jobs]}
        connection.execute(_OFFERED, ids)
        return len(found)

    def take_back(self, connection: Connection, job_ids: Collection[int]) -> None:
        """Forget jobs that nobody has begun."""
        self._each(connection, queries["cancel_job"], job_ids, abort=False, delete_job=True)

    def abort(self, connection: Connection, job_ids: Collection[int]) -> None:
        """Ask the hosts that do these jobs to stop."""
        self._each(connection, queries["cancel_job"], job_ids, abort=True, delete_job=False)

    def give_back(self, connection: Connection, task_id: int, job_id: int) -> None:
        """The job did not begin its task, which is to be offered again."""
        mine = text("UPDATE tasks SET job_id = NULL WHERE id = :task AND job_id = :job AND status = :pending")
        connection.execute(mine, {"task": task_id, "job": job_id, "pending": Status.PENDING})

    def pass_on(self, connection: Connection, job_id: int, serial: str) -> bool:
        """Make this turn's job that of the phone's next task; False when none waits or the turn must end."""
        passed = connection.execute(_PASS_ON, {"job": job_id, "serial": serial, "pending": Status.PENDING})
        return passed.rowcount == 1

    # -- what a sweep puts right

    def abandon(self, connection: Connection, host: str) -> None:
        """The host's process is gone: `mend` ends the jobs that it had begun, and frees their locks."""
        connection.execute(_ABANDONED, {"host": host})

    def mend(self, connection: Connection, silence: timedelta) -> None:
        """Make jobs and rows agree again, then offer what is due. Workers silent for so long are gone."""
        values = {
            "pending": Status.PENDING,
            "running": Status.RUNNING,
            "usable": list(USABLE),
            "silence": silence,
        }
        connection.execute(_STALLED, values)
        stale = connection.scalars(_STALE, values).all()
        if stale:
            self.take_back(connection, stale)
        orphans = connection.scalars(_ORPHANS, values).all()
        if orphans:
            log.warning("turns of a worker that is gone were ended", jobs=len(orphans))
            self._each(connection, queries["finish_job"], orphans, status="failed", delete_job=True)
        connection.execute(_FORGOTTEN, values)
        self.offer(connection, None)

    def _each(
        self, connection: Connection, query: LiteralString, job_ids: Collection[int], **arguments: Any
    ) -> None:
        driver = _driver(connection)
        for job_id in sorted(job_ids):
            self._connector.execute_query_all_with_connection(driver, query, job_id=job_id, **arguments)


def install(database: Database) -> None:
    """Make the engine's tables, or bring them up to date. Many processes may do so at the same time."""
    migrations = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    newest = migrations[-1].name
    with database.write() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        applied = connection.scalar(select(common.c.value).where(common.c.key == _INSTALLED))
        if applied is None:
            scripts = [SchemaManager.get_schema()]
            connection.execute(insert(common).values(key=_INSTALLED, value=newest))
        else:
            scripts = [file.read_text(encoding="utf-8") for file in migrations if file.name > applied]
            connection.execute(update(common).where(common.c.key == _INSTALLED).values(value=newest))
        for script in (*scripts, _SUCCESSION):
            _driver(connection).execute(script.encode())


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's connection under SQLAlchemy's, in the same transaction."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver
