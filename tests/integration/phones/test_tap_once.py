"""The publish tap: under each failure the phone is asked at most once, and `sent` never says too little."""

from __future__ import annotations

import pytest

from runner.errors import PhoneError, PhoneTimeout
from runner.phones import limits
from support.phone_room import Room
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
        phone = room.virtual.farm.farm.phones[0]
        wait_for(lambda: phone.ui_server is None, what="the server's end")
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
    assert not caught.value.sent
    assert _asked(room) == 0
    assert room.notes().taps == []


def test_the_server_dies_before_it_answers(room: Room) -> None:
    room.notes().on_tap = lambda: _strike(room, "ui_server_dies")
    with room.session() as session:
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
        assert session.hierarchy().nodes
    assert caught.value.sent
    assert room.notes().taps == [(10, 1500)]


def test_the_cable_is_pulled_before_it_answers(room: Room) -> None:
    room.notes().on_tap = lambda: _strike(room, "unplug", seconds=0.5)
    with room.session() as session:
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
        assert session.hierarchy().nodes
    assert caught.value.sent
    assert room.notes().taps == [(10, 1500)]


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


def test_adb_is_killed_before_the_phone_answers(room: Room, adb_server: PrivateAdb) -> None:
    room.notes().on_tap = adb_server.stop
    with room.session() as session:
        with pytest.raises(PhoneError) as caught:
            session.tap_once(10, 1500)
        assert session.hierarchy().nodes
    assert caught.value.sent
    assert room.notes().taps == [(10, 1500)]


def test_the_server_hangs(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TAP", 1.0)
    with room.session() as session:
        room.virtual.fault("ui_server_hangs")
        with pytest.raises(PhoneTimeout) as caught:
            session.tap_once(10, 1500)
        assert session.hierarchy(seconds=1).nodes
    assert caught.value.sent
    assert _asked(room) <= 1


def test_the_phone_freezes_before_it_answers(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TAP", 1.0)
    room.notes().on_tap = lambda: _strike(room, "freeze", seconds=2.0)
    with room.session() as session:
        with pytest.raises(PhoneTimeout) as caught:
            session.tap_once(10, 1500)
        assert session.hierarchy().nodes
    assert caught.value.sent
    assert room.notes().taps == [(10, 1500)]


def test_an_ordinary_tap_is_not_repeated_either_once_it_was_sent(room: Room) -> None:
    room.notes().on_tap = lambda: _strike(room, "ui_server_dies")
    with room.session() as session:
        with pytest.raises(PhoneError):
            session.tap((10, 1500))
        assert session.hierarchy().nodes
    assert room.notes().taps == [(10, 1500)]


def _strike(room: Room, fault: str, seconds: float | None = None) -> None:
    """From inside the phone, at once."""
    room.virtual.farm.farm.phones[0].faults.strike(fault, seconds)
