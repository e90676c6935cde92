"""A real `runner serve` in a process of its own, for tests that talk HTTP to it or kill it."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import create_engine, make_url, text

from support.command import clean_environment
from support.http import PlainClient
from support.media import movie
from support.virtual import AdbServer, Phones
from support.waiting import wait_for

ENDED = (2, 3)
"""Completed, failed."""


class RunnerService:
    """One data directory and the process that serves it; may be killed and started again."""

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        arguments: Sequence[str] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.config = folder / "devices.yaml"
        self.config.write_text(config, encoding="utf-8")
        self.data_dir = folder / "data"
        self.log_file = folder / "serve.log"
        self._arguments = arguments
        self.environment = clean_environment(**(environment or {}))
        self.beside: list[RunnerService] = []
        """Processes that are killed with this one."""
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.http = PlainClient()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the service has not been started"
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything logged so far, by every process."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    @property
    def database_url(self) -> str:
        return self.environment.get("RUNNER_DATABASE_URL") or f"sqlite:///{self.data_dir / 'runner.db'}"

    def sql(self, statement: str, **values: Any) -> None:
        """Tamper with its database."""
        url = make_url(self.database_url)
        is_sqlite = url.drivername == "sqlite"
        engine = create_engine(url if is_sqlite else url.set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()

    def leave_phones(self, database_url: str) -> None:
        """Become the API of a fleet, before the first start."""
        self.environment["RUNNER_DATABASE_URL"] = database_url
        self._arguments = [*self._arguments, "--api-only"]

    def start(self, *, seconds: float = 30) -> None:
        """Returns when it says that it is ready."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runner", *self._command()],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.url = self._first_line(seconds)
        self.http.close()
        self.http = PlainClient(base_url=f"{self.url}/api/v1/", timeout=30)

    def _command(self) -> list[str]:
        return [
            *("serve", "--config", str(self.config), "--data-dir", str(self.data_dir)),
            *("--port", "0", *self._arguments),
        ]

    def _first_line(self, seconds: float) -> str:
        lines: queue.Queue[str] = queue.Queue()
        assert self._process is not None
        assert self._process.stdout is not None
        output = self._process.stdout
        threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=seconds).strip()
        except queue.Empty:
            self.kill()
            raise AssertionError(f"the service was not ready within {seconds} s:\n{self.log}") from None
        assert line, f"the service ended at once:\n{self.log}"
        return line

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._reap()

    def stop(self, *, seconds: float = 40) -> int:
        """Ask it to end, as Ctrl+C does; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._reap(seconds)

    def _reap(self, seconds: float = 10) -> int:
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()

    def close(self) -> None:
        for process in self.beside:
            process.close()
        self.http.close()
        if self._process is not None and self._process.poll() is None:
            self.kill()
        elif self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    # What a client does

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The data of an answer that must be a success."""
        answer = self.http.request(method, path, **options)
        body = answer.json()
        assert body["code"] == 0, body
        return body["data"]

    def create(self, **request: Any) -> list[int]:
        ids: list[int] = self.call("POST", "task", json=request)["task_ids"]
        return ids

    def post(
        self, media: Path | str, *, serials: Sequence[str] = (), usernames: Sequence[str] = (), **more: Any
    ) -> list[int]:
        """Tasks of script `post`; `more` may hold `config` (fields of script_config) and request fields."""
        config = {"material_list": [str(media)], "upload_wait_time": 60, **more.pop("config", {})}
        targets = {"serials": list(serials)} if serials else {"usernames": list(usernames)}
        return self.create(script_name="post", script_config=config, **targets, **more)

    def task(self, task_id: int) -> dict[str, Any]:
        task: dict[str, Any] = self.call("GET", f"task/{task_id}")
        return task

    def tasks(self, **criteria: Any) -> list[dict[str, Any]]:
        """Every task that fits, over all pages."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            data = self.call("GET", "task", params={"page": page, "page_size": 100, **criteria})
            found += data["tasks"]
            if len(found) >= data["total"] or not data["tasks"]:
                return found
            page += 1

    def ended(self, *task_ids: int, seconds: float = 60) -> list[dict[str, Any]]:
        """Wait until these tasks have ended; the tasks with their journals."""

        def look() -> list[dict[str, Any]]:
            tasks = []
            for task_id in task_ids:
                tasks.append(self.task(task_id))
                if tasks[-1]["status"] not in ENDED:
                    return []
            return tasks

        return wait_for(look, seconds=seconds, what=f"the end of tasks {task_ids}")

    def reaches(self, task_id: int, step: str, *, seconds: float = 30) -> None:
        """Wait until the task is in this step (or beyond it)."""

        def look() -> bool:
            task = self.task(task_id)
            taken = [entry["name"] for entry in task["steps"]]
            assert step in taken or task["status"] not in ENDED, f"it ended after {taken}: {task['remark']}"
            return step in taken

        wait_for(look, seconds=seconds, what=f"step {step} of task {task_id}")

    def phones_ready(self, *serials: str, seconds: float = 30) -> None:
        """Wait until these phones can be used."""

        def look() -> bool:
            devices = self.call("GET", "devices")["devices"]
            states = {device["serial"]: device["state"] for device in devices}
            return all(states.get(serial) in ("ready", "busy") for serial in serials)

        wait_for(look, seconds=seconds, what=f"{', '.join(serials)} ready")


def config_of(
    phones: Phones,
    *,
    more: str = "",
    disabled: Sequence[str] = (),
    apps: Sequence[str] = ("tiktok",),
    host_of: Mapping[str, str] | None = None,
) -> str:
    """A devices.yaml for these virtual phones: every account of these apps, in order.

    `host_of`: serial → the host of a fleet that drives it.
    """
    lines = ["time_zone: UTC", more, "devices:"]
    for index, phone in enumerate(phones.farm.farm.phones, 1):
        lines += [f'  - serial: "{phone.serial}"', f"    name: Phone {index}"]
        lines += [f"    host: {host_of[phone.serial]}"] if host_of else []
        lines += ["    accounts:"]
        for app in apps:
            for username in dict(phone.settings.accounts)[app]:
                lines += [f"      - username: {username}", f"        app: {app}"]
                lines += ["        enabled: false"] if username in disabled else []
    return "\n".join(lines) + "\n"


class Mode(Protocol):
    """See `support.modes`."""

    def start(self, service: RunnerService) -> None: ...


StartService = Callable[..., RunnerService]


@pytest.fixture
def start_service(adb_server: AdbServer, tmp_path: Path, mode: Mode) -> Iterator[StartService]:
    """`start_service(config, …)` starts a service on the test's adb server; killed after the test."""
    running: list[RunnerService] = []

    def start(config: str, **options: Any) -> RunnerService:
        folder = tmp_path / f"service{len(running)}"
        folder.mkdir()
        service = RunnerService(folder, config, **options)
        running.append(service)
        mode.start(service)
        return service

    yield start
    for service in running:
        service.close()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A small mp4."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(movie(padding=200_000))
    return path
