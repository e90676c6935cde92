"""adb's file sync service: STAT, LIST, SEND, RECV and their second versions.

The wire format is that of AOSP's file_sync_protocol.h. A transfer that can't be stored is refused the way
adbd does it: FAIL is sent once, and what still comes is read and thrown away.
"""

from __future__ import annotations

import asyncio
import errno
import posixpath
import stat
import struct
from collections.abc import Callable

from runner.virtual.storage import ALIASES, SHARED, ContentWriter, Storage, resolve
from runner.virtual.transport import Stream

_V1_STAT = struct.Struct("<4sIII")
_V1_DENT = struct.Struct("<4sIIII")
_V2_STAT = struct.Struct("<4sIQQIIIIQqqq")
_V2_DENT = struct.Struct("<4sIQQIIIIQqqqI")
_SETUP_SIZES = {b"SND2": 12, b"RCV2": 8}
"""Version 2 follows the path with a set-up packet: name, mode, flags or name, flags."""
_MAX_DATA = 64 * 1024
_MAX_PATH = 1024
_DEVICE = 66
_SHELL_UID = 2000
_SDCARD_GID = 1015


class SyncService:
    """One `sync:` stream; several requests may follow each other on it."""

    def __init__(self, stream: Stream, storage: Storage, spawn: Callable[..., object]) -> None:
        self._stream = stream
        self._storage = storage
        self._spawn = spawn
        self._input = bytearray()
        self._sending: _Send | None = None
        stream.on_data = self._received
        stream.on_close = self._closed

    def _received(self, data: bytes) -> None:
        self._input += data
        at = 0
        buffer = self._input
        while len(buffer) - at >= 8:
            name = bytes(buffer[at : at + 4])
            number = int.from_bytes(buffer[at + 4 : at + 8], "little")
            if name == b"DONE" and self._sending is not None:
                at += 8
                self._end_send(modified=number)
                continue
            limit = _MAX_DATA if name == b"DATA" else _MAX_PATH
            if number > limit:
                self._fail(f"invalid {'data chunk' if name == b'DATA' else 'path'} length: {number}")
                self._stream.close()
                return
            end = at + 8 + number + _SETUP_SIZES.get(name, 0)
            if len(buffer) < end:
                break
            with memoryview(buffer) as view:
                body = bytes(view[at + 8 : at + 8 + number])
                setup = bytes(view[at + 8 + number : end])
            at = end
            self._request(name, body, setup)
            if self._stream.closed:
                return
        if at:
            del buffer[:at]

    def _request(self, name: bytes, body: bytes, setup: bytes) -> None:
        if name == b"DATA":
            if self._sending is not None:
                self._sending.write(body)
                if self._sending.error and not self._sending.reported:
                    self._sending.reported = True
                    self._fail(self._sending.error)
            return
        path = body.decode("utf-8", "replace")
        if name == b"STAT":
            mode, size, modified = self._stat(path)
            self._stream.write(_V1_STAT.pack(b"STAT", mode, size & 0xFFFFFFFF, modified))
        elif name in (b"STA2", b"LST2"):
            self._stream.write(self._stat2(name, path))
        elif name in (b"LIST", b"LIS2"):
            self._list(name == b"LIS2", path)
        elif name == b"SEND":
            target, _, digits = path.rpartition(",")
            self._sending = _Send(self._storage, target, int(digits) if digits.isdigit() else 0o660)
        elif name == b"SND2":
            mode, flags = struct.unpack("<II", setup[4:12])
            self._sending = _Send(self._storage, path, mode)
            if flags:
                self._sending.refuse("compression is not supported")
        elif name == b"RECV":
            self._spawn(self._receive(path))
        elif name == b"RCV2":
            if struct.unpack("<I", setup[4:8])[0]:
                self._fail("compression is not supported")
            else:
                self._spawn(self._receive(path))
        elif name == b"QUIT":
            self._stream.close()
        else:
            self._fail(f"unknown command {name.decode('ascii', 'replace')}")
            self._stream.close()

    def _end_send(self, modified: int) -> None:
        sending = self._sending
        assert sending is not None
        self._sending = None
        sending.finish(modified)
        if sending.reported:
            return
        if sending.error:
            self._fail(sending.error)
        else:
            self._stream.write(b"OKAY\0\0\0\0")

    async def _receive(self, path: str) -> None:
        file = self._storage.file(path)
        if file is None:
            folder = self._storage.is_folder(path)
            self._fail(f"open failed: {'Is a directory' if folder else 'No such file or directory'}")
            return
        try:
            for chunk in file.content.chunks(_MAX_DATA):
                self._stream.write(b"DATA" + len(chunk).to_bytes(4, "little") + chunk)
                await self._stream.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            return
        self._stream.write(b"DONE\0\0\0\0")

    def _fail(self, message: str) -> None:
        data = message.encode()
        self._stream.write(b"FAIL" + len(data).to_bytes(4, "little") + data)

    def _closed(self) -> None:
        if self._sending is not None:
            self._sending.abandon()
            self._sending = None

    def _stat(self, path: str, *, follow: bool = False) -> tuple[int, int, int]:
        """(mode, size, modified); all 0 for a path that does not exist."""
        if path in ALIASES and not follow:
            return stat.S_IFLNK | 0o777, len(SHARED), 1_230_768_000
        if (file := self._storage.file(path)) is not None:
            return stat.S_IFREG | file.mode, file.content.size, int(file.modified)
        if self._storage.is_folder(path):
            return stat.S_IFDIR | 0o771, 3452, int(self._storage.folder_modified(path))
        return 0, 0, 0

    def _stat2(self, name: bytes, path: str) -> bytes:
        mode, size, modified = self._stat(path, follow=name == b"STA2")
        if not mode:
            return _V2_STAT.pack(name, errno.ENOENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return _V2_STAT.pack(name, 0, *self._details(path, mode, size, modified))

    def _details(self, path: str, mode: int, size: int, modified: int) -> tuple[int, ...]:
        inode = hash(resolve(path)) & 0xFFFFFFFF
        return _DEVICE, inode, mode, 1, _SHELL_UID, _SDCARD_GID, size, modified, modified, modified

    def _list(self, second: bool, path: str) -> None:
        out = bytearray()
        if self._storage.is_folder(path):
            for child in [".", "..", *self._storage.children(path)]:
                name = child.encode()
                full = posixpath.join(path, child)
                mode, size, modified = self._stat(full)
                if second:
                    out += _V2_DENT.pack(b"DNT2", 0, *self._details(full, mode, size, modified), len(name))
                else:
                    out += _V1_DENT.pack(b"DENT", mode, size & 0xFFFFFFFF, modified, len(name))
                out += name
        out += _V2_DENT.pack(b"DONE", *[0] * 12) if second else _V1_DENT.pack(b"DONE", 0, 0, 0, 0)
        self._stream.write(bytes(out))


class _Send:
    """A file that is being pushed."""

    def __init__(self, storage: Storage, path: str, mode: int) -> None:
        self._storage = storage
        self._path = path
        self._mode = mode
        self._writer: ContentWriter | None = None
        self.error = ""
        self.reported = False
        try:
            folder = posixpath.dirname(resolve(path))
            if not storage.is_folder(folder):
                # adbd makes the folders (feature fixed_push_mkdir).
                storage.make_folder(folder, parents=True)
            storage.check_writable(path)
            self._free = storage.free
            self._writer = storage.store.writer()
        except OSError as error:
            self.error = f"couldn't create file: {error.strerror}"

    def write(self, data: bytes) -> None:
        if self._writer is None:
            return
        if self._storage.full or self._writer.size + len(data) > self._free:
            self.refuse("write failed: No space left on device")
            return
        self._writer.write(data)

    def finish(self, modified: int) -> None:
        if self._writer is None:
            return
        content = self._writer.finish()
        self._writer = None
        try:
            self._storage.write(self._path, content, modified=float(modified), mode=self._mode & 0o777)
        except OSError as error:
            self.error = f"write failed: {error.strerror}"

    def refuse(self, error: str) -> None:
        self.error = error
        self.abandon()

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
