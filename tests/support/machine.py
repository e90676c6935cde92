"""The tasks' machinery without HTTP: store, clock, dispatcher and service, with the scripts of tests/data.

Unless phones are given there are none, and only scripts that need none run.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.clock.clock import Clock
from runner.execution.artifacts import Artifacts
from runner.execution.executor import Executor
from runner.execution.local import LocalDispatcher
from runner.execution.recovery import recover
from runner.execution.scripts import Scripts
from runner.farm.model import Farm
from runner.materials.settings import MaterialSettings
from runner.materials.supply import Supply
from runner.phones.adb import AdbServer
from runner.phones.phones import Phones
from runner.phones.screens import Catalog
from runner.tasks.database import Database
from runner.tasks.misfire import Misfires
from runner.tasks.service import TaskService
from runner.tasks.settings import TaskSettings
from runner.tasks.store import Store
from runner.tasks.types import LOCAL, Created, CreateTasks, Status, Task, TaskDetail
from support import farms
from support.waiting import wait_for

SCRIPTS = Path(__file__).parents[1] / "data" / "scripts"
NOBODY = 1
"""A port on which no adb server ever listens; it is never asked."""


class Machine:
    """One process' worth of the runner; several may follow each other on one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        farm: Farm | None = None,
        phones: Phones | None = None,
        url: str = "",
        **settings: Any,
    ) -> None:
        self.log_file = folder / "log.txt"
        self.farm = farm or farms.phones(3, accounts=2)
        self.settings = TaskSettings(**settings)
        self.database = database = Database(url or f"sqlite:///{folder / 'runner.db'}")
        self.store = Store(database)
        self.materials = Supply(folder / "materials", database, self.store, MaterialSettings())
        self.artifacts = Artifacts(folder / "artifacts", self.store, keep_days=1, max_mb=1)
        self.misfires = Misfires(self.store, LOCAL, timedelta(minutes=self.settings.start_grace_minutes))
        self.executor = Executor(
            self.store,
            phones=phones or Phones(lambda: self.farm, server=AdbServer(port=NOBODY)),
            screens=_screens(),
            scripts=(scripts := Scripts([SCRIPTS])),
            artifacts=self.artifacts,
            materials=self.materials,
            misfires=self.misfires,
            settings=self.settings,
            work_folder=folder / "work",
        )
        self.dispatcher = LocalDispatcher(self.executor)
        self.clock = Clock(self.store, self.dispatcher, self.misfires)
        self.service = TaskService(
            self.store,
            farm=lambda: self.farm,
            scripts=scripts,
            settings=self.settings,
            dispatcher=self.dispatcher,
            artifacts=self.artifacts,
            materials=self.materials,
        )
        self._running = False

    def start(self) -> None:
        recover(self.store, self.settings)
        self.dispatcher.start()
        self.clock.start()
        self.clock.lead()
        self._running = True

    def close(self, timeout: float = 10) -> None:
        if self._running:
            self.clock.close()
            self.dispatcher.close(timeout)
        self._running = False
        self.store.close()

    # Asking

    def send(self, *do: str, serials: Sequence[str] = ("phone1",), **options: Any) -> Created:
        """A request to `act` or another `script`; `config` adds to the script's, the rest to the request."""
        config = {"do": list(do), "log": str(self.log_file), **options.pop("config", {})}
        script = options.pop("script", "act")
        return self.service.create(CreateTasks(list(serials), [], script, config, **options))

    def create(self, *do: str, serials: Sequence[str] = ("phone1",), **options: Any) -> list[int]:
        return self.send(*do, serials=serials, **options).task_ids

    def run(self, *do: str, **options: Any) -> Task:
        """One task, awaited."""
        (task_id,) = self.create(*do, **options)
        return self.ended(task_id)

    # Looking

    def task(self, task_id: int) -> Task:
        return self.detail(task_id).task

    def detail(self, task_id: int) -> TaskDetail:
        return self.service.get(task_id)

    def ended(self, task_id: int, *, seconds: float = 10) -> Task:
        return self.when(task_id, lambda task: task.status >= Status.COMPLETED, "ended", seconds=seconds)

    def when(self, task_id: int, is_so: Callable[[Task], bool], what: str, *, seconds: float = 10) -> Task:
        wait_for(lambda: is_so(self.task(task_id)), seconds=seconds, what=f"task {task_id} {what}")
        return self.task(task_id)

    def done(self, task_id: int) -> list[str]:
        """What the runs of a task really did, attempts counted: "1 begin", "1 published", …"""
        return self.log().get(task_id, [])

    def log(self) -> dict[int, list[str]]:
        done = defaultdict(list)
        if self.log_file.exists():
            for line in self.log_file.read_text(encoding="utf-8").splitlines():
                task_id, _, what = line.partition(" ")
                done[int(task_id)].append(what)
        return done

    def reaches(self, task_id: int, what: str, *, seconds: float = 10) -> None:
        """Waits until the run itself has written this."""
        wait_for(lambda: what in self.done(task_id), seconds=seconds, what=f"task {task_id}: {what}")


@functools.cache
def _screens() -> Catalog:
    return Catalog.load()


StartMachine = Callable[..., Machine]


@pytest.fixture
def start_machine(tmp_path: Path) -> Iterator[StartMachine]:
    machines: list[Machine] = []

    def start(folder: Path = tmp_path, **options: Any) -> Machine:
        machine = Machine(folder, **options)
        machines.append(machine)
        machine.start()
        return machine

    yield start
    for machine in machines:
        machine.close()


@pytest.fixture
def machine(start_machine: StartMachine) -> Machine:
    return start_machine()
