"""The farm as the operator describes it in devices.yaml: values only, already checked.

The loader (`runner.farm.loader`) turns a file into these and reports every mistake with its place.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

PACKAGES = {"tiktok": "com.zhiliaoapp.musically", "instagram": "com.instagram.android"}
"""The default package of each app."""


@dataclass(frozen=True)
class FarmAccount:
    username: str
    """Without a leading @."""
    app: str = "tiktok"
    package: str = ""
    """Resolved by the loader: account, else device, else farm defaults, else PACKAGES."""
    enabled: bool = True


@dataclass(frozen=True)
class Device:
    serial: str
    """What clients name it by; for a TCP phone without a serial of its own, its address."""
    index: int
    """1-based place in the file."""
    name: str = ""
    address: str = ""
    """host:port to `adb connect`; empty for USB."""
    host: str = ""
    """The only host of a fleet that drives it; empty: whichever sees it."""
    group: str = ""
    tags: tuple[str, ...] = ()
    enabled: bool = True
    accounts: tuple[FarmAccount, ...] = ()

    @property
    def adb_serial(self) -> str:
        """The serial under which adb knows it."""
        return self.address or self.serial

    @property
    def enabled_accounts(self) -> tuple[FarmAccount, ...]:
        return tuple(account for account in self.accounts if account.enabled)


@dataclass(frozen=True)
class Farm:
    time_zone: ZoneInfo
    devices: tuple[Device, ...] = ()
    default_app: str = "tiktok"
    path: str = ""
    _by_serial: dict[str, Device] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_serial.update({device.serial: device for device in self.devices})

    def device(self, serial: str) -> Device | None:
        return self._by_serial.get(serial)

    def for_host(self, name: str) -> Farm:
        """What this host of a fleet may drive: without the devices that are another's. Indexes stay."""
        return replace(
            self, devices=tuple(device for device in self.devices if device.host in ("", name)), _by_serial={}
        )

    def accounts_of(self, username: str) -> list[tuple[Device, FarmAccount]]:
        """Every account of this name (the same name may exist in both apps); a leading @ is ignored."""
        wanted = username.removeprefix("@").casefold()
        return [
            (device, account)
            for device in self.devices
            for account in device.accounts
            if account.username.casefold() == wanted
        ]
