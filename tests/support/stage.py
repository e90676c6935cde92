"""A running service with connected virtual phones that the tests of one module share.

Tests run in any order: each works on tasks of its own and expects others' beside them. Phone 1 has four
accounts, the third of them disabled; phone 2 has one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from runner.virtual.farm import FarmSettings, VirtualFarm, account_name
from support.media import movie
from support.service import Mode, RunnerService
from support.virtual import AdbServer, Phones
from support.waiting import wait_for

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""Far from UTC, so that mixing the two up shows."""
ABSENT = "ABSENT0001"
"""In the farm, connected to nothing: a `post` for it stays pending, `act` runs there all the same."""
TEST_SCRIPTS = Path(__file__).parents[1] / "data" / "scripts"
"""Holds the script `act`, which needs no phone and does what its configuration says."""


def account(phone: int, number: int, **more: Any) -> dict[str, Any]:
    """An account that is logged in on the virtual phone of this 1-based index."""
    return {"username": account_name(phone, number), **more}


def config_text(devices: Sequence[dict[str, Any]], **sections: Any) -> str:
    """A devices.yaml; JSON is YAML."""
    content = {"time_zone": ZONE.key, "scripts_dir": str(TEST_SCRIPTS), **sections}
    return json.dumps({**content, "devices": list(devices)}, indent=1)


def refusal(answer: httpx.Response, code: int, *, status: int | None = None) -> str:
    """The message of an answer that must be this error, envelope and HTTP status."""
    envelope = answer.json()
    assert envelope.keys() == {"code", "message", "data"}
    assert (answer.status_code, envelope["code"]) == (status or code // 100, code), envelope
    assert envelope["data"] is None
    return str(envelope["message"])


class StageService(RunnerService):
    """The service of a stage, with the calls that its tests share."""

    def refused(self, method: str, path: str, code: int, **options: Any) -> str:
        return refusal(self.http.request(method, path, **options), code)

    def act(self, *do: str, serial: str = ABSENT, **more: Any) -> int:
        """A task that needs no phone and does this, see tests/data/scripts/act.py."""
        config = {"do": list(do), "log": str(self.folder / "act.log")}
        [task_id] = self.create(serials=[serial], script_name="act", script_config=config, **more)
        return task_id

    def until(self, task_id: int, status_text: str, *, seconds: float = 30) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            task = self.task(task_id)
            return task if task["status_text"] == status_text else {}

        return wait_for(look, seconds=seconds, what=f"task {task_id} {status_text}")

    def later(self, **more: Any) -> int:
        """A task that is due in five hours: it stays pending."""
        return self.act(start_time=f"{datetime.now(ZONE) + timedelta(hours=5):%H:%M}", **more)


@dataclass(frozen=True)
class Stage:
    service: StageService
    phones: Phones
    folder: Path

    @property
    def first(self) -> str:
        return self.phones.serials[0]

    @property
    def second(self) -> str:
        return self.phones.serials[1]

    def video(self) -> Path:
        """A new little file; no other has the same content."""
        path = self.folder / f"{secrets.token_hex(4)}.mp4"
        path.write_bytes(movie(padding=2000))
        return path

    def devices(self) -> list[dict[str, Any]]:
        """As devices.yaml has them."""
        return [
            {
                "serial": self.first,
                "name": "First",
                "tags": ["recipes", "video"],
                "accounts": [
                    account(1, 1),
                    account(1, 2),
                    account(1, 3, enabled=False),
                    account(1, 4),
                    account(1, 1, app="instagram"),
                ],
            },
            {"serial": self.second, "accounts": [account(2, 1)]},
            {"serial": ABSENT, "name": "Absent", "accounts": [{"username": "someone"}]},
            {"serial": "DISABLED01", "enabled": False, "accounts": [{"username": "nobody"}]},
        ]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, mode: Mode) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    with ExitStack() as cleanup:
        server = AdbServer(folder)
        cleanup.callback(server.stop)
        farm = VirtualFarm(FarmSettings(count=2, accounts=4))
        farm.start()
        phones = Phones(farm, server)
        cleanup.callback(phones.close)
        port = {"ANDROID_ADB_SERVER_PORT": str(server.port)}
        service = StageService(folder, "", environment=port)
        stage = Stage(service, phones, folder)
        service.config.write_text(config_text(stage.devices()), encoding="utf-8")
        cleanup.callback(service.close)
        mode.start(service)
        service.phones_ready(*phones.serials)
        yield stage


def _bare(
    folder: Path, environment: dict[str, str] | None, flags: Sequence[str] = (), **sections: Any
) -> StageService:
    folder.mkdir()
    devices = [{"serial": ABSENT, "name": "Absent", "accounts": [{"username": "someone"}]}]
    return StageService(folder, config_text(devices, **sections), arguments=flags, environment=environment)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, mode: Mode) -> Iterator[StageService]:
    """A service with one phone that is not there. The module's tests share it, and leave nothing in it."""
    folder = tmp_path_factory.mktemp("bare")
    with ExitStack() as cleanup:
        server = AdbServer(folder)
        cleanup.callback(server.stop)
        service = _bare(folder / "service", {"ANDROID_ADB_SERVER_PORT": str(server.port)})
        cleanup.callback(service.close)
        mode.start(service)
        yield service


StartBare = Callable[..., StageService]


@pytest.fixture
def start_bare(tmp_path: Path, adb_server: AdbServer, mode: Mode) -> Iterator[StartBare]:
    """`start_bare(api={"plan": "Starter"})`: a service with one phone that is not there, for its settings."""
    running: list[StageService] = []

    def start(
        *, environment: dict[str, str] | None = None, flags: Sequence[str] = (), **sections: Any
    ) -> StageService:
        folder = tmp_path / f"bare{len(running)}"
        service = _bare(folder, environment, flags, **sections)
        running.append(service)
        mode.start(service)
        return service

    yield start
    for service in running:
        service.close()
