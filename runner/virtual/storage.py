"""Files of virtual phones: one store of contents for the whole process, one tree of names per phone.

Contents are immutable and addressed by their hash, so four hundred phones with the same jar hold it once. The
tree knows Android's shared storage: /sdcard, /storage/self/primary and /storage/emulated/0 are one place.
Errors are OSErrors with the errno that a phone gives.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import tempfile
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_IN_MEMORY = 256 * 1024
"""Larger contents live in a file of the store's folder."""

SHARED = "/storage/emulated/0"
ALIASES = ("/sdcard", "/storage/self/primary", "/mnt/sdcard", "/storage/emulated/legacy")
_FOLDERS = frozenset(
    [
        "/",
        "/data",
        "/data/local",
        "/data/local/tmp",
        "/mnt",
        "/proc",
        "/storage",
        "/storage/emulated",
        "/storage/self",
        "/system",
        "/system/bin",
        SHARED,
        *(
            f"{SHARED}/{name}"
            for name in [
                "Alarms",
                "Android",
                "Android/data",
                "Android/media",
                "Audiobooks",
                "DCIM",
                "DCIM/Camera",
                "Documents",
                "Download",
                "Movies",
                "Music",
                "Notifications",
                "Pictures",
                "Podcasts",
                "Recordings",
                "Ringtones",
            ]
        ),
    ]
)
_WRITABLE = (SHARED, "/data/local/tmp")
"""Where the shell user may write."""


class Content:
    """Immutable bytes."""

    __slots__ = ("__weakref__", "_md5", "data", "path", "sha256", "size")

    def __init__(self, sha256: str, size: int, data: bytes | None, path: Path | None) -> None:
        self.sha256 = sha256
        self.size = size
        self.data = data
        self.path = path
        self._md5 = ""

    @property
    def md5(self) -> str:
        if not self._md5:
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in self.chunks():
                digest.update(chunk)
            self._md5 = digest.hexdigest()
        return self._md5

    def chunks(self, size: int = 64 * 1024) -> Iterator[bytes]:
        if self.data is not None:
            for start in range(0, len(self.data), size):
                yield self.data[start : start + size]
            return
        assert self.path is not None
        with self.path.open("rb") as file:
            while chunk := file.read(size):
                yield chunk

    def read(self, limit: int = -1) -> bytes:
        if self.data is not None:
            return self.data if limit < 0 else self.data[:limit]
        assert self.path is not None
        with self.path.open("rb") as file:
            return file.read(limit)


class ContentStore:
    """All contents of the process. `close` removes its folder."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._by_hash: weakref.WeakValueDictionary[str, Content] = weakref.WeakValueDictionary()

    def writer(self) -> ContentWriter:
        return ContentWriter(self)

    def put(self, data: bytes) -> Content:
        writer = self.writer()
        writer.write(data)
        return writer.finish()

    def close(self) -> None:
        self._by_hash.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def new_file(self) -> tuple[BinaryIO, Path]:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="virtual-phones-", ignore_cleanup_errors=True)
        handle, name = tempfile.mkstemp(dir=self._folder.name)
        return os.fdopen(handle, "wb"), Path(name)

    def keep(self, sha256: str, size: int, data: bytes | None, path: Path | None) -> Content:
        """The content of this hash; a second copy of the same bytes is thrown away."""
        if (known := self._by_hash.get(sha256)) is not None:
            if path is not None:
                path.unlink(missing_ok=True)
            return known
        content = Content(sha256, size, data, path)
        self._by_hash[sha256] = content
        if path is not None:
            weakref.finalize(content, _remove, path)
        return content


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


class ContentWriter:
    """Takes the bytes of one file as they come."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._hash = hashlib.sha256()
        self._memory: bytearray | None = bytearray()
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self.size += len(data)
        if self._memory is not None:
            self._memory += data
            if len(self._memory) > _IN_MEMORY:
                self._file, self._path = self._store.new_file()
                self._file.write(self._memory)
                self._memory = None
        else:
            assert self._file is not None
            self._file.write(data)

    def finish(self) -> Content:
        data = bytes(self._memory) if self._memory is not None else None
        if self._file is not None:
            self._file.close()
        return self._store.keep(self._hash.hexdigest(), self.size, data, self._path)

    def abandon(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


@dataclass(slots=True)
class File:
    content: Content
    modified: float
    """Epoch seconds."""
    mode: int = 0o660


class Storage:
    """The tree of one phone. Every path given to it may use any of the aliases of the shared storage."""

    def __init__(self, store: ContentStore, capacity: int) -> None:
        self.store = store
        self.capacity = capacity
        self.full = False
        """The fault `storage_full`: nothing more fits."""
        self._files: dict[str, File] = {}
        self._folders: dict[str, float] = {}

    @property
    def used(self) -> int:
        return sum(file.content.size for file in self._files.values())

    @property
    def free(self) -> int:
        """Bytes."""
        return 0 if self.full else max(0, self.capacity - self.used)

    def files(self) -> Iterator[tuple[str, File]]:
        return iter(self._files.items())

    def file(self, path: str) -> File | None:
        return self._files.get(resolve(path))

    def is_folder(self, path: str) -> bool:
        path = resolve(path)
        return path in _FOLDERS or path in self._folders

    def exists(self, path: str) -> bool:
        return self.file(path) is not None or self.is_folder(path)

    def folder_modified(self, path: str) -> float:
        return self._folders.get(resolve(path), 1_230_768_000.0)

    def children(self, path: str) -> list[str]:
        """Names in a folder, sorted. Raises NotADirectoryError, FileNotFoundError."""
        path = resolve(path)
        if not self.is_folder(path):
            number = errno.ENOTDIR if path in self._files else errno.ENOENT
            raise OSError(number, os.strerror(number), path)
        prefix = path if path == "/" else path + "/"
        names = {
            name[len(prefix) :].partition("/")[0]
            for group in (self._files, self._folders, _FOLDERS)
            for name in group
            if name.startswith(prefix) and name != path
        }
        if path == "/":
            names.add("sdcard")
        return sorted(names)

    def check_writable(self, path: str, size: int = 0) -> str:
        """The real path of a file that may be written with `size` more bytes, or the phone's OSError."""
        path = resolve(path)
        if self.is_folder(path):
            raise _error(errno.EISDIR, path)
        self._check_place(path)
        if not self.is_folder(posixpath.dirname(path)):
            raise _error(errno.ENOENT, path)
        if self.full or size > self.free:
            raise _error(errno.ENOSPC, path)
        return path

    def write(self, path: str, content: Content, *, modified: float | None = None, mode: int = 0o660) -> None:
        path = self.check_writable(path, content.size)
        self._files[path] = File(content, time.time() if modified is None else modified, mode)

    def touch(self, path: str, modified: float | None = None) -> None:
        path = resolve(path)
        moment = time.time() if modified is None else modified
        if (file := self._files.get(path)) is not None:
            file.modified = moment
        elif self.is_folder(path):
            if path in self._folders:
                self._folders[path] = moment
        else:
            self.write(path, self.store.put(b""), modified=moment)

    def make_folder(self, path: str, *, parents: bool = False) -> None:
        path = resolve(path)
        if self.exists(path):
            if parents and self.is_folder(path):
                return
            raise _error(errno.EEXIST, path)
        self._check_place(path)
        above = posixpath.dirname(path)
        if not self.is_folder(above):
            if not parents:
                raise _error(errno.ENOENT, path)
            self.make_folder(above, parents=True)
        self._folders[path] = time.time()

    def remove(self, path: str) -> None:
        """Remove a file."""
        path = resolve(path)
        if path not in self._files:
            raise _error(errno.EISDIR if self.is_folder(path) else errno.ENOENT, path)
        del self._files[path]

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        path = resolve(path)
        if not self.is_folder(path):
            raise _error(errno.ENOTDIR if path in self._files else errno.ENOENT, path)
        if path in _FOLDERS:
            raise _error(errno.EACCES, path)
        if self.children(path):
            raise _error(errno.ENOTEMPTY, path)
        del self._folders[path]

    def move(self, source: str, target: str) -> None:
        file = self.file(source)
        if file is None:
            raise _error(errno.EISDIR if self.is_folder(source) else errno.ENOENT, source)
        target = self.check_writable(target)
        del self._files[resolve(source)]
        self._files[target] = file

    def _check_place(self, path: str) -> None:
        if not any(path.startswith(place + "/") for place in _WRITABLE):
            raise _error(errno.EROFS if path.startswith("/system/") else errno.EACCES, path)


def resolve(path: str) -> str:
    """The real absolute path: `.` and `..` taken out, aliases of the shared storage replaced."""
    path = posixpath.normpath("/" + path)
    if path.startswith("//"):
        path = path[1:]
    for alias in ALIASES:
        if path == alias or path.startswith(alias + "/"):
            return SHARED + path[len(alias) :]
    return path


def _error(number: int, path: str) -> OSError:
    return OSError(number, _MESSAGES.get(number, os.strerror(number)), path)


_MESSAGES = {
    errno.ENOENT: "No such file or directory",
    errno.EACCES: "Permission denied",
    errno.ENOSPC: "No space left on device",
    errno.EISDIR: "Is a directory",
    errno.ENOTDIR: "Not a directory",
    errno.EEXIST: "File exists",
    errno.ENOTEMPTY: "Directory not empty",
    errno.EROFS: "Read-only file system",
}
"""Android's words, whatever the host's are."""
