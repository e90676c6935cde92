"""What may be asked of tasks: create, read, stop, retry, delete. The API, the CLI and upstreams call this.

Thread-safe and blocking (a few milliseconds of database); never touches a phone itself.
"""

from __future__ import annotations

from runner.tasks.types import Created, CreateTasks, Source, Stats, Task, TaskDetail, TaskFilter, TaskPage


class TaskService:
    def create(
        self, request: CreateTasks, *, source: Source = Source.API, idempotency_key: str | None = None
    ) -> Created:
        """All or nothing. Raises InvalidRequest, ScriptMissing, ScriptUnknown."""
        raise NotImplementedError

    def list(self, criteria: TaskFilter) -> TaskPage:
        """Newest first."""
        raise NotImplementedError

    def get(self, task_id: int) -> TaskDetail:
        """Raises NotFound."""
        raise NotImplementedError

    def stats(self) -> Stats:
        raise NotImplementedError

    def stop(self, task_id: int) -> Task:
        """Stop a running task or withdraw a pending one; waits (at most 5 s) until it has ended.

        Raises NotFound, InvalidRequest when it has ended already.
        """
        raise NotImplementedError

    def retry(self, task_id: int, *, force: bool = False) -> Task:
        """Failed → pending. Raises InvalidRequest for any other status, and for outcome unknown without force."""
        raise NotImplementedError

    def retry_all(self) -> tuple[int, int]:
        """(how many went back to pending, how many were left alone because their outcome is unknown)."""
        raise NotImplementedError

    def delete(self, task_ids: list[int]) -> tuple[list[int], list[int]]:
        """Stop what runs, then remove; (deleted, not found)."""
        raise NotImplementedError
