"""/api/v1/devices: the phones of devices.yaml with what their hosts say about each now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from runner.api.envelope import Envelope
from runner.api.shapes import DeviceAccount, DeviceItem, DeviceList
from runner.farm.model import Farm
from runner.phones.status import PhoneState, PhoneStatus

if TYPE_CHECKING:
    from runner.service import Service


def routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/devices", tags=["devices"])

    @router.get("", summary="List phones with their states")
    def list_devices() -> Envelope[DeviceList]:
        return Envelope(data=device_list(service))

    return router


def device_list(service: Service) -> DeviceList:
    """Every phone of devices.yaml, in its order."""
    known = {status.serial: status for status in service.directory.snapshot()}
    holder = service.farm
    devices = []
    for device in holder.farm.devices:
        status = known.get(device.serial)
        info = status.info if status else None
        devices.append(
            DeviceItem(
                serial=device.serial,
                index=device.index,
                name=device.name,
                address=device.address,
                group=device.group,
                tags=list(device.tags),
                enabled=device.enabled,
                state=status.state if status else PhoneState.ABSENT,
                reason=status.reason if status else "",
                since=_iso(status, holder.farm) if status else None,
                host=status.host if status else "",
                model=f"{info.brand} {info.model}".strip() if info else "",
                android=info.android if info else "",
                language=info.language if info else "",
                accounts=[DeviceAccount(**vars(account)) for account in device.accounts],
            )
        )
    problems = [str(problem) for problem in holder.problems] or ([str(holder.error)] if holder.error else [])
    return DeviceList(devices=devices, strangers=dict(service.directory.strangers()), problems=problems)


def _iso(status: PhoneStatus, farm: Farm) -> str:
    return status.since.astimezone(farm.time_zone).isoformat(timespec="seconds")
