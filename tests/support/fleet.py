"""A real fleet: processes of `runner serve` and `runner worker` on one real PostgreSQL."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.databases import OwnServer
from support.service import RunnerService
from support.virtual import AdbServer
from support.waiting import wait_for

LEASE_SECONDS = 6


class Worker(RunnerService):
    """One `runner worker`; may be killed, paused and started again."""

    def __init__(self, folder: Path, name: str, **options: Any) -> None:
        super().__init__(folder, "", **options)
        self.name = name

    def _command(self) -> list[str]:
        return ["worker", "--name", self.name, "--data-dir", str(self.data_dir), *self._arguments]

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class Fleet:
    """What is started here is killed after the test."""

    def __init__(self, folder: Path, url: str, adb: AdbServer) -> None:
        self.url = url
        self._folder = folder
        self._adb = adb
        self._running: list[RunnerService] = []
        self._other_adbs: list[AdbServer] = []

    def api(
        self, config: str, *, name: str = "office", arguments: Sequence[str] = ("--api-only",)
    ) -> RunnerService:
        service = RunnerService(
            self._new_folder(name),
            config,
            arguments=["--name", name, *arguments],
            environment=self._environment(),
        )
        self._running.append(service)
        service.start()
        return service

    def worker(
        self, name: str, adb: AdbServer | None = None, *, start: bool = True, **environment: str
    ) -> Worker:
        """`environment`: more variables for it."""
        worker = Worker(self._new_folder(name), name, environment=self._environment(adb) | environment)
        self._running.append(worker)
        if start:
            worker.start()
        return worker

    def other_adb(self) -> AdbServer:
        """For one more host, which sees none of the others' phones."""
        self._other_adbs.append(AdbServer(self._new_folder(f"adb-{len(self._other_adbs)}")))
        return self._other_adbs[-1]

    def close(self) -> None:
        for process in self._running:
            process.close()
        for server in self._other_adbs:  # later than the hosts, who would start them again
            server.stop()

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def _environment(self, adb: AdbServer | None = None) -> dict[str, str]:
        return {
            "RUNNER_DATABASE_URL": self.url,
            "RUNNER_FLEET__LEASE_SECONDS": str(LEASE_SECONDS),
            "ANDROID_ADB_SERVER_PORT": str((adb or self._adb).port),
        }


@pytest.fixture
def fleet(adb_server: AdbServer, postgres_url: str, tmp_path: Path) -> Iterator[Fleet]:
    """An empty fleet on an empty database; all on the test's adb server unless told otherwise."""
    made = Fleet(tmp_path, postgres_url, adb_server)
    yield made
    made.close()


@pytest.fixture
def own_fleet(adb_server: AdbServer, own_postgres: OwnServer, tmp_path: Path) -> Iterator[Fleet]:
    """The same on a PostgreSQL of its own, which may be stopped."""
    made = Fleet(tmp_path, own_postgres.url, adb_server)
    yield made
    made.close()


def driven_by(api: RunnerService, serial: str, host: str, *, seconds: float = 40) -> None:
    """Wait until this host drives the phone, and could give it a task."""

    def look() -> bool:
        devices = {device["serial"]: device for device in api.call("GET", "devices")["devices"]}
        return devices[serial]["host"] == host and devices[serial]["state"] in ("ready", "busy")

    wait_for(look, seconds=seconds, what=f"{serial} driven by {host}")
