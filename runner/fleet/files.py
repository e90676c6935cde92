"""Files of a host that is not the API host: videos and pictures come from there, screenshots go there.

What is claimed, and by whom, is decided on the API host; here files only arrive, are checked, kept for the
next time and removed again. Knows no HTTP beyond `runner.fleet.api_host`.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import structlog

from runner.cancel import CancelToken
from runner.errors import Cancelled, MediaUnusable, NotFound, RunnerError
from runner.execution.artifacts import Artifacts
from runner.fleet.api_host import ApiHost, HostAway
from runner.fleet.shapes import AskClaim, AskGiven, AskNotes, Claimed, Content, Given, Notes, RunProof
from runner.materials.library import CHUNK
from runner.materials.settings import MB
from runner.materials.store import MaterialStore
from runner.script import FolderNotes, Material, Wanted
from runner.tasks.store import Store
from runner.tasks.types import Run

log = structlog.get_logger(__name__)

PART = ".part"
_LOOK_SECONDS = 0.2
"""How often a thread that waits for another's transfer looks whether it was cancelled."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_NAME_SECONDS = 86_400.0
"""The name of an uploaded file is not used again for so long; its run has ended by then."""

EntryT = TypeVar("EntryT")


class FileCache:
    """Files by content, each complete and checked before it has its name. Thread-safe; one per folder."""

    def __init__(self, folder: Path, max_mb: int) -> None:
        self._folder = folder
        self._most = max_mb * MB
        self._lock = threading.Lock()
        self._turns: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()
        """By name, of the files that are being got."""
        self._users: weakref.WeakKeyDictionary[object, set[str]] = weakref.WeakKeyDictionary()
        """The names of the files that runs use: for as long as the run's own object lives."""

    def get(
        self, content: Content, fetch: Callable[[int], Iterable[bytes]], *, user: object, cancel: CancelToken
    ) -> Path:
        """The file; what of it isn't here is fetched from that byte on. It stays while `user` lives.

        Raises MediaUnusable when what was fetched is not that content, and whatever `fetch` raises.
        """
        name = content.sha256 + content.suffix
        path = self._folder / name
        with self._lock:
            self._users.setdefault(user, set()).add(name)
        try:
            with self._one_at_a_time(name, cancel):
                if not path.exists():
                    self._fill(path, content, fetch, cancel)
                os.utime(path)
        except OSError as error:
            raise RunnerError(
                f"{error.filename or self._folder}: {error.strerror or error}.",
                remedy="Check that the data directory can be written and has room.",
            ) from error
        return path

    @contextmanager
    def _one_at_a_time(self, name: str, cancel: CancelToken) -> Iterator[None]:
        with self._lock:
            turn = self._turns.setdefault(name, threading.Lock())
        while not turn.acquire(timeout=_LOOK_SECONDS):
            cancel.check()
        try:
            yield
        finally:
            turn.release()

    def _fill(
        self, path: Path, content: Content, fetch: Callable[[int], Iterable[bytes]], cancel: CancelToken
    ) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + PART)
        there = part.stat().st_size if part.exists() else 0
        digest = ""
        for start in dict.fromkeys((there, 0)):  # what a crash left may be damaged, so then all of it again
            self._make_room(content.size - start)
            digest = _received(part, start, fetch, cancel)
            if digest == content.sha256:
                part.replace(path)
                return
            part.unlink()
        raise MediaUnusable(
            f"What the API host sent is not the file that it announced: SHA-256 {digest}, "
            f"not {content.sha256}."
        )

    def _make_room(self, size: int) -> None:
        """Remove what was not used for longest, until so many bytes more fit; never what a run uses."""
        with self._lock:
            used = set().union(*self._users.values())
            files = []
            for file in self._folder.iterdir():
                with suppress(FileNotFoundError):  # another transfer's part, which has just got its name
                    files.append((file, file.stat()))
            total = size + sum(stat.st_size for _, stat in files)
            for file, stat in sorted(files, key=lambda each: each[1].st_mtime_ns):
                if total <= self._most:
                    return
                if file.name.removesuffix(PART) in used:
                    continue
                try:
                    file.unlink()
                except OSError as error:  # open elsewhere, on Windows
                    log.warning("cached file not removed", path=str(file), error=str(error))
                else:
                    total -= stat.st_size
                    log.info("cached file removed", file=file.name)


def _received(part: Path, start: int, fetch: Callable[[int], Iterable[bytes]], cancel: CancelToken) -> str:
    """Add to what is there; the SHA-256 of all."""
    digest = hashlib.sha256()
    with part.open("a+b" if start else "w+b") as file:
        file.seek(0)
        while chunk := file.read(CHUNK):
            cancel.check()
            digest.update(chunk)
        for chunk in fetch(start):
            cancel.check()
            file.write(chunk)
            digest.update(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


class RemoteSupply:
    """A `runner.execution.executor.MaterialSource` whose files are on the API host."""

    def __init__(self, store: MaterialStore, cache: FileCache, host: ApiHost) -> None:
        self.store = store
        self.cache = cache
        self.host = host

    def for_run(self, run: Run, cancel: CancelToken) -> RemoteMaterials:
        return RemoteMaterials(self, run, cancel)


class RemoteMaterials:
    """See `runner.script.Materials`. Every method raises HostAway when the API host stays away."""

    def __init__(self, supply: RemoteSupply, run: Run, cancel: CancelToken) -> None:
        self._store = supply.store
        self._cache = supply.cache
        self._host = supply.host
        self._run = run
        self._proof = RunProof(task_id=run.task.id, attempt=run.task.attempt, token=run.token)
        self._cancel = cancel

    def claim(self, wanted: Wanted) -> list[Material]:
        question = AskClaim(run=self._proof, wanted=wanted)
        claimed = self._host.ask("/claim", question, Claimed, self._cancel)
        return [
            Material(
                id=file.id,
                path=self._got(file.content),
                sha256=file.content.sha256,
                size=file.content.size,
                kind=file.kind,
                media_type=file.media_type,
                source=file.source,
                name=file.name,
                caption=file.caption,
            )
            for file in claimed.files
        ]

    def given(self, paths: Sequence[str]) -> list[Path]:
        question = AskGiven(run=self._proof, paths=list(paths))
        return [self._got(file) for file in self._host.ask("/given", question, Given, self._cancel).files]

    def notes(self, folder: str) -> FolderNotes:
        question = AskNotes(run=self._proof, folder=folder)
        return self._host.ask("/notes", question, Notes, self._cancel).notes

    def turn(self, list_name: str, entries: Sequence[EntryT]) -> EntryT:
        self._cancel.check()
        return entries[self._store.turn(self._run, list_name) % len(entries)]

    def _got(self, content: Content) -> Path:
        def fetch(start: int) -> Iterator[bytes]:
            return self._host.bytes_of(content, start, self._cancel)

        return self._cache.get(content, fetch, user=self, cancel=self._cancel)


class RemoteArtifacts:
    """A `runner.execution.run.ArtifactKeeper` that hands its files to the API host, as soon as that is there.

    A file that still has to be uploaded lies in the folder, also over restarts. Of an uploaded one an empty
    file stays for a day, so that its run does not use the name again.
    """

    def __init__(self, folder: Path, store: Store, host: ApiHost) -> None:
        # How long and how many are kept is decided where they go; these are never cleaned by age or size.
        self._local = Artifacts(folder, store, keep_days=0, max_mb=0)
        self._host = host
        self._writing = threading.Lock()
        """Held until a file has its row: the API host refuses one without."""
        self._news = threading.Event()
        self._cancel = CancelToken()
        self._thread = threading.Thread(target=self._follow, name="artifact-upload")

    def start(self) -> None:
        """Upload what an earlier process left, and whatever is kept from now on."""
        self._thread.start()

    def close(self) -> None:
        """What was not uploaded yet is left for the next start."""
        self._cancel.cancel("closed")
        self._news.set()
        self._thread.join()

    def keep(self, run: Run, number: int, step: str, kind: str, data: bytes) -> None:
        """See `runner.execution.artifacts.Artifacts.keep`."""
        with self._writing:
            self._local.keep(run, number, step, kind, data)
        self._news.set()

    def _follow(self) -> None:
        pause = _FIRST_PAUSE
        with suppress(Cancelled):
            while True:
                self._news.clear()
                if failures := self._upload_all():
                    tell = log.warning if pause == _FIRST_PAUSE else log.debug
                    tell("artifacts are not uploaded yet", errors=failures)
                    self._cancel.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                else:
                    pause = _FIRST_PAUSE
                    self._news.wait()
                    self._cancel.check()

    def _upload_all(self) -> list[str]:
        """What went wrong. Raises Cancelled."""
        failures = []
        for file in self._pending():
            try:
                self._upload(file)
            except Cancelled:
                raise
            except (RunnerError, OSError) as error:
                failures.append(str(error))
                if isinstance(error, HostAway):
                    break
        return failures

    def _pending(self) -> list[Path]:
        """Files to upload, oldest first; removes names that need not be known any longer."""
        pending = []
        with self._writing:
            for file in [each for each in self._local.folder.rglob("*") if each.is_file()]:
                stat = file.stat()
                if stat.st_size:
                    pending.append((stat.st_mtime_ns, file))
                elif time.time() - stat.st_mtime > _NAME_SECONDS:
                    self._local.remove_files([self._path(file)])
        return [file for _, file in sorted(pending)]

    def _upload(self, file: Path) -> None:
        path = self._path(file)
        try:
            self._host.put(f"/artifacts/{quote(path)}", file.read_bytes(), self._cancel)
        except NotFound:
            log.info("artifact dropped, because its task is gone", path=path)
        os.truncate(file, 0)

    def _path(self, file: Path) -> str:
        return file.relative_to(self._local.folder).as_posix()
