"""adbutils' client, device and file sync over connections that obey a guard. Subclassed, not replaced.

What changes is how a connection is made, waited on and closed. adbutils left alone costs 55 ms a call:
Nagle's algorithm holds back the second of two small sends, every connection asks `host:version` first, and
closing sleeps 10 ms. It also starts an adb server of its own choice from any thread that finds none, waits
600 s, and can't be interrupted. Nothing here knows phones' states (`tracking`) or their UI (`ui`).
"""

from __future__ import annotations

import shlex
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import adbutils
from adbutils.sync import Sync as AdbutilsSync

from runner.errors import PhoneError, PhoneTimeout, StorageFull, TransportLost
from runner.phones import limits
from runner.phones.limits import Guard

HOST = "127.0.0.1"

MAX_DESCRIPTORS = 1024
"""adb 36 aborts when it gets a file descriptor of this number (FD_SETSIZE)."""
SPARE_DESCRIPTORS = 64
"""For adb's own listeners, its USB handling and the other clients of the same server."""

MAX_REQUEST = 0xFFFF
"""An adb request states its length in four hexadecimal digits."""
BLOCK = 64 * 1024
"""The largest DATA block of the sync protocol; adbutils sends 4 KiB."""


class GuardedSocket(socket.socket):
    """A socket whose every wait obeys its guard. `send` sends everything."""

    guard: Guard

    @classmethod
    def dial(cls, address: tuple[str, int], guard: Guard) -> GuardedSocket:
        """Connect. adb's listen backlog is 128: past it a connection attempt waits in SYN retries, so a slow
        one is begun anew until the deadline. Raises OSError when nothing listens."""
        while True:
            guard.check()
            connection = cls(socket.AF_INET, socket.SOCK_STREAM)
            connection.guard = guard
            try:
                socket.socket.settimeout(connection, 1.0)
                connection.connect(address)
            except TimeoutError:
                connection.close()
                continue
            except OSError:
                connection.close()
                raise
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            socket.socket.settimeout(connection, limits.SLICE)
            return connection

    def settimeout(self, value: float | None) -> None:
        """Ignored: adbutils sets its own timeouts, but the guard's deadline rules."""

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        return bytes(self._patiently(super().recv, bufsize, flags))

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        return int(self._patiently(super().recv_into, buffer, nbytes, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        rest = memoryview(data)
        size = len(rest)
        while rest:
            rest = rest[self._patiently(super().send, rest, flags) :]
        return size

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.send(data, flags)

    def is_quiet(self) -> bool:
        """True while the other side has neither closed the connection nor sent anything unasked."""
        self.setblocking(False)
        try:
            super().recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            super().settimeout(limits.SLICE)
        return False

    def received(self) -> tuple[bytes, bool]:
        """What has arrived by now, without waiting, and whether the other side has closed."""
        arrived = bytearray()
        self.setblocking(False)
        try:
            while chunk := super().recv(4096):
                arrived += chunk
        except BlockingIOError:
            return bytes(arrived), False
        except OSError:
            return bytes(arrived), True
        finally:
            super().settimeout(limits.SLICE)
        return bytes(arrived), True

    def _patiently(self, operation: Callable[..., Any], *arguments: Any) -> Any:
        while True:
            self.guard.check()
            try:
                return operation(*arguments)
            except TimeoutError:
                continue


class Connection(adbutils.AdbConnection):  # type: ignore[misc]
    """One connection to the adb server, counted against its descriptors until it is closed."""

    def __init__(self, client: Client, guard: Guard) -> None:
        self._client = client
        self._guard = guard
        client.descriptors.take(guard)
        try:
            super().__init__(client.host, client.port)
        except BaseException:
            client.descriptors.give_back()
            raise

    def _safe_connect(self) -> GuardedSocket:
        try:
            return GuardedSocket.dial((self._client.host, self._client.port), self._guard)
        except PhoneTimeout:
            raise
        except OSError as error:
            raise TransportLost(f"The adb server does not answer: {error}.") from error

    @property
    def closed(self) -> bool:
        return bool(self.conn.fileno() < 0)

    def close(self) -> None:
        """At once: adbutils would sleep 10 ms here."""
        if not self.closed:
            self.conn.close()
            self._client.descriptors.give_back()

    # adbutils turns a TimeoutError, which PhoneTimeout is, into an AdbTimeout and then repeats some calls.
    def recv(self, n: int) -> bytes:
        return bytes(self.conn.recv(n))

    def read(self, n: int) -> bytes:
        return bytes(self._read_fully(n))

    def read_exact(self, n: int) -> bytes:
        data = self.read(n)
        if len(data) < n:
            raise EOFError(f"The connection ended after {len(data)} of {n} bytes.")
        return data

    def send_command(self, cmd: str) -> None:
        command = cmd.encode()
        if len(command) > MAX_REQUEST:
            raise PhoneError(f"A command of {len(command)} bytes is too long for adb ({MAX_REQUEST}).")
        self.conn.send(b"%04x" % len(command) + command)


class Descriptors:
    """A count of the adb server's file descriptors that keeps it away from its abort at 1,024."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = 0
        self._phones = 0
        self.make_room: Callable[[], bool] = lambda: False
        """Closes a stream that nobody needs right now; True when it found one."""

    @property
    def open(self) -> int:
        """Connections to the adb server that are open now."""
        return self._open

    @property
    def room(self) -> int:
        return MAX_DESCRIPTORS - SPARE_DESCRIPTORS - self._phones - self._open

    @property
    def scarce(self) -> bool:
        """True when a phone should not keep a connection between its calls."""
        return self.room < (MAX_DESCRIPTORS - SPARE_DESCRIPTORS) // 10

    def phones(self, count: int) -> None:
        """How many phones adb lists: each holds a descriptor."""
        with self._changed:
            self._phones = count
            self._changed.notify_all()

    def take(self, guard: Guard) -> None:
        while True:
            guard.check()
            with self._changed:
                if self.room > 0:
                    self._open += 1
                    return
            if not self.make_room():
                with self._changed:
                    if self.room <= 0:
                        self._changed.wait(min(limits.SLICE, guard.remaining))

    def give_back(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify()


class Client(adbutils.AdbClient):  # type: ignore[misc]
    """adbutils' client over our connections. One for all phones of a server."""

    def __init__(self, port: int) -> None:
        super().__init__(host=HOST, port=port)
        self.descriptors = Descriptors()

    def dial(self, guard: Guard) -> Connection:
        return Connection(self, guard)

    def ask(self, request: str, *, seconds: float = limits.HOST) -> str:
        """The server's answer to a host request that has one. Raises AdbError with its refusal."""
        return self.ask_raw(request, seconds=seconds).decode("utf-8", "replace")

    def ask_raw(self, request: str, *, seconds: float = limits.HOST) -> bytes:
        guard = Guard()
        with guard.within(seconds, request), self.dial(guard) as connection:
            connection.send_command(request)
            connection.check_okay()
            size = int(connection.read_exact(4), 16)
            return connection.read_exact(size) if size else b""


@dataclass(frozen=True)
class ShellResult:
    """What a command on the phone left: its exit code and its output, standard error included."""

    exit_code: int
    output: str


class Device(adbutils.AdbDevice):  # type: ignore[misc]
    """adbutils' device over our connections. `serial` is adb's; one thread uses it at a time."""

    def __init__(self, client: Client, serial: str, guard: Guard) -> None:
        super().__init__(client, serial=serial)
        self.client = client
        self.guard = guard

    def open_transport(self, command: str | None = None, timeout: float | None = None) -> Connection:
        """A connection switched to this phone, without the `host:version` that adbutils asks first.

        `timeout` is ignored, the guard rules. `tport` needs an adb server of 2018 or later.
        """
        connection = self.client.dial(self.guard)
        try:
            if command:
                connection.send_command(f"host-serial:{self.serial}:{command}")
                connection.check_okay()
            else:
                connection.send_command(f"host:tport:serial:{self.serial}")
                connection.check_okay()
                connection.read_exact(8)
        except BaseException:
            connection.close()
            raise
        return connection

    def open_service(self, service: str) -> Connection:
        """A stream to a service of the phone's adbd, for example "tcp:9008". Raises AdbError when refused."""
        connection = self.open_transport()
        try:
            connection.send_command(service)
            connection.check_okay()
        except BaseException:
            connection.close()
            raise
        return connection

    def open_shell(self, cmdargs: str | Sequence[str]) -> Connection:
        """As adbutils does it, but without leaking the connection when the phone does not answer."""
        line = cmdargs if isinstance(cmdargs, str) else shlex.join(cmdargs)
        return self.open_service(f"shell:{line}")

    def run(self, argv: Sequence[str], *, seconds: float = limits.SHELL) -> ShellResult:
        """Run one command; every argument reaches it as it is, whatever characters it holds.

        adbutils quotes each of them for the phone's POSIX shell, and uses shell v2 where the phone has it.
        """
        with self.guard.within(seconds, argv[0]):
            result = self.shell2(_checked(argv), timeout=None, v2=True)
        return ShellResult(result.returncode, result.output.replace("\r\n", "\n"))

    def run_for_bytes(self, argv: Sequence[str], *, seconds: float = limits.SHELL) -> bytes:
        """Run one command whose standard output is no text."""
        with self.guard.within(seconds, argv[0]):
            result = self.shell2(_checked(argv), timeout=None, encoding=None, v2=True)
        return bytes(result.stdout or result.output)

    @property
    def sync(self) -> Sync:
        return Sync(self)


def _checked(argv: Sequence[str]) -> list[str]:
    if isinstance(argv, str):
        raise TypeError("a command is a sequence of arguments, not one string: it is quoted, never parsed")
    if any("\0" in argument for argument in argv):
        raise PhoneError("A command can't hold a NUL character.")
    return list(argv)


class Sync(AdbutilsSync):  # type: ignore[misc]
    """adbutils' file sync, sending 64 KiB blocks with header and data in one write."""

    _device: Device

    def _push_file(self, src: Any, dst: str, mode: int = 0o644, check: bool = False) -> int:
        with Path(src).open("rb") as file:
            size = self.send_file(file, dst, mode)
        if check and (arrived := self.stat(dst).size) != size:
            raise TransportLost(f"Of {size} bytes sent to {dst}, {arrived} arrived.")
        return size

    def send_file(self, file: BinaryIO, remote: str, mode: int = 0o644, modified: float | None = None) -> int:
        """Send a file, making missing folders; returns its size in bytes. Raises StorageFull, AdbError.

        `modified` is its modification time there, seconds since the epoch; None: now by our clock.
        """
        total = 0
        block = bytearray(8 + BLOCK)
        view = memoryview(block)
        with self._prepare_sync(f"{remote},{0o100000 | mode}", "SEND") as connection:
            try:
                while count := file.readinto(view[8:]):  # type: ignore[attr-defined]
                    block[:8] = b"DATA" + struct.pack("<I", count)
                    connection.conn.send(view[: 8 + count])
                    total += count
                moment = time.time() if modified is None else modified
                connection.conn.send(b"DONE" + struct.pack("<I", int(moment)))
            except ConnectionError:
                # adbd may refuse in the middle and close; what it said explains more than a broken pipe.
                self._check_sent(connection, remote)
                raise
            self._check_sent(connection, remote)
        return total

    def _check_sent(self, connection: Connection, remote: str) -> None:
        status = connection.read_exact(4)
        if status == b"OKAY":
            return
        (length,) = struct.unpack("<I", connection.read_exact(4))
        reason = connection.read_exact(length).decode("utf-8", "replace")
        if "No space left" in reason:
            raise StorageFull(f"The phone has no room for {remote}.", serial=self._device.serial)
        raise adbutils.AdbError(reason)
