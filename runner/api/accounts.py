"""/api/v1/accounts: the accounts of devices.yaml and those found on phones, as the vendor's call has them.

No password exists here: the apps are logged in by hand. What runs saw of an account is shown and cleared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from runner.accounts.types import AccountState, SeenAccount
from runner.api.envelope import Envelope
from runner.api.shapes import AccountItem, AccountList, ClearAccount, ClearedAccount, ClearedAccounts
from runner.farm.model import Device, Farm, FarmAccount
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
        status: Annotated[int | None, Query(ge=0, le=1, description="1 takes part in runs.")] = None,
        tag: str | None = None,
        page: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
        page_size: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Envelope[AccountList]:
        wanted = {"platform": platform, "device": device, "logined": logined, "status": status}
        matches = [
            account
            for account in _accounts(service.farm.farm, service.accounts.all(), _online(service))
            if all(value is None or getattr(account, name) == value for name, value in wanted.items())
            and (tag is None or tag in account.tags)
        ]
        start = (page - 1) * page_size
        shown = matches[start : start + page_size]
        return Envelope(data=AccountList(accounts=shown, total=len(matches), page=page, page_size=page_size))

    @router.post("/clear", summary="Let an account's tasks start again")
    def clear_account(body: ClearAccount) -> Envelope[ClearedAccounts]:
        """After it was put right on the phone: logged in, appealed, captcha solved."""
        cleared = [
            ClearedAccount(username=seen.username, platform=seen.app, device=seen.serial, state=seen.state)
            for seen in service.accounts.clear(body.username, body.app)
        ]
        return Envelope(data=ClearedAccounts(cleared=cleared))

    return router


def _online(service: Service) -> set[str]:
    away = {PhoneState.ABSENT, PhoneState.OFFLINE, PhoneState.UNAUTHORIZED}
    return {status.serial for status in service.directory.snapshot() if status.state not in away}


def _accounts(farm: Farm, seen: Sequence[SeenAccount], online: set[str]) -> list[AccountItem]:
    """In the order of devices.yaml, then those that it does not name; the id is the place there."""
    by_key = {(each.serial, each.app, each.username): each for each in seen}
    rows: list[tuple[Device, FarmAccount, SeenAccount | None, bool]] = []
    for device in farm.devices:
        for account in device.accounts:
            known = by_key.pop((device.serial, account.app, account.username.lower()), None)
            rows.append((device, account, known, True))
    rows += [(*place, False) for place in _not_named(farm, by_key.values())]
    return [
        _item(number, *row, online=row[0].serial in online, zone=farm.time_zone)
        for number, row in enumerate(rows, 1)
    ]


def _not_named(farm: Farm, seen: Iterable[SeenAccount]) -> Iterator[tuple[Device, FarmAccount, SeenAccount]]:
    for each in seen:
        if (device := farm.device(each.serial)) is not None:
            yield device, FarmAccount(each.username, each.app, each.package), each


def _item(
    number: int,
    device: Device,
    account: FarmAccount,
    seen: SeenAccount | None,
    configured: bool,
    *,
    online: bool,
    zone: ZoneInfo,
) -> AccountItem:
    state = seen.state if seen else AccountState.OK
    if not configured:
        status_text = "not in devices.yaml"
    elif not account.enabled:
        status_text = "disabled"
    else:
        status_text = "enabled" if state is AccountState.OK else state.said
    logged_out = state is AccountState.LOGGED_OUT
    return AccountItem(
        id=number,
        username=account.username,
        email="",
        platform=account.app,
        packagename=account.package,
        device=device.serial,
        device_online=online,
        device_name=device.name,
        logined=int(not logged_out),
        logined_text="logged out" if logged_out else "logged in",
        status=int(status_text == "enabled"),
        status_text=status_text,
        tags=list(device.tags),
        state=state,
        state_since=seen.since.astimezone(zone).isoformat(timespec="seconds") if seen else None,
        state_task_id=seen.task_id if seen else None,
        configured=configured,
    )
