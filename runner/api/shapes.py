"""What goes in and out of the API, as TikMatrix clients know it, and how the runner's own nouns become that.

Shapes only: what a field's value means for the farm is checked where tasks are planned.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runner.accounts.types import AccountState
from runner.farm.model import Device, Farm
from runner.mistakes import unknown_key
from runner.phones.status import PhoneState
from runner.tasks.types import Artifact, Outcome, Status, Step, Task, TaskDetail


class Body(BaseModel):
    """A request's body: no guessing at types, no unknown field, nothing that a store can't keep."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_the_unknown(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for name in data:
            if name not in cls.model_fields:
                raise ValueError(unknown_key(name, cls.model_fields))
        try:
            json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"a text holds half a character, U+{ord(error.object[error.start]):04X}"
            ) from None
        except ValueError:
            raise ValueError("NaN and Infinity are not JSON") from None
        return data


class NewTasks(Body):
    serials: list[str] | None = Field(default=None, description="Device mode: one task per device.")
    usernames: list[str] | None = Field(
        default=None,
        description="Account mode: one task per account, on the device it lives on. A leading @ is optional.",
    )
    script_name: str | None = Field(default=None, description="`post`, or any other installed script.")
    script_config: dict[str, Any] | None = Field(default=None, description="The script's own fields.")
    enable_multi_account: bool | None = Field(
        default=None,
        description="Device mode: one task per enabled account of the device, one after the other.",
    )
    start_time: str | None = Field(
        default=None, description='"HH:MM": the next such time in the farm\'s time zone.'
    )
    min_interval: int | None = Field(
        default=None, description="Minutes between the tasks of this request on one device, at least."
    )
    max_interval: int | None = Field(default=None, description="The same, at most.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "serials": ["R58N1234567"],
                    "script_name": "post",
                    "script_config": {
                        "content_type": 0,
                        "captions": "¡Mira mi nuevo video! #viral #trending",
                        "material_list": ["C:/Videos/video1.mp4"],
                        "upload_wait_time": 60,
                    },
                },
                {
                    "usernames": ["@my_account"],
                    "script_name": "post",
                    "script_config": {"captions": "{Hi|Hello}!", "material_list": ["/home/me/clip.mp4"]},
                    "start_time": "18:30",
                },
            ]
        }
    )


class TaskIds(Body):
    task_ids: list[int] = Field(min_length=1, max_length=10_000, examples=[[101, 102]])


class RetryOptions(Body):
    force: bool = Field(default=False, description="Also when it is unknown whether the task was published.")


class CreatedTasks(BaseModel):
    task_ids: list[int] = Field(description="In the order of the request.", examples=[[101, 102]])
    created_count: int


class Progress(BaseModel):
    step: str = Field(description="The step that runs now, or ran last.")
    number: int
    count: int


class ArtifactLink(BaseModel):
    id: int
    attempt: int
    step: str
    kind: str = Field(description="`screenshot` or `hierarchy`.")
    media_type: str
    size: int
    url: str


class TaskItem(BaseModel):
    id: int
    serial: str
    device_index: str | int | None = Field(description="The device's name, else its number.")
    username: str
    script_name: str
    script_config: dict[str, Any]
    script_args: dict[str, Any] = Field(description="The same as script_config; the old name.")
    status: int = Field(description="0 pending, 1 running, 2 completed, 3 failed.")
    status_text: str
    remark: str = Field(description="Why it failed, or what it waits for.")
    source: str
    retry_count: int
    start_time: str | None = Field(
        description='When it started, else when it is due: "YYYY-MM-DD HH:MM:SS" in the farm\'s time zone.'
    )
    end_time: str | None
    created_at: str
    scheduled_at: str | None = Field(description="The start time that was asked for, ISO 8601.")
    started_at: str | None
    outcome: Outcome | None = Field(description="How it ended; `unknown`: look at the account yourself.")
    attempt: int = Field(description="Runs so far.")
    app: str
    progress: Progress
    post_url: str
    profile_url: str
    artifacts: list[ArtifactLink]


class StepItem(BaseModel):
    attempt: int
    number: int
    name: str
    started_at: str
    ended_at: str | None
    outcome: str = Field(description="Empty while it runs, then `ok`, `failed` or `stopped`.")
    detail: str
    notes: list[dict[str, Any]]


class TaskWithJournal(TaskItem):
    steps: list[StepItem]


class TaskList(BaseModel):
    tasks: list[TaskItem]
    total: int
    page: int
    page_size: int


class DeletedTasks(BaseModel):
    deleted: list[int]
    not_found: list[int]
    deleted_count: int


class RetriedTasks(BaseModel):
    retried_count: int
    unknown_outcome_count: int = Field(
        description="Left alone: nobody knows whether they were published. Look, then retry with force."
    )
    unusable_account_count: int = Field(
        description="Left alone: their account can't be used. Put it right on the phone, then clear it."
    )


class TaskStats(BaseModel):
    total: int
    pending: int
    running: int
    completed: int
    failed: int


class License(BaseModel):
    plan_name: str
    api_enabled: bool
    device_limit: int = Field(description="0: no limit.")
    message: str


class AccountItem(BaseModel):
    id: int
    username: str
    email: str = Field(description="Always empty: the runner keeps no addresses.")
    platform: Literal["tiktok", "instagram"] | str
    packagename: str
    device: str
    device_online: bool
    device_name: str
    logined: int = Field(description="0: seen logged out on its device.")
    logined_text: str
    status: int = Field(description="1: takes part in runs; 0: it does not, status_text says why.")
    status_text: str
    tags: list[str]
    state: AccountState = Field(description="What runs saw of it last; its tasks start only while it is ok.")
    state_since: str | None = Field(description="ISO 8601; null: no run has seen it yet.")
    state_task_id: int | None = Field(description="The task that saw it.")
    configured: bool = Field(description="false: found on the device, and not in devices.yaml.")


class ClearAccount(Body):
    username: str = Field(description="A leading @ is optional.", examples=["my_account"])
    app: Literal["tiktok", "instagram"] | None = Field(
        default=None, description="Where both apps have an account of this name; default: both."
    )


class ClearedAccount(BaseModel):
    username: str
    platform: str
    device: str
    state: AccountState = Field(description="What it was.")


class ClearedAccounts(BaseModel):
    cleared: list[ClearedAccount]


class AccountList(BaseModel):
    accounts: list[AccountItem]
    total: int
    page: int
    page_size: int


class DeviceAccount(BaseModel):
    username: str
    app: str
    package: str
    enabled: bool


class DeviceItem(BaseModel):
    serial: str
    index: int
    name: str
    address: str
    group: str
    tags: list[str]
    enabled: bool
    state: PhoneState
    reason: str = Field(description="Why it is in this state, and what to do.")
    since: str | None
    host: str = Field(description="Which host drives it; empty when none of the fleet does.")
    model: str
    android: str
    language: str
    accounts: list[DeviceAccount]


class DeviceList(BaseModel):
    devices: list[DeviceItem]
    strangers: dict[str, str] = Field(
        description="Phones that adb sees and devices.yaml does not name: serial and adb's state."
    )
    problems: list[str] = Field(
        description="Mistakes in devices.yaml that keep its newest version out of use."
    )


# The runner's nouns → these


def task_item(task: Task, artifacts: Sequence[Artifact], farm: Farm) -> TaskItem:
    return TaskItem(**_task_fields(task, artifacts, farm))


def task_with_journal(detail: TaskDetail, farm: Farm) -> TaskWithJournal:
    fields = _task_fields(detail.task, detail.artifacts, farm)
    return TaskWithJournal(**fields, steps=[_step(step, farm.time_zone) for step in detail.steps])


def _task_fields(task: Task, artifacts: Sequence[Artifact], farm: Farm) -> dict[str, Any]:
    zone = farm.time_zone
    return {
        "id": task.id,
        "serial": task.serial,
        "device_index": _device_index(farm.device(task.serial)),
        "username": task.username,
        "script_name": task.script_name,
        "script_config": task.script_config,
        "script_args": task.script_config,
        "status": task.status,
        "status_text": Status(task.status).name.lower(),
        "remark": task.remark,
        "source": task.source,
        "retry_count": task.retry_count,
        "start_time": _wall_clock(task.started_at or task.scheduled_at, zone),
        "end_time": _wall_clock(task.ended_at, zone),
        "created_at": _wall_clock(task.created_at, zone),
        "scheduled_at": _iso(task.scheduled_at, zone),
        "started_at": _iso(task.started_at, zone),
        "outcome": task.outcome,
        "attempt": task.attempt,
        "app": task.app,
        "progress": {"step": task.step, "number": task.step_number, "count": task.step_count},
        "post_url": task.post_url,
        "profile_url": task.profile_url,
        "artifacts": [_artifact(artifact) for artifact in artifacts],
    }


def _device_index(device: Device | None) -> str | int | None:
    return (device.name or device.index) if device else None


def _step(step: Step, zone: ZoneInfo) -> StepItem:
    return StepItem(
        attempt=step.attempt,
        number=step.number,
        name=step.name,
        started_at=step.started_at.astimezone(zone).isoformat(timespec="milliseconds"),
        ended_at=step.ended_at.astimezone(zone).isoformat(timespec="milliseconds") if step.ended_at else None,
        outcome=step.outcome,
        detail=step.detail,
        notes=step.notes,
    )


def _artifact(artifact: Artifact) -> ArtifactLink:
    return ArtifactLink(
        id=artifact.id,
        attempt=artifact.attempt,
        step=artifact.step,
        kind=artifact.kind,
        media_type=artifact.media_type,
        size=artifact.size,
        url=f"/api/v1/task/{artifact.task_id}/artifacts/{artifact.id}",
    )


def _wall_clock(instant: datetime | None, zone: ZoneInfo) -> str | None:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if instant else None


def _iso(instant: datetime | None, zone: ZoneInfo) -> str | None:
    return instant.astimezone(zone).isoformat(timespec="seconds") if instant else None
