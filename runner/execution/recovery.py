"""At start: ends what the runner before this one left running. The publish fence decides, see `endings`."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from runner.execution.endings import of_dead_run
from runner.execution.executor import end
from runner.tasks.settings import TaskSettings
from runner.tasks.store import Store
from runner.tasks.types import LOCAL

log = structlog.get_logger(__name__)


def recover(store: Store, settings: TaskSettings, host: str = LOCAL) -> int:
    """End every run of `host` whose process is gone; how many.

    To be called before anything is started, by a process that is alone on its host.
    """
    left = store.running(host)
    now = datetime.now(UTC)
    for run in left:
        end(store, run, of_dead_run(run.task), settings, now, recovered=True)
    if left:
        log.warning("the runner before this one was killed", running=len(left))
    return len(left)
