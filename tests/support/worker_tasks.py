"""A service whose worker servers the tests play, over HTTP."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.tasks.database import Database
from runner.worker_api.served import TICK_SECONDS
from runner.worker_api.store import WorkerStore
from support.command import runner
from support.http import PlainClient
from support.service import RunnerService
from support.stage import config_text
from support.virtual import AdbServer

_numbers = itertools.count(1)


class Worker:
    """A registered worker server and its calls."""

    def __init__(self, url: str, made: dict[str, str]) -> None:
        self.id = made["server_id"]
        self.name = made["name"]
        self.key = made["key"]
        self.http = PlainClient(base_url=f"{url}/api/v1/worker/", headers={"X-API-Key": self.key}, timeout=30)

    def tasks(self, **query: Any) -> dict[str, Any]:
        answer = self.http.get("tasks", params=query)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    def ids(self, **query: Any) -> list[str]:
        return [task["id"] for task in self.tasks(limit=1000, **query)["data"]]

    def task(self, task_id: str) -> dict[str, Any]:
        statuses = "pending,queued,running,completed,failed,canceled"
        [found] = [one for one in self.tasks(limit=1000, status=statuses)["data"] if one["id"] == task_id]
        task: dict[str, Any] = found
        return task

    def put(self, task_id: str, **body: Any) -> httpx.Response:
        return self.http.put(f"tasks/{task_id}", json=body)

    def says(self, task_id: str, *statuses: str) -> None:
        """Each of these, one after the other; all must be accepted."""
        for status in statuses:
            answer = self.put(task_id, status=status)
            assert answer.status_code == 200, answer.text

    def bulk(self, *items: Any) -> dict[str, Any]:
        json_type = {"Content-Type": "application/json"}
        answer = self.http.put("tasks/bulk", content=json.dumps({"items": items}), headers=json_type)
        assert answer.status_code == 200, answer.text
        results: dict[str, Any] = answer.json()
        return results


class WorkerService(RunnerService):
    """The service, its administrator and its worker servers."""

    workers: list[Worker]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`runner …` with this service's data."""
        settings = ("--config", str(self.config), "--data-dir", str(self.data_dir))
        return runner(*arguments, *settings, **self.environment)

    def worker(self, *, max_tasks: int = 0) -> Worker:
        """A new server; no other test's name. Made as `runner servers add` does, without its process."""
        database = Database(f"sqlite:///{self.data_dir / 'runner.db'}")
        made = WorkerStore(database).add_server(f"server-{next(_numbers):02}", max_tasks, datetime.now(UTC))
        database.close()
        return self.as_worker({"server_id": made.server.id, "name": made.server.name, "key": made.key})

    def as_worker(self, made: dict[str, str]) -> Worker:
        worker = Worker(self.url, made)
        self.workers.append(worker)
        return worker

    def request(self, *tasks: dict[str, Any], service_type: str = "entity", **more: Any) -> str:
        """The id of a new request of the administrator."""
        body = {"request_name": "Campaign A", "service_type": service_type, "tasks": list(tasks), **more}
        answer = self.http.post("worker/requests", json=body)
        assert answer.status_code == 201, answer.text
        assert answer.json()["data"]["created"] == len(tasks)
        request_id: str = answer.json()["data"]["request_id"]
        return request_id

    def give(self, worker: Worker, count: int = 1, **fields: Any) -> list[str]:
        """That many new tasks of this worker server; their ids."""
        task = {"site_name": "example.com", "server": worker.name, **fields}
        request_id = self.request(*[task] * count)
        statuses = "pending,queued,running"
        return [
            one["id"]
            for one in worker.tasks(limit=1000, status=statuses)["data"]
            if one["request_id"] == request_id
        ]

    def request_counts(self, request_id: str) -> dict[str, int]:
        answer = self.http.get("worker/requests", params={"limit": 1000}).json()
        [counts] = [one["counts"] for one in answer["data"] if one["request_id"] == request_id]
        return {status: number for status, number in counts.items() if number}

    def tick(self, *, after: float = 0) -> None:
        """Wait until what the service does on the clock has been done after so many seconds."""
        threading.Event().wait(after + 2 * TICK_SECONDS)

    def close(self) -> None:
        for worker in self.workers:
            worker.http.close()
        super().close()


StartWorkerService = Callable[..., WorkerService]


def _start(
    folder: Path, adb_port: int, arguments: Sequence[str] = (), token: str = "", **sections: Any
) -> WorkerService:
    environment = {"ANDROID_ADB_SERVER_PORT": str(adb_port), "RUNNER_API_TOKEN": token}
    service = WorkerService(folder, config_text([], **sections), arguments=arguments, environment=environment)
    service.workers = []
    service.start()
    return service


@pytest.fixture(scope="module")
def worker_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerService]:
    """Shared by a module's tests: each registers servers of its own and expects others' beside them."""
    folder = tmp_path_factory.mktemp("worker-service")
    with ExitStack() as cleanup:
        adb = AdbServer(folder)
        cleanup.callback(adb.stop)
        service = _start(folder, adb.port)
        cleanup.callback(service.close)
        yield service


@pytest.fixture
def start_worker_service(tmp_path: Path, adb_server: AdbServer) -> Iterator[StartWorkerService]:
    """`start_worker_service(worker_api={…})`: one with settings of its own."""
    with ExitStack() as cleanup:
        numbers = itertools.count()

        def start(**options: Any) -> WorkerService:
            folder = tmp_path / f"worker-service{next(numbers)}"
            folder.mkdir()
            service = _start(folder, adb_server.port, **options)
            cleanup.callback(service.close)
            return service

        yield start
