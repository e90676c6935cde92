"""What the farm is told about its phones."""

from __future__ import annotations

import contextlib
import itertools
import socket
from dataclasses import replace

import pytest

from runner.cancel import CancelToken
from runner.errors import NotFound, PhoneAbsent, PhoneError, PhoneUnauthorized, StepFailed, UiServerError
from runner.farm.model import Device
from runner.phones.phones import PhoneSettings
from runner.phones.status import PhoneState
from support.phone_room import OpenRoom, Room
from support.virtual import AdbServer as PrivateAdb
from support.waiting import wait_for

ABSENT, PREPARING, READY, BUSY = PhoneState.ABSENT, PhoneState.PREPARING, PhoneState.READY, PhoneState.BUSY
OFFLINE, UNAUTHORIZED = PhoneState.OFFLINE, PhoneState.UNAUTHORIZED


def test_a_tcp_phone_is_connected_and_looked_at(open_room: OpenRoom) -> None:
    room = open_room(language="fr", sdk=34)
    status = room.phones.status("p0")
    assert status.adb_serial == room.virtual.serial
    assert status.info is not None
    assert (status.info.size, status.info.sdk, status.info.android) == ((1080, 2400), 34, "14")
    assert status.info.language.startswith("fr")
    assert room.states()[-2:] == [PREPARING, READY]
    assert room.phones.snapshot() == [status]
    with pytest.raises(NotFound, match="p7"):
        room.phones.status("p7")


def test_a_session_makes_it_busy_and_each_change_is_told_once(room: Room) -> None:
    with room.session():
        assert room.phones.status("p0").state is BUSY
    assert room.phones.status("p0").state is READY
    assert room.states()[-2:] == [BUSY, READY]
    told = [(change.state, change.reason) for change in room.changes]
    assert all(one != other for one, other in itertools.pairwise(told))


def test_unplugged_and_plugged_in_again(open_room: OpenRoom) -> None:
    room = open_room(count=2)
    before = len([change for change in room.changes if change.serial == "p1"])
    room.virtual.fault("unplug")
    wait_for(lambda: room.phones.status("p0").state in (OFFLINE, ABSENT), what="offline")
    with pytest.raises(PhoneAbsent), room.session():
        pass
    with room.session("p1") as other:
        other.hierarchy()
    room.virtual.fault("replug")
    room.wait(READY, seconds=40)
    with room.session() as session:
        session.hierarchy()
    assert [c.state for c in room.changes if c.serial == "p1"][before:] == [BUSY, READY]


def test_unauthorized_until_its_owner_agrees(room: Room) -> None:
    room.virtual.fault("unauthorized")
    status = room.wait(UNAUTHORIZED)
    assert "accept the USB debugging question" in status.reason
    with pytest.raises(PhoneUnauthorized), room.session():
        pass
    room.virtual.fault("replug")
    room.wait(READY, seconds=40)


def test_dead_addresses_hold_up_nobody(open_room: OpenRoom) -> None:
    """Somebody who accepts connections and says nothing keeps `adb connect` waiting for ten seconds."""
    with contextlib.ExitStack() as silent:
        listeners = [
            silent.enter_context(socket.create_server(("127.0.0.1", 0), backlog=5)) for _ in range(40)
        ]
        dead = [
            Device(serial=f"dead{n}", index=100 + n, address=f"127.0.0.1:{listener.getsockname()[1]}")
            for n, listener in enumerate(listeners)
        ]
        room = open_room(count=2, extra=dead)
        assert room.phones.status("p1").state is READY
        assert all(room.phones.status(device.serial).state is not READY for device in dead)
        room.virtual.fault("unplug")
        room.virtual.fault("replug")
        room.wait(READY, seconds=9)


def test_a_refused_address_says_so(open_room: OpenRoom) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    room = open_room(extra=[Device(serial="off", index=9, address=f"127.0.0.1:{port}")])
    status = wait_for(
        lambda: "refused" in room.phones.status("off").reason and room.phones.status("off"), what="the reason"
    )
    assert status.state is ABSENT
    assert "Is it on" in status.reason
    with pytest.raises(PhoneAbsent, match="refused"), room.session("off"):
        pass


def test_a_usb_phone_that_is_not_there(open_room: OpenRoom) -> None:
    room = open_room(extra=[Device(serial="R58N1234567", index=9)])
    assert "cable" in room.phones.status("R58N1234567").reason


def test_a_changed_farm(open_room: OpenRoom, adb_server: PrivateAdb) -> None:
    room = open_room(count=2)
    first, second = room.farm.devices
    room.phones.reload(replace(room.farm, devices=(first,), _by_serial={}))
    assert [status.serial for status in room.phones.snapshot()] == ["p0"]
    assert room.phones.strangers() == {second.address: "device"}
    renamed = replace(second, serial="renamed")
    room.phones.reload(replace(room.farm, devices=(replace(first, enabled=False), renamed), _by_serial={}))
    room.wait(READY, "renamed")
    assert room.phones.status("p0").reason == "It is disabled in devices.yaml."
    with pytest.raises(PhoneAbsent), room.session("p0"):
        pass
    room.phones.reload(room.farm)
    room.wait(READY, "p0")
    room.wait(READY, "p1")


def test_a_phone_dropped_from_the_farm_during_a_session(room: Room) -> None:
    with room.session() as session:
        room.phones.reload(replace(room.farm, devices=(), _by_serial={}))
        assert session.hierarchy().nodes
    assert room.phones.snapshot() == []
    wait_for(lambda: room.server.client.descriptors.open == 0, what="its UI server's stream closed")


def test_one_user_at_a_time(room: Room) -> None:
    with room.session(), pytest.raises(PhoneError, match="in use"), room.session():
        pass


def test_a_phone_that_keeps_failing_is_left_alone_and_comes_back(open_room: OpenRoom) -> None:
    room = open_room(settings=PhoneSettings(quarantine_after=3, quarantine_seconds=0.5))
    for _ in range(3):
        with pytest.raises(UiServerError, match="dead again"), room.session():
            raise UiServerError("dead again")
    status = room.wait(PhoneState.QUARANTINED)
    assert "3 times in a row" in status.reason
    assert "dead again" in status.reason
    room.wait(READY)
    assert room.states().count(PhoneState.QUARANTINED) == 1
    with room.session() as session:
        session.hierarchy()


def test_a_failing_script_is_no_fault_of_the_phone(open_room: OpenRoom) -> None:
    room = open_room(settings=PhoneSettings(quarantine_after=1))
    with pytest.raises(StepFailed), room.session():
        raise StepFailed
    assert room.phones.status("p0").state is READY


def test_idle_sessions_give_their_streams_back(open_room: OpenRoom) -> None:
    room = open_room(settings=PhoneSettings(idle_seconds=0.3))
    with room.session() as session:
        session.hierarchy()
        assert room.server.client.descriptors.open == 2, "the UI server's process and the kept connection"
    assert room.server.client.descriptors.open <= 1
    wait_for(lambda: room.server.client.descriptors.open == 0, what="no stream left open")
    with room.session() as session:
        session.hierarchy()


def test_a_warm_session_asks_nothing_again(room: Room) -> None:
    with room.session() as session:
        session.hierarchy()
    before = len(room.virtual.control("/log"))
    with room.session(cancel=CancelToken()) as session:
        session.hierarchy()
    asked = [call["name"] for call in room.virtual.control("/log")[before:]]
    assert asked == ["tcp", "dumpWindowHierarchy"]
