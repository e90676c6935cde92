"""Puts the parts of the service together, starts them in order and ends them in reverse order. No logic."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from runner import datadir
from runner.accounts.store import AccountStore
from runner.clock.clock import Clock
from runner.directory import HostDirectory, LocalHost, PhoneDirectory
from runner.execution import scripts
from runner.execution.artifacts import Artifacts
from runner.execution.dispatch import Dispatcher
from runner.execution.executor import Executor, MaterialSource
from runner.execution.local import LocalDispatcher
from runner.execution.recovery import recover
from runner.execution.run import ArtifactKeeper
from runner.execution.scripts import Scripts
from runner.farm.holder import FarmHolder
from runner.farm.model import Farm
from runner.materials.supply import Supply
from runner.phones.adb import AdbServer
from runner.phones.phones import Phones
from runner.phones.screens import Catalog
from runner.settings import Settings
from runner.tasks.database import Database
from runner.tasks.misfire import FLEET, Misfires
from runner.tasks.service import TaskService
from runner.tasks.store import Store
from runner.tasks.types import LOCAL
from runner.worker_api.served import TICK_SECONDS as WORKER_SECONDS
from runner.worker_api.service import WorkerApi

if TYPE_CHECKING:
    from fastapi import APIRouter

    from runner.fleet.fleet import Fleet

log = structlog.get_logger(__name__)

FARM_SECONDS = 2.0
"""How often devices.yaml is looked at."""
CLEANING_SECONDS = 3600.0
KEYS_KEPT = timedelta(days=7)
"""An Idempotency-Key is remembered for so long."""
CLOSE_SECONDS = 20.0
"""Runs behind their publish fence have this long to find their evidence when the service ends."""


class Service:
    """One runner on one host. `start` once, `close` once; `close` is safe at any time.

    The constructor opens the database. It raises StoreError when that can't be, or when another service
    uses the data directory: both would end the other's runs as left over.
    """

    def __init__(
        self,
        settings: Settings,
        farm: FarmHolder,
        *,
        url: str = "",
        drives_phones: bool = True,
        follow: Callable[[], object] | None = None,
    ) -> None:
        """`url`: where the API of this process is reached by other hosts, "" for a process without one.

        `follow` is called before devices.yaml is looked at again, and may write it.
        """
        self.settings = settings
        self.farm = farm
        self._url = url
        self._drives_phones = drives_phones
        self._follow = follow
        self._closing = ExitStack()
        self._closed = threading.Lock()
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._closing.callback(datadir.hold(settings.data_dir).release)
        database = Database(settings.database)
        self.scripts = Scripts(scripts.folders([settings.scripts_dir] if settings.scripts_dir else []))
        self._fleet: Fleet | None = None
        if database.is_shared:
            from runner.fleet.fleet import Fleet  # brings the engine, which one host does not need

            installed = {script.name: script.needs_phone for script in self.scripts.all()}
            self._fleet = Fleet(database, settings, url=url, scripts=installed)
        self._store = Store(database, self._fleet.engine if self._fleet else None)
        self.accounts = AccountStore(database)
        self._closing.callback(self._store.close)
        self._artifacts = Artifacts(
            settings.data_dir / "artifacts",
            self._store,
            keep_days=settings.tasks.artifact_keep_days,
            max_mb=settings.tasks.artifact_max_mb,
        )
        self.materials = Supply(settings.data_dir / "materials", database, self._store, settings.materials)
        self._misfires = Misfires(
            self._store,
            FLEET if self._fleet else LOCAL,
            timedelta(minutes=settings.tasks.start_grace_minutes),
        )
        self.phones = Phones(self._farm_here, server=AdbServer(settings.adb.path))
        self._dispatcher: Dispatcher
        if self._fleet:
            directory = self._fleet.directory(lambda: farm.farm, self.phones.strangers)
            self.directory: PhoneDirectory = directory
            self.hosts: HostDirectory = directory
            self._dispatcher = self._fleet.dispatcher(self._executor(self._fleet.name), directory)
        else:
            self.directory = self.phones
            self.hosts = LocalHost(self.phones, self._store.stats)
            self._dispatcher = LocalDispatcher(self._executor(LOCAL))
        self._clock = Clock(self._store, self._dispatcher, self._misfires, shared=database.is_shared)
        self.tasks = TaskService(
            self._store,
            farm=lambda: farm.farm,
            scripts=self.scripts,
            settings=settings.tasks,
            dispatcher=self._dispatcher,
            artifacts=self._artifacts,
            materials=self.materials,
        )
        self.worker_api = WorkerApi(
            database,
            self.tasks,
            farm=lambda: farm.farm,
            settings=settings.worker_api,
            upstreams=settings.upstreams,
            data_dir=settings.data_dir,
            key_folder=settings.config.parent,
        )

    def start(self) -> None:
        """End what a killed runner left, follow the phones, then take up every pending task.

        Raises ConfigError when this process can't be a host of its fleet.
        """
        if self._fleet:
            if self.settings.fleet.files == "shared":
                self._agree_on_folders(self._fleet)
            self._fleet.join(self._store, self.farm)
            self._closing.callback(self._fleet.leave)
        else:
            recover(self._store, self.settings.tasks)
        if self._drives_phones:
            self.phones.start()
            self._closing.callback(self.phones.close)
        if self._fleet:
            self._closing.callback(self._fleet.rest)
        self._dispatcher.start()
        self._closing.callback(self._dispatcher.close, CLOSE_SECONDS)
        self._clock.every(FARM_SECONDS, self._follow_farm)
        if self._url or not self._fleet:
            self._clock.every(CLEANING_SECONDS, self._clean)
            self._clock.every(WORKER_SECONDS, self.worker_api.tick)
        self._clock.start()
        self._closing.callback(self._clock.close)
        self._closing.callback(self.worker_api.close)
        if self._fleet:
            self._fleet.take_part(self._clock, self.worker_api if self._url else None, self.phones)
            self._closing.callback(self._fleet.step_back)
        else:
            self._clock.lead()
            self.worker_api.start()

    def close(self) -> None:
        """Start nothing more, give running tasks back or let them finish publishing, release everything."""
        with self._closed:
            self._closing.close()

    def fleet_routes(self) -> APIRouter | None:
        """What other hosts of the fleet call; None without a fleet."""
        if not self._fleet:
            return None
        from runner.api.fleet import routes

        artifacts = self.settings.data_dir / "artifacts"
        return routes(self.materials, self._store, artifacts, self._fleet.common.fleet_key())

    def _executor(self, host: str) -> Executor:
        materials: MaterialSource = self.materials
        artifacts: ArtifactKeeper = self._artifacts
        if self._fleet and not self._url and self.settings.fleet.files == "http":
            materials, artifacts = self._fleet.remote_files(self._store, self._closing)
        return Executor(
            self._store,
            phones=self.phones,
            screens=Catalog.load(self.settings.screens_folder),
            scripts=self.scripts,
            artifacts=artifacts,
            materials=materials,
            misfires=self._misfires,
            settings=self.settings.tasks,
            work_folder=self.settings.data_dir / "work",
            host=host,
        )

    def _agree_on_folders(self, fleet: Fleet) -> None:
        from runner.fleet import shared

        folders = (self._artifacts.folder, self.materials.library.folder)
        agree = shared.mark if self._url else shared.check
        agree(fleet.common, folders)

    def _farm_here(self) -> Farm:
        """The phones that this host may drive."""
        farm = self.farm.farm
        return farm.for_host(self._fleet.name) if self._fleet else farm

    def _follow_farm(self) -> None:
        if self._follow:
            self._follow()
        if self.farm.refresh() and self._drives_phones:
            self.phones.reload(self._farm_here())
        if self._fleet and self._url:
            self._fleet.publish_farm()

    def _clean(self) -> None:
        now = datetime.now(UTC)
        self._artifacts.clean(now)
        self.materials.library.clean(now)
        self._store.forget_keys(now - KEYS_KEPT)
        self.worker_api.clean()
