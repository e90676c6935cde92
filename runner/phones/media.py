"""Files onto the phone and into MediaStore, where the apps' galleries look, and away again.

A file's name on the phone is made from its content, so a file is sent once however often it is asked for. It
counts as there only when MediaStore says so: no command's exit code proves that a gallery will show it.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import structlog

from runner.errors import MediaUnusable, ShellFailed, StorageFull
from runner.phones import parser
from runner.phones.client import Device

log = structlog.get_logger(__name__)

STORAGE = "/sdcard"
SPARE_BYTES = 64 * 1024 * 1024
"""Left free on the phone: the app makes copies of its own while it uploads."""
MIME_TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
PENDING_SINCE_SDK = 29
"""Android 10 brought `is_pending`, which hides a row from every app but its owner."""
PER_METHOD = 4.0
"""Seconds that one way of telling MediaStore gets before the next is tried."""

_COLUMNS = ("_id", "_data", "_size")
_OURS = re.compile(r"[0-9a-f]{16}_[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class RemoteMedia:
    """A file that is on the phone and in its MediaStore."""

    path: str
    """/sdcard/Movies/<album>/<first 16 digits of sha256>_<name>."""
    uri: str
    """content://media/external/video/media/<id> (or images)."""
    id: int
    sha256: str
    mime: str


class MediaStore:
    """A phone's shared storage. The calls obey the device's guard; they raise what `failures` translates."""

    def __init__(self, device: Device, sdk: int) -> None:
        self._device = device
        self._sdk = sdk

    def free_bytes(self) -> int:
        result = self._device.run(["df", "-k", STORAGE])
        try:
            return parser.free_bytes(result.output)
        except ValueError as error:
            raise ShellFailed(f"The phone does not tell its free space: {error}") from error

    def push(self, local: Path, *, album: str, modified: float | None = None) -> RemoteMedia:
        """See `PhoneSession.push_media`."""
        mime = MIME_TYPES.get(local.suffix.lower())
        if mime is None:
            raise MediaUnusable(
                f"{local.name} is neither a video nor a picture that phones take.",
                remedy=f"Known are {', '.join(sorted(MIME_TYPES))}.",
            )
        size = local.stat().st_size
        sha256 = self._sha256(local)
        path = f"{_folder(mime, album)}/{sha256[:16]}_{_safe(local.stem)}{local.suffix.lower()}"
        if modified is not None or self._size_of(path) != size:
            self._send(local, path, size, modified)
        if modified is None:
            # The galleries sort by modification time, and the phone's clock need not be ours.
            self._device.run(["touch", path])
        row = self._make_visible(path, mime, size)
        return RemoteMedia(path, f"{_collection(mime)}/{row}", row, sha256, mime)

    def remove(self, media: RemoteMedia) -> None:
        """See `PhoneSession.remove_media`."""
        self._remove(media.path, media.mime)

    def forget(self, album: str, keep: Collection[RemoteMedia]) -> list[str]:
        """See `PhoneSession.forget`."""
        kept = {media.path for media in keep}
        removed = []
        for kind in ("video/", "image/"):
            folder = _folder(kind, album)
            for entry in self._device.sync.list(folder):
                path = f"{folder}/{entry.path}"
                mime = MIME_TYPES.get(PurePosixPath(path).suffix, "")
                if _OURS.fullmatch(entry.path) and mime and path not in kept:
                    self._remove(path, mime)
                    removed.append(path)
        return removed

    def _sha256(self, local: Path) -> str:
        digest = hashlib.sha256()
        with local.open("rb") as file:
            while chunk := file.read(1024 * 1024):
                self._device.guard.check()
                digest.update(chunk)
        return digest.hexdigest()

    def _size_of(self, path: str) -> int | None:
        """The size of a file on the phone, None without one. Sync v1 tells 32 bits of it."""
        found = self._device.sync.stat(path)
        return int(found.size) if found.mode else None

    def _send(self, local: Path, path: str, size: int, modified: float | None) -> None:
        free = self.free_bytes()
        if free < size + SPARE_BYTES:
            raise StorageFull(
                f"The file has {size // 1024**2} MiB, the phone {free // 1024**2} MiB left "
                f"(and {SPARE_BYTES // 1024**2} MiB stay free).",
                serial=self._device.guard.serial,
            )
        started = time.monotonic()
        with local.open("rb") as file:
            sent = self._device.sync.send_file(file, path, modified=modified)
        arrived = self._size_of(path)
        if sent != size or arrived != size:
            raise MediaUnusable(f"Of {size} bytes, {sent} were sent and {arrived} arrived.")
        log.info(
            "media sent",
            action="push",
            serial=self._device.guard.serial,
            path=path,
            bytes=size,
            seconds=round(time.monotonic() - started, 2),
        )

    def _make_visible(self, path: str, mime: str, size: int) -> int:
        """The row's id, once MediaStore has it with the right size and shows it to apps."""
        said = ""
        for command in self._ways_to_tell(path, mime):
            result = self._device.run(command)
            said = result.output.strip() or said
            deadline = time.monotonic() + PER_METHOD
            while True:
                row = self._row(path, mime)
                if row is not None and row["_size"] == str(size):
                    return int(row["_id"])
                if time.monotonic() > deadline:
                    break
                self._device.guard.sleep(0.3)
        raise MediaUnusable(
            f"MediaStore does not show {path}; the last it said: {said[:200] or 'nothing'}.",
            remedy="Restart the phone; if it stays so, its Android needs another way to scan files.",
        )

    def _ways_to_tell(self, path: str, mime: str) -> Iterator[Sequence[str]]:
        """Each works on some Android versions; public automation code uses them in this order."""
        content = ["content", "call", "--uri", "content://media", "--method"]
        yield [*content, "scan_file", "--arg", path]
        scan = "android.intent.action.MEDIA_SCANNER_SCAN_FILE"
        yield ["am", "broadcast", "-a", scan, "-d", f"file://{path}"]
        yield [*content, "scan_volume", "--arg", "external_primary"]
        bindings = ["--bind", f"_data:s:{_on_volume(path)}", "--bind", f"mime_type:s:{mime}"]
        yield ["content", "insert", "--uri", _collection(mime), *bindings]

    def _row(self, path: str, mime: str) -> dict[str, str] | None:
        """The visible row of a file. One that is still pending is made visible first."""
        rows = self._query(path, mime, pending=False)
        if rows or self._sdk < PENDING_SINCE_SDK:
            return next(iter(rows), None)
        for row in self._query(path, mime, pending=True):
            uri = f"{_collection(mime)}/{row['_id']}"
            self._device.run(["content", "update", "--uri", uri, "--bind", "is_pending:i:0"])
        return next(iter(self._query(path, mime, pending=False)), None)

    def _query(self, path: str, mime: str, *, pending: bool) -> list[dict[str, str]]:
        name = PurePosixPath(path).name  # only [A-Za-z0-9._-], safe inside the quotes
        where = f"_display_name='{name}'" + (" AND is_pending=1" if pending else "")
        projection = ":".join(_COLUMNS)
        query = ["content", "query", "--uri", _collection(mime), "--projection", projection, "--where", where]
        rows = parser.content_rows(self._device.run(query).output, _COLUMNS)
        ending = path.removeprefix(STORAGE)
        return [row for row in rows if row["_data"].endswith(ending)]

    def _remove(self, path: str, mime: str) -> None:
        self._device.run(["rm", "-f", path])
        rows = self._query(path, mime, pending=False)
        for row in rows:
            self._device.run(["content", "delete", "--uri", f"{_collection(mime)}/{row['_id']}"])
        if self._size_of(path) is not None or self._query(path, mime, pending=False):
            raise ShellFailed(f"{path} can't be removed from the phone.", serial=self._device.guard.serial)


def _folder(mime: str, album: str) -> str:
    return f"{STORAGE}/{'Movies' if mime.startswith('video/') else 'Pictures'}/{_safe(album)}"


def _collection(mime: str) -> str:
    return f"content://media/external/{'video' if mime.startswith('video/') else 'images'}/media"


def _on_volume(path: str) -> str:
    """/sdcard is a link; rows hold what it points to."""
    return "/storage/emulated/0" + path.removeprefix(STORAGE)


def _safe(name: str) -> str:
    """A name that needs no quoting anywhere: not in a shell, not in SQL, not in a URL."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:40] or "media"
