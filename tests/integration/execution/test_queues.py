"""Which task runs when: order on one phone, phones side by side, shut-down and recovery."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runner.errors import InvalidRequest
from runner.tasks.types import Outcome, Status, TaskFilter
from support import farms
from support.machine import Machine, StartMachine
from support.waiting import wait_for


def one_at_a_time(machine: Machine) -> bool:
    """Whether no phone ever had a run inside another, from what the runs wrote in order."""
    serial_of = {task.id: task.serial for task in machine.service.list(TaskFilter(page_size=1000)).tasks}
    open_on: dict[str, str] = {}
    for line in machine.log_file.read_text(encoding="utf-8").splitlines():
        task_id, _, what = line.partition(" ")
        serial = serial_of[int(task_id)]
        if what.endswith("begin"):
            if serial in open_on:
                return False
            open_on[serial] = task_id
        elif what.endswith("end") and open_on.pop(serial) != task_id:
            return False
    return not open_on


def test_a_phones_tasks_run_in_order_one_at_a_time(machine: Machine) -> None:
    ids = [machine.create("wait:0.01")[0] for _ in range(10)]
    machine.ended(ids[-1])
    assert [int(line.split()[0]) for line in machine.log_file.read_text().splitlines()] == [
        task_id for task_id in ids for _ in ("begin", "end")
    ]


def test_a_hundred_phones_with_three_tasks_each_lose_and_double_nothing(start_machine: StartMachine) -> None:
    farm = farms.phones(100, accounts=3)
    machine = start_machine(farm=farm)
    ids = machine.create(
        "step:prepare",
        "publish",
        serials=[device.serial for device in farm.devices],
        enable_multi_account=True,
    )
    assert len(ids) == 300
    wait_for(lambda: machine.service.stats().completed == 300, seconds=60, what="300 tasks")
    assert one_at_a_time(machine)
    assert all(machine.done(task_id).count("1 published") == 1 for task_id in ids)
    wait_for(lambda: not machine.dispatcher.running(), what="idle")


def test_threads_end_with_their_queue(machine: Machine) -> None:
    machine.create("wait:0.05", serials=["phone1", "phone2"])
    wait_for(
        lambda: {"phone phone1", "phone phone2"} <= {thread.name for thread in threading.enumerate()},
        what="a thread per phone",
    )
    wait_for(
        lambda: not any(thread.name.startswith("phone phone") for thread in threading.enumerate()),
        what="the end of the threads",
    )


def test_a_broken_task_does_not_stop_the_other_phones(machine: Machine) -> None:
    broken = machine.create("raise:KeyError", serials=["phone1"])
    fine = machine.create("publish", serials=["phone2"])
    assert machine.ended(broken[0]).outcome is Outcome.FAILED
    assert machine.ended(fine[0]).outcome is Outcome.PUBLISHED


def test_a_request_that_can_not_work_creates_nothing(machine: Machine) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        machine.create("publish", serials=["phone1", "phone2"], config={"refuse": "phone2"})
    assert refusal.value.field == "refuse"
    with pytest.raises(InvalidRequest, match="phone9"):
        machine.create("publish", serials=["phone1", "phone9"])
    assert machine.service.stats().total == 0


def test_the_same_key_creates_once_even_when_the_request_would_fail_now(machine: Machine) -> None:
    from runner.tasks.types import CreateTasks

    request = CreateTasks(["phone1"], [], "act", {"log": str(machine.log_file)})
    first = machine.service.create(request, idempotency_key="abc")
    machine.farm = farms.phones(0)
    again = machine.service.create(request, idempotency_key="abc")
    assert (again.task_ids, again.replayed, first.replayed) == (first.task_ids, True, False)
    with pytest.raises(InvalidRequest) as refusal:
        machine.service.create(CreateTasks(["phone2"], [], "act", {}), idempotency_key="abc")
    assert refusal.value.field == "Idempotency-Key"
    for wrong in ("", "x" * 256, "ключ", "a\nb"):
        with pytest.raises(InvalidRequest, match="Idempotency-Key"):
            machine.service.create(request, idempotency_key=wrong)


# Shut-down


def test_shut_down_gives_unpublished_runs_back_and_lets_published_ones_end(
    start_machine: StartMachine, tmp_path: Path
) -> None:
    machine = start_machine()
    (before,) = machine.create("step:caption", "wait@1:60", "publish", serials=["phone1"])
    (behind,) = machine.create("publish", "step:proof", "wait:1", serials=["phone2"])
    machine.reaches(before, "1 step caption")
    machine.reaches(behind, "1 step proof")
    machine.close()

    machine = start_machine(tmp_path)
    assert machine.ended(behind).outcome is Outcome.PUBLISHED
    assert machine.ended(before).outcome is Outcome.PUBLISHED
    assert machine.done(before)[-3:] == ["2 step caption", "2 published", "2 end"]
    assert [change.change for change in machine.store.changes(before)] == [
        "start",
        "hand-back",
        "start",
        "complete",
    ]


def test_shut_down_does_not_wait_for_evidence_for_ever(start_machine: StartMachine, tmp_path: Path) -> None:
    machine = start_machine()
    (task_id,) = machine.create("publish", "step:proof", "wait:60")
    machine.reaches(task_id, "1 step proof")
    machine.close(timeout=2.5)
    task = start_machine(tmp_path).task(task_id)
    assert task.outcome is Outcome.UNKNOWN
    assert "the runner was shut down" in task.remark


# kill -9

KILLED = """
import sys
import threading
from pathlib import Path
from support.machine import Machine

folder, *do = sys.argv[1:]
machine = Machine(Path(folder), retry_delay_seconds=[0, 0], auto_retry=1)
machine.start()
machine.create(*do)
threading.Event().wait()
"""

STEPS = ["step:prepare", "step:caption", "step:publish", "publish", "step:proof"]


def kill_at(folder: Path, position: int) -> Machine:
    """A machine in a process of its own whose run stands after so many actions, killed there."""
    log = folder / "log.txt"
    do = [*STEPS[:position], "wait@1:60", *STEPS[position:]]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), *do],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    reached = ["begin", "step prepare", "step caption", "step publish", "published", "step proof"][position]
    wait_for(lambda: log.exists() and f"1 1 {reached}\n" in log.read_text(), seconds=30, what=reached)
    process.kill()
    process.wait()
    return Machine(folder, retry_delay_seconds=[0, 0], auto_retry=1)


@pytest.mark.parametrize("position", range(6))
def test_a_killed_run_is_repeated_before_the_tap_and_never_after_it(tmp_path: Path, position: int) -> None:
    machine = kill_at(tmp_path, position)
    assert machine.task(1).status is Status.RUNNING
    try:
        machine.start()
        task = machine.ended(1)
        published = [line for line in machine.done(1) if line.endswith("published")]
        if position < 4:
            assert (task.outcome, published) == (Outcome.PUBLISHED, ["2 published"])
            assert task.retry_count == 1
        else:
            assert (task.outcome, published) == (Outcome.UNKNOWN, ["1 published"])
            assert "The runner was stopped during step" in task.remark
        assert all(step.ended_at for step in machine.detail(1).steps)
    finally:
        machine.close()


def test_without_automatic_retry_a_killed_run_is_failed_and_can_be_retried(tmp_path: Path) -> None:
    machine = kill_at(tmp_path, 2)
    with machine.store._database.write() as connection:
        connection.exec_driver_sql("UPDATE tasks SET retry_limit = 0")
    try:
        machine.start()
        task = machine.task(1)
        assert (task.status, task.outcome) == (Status.FAILED, Outcome.FAILED)
        assert "during step 'caption'; nothing was published" in task.remark
        assert [change.change for change in machine.store.changes(1)] == ["start", "recover"]
        machine.service.retry(1)
        assert machine.ended(1).outcome is Outcome.PUBLISHED
    finally:
        machine.close()


def test_pending_tasks_are_taken_up_again(start_machine: StartMachine, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (task_id,) = machine.create("publish")  # nothing is started that could run it
    machine.close()
    assert start_machine(tmp_path).ended(task_id).outcome is Outcome.PUBLISHED
