"""The nouns of the served side, shared by its store and its routes. Plain data, no behaviour."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runner.worker_api.flow import ServiceType, WorkerStatus


class ItemError(enum.StrEnum):
    """Why one update was not made, in the words of the API."""

    NOT_FOUND = "not_found"
    NOT_YOURS = "not_your_task"
    INVALID_STATUS = "invalid_status"
    INVALID_TRANSITION = "invalid_transition"


@dataclass(frozen=True)
class Server:
    """A registered worker server."""

    id: str
    name: str
    max_tasks: int
    """Most unended tasks that are shared out to it; 0: no limit."""
    created_at: datetime
    seen_at: datetime
    """Its last sign of life, at first its registration."""
    revoked_at: datetime | None
    health: dict[str, Any]
    """What its last heartbeat said."""


@dataclass(frozen=True)
class NewServer:
    server: Server
    key: str
    """Exists nowhere else from now on."""


@dataclass(frozen=True)
class ServerTasks:
    server: Server
    counts: dict[WorkerStatus, int]


@dataclass(frozen=True)
class NewWorkerTask:
    site_name: str
    username: str
    email: str
    password: str = field(repr=False)
    about: str
    auction_price: float
    max_retries: int
    config: str
    """A JSON object."""
    server: str | None
    """The name of the server that shall do it; None: whichever has room."""


@dataclass(frozen=True)
class NewRequest:
    """A campaign."""

    name: str
    website: str
    type_request: str
    service_type: ServiceType
    tasks: list[NewWorkerTask]


@dataclass(frozen=True)
class Request:
    id: str
    name: str
    website: str
    type_request: str
    service_type: ServiceType
    created_at: datetime
    counts: dict[WorkerStatus, int]


@dataclass(frozen=True)
class RequestPage:
    requests: list[Request]
    total: int


@dataclass(frozen=True)
class WorkerTask:
    id: str
    request_id: str
    service_type: ServiceType
    site_name: str
    email: str
    username: str
    sealed_password: str = field(repr=False)
    about: str
    link_profile: str
    link_post: str
    status: WorkerStatus
    retry_count: int
    max_retries: int
    error_message: str
    note: str
    started_at: datetime | None
    created_at: datetime
    request_name: str
    request_website: str
    type_request: str
    auction_price: float
    config: str


@dataclass(frozen=True)
class TaskQuery:
    """Which of a server's tasks, and which page of them, in the order of their creation."""

    statuses: tuple[WorkerStatus, ...]
    service_type: ServiceType | None
    limit: int
    page: int
    after: str | None
    """The id that ended the previous page; wins over `page`."""


@dataclass(frozen=True)
class WorkerTaskPage:
    tasks: list[WorkerTask]
    total: int
    next_cursor: str | None


@dataclass(frozen=True)
class Update:
    """What a worker says about one task; `values` are the columns that it names, without the status."""

    task_id: str
    status: WorkerStatus | None
    values: dict[str, Any]
