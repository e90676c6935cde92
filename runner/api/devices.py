"""/api/v1/devices: the phones of devices.yaml with what adb and the runner say about each now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from runner.api.envelope import Envelope
from runner.api.shapes import DeviceAccount, DeviceItem, DeviceList

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
    states = service.phones.snapshot()
    holder = service.farm
    devices = []
    for device in holder.farm.devices:
        status = states.get(device.serial)
        devices.append(
            DeviceItem(
                serial=device.serial,
                index=device.index,
                name=device.name,
                address=device.address,
                group=device.group,
                tags=list(device.tags),
                enabled=device.enabled,
                state=status.state if status else "absent",
                reason=status.reason if status else "",
                accounts=[DeviceAccount(**vars(account)) for account in device.accounts],
            )
        )
    problems = [str(problem) for problem in holder.problems] or ([str(holder.error)] if holder.error else [])
    return DeviceList(devices=devices, problems=problems)
