"""What the service holds of the Worker Tasks API: the served side and the upstreams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from runner.errors import StoreError
from runner.farm.model import Farm
from runner.tasks.database import Database
from runner.tasks.service import TaskService
from runner.worker_api.served import Served
from runner.worker_api.settings import UpstreamSettings, WorkerApiSettings

if TYPE_CHECKING:
    from runner.worker_api.upstream.upstream import Upstream

log = structlog.get_logger(__name__)


class WorkerApi:
    """`close` is safe at any time. Closed before the database is."""

    def __init__(
        self,
        database: Database,
        tasks: TaskService,
        *,
        farm: Callable[[], Farm],
        settings: WorkerApiSettings,
        upstreams: Sequence[UpstreamSettings],
        data_dir: Path,
        key_folder: Path,
    ) -> None:
        """`key_folder`: where the key files of upstreams are looked for. Raises ConfigError."""
        self.served = Served(database, settings, data_dir)

        def connect() -> list[Upstream]:
            if not upstreams:
                return []
            from runner.worker_api.upstream.upstream import Upstream  # brings httpx, which most don't need

            return [
                Upstream(
                    one, database=database, tasks=tasks, farm=farm, data_dir=data_dir, key_folder=key_folder
                )
                for one in upstreams
            ]

        self._connect = connect
        self._upstreams = connect()
        self._closed = False

    def start(self) -> None:
        """Also again after `close`: in a fleet the work for upstreams moves from process to process."""
        if self._closed:
            self._upstreams, self._closed = self._connect(), False
        for upstream in self._upstreams:
            upstream.start()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for upstream in self._upstreams:
            upstream.close()

    def tick(self) -> None:
        """Every TICK_SECONDS: share out, retry, notice who is silent."""
        try:
            self.served.tick(datetime.now(UTC))
        except StoreError as error:
            log.error("worker tasks wait for the database", error=str(error))

    def clean(self) -> None:
        """Now and then: forget what nobody needs any more."""
        self.served.store.forget_empty_counts()
        for upstream in self._upstreams:
            upstream.clean()

    def upstreams_now(self) -> list[dict[str, Any]]:
        """What an operator wants to see of each upstream."""
        return [upstream.now() for upstream in self._upstreams]
