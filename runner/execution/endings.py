"""What an error means for its task: the publish fence decides, then who stopped the run, then the error.

Pure: no database, no phone, no clock.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.errors import (
    AccountUnusable,
    AppMissing,
    AppRefused,
    InvalidRequest,
    MediaUnusable,
    RunnerError,
    WrongAccount,
)
from runner.script import Account, Result
from runner.tasks.types import Ending, Outcome, Task

STOPPED = "stopped"
TIME_LIMIT = "time limit"
SHUTDOWN = "shutdown"
LAPSED = "lapsed"
"""Why a run's token was cancelled."""
GIVE_BACK = (SHUTDOWN, LAPSED)
"""Before the fence these are no failure of the task: it gives up its turn and keeps its place."""

_HOPELESS = (AccountUnusable, AppMissing, InvalidRequest, MediaUnusable, WrongAccount)
"""What a person must mend; repeating the run can't."""


def of_result(task: Task, result: Result, *, fenced: bool) -> Ending:
    """The script returned. A forced retry that did not publish has found the post of the attempt before."""
    published = fenced or task.force
    own = (Account(task.username, task.app, task.package),) if published and task.username else ()
    return Ending(
        Outcome.PUBLISHED if published else Outcome.DONE,
        result.remark,
        post_url=result.post_url,
        profile_url=result.profile_url,
        evidence=plain(result.evidence),
        proved=(*own, *result.proved),
        found=result.found,
    )


def of_error(
    task: Task, error: BaseException, *, place: str, fenced: bool, cancelled: str, time_limit: float
) -> Ending:
    """The script raised. `place` names the step; `cancelled` is why the run was cancelled, else ""."""
    ending = _of_error(task, error, place, fenced, cancelled, time_limit)
    return replace(ending, unusable=error.state) if isinstance(error, AccountUnusable) else ending


def _of_error(
    task: Task, error: BaseException, place: str, fenced: bool, cancelled: str, time_limit: float
) -> Ending:
    why = _why(error, cancelled, time_limit)
    if fenced and isinstance(error, AppRefused):
        return Ending(Outcome.REFUSED, f"{place}: {why}")
    if fenced:
        return Ending(Outcome.UNKNOWN, f"{place}: {why} {_look(task)}")
    if cancelled == STOPPED:
        return Ending(Outcome.STOPPED, STOPPED)
    return Ending(Outcome.FAILED, f"{place}: {why}", retryable=not isinstance(error, _HOPELESS))


def of_dead_run(task: Task) -> Ending:
    """The runner was killed during the run; `task` is the row that it left."""
    during = f"during step '{task.step}'" if task.step else "before the first step"
    if task.fenced_at:
        return Ending(Outcome.UNKNOWN, f"The runner was stopped {during}. {_look(task)}")
    return Ending(
        Outcome.FAILED,
        f"The runner was stopped {during}; nothing was published by this attempt.",
        retryable=True,
    )


def plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """What a script hands over, as JSON can hold it."""
    made: dict[str, Any] = json.loads(json.dumps(dict(details), default=str, skipkeys=True))
    return made


def _why(error: BaseException, cancelled: str, time_limit: float) -> str:
    if cancelled == TIME_LIMIT:
        return f"not done within the time limit of {time_limit:g} s."
    if cancelled == SHUTDOWN:
        return "the runner was shut down."
    if cancelled == LAPSED:
        return "the host could not reach the database, and no longer owns the phone."
    if cancelled:
        return f"{cancelled}."
    if isinstance(error, RunnerError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({Path(last[0].filename).name}:{last[0].lineno})" if last else ""
    return f"{type(error).__name__}: {error}{where}"


def _look(task: Task) -> str:
    account = f"@{task.username}" if task.username else "the account"
    return f"It may have been published: look at {account} on {task.serial}. A retry needs force."
