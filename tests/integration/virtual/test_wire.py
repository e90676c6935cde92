"""The transport protocol itself, spoken by hand: pieces, crowds and breaches."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from runner.virtual.farm import FarmSettings, VirtualFarm
from support.tiny_app import build_tiny_apps

HEADER = struct.Struct("<4s5I")


def packet(name: bytes, arg0: int, arg1: int, payload: bytes = b"") -> bytes:
    command = int.from_bytes(name, "little")
    return HEADER.pack(name, arg0, arg1, len(payload), sum(payload), command ^ 0xFFFFFFFF) + payload


HELLO = packet(b"CNXN", 0x01000001, 1 << 20, b"host::features=shell_v2")


class Host:
    """The adb server's side of one connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)

    def send(self, *packets: bytes) -> None:
        self._socket.sendall(b"".join(packets))

    def receive(self) -> tuple[bytes, int, int, bytes]:
        name, arg0, arg1, size, _, _ = HEADER.unpack(self._read(24))
        return name, arg0, arg1, self._read(size)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self._socket.recv(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def is_quiet(self) -> bool:
        self._socket.settimeout(0.3)
        try:
            return not self._socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(5)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def host() -> Iterator[Host]:
    with VirtualFarm(FarmSettings(count=1, build_apps=build_tiny_apps)) as farm:
        host = Host(int(farm.serials[0].rpartition(":")[2]))
        yield host
        host.close()


def test_packets_may_come_in_pieces_and_in_crowds(host: Host) -> None:
    for byte in HELLO:
        host.send(bytes([byte]))
    name, version, limit, banner = host.receive()
    assert (name, version, limit) == (b"CNXN", 0x01000001, 1 << 20)
    assert banner.startswith(b"device::ro.product.name=")
    host.send(packet(b"OPEN", 5, 0, b"shell:echo one\0"), packet(b"OPEN", 6, 0, b"shell:echo two\0"))
    got: dict[int, list[tuple[bytes, bytes]]] = {5: [], 6: []}
    for _ in range(4):
        name, local, remote, payload = host.receive()
        got[remote].append((name, payload))
        if name == b"WRTE":
            host.send(packet(b"OKAY", remote, local))
    assert got[5] == [(b"OKAY", b""), (b"WRTE", b"one\n")]
    assert got[6] == [(b"OKAY", b""), (b"WRTE", b"two\n")]
    assert {host.receive()[:3][0] for _ in range(2)} == {b"CLSE"}


def test_one_write_at_a_time_until_it_is_acknowledged(host: Host) -> None:
    host.send(HELLO)
    host.receive()
    host.send(packet(b"OPEN", 5, 0, b"shell:screencap\0"))
    assert host.receive()[0] == b"OKAY"
    name, local, _, first = host.receive()
    assert (name, len(first)) == (b"WRTE", 1 << 20)
    assert host.is_quiet()
    size = len(first)
    while name == b"WRTE":
        host.send(packet(b"OKAY", 5, local))
        name, local, _, more = host.receive()
        size += len(more)
    assert name == b"CLSE"
    assert size == 16 + 1080 * 2400 * 4


def test_what_does_not_exist_is_refused(host: Host) -> None:
    host.send(HELLO)
    host.receive()
    host.send(packet(b"OPEN", 5, 0, b"jdwp:1\0"))
    assert host.receive()[:3] == (b"CLSE", 0, 5)
    host.send(packet(b"WRTE", 9, 77, b"lost"))
    assert host.receive()[:3] == (b"CLSE", 0, 9)


def test_a_breach_of_the_protocol_ends_the_connection(host: Host) -> None:
    host.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    with pytest.raises((EOFError, ConnectionResetError)):
        host.receive()
