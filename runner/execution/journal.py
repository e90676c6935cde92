"""The journal of one run: which steps it took, when, how each ended, and what was noted on the way.

Each entry is written when it happens, so that a killed run leaves its trace. It knows no phone: the screens
of failed steps are kept by `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog

from runner.errors import Cancelled, LostRun, StoreAway, StoreError
from runner.execution.endings import plain
from runner.tasks.store import Store
from runner.tasks.types import Run

log = structlog.get_logger(__name__)

T = TypeVar("T")


class OpenStep:
    """A step that is being taken; the script may fill in `detail`."""

    def __init__(self, step_id: int | None, number: int, name: str, detail: str) -> None:
        self.id = step_id
        """None: it could not be journalled."""
        self.number = number
        self.name = name
        self.detail = detail
        self.notes: list[dict[str, Any]] = []


class Journal:
    """Used by the thread of its run only."""

    def __init__(
        self,
        store: Store,
        run: Run,
        steps: Sequence[str],
        on_failure: Callable[[OpenStep, BaseException], None],
    ) -> None:
        """`steps` are the script's steps in order; `on_failure` may look at the phone as it is then."""
        self._store = store
        self._run = run
        self._steps = steps
        self._on_failure = on_failure
        self._open: list[OpenStep] = []
        self._taken = 0
        self._last = ""
        self.may_miss = False
        """Go on while the database can't be reached, as a run behind its publish fence must."""
        self._failed: tuple[BaseException, str] | None = None

    @contextmanager
    def step(self, name: str, detail: str) -> Iterator[OpenStep]:
        """Raises LostRun when the run is no longer the task's."""
        self._taken += 1
        number = self._steps.index(name) + 1 if name in self._steps else self._taken
        step = OpenStep(self._opened(name, number, detail), number, name, detail)
        log.info("step", step=name, number=number)
        self._open.append(step)
        self._last = name
        try:
            yield step
        except (Exception, SystemExit) as error:
            self._fail(step, error)
            raise
        else:
            self._close(step, "ok")
        finally:
            self._open.remove(step)

    def note(self, message: str, details: dict[str, Any]) -> None:
        """Raises LostRun. Outside of any step only the log has it."""
        log.info(message, **details)
        if step := self.current:
            step.notes.append({"at": datetime.now(UTC).isoformat(), "message": message, **plain(details)})
            self._write(step, {"notes": step.notes})

    @property
    def current(self) -> OpenStep | None:
        return self._open[-1] if self._open else None

    def place_of(self, error: BaseException) -> str:
        """Where in the run this error came up, as a remark begins."""
        if self._failed and self._failed[0] is error:
            return f"step '{self._failed[1]}'"
        return f"after step '{self._last}'" if self._last else "before the first step"

    def _fail(self, step: OpenStep, error: BaseException) -> None:
        if not (self._failed and self._failed[0] is error):  # else a step inside this one has told already
            self._failed = error, step.name
            self._on_failure(step, error)
        try:
            self._close(step, "stopped" if isinstance(error, Cancelled) else "failed")
        except (LostRun, StoreError) as second:
            log.warning("step not journalled", step=step.name, error=str(second))

    def _close(self, step: OpenStep, outcome: str) -> None:
        self._write(step, {"outcome": outcome, "detail": step.detail, "ended_at": datetime.now(UTC)})

    def _opened(self, name: str, number: int, detail: str) -> int | None:
        now = datetime.now(UTC)
        return self._unless_away(
            name, lambda: self._store.open_step(self._run, name, number, len(self._steps), detail, now)
        )

    def _write(self, step: OpenStep, values: Mapping[str, Any]) -> None:
        if (step_id := step.id) is not None:
            self._unless_away(step.name, lambda: self._store.write_step(self._run, step_id, values))

    def _unless_away(self, step: str, write: Callable[[], T]) -> T | None:
        """What `write` gives; None when the database is away and the journal may miss it."""
        try:
            return write()
        except StoreAway as error:
            if not self.may_miss:
                raise
            log.warning("step not journalled", step=step, error=str(error))
            return None
