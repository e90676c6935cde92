"""One run of one task, as its script sees it: the implementation of `runner.script.Context`.

The publish fence is kept here: `publish` commits that publishing begins, then lets the script tap, once.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from runner.cancel import CancelToken
from runner.errors import (
    Cancelled,
    LostRun,
    PhoneAbsent,
    PhoneTimeout,
    PhoneUnauthorized,
    RunnerError,
    TransportLost,
    UiServerError,
)
from runner.execution.journal import Journal, OpenStep
from runner.script import Account, Materials, Script, ScriptConfig
from runner.tasks.store import Store
from runner.tasks.types import Run

if TYPE_CHECKING:
    from runner.phones.hierarchy import Hierarchy
    from runner.phones.screens import Catalog
    from runner.phones.session import PhoneSession

log = structlog.get_logger(__name__)

_NOTHING_TO_SEE = (
    Cancelled,
    LostRun,
    PhoneAbsent,
    PhoneTimeout,
    PhoneUnauthorized,
    TransportLost,
    UiServerError,
)
"""After these the phone can't be asked for its screen, or no longer by this run."""
_SCREEN_TIMEOUT = 5.0
_MOST_KEPT = 10
"""Screens of one run, besides those of failures."""


class ArtifactKeeper(Protocol):
    """What a run needs of `runner.execution.artifacts.Artifacts`."""

    def keep(self, run: Run, number: int, step: str, kind: str, data: bytes) -> None:
        """Raises LostRun, OSError."""
        ...


class RunContext:
    """Used by the thread of its run only; whatever it writes carries the attempt's token."""

    def __init__(
        self,
        run: Run,
        script: Script[Any],
        config: ScriptConfig,
        *,
        phone: PhoneSession | None,
        screens: Catalog,
        cancel: CancelToken,
        store: Store,
        artifacts: ArtifactKeeper,
        materials: Materials,
        work_dir: Path,
    ) -> None:
        self._run = run
        self._phone = phone
        self._store = store
        self._artifacts = artifacts
        self._work_dir = work_dir
        self._journal = Journal(store, run, script.steps, self._keep_failure)
        self._kept = 0
        self.config = config
        self.screens = screens
        self.cancel = cancel
        self.materials = materials
        self.fenced = False

    @property
    def task_id(self) -> int:
        return self._run.task.id

    @property
    def attempt(self) -> int:
        return self._run.task.attempt

    @property
    def account(self) -> Account | None:
        task = self._run.task
        return Account(task.username, task.app, task.package) if task.username else None

    @property
    def phone(self) -> PhoneSession:
        if self._phone is None:
            raise RuntimeError("this script says needs_phone = False, so it has no phone")
        return self._phone

    @property
    def rng_seed(self) -> int:
        task = self._run.task
        digest = hashlib.sha256(f"{task.id} {task.created_at.isoformat()}".encode()).digest()
        return int.from_bytes(digest[:8], "big")

    @property
    def check_published_first(self) -> bool:
        return self._run.task.force

    @property
    def work_dir(self) -> Path:
        self._work_dir.mkdir(parents=True, exist_ok=True)
        return self._work_dir

    def step(self, name: str, *, detail: str = "") -> AbstractContextManager[OpenStep]:
        self.cancel.check()
        return self._journal.step(name, detail)

    def note(self, message: str, **details: Any) -> None:
        self.cancel.check()
        self._journal.note(message, details)

    def keep_screen(self, why: str, hierarchy: Hierarchy | None = None) -> None:
        self.cancel.check()
        step = self._journal.current
        if step is not None and self._kept < _MOST_KEPT:
            self._kept += 1
            if self._keep(step, self.phone, hierarchy):
                self._journal.note(f"kept the screen: {why}", {})

    def publish(self, tap: Callable[[], None]) -> None:
        self.cancel.check()
        if self.fenced:
            raise RuntimeError("a run publishes once, and this one has")
        self._store.fence(self._run, datetime.now(UTC))
        self.fenced = self._journal.may_miss = True
        log.info("publish fence committed")
        tap()

    def place_of(self, error: BaseException) -> str:
        """Where in the run this error came up, as a remark begins."""
        return self._journal.place_of(error)

    def close(self) -> None:
        """Remove the run's folder."""
        shutil.rmtree(self._work_dir, ignore_errors=True)
        if self._work_dir.exists():
            log.warning("run folder not removed", path=str(self._work_dir))

    def _keep_failure(self, step: OpenStep, error: BaseException) -> None:
        if not (self._phone is None or self.cancel.cancelled or isinstance(error, _NOTHING_TO_SEE)):
            self._keep(step, self._phone, None)

    def _keep(self, step: OpenStep, phone: PhoneSession, hierarchy: Hierarchy | None) -> bool:
        """Never the reason why a run fails."""
        try:
            shown = hierarchy or phone.hierarchy(seconds=_SCREEN_TIMEOUT)
            self._artifacts.keep(self._run, step.number, step.name, "hierarchy", shown.xml)
            self._artifacts.keep(self._run, step.number, step.name, "screenshot", phone.screenshot())
        except (RunnerError, OSError) as error:
            log.info("screen not kept", step=step.name, error=str(error))
            return False
        return True
