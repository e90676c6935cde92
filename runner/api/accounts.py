"""/api/v1/accounts: the accounts of devices.yaml, in the shape of the vendor's newer call.

No password exists here: the apps are logged in by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query

from runner.api.envelope import Envelope
from runner.api.shapes import AccountItem, AccountList
from runner.farm.model import Farm
from runner.phones.status import PhoneState

if TYPE_CHECKING:
    from runner.service import Service


def routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/accounts", tags=["accounts"])

    @router.get("", summary="List accounts")
    def list_accounts(
        platform: Literal["tiktok", "instagram"] | None = None,
        device: Annotated[str | None, Query(description="A device's serial.")] = None,
        logined: Annotated[int | None, Query(ge=0, le=1)] = None,
        status: Annotated[int | None, Query(ge=0, le=1, description="1 enabled, 0 disabled.")] = None,
        tag: str | None = None,
        page: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
        page_size: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Envelope[AccountList]:
        wanted = {"platform": platform, "device": device, "logined": logined, "status": status}
        matches = [
            account
            for account in _accounts(service.farm.farm, _online(service))
            if all(value is None or getattr(account, name) == value for name, value in wanted.items())
            and (tag is None or tag in account.tags)
        ]
        start = (page - 1) * page_size
        shown = matches[start : start + page_size]
        return Envelope(data=AccountList(accounts=shown, total=len(matches), page=page, page_size=page_size))

    return router


def _online(service: Service) -> set[str]:
    away = {PhoneState.ABSENT, PhoneState.OFFLINE, PhoneState.UNAUTHORIZED}
    return {status.serial for status in service.phones.snapshot() if status.state not in away}


def _accounts(farm: Farm, online: set[str]) -> list[AccountItem]:
    """In the order of devices.yaml; the id is the place there."""
    placed = [(device, account) for device in farm.devices for account in device.accounts]
    return [
        AccountItem(
            id=number,
            username=account.username,
            email="",
            platform=account.app,
            packagename=account.package,
            device=device.serial,
            device_online=device.serial in online,
            device_name=device.name,
            logined=1,
            logined_text="logged in",
            status=int(account.enabled),
            status_text="enabled" if account.enabled else "disabled",
            tags=list(device.tags),
        )
        for number, (device, account) in enumerate(placed, 1)
    ]
