"""The dispatcher of a fleet: offers due tasks to their phones' hosts, and runs those that this host is given.

The engine's worker lives on an event loop in a thread of its own; each turn has a thread while it lasts, like
a phone's on a single host, and does one task after another. The worker is started again whenever it loses the
database. A run does not end with it: rows say what runs, and the run's own writes wait for the database.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import procrastinate
import psycopg
import psycopg_pool
import structlog
from procrastinate.exceptions import ProcrastinateException
from procrastinate.job_context import AbortReason
from sqlalchemy import select

from runner.cancel import Deadline
from runner.errors import StoreError
from runner.execution import endings
from runner.execution.active import ActiveRuns
from runner.execution.executor import READY, ActiveRun, Executor
from runner.execution.waiting import Waiting
from runner.fleet.engine import TURN, USABLE, Engine
from runner.fleet.lacking import without_phone
from runner.phones.status import PhoneStatus
from runner.tasks.database import CONNECTION, Database
from runner.tasks.model import tasks
from runner.tasks.types import Status

log = structlog.get_logger(__name__)

MOST_TURNS = 1000
"""At the same time on one host; more phones than any host has."""
LOOK_SECONDS = 0.5
"""How often time limits are looked at."""
_AGAIN_SECONDS = 1.0
_ASK_SECONDS = 0.1


class FleetDispatcher:
    """See `runner.execution.dispatch.Dispatcher`."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        executor: Executor,
        *,
        phones: Callable[[], Sequence[PhoneStatus]],
        lapsed: Callable[[], bool],
    ) -> None:
        """`phones` are those of the whole fleet; `lapsed`: whether this host may drive phones no longer."""
        self._database = database
        self._engine = engine
        self._executor = executor
        self._phones = phones
        self._lapsed = lapsed
        self._runs = ActiveRuns(executor, lapsed=lapsed)
        wait = timedelta(minutes=executor.settings.phone_wait_minutes)
        self._waiting = Waiting(executor.store, wait, spare=partial(without_phone, database))
        self._thread = threading.Thread(target=self._serve, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None

    def start(self) -> None:
        shutil.rmtree(self._executor.work_folder, ignore_errors=True)
        self._thread.start()

    def close(self, timeout: float) -> None:
        deadline = Deadline(timeout)
        self._runs.close(timeout)
        if self._loop is not None and self._main is not None:
            self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(deadline.remaining + _AGAIN_SECONDS)

    def wake(self, serials: Collection[str]) -> None:
        """Offer what is due on these phones; say in the rows why the others' tasks wait."""
        if not serials:
            return
        with self._database.write() as connection:
            self._engine.offer(connection, serials)
        known = {status.serial: status for status in self._phones()}
        away = {}
        for serial in serials:
            status = known.get(serial)
            if status is None:
                away[serial] = f"phone {serial} is not in devices.yaml."
            elif status.state not in USABLE:
                away[serial] = f"phone {serial} is {status.state}. {status.reason}".strip()
            else:
                self._waiting.end(serial)
        if away:
            self._waiting.tell(away)

    def stop(self, task_ids: Collection[int], timeout: float) -> bool:
        """Here at once; elsewhere by the engine's abort."""
        deadline = Deadline(timeout)
        self._runs.cancel(task_ids, endings.STOPPED)
        running = select(tasks.c.job_id).where(tasks.c.id.in_(task_ids), tasks.c.status == Status.RUNNING)
        elsewhere = running.where(tasks.c.host != self._executor.host)
        with self._database.write() as connection:
            # Locked until the abort is written, or a turn that goes on could do another task by then.
            jobs = connection.scalars(elsewhere.with_for_update()).all()
            self._engine.abort(connection, [job for job in jobs if job is not None])
        while True:
            with self._database.read() as connection:
                if not connection.execute(running).first():
                    return True
            if deadline.passed:
                return False
            threading.Event().wait(_ASK_SECONDS)

    def running(self) -> Mapping[str, int]:
        """Of this host."""
        return self._runs.running()

    def give_up(self, timeout: float) -> bool:
        """End every run, because the others have gone on without this host; whether all have ended."""
        return self._runs.give_up(timeout)

    # The engine's thread

    def _serve(self) -> None:
        # psycopg can't use the proactor loop, which is the default on Windows.
        loop = asyncio.SelectorEventLoop() if sys.platform == "win32" else asyncio.new_event_loop()
        loop.set_exception_handler(_tell)
        self._loop = loop
        self._main = loop.create_task(self._keep_working())
        try:
            loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            log.debug("engine ended")
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def _keep_working(self) -> None:
        limits = asyncio.create_task(self._watch_limits())
        try:
            while True:
                try:
                    await self._work()
                except (ProcrastinateException, psycopg.Error, psycopg_pool.PoolTimeout, OSError) as error:
                    log.warning("the engine lost the database; it tries again", error=str(error))
                await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            limits.cancel()

    async def _work(self) -> None:
        connector = procrastinate.PsycopgConnector(
            conninfo=self._database.conninfo,
            kwargs=CONNECTION,
            min_size=1,
            max_size=4,
            timeout=5.0,
            reconnect_timeout=5.0,
        )
        app = procrastinate.App(connector=connector)
        app.task(name=TURN, pass_context=True)(self._turn)
        async with app.open_async():
            await app.run_worker_async(
                queues=[self._executor.host],
                name=self._executor.host,
                concurrency=MOST_TURNS,
                listen_notify=True,
                fetch_job_polling_interval=2.0,
                abort_job_polling_interval=2.0,
                update_heartbeat_interval=5.0,
                stalled_worker_timeout=60.0,
                shutdown_graceful_timeout=0.5,
                delete_jobs="always",
                install_signal_handlers=False,
            )

    async def _watch_limits(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._runs.end_overlong()

    async def _turn(self, context: procrastinate.JobContext, task_id: int, serial: str) -> None:
        """One job. It lasts as long as its runs, and ends before them only when the engine itself ends."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()

        def run() -> None:
            try:
                self._serve_phone(task_id, serial, context.job.id or 0)
            finally:
                loop.call_soon_threadsafe(_settle, over)

        threading.Thread(target=run, name=f"phone {serial}", daemon=True).start()
        while not over.done():
            try:
                await asyncio.shield(over)
            except asyncio.CancelledError:
                if context.abort_reason() is not AbortReason.USER_REQUEST:
                    raise  # the run goes on without its job
                self._runs.cancel_on(serial, endings.STOPPED)

    # A turn's thread

    def _serve_phone(self, task_id: int, serial: str, job_id: int) -> None:
        """The job's task, then the phone's next ones, until none waits or the phone is gone."""
        active = self._begin(serial, job_id, goes_on=False)
        if active is None:
            self._give_back(task_id, job_id)
        while active is not None and self._runs.execute(active):
            active = self._begin(serial, job_id, goes_on=True)

    def _begin(self, serial: str, job_id: int, *, goes_on: bool) -> ActiveRun | None:
        ready = self._executor.phone_state(serial)[0] == READY
        # A run of before this host was evicted may still be about to end on this phone.
        free = serial not in self._runs.running() and not self._lapsed()
        if not free or (goes_on and not ready):
            return None
        return self._runs.begin(
            lambda: self._executor.claim(serial, phone_ready=ready, job_id=job_id, goes_on=goes_on)
        )

    def _give_back(self, task_id: int, job_id: int) -> None:
        try:
            with self._database.write() as connection:
                self._engine.give_back(connection, task_id, job_id)
        except StoreError as error:
            log.warning("a turn could not be given back; a sweep does it", task=task_id, error=str(error))


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.warning("engine", what=context.get("message"), error=str(context.get("exception", "")))
