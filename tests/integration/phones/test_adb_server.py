"""The adb server: found, started, watched, and never taken from somebody else."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from runner.errors import ConfigError, PhoneError
from runner.farm.model import Device, Farm
from runner.phones.adb import AdbServer
from runner.phones.phones import Phones
from runner.phones.status import PhoneState
from runner.virtual.farm import free_ports
from support.phone_room import OpenRoom
from support.virtual import ADB
from support.virtual import AdbServer as PrivateAdb
from support.waiting import wait_for


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a server started here keeps its key."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("home")
def test_many_who_find_none_start_one() -> None:
    server = AdbServer(port=free_ports(1)[0])
    assert not server.listens()
    try:
        with ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda _: server.ensure(), range(12)))
        assert server.listens()
        assert server.report().restarts == 0
        assert server.report().started_by_us
    finally:
        server.stop()
    assert not server.listens()


def test_somebody_elses_server_is_used_and_left_alone(adb_server: PrivateAdb) -> None:
    server = AdbServer()
    assert server.port == adb_server.port, "ANDROID_ADB_SERVER_PORT"
    server.ensure()
    server.stop()
    assert server.listens()
    report = server.report()
    assert not report.started_by_us
    assert report.problems == ()
    assert report.version.startswith(report.server_version)
    assert Path(report.server_path) == ADB


def test_the_bundled_binary_is_taken_whatever_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adb_server: PrivateAdb
) -> None:
    _fake_adb(tmp_path / "adb", "1.0.39", "8.1.0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    server = AdbServer()
    assert server.path == ADB
    problem = server.report().problems[0]
    assert str(tmp_path / "adb") in problem
    assert "kills this server" in problem


def test_a_server_of_another_version_is_named(tmp_path: Path, adb_server: PrivateAdb) -> None:
    _fake_adb(tmp_path / "adb", "1.0.41", "29.0.6-debian")
    report = AdbServer(str(tmp_path / "adb")).report()
    assert any("36.0.0" in problem and "29.0.6-debian" in problem for problem in report.problems)
    _fake_adb(tmp_path / "adb", "1.0.39", "8.1.0")
    report = AdbServer(str(tmp_path / "adb")).report()
    assert any("each kills the other's" in problem for problem in report.problems)


def test_a_binary_that_is_not_there(tmp_path: Path, adb_server: PrivateAdb) -> None:
    with pytest.raises(ConfigError, match=r"Install adb .* --adb PATH") as caught:
        _ = AdbServer(str(tmp_path / "adb")).path
    assert "not an executable" in caught.value.message


@pytest.mark.skipif(sys.platform == "win32", reason="the fake adb is a shell script")
def test_a_server_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    _fake_adb(tmp_path / "adb", "1.0.41", "36")
    server = AdbServer(str(tmp_path / "adb"), free_ports(1)[0])
    with pytest.raises(PhoneError, match="Android Debug Bridge version") as caught:
        server.ensure()
    assert "start-server" in caught.value.remedy


def test_a_killed_server_is_replaced_and_the_phones_come_back(
    open_room: OpenRoom, adb_server: PrivateAdb
) -> None:
    room = open_room(count=3)
    with room.session("p0") as session:
        session.hierarchy()
        adb_server.stop()
        assert session.hierarchy().nodes
    for serial in ("p0", "p1", "p2"):
        room.wait(PhoneState.READY, serial)
    report = room.server.report()
    assert report.started_by_us
    assert report.restarts == 0, "one was started, although four found none"


def test_the_service_may_start_before_adb(open_room: OpenRoom, adb_server: PrivateAdb) -> None:
    adb_server.stop()
    room = open_room()
    with room.session() as session:
        assert session.hierarchy().nodes


def test_without_an_adb_the_phones_say_so(tmp_path: Path, adb_server: PrivateAdb) -> None:
    adb_server.stop()
    farm = Farm(ZoneInfo("UTC"), (Device(serial="R58", index=1),))
    phones = Phones(lambda: farm, server=AdbServer(str(tmp_path / "adb"), adb_server.port))
    phones.start()
    try:
        wait_for(lambda: "not an executable" in phones.status("R58").reason, what="the reason")
        assert "Install adb" in phones.status("R58").reason
    finally:
        phones.close()


def test_threads_do_not_grow_with_the_phones(open_room: OpenRoom) -> None:
    before = threading.active_count()
    room = open_room(count=30)
    for number in range(10):
        with room.session(f"p{number}") as session:
            session.hierarchy()
    ours = [thread.name for thread in threading.enumerate()][before:]
    assert len(ours) <= 16, ours


def _fake_adb(path: Path, protocol: str, build: str) -> None:
    path.write_text(f"#!/bin/sh\necho 'Android Debug Bridge version {protocol}'\necho 'Version {build}'\n")
    path.chmod(0o755)
