"""Puts the parts of a fleet together for one process, as `runner.service` does for what every process has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sqlalchemy import select

from runner.cancel import CancelToken
from runner.execution.executor import Executor
from runner.execution.recovery import recover
from runner.farm.holder import FarmHolder
from runner.farm.model import Farm
from runner.fleet import engine as engines
from runner.fleet.api_host import ApiHost
from runner.fleet.common import Common
from runner.fleet.directory import CLOCK, FleetDirectory
from runner.fleet.dispatcher import FleetDispatcher
from runner.fleet.engine import Engine
from runner.fleet.farm import FarmPublisher
from runner.fleet.files import FileCache, RemoteArtifacts, RemoteSupply
from runner.fleet.host import Host, Role
from runner.fleet.membership import Membership
from runner.fleet.model import hosts
from runner.fleet.reports import PhoneReports
from runner.fleet.sweep import Sweep
from runner.materials.store import MaterialStore
from runner.settings import Settings
from runner.tasks.database import Database
from runner.tasks.store import Store

if TYPE_CHECKING:
    from runner.clock.clock import Clock
    from runner.phones.phones import Phones
    from runner.worker_api.service import WorkerApi

UPSTREAMS = "upstreams"
"""The lease of the process that works for other servers' Worker Tasks APIs."""


class Fleet:
    """One process of a fleet: made first, `join`, `take_part`; `step_back`, `rest` and `leave` at the end.

    `engine` is for the store; `directory` and `dispatcher` are made once.
    """

    def __init__(
        self, database: Database, settings: Settings, *, url: str, scripts: Mapping[str, bool]
    ) -> None:
        """`url`: where this process' API is reached, "" without one. `scripts`: name → needs a phone.

        Raises StoreError.
        """
        self.name = settings.host_name
        self.common = Common(database)
        self._database = database
        self._settings = settings
        self._url = url
        engines.install(database)
        self.engine = Engine(order=settings.tasks.queue_order)
        self._membership = Membership(
            database,
            name=self.name,
            data_dir=settings.data_dir,
            url=url,
            lease=settings.fleet.lease,
            scripts=scripts,
        )
        self._publisher: FarmPublisher | None = None
        self._host: Host | None = None

    def directory(
        self, farm: Callable[[], Farm], strangers: Callable[[], Mapping[str, str]]
    ) -> FleetDirectory:
        self._directory = FleetDirectory(self._database, self._settings.fleet.lease, farm, strangers)
        return self._directory

    def dispatcher(self, executor: Executor, directory: FleetDirectory) -> FleetDispatcher:
        self._dispatcher = FleetDispatcher(
            self._database, self.engine, executor, phones=directory.snapshot, lapsed=self._lapsed
        )
        return self._dispatcher

    def remote_files(self, store: Store, closing: ExitStack) -> tuple[RemoteSupply, RemoteArtifacts]:
        """For a process whose files are on the API host. They end with `closing`."""
        data_dir = self._settings.data_dir
        api = ApiHost(self._api_url, self.common.fleet_key())
        closing.callback(api.close)
        artifacts = RemoteArtifacts(data_dir / "artifacts", store, api)
        artifacts.start()
        closing.callback(artifacts.close)
        cache = FileCache(data_dir / "cache", self._settings.fleet.cache_max_mb)
        return RemoteSupply(MaterialStore(self._database, store), cache, api), artifacts

    def join(self, store: Store, farm: FarmHolder) -> None:
        """End what an earlier process of this name left, then be one of the fleet. Raises ConfigError."""
        self._membership.take_name(CancelToken())
        recover(store, self._settings.tasks, self.name)
        with self._database.write() as connection:
            self.engine.abandon(connection, self.name)
        if self._url:
            self._publisher = FarmPublisher(self.common, farm, self.name, self._directory.hosts)
            self._membership.before_joining(self._publisher.publish)
        self._membership.join()
        self._store = store

    def publish_farm(self) -> None:
        """If devices.yaml has changed."""
        if self._publisher:
            self._publisher.follow()

    def take_part(self, clock: Clock, upstreams: WorkerApi | None, phones: Phones) -> None:
        """Report phones, take roles (until `step_back`) and sweep, until `rest`."""
        roles = {CLOCK: Role(clock.lead, clock.rest)}
        if upstreams:
            roles[UPSTREAMS] = Role(upstreams.start, upstreams.close)
        lease = self._settings.fleet.lease
        sweep = Sweep(
            self._database,
            self._store,
            self.engine,
            settings=self._settings.tasks,
            lease=lease,
            lapsed=self._lapsed,
            take_turn=self._membership.take_turn,
        )
        self._host = Host(
            self._database,
            self._membership,
            PhoneReports(self.name, self.engine),
            sweep,
            phones=phones.snapshot,
            roles=roles,
            give_up=self._dispatcher.give_up,
        )
        phones.on_change(self._host.phone_changed)
        self._host.start()

    def step_back(self) -> None:
        """The roles are free for others. This host lives on, so that its runs can end here."""
        if self._host:
            self._host.step_back()

    def rest(self) -> None:
        """Nothing more is reported."""
        if self._host:
            self._host.close()

    def leave(self) -> None:
        """The phones are free for others. Raises StoreError."""
        self._membership.leave()

    def _lapsed(self) -> bool:
        return self._membership.lapsed

    def _api_url(self) -> str | None:
        newest = select(hosts.c.url).where(hosts.c.url != "", hosts.c.instance != "")
        with self._database.read() as connection:
            return connection.scalar(newest.order_by(hosts.c.seen_at.desc()).limit(1))
