"""What the thread of a phone does with one task: claim it, give it the phone, run its script, end its row.

Whatever a script raises ends its task with a remark and nothing else. Threads and their coming and going are
the dispatcher's.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from runner.cancel import CancelToken, Deadline
from runner.errors import (
    LostRun,
    NotFound,
    PhoneAbsent,
    PhoneError,
    PhoneUnauthorized,
    RunnerError,
    ScriptUnknown,
    StoreAway,
    StoreError,
)
from runner.execution import endings
from runner.execution.dispatch import PhoneSource
from runner.execution.run import ArtifactKeeper, RunContext
from runner.execution.scripts import Scripts
from runner.script import Materials, Script
from runner.tasks.misfire import Misfires
from runner.tasks.planning import parse_config
from runner.tasks.settings import TaskSettings
from runner.tasks.store import Store
from runner.tasks.types import LOCAL, Ending, Run, Task

if TYPE_CHECKING:
    from runner.phones.screens import Catalog
    from runner.phones.session import PhoneSession

log = structlog.get_logger(__name__)

READY = "ready"
_STORE_PAUSE = 1.0
"""Seconds between attempts to write an ending to a database that can't be used."""


class MaterialSource(Protocol):
    """What execution needs of `runner.materials.supply.Supply`."""

    def for_run(self, run: Run, cancel: CancelToken) -> Materials: ...


class ActiveRun:
    """A run that has not ended, for those who may cancel it. `changed` is told once its limit is known."""

    def __init__(
        self, run: Run, changed: threading.Condition, lapsed: Callable[[], bool] | None = None
    ) -> None:
        self.run = run
        self._changed = changed
        self._lapsed = lapsed
        self.cancel = CancelToken(self._must_end if lapsed else None)
        self.time_limit = 0.0
        self.deadline: Deadline | None = None
        self.context: RunContext | None = None

    def limit(self, seconds: float) -> None:
        with self._changed:
            self.time_limit = seconds
            self.deadline = Deadline(seconds)
            self._changed.notify_all()

    @property
    def fenced(self) -> bool:
        return self.context is not None and self.context.fenced

    def _must_end(self) -> str:
        """Behind its fence a run goes on looking for evidence, until it is known to have lost its task."""
        return endings.LAPSED if self._lapsed and not self.fenced and self._lapsed() else ""

    @property
    def cancelled(self) -> str:
        """Why it was cancelled, "" if it was not."""
        return self.cancel.reason if self.cancel.cancelled else ""


class Executor:
    """One for all phones of a host; each phone's thread calls `claim` and `execute` in turn."""

    def __init__(
        self,
        store: Store,
        *,
        phones: PhoneSource,
        screens: Catalog,
        scripts: Scripts,
        artifacts: ArtifactKeeper,
        materials: MaterialSource,
        misfires: Misfires,
        settings: TaskSettings,
        work_folder: Path,
        host: str = LOCAL,
    ) -> None:
        self.store = store
        self.phones = phones
        self.scripts = scripts
        self.settings = settings
        self.host = host
        self.work_folder = work_folder
        self._screens = screens
        self._artifacts = artifacts
        self._materials = materials
        self._misfires = misfires

    def phone_state(self, serial: str) -> tuple[str, str]:
        """Its state, "ready" or why it can't be had, and what to do about it."""
        try:
            status = self.phones.status(serial)
        except NotFound as error:
            return "unknown", str(error)
        return status.state, status.reason

    def claim(
        self, serial: str, *, phone_ready: bool, job_id: int | None = None, goes_on: bool = False
    ) -> Run | None:
        """Begin the phone's next task, or that of the engine's job; None when none can run now.

        `goes_on`: the job has done a task, and goes on with the phone's next. Raises StoreError.
        """
        self._misfires.check()
        return self.store.claim_next(
            serial,
            datetime.now(UTC),
            self.host,
            order=self.settings.queue_order,
            scripts=None if phone_ready else self.scripts.without_phone,
            proving=self.scripts.proving,
            job_id=job_id,
            goes_on=goes_on,
        )

    def execute(self, active: ActiveRun, closing: threading.Event) -> bool:
        """Run the task to its end; False when its phone could not be had and the turn was given back."""
        task = active.run.task
        no_phone = handed_back = False
        with structlog.contextvars.bound_contextvars(
            task=task.id, serial=task.serial, attempt=task.attempt, script=task.script_name
        ):
            try:
                ending = self._run_script(active)
            except (Exception, SystemExit) as error:  # it ends this task, nothing else
                if not isinstance(error, RunnerError):
                    log.exception("the script failed unexpectedly")
                ending = self._of_error(active, error)
                no_phone = not active.context and self._without_phone(task.serial, error)
                is_cut_off = active.cancelled in endings.GIVE_BACK or isinstance(error, StoreAway)
                handed_back = no_phone or (is_cut_off and not active.fenced)
            if active.context:
                active.context.close()
            if handed_back:
                self._durably(lambda now: self.store.hand_back(active.run, ending.remark, now), closing)
            else:
                self._durably(lambda now: end(self.store, active.run, ending, self.settings, now), closing)
        return not no_phone

    def _without_phone(self, serial: str, error: BaseException) -> bool:
        if isinstance(error, PhoneAbsent | PhoneUnauthorized):
            return True
        return isinstance(error, PhoneError | NotFound) and self.phone_state(serial)[0] != READY

    def _run_script(self, active: ActiveRun) -> Ending:
        task = active.run.task
        script = self._script(task.script_name)
        config = parse_config(script, task.script_config)
        active.limit(script.time_limit(config))
        result = None
        try:
            with self._phone(script, task, active.cancel) as phone:
                active.context = RunContext(
                    active.run,
                    script,
                    config,
                    phone=phone,
                    screens=self._screens,
                    cancel=active.cancel,
                    store=self.store,
                    artifacts=self._artifacts,
                    materials=self._materials.for_run(active.run, active.cancel),
                    work_dir=self.work_folder / f"{task.id}-{task.attempt}",
                )
                result = script.run(active.context)
        except RunnerError as error:
            if result is None:
                raise
            log.warning("the phone failed after the run had succeeded", error=str(error))
        return endings.of_result(task, result, fenced=active.fenced)

    def _script(self, name: str) -> Script[Any]:
        """In a fleet the host that took the task may have other scripts. Raises ScriptUnknown."""
        try:
            return self.scripts.get(name)
        except ScriptUnknown:
            if self.host == LOCAL:
                raise
            raise ScriptUnknown(
                f'Host {self.host} has no script "{name}".',
                remedy="Install it there too (--scripts-dir), start that host again, then retry the task.",
            ) from None

    @contextmanager
    def _phone(self, script: Script[Any], task: Task, cancel: CancelToken) -> Iterator[PhoneSession | None]:
        if not script.needs_phone:
            yield None
            return
        with self.phones.session(task.serial, cancel) as phone:
            yield phone

    def _of_error(self, active: ActiveRun, error: BaseException) -> Ending:
        return endings.of_error(
            active.run.task,
            error,
            place=active.context.place_of(error) if active.context else "before the first step",
            fenced=active.fenced,
            cancelled=active.cancelled,
            time_limit=active.time_limit,
        )

    def _durably(self, write: Callable[[datetime], None], closing: threading.Event) -> None:
        """Write how the run ended, and keep trying: a row that stays running would block its phone."""
        while True:
            try:
                write(datetime.now(UTC))
            except LostRun:
                log.warning("the run was no longer its task's; its end is not written")
            except StoreError as error:
                log.error("the run's end could not be written yet", error=str(error))
                if not closing.wait(_STORE_PAUSE):
                    continue
            return


def end(
    store: Store, run: Run, ending: Ending, settings: TaskSettings, now: datetime, *, recovered: bool = False
) -> None:
    """Write the ending, and put the task off for an automatic retry if it may have one. Raises LostRun."""
    if not (ending.retryable and run.retries_left):
        store.finish(run, ending, now, recovered=recovered)
        return
    shortest, longest = settings.retry_delay_seconds
    delay = random.uniform(shortest, longest)
    told = f"Automatic retry {run.retries_used + 1} of {run.retry_limit} in {delay:.0f} s."
    retry_at = now + timedelta(seconds=delay)
    store.finish(run, replace(ending, remark=f"{ending.remark} {told}"), now, retry_at=retry_at)
