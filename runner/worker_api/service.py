"""What the service holds of the Worker Tasks API: the served side and the upstreams. No logic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.farm.model import Farm
from runner.tasks.database import Database
from runner.tasks.service import TaskService
from runner.worker_api.served import Served
from runner.worker_api.settings import UpstreamSettings, WorkerApiSettings

if TYPE_CHECKING:
    from runner.worker_api.upstream.upstream import Upstream


class WorkerApi:
    """`start` once, `close` once; `close` is safe at any time. Closed before the database is."""

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
        self._upstreams: list[Upstream] = []
        for one in upstreams:
            from runner.worker_api.upstream.upstream import Upstream  # brings httpx, which most don't need

            upstream = Upstream(
                one, database=database, tasks=tasks, farm=farm, data_dir=data_dir, key_folder=key_folder
            )
            self._upstreams.append(upstream)

    def start(self) -> None:
        self.served.start()
        for upstream in self._upstreams:
            upstream.start()

    def close(self) -> None:
        for upstream in self._upstreams:
            upstream.close()
        self.served.close()

    def clean(self) -> None:
        """Now and then: forget what nobody needs any more."""
        for upstream in self._upstreams:
            upstream.clean()

    def upstreams_now(self) -> list[dict[str, Any]]:
        """What an operator wants to see of each upstream."""
        return [upstream.now() for upstream in self._upstreams]
