"""/api/v1/worker: the calls of worker servers, by their keys, and those of the administrator.

Every answer of these calls has the shape of the Worker Tasks API, errors included:
`{"success": false, "message": str}`; the local API's envelope is not used here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from runner.errors import InvalidRequest, NotFound, RunnerError, StoreError
from runner.mistakes import dotted, sentence
from runner.worker_api import PREFIX
from runner.worker_api.flow import WAITING, ServiceType, WorkerStatus
from runner.worker_api.served import KeyRefused, Served, TooManyKeys
from runner.worker_api.shapes import (
    MOST_ITEMS,
    MOST_TASKS,
    Bulk,
    Health,
    LinkComplete,
    Report,
    RequestOfAdministrator,
    Text,
    request_item,
    server_item,
    task_page,
    utc,
)
from runner.worker_api.types import ItemError, Server, TaskQuery, Update

if TYPE_CHECKING:
    from runner.service import Service

log = structlog.get_logger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
WordT = TypeVar("WordT", WorkerStatus, ServiceType)


class NotYours(RunnerError):
    """This task belongs to another server."""


_STATUSES: list[tuple[type[RunnerError], int]] = [
    (InvalidRequest, 400),
    (KeyRefused, 401),
    (NotYours, 403),
    (NotFound, 404),
    (TooManyKeys, 429),
    (StoreError, 503),
]


def router(service: Service) -> APIRouter:
    """All calls below /worker."""
    served = service.worker_api.served
    routes = APIRouter(prefix=PREFIX)
    routes.include_router(_of_workers(served))
    routes.include_router(_of_administrator(service))
    routes.include_router(_nothing_else())
    return routes


# The calls of worker servers


def _of_workers(served: Served) -> APIRouter:
    routes = APIRouter(
        tags=["worker tasks"],
        route_class=_keyed(served),
        dependencies=[Depends(APIKeyHeader(name="X-API-Key", auto_error=False))],
    )

    @routes.get("/tasks", summary="List my tasks")
    def list_tasks(request: Request, query: Annotated[TaskQuery, Depends(_query)]) -> JSONResponse:
        server = _server(request)
        page = served.store.tasks(server.id, query)
        passwords = {task.id: served.password_of(task) for task in page.tasks}
        return JSONResponse(task_page(server, page, passwords, number=query.page, limit=query.limit))

    @routes.put("/tasks/bulk", summary="Update up to 500 tasks")
    def update_tasks(request: Request, body: Bulk) -> JSONResponse:
        results = _update_each(served, _server(request), body.items)
        failed = sum(not result["success"] for result in results)
        total = len(results)
        return JSONResponse({"total": total, "success": total - failed, "failed": failed, "results": results})

    @routes.put("/tasks/{task_id}", summary="Update a task")
    def update_task(request: Request, task_id: Text, body: Report) -> JSONResponse:
        update = body.as_update(task_id)
        if update is None:
            raise InvalidRequest(
                f"The body names no field to update; it may name {', '.join(Report.model_fields)}."
            )
        [error] = served.store.update(_server(request), [update], datetime.now(UTC))
        _raise(error, task_id, body.status)
        return _success({"updated": True, "link_id": task_id})

    @routes.post("/callback/link/complete", summary="Say that a task is done")
    def complete(request: Request, body: LinkComplete) -> JSONResponse:
        values = body.model_dump(exclude={"link_id"}, exclude_none=True)
        error = served.store.complete(_server(request), body.link_id, values, datetime.now(UTC))
        _raise(error, body.link_id, WorkerStatus.COMPLETED)
        return _success({"completed": True})

    @routes.post("/health", summary="Heartbeat")
    def heartbeat(request: Request, body: Health) -> JSONResponse:
        server = _server(request)
        now = served.heartbeat(server, body.model_dump(exclude_none=True))
        return _success(
            {"status": "ok", "server_id": server.id, "server_name": server.name, "server_time": utc(now)}
        )

    return routes


def _query(
    page: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
    limit: Annotated[int, Query(ge=1, le=MOST_TASKS)] = 100,
    after: Annotated[Text, Query(description="The id that ended the previous page; wins over `page`.")] = "",
    status: Annotated[str, Query(description="Comma-separated. Default: pending,queued.")] = "",
    service_type: Annotated[str, Query(description="Default: all.")] = "",
) -> TaskQuery:
    words = [word.strip() for word in status.split(",") if word.strip()]
    statuses = tuple(dict.fromkeys(_one_of(WorkerStatus, "status", word) for word in words)) or WAITING
    kind = _one_of(ServiceType, "service_type", service_type) if service_type else None
    return TaskQuery(tuple(sorted(statuses)), kind, limit, page, after or None)


def _one_of(known: type[WordT], field: str, word: str) -> WordT:
    try:
        return known(word)
    except ValueError:
        raise InvalidRequest(
            f'{field}: "{word}" is not one of {", ".join(known)}.', field=field, value=word
        ) from None


def _update_each(served: Served, server: Server, items: list[Any]) -> list[dict[str, Any]]:
    """One result per item, in order."""
    results: list[dict[str, Any]] = []
    updates = []
    for item in items:
        link_id = item.get("link_id") if isinstance(item, dict) else None
        if isinstance(link_id, str):
            link_id = link_id.encode("utf-8", "replace").decode().replace("\0", "?")
        error = None
        if not isinstance(link_id, str):
            error = ItemError.NOT_FOUND
        elif (update := _update(link_id, item)) is None:
            error = ItemError.INVALID_STATUS
        else:
            updates.append((len(results), update))
        results.append(_result(link_id, error))
    errors = served.store.update(server, [update for _, update in updates], datetime.now(UTC))
    for (place, update), error in zip(updates, errors, strict=True):
        results[place] = _result(update.task_id, error)
    return results


def _update(link_id: str, item: dict[str, Any]) -> Update | None:
    try:
        return Report.model_validate(item).as_update(link_id)
    except ValidationError:
        return None


def _result(link_id: object, error: ItemError | None) -> dict[str, Any]:
    if error is None:
        return {"link_id": link_id, "success": True}
    return {"link_id": link_id, "success": False, "error": error}


def _raise(error: ItemError | None, task_id: str, status: str | None) -> None:
    match error:
        case ItemError.NOT_FOUND:
            raise NotFound(f"There is no task {task_id}.")
        case ItemError.NOT_YOURS:
            raise NotYours(f"Task {task_id} belongs to another server.")
        case ItemError.INVALID_TRANSITION:
            raise InvalidRequest(f"invalid_transition: task {task_id} can't become {status} now.")


# The calls of the administrator, whom the local API's own guard has let in


def _of_administrator(service: Service) -> APIRouter:
    routes = APIRouter(tags=["worker requests"], route_class=_Route)
    served = service.worker_api.served

    @routes.post("/requests", summary="Create a request with its tasks", status_code=201)
    def create_request(body: RequestOfAdministrator) -> JSONResponse:
        """Its tasks are shared out over the servers that are online and have room."""
        request_id = served.create_request(body.as_new())
        return _success({"request_id": request_id, "created": len(body.tasks)}, status=201)

    @routes.get("/requests", summary="List requests with the counts of their tasks")
    def list_requests(
        page: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
        limit: Annotated[int, Query(ge=1, le=MOST_TASKS)] = 100,
    ) -> JSONResponse:
        found = served.store.requests(page, limit)
        return JSONResponse(
            {
                "success": True,
                "data": [request_item(request) for request in found.requests],
                "total": found.total,
                "page": page,
                "limit": limit,
            }
        )

    @routes.post("/requests/{request_id}/cancel", summary="Cancel a request's unended tasks")
    def cancel_request(request_id: Text) -> JSONResponse:
        return _success({"canceled": served.store.cancel_request(request_id, datetime.now(UTC))})

    @routes.get("/servers", summary="List worker servers, their load and what they last said")
    def list_servers() -> JSONResponse:
        now = datetime.now(UTC)
        return _success(
            [server_item(one, online=served.is_online(one.server, now)) for one in served.store.servers()]
        )

    @routes.get("/upstreams", summary="What was taken from upstreams, and what they were not told yet")
    def list_upstreams() -> JSONResponse:
        return _success(service.worker_api.upstreams_now())

    return routes


def _nothing_else() -> APIRouter:
    """So that also an unknown path or method below /worker answers in this API's shape."""
    routes = APIRouter(route_class=_Route, include_in_schema=False)

    @routes.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def nothing(request: Request, rest: str) -> JSONResponse:
        raise NotFound(f"There is nothing at {request.method} {request.url.path}.")

    return routes


# How every one of them answers


class _Route(APIRoute):
    """Answers every error in the shape of this API."""

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as error:
                return failure(400, _first_mistakes(error))
            except HTTPException as error:
                detail = (
                    "The body is not valid UTF-8 JSON." if error.status_code == 400 else str(error.detail)
                )
                return failure(error.status_code, detail)
            except RunnerError as error:
                return _answer_to(error)
            except Exception:
                log.exception("worker call failed", path=request.url.path)
                return failure(500, _internal_error(request))

        return handle


def _keyed(served: Served) -> type[_Route]:
    """Routes that read nothing of a request before they know whose it is."""

    class Keyed(_Route):
        def get_route_handler(self) -> Handler:
            answer = super().get_route_handler()

            async def handle(request: Request) -> Response:
                key = request.headers.get("x-api-key", "")
                address = request.client.host if request.client else ""
                try:
                    request.state.server = await run_in_threadpool(served.authenticate, key, address)
                except RunnerError as error:
                    return _answer_to(error)
                return await answer(request)

            return handle

    return Keyed


def _server(request: Request) -> Server:
    server: Server = request.state.server
    return server


def _answer_to(error: RunnerError) -> JSONResponse:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    if status >= 500:
        log.error("worker call failed", exc_info=error)
    answer = failure(status, str(error))
    if isinstance(error, TooManyKeys):
        answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _success(data: Any, *, status: int = 200) -> JSONResponse:
    return JSONResponse({"success": True, "data": data}, status)


def failure(status: int, message: str) -> JSONResponse:
    return JSONResponse({"success": False, "message": message}, status)


def _internal_error(request: Request) -> str:
    return (
        "Something went wrong inside the runner; its log has the details under request id "
        f"{request.state.request_id}."
    )


def _first_mistakes(error: RequestValidationError) -> str:
    mistakes: list[Any] = list(error.errors())
    if mistakes[0]["type"] == "json_invalid":
        return "The body is not valid JSON."
    return "; ".join(_mistake(details) for details in mistakes[:5]) + "."


def _mistake(details: Any) -> str:
    location = details["loc"][1:]
    if not location:
        return "the body must be a JSON object"
    if details["type"] == "too_long" and location == ("items",):
        return f"items: at most {MOST_ITEMS} at once; nothing was applied"
    if any("password" in str(part) for part in location):
        return f"{dotted(location)} must be text"
    return sentence(details, dotted(location))
