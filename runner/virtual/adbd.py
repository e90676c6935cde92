"""The adb daemon of one phone: where it listens, who is connected, and the services it offers."""

from __future__ import annotations

import asyncio
import logging
import re
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from runner.virtual.calls import Call
from runner.virtual.shell import Sink
from runner.virtual.sync import SyncService
from runner.virtual.transport import AdbTransport, Stream

if TYPE_CHECKING:
    from runner.virtual.phone import VirtualPhone

log = logging.getLogger(__name__)

FEATURES = "shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir,sendrecv_v2"
_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)
"""Packet ids of the shell protocol."""


class Adbd:
    """Reachable at 127.0.0.1:port while it is plugged in."""

    def __init__(self, phone: VirtualPhone, port: int) -> None:
        self._phone = phone
        self.port = port
        self.authorized = True
        self.frozen = False
        self._server: asyncio.Server | None = None
        self._transports: set[AdbTransport] = set()
        self._changing: asyncio.Task[None] | None = None

    @property
    def banner(self) -> bytes:
        properties = self._phone.properties
        named = "".join(
            f"{key}={properties[key]};"
            for key in ("ro.product.name", "ro.product.model", "ro.product.device")
        )
        return f"device::{named}features={FEATURES}".encode()

    @property
    def is_connected(self) -> bool:
        """An adb server holds a connection (it may still be unauthorized)."""
        return bool(self._transports)

    async def listen(self) -> None:
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: AdbTransport(self), "127.0.0.1", self.port)

    def unplug(self) -> None:
        """Cut the connection and refuse new ones."""
        if self._changing is not None:
            self._changing.cancel()
            self._changing = None
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()

    def replug(self) -> None:
        """Take connections again. The adb server has to connect anew."""
        if self._server is None and self._changing is None:
            self._changing = asyncio.get_running_loop().create_task(self._listen_again())

    async def _listen_again(self) -> None:
        try:
            await self.listen()
        except OSError as error:
            log.error("%s can't be plugged in again: %s", self._phone.serial, error)
        self._changing = None

    def drop(self) -> None:
        for transport in list(self._transports):
            transport.drop()

    def set_authorized(self, authorized: bool) -> None:
        if authorized and not self.authorized:
            self.authorized = True
            for transport in self._transports:
                transport.authorize()
        elif not authorized:
            self.authorized = False
            self.drop()

    def freeze(self) -> None:
        self.frozen = True
        for transport in self._transports:
            transport.freeze()

    def thaw(self) -> None:
        if not self.frozen:
            return
        self.frozen = False
        for transport in self._transports:
            transport.thaw()
        self._phone.thawed()

    # --- called by the transport

    def connected(self, transport: AdbTransport) -> None:
        self._transports.add(transport)

    def disconnected(self, transport: AdbTransport) -> None:
        self._transports.discard(transport)

    def open_service(self, stream: Stream, service: str) -> bool:
        name, _, argument = service.partition(":")
        kind = name.partition(",")[0]
        call = self._phone.log.begin("service", name, argument)
        serve = _SERVICES.get(kind)
        accepted = serve is not None and serve(self._phone, stream, name, argument, call)
        if not accepted:
            call.finish(False)
        return accepted


Service = Callable[["VirtualPhone", Stream, str, str, Call], bool]


def _shell(phone: VirtualPhone, stream: Stream, name: str, line: str, call: Call) -> bool:
    ShellService(phone, stream, line, call, framed="v2" in name.split(","))
    return True


class ShellService:
    """One `shell:`, `shell,v2:` or `exec:` stream: a command, or an interactive shell fed line by line."""

    def __init__(self, phone: VirtualPhone, stream: Stream, line: str, call: Call, *, framed: bool) -> None:
        self._phone = phone
        self._stream = stream
        self._framed = framed
        self._call = call
        self._input = bytearray()
        self._stdin = bytearray()
        self._stdin_closed = asyncio.Event()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._interactive = not line
        stream.on_data = self._received
        self._task = phone.spawn(self._run(line) if line else self._run_lines())
        stream.on_close = self._stop

    def _stop(self) -> None:
        self._task.cancel()

    async def _run(self, line: str) -> None:
        status = 137
        try:
            status = await self._phone.run_shell(
                line, self._sink(_STDOUT), self._sink(_STDERR), self._all_input
            )
        finally:
            # Also when the phone ended it: a killed command's stream closes like any other.
            self._end(status)

    async def _all_input(self) -> bytes:
        await self._stdin_closed.wait()
        return bytes(self._stdin)

    async def _run_lines(self) -> None:
        status = 0
        try:
            while (line := await self._lines.get()) is not None and line.strip() != "exit":
                status = await self._phone.run_shell(line, self._sink(_STDOUT), self._sink(_STDERR))
        finally:
            self._end(status)

    def _end(self, status: int) -> None:
        self._call.finish(status == 0)
        if self._framed:
            self._stream.write(_frame(_EXIT, bytes([status & 0xFF])))
        self._stream.close()

    def _sink(self, packet: int) -> Sink:
        if not self._framed:
            return self._stream.write
        return lambda data: self._stream.write(_frame(packet, data))

    def _received(self, data: bytes) -> None:
        if not self._framed:
            self._typed(data)
            return
        self._input += data
        while len(self._input) >= 5:
            size = int.from_bytes(self._input[1:5], "little")
            if len(self._input) < 5 + size:
                return
            packet, body = self._input[0], bytes(self._input[5 : 5 + size])
            del self._input[: 5 + size]
            if packet == _STDIN:
                self._typed(body)
            elif packet == _CLOSE_STDIN:
                self._stdin_closed.set()
                self._lines.put_nowait(None)

    def _typed(self, data: bytes) -> None:
        if not self._interactive:
            self._stdin += data
            return
        for line in re.split(r"[\r\n]+", data.decode("utf-8", "replace")):
            if line:
                self._lines.put_nowait(line)


def _frame(packet: int, data: bytes) -> bytes:
    return struct.pack("<BI", packet, len(data)) + data


def _sync(phone: VirtualPhone, stream: Stream, name: str, argument: str, call: Call) -> bool:
    SyncService(stream, phone.storage, phone.spawn)
    call.finish(True)
    return True


def _tcp(phone: VirtualPhone, stream: Stream, name: str, argument: str, call: Call) -> bool:
    server = phone.ui_server
    if server is None or not server.ready or argument != str(server.port):
        return False
    server.serve(stream)
    call.finish(True)
    return True


def _localabstract(phone: VirtualPhone, stream: Stream, name: str, argument: str, call: Call) -> bool:
    """Nothing on the phone listens on such a socket."""
    return False


def _reverse(phone: VirtualPhone, stream: Stream, name: str, argument: str, call: Call) -> bool:
    forwards = phone.reverse_forwards
    verb, _, rest = argument.partition(":")
    ok = True
    if verb == "forward":
        norebind = rest.startswith("norebind:")
        remote, _, local = rest.removeprefix("norebind:").partition(";")
        if norebind and remote in forwards:
            ok, answer = False, _fail(f"cannot rebind existing socket for '{remote}'")
        else:
            forwards[remote] = local
            answer = b"OKAY"
    elif verb == "killforward":
        ok = forwards.pop(rest, None) is not None
        answer = b"OKAY" if ok else _fail(f"listener '{rest}' not found")
    elif verb == "killforward-all":
        forwards.clear()
        answer = b"OKAY"
    elif verb == "list-forward":
        text = "".join(f"(reverse) {remote} {local}\n" for remote, local in forwards.items()).encode()
        answer = b"%04x" % len(text) + text
    else:
        return False
    call.finish(ok)
    stream.write(answer)
    stream.close()
    return True


def _fail(message: str) -> bytes:
    data = message.encode()
    return b"FAIL%04x" % len(data) + data


def _framebuffer(phone: VirtualPhone, stream: Stream, name: str, argument: str, call: Call) -> bool:
    async def send() -> None:
        pixels = await phone.screenshot("RGBA")
        # Version 1 of adb's framebuffer header: bpp, size, width, height, then offset and length of
        # red, blue, green and alpha in bits.
        header = struct.pack("<13I", 1, 32, len(pixels), phone.width, phone.height, 0, 8, 16, 8, 8, 8, 24, 8)
        stream.write(header + pixels)
        stream.close()
        call.finish(True)

    phone.spawn(send())
    return True


def _root(phone: VirtualPhone, stream: Stream, name: str, argument: str, call: Call) -> bool:
    stream.write(b"adbd cannot run as root in production builds\n")
    stream.close()
    call.finish(True)
    return True


def _tcpip(phone: VirtualPhone, stream: Stream, name: str, argument: str, call: Call) -> bool:
    if not argument.isdigit() or not 0 < int(argument) < 65536:
        stream.write(b"invalid port\n")
    else:
        # The phone is reached over TCP already and stays where it is; adbd restarts all the same.
        stream.write(f"restarting in TCP mode port: {argument}\n".encode())
        stream.on_close = phone.adbd.drop
    stream.close()
    call.finish(True)
    return True


def _reboot(phone: VirtualPhone, stream: Stream, name: str, argument: str, call: Call) -> bool:
    call.finish(True)
    stream.on_close = lambda: phone.faults.strike("reboot")
    stream.close()
    return True


_SERVICES: dict[str, Service] = {
    "shell": _shell,
    "exec": _shell,
    "sync": _sync,
    "tcp": _tcp,
    "localabstract": _localabstract,
    "reverse": _reverse,
    "framebuffer": _framebuffer,
    "root": _root,
    "tcpip": _tcpip,
    "reboot": _reboot,
}
