"""The operator's choices for a fleet: section `fleet` of devices.yaml."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FleetSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lease_seconds: int = Field(
        default=15,
        ge=5,
        le=300,
        description="A host that is silent for so long loses its phones; its runs are ended by the fence.",
    )
    files: Literal["http", "shared"] = Field(
        default="http",
        description="How other hosts get videos and hand over screenshots: http, by the API host; or shared, "
        "where the paths of library, artifacts and local folders are the same on all hosts.",
    )
    cache_max_mb: int = Field(
        default=10_000, ge=100, description="Files that a host got by HTTP are kept up to this size."
    )

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)
