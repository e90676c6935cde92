"""The publish tap: under each failure the phone is asked at most once, and `sent` never says too little."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from runner.errors import PhoneError, PhoneTimeout
from runner.phones import limits
from support.phone_room import OpenRoom, Room
from support.virtual import AdbServer as PrivateAdb
from support.waiting import wait_for


def _asked(room: Room) -> int:
    """RPCs that reached the UI server, whatever became of them."""
    return room.calls("click")


def test_it_taps(room: Room) -> None:
    with room.session() as session:
        session.tap_once(10, 1500)
    assert room.notes().taps == [(10, 1500)]
    assert _asked(room) == 1


def test_it_uses_no_connection_twice(room: Room) -> None:
    with room.session() as session:
        session.hierarchy()
        before = room.calls("tcp")
        session.tap_once(10, 1500)
        session.tap_once(11, 1500)
        assert room.calls("tcp") == before + 2


def test_the_server_is_dead_before(room: Room) -> None:
    with room.session() as session:
        room.virtual.fault("ui_server_dies")
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
    assert not caught.value.sent
    assert _asked(room) == 0
    assert room.notes().taps == []


def test_the_server_dies_during_the_call(open_room: OpenRoom) -> None:
    room = open_room(latency="real")
    with room.session() as session:
        killed = _when_asked(room, lambda: room.virtual.fault("ui_server_dies"))
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
        killed.join()
    assert caught.value.sent
    assert _asked(room) == 1
    assert len(room.notes().taps) <= 1


def test_the_cable_is_pulled_during_the_call(open_room: OpenRoom) -> None:
    room = open_room(latency="real")
    with room.session() as session:
        pulled = _when_asked(room, lambda: room.virtual.fault("unplug", seconds=0.5))
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
        pulled.join()
    assert caught.value.sent
    time.sleep(1)  # whatever might send it again would have done so
    assert _asked(room) == 1


def test_the_cable_is_out_before(room: Room) -> None:
    with room.session() as session:
        session.hierarchy()
        room.virtual.fault("unplug", seconds=0.5)
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
        assert session.hierarchy().nodes
    assert not caught.value.sent
    assert _asked(room) == 0


def test_adb_is_killed_before(room: Room, adb_server: PrivateAdb) -> None:
    with room.session() as session:
        session.hierarchy()
        adb_server.stop()
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
        assert session.hierarchy().nodes
    assert not caught.value.sent
    assert _asked(room) == 0


def test_adb_is_killed_during_the_call(open_room: OpenRoom, adb_server: PrivateAdb) -> None:
    room = open_room(latency="real")
    with room.session() as session:
        killed = _when_asked(room, adb_server.stop)
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
        killed.join()
        assert session.hierarchy().nodes
    assert caught.value.sent
    assert _asked(room) == 1


def test_the_server_hangs(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TAP", 1.0)
    with room.session() as session:
        room.virtual.fault("ui_server_hangs")
        with pytest.raises(PhoneTimeout) as caught:
            session.tap_once(10, 1500)
        assert session.hierarchy(seconds=1).nodes
    assert caught.value.sent
    assert _asked(room) <= 1


def test_an_ordinary_tap_is_not_repeated_either_once_it_was_sent(open_room: OpenRoom) -> None:
    room = open_room(latency="real")
    with room.session() as session:
        session.hierarchy()
        killed = _when_asked(room, lambda: room.virtual.fault("ui_server_dies"))
        with pytest.raises(PhoneError):
            session.tap((10, 1500))
        killed.join()
        assert session.hierarchy().nodes
    assert _asked(room) == 1


def _when_asked(room: Room, strike: Callable[[], object]) -> threading.Thread:
    """Strike as soon as the phone has begun a tap, which takes it 80 ms and more."""
    phone = room.virtual.farm.farm.phones[0]

    def run() -> None:
        wait_for(lambda: any(call["name"] == "click" for call in phone.log.as_json()), what="the tap")
        strike()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
