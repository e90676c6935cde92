"""A farm without phones as a worker of a served Worker Tasks API, polled and reporting when the test says so.

Both sides are real and each has its own database; between them is HTTP, with a door that the test can shut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from runner.farm.model import Device, Farm
from runner.tasks.database import Database
from runner.tasks.types import Task, TaskFilter
from runner.worker_api.flow import WorkerStatus
from runner.worker_api.routes import router
from runner.worker_api.service import WorkerApi
from runner.worker_api.settings import UpstreamSettings, WorkerApiSettings
from runner.worker_api.shapes import RequestOfAdministrator
from runner.worker_api.types import NewServer, TaskQuery, WorkerTask
from runner.worker_api.upstream.upstream import Upstream
from support import farms
from support.http_server import listening
from support.machine import Machine

EVERY = tuple(WorkerStatus)


class Door:
    """In front of the served side: may be shut, or refuse some calls."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.shut = False
        self.refused: dict[str, int] = {}
        """Method and path → HTTP status."""
        self.calls: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = f"{scope['method']} {scope['path']}"
        self.calls.append(call)
        status = 503 if self.shut else self.refused.get(call)
        if status is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"success": False, "message": "refused by the door"}, status)(
                scope, receive, send
            )


def two_apps() -> Farm:
    """phone1 with one username in both apps; phone2 with another and a disabled one."""
    both = (farms.account("ana"), farms.account("ana", app="instagram"))
    some = (farms.account("bo"), farms.account("off", enabled=False))
    return farms.farm(Device("phone1", 1, accounts=both), Device("phone2", 2, accounts=some))


class Pair:
    """The served side, the farm, and what stands between them."""

    def __init__(self, folder: Path, machine: Machine, served_database: Database) -> None:
        self.machine = machine
        self._folder = folder
        self.served_database = served_database
        self.api = WorkerApi(
            served_database,
            machine.service,
            farm=lambda: machine.farm,
            settings=WorkerApiSettings(),
            upstreams=[],
            data_dir=folder,
            key_folder=folder,
        )
        app = FastAPI()
        app.include_router(router(SimpleNamespace(worker_api=self.api)), prefix="/api/v1")  # type: ignore[arg-type]
        self.door = Door(app)
        self.url = ""
        self.server: NewServer = self.api.served.store.add_server("farm", 0, datetime.now(UTC))
        self.upstream: Upstream

    def restart(self, **settings: Any) -> None:
        """The farm's runner begins anew, perhaps with other settings of its upstream."""
        self.upstream.close()
        self.upstream = self.another_upstream(**settings)

    def another_upstream(self, **settings: Any) -> Upstream:
        (self._folder / "key.txt").write_text(self.server.key + "\n", encoding="utf-8")
        fields = {
            "name": "campaigns",
            "base_url": f"{self.url}/api/v1",
            "key_file": "key.txt",
            "script": "act",
            "script_config": {"log": str(self.machine.log_file)},
            **settings,
        }
        return Upstream(
            UpstreamSettings(**fields),
            database=self.machine.database,
            tasks=self.machine.service,
            farm=lambda: self.machine.farm,
            data_dir=self._folder,
            key_folder=self._folder,
        )

    # The served side

    def give(self, *do: str, count: int = 1, service_type: str = "social", **fields: Any) -> list[str]:
        """Tasks for the farm's server; `config` adds to what `act` shall do."""
        config = {"do": list(do), **fields.pop("config", {})}
        task = {"site_name": "tiktok.com", "username": "ana", "server": "farm", "max_retries": 0}
        body = {"request_name": "A", "service_type": service_type}
        body["tasks"] = [{**task, "config": config, **fields}] * count  # type: ignore[assignment]
        before = set(self.known())
        new = RequestOfAdministrator.model_validate(body).as_new()
        self.api.served.create_request(new)
        return [task_id for task_id in self.known() if task_id not in before]

    def known(self) -> dict[str, WorkerTask]:
        """The served side's tasks of the farm's server."""
        query = TaskQuery(EVERY, None, 1000, 1, None)
        page = self.api.served.store.tasks(self.server.server.id, query)
        return {task.id: task for task in page.tasks}

    def statuses(self, ids: list[str]) -> list[str]:
        known = self.known()
        return [known[task_id].status.value for task_id in ids]

    def cancel_all(self) -> None:
        for request in self.api.served.store.requests(1, 1000).requests:
            self.api.served.store.cancel_request(request.id, datetime.now(UTC))

    def retry(self) -> None:
        """The served side's clock, a good while later."""
        self.api.served.tick(datetime.now(UTC) + timedelta(minutes=2))

    # The farm

    def poll(self) -> None:
        self.upstream.taker.poll()

    def report(self) -> None:
        self.upstream.reporter.report()

    def local(self) -> list[Task]:
        """The farm's tasks, oldest first."""
        return self.machine.store.list(TaskFilter(page_size=1000)).tasks[::-1]

    def finish(self) -> list[Task]:
        """Poll, wait until all local tasks have ended, report; the local tasks."""
        self.poll()
        for task in self.local():
            self.machine.ended(task.id)
        self.report()
        return self.local()

    def refused(self) -> list[Mapping[str, Any]]:
        refused: list[Mapping[str, Any]] = self.upstream.now()["refused_reports"]
        return refused


@pytest.fixture
def pair(tmp_path: Path, database_url: str) -> Iterator[Pair]:
    """The farm's database is of each kind, the served side's always SQLite."""
    machine_folder, served_folder = tmp_path / "farm", tmp_path / "served"
    machine_folder.mkdir()
    served_folder.mkdir()
    with ExitStack() as cleanup:
        machine = Machine(machine_folder, farm=two_apps(), url=database_url)
        cleanup.callback(machine.close)
        machine.start()
        served = Database(f"sqlite:///{served_folder / 'runner.db'}")
        cleanup.callback(served.close)
        made = Pair(served_folder, machine, served)
        made.url = cleanup.enter_context(listening(made.door))
        made.upstream = made.another_upstream()
        cleanup.callback(lambda: made.upstream.close())
        yield made
