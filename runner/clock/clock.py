"""Wakes the dispatcher when something is due, and runs the housekeeping. The only room with APScheduler.

There is one job per distinct due instant, not per task; it asks the database whose tasks are due. Jobs are
rebuilt from rows at start and may be lost without harm: a sweep every half minute looks again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from runner.execution.dispatch import Dispatcher
from runner.tasks.misfire import Misfires
from runner.tasks.store import Pending, Store

SWEEP_SECONDS = 30
AHEAD_SECONDS = 6.0
_LEADERS = "due:"
"""How the ids of the jobs begin that only a leading clock has."""


class Clock:
    """`lead` makes it wake what is due; in a fleet only one clock leads at a time. Thread-safe."""

    def __init__(
        self, store: Store, dispatcher: Dispatcher, misfires: Misfires, *, shared: bool = False
    ) -> None:
        """`shared`: other processes make tasks too, so what is due soon is looked up again and again."""
        self._shared = shared
        self._leading = False
        self._store = store
        self._dispatcher = dispatcher
        self._misfires = misfires
        # APScheduler drops a job that is a second late unless it is told otherwise. A wake-up is never too
        # late; whether a task is, its row says.
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"misfire_grace_time": None, "coalesce": True},
        )

    def start(self) -> None:
        """Begin with the housekeeping."""
        self._store.subscribe(self._became_pending)
        self._scheduler.start()

    def lead(self) -> None:
        """Take up every pending task, and follow those that become pending from now on."""
        self._leading = True
        if self._shared:
            self._leader_job(AHEAD_SECONDS / 2, self._look_ahead)
            self._look_ahead()
        else:
            self._wake_at(self._store.due_instants(datetime.now(UTC)))
        self._leader_job(SWEEP_SECONDS, self._wake)
        self._wake()

    def rest(self) -> None:
        """Another process leads."""
        self._leading = False
        for job in self._scheduler.get_jobs():
            if job.id.startswith(_LEADERS):
                with contextlib.suppress(JobLookupError):  # it has just run for the last time
                    job.remove()

    def close(self) -> None:
        self._scheduler.shutdown(wait=True)

    def every(self, seconds: float, action: Callable[[], object]) -> None:
        """Run a housekeeping action again and again, in a thread; never twice at the same time."""
        self._scheduler.add_job(action, "interval", seconds=seconds)

    def _leader_job(self, seconds: float, action: Callable[[], object]) -> None:
        name = f"{_LEADERS}{action.__name__}"
        self._scheduler.add_job(action, "interval", seconds=seconds, id=name, replace_existing=True)

    def _look_ahead(self) -> None:
        now = datetime.now(UTC)
        self._wake_at(self._store.due_instants(now, now + timedelta(seconds=AHEAD_SECONDS)))

    def _became_pending(self, pending: Sequence[Pending]) -> None:
        if not self._leading:
            return
        now = datetime.now(UTC)
        due = {serial for serial, due_at in pending if due_at <= now}
        if due:
            self._dispatcher.wake(due)
        self._wake_at({due_at for _, due_at in pending if due_at > now})

    def _wake_at(self, instants: Iterable[datetime]) -> None:
        for instant in instants:
            self._scheduler.add_job(
                self._wake,
                "date",
                run_date=instant,
                id=f"{_LEADERS}{instant.isoformat()}",
                replace_existing=True,
            )

    def _wake(self) -> None:
        self._misfires.check()
        self._dispatcher.wake(self._store.due_serials(datetime.now(UTC)))
