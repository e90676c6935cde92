"""Wakes the dispatcher when something is due, and runs the housekeeping. The only room with APScheduler.

There is one job per distinct due instant, not per task; it asks the database whose tasks are due. Jobs are
rebuilt from rows at start and may be lost without harm: a sweep every half minute looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from runner.execution.dispatch import Dispatcher
from runner.tasks.misfire import Misfires
from runner.tasks.store import Pending, Store

SWEEP_SECONDS = 30


class Clock:
    def __init__(self, store: Store, dispatcher: Dispatcher, misfires: Misfires) -> None:
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
        """Take up every pending task, and follow those that become pending from now on."""
        self._store.subscribe(self._became_pending)
        self._scheduler.start()
        self._wake_at(self._store.due_instants(datetime.now(UTC)))
        self.every(SWEEP_SECONDS, self._wake)
        self._wake()

    def close(self) -> None:
        self._scheduler.shutdown(wait=True)

    def every(self, seconds: float, action: Callable[[], object]) -> None:
        """Run a housekeeping action again and again, in a thread; never twice at the same time."""
        self._scheduler.add_job(action, "interval", seconds=seconds)

    def _became_pending(self, pending: Sequence[Pending]) -> None:
        now = datetime.now(UTC)
        due = {serial for serial, due_at in pending if due_at <= now}
        if due:
            self._dispatcher.wake(due)
        self._wake_at({due_at for _, due_at in pending if due_at > now})

    def _wake_at(self, instants: Iterable[datetime]) -> None:
        for instant in instants:
            self._scheduler.add_job(
                self._wake, "date", run_date=instant, id=f"due:{instant.isoformat()}", replace_existing=True
            )

    def _wake(self) -> None:
        self._misfires.check()
        self._dispatcher.wake(self._store.due_serials(datetime.now(UTC)))
