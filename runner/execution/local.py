"""The dispatcher of a single host: one thread per phone that has work, in this process.

One thread of its own takes the pokes, starts the phones' threads, watches time limits, and tells and ends the
waiting of tasks whose phone is not there. Nothing here has to survive: rows and a poke rebuild it all.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from runner.cancel import Deadline
from runner.errors import StoreError
from runner.execution import endings
from runner.execution.dispatch import PhoneStatus
from runner.execution.executor import READY, ActiveRun, Executor

log = structlog.get_logger(__name__)

_LAST_CALL = 2.0
"""Seconds before the end of `close` at which runs behind their fence are cancelled too."""


class LocalDispatcher:
    """See `runner.execution.dispatch.Dispatcher`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._phones = executor.phones
        self._store = executor.store
        self._without_phone = executor.scripts.without_phone
        self._wait = timedelta(minutes=executor.settings.phone_wait_minutes)
        self._changed = threading.Condition()
        self._poked: set[str] = set()
        self._again: set[str] = set()
        """Poked while their thread was at work."""
        self._threads: dict[str, threading.Thread] = {}
        self._waiting: dict[str, datetime] = {}
        """Phones with due tasks that could not be had, and since when."""
        self._active: dict[int, ActiveRun] = {}
        self._claiming = threading.Lock()
        """Held from a claim until it is in `_active`, so that every running row of ours is found there."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)

    def start(self) -> None:
        shutil.rmtree(self._executor.work_folder, ignore_errors=True)
        self._phones.on_change(self._phone_changed)
        self._thread.start()

    def wake(self, serials: Collection[str]) -> None:
        with self._changed:
            self._poked.update(serials)
            self._changed.notify_all()

    def running(self) -> Mapping[str, int]:
        with self._changed:
            return {active.run.task.serial: task_id for task_id, active in self._active.items()}

    def stop(self, task_ids: Collection[int], timeout: float) -> bool:
        with self._claiming, self._changed:
            found = [self._active[task_id] for task_id in task_ids if task_id in self._active]
        for run in found:
            run.cancel.cancel(endings.STOPPED)
        with self._changed:
            return self._changed.wait_for(lambda: self._active.keys().isdisjoint(task_ids), timeout)

    def close(self, timeout: float) -> None:
        deadline = Deadline(timeout)
        with self._claiming, self._changed:
            self._closing.set()
            self._changed.notify_all()
            active = list(self._active.values())
            threads = [self._thread, *self._threads.values()]
        for run in active:
            if not run.fenced:
                run.cancel.cancel(endings.SHUTDOWN)
        with self._changed:
            self._changed.wait_for(lambda: not self._active, max(0.0, deadline.remaining - _LAST_CALL))
        for run in active:
            run.cancel.cancel(endings.SHUTDOWN)
        for thread in threads:
            thread.join(deadline.remaining)

    def _phone_changed(self, status: PhoneStatus) -> None:
        if status.state == READY and status.serial in self._waiting:
            self.wake([status.serial])

    # The dispatcher's own thread

    def _dispatch(self) -> None:
        while not self._closing.is_set():
            with self._changed:
                while not (
                    self._poked or self._closing.is_set() or (left := self._shortest_time_left()) == 0
                ):
                    self._changed.wait(left)
                poked, self._poked = self._poked, set()
            try:
                self._end_overlong()
                self._serve(poked)
            except Exception:  # one phone's trouble must not end the work of all
                log.exception("due tasks could not be dispatched; the next sweep tries again")

    def _shortest_time_left(self) -> float | None:
        left = [run.deadline.remaining for run in self._active.values() if run.deadline and not run.cancelled]
        return min(left, default=None)

    def _end_overlong(self) -> None:
        with self._changed:
            overlong = [run for run in self._active.values() if run.deadline and run.deadline.passed]
        for run in overlong:
            run.cancel.cancel(endings.TIME_LIMIT)

    def _serve(self, serials: Collection[str]) -> None:
        away: dict[str, str] = {}
        for serial in serials:
            with self._changed:
                if serial in self._threads:
                    self._again.add(serial)
                    continue
                # Noted before the phone is looked at, for it may become ready in between.
                self._waiting.setdefault(serial, datetime.now(UTC))
            state, reason = self._executor.phone_state(serial)
            if state != READY:
                away[serial] = f"phone {serial} is {state}. {reason}".strip()
            if state == READY or self._without_phone:
                self._start_thread(serial)
        if away:
            self._tell_waiting(away)

    def _start_thread(self, serial: str) -> None:
        thread = threading.Thread(target=self._work, args=(serial,), name=f"phone {serial}", daemon=True)
        with self._changed:  # its first act that needs the lock finds it registered
            thread.start()
            self._threads[serial] = thread

    def _tell_waiting(self, away: Mapping[str, str]) -> None:
        """Say in the rows what they wait for; end those that waited long enough."""
        now = datetime.now(UTC)
        due_before = now - self._wait
        minutes = f"{self._wait.total_seconds() / 60:g} min"
        enough = {
            serial: f"Not started within {minutes}: {why}"
            for serial, why in away.items()
            if self._waiting[serial] <= due_before
        }
        if enough:
            self._store.miss_waiting(enough, due_before, now, spare=self._without_phone)
        remarks = {serial: f"waiting: {why}" for serial, why in away.items()}
        self._store.say_waiting(remarks, now, spare=self._without_phone)
        due = self._store.due_serials(now)
        with self._changed:
            for serial in away.keys() - due:
                self._waiting.pop(serial, None)

    # A phone's thread

    def _work(self, serial: str) -> None:
        """Serve the phone's queue until nothing in it can be started; then the thread is gone."""
        news = False
        while True:
            ready = self._executor.phone_state(serial)[0] == READY
            news |= ready
            active = self._begin(serial, ready)
            served = active is not None and self._execute(active)
            with self._changed:
                if served or (ready and active is None):
                    self._waiting.pop(serial, None)
                elif active is not None:
                    self._waiting.setdefault(serial, datetime.now(UTC))
                if served:
                    continue
                if serial not in self._again:
                    del self._threads[serial]
                    break
                self._again.remove(serial)
                news = True
        if news and not ready:
            self.wake([serial])  # the phone went away from its queue: the dispatcher says so in the rows

    def _begin(self, serial: str, phone_ready: bool) -> ActiveRun | None:
        with self._claiming:
            if self._closing.is_set():
                return None
            try:
                run = self._executor.claim(serial, phone_ready=phone_ready)
            except StoreError as error:
                log.error("no task can be claimed; the next sweep tries again", error=str(error))
                return None
            if run is None:
                return None
            active = ActiveRun(run, self._changed)
            with self._changed:
                self._active[run.task.id] = active
            return active

    def _execute(self, active: ActiveRun) -> bool:
        try:
            return self._executor.execute(active, self._closing)
        finally:
            with self._changed:
                del self._active[active.run.task.id]
                self._changed.notify_all()
