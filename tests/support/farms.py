"""Small farms for tests."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from runner.farm.model import PACKAGES, Device, Farm, FarmAccount


def account(username: str, *, app: str = "tiktok", enabled: bool = True) -> FarmAccount:
    return FarmAccount(username, app, PACKAGES[app], enabled)


def farm(*devices: Device, zone: str = "Europe/Berlin") -> Farm:
    return Farm(ZoneInfo(zone), devices)


def phones(count: int, *, accounts: int = 1) -> Farm:
    """phone1 …, each with the accounts phone1_1 …"""
    return farm(
        *(
            Device(
                f"phone{index}",
                index,
                accounts=tuple(account(f"phone{index}_{number}") for number in range(1, accounts + 1)),
            )
            for index in range(1, count + 1)
        )
    )
