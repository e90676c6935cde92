"""The library's files: each once, named by its content, and a row for each. Uploads and imports end here.

A file is complete on disk before its row exists, and its row is gone before the file is; what a kill leaves
in between is removed after a day.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal

import structlog

from runner.errors import InvalidRequest, MediaUnusable, NotFound
from runner.materials import folders, media
from runner.materials.media import Media
from runner.materials.settings import MaterialSettings
from runner.materials.store import MaterialStore
from runner.materials.types import Added, Changes, Details, Filter, Item, Page, Tag

log = structlog.get_logger(__name__)

Way = Literal["copy", "link"]

LONGEST_CAPTION = 4000
LONGEST_TAG = 100
CHUNK = 1024 * 1024
_LEFT_OVER_AGE = timedelta(days=1)


@dataclass
class Incoming:
    """A file that is being received."""

    path: Path
    _file: BinaryIO
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)

    def complete(self) -> str:
        """Everything is on disk; its SHA-256."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._digest.hexdigest()


@dataclass(frozen=True)
class Refused:
    path: Path
    why: str


@dataclass(frozen=True)
class Imported:
    added: Sequence[Added]
    refused: Sequence[Refused]


class Library:
    """Thread-safe. One per data directory: adding and removing the same content take turns."""

    def __init__(self, folder: Path, store: MaterialStore, settings: MaterialSettings) -> None:
        self.folder = folder
        self._store = store
        self._settings = settings
        self._incoming = folder / "incoming"
        self._thumbnails = folder / "thumbnails"
        self._changing = threading.Lock()
        if not media.reads_videos():
            log.warning("PyAV (package av) is missing: length and resolution of videos stay unknown")

    # -- adding

    @contextmanager
    def receiving(self) -> Iterator[Incoming]:
        """A file to write to; what is not kept is removed. Raises OSError."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        path = self._incoming / secrets.token_hex(16)
        with path.open("xb") as file:
            try:
                yield Incoming(path, file)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise InvalidRequest("The disk of the library is full.", remedy="Make room there.") from error
            finally:
                file.close()
                path.unlink(missing_ok=True)

    def keep(self, incoming: Incoming, name: str, details: Details) -> Added:
        """Take what was received into the library. Raises InvalidRequest when it is no usable media.

        `details` are `checked`.
        """
        try:
            return self._keep_incoming(incoming, name, details)
        except MediaUnusable as error:
            raise InvalidRequest(f"filename: {name}: {error}.", field="filename", value=name) from None

    def add_paths(self, paths: Sequence[str], way: Way, details: Details) -> Imported:
        """Files, and folders with their `@username` folders, of this computer; one bad file spoils no other.

        A link costs no space and no time, and must not be edited afterwards. Raises InvalidRequest for a path
        that can't be read at all.
        """
        details = checked(details)
        added: list[Added] = []
        refused: list[Refused] = []
        for path, own in [found for name in paths for found in self._found(name, details)]:
            try:
                added.append(self._add(path, way, own))
            except MediaUnusable as error:
                refused.append(Refused(path, str(error)))
            except OSError as error:
                far = error.errno == errno.EXDEV
                why = "on another disk than the library; copy it" if far else error.strerror or str(error)
                refused.append(Refused(path, why))
        return Imported(added, refused)

    def _found(self, name: str, details: Details) -> Iterator[tuple[Path, Details]]:
        try:
            path = self._settings.inside(name)
            if not path.is_dir():
                yield path, details
                return
            for folder in [path, *folders.account_folders(path)]:
                own = details if folder == path else replace(details, username=folder.name[1:].casefold())
                for file in folders.files_in(folder, ("video", "image")):
                    number = folders.sort_number(file.name)
                    yield file, own if number is None else replace(own, sort_number=number)
        except MediaUnusable as error:
            raise InvalidRequest(f"paths: {error}", field="paths", value=name) from None

    def _add(self, path: Path, way: Way, details: Details) -> Added:
        if way == "link":
            before = path.stat().st_mtime_ns
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            what = media.inspect(path)
            if path.stat().st_mtime_ns != before:
                raise MediaUnusable("it is being written")
            return self._keep(path, os.link, sha256, what, path.name, details)
        with self.receiving() as incoming, path.open("rb") as file:
            while chunk := file.read(CHUNK):
                incoming.write(chunk)
            return self._keep_incoming(incoming, path.name, details)

    def _keep_incoming(self, incoming: Incoming, name: str, details: Details) -> Added:
        sha256 = incoming.complete()
        return self._keep(incoming.path, os.replace, sha256, media.inspect(incoming.path), name, details)

    def _keep(
        self,
        source: Path,
        bring: Callable[[Path, Path], None],
        sha256: str,
        what: Media,
        name: str,
        details: Details,
    ) -> Added:
        place = self._place(sha256, what.media_type)
        with self._changing:
            if not _has(place, what.size):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.unlink(missing_ok=True)
                bring(source, place)
            return self._store.add(sha256, name, what, details, datetime.now(UTC))

    # -- reading

    def path(self, item: Item) -> Path:
        """Where its content is on this host."""
        return self._place(item.sha256, item.media_type) if item.source == "library" else Path(item.path)

    def holds(self, item: Item) -> bool:
        """Whether the file is there, whole."""
        return _has(self.path(item), item.size)

    def item(self, item_id: int) -> Item:
        """Raises NotFound."""
        return self._store.item(item_id)

    def list(self, criteria: Filter) -> Page:
        """Newest first."""
        return self._store.list(criteria)

    def tags(self) -> Sequence[Tag]:
        return self._store.tags()

    def thumbnail(self, item_id: int) -> Path:
        """A JPEG, made when it is first asked for. Raises NotFound, also when there can be none."""
        item = self._store.item(item_id)
        kept = self._thumbnails / f"{item.sha256}.jpg"
        if not kept.exists():
            try:
                picture = media.thumbnail(self.path(item), item.kind)
            except (MediaUnusable, OSError) as error:
                raise NotFound(f"Material {item_id} has no thumbnail: {error}.") from None
            kept.parent.mkdir(parents=True, exist_ok=True)
            with self.receiving() as incoming:
                incoming.write(picture)
                incoming.complete()
                os.replace(incoming.path, kept)
        return kept

    # -- changing

    def edit(self, item_id: int, changes: Changes) -> Item:
        """Raises NotFound, InvalidRequest."""
        given = checked(Details(changes.tags or (), changes.caption or "", changes.username or ""))
        return self._store.edit(
            item_id,
            replace(
                changes,
                tags=None if changes.tags is None else given.tags,
                add_tags=clean_tags(changes.add_tags),
                remove_tags=clean_tags(changes.remove_tags),
                username=None if changes.username is None else given.username,
            ),
        )

    def drop_tag(self, tag: str) -> int:
        """Take a tag off every file. Raises NotFound when none has it."""
        dropped = self._store.drop_tag(tag.strip().casefold())
        if not dropped:
            raise NotFound(f'No material has the tag "{tag}".')
        return dropped

    def delete(self, item_id: int) -> Item:
        """Remove a file and its row. Raises NotFound, InvalidRequest while a task has it."""
        with self._changing:
            item = self._store.remove(item_id)
            for file in (self.path(item), self._thumbnails / f"{item.sha256}.jpg"):
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:  # open elsewhere, on Windows; `clean` gets it
                    log.warning("file of a deleted material not removed", path=str(file), error=str(error))
        return item

    def clean(self, now: datetime) -> int:
        """Remove old files that belong to no row, left by a kill; how many."""
        kept = self._store.contents()
        before = (now - _LEFT_OVER_AGE).timestamp()
        removed = 0
        for file in self.folder.rglob("*"):
            try:
                if file.stem in kept or not file.is_file() or file.stat().st_mtime > before:
                    continue
                with self._changing:
                    if self._store.by_content(file.stem) is None:
                        file.unlink(missing_ok=True)
                        removed += 1
            except OSError as error:
                log.warning("left-over file of materials not removed", path=str(file), error=str(error))
        if removed:
            log.info("left-over files of materials removed", files=removed)
        return removed

    def _place(self, sha256: str, media_type: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}{media.SUFFIX_OF[media_type]}"


def checked(details: Details) -> Details:
    """In the form in which they are kept. Raises InvalidRequest that names the field."""
    if len(details.caption) > LONGEST_CAPTION:
        raise InvalidRequest(
            f"caption: {len(details.caption)} characters, and no app takes more than {LONGEST_CAPTION}.",
            field="caption",
        )
    if "\0" in details.caption + details.username:
        raise InvalidRequest("caption or username: the character NUL is not text.", field="caption")
    username = details.username.strip().removeprefix("@").casefold()
    return replace(details, tags=clean_tags(details.tags), username=username)


def clean_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Lower case, each once; empty ones are left out. Raises InvalidRequest."""
    cleaned = dict.fromkeys(tag.strip().casefold() for part in tags for tag in part.split(","))
    cleaned.pop("", None)
    for tag in cleaned:
        if len(tag) > LONGEST_TAG:
            raise InvalidRequest(
                f"tags: a tag has at most {LONGEST_TAG} characters.", field="tags", value=tag
            )
    return tuple(cleaned)


def _has(file: Path, size: int) -> bool:
    try:
        return file.stat().st_size == size
    except OSError:
        return False
