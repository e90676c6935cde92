"""The operator's choices for the life of a task: section `tasks` of devices.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _delay(delay: list[int]) -> list[int]:
    if len(delay) != 2 or not 0 <= delay[0] <= delay[1]:
        raise ValueError("write the shortest and the longest delay in seconds, like [5, 60].")
    return delay


class TaskSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start_grace_minutes: int = Field(
        default=15, ge=0, description="A task this late (the runner was off) is failed, not started."
    )
    phone_wait_minutes: int = Field(
        default=15, ge=0, description="How long a due task waits for a phone that isn't there."
    )
    auto_retry: int = Field(default=0, ge=0, le=10, description="Automatic retries of a failed task.")
    retry_delay_seconds: Annotated[list[int], AfterValidator(_delay)] = Field(
        default=[5, 60], description="An automatic retry waits a random time between these two."
    )
    queue_order: Literal["due", "random"] = Field(
        default="due", description="Order of a phone's due tasks: by due time, or random."
    )
    artifact_keep_days: int = Field(default=14, ge=1, description="Screenshots are removed after this time.")
    artifact_max_mb: int = Field(
        default=500, ge=1, description="The oldest screenshots are removed beyond this size."
    )
