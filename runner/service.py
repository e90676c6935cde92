"""Puts the parts of the service together, starts them in order and ends them in reverse order. No logic."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import structlog

from runner import datadir
from runner.accounts.store import AccountStore
from runner.clock.clock import Clock
from runner.directory import HostDirectory, LocalHost, PhoneDirectory
from runner.execution import scripts
from runner.execution.artifacts import Artifacts
from runner.execution.executor import LOCAL, Executor
from runner.execution.local import LocalDispatcher
from runner.execution.recovery import recover
from runner.execution.scripts import Scripts
from runner.farm.holder import FarmHolder
from runner.materials.supply import Supply
from runner.phones.adb import AdbServer
from runner.phones.phones import Phones
from runner.phones.screens import Catalog
from runner.settings import Settings
from runner.tasks.database import Database
from runner.tasks.misfire import Misfires
from runner.tasks.service import TaskService
from runner.tasks.store import Store
from runner.worker_api.served import TICK_SECONDS as WORKER_SECONDS
from runner.worker_api.service import WorkerApi

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

    def __init__(self, settings: Settings, farm: FarmHolder) -> None:
        self.settings = settings
        self.farm = farm
        self._closing = ExitStack()
        self._closed = threading.Lock()
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._closing.callback(datadir.hold(settings.data_dir).release)
        database = Database(settings.database)
        self._store = Store(database)
        self.accounts = AccountStore(database)
        self._closing.callback(self._store.close)
        self._artifacts = Artifacts(
            settings.data_dir / "artifacts",
            self._store,
            keep_days=settings.tasks.artifact_keep_days,
            max_mb=settings.tasks.artifact_max_mb,
        )
        self.materials = Supply(settings.data_dir / "materials", database, self._store, settings.materials)
        self._misfires = Misfires(self._store, LOCAL, timedelta(minutes=settings.tasks.start_grace_minutes))
        self.scripts = Scripts(scripts.folders([settings.scripts_dir] if settings.scripts_dir else []))
        self.phones = Phones(lambda: farm.farm, server=AdbServer(settings.adb.path))
        self._dispatcher = LocalDispatcher(
            Executor(
                self._store,
                phones=self.phones,
                screens=Catalog.load(settings.screens_folder),
                scripts=self.scripts,
                artifacts=self._artifacts,
                materials=self.materials,
                misfires=self._misfires,
                settings=settings.tasks,
                work_folder=settings.data_dir / "work",
            )
        )
        self.directory: PhoneDirectory = self.phones
        self.hosts: HostDirectory = LocalHost(self.phones, self._store.stats)
        self._clock = Clock(self._store, self._dispatcher, self._misfires)
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
        """End what a killed runner left, follow the phones, then take up every pending task."""
        recover(self._store, self.settings.tasks)
        self.phones.start()
        self._closing.callback(self.phones.close)
        self._dispatcher.start()
        self._closing.callback(self._dispatcher.close, CLOSE_SECONDS)
        self._clock.every(FARM_SECONDS, self._follow_farm)
        self._clock.every(CLEANING_SECONDS, self._clean)
        self._clock.every(WORKER_SECONDS, self.worker_api.tick)
        self._clock.start()
        self._closing.callback(self._clock.close)
        self.worker_api.start()
        self._closing.callback(self.worker_api.close)

    def close(self) -> None:
        """Start nothing more, give running tasks back or let them finish publishing, release everything."""
        with self._closed:
            self._closing.close()

    def _follow_farm(self) -> None:
        if self.farm.refresh():
            self.phones.reload(self.farm.farm)

    def _clean(self) -> None:
        now = datetime.now(UTC)
        self._artifacts.clean(now)
        self.materials.library.clean(now)
        self._store.forget_keys(now - KEYS_KEPT)
        self.worker_api.clean()
