"""What may be asked of tasks: create, read, stop, retry, delete. The API, the CLI and upstreams call this.

Thread-safe and blocking (a few milliseconds of database); never touches a phone itself.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.accounts import marks
from runner.errors import InvalidRequest, NotFound, ScriptMissing
from runner.tasks.planning import plan
from runner.tasks.store import IdempotencyKey, Store
from runner.tasks.types import (
    Created,
    CreateTasks,
    NewTask,
    Outcome,
    Retried,
    Source,
    Stats,
    Status,
    Task,
    TaskDetail,
    TaskFilter,
    TaskPage,
)

if TYPE_CHECKING:
    from runner.execution.artifacts import Artifacts
    from runner.execution.dispatch import Dispatcher
    from runner.execution.scripts import Scripts
    from runner.farm.model import Farm
    from runner.materials.supply import Supply
    from runner.tasks.settings import TaskSettings

TaskIds = list[int]

STOP_TIMEOUT = 5.0
"""Seconds that stop and delete wait for a run to end."""


class TaskService:
    def __init__(
        self,
        store: Store,
        *,
        farm: Callable[[], Farm],
        scripts: Scripts,
        settings: TaskSettings,
        dispatcher: Dispatcher,
        artifacts: Artifacts,
        materials: Supply,
    ) -> None:
        """`farm` gives the farm as it is now."""
        self._store = store
        self._farm = farm
        self._scripts = scripts
        self._settings = settings
        self._dispatcher = dispatcher
        self._artifacts = artifacts
        self._materials = materials

    def create(
        self, request: CreateTasks, *, source: Source = Source.API, idempotency_key: str | None = None
    ) -> Created:
        """All or nothing. Raises InvalidRequest, ScriptMissing, ScriptUnknown."""
        idempotency = _idempotency(idempotency_key, request) if idempotency_key is not None else None
        if idempotency and (seen := self._store.recall(idempotency)):
            return seen
        if not request.script_name:
            raise ScriptMissing(field="script_name")
        script = self._scripts.get(request.script_name)
        now = datetime.now(UTC)
        planned = plan(
            request,
            self._farm(),
            script,
            source=source,
            now=now,
            rng=random.Random(),
            materials=self._materials.for_request(),
        )
        if not (script.proves_account or request.enable_multi_account):
            self._refuse_unusable(planned, request)
        return self._store.create(
            planned,
            script_name=request.script_name,
            script_config=request.script_config,
            source=source,
            retry_limit=self._settings.auto_retry,
            now=now,
            idempotency=idempotency,
        )

    def list(self, criteria: TaskFilter) -> TaskPage:
        """Newest first."""
        return self._store.list(criteria)

    def get(self, task_id: int) -> TaskDetail:
        """Raises NotFound."""
        detail = self._store.detail(task_id)
        if detail is None:
            raise _not_found(task_id)
        return detail

    def stats(self) -> Stats:
        return self._store.stats()

    def stop(self, task_id: int) -> Task:
        """Stop a running task or withdraw a pending one; waits (at most 5 s) until it has ended.

        Raises NotFound, InvalidRequest when it has ended already.
        """
        task = self._task(task_id)
        if task.status in (Status.COMPLETED, Status.FAILED):
            raise InvalidRequest(
                f"Task {task_id} has ended already: it is {task.status.name.lower()}.",
                field="task_id",
                value=task_id,
                remedy="Only a running or a pending task can be stopped.",
            )
        if not self._store.withdraw([task_id], datetime.now(UTC)):
            self._dispatcher.stop([task_id], STOP_TIMEOUT)
            # It may have failed by itself just before, and wait for an automatic retry.
            self._store.withdraw([task_id], datetime.now(UTC))
        return self._task(task_id)

    def retry(self, task_id: int, *, force: bool = False) -> Task:
        """Failed → pending. Raises NotFound, InvalidRequest for any other status.

        Also InvalidRequest for outcome unknown without force, and for an account that can't be used.
        """
        self._refuse_unusable_again(self._task(task_id))
        again = self._store.retry(
            task_id, force=force, retry_limit=self._settings.auto_retry, now=datetime.now(UTC)
        )
        if again:
            return again
        task = self._task(task_id)
        if task.status is Status.FAILED and task.outcome is Outcome.UNKNOWN:
            raise InvalidRequest(
                f"Task {task_id} may have been published: its outcome is unknown.",
                field="force",
                value=force,
                remedy=f"Look at {task.username or 'the account'} on {task.serial}. If the post isn't there, "
                "retry with force=true; the run then looks for it once more before it publishes.",
            )
        raise InvalidRequest(
            f"Task {task_id} is {task.status.name.lower()}.",
            field="task_id",
            value=task_id,
            remedy="Only a failed task can be retried.",
        )

    def retry_all(self) -> Retried:
        """Every failed one that `retry` would take without force."""
        return self._store.retry_all(
            retry_limit=self._settings.auto_retry, now=datetime.now(UTC), proving=self._scripts.proving
        )

    def delete(self, task_ids: TaskIds) -> tuple[TaskIds, TaskIds]:
        """Stop what runs, then remove; (deleted, not found)."""
        once = list(dict.fromkeys(task_ids))
        self._store.withdraw(once, datetime.now(UTC))
        self._dispatcher.stop(once, STOP_TIMEOUT)
        deleted, files = self._store.delete(once)
        self._artifacts.remove_files(files)
        return [one for one in once if one in deleted], [one for one in once if one not in deleted]

    def _refuse_unusable(self, planned: Sequence[NewTask], request: CreateTasks) -> None:
        """With enable_multi_account they are created, and fail by themselves beside the phone's others."""
        unusable = {
            (account.serial, account.app, account.username): account
            for account in self._store.unusable({new.serial for new in planned})
        }
        wanted = [(new.serial, new.app, new.username.lower()) for new in planned]
        if found := [unusable[each] for each in wanted if each in unusable]:
            field = "usernames" if request.usernames else "serials"
            raise InvalidRequest(
                f"{field}: {' '.join(map(marks.remark, found))}",
                field=field,
                value=[account.username for account in found],
            )

    def _refuse_unusable_again(self, task: Task) -> None:
        if task.status is not Status.FAILED or task.script_name in self._scripts.proving:
            return
        for account in self._store.unusable([task.serial]):
            if (account.app, account.username) == (task.app, task.username.lower()):
                raise InvalidRequest(
                    f"Task {task.id} can't be retried: {marks.remark(account)}",
                    field="task_id",
                    value=task.id,
                )

    def _task(self, task_id: int) -> Task:
        task = self._store.task(task_id)
        if task is None:
            raise _not_found(task_id)
        return task


def _not_found(task_id: int) -> NotFound:
    return NotFound(f"There is no task {task_id}.", remedy="`runner tasks list` shows those that exist.")


def _idempotency(key: str, request: CreateTasks) -> IdempotencyKey:
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= 255):
        raise InvalidRequest(
            "Idempotency-Key must be 1 to 255 printable ASCII characters.",
            field="Idempotency-Key",
            value=key,
            remedy="A random UUID will do.",
        )
    body = json.dumps(asdict(request), sort_keys=True)
    return IdempotencyKey(key, hashlib.sha256(body.encode()).hexdigest())
