"""Fifty phones that come up at the same moment."""

from __future__ import annotations

import contextlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from runner.phones.status import PhoneState
from support.phone_room import OpenRoom
from support.virtual import AdbServer as PrivateAdb
from support.waiting import wait_for

COUNT = 50


def test_fifty_phones_at_once(open_room: OpenRoom, adb_server: PrivateAdb) -> None:
    started = time.monotonic()
    room = open_room(count=COUNT)
    assert time.monotonic() - started < 20
    assert all(status.state is PhoneState.READY for status in room.phones.snapshot())

    def look(number: int) -> int:
        with room.session(f"p{number}") as session:
            for _ in range(5):
                session.hierarchy()
            session.tap((number, 1500))
            return len(session.hierarchy().nodes)

    with ThreadPoolExecutor(COUNT) as pool:
        assert all(pool.map(look, range(COUNT)))
    assert [room.notes(number).taps for number in range(COUNT)] == [[(n, 1500)] for n in range(COUNT)]


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors of another process")
def test_a_phone_costs_adb_few_descriptors(open_room: OpenRoom, adb_server: PrivateAdb) -> None:
    """One for the phone, one for its UI server's process, one for the connection kept in a session."""
    adb = psutil.Process(adb_server.pid)
    idle = adb.num_fds()
    room = open_room(count=20)
    connected = adb.num_fds()
    assert connected - idle <= 20 + 6, "and a few for adb itself"
    with contextlib.ExitStack() as sessions:
        for number in range(20):
            sessions.enter_context(room.session(f"p{number}")).hierarchy()
        assert adb.num_fds() - connected <= 2 * 20
        assert room.server.client.descriptors.open <= 2 * 20 + 1
    wait_for(lambda: adb.num_fds() - connected <= 20, what="only the UI servers' streams left")
