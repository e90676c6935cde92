"""How the services of a test run: alone with SQLite, or as a fleet of two hosts with PostgreSQL.

A test says nothing of it; its directory's conftest does, by a parameter of fixture `mode`.
"""

from __future__ import annotations

from typing import Literal

import pytest

from support.databases import new_database
from support.fleet import Worker
from support.service import Mode, RunnerService
from support.stage import TEST_SCRIPTS

Name = Literal["local", "fleet"]
HOST = "desk"


class Local:
    def start(self, service: RunnerService) -> None:
        service.start()


class TwoHosts:
    """The service has the API and no phones; a worker beside it drives them, and is killed with it."""

    def __init__(self, server: str) -> None:
        self._server = server

    def start(self, service: RunnerService) -> None:
        service.leave_phones(new_database(self._server))
        service.start()
        folder = service.folder / HOST
        folder.mkdir()
        # Not followed from the API host: each host has its own copy of the operator's scripts.
        scripts = {"RUNNER_SCRIPTS_DIR": str(TEST_SCRIPTS)}
        worker = Worker(folder, HOST, environment={**service.environment, **scripts})
        service.beside.append(worker)
        worker.start()


@pytest.fixture(scope="module")
def mode(request: pytest.FixtureRequest) -> Mode:
    name: Name = getattr(request, "param", "local")
    return Local() if name == "local" else TwoHosts(request.getfixturevalue("postgres_server"))
