"""A phone's MediaStore: the rows that apps see, which are not the files that lie on the storage.

A file gets its row by a scan or an insert, never by being written. Queries run on SQLite, as on a phone, so
`--where` and `--sort` mean what they mean there.
"""

from __future__ import annotations

import posixpath
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from runner.virtual.app import MediaRow
from runner.virtual.storage import SHARED, Storage, resolve

MIME_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".3gp": "video/3gpp",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".wav": "audio/x-wav",
}
_COLLECTIONS = {"video": "video/", "images": "image/", "audio": "audio/", "file": "", "downloads": ""}
_MEDIA_TYPES = {"image": 1, "audio": 2, "video": 3}
_VOLUMES = ("external", "external_primary")

_COLUMNS = (
    "_id",
    "_data",
    "_display_name",
    "title",
    "mime_type",
    "media_type",
    "_size",
    "date_added",
    "date_modified",
    "bucket_display_name",
    "bucket_id",
    "relative_path",
    "is_pending",
    "volume_name",
    "owner_package_name",
    "duration",
    "width",
    "height",
)


class MediaStoreError(Exception):
    """What the provider throws, as `content` prints it: the Java class and its message."""


@dataclass
class _Row:
    id: int
    path: str
    mime_type: str
    added: float
    is_pending: bool = False


class _Collection:
    """A content URI under content://media, taken apart."""

    def __init__(self, uri: str) -> None:
        parts = uri.removeprefix("content://media").strip("/").split("/")
        if not uri.startswith("content://media/") or parts[0] not in _VOLUMES or len(parts) < 2:
            raise MediaStoreError(f"java.lang.IllegalArgumentException: Unknown URL {uri}")
        kind = parts[1]
        rest = parts[2:] if kind in ("file", "downloads") else parts[3:]
        if kind not in _COLLECTIONS or (kind in ("video", "images", "audio") and parts[2:3] != ["media"]):
            raise MediaStoreError(
                f"java.lang.UnsupportedOperationException: Unknown or unsupported URL: {uri}"
            )
        if rest and not rest[0].isdigit():
            raise MediaStoreError(f"java.lang.IllegalArgumentException: Unknown URL {uri}")
        self.kind = kind
        self.prefix = _COLLECTIONS[kind]
        self.row_id = int(rest[0]) if rest else None


class MediaStore:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._rows: dict[str, _Row] = {}
        self._next_id = 31

    def visible(self) -> list[MediaRow]:
        """What apps may see: not pending, file present; newest first by the file's modification time."""
        rows = [row for entry in self._rows.values() if not entry.is_pending and (row := self._media(entry))]
        rows.sort(key=lambda row: (row.date_modified, row.id), reverse=True)
        return rows

    def by_uri(self, uri: str) -> MediaRow | None:
        try:
            collection = _Collection(uri)
        except MediaStoreError:
            return None
        for entry in self._rows.values():
            if entry.id == collection.row_id and entry.mime_type.startswith(collection.prefix):
                return self._media(entry)
        return None

    def scan_file(self, path: str) -> str | None:
        """Take a file in, or its row out when the file is gone. The row's URI, None without a row."""
        path = resolve(path)
        if self._storage.is_folder(path):
            for name, _ in list(self._storage.files()):
                if name.startswith(path + "/"):
                    self.scan_file(name)
            return None
        mime_type = MIME_TYPES.get(posixpath.splitext(path)[1].lower())
        if not path.startswith(SHARED + "/") or self._storage.file(path) is None or mime_type is None:
            self._rows.pop(path, None)
            return None
        row = self._rows.get(path) or self._add(path, mime_type)
        kind = {"video": "video", "image": "images"}.get(mime_type.partition("/")[0], "audio")
        return f"content://media/external_primary/{kind}/media/{row.id}"

    def scan_volume(self) -> None:
        for path in [*self._rows, *(name for name, _ in self._storage.files())]:
            self.scan_file(path)

    def query(
        self, uri: str, projection: Sequence[str], where: str, sort: str
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        """Column names and rows. Pending rows are not shown, as to every caller but their owner."""
        collection = _Collection(uri)
        columns = list(projection) or list(_COLUMNS)
        for column in columns:
            if column not in _COLUMNS:
                raise MediaStoreError(f"java.lang.IllegalArgumentException: Invalid column {column}")
        condition = f"WHERE ({where}) AND is_pending = 0" if where else "WHERE is_pending = 0"
        if "is_pending" in where:
            condition = f"WHERE {where}"
        order = f" ORDER BY {sort}" if sort else ""
        return columns, self._select(collection, columns, condition + order)

    def insert(self, uri: str, values: dict[str, object]) -> None:
        collection = _Collection(uri)
        path = str(values.get("_data") or "")
        name = str(values.get("_display_name") or posixpath.basename(path))
        if not path:
            if not name:
                raise MediaStoreError("java.lang.IllegalArgumentException: No path or name given")
            home = {"video": "Movies", "images": "Pictures", "audio": "Music"}.get(
                collection.kind, "Download"
            )
            folder = str(values.get("relative_path") or home).strip("/")
            path = f"{SHARED}/{folder}/{name}"
        path = resolve(path)
        known = MIME_TYPES.get(posixpath.splitext(path)[1].lower(), "application/octet-stream")
        mime_type = str(values.get("mime_type") or known)
        if not mime_type.startswith(collection.prefix):
            raise MediaStoreError(
                f"java.lang.IllegalArgumentException: MIME type {mime_type} cannot be inserted into {uri}; "
                f"expected MIME type under {collection.prefix}*"
            )
        if path in self._rows:
            raise MediaStoreError(
                "android.database.sqlite.SQLiteConstraintException: UNIQUE constraint failed: files._data"
            )
        self._add(path, mime_type).is_pending = bool(values.get("is_pending", 0))

    def update(self, uri: str, values: dict[str, object], where: str) -> int:
        changed = 0
        for row in self._matching(uri, where):
            for name, value in values.items():
                if name == "is_pending":
                    row.is_pending = bool(value)
                elif name == "mime_type":
                    row.mime_type = str(value)
                elif name not in _COLUMNS:
                    raise MediaStoreError(f"java.lang.IllegalArgumentException: Invalid column {name}")
            changed += 1
        return changed

    def delete(self, uri: str, where: str) -> int:
        """Remove rows and, as MediaProvider does, their files."""
        rows = self._matching(uri, where)
        for row in rows:
            del self._rows[row.path]
            if self._storage.file(row.path) is not None:
                self._storage.remove(row.path)
        return len(rows)

    def moved(self, source: str, target: str) -> None:
        """A rename on the storage takes the row along."""
        if (row := self._rows.pop(resolve(source), None)) is not None:
            row.path = resolve(target)
            self._rows[row.path] = row

    def _matching(self, uri: str, where: str) -> list[_Row]:
        collection = _Collection(uri)
        found = self._select(collection, ["_id"], f"WHERE {where}" if where else "")
        ids = {row[0] for row in found}
        return [row for row in self._rows.values() if row.id in ids]

    def _add(self, path: str, mime_type: str) -> _Row:
        row = _Row(self._next_id, path, mime_type, time.time())
        self._next_id += 1
        self._rows[path] = row
        return row

    def _media(self, entry: _Row) -> MediaRow | None:
        file = self._storage.file(entry.path)
        if file is None:
            return None
        return MediaRow(
            id=entry.id,
            path=entry.path,
            display_name=posixpath.basename(entry.path),
            mime_type=entry.mime_type,
            size=file.content.size,
            sha256=file.content.sha256,
            date_modified=file.modified,
            bucket=posixpath.basename(posixpath.dirname(entry.path)),
            is_pending=entry.is_pending,
        )

    def _select(
        self, collection: _Collection, columns: list[str], condition: str
    ) -> list[tuple[object, ...]]:
        rows = [
            self._columns_of(row)
            for row in self._rows.values()
            if row.mime_type.startswith(collection.prefix)
            and (collection.row_id is None or row.id == collection.row_id)
        ]
        with closing(sqlite3.connect(":memory:")) as database:
            database.execute(f"CREATE TABLE media ({', '.join(_COLUMNS)})")
            database.executemany(f"INSERT INTO media VALUES ({', '.join('?' * len(_COLUMNS))})", rows)
            try:
                return database.execute(f"SELECT {', '.join(columns)} FROM media {condition}").fetchall()
            except sqlite3.Error as error:
                raise MediaStoreError(f"android.database.sqlite.SQLiteException: {error}") from error

    def _columns_of(self, row: _Row) -> tuple[object, ...]:
        file = self._storage.file(row.path)
        folder = posixpath.dirname(row.path)
        name = posixpath.basename(row.path)
        modified = int(file.modified) if file else int(row.added)
        return (
            row.id,
            row.path,
            name,
            posixpath.splitext(name)[0],
            row.mime_type,
            _MEDIA_TYPES.get(row.mime_type.partition("/")[0], 0),
            file.content.size if file else None,
            int(row.added),
            modified,
            posixpath.basename(folder),
            sum(folder.lower().encode()),
            folder.removeprefix(SHARED).strip("/") + "/",
            int(row.is_pending),
            "external_primary",
            "com.android.shell",
            None,
            None,
            None,
        )
