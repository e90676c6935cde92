"""`runner.phones` in front of virtual phones that run the notes app."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from runner.cancel import CancelToken
from runner.farm.model import Device, Farm
from runner.phones.adb import AdbServer
from runner.phones.phones import Phones, PhoneSettings
from runner.phones.session import PhoneSession
from runner.phones.status import PhoneState, PhoneStatus
from support.notes import Notes, build_notes
from support.waiting import wait_for

if TYPE_CHECKING:
    from support.virtual import AdbServer as PrivateAdb
    from support.virtual import Phones as VirtualPhones
    from support.virtual import StartPhones


class Room:
    """The room under test and the virtual phones that it talks to. The farm calls its phones p0, p1, …"""

    def __init__(
        self, virtual: VirtualPhones, port: int, settings: PhoneSettings, extra: list[Device]
    ) -> None:
        self.virtual = virtual
        addresses = list(virtual.serials)
        self.farm = Farm(
            ZoneInfo("UTC"),
            (
                *(
                    Device(serial=f"p{n}", index=n + 1, address=address)
                    for n, address in enumerate(addresses)
                ),
                *extra,
            ),
        )
        self.server = AdbServer(port=port)
        self.phones = Phones(lambda: self.farm, server=self.server, settings=settings)
        self.changes: list[PhoneStatus] = []
        self.phones.on_change(self.changes.append)

    def open(self) -> None:
        self.phones.start()
        for number in range(len(self.virtual.serials)):
            self.wait(PhoneState.READY, f"p{number}")

    def close(self) -> None:
        self.phones.close()
        assert self.server.client.descriptors.open == 0, "connections to adb were left open"
        self.server.stop()

    def wait(self, state: PhoneState, serial: str = "p0", *, seconds: float = 30) -> PhoneStatus:
        wait_for(
            lambda: self.phones.status(serial).state is state and self.states(serial)[-1:] == [state],
            seconds=seconds,
            what=f"{serial} {state} (now {self.phones.status(serial)})",
        )
        return self.phones.status(serial)

    def states(self, serial: str = "p0") -> list[PhoneState]:
        """The changes so far, reasons left out."""
        seen = [change.state for change in self.changes if change.serial == serial]
        return [state for n, state in enumerate(seen) if n == 0 or state is not seen[n - 1]]

    def notes(self, number: int = 0) -> Notes:
        """The app on a phone: what really happened there."""
        app = self.virtual.farm.farm.phones[number].launcher
        assert isinstance(app, Notes)
        return app

    def calls(self, name: str, number: int = 0) -> int:
        """How often the phone was asked for this service, RPC or command."""
        log = self.virtual.control("/log", serial=self.virtual.serials[number])
        return sum(call["name"] == name for call in log)

    @contextlib.contextmanager
    def session(self, serial: str = "p0", cancel: CancelToken | None = None) -> Iterator[PhoneSession]:
        with self.phones.session(serial, cancel or CancelToken()) as session:
            yield session


OpenRoom = Callable[..., Room]


@pytest.fixture
def open_room(start_phones: StartPhones, adb_server: PrivateAdb) -> Iterator[OpenRoom]:
    """`open_room(settings=PhoneSettings(…), count=2, …)`: the rest are fields of FarmSettings."""
    rooms: list[Room] = []

    def open_(
        *, settings: PhoneSettings | None = None, extra: list[Device] | None = None, **virtual: Any
    ) -> Room:
        started = start_phones(connect=False, build_apps=build_notes, **virtual)
        room = Room(started, adb_server.port, settings or PhoneSettings(), extra or [])
        rooms.append(room)
        room.open()
        return room

    yield open_
    for room in rooms:
        room.close()


@pytest.fixture
def room(open_room: OpenRoom) -> Room:
    return open_room()
