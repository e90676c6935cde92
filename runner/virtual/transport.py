"""The adbd end of adb's transport protocol, on asyncio: packets, streams and their flow control.

It knows nothing of what a phone can do; services are opened through `Adbd`. The protocol is described in
AOSP's packages/modules/adb/protocol.txt. One loop carries hundreds of these, so the output of one turn of
the loop leaves in one write.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

_HEADER: Final = struct.Struct("<6I")
_VERSION: Final = 0x01000001
"""From this version on, packets after the handshake carry no checksum."""
_MAX_PAYLOAD: Final = 1 << 20
_SLOW_READER: Final = 4 << 20
"""A stream with more than this waiting makes `drain` wait."""


def _command(name: bytes) -> int:
    return int.from_bytes(name, "little")


_CNXN: Final = _command(b"CNXN")
_AUTH: Final = _command(b"AUTH")
_OPEN: Final = _command(b"OPEN")
_OKAY: Final = _command(b"OKAY")
_WRTE: Final = _command(b"WRTE")
_CLSE: Final = _command(b"CLSE")
_AUTH_TOKEN: Final = 1
_AUTH_SIGNATURE: Final = 2


class Adbd(Protocol):
    """What a transport needs of its phone."""

    @property
    def banner(self) -> bytes: ...
    @property
    def authorized(self) -> bool: ...
    @property
    def frozen(self) -> bool: ...
    def connected(self, transport: AdbTransport) -> None: ...
    def disconnected(self, transport: AdbTransport) -> None: ...

    def open_service(self, stream: Stream, service: str) -> bool:
        """Serve `stream`; False refuses it. Must return at once."""
        ...


class Stream:
    """One stream of a transport. `on_data` and `on_close` are set by the service that serves it."""

    __slots__ = (
        "_closing",
        "_drained",
        "_local",
        "_queue",
        "_queued",
        "_ready",
        "_remote",
        "_transport",
        "closed",
        "on_close",
        "on_data",
    )

    def __init__(self, transport: AdbTransport, local: int, remote: int) -> None:
        self._transport = transport
        self._local = local
        self._remote = remote
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._ready = True
        self._closing = False
        self._drained: asyncio.Future[None] | None = None
        self.closed = False
        self.on_data: Callable[[bytes], None] | None = None
        self.on_close: Callable[[], None] | None = None

    def write(self, data: bytes) -> None:
        """Queue bytes for the host; dropped when the stream is closed."""
        if self.closed or self._closing or not data:
            return
        self._queue.append(data)
        self._queued += len(data)
        if self._ready:
            self._send_next()

    async def drain(self) -> None:
        """Wait while the host reads slower than we write. Raises ConnectionError once it is closed."""
        while self._queued > _SLOW_READER and not self.closed:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
        if self.closed:
            raise ConnectionResetError("stream closed")

    def close(self) -> None:
        """Close towards the host after everything queued has left."""
        if self.closed or self._closing:
            return
        self._closing = True
        if self._ready and not self._queue:
            self._finish()

    def _send_next(self) -> None:
        if not self._queue:
            return
        limit = self._transport.max_payload
        first = self._queue.popleft()
        if len(first) > limit:
            self._queue.appendleft(first[limit:])
            first = first[:limit]
        elif self._queue and len(first) + len(self._queue[0]) <= limit:
            parts = [first]
            size = len(first)
            while self._queue and size + len(self._queue[0]) <= limit:
                parts.append(self._queue.popleft())
                size += len(parts[-1])
            first = b"".join(parts)
        self._queued -= len(first)
        self._ready = False
        self._transport.send(_WRTE, self._local, self._remote, first)

    def _acknowledged(self) -> None:
        self._ready = True
        if self._drained is not None and self._queued <= _SLOW_READER:
            self._wake()
        if self._queue:
            self._send_next()
        elif self._closing and not self.closed:
            self._finish()

    def _received(self, data: bytes) -> None:
        if self.on_data is not None:
            self.on_data(data)
        if not self.closed:
            self._transport.send(_OKAY, self._local, self._remote)

    def _finish(self) -> None:
        """Everything has been sent: tell the host."""
        self._transport.send(_CLSE, self._local, self._remote)
        self._transport.forget(self._local)
        self._ended()

    def _closed_by_host(self) -> None:
        self._transport.send(_CLSE, self._local, self._remote)
        self._ended()

    def _ended(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._queue.clear()
        self._queued = 0
        self._wake()
        if self.on_close is not None:
            self.on_close()
        self.on_data = self.on_close = None

    def _wake(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None


class AdbTransport(asyncio.Protocol):
    """One TCP connection from an adb server."""

    def __init__(self, adbd: Adbd) -> None:
        self._adbd = adbd
        self._socket: asyncio.Transport | None = None
        self._input = bytearray()
        self._output: list[bytes] = []
        self._flush_scheduled = False
        self._in_data_received = False
        self._streams: dict[int, Stream] = {}
        self._next_id = 1
        self._host_said_hello = False
        self.max_payload = _MAX_PAYLOAD

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._socket = transport
        self._adbd.connected(self)
        if self._adbd.frozen:
            self.freeze()

    def connection_lost(self, exc: Exception | None) -> None:
        self._socket = None
        streams = list(self._streams.values())
        self._streams.clear()
        for stream in streams:
            stream._ended()
        self._adbd.disconnected(self)

    def data_received(self, data: bytes) -> None:
        self._in_data_received = True
        try:
            self._input += data
            self._take_packets()
        finally:
            self._in_data_received = False
            self._flush()

    def drop(self) -> None:
        """Cut the connection as a pulled cable does."""
        if self._socket is not None:
            self._socket.abort()

    def freeze(self) -> None:
        """Read nothing and write nothing until `thaw`."""
        if self._socket is not None:
            self._socket.pause_reading()

    def thaw(self) -> None:
        if self._socket is not None:
            self._socket.resume_reading()
            self._flush()

    def authorize(self) -> None:
        """The user accepted the question: go on with the handshake that was waiting for it."""
        if self._host_said_hello:
            self._say_hello()

    def send(self, command: int, arg0: int, arg1: int, payload: bytes = b"") -> None:
        checksum = sum(payload) & 0xFFFFFFFF if command in (_CNXN, _AUTH) else 0
        self._output.append(
            _HEADER.pack(command, arg0, arg1, len(payload), checksum, command ^ 0xFFFFFFFF) + payload
        )
        if not self._in_data_received and not self._flush_scheduled:
            self._flush_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def forget(self, local: int) -> None:
        self._streams.pop(local, None)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if not self._output or self._adbd.frozen:
            return
        if self._socket is not None:
            self._socket.write(self._output[0] if len(self._output) == 1 else b"".join(self._output))
        self._output.clear()

    def _take_packets(self) -> None:
        buffer = self._input
        at = 0
        while len(buffer) - at >= 24:
            command, arg0, arg1, size, _, magic = _HEADER.unpack_from(buffer, at)
            if magic != command ^ 0xFFFFFFFF or size > _MAX_PAYLOAD:
                self.drop()
                return
            end = at + 24 + size
            if len(buffer) < end:
                break
            with memoryview(buffer) as view:
                payload = bytes(view[at + 24 : end])
            at = end
            self._handle(command, arg0, arg1, payload)
        if at:
            del buffer[:at]

    def _handle(self, command: int, arg0: int, arg1: int, payload: bytes) -> None:
        if command == _WRTE:
            if (stream := self._streams.get(arg1)) is not None:
                stream._received(payload)
            else:
                self.send(_CLSE, 0, arg0)
        elif command == _OKAY:
            if (stream := self._streams.get(arg1)) is not None:
                stream._acknowledged()
        elif command == _OPEN:
            self._open(arg0, payload.rstrip(b"\0").decode("utf-8", "replace"))
        elif command == _CLSE:
            if (stream := self._streams.pop(arg1, None)) is not None:
                stream._closed_by_host()
        elif command == _CNXN:
            self.max_payload = min(arg1, _MAX_PAYLOAD)
            self._host_said_hello = True
            if self._adbd.authorized:
                self._say_hello()
            else:
                self._ask_for_key()
        elif command == _AUTH and arg0 == _AUTH_SIGNATURE and not self._adbd.authorized:
            # A signature by a key that this phone does not know. The public key that follows the last
            # one stays without an answer until the user accepts it.
            self._ask_for_key()

    def _ask_for_key(self) -> None:
        self.send(_AUTH, _AUTH_TOKEN, 0, os.urandom(20))

    def _say_hello(self) -> None:
        self.send(_CNXN, _VERSION, _MAX_PAYLOAD, self._adbd.banner)

    def _open(self, remote: int, service: str) -> None:
        local = self._next_id
        self._next_id += 1
        stream = Stream(self, local, remote)
        self._streams[local] = stream
        # The service may write at once, and nothing may reach the host before the OKAY.
        mark = len(self._output)
        if self._adbd.open_service(stream, service):
            okay = _HEADER.pack(_OKAY, local, remote, 0, 0, _OKAY ^ 0xFFFFFFFF)
            self._output.insert(mark, okay)
        else:
            self._streams.pop(local, None)
            self.send(_CLSE, 0, remote)
