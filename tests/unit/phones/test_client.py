from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runner.cancel import CancelToken
from runner.errors import Cancelled, PhoneError, PhoneTimeout
from runner.phones.client import (
    MAX_DESCRIPTORS,
    SPARE_DESCRIPTORS,
    Client,
    Descriptors,
    Device,
    GuardedSocket,
)
from runner.phones.limits import Guard


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody who accepts connections and never says or reads anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def connection(silent_port: int) -> Iterator[GuardedSocket]:
    """Its guard has a deadline of a minute."""
    guard = Guard("R58")
    with guard.within(60, "a test"), GuardedSocket.dial(("127.0.0.1", silent_port), guard) as connected:
        yield connected


def test_a_read_ends_at_the_deadline(connection: GuardedSocket) -> None:
    with connection.guard.within(0.3, "a read"), pytest.raises(PhoneTimeout, match="a read"):
        connection.recv(1)


def test_a_library_can_not_lengthen_the_wait(connection: GuardedSocket) -> None:
    connection.settimeout(600)  # adbutils does this
    with connection.guard.within(0.3, "a read"), pytest.raises(PhoneTimeout):
        connection.recv(1)


@pytest.mark.parametrize(
    "blocked",
    [lambda connection: connection.recv(1), lambda connection: connection.send(bytes(64 * 1024 * 1024))],
    ids=["recv", "send"],
)
def test_stop_is_felt_in_a_blocked_call(
    connection: GuardedSocket, blocked: Callable[[GuardedSocket], object]
) -> None:
    cancel = CancelToken()
    stopper = threading.Timer(0.1, cancel.cancel)
    with connection.guard.bound(cancel):
        started = time.monotonic()
        stopper.start()
        with pytest.raises(Cancelled):
            blocked(connection)
        assert time.monotonic() - started < 2
    stopper.join()


def test_what_arrived_is_read_without_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        guard = Guard()
        with guard.within(10, "a test"), GuardedSocket.dial(listener.getsockname(), guard) as connection:
            other, _ = listener.accept()
            with other:
                assert connection.is_quiet()
                assert connection.received() == (b"", False)
                other.sendall(b"hello")
                assert connection.recv(1) == b"h"
                assert not connection.is_quiet()
                assert connection.received() == (b"ello", False)
            assert connection.recv(1) == b""
            assert not connection.is_quiet()
            assert connection.received() == (b"", True)


def test_the_server_is_kept_from_its_1024th_descriptor() -> None:
    descriptors = Descriptors()
    guard = Guard()
    with guard.within(10, "a test"):
        descriptors.phones(400)
        for _ in range(MAX_DESCRIPTORS - SPARE_DESCRIPTORS - 400):
            descriptors.take(guard)
    assert descriptors.room == 0
    assert descriptors.scarce
    with guard.within(0.05, "a free one"), pytest.raises(PhoneTimeout):
        descriptors.take(guard)

    idle = ["stream"]

    def make_room() -> bool:
        if not idle:
            return False
        idle.pop()
        descriptors.give_back()
        return True

    descriptors.make_room = make_room
    with guard.within(5, "the idle one"):
        descriptors.take(guard)
    assert not idle

    waiting = threading.Timer(0.05, descriptors.give_back)
    waiting.start()
    with guard.within(5, "somebody's"):
        descriptors.take(guard)
    waiting.join()


def test_a_command_is_a_sequence_and_never_one_string() -> None:
    device = Device(Client(1), "R58", Guard())
    with pytest.raises(TypeError, match="never parsed"):
        device.run("rm -rf /sdcard; reboot")
    with pytest.raises(PhoneError, match="NUL"):
        device.run(["echo", "a\0b"])
