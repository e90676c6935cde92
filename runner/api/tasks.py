"""/api/v1/task: create, list, show, stop, retry and delete tasks, and read what they left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Response
from fastapi.responses import FileResponse

from runner.api.envelope import Envelope
from runner.api.shapes import (
    CreatedTasks,
    DeletedTasks,
    NewTasks,
    RetriedTasks,
    RetryOptions,
    TaskIds,
    TaskItem,
    TaskList,
    TaskStats,
    TaskWithJournal,
    task_item,
    task_with_journal,
)
from runner.errors import InvalidRequest, NotFound, ScriptMissing
from runner.tasks.types import CreateTasks, Source, Status, TaskFilter

if TYPE_CHECKING:
    from runner.service import Service

LARGEST_ID = 2**31 - 1
"""What the database's id column holds; a larger number is no task's."""


def _task_id(task_id: Annotated[int, Path(examples=[101])]) -> int:
    if not 0 < task_id <= LARGEST_ID:
        raise NotFound(f"There is no task {task_id}.")
    return task_id


TaskId = Annotated[int, Depends(_task_id)]


def _criteria(
    status: Annotated[
        int | None, Query(ge=0, le=3, description="0 pending, 1 running, 2 completed, 3 failed.")
    ] = None,
    serial: str | None = None,
    script_name: str | None = None,
    source: Literal["ui", "api", "worker", "schedule"] | None = None,
    page: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> TaskFilter:
    return TaskFilter(
        status=None if status is None else Status(status),
        serial=serial,
        script_name=script_name,
        source=Source(source) if source else None,
        page=page,
        page_size=page_size,
    )


Criteria = Annotated[TaskFilter, Depends(_criteria)]
"""Which tasks, and which page of them."""


def routes(service: Service) -> APIRouter:
    """The calls on tasks. Fixed names stand before `/task/{task_id}`, which would swallow them."""
    router = APIRouter(prefix="/task", tags=["tasks"])
    tasks = service.tasks

    @router.post("", summary="Create tasks")
    def create(
        body: NewTasks,
        response: Response,
        idempotency_key: Annotated[
            str | None,
            Header(max_length=255, description="The same key and body again: the same ids, no new task."),
        ] = None,
        x_task_source: Annotated[Literal["api", "ui"], Header(description="Shown as the source.")] = "api",
    ) -> Envelope[CreatedTasks]:
        """All or nothing: one unknown serial or username creates no task."""
        created = tasks.create(
            _create_tasks(body), source=Source(x_task_source), idempotency_key=idempotency_key or None
        )
        if created.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return Envelope(data=CreatedTasks(task_ids=created.task_ids, created_count=len(created.task_ids)))

    @router.get("", summary="List tasks, newest first")
    def list_tasks(
        criteria: Criteria,
    ) -> Envelope[TaskList]:
        return Envelope(data=task_list(service, criteria))

    @router.get("/stats", summary="Count tasks by status")
    def stats() -> Envelope[TaskStats]:
        return Envelope(data=TaskStats(**vars(tasks.stats())))

    @router.post("/retry-all", summary="Retry all failed tasks")
    def retry_all() -> Envelope[RetriedTasks]:
        """Tasks whose outcome is unknown or whose account can't be used are left alone."""
        retried = tasks.retry_all()
        return Envelope(
            data=RetriedTasks(
                retried_count=retried.pending,
                unknown_outcome_count=retried.unknown,
                unusable_account_count=retried.unusable,
            )
        )

    @router.delete("/batch", summary="Delete many tasks")
    def delete_many(body: TaskIds) -> Envelope[DeletedTasks]:
        """Running ones are stopped first."""
        asked = list(dict.fromkeys(body.task_ids))
        deleted, _ = tasks.delete([one for one in asked if 0 < one <= LARGEST_ID])
        gone = set(deleted)
        not_found = [one for one in asked if one not in gone]
        return Envelope(data=DeletedTasks(deleted=deleted, not_found=not_found, deleted_count=len(deleted)))

    @router.get("/{task_id}", summary="Show one task with its journal")
    def show(task_id: TaskId) -> Envelope[TaskWithJournal]:
        return Envelope(data=task_with_journal(tasks.get(task_id), service.farm.farm))

    @router.delete("/{task_id}", summary="Delete a task")
    def delete(task_id: TaskId) -> Envelope[DeletedTasks]:
        """A running one is stopped first."""
        deleted, not_found = tasks.delete([task_id])
        if not_found:
            raise NotFound(f"There is no task {task_id}.")
        return Envelope(data=DeletedTasks(deleted=deleted, not_found=[], deleted_count=1))

    @router.post("/{task_id}/stop", summary="Stop a running task, withdraw a pending one")
    def stop(task_id: TaskId) -> Envelope[TaskItem]:
        return Envelope(data=task_item(tasks.stop(task_id), [], service.farm.farm))

    @router.post("/{task_id}/retry", summary="Retry a failed task")
    def retry(
        task_id: TaskId,
        force: Annotated[
            bool,
            Query(description="Also when it is unknown whether it was published: look first, then post."),
        ] = False,
        body: Annotated[RetryOptions | None, Body()] = None,
    ) -> Envelope[TaskItem]:
        forced = force or (body is not None and body.force)
        return Envelope(data=task_item(tasks.retry(task_id, force=forced), [], service.farm.farm))

    @router.get("/{task_id}/artifacts/{artifact_id}", summary="Get a screenshot or hierarchy")
    def artifact(task_id: TaskId, artifact_id: int) -> FileResponse:
        kept = {artifact.id: artifact for artifact in tasks.get(task_id).artifacts}
        wanted = kept.get(artifact_id)
        if wanted is None:
            raise NotFound(f"Task {task_id} has no artifact {artifact_id}.")
        root = (service.settings.data_dir / "artifacts").resolve()
        path = (root / wanted.path).resolve()
        if not (path.is_relative_to(root) and path.is_file()):
            raise NotFound(
                "The file is no longer kept.", remedy="tasks.artifact_keep_days says for how long it is."
            )
        is_picture = wanted.media_type.startswith("image/")
        return FileResponse(
            path,
            media_type=wanted.media_type,
            filename=path.name,
            content_disposition_type="inline" if is_picture else "attachment",
        )

    return router


def task_list(service: Service, criteria: TaskFilter) -> TaskList:
    """One page of tasks as clients see it."""
    page = service.tasks.list(criteria)
    farm = service.farm.farm
    items = [task_item(task, page.artifacts.get(task.id, []), farm) for task in page.tasks]
    return TaskList(tasks=items, total=page.total, page=page.page, page_size=page.page_size)


def _create_tasks(body: NewTasks) -> CreateTasks:
    if not body.script_name:
        raise ScriptMissing
    if body.script_config is None:
        raise InvalidRequest(
            "script_config is missing; send the script's fields, or {}.", field="script_config"
        )
    return CreateTasks(
        serials=body.serials or [],
        usernames=body.usernames or [],
        script_name=body.script_name,
        script_config=body.script_config,
        enable_multi_account=body.enable_multi_account or False,
        start_time=body.start_time or None,
        min_interval=body.min_interval or 0,
        max_interval=body.max_interval or 0,
    )
