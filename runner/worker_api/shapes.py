"""What goes in and out of the Worker Tasks API, field by field as its workers know it.

Source: the API's public documentation; timestamps are UTC with a Z, `config` is a JSON object as a string.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from runner.worker_api.flow import ServiceType, WorkerStatus
from runner.worker_api.types import (
    NewRequest,
    NewWorkerTask,
    Request,
    Server,
    ServerTasks,
    Update,
    WorkerTask,
    WorkerTaskPage,
)

MOST_TASKS = 1000
"""Per page."""
MOST_ITEMS = 500
"""Per bulk."""


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("the character NUL can't be kept")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character") from None
    return value


def _compact(config: dict[str, Any]) -> str:
    """As the API's own documentation writes it: no spaces, any script."""
    return json.dumps(config, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _storable_config(config: dict[str, Any]) -> dict[str, Any]:
    _storable(_compact(config))
    return config


Text = Annotated[str, AfterValidator(_storable)]
Config = Annotated[dict[str, Any], AfterValidator(_storable_config)]


# In


class Report(BaseModel):
    """What a worker says about a task: at least one of these."""

    status: Literal["running", "completed", "failed", "canceled"] | None = None
    link_profile: Text | None = Field(default=None, description="URL of the profile.")
    link_post: Text | None = Field(default=None, description="URL of the post.")
    error_message: Text | None = Field(default=None, description="Why it failed.")
    note: Text | None = None
    is_indexed: bool | None = None

    def as_update(self, task_id: str) -> Update | None:
        """None when it says nothing."""
        values = self.model_dump(exclude_none=True)
        if not values:
            return None
        status = values.pop("status", None)
        return Update(task_id, WorkerStatus(status) if status else None, values)


class Bulk(BaseModel):
    items: list[Any] = Field(
        max_length=MOST_ITEMS,
        description="Each with `link_id` and the fields of an update. One bad item never stops the others.",
        examples=[[{"link_id": "uuid-1", "status": "completed", "link_post": "https://example.com/post/1"}]],
    )


class LinkComplete(BaseModel):
    link_id: Text
    link_profile: Text | None = None
    link_post: Text | None = None


class Health(BaseModel):
    """A heartbeat, every 30 to 60 s. Percentages are of the whole computer."""

    model_config = ConfigDict(allow_inf_nan=False)

    server_name: Text | None = None
    ip: Text | None = None
    cpu_usage: float | None = None
    ram_usage: float | None = None
    disk_usage: float | None = None
    active_threads: int | None = None
    active_tasks: int | None = None


class _OfAdministrator(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class TaskOfRequest(_OfAdministrator):
    site_name: Text = Field(min_length=1, examples=["tiktok.com"])
    username: Text = Field(default="", examples=["user123"])
    email: Text = ""
    password: Text = Field(default="", repr=False, description="Kept sealed, until the task has ended.")
    about: Text = ""
    auction_price: float = Field(default=0, ge=0, allow_inf_nan=False, description="Credits per link.")
    max_retries: int = Field(default=3, ge=0, le=100)
    config: Config = Field(default={}, examples=[{"captions": "Hi", "material_list": ["/media/clip.mp4"]}])
    server: Text | None = Field(default=None, description="The worker server that shall do it; else any.")


class RequestOfAdministrator(_OfAdministrator):
    request_name: Text = Field(min_length=1, examples=["Campaign A"])
    request_website: Text = ""
    type_request: Text = "normal"
    service_type: ServiceType = ServiceType.SOCIAL
    tasks: list[TaskOfRequest] = Field(min_length=1, max_length=20_000)

    def as_new(self) -> NewRequest:
        return NewRequest(
            self.request_name,
            self.request_website,
            self.type_request,
            self.service_type,
            [
                NewWorkerTask(**dict(task) | {"config": _compact(task.config), "server": task.server or None})
                for task in self.tasks
            ],
        )


# Out


def task_page(
    server: Server, page: WorkerTaskPage, passwords: Mapping[str, str], *, number: int, limit: int
) -> dict[str, Any]:
    return {
        "server_id": server.id,
        "server_name": server.name,
        "data": [_task(task, passwords[task.id]) for task in page.tasks],
        "total": page.total,
        "page": number,
        "limit": limit,
        "next_cursor": page.next_cursor,
    }


def _task(task: WorkerTask, password: str) -> dict[str, Any]:
    return {
        "id": task.id,
        "request_id": task.request_id,
        "service_type": task.service_type,
        "site_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, task.site_name)),
        "site_name": task.site_name,
        "email": task.email,
        "username": task.username,
        "password": password,
        "about": task.about,
        "link_profile": task.link_profile,
        "link_post": task.link_post,
        "status": task.status,
        "retry_count": task.retry_count,
        "max_retries": task.max_retries,
        "details": task.error_message or task.note or None,
        "started_at": utc(task.started_at),
        "created_at": utc(task.created_at),
        "request_name": task.request_name,
        "request_website": task.request_website,
        "type_request": task.type_request,
        "auction_price": _number(task.auction_price),
        "config": task.config,
    }


def request_item(request: Request) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "request_name": request.name,
        "request_website": request.website,
        "type_request": request.type_request,
        "service_type": request.service_type,
        "created_at": utc(request.created_at),
        "total": sum(request.counts.values()),
        "counts": request.counts,
    }


def server_item(one: ServerTasks, *, online: bool) -> dict[str, Any]:
    server = one.server
    return {
        "server_id": server.id,
        "name": server.name,
        "online": online,
        "revoked": server.revoked_at is not None,
        "last_seen": utc(server.seen_at),
        "max_tasks": server.max_tasks,
        "counts": one.counts,
        "health": server.health,
    }


def utc(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if instant else None


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value
