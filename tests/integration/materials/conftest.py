from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner.cancel import CancelToken
from runner.materials.library import Library
from runner.materials.settings import MaterialSettings
from runner.materials.supply import Supply
from runner.materials.types import Details, Filter, Item, State
from runner.script import Material, Wanted
from runner.tasks.database import Database
from runner.tasks.store import Store
from runner.tasks.types import Ending, NewTask, Outcome, Run, Source
from support.media import files

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
IMAGE = Wanted("image")
"""A picture is quicker to look at than a video."""


class Room:
    """The material room of one process, with tasks that ask for files."""

    def __init__(self, folder: Path, url: str, **settings: Any) -> None:
        self.folder = folder
        database = Database(url)
        self.tasks = Store(database)
        self.supply = Supply(folder / "library", database, self.tasks, MaterialSettings(**settings))
        self.store = self.supply.store
        self._phones = 0

    @property
    def library(self) -> Library:
        return self.supply.library

    def close(self) -> None:
        self.tasks.close()

    def add(self, *names: str, **details: Any) -> list[Item]:
        """New little files in the library."""
        paths = files(self.folder / "new", *names)
        done = self.library.add_paths([str(path) for path in paths], "copy", Details(**details))
        assert not done.refused, done.refused
        return [added.item for added in done.added]

    def item(self, item: Item) -> Item:
        """As it is now."""
        return self.library.item(item.id)

    def states(self, source: Any = "library") -> list[State]:
        """Of all files, oldest first."""
        items = self.library.list(Filter(source=source, page_size=100)).items
        return [item.state for item in reversed(items)]

    def task(self, username: str = "anna", *, retry_limit: int = 0) -> int:
        """On a phone of its own, so that it can run beside any other."""
        self._phones += 1
        phone = NewTask(f"{username}'s phone {self._phones}", username, "tiktok", "com.app", NOW, None)
        created = self.tasks.create(
            [phone],
            script_name="post",
            script_config={},
            source=Source.API,
            retry_limit=retry_limit,
            now=NOW,
        )
        return created.task_ids[0]

    def begin(self, task_id: int) -> Run:
        task = self.tasks.task(task_id)
        assert task
        run = self.tasks.claim_next(task.serial, NOW, "here")
        assert run
        return run

    def run(self, username: str = "anna") -> Run:
        return self.begin(self.task(username))

    def claim(self, run: Run, wanted: Wanted = IMAGE) -> list[Material]:
        return self.supply.for_run(run, CancelToken()).claim(wanted)

    def end(self, run: Run, outcome: Outcome) -> None:
        self.tasks.finish(run, Ending(outcome, "because"), NOW)


OpenRoom = Callable[..., Room]


@pytest.fixture
def open_room(tmp_path: Path, database_url: str) -> Iterator[OpenRoom]:
    """`open_room()` opens another one on the same folder and database, as another process would."""
    rooms: list[Room] = []

    def open_one(**settings: Any) -> Room:
        rooms.append(Room(tmp_path, database_url, **settings))
        return rooms[-1]

    yield open_one
    for room in rooms:
        room.close()


@pytest.fixture
def room(open_room: OpenRoom) -> Room:
    return open_room()
