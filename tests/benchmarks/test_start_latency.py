"""From the request to the script's first line; and 300 tasks that are due at once on 100 phones."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner.tasks.types import CreateTasks, NewTask, Source, TaskFilter
from support import farms
from support.machine import Machine, StartMachine
from support.phone_room import OpenRoom
from support.waiting import wait_for

TARGET_MS = 20


def test_created_to_first_line_without_phone(start_machine: StartMachine, tmp_path: Path) -> None:
    median = _median(start_machine(), "stamp", "phone1", tmp_path, rounds=200)
    assert median <= TARGET_MS


def test_created_to_first_line_on_an_idle_virtual_phone(
    open_room: OpenRoom, start_machine: StartMachine, tmp_path: Path
) -> None:
    room = open_room()
    machine = start_machine(farm=room.farm, phones=room.phones)
    _median(machine, "stamp_on_phone", "p0", tmp_path, rounds=1)  # its UI server is started once
    median = _median(machine, "stamp_on_phone", "p0", tmp_path, rounds=100)
    assert median <= TARGET_MS


def test_300_tasks_due_at_once_on_100_phones(start_machine: StartMachine) -> None:
    machine = start_machine(farm=farms.phones(100))
    due = datetime.now(UTC) + timedelta(seconds=3)
    machine.store.create(
        [NewTask(device.serial, "", "", "", due, due) for device in machine.farm.devices for _ in range(3)],
        script_name="act",
        script_config={"do": ["step:prepare", "wait:0.5", "publish"], "log": str(machine.log_file)},
        source=Source.API,
        retry_limit=0,
        now=datetime.now(UTC),
    )
    wait_for(lambda: machine.service.stats().completed == 300, seconds=60, what="300 tasks")
    free: dict[str, datetime] = {}
    delays = []
    tasks = machine.service.list(TaskFilter(page_size=300)).tasks
    for task in sorted(tasks, key=lambda task: task.started_at or due):
        assert task.started_at
        assert task.ended_at
        delays.append((task.started_at - free.get(task.serial, due)).total_seconds())
        free[task.serial] = task.ended_at
    print(
        f"\n300 tasks due at once on 100 phones: started {statistics.median(delays) * 1000:.0f} ms (median), "
        f"{max(delays) * 1000:.0f} ms (longest) after their phone was free"
    )
    assert max(delays) <= 2


def _median(machine: Machine, script: str, serial: str, folder: Path, *, rounds: int) -> float:
    delays = []
    for number in range(rounds):
        stamp = folder / f"stamp{number}"
        stamp.unlink(missing_ok=True)
        began = time.perf_counter()
        created = machine.service.create(CreateTasks([serial], [], script, {"file": str(stamp)}))
        machine.ended(created.task_ids[0])
        delays.append((float(stamp.read_text()) - began) * 1000)
    longest = sorted(delays)[-1 - len(delays) // 20]
    print(f"\n{script}: created → first line {statistics.median(delays):.1f} ms median, {longest:.1f} ms p95")
    return statistics.median(delays)
