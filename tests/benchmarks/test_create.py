"""One request for 1,000 devices: over HTTP to a running service, and the part of planning and database."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from runner.execution.scripts import Scripts, folders
from runner.tasks.service import TaskService
from runner.tasks.types import CreateTasks
from support import farms
from support.machine import StartMachine
from support.media import movie
from support.service import StartService

COUNT = 1000
TARGET_MS = 500
SERIALS = [f"phone{number}" for number in range(1, COUNT + 1)]


def test_a_thousand_tasks_over_http(start_service: StartService, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes(movie())
    devices = "\n".join(
        f"  - {{serial: {serial}, accounts: [{{username: user_{serial}}}]}}" for serial in SERIALS
    )
    service = start_service(f"time_zone: UTC\ndevices:\n{devices}\n")
    config = {"captions": "{Hi|Hello}", "material_list": [str(video)]}
    body = {"serials": SERIALS, "script_name": "post", "script_config": config}
    milliseconds = []
    for _ in range(5):
        began = time.perf_counter()
        answer = service.http.post("task", json=body).json()
        milliseconds.append((time.perf_counter() - began) * 1000)
        assert answer["data"]["created_count"] == COUNT, answer
    print(f"\nPOST /task, {COUNT} serials: {_all(milliseconds)}")
    assert statistics.median(milliseconds) <= TARGET_MS


def test_a_thousand_tasks_in_process(start_machine: StartMachine, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes(movie())
    machine = start_machine(farm=farms.phones(COUNT))
    service = TaskService(
        machine.store,
        farm=lambda: machine.farm,
        scripts=Scripts(folders()),
        settings=machine.settings,
        dispatcher=machine.dispatcher,
        artifacts=machine.artifacts,
        materials=machine.materials,
    )
    request = CreateTasks(
        SERIALS, [], "post", {"captions": "{Hi|Hello}", "material_list": [str(video)]}, start_time="00:00"
    )
    milliseconds = []
    for _ in range(5):
        began = time.perf_counter()
        assert len(service.create(request).task_ids) == COUNT
        milliseconds.append((time.perf_counter() - began) * 1000)
    print(f"\nTaskService.create, {COUNT} serials: {_all(milliseconds)}")


def _all(milliseconds: list[float]) -> str:
    return ", ".join(f"{value:.0f} ms" for value in milliseconds)
