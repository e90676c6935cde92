"""What can go wrong with a virtual phone, at once or at a step of a flow."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

from runner.virtual.app import StepName

if TYPE_CHECKING:
    from runner.virtual.phone import VirtualPhone

STEPS: tuple[str, ...] = get_args(StepName)
NAMES = (
    "unplug",
    "replug",
    "unauthorized",
    "ui_server_dies",
    "ui_server_hangs",
    "app_crash",
    "storage_full",
    "upload_fails",
    "upload_never_ends",
    "reboot",
    "popup",
    "slow",
    "freeze",
)
_REBOOT_SECONDS = 3.0
_FREEZE_SECONDS = 30.0


class UnknownFault(ValueError):
    """The fault or its moment does not exist; the message lists those that do."""


class ProcessDied(BaseException):
    """Raised inside an app whose process has just ended: nothing of its current callback may still happen."""


class Faults:
    """The faults of one phone. A planted fault strikes once."""

    def __init__(self, phone: VirtualPhone) -> None:
        self._phone = phone
        self._planted: defaultdict[str, list[tuple[str, float | None]]] = defaultdict(list)
        self._upload: Literal["", "fails", "never_ends"] = ""
        self._timers: set[asyncio.TimerHandle] = set()

    def plant(self, fault: str, when: str = "now", seconds: float | None = None) -> None:
        """Strike now or at `before:<step>` / `after:<step>`. Raises UnknownFault.

        `seconds` is how long unplug, unauthorized, storage_full, slow and freeze last (for ever; freeze
        30) and how long a reboot takes (3).
        """
        if fault not in NAMES:
            raise UnknownFault(f"unknown fault {fault!r}; one of: {', '.join(NAMES)}")
        moment, _, step = when.partition(":")
        if when != "now" and (moment not in ("before", "after") or step not in STEPS):
            raise UnknownFault(
                f"unknown moment {when!r}; now, or before:<step> / after:<step>, the step one of: "
                + ", ".join(STEPS)
            )
        if when == "now":
            self.strike(fault, seconds)
        else:
            self._planted[when].append((fault, seconds))

    def planted(self) -> list[dict[str, str]]:
        """Faults that wait for their step."""
        return [
            {"fault": fault, "when": when} for when, waiting in self._planted.items() for fault, _ in waiting
        ]

    def reached(self, when: Literal["before", "after"], step: StepName) -> None:
        """Called from inside an app. Raises ProcessDied when a fault ends that app's process."""
        waiting = self._planted.pop(f"{when}:{step}", [])
        died = False
        for fault, seconds in waiting:
            if fault == "popup":
                # On top of what the app shows when it is done with what it is doing.
                self._phone.call_later(0, lambda: self.strike("popup"))
            elif fault == "app_crash":
                died = self._phone.crash(self._phone.acting) or died
            else:
                self.strike(fault, seconds)
                died = died or fault == "reboot"
        if died:
            raise ProcessDied

    def publish_failure(self) -> Literal["", "fails", "never_ends"]:
        asked, self._upload = self._upload, ""
        return asked

    def heal(self) -> None:
        """Take back every fault, planted ones too."""
        self._planted.clear()
        self._upload = ""
        self.close()
        phone = self._phone
        phone.latency.slow = False
        phone.storage.full = False
        if phone.ui_server is not None:
            phone.ui_server.hung = False
        phone.adbd.thaw()
        phone.adbd.set_authorized(True)
        phone.adbd.replug()

    def close(self) -> None:
        """Nothing comes back by itself any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def strike(self, fault: str, seconds: float | None = None) -> None:
        phone = self._phone
        if fault == "unplug":
            phone.adbd.unplug()
            self._afterwards(seconds, phone.adbd.replug)
        elif fault == "replug":
            phone.adbd.set_authorized(True)
            phone.adbd.replug()
        elif fault == "unauthorized":
            phone.adbd.set_authorized(False)
            self._afterwards(seconds, lambda: phone.adbd.set_authorized(True))
        elif fault == "ui_server_dies":
            if phone.ui_server is not None:
                phone.ui_server.end("Killed")
        elif fault == "ui_server_hangs":
            if phone.ui_server is not None:
                phone.ui_server.hung = True
        elif fault == "app_crash":
            phone.crash(phone.foreground)
        elif fault == "storage_full":
            phone.storage.full = True
            self._afterwards(seconds, lambda: setattr(phone.storage, "full", False))
        elif fault == "upload_fails":
            self._upload = "fails"
        elif fault == "upload_never_ends":
            self._upload = "never_ends"
        elif fault == "reboot":
            phone.adbd.unplug()
            phone.end_processes("reboot")
            self._afterwards(_REBOOT_SECONDS if seconds is None else seconds, self._booted)
        elif fault == "popup":
            phone.show_popup()
        elif fault == "slow":
            phone.latency.slow = True
            self._afterwards(seconds, lambda: setattr(phone.latency, "slow", False))
        elif fault == "freeze":
            phone.adbd.freeze()
            self._afterwards(_FREEZE_SECONDS if seconds is None else seconds, phone.adbd.thaw)

    def _booted(self) -> None:
        self._phone.boot()
        self._phone.adbd.thaw()
        self._phone.adbd.replug()

    def _afterwards(self, seconds: float | None, action: Callable[[], None]) -> None:
        """Faults outlive processes and reboots, so their timers are not the phone's."""
        if seconds is None:
            return

        def run() -> None:
            self._timers.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(handle)
