"""What scripts see of materials: `runner.script.Materials` for a run, `PlannedMaterials` for a request.

Decides which files fit and words what is missing; taking them, all or none, is the store's.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import structlog

from runner.cancel import CancelToken
from runner.errors import InvalidRequest, MediaUnusable
from runner.materials import folders, media
from runner.materials.library import CHUNK, Library, clean_tags
from runner.materials.media import Kind, Media
from runner.materials.settings import MaterialSettings, MediaLimits
from runner.materials.store import Known, MaterialStore, Usable
from runner.materials.types import Item, LocalFile, State
from runner.materials.video import UnreadableMedia
from runner.script import Account, FolderNotes, Material, Wanted
from runner.tasks.database import Database
from runner.tasks.store import Store
from runner.tasks.types import Run

log = structlog.get_logger(__name__)

EntryT = TypeVar("EntryT")


class Supply:
    """One for the service; hands out views for runs and requests."""

    def __init__(self, folder: Path, database: Database, tasks: Store, settings: MaterialSettings) -> None:
        """`folder` is the library's, unless the settings name another."""
        self.settings = settings
        self.store = MaterialStore(database, tasks)
        self.library = Library(
            Path(settings.dir).expanduser() if settings.dir else folder, self.store, settings
        )

    def for_run(self, run: Run, cancel: CancelToken) -> RunMaterials:
        return RunMaterials(self, run, cancel)

    def for_request(self) -> RequestMaterials:
        return RequestMaterials(self)

    def folder(self, name: str, username: str) -> Path:
        """The canonical folder that serves an account. Raises MediaUnusable."""
        own = folders.folder_of(self.settings.inside(name), username)
        return self.settings.inside(str(own))

    def usable(self, app: str) -> Usable:
        """Which files of the library can be posted: those that are there and within the app's limits."""
        limits = self.settings.limits(app)
        return lambda item: not limits.broken_by(item.media) and self.library.holds(item)


class RunMaterials:
    """See `runner.script.Materials`."""

    def __init__(self, supply: Supply, run: Run, cancel: CancelToken) -> None:
        self._supply = supply
        self._store = supply.store
        self._run = run
        self._username = run.task.username
        self._limits = supply.settings.limits(run.task.app)
        self._cancel = cancel

    def claim(self, wanted: Wanted) -> list[Material]:
        self._cancel.check()
        items = self._from_folder(wanted) if wanted.folder else self._from_library(wanted)
        log.info("materials claimed", materials=[item.id for item in items], task=self._run.task.id)
        return [self._material(item) for item in items]

    def given(self, paths: Sequence[str]) -> list[Path]:
        return [Path(path).expanduser() for path in paths]

    def notes(self, folder: str) -> FolderNotes:
        return folders.notes(self._supply.settings.inside(folder), self._username)

    def turn(self, list_name: str, entries: Sequence[EntryT]) -> EntryT:
        self._cancel.check()
        return entries[self._store.turn(self._run, list_name) % len(entries)]

    def _from_library(self, wanted: Wanted) -> Sequence[Item]:
        tags = clean_tags(wanted.tags)
        usable = self._supply.usable(self._run.task.app)
        items = self._store.take(self._run, wanted.kind, tags, wanted.count, usable)
        if not items:
            census = self._store.census(wanted.kind, tags, self._username)
            raise MediaUnusable(_too_few(wanted, _library(tags, self._username), census))
        return items

    def _from_folder(self, wanted: Wanted) -> Sequence[Item]:
        folder = self._supply.folder(wanted.folder, self._username)
        while True:
            known = self._store.known_files(folder)
            paths = folders.files_in(folder, [wanted.kind])
            states: Counter[State] = Counter()
            files: list[LocalFile] = []
            for path in self._in_order_of_choice(paths, known, states, wanted.kind):
                self._cancel.check()
                if file := self._read(path, wanted.kind, known):
                    files.append(file)
                else:
                    states[State.UNUSED] += 1
                if len(files) == wanted.count:
                    break
            else:
                raise MediaUnusable(_too_few(wanted, str(folder), states))
            # Empty when another task was quicker; then its claim is among the known.
            if items := self._store.take_files(
                self._run, sorted(files, key=lambda file: paths.index(file.path))
            ):
                return items

    def _in_order_of_choice(
        self, paths: Sequence[Path], known: Known, states: Counter[State], kind: Kind
    ) -> list[Path]:
        """First what this task has or had, then what nobody has: images as sorted, videos at random."""
        mine, free = [], []
        for path in paths:
            item = _known(path, known)
            if item is not None and item.task_id == self._run.task.id:
                mine.append(path)
            elif item is None or item.state is State.UNUSED:
                free.append(path)
            else:
                states[item.state] += 1
        if kind == "video":
            random.shuffle(free)
        return mine + free

    def _read(self, path: Path, kind: Kind, known: Known) -> LocalFile | None:
        """None, and why in the log, for a file that can't be used."""
        try:
            self._supply.settings.inside(str(path))
            before = path.stat()
            if item := _known(path, known):
                sha256, what = item.sha256, item.media
            else:
                what = media.inspect(path)
                sha256 = self._sha256(path)
            problem = _problem(what, kind, self._limits)
            if path.stat().st_mtime_ns != before.st_mtime_ns:
                problem = "it is being written"
        except MediaUnusable as error:
            problem = str(error)
        except OSError as error:
            problem = error.strerror or str(error)
        if problem:
            log.warning("file left out", path=str(path), why=problem)
            return None
        return LocalFile(path, sha256, before.st_mtime_ns, what)

    def _sha256(self, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                self._cancel.check()
                digest.update(chunk)
        return digest.hexdigest()

    def _material(self, item: Item) -> Material:
        return Material(
            id=item.id,
            path=self._supply.library.path(item),
            sha256=item.sha256,
            size=item.size,
            kind=item.kind,
            media_type=item.media_type,
            source=item.source,
            name=item.name,
            caption=item.caption,
        )


class RequestMaterials:
    """See `runner.script.PlannedMaterials`. For one request: what has passed is not looked at again."""

    def __init__(self, supply: Supply) -> None:
        self._supply = supply
        self._passed: set[tuple[object, ...]] = set()
        self._there: dict[tuple[Wanted, str, str], int] = {}
        """Files of the library that could be taken, by app and username."""

    def check(self, wanted: Wanted, account: Account | None, *, field: str) -> None:
        app, username = (account.app, account.username) if account else ("", "")
        self._check_count(wanted.count, app, field="image_count")
        with _naming(field, wanted.folder or ", ".join(wanted.tags)):
            if wanted.folder:
                self._once(self._check_folder, self._supply.folder(wanted.folder, username), wanted, app)
            else:
                self._check_library(wanted, app, username)

    def check_files(
        self, paths: Sequence[str], kind: Literal["video", "image"], app: str, *, field: str
    ) -> None:
        self._check_count(len(paths), app, field=field)
        for name in paths:
            with _naming(field, name):
                self._once(self._check_file, name, kind, app)

    def notes(self, folder: str, account: Account | None, *, field: str) -> FolderNotes:
        with _naming(field, folder):
            return folders.notes(self._supply.settings.inside(folder), account.username if account else "")

    def _check_count(self, count: int, app: str, *, field: str) -> None:
        most = self._supply.settings.limits(app).images_max
        with _naming(field, count):
            if most and count > most:
                raise MediaUnusable(f"{count} files, and {app} takes {most} in one post.")

    def _once(self, check: Callable[..., None], *what: object) -> None:
        """A request for a thousand tasks names one file a thousand times."""
        if (check, *what) not in self._passed:
            check(*what)
            self._passed.add((check, *what))

    def _check_file(self, name: str, kind: Kind, app: str) -> None:
        path = self._supply.settings.inside(name)
        by_name = media.EXTENSIONS.get(path.suffix.lower())
        if by_name is None:
            known = ", ".join(suffix for suffix, of in media.EXTENSIONS.items() if of == kind)
            raise MediaUnusable(f"{name}: not a supported type; {_a(kind)} is {known}.")
        limits = self._supply.settings.limits(app)
        try:
            problem = _problem(media.inspect(path), kind, limits)
        except UnreadableMedia as error:
            # Files that a task names are used as given: what we can't read, the app may.
            log.warning("file not understood, and left to the app", path=name, why=str(error))
            problem = _problem(media.Media(by_name, "", path.stat().st_size), kind, limits)
        except MediaUnusable as error:
            problem = str(error)
        except OSError as error:
            problem = error.strerror or str(error)
        if problem:
            raise MediaUnusable(f"{name}: {problem}.")

    def _check_library(self, wanted: Wanted, app: str, username: str) -> None:
        tags = clean_tags(wanted.tags)
        usable = self._supply.usable(app)
        store = self._supply.store
        # Those that every account may have come first: usually they do, and one look is enough for all.
        for name in dict.fromkeys(("", username)):
            if (there := self._there.get((wanted, app, name))) is None:
                there = store.could_take(wanted.kind, tags, name, usable, enough=wanted.count)
                self._there[wanted, app, name] = there
            if there == wanted.count:
                return
        census = store.census(wanted.kind, tags, username)
        raise MediaUnusable(
            _too_few(wanted, _library(tags, username), census), remedy="Upload some, or name other tags."
        )

    def _check_folder(self, folder: Path, wanted: Wanted, app: str) -> None:
        limits = self._supply.settings.limits(app)
        known = self._supply.store.known_files(folder)
        there = 0
        states: Counter[State] = Counter()
        for file in folders.files_in(folder, [wanted.kind]):
            item = _known(file, known)
            if item is not None and item.state is State.USED:
                states[State.USED] += 1
            elif item is None or not limits.broken_by(item.media):
                there += 1
        if there < wanted.count:
            raise MediaUnusable(_too_few(wanted, str(folder), states), remedy="Put some there.")


def _known(path: Path, known: Known) -> Item | None:
    """The row of a file that has not changed since it was read."""
    rows = known.get(str(path))
    if not rows:
        return None
    try:
        stat = path.stat()
    except OSError:
        return None
    same = (item for item, modified in rows if modified == stat.st_mtime_ns and item.size == stat.st_size)
    return next(same, None)


def _problem(what: Media, kind: Kind, limits: MediaLimits) -> str:
    """Why this can't be posted as such; "" when it can."""
    if what.kind != kind:
        return f"by its content {_a(what.kind)}, and {_a(kind)} is needed"
    return limits.broken_by(what)


def _a(kind: Kind) -> str:
    return "a video" if kind == "video" else "an image"


def _library(tags: Iterable[str], username: str) -> str:
    tagged = f" with {' or '.join(tags)}" if tags else ""
    return f"the library{tagged}" + (f" for @{username}" if username else "")


def _too_few(wanted: Wanted, place: str, census: Counter[State]) -> str:
    """No unused video in the library with cats (3 used, 1 claimed)."""
    one = wanted.count == 1
    what = f"no unused {wanted.kind}" if one else f"not {wanted.count} unused {wanted.kind}s"
    told = {State.UNUSED: "missing or unfit" if one else "left", State.CLAIMED: "claimed", State.USED: "used"}
    counts = ", ".join(f"{census[state]} {word}" for state, word in told.items() if census[state])
    return f"There is {what} in {place}{counts and f' ({counts})'}."


@contextmanager
def _naming(field: str, value: object) -> Iterator[None]:
    try:
        yield
    except MediaUnusable as error:
        raise InvalidRequest(
            f"{field}: {error.message}", field=field, value=value, remedy=error.remedy or None
        ) from None
