"""The runs of this process that have not ended: beginning, finding, stopping and limiting them.

Every dispatcher holds its runs here. Where runs come from, and in which thread, is the dispatcher's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

import structlog

from runner.cancel import Deadline
from runner.errors import StoreError
from runner.execution import endings
from runner.execution.executor import ActiveRun, Executor
from runner.tasks.types import Run

log = structlog.get_logger(__name__)

_LAST_CALL = 2.0
"""Seconds before the end of `close` at which runs behind their fence are cancelled too."""


class ActiveRuns:
    """Thread-safe. `changed` guards it, and is told whenever a run begins, gets its time limit or ends."""

    def __init__(self, executor: Executor, *, lapsed: Callable[[], bool] | None = None) -> None:
        """`lapsed`: whether this process may no longer drive phones; asked at every wait of a run."""
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self._executor = executor
        self._lapsed = lapsed
        self._active: dict[int, ActiveRun] = {}
        self._claims: set[object] = set()
        """Under way. What they have claimed runs by its row, and is not in `_active` yet."""

    def begin(self, claim: Callable[[], Run | None]) -> ActiveRun | None:
        """Claim a task, unless the process ends; None also when nothing can be claimed now."""
        claiming = object()
        with self.changed:
            if self.closing.is_set():
                return None
            self._claims.add(claiming)
        active = None
        try:
            run = claim()
            if run is not None:
                active = ActiveRun(run, self.changed, self._lapsed)
        except StoreError as error:
            log.error("no task can be claimed; the next sweep tries again", error=str(error))
        finally:
            with self.changed:
                self._claims.remove(claiming)
                if active is not None:
                    self._active[active.run.task.id] = active
                self.changed.notify_all()
        return active

    def execute(self, active: ActiveRun) -> bool:
        """Run it to its end; False when its phone could not be had and the turn was given back."""
        try:
            return self._executor.execute(active, self.closing)
        finally:
            with self.changed:
                del self._active[active.run.task.id]
                self.changed.notify_all()

    def running(self) -> Mapping[str, int]:
        """Serial → id of the task that runs on it now."""
        with self.changed:
            return {active.run.task.serial: task_id for task_id, active in self._active.items()}

    def cancel(self, task_ids: Collection[int], reason: str) -> None:
        """Of those that run here."""
        for run in self._found():
            if run.run.task.id in task_ids:
                run.cancel.cancel(reason)

    def cancel_on(self, serial: str, reason: str) -> None:
        """The run of this phone, if there is one here."""
        for run in self._found():
            if run.run.task.serial == serial:
                run.cancel.cancel(reason)

    def stop(self, task_ids: Collection[int], timeout: float) -> bool:
        """Stop those that run here, wait at most `timeout` seconds; True when none of them runs any more."""
        self.cancel(task_ids, endings.STOPPED)
        with self.changed:
            return self.changed.wait_for(lambda: self._active.keys().isdisjoint(task_ids), timeout)

    def give_up(self, timeout: float) -> bool:
        """Cancel every run, as this process may drive phones no longer; whether all ended in that time."""
        for run in self._found():
            run.cancel.cancel(endings.LAPSED)
        with self.changed:
            return self.changed.wait_for(lambda: not self._active, timeout)

    def shortest_time_left(self) -> float | None:
        """Seconds until the first run reaches its limit. The caller holds `changed`."""
        left = [run.deadline.remaining for run in self._active.values() if run.deadline and not run.cancelled]
        return min(left, default=None)

    def end_overlong(self) -> None:
        """Cancel the runs that have reached their limits."""
        with self.changed:
            overlong = [run for run in self._active.values() if run.deadline and run.deadline.passed]
        for run in overlong:
            run.cancel.cancel(endings.TIME_LIMIT)

    def close(self, timeout: float) -> None:
        """Begin nothing more, hand runs back; those behind their fence have time to find evidence."""
        deadline = Deadline(timeout)
        with self.changed:
            self.closing.set()
            self.changed.notify_all()
        active = self._found()
        for run in active:
            if not run.fenced:
                run.cancel.cancel(endings.SHUTDOWN)
        with self.changed:
            self.changed.wait_for(lambda: not self._active, max(0.0, deadline.remaining - _LAST_CALL))
        for run in active:
            run.cancel.cancel(endings.SHUTDOWN)
        with self.changed:
            self.changed.wait_for(lambda: not self._active, deadline.remaining)

    def _found(self) -> list[ActiveRun]:
        """All runs, with those whose claims were under way when this was asked."""
        with self.changed:
            claims = set(self._claims)
            self.changed.wait_for(lambda: claims.isdisjoint(self._claims))
            return list(self._active.values())
