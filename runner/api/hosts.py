"""/api/v1/hosts: the runner processes that drive the phones: one, or those of a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from runner.api.envelope import Envelope
from runner.directory import concerns
from runner.phones.status import PhoneState

if TYPE_CHECKING:
    from runner.service import Service


class HostItem(BaseModel):
    name: str
    live: bool = Field(description="false: silent for longer than the lease, or stopped.")
    state: Literal["live", "stopped", "silent"] = Field(
        description="stopped: it ended in order at seen_at; silent: it was last heard of then."
    )
    version: str
    url: str = Field(description="Where its API is reached; empty for a host without one.")
    skew: float = Field(description="Its clock minus the database's, in seconds.")
    started_at: str
    seen_at: str
    phones: dict[PhoneState, int] = Field(description="How many phones it drives, by state.")
    running: int = Field(description="Tasks that run on it.")
    is_clock: bool = Field(description="It wakes due tasks.")
    warnings: list[str] = Field(description="What is wrong with it, and what to do.")


class HostList(BaseModel):
    hosts: list[HostItem]


def routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/hosts", tags=["hosts"])

    @router.get("", summary="List hosts")
    def list_hosts() -> Envelope[HostList]:
        hosts = service.hosts.hosts()
        warnings = concerns(hosts)
        zone = service.farm.farm.time_zone
        items = [
            HostItem(
                name=host.name,
                live=host.live,
                state=host.state,
                version=host.version,
                url=host.url,
                skew=round(host.skew, 3),
                started_at=host.started_at.astimezone(zone).isoformat(timespec="seconds"),
                seen_at=host.seen_at.astimezone(zone).isoformat(timespec="seconds"),
                phones=dict(host.phones),
                running=host.running,
                is_clock=host.is_clock,
                warnings=warnings[host.name],
            )
            for host in hosts
        ]
        return Envelope(data=HostList(hosts=items))

    @router.delete("/{name}", summary="Forget a host that is gone for good")
    def forget_host(name: str) -> Envelope[None]:
        """Refused while it is up, has running tasks, or is a phone's `host` in devices.yaml."""
        service.hosts.forget(name)
        return Envelope(data=None)

    return router
