"""The dispatcher of a single host: one thread per phone that has work, in this process.

One thread of its own takes the pokes, starts the phones' threads and watches time limits. Nothing here has to
survive: rows and a poke rebuild it all.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Mapping
from datetime import timedelta

import structlog

from runner.cancel import Deadline
from runner.execution.active import ActiveRuns
from runner.execution.dispatch import PhoneStatus
from runner.execution.executor import READY, Executor
from runner.execution.waiting import Waiting

log = structlog.get_logger(__name__)


class LocalDispatcher:
    """See `runner.execution.dispatch.Dispatcher`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._phones = executor.phones
        self._without_phone = executor.scripts.without_phone
        wait = timedelta(minutes=executor.settings.phone_wait_minutes)
        self._waiting = Waiting(executor.store, wait, spare=lambda: self._without_phone)
        self._runs = ActiveRuns(executor)
        self._changed = self._runs.changed
        self._poked: set[str] = set()
        self._again: set[str] = set()
        """Poked while their thread was at work."""
        self._threads: dict[str, threading.Thread] = {}
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
        return self._runs.running()

    def stop(self, task_ids: Collection[int], timeout: float) -> bool:
        return self._runs.stop(task_ids, timeout)

    def close(self, timeout: float) -> None:
        deadline = Deadline(timeout)
        self._runs.close(timeout)
        with self._changed:
            threads = [self._thread, *self._threads.values()]
        for thread in threads:
            thread.join(deadline.remaining)

    def _phone_changed(self, status: PhoneStatus) -> None:
        if status.state == READY and status.serial in self._waiting:
            self.wake([status.serial])

    # The dispatcher's own thread

    def _dispatch(self) -> None:
        closing = self._runs.closing
        while not closing.is_set():
            with self._changed:
                while not (self._poked or closing.is_set() or (left := self._runs.shortest_time_left()) == 0):
                    self._changed.wait(left)
                poked, self._poked = self._poked, set()
            try:
                self._runs.end_overlong()
                self._serve(poked)
            except Exception:  # one phone's trouble must not end the work of all
                log.exception("due tasks could not be dispatched; the next sweep tries again")

    def _serve(self, serials: Collection[str]) -> None:
        away: dict[str, str] = {}
        for serial in serials:
            with self._changed:
                if serial in self._threads:
                    self._again.add(serial)
                    continue
            self._waiting.begin(serial)  # before the phone is looked at, for it may become ready in between
            state, reason = self._executor.phone_state(serial)
            if state != READY:
                away[serial] = f"phone {serial} is {state}. {reason}".strip()
            if state == READY or self._without_phone:
                self._start_thread(serial)
        if away:
            self._waiting.tell(away)

    def _start_thread(self, serial: str) -> None:
        thread = threading.Thread(target=self._work, args=(serial,), name=f"phone {serial}", daemon=True)
        with self._changed:  # its first act that needs the lock finds it registered
            thread.start()
            self._threads[serial] = thread

    # A phone's thread

    def _work(self, serial: str) -> None:
        """Serve the phone's queue until nothing in it can be started; then the thread is gone."""
        news = False
        while True:
            ready = self._executor.phone_state(serial)[0] == READY
            news |= ready
            active = self._runs.begin(lambda: self._executor.claim(serial, phone_ready=ready))  # noqa: B023 - called at once
            served = active is not None and self._runs.execute(active)
            if served or (ready and active is None):
                self._waiting.end(serial)
            elif active is not None:
                self._waiting.begin(serial)
            with self._changed:
                if served:
                    continue
                if serial not in self._again:
                    del self._threads[serial]
                    break
                self._again.remove(serial)
                news = True
        if news and not ready:
            self.wake([serial])  # the phone went away from its queue: the dispatcher says so in the rows
