"""The nouns of a task's life, shared by store, service, executors and the API. Plain data, no behaviour."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from runner.script import Account

LOCAL = "local"
"""The name of the only host. Not the computer's, which may change between two starts."""


class Status(enum.IntEnum):
    """The four states that TikMatrix clients know."""

    PENDING = 0
    RUNNING = 1
    COMPLETED = 2
    FAILED = 3


class Outcome(enum.StrEnum):
    """How an ended task ended; finer than its status."""

    PUBLISHED = "published"
    """Completed, with evidence."""
    DONE = "done"
    """Completed; the script published nothing (switch_account …)."""
    FAILED = "failed"
    """Failed before the publish tap: nothing was published, a retry is safe."""
    REFUSED = "refused"
    """The app said after the tap that it failed; never repeated automatically."""
    UNKNOWN = "unknown"
    """After the tap, no evidence either way: a human must look; a retry needs force."""
    STOPPED = "stopped"
    MISSED = "missed"
    """Not started within the grace after its start time."""


class Source(enum.StrEnum):
    UI = "ui"
    API = "api"
    WORKER = "worker"
    SCHEDULE = "schedule"


@dataclass(frozen=True)
class Task:
    """One row of `tasks`. Datetimes are aware and in UTC."""

    id: int
    batch: str
    """The same for all tasks of one request."""
    serial: str
    username: str
    """Empty when the task has no account."""
    app: str
    package: str
    script_name: str
    script_config: dict[str, Any]
    """As the client sent it (validated, unknown fields refused)."""
    status: Status
    outcome: Outcome | None
    remark: str
    """Why it failed, or what it waits for."""
    source: Source
    retry_count: int
    """Retries so far, by hand and automatic."""
    attempt: int
    """Runs so far; the fencing number of the current one."""
    force: bool
    """A forced retry of an unknown outcome: look for the post first."""
    due_at: datetime
    """Start time, or the moment an automatic retry may begin."""
    scheduled_at: datetime | None
    """The start time that was asked for; None for "now"."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    fenced_at: datetime | None
    """When the current attempt's publish fence was committed."""
    step: str
    step_number: int
    step_count: int
    post_url: str
    profile_url: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NewTask:
    """A planned task that has no row yet: which account on which phone, and when."""

    serial: str
    username: str
    app: str
    package: str
    due_at: datetime
    scheduled_at: datetime | None


@dataclass(frozen=True)
class Run:
    """One attempt of a task. `token` proves that a write comes from this attempt and no other."""

    task: Task
    """As it was when the attempt began."""
    token: str
    retries_used: int
    """Automatic retries since the task was created or retried by hand."""
    retry_limit: int

    @property
    def retries_left(self) -> int:
        return max(0, self.retry_limit - self.retries_used)


@dataclass(frozen=True)
class Ending:
    """How a run ended, and whether the runner may repeat it on its own."""

    outcome: Outcome
    remark: str
    retryable: bool = False
    post_url: str = ""
    profile_url: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    proved: tuple[Account, ...] = ()
    found: tuple[Account, ...] = ()
    """As a `Result` has them."""
    unusable: str = ""
    """The AccountState that the app showed the task's account to be in; "" for none."""


@dataclass(frozen=True)
class StatusChange:
    """One line of a task's history."""

    task_id: int
    change: str
    """The transition's name, see `runner.tasks.states`."""
    source: Status
    target: Status
    cause: str
    attempt: int
    at: datetime


@dataclass(frozen=True)
class Step:
    """One entry of a task's journal."""

    attempt: int
    number: int
    name: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    """"" while open, then "ok", "failed" or "stopped"."""
    detail: str
    notes: list[dict[str, Any]]
    """Each {"at", "message", …}: popups dismissed, choices made."""


@dataclass(frozen=True)
class Artifact:
    """A file kept with a task: screenshot or hierarchy of the failing screen."""

    id: int
    task_id: int
    attempt: int
    step: str
    kind: str
    """"screenshot" or "hierarchy"."""
    path: str
    """Relative to <data-dir>/artifacts."""
    media_type: str
    size: int
    created_at: datetime


@dataclass(frozen=True)
class TaskDetail:
    task: Task
    steps: list[Step]
    artifacts: list[Artifact]


@dataclass(frozen=True)
class CreateTasks:
    """A request for tasks, shape checked, meaning not yet."""

    serials: list[str]
    usernames: list[str]
    script_name: str | None
    script_config: dict[str, Any]
    enable_multi_account: bool = False
    start_time: str | None = None
    """"HH:MM" in the farm's time zone."""
    min_interval: int = 0
    max_interval: int = 0
    """Minutes between the tasks of one request on one device."""
    app: str | None = None
    """Account mode: the app whose account of this name is meant, where both have one."""


@dataclass(frozen=True)
class Created:
    task_ids: list[int]
    replayed: bool = False
    """True when an Idempotency-Key was seen before: nothing new was made."""


@dataclass(frozen=True)
class TaskFilter:
    status: Status | None = None
    serial: str | None = None
    script_name: str | None = None
    source: Source | None = None
    page: int = 1
    page_size: int = 20


@dataclass(frozen=True)
class TaskPage:
    tasks: list[Task]
    total: int
    page: int
    page_size: int
    artifacts: dict[int, list[Artifact]] = field(default_factory=dict)
    """By task id; only of tasks that have some."""


class Retried(NamedTuple):
    """What became of all failed tasks, as numbers."""

    pending: int
    unknown: int
    """Left alone: nobody knows whether they were published."""
    unusable: int
    """Left alone: their account can't be used."""


@dataclass(frozen=True)
class Stats:
    total: int
    pending: int
    running: int
    completed: int
    failed: int
