"""When tasks start, with the real APScheduler and the real time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from runner.clock.clock import SWEEP_SECONDS
from runner.tasks import model
from runner.tasks.types import NewTask, Outcome, Source, Status
from support.machine import Machine, StartMachine

SECOND = timedelta(seconds=1)


def due_at(machine: Machine, instant: datetime, serial: str = "phone1") -> int:
    """A task whose start time is this instant."""
    planned = [NewTask(serial, "", "", "", instant, instant)]
    config = {"do": ["publish"], "log": str(machine.log_file)}
    created = machine.store.create(
        planned, script_name="act", script_config=config, source=Source.API, retry_limit=0, now=instant
    )
    return created.task_ids[0]


def was_last_up(machine: Machine, instant: datetime) -> None:
    """As if the runner had last said so then."""
    machine.store.beat("local", instant)


def test_a_task_starts_at_its_instant_and_not_before(machine: Machine) -> None:
    instant = datetime.now(UTC) + 1.5 * SECOND
    task_id = due_at(machine, instant)
    task = machine.ended(task_id)
    assert task.outcome is Outcome.PUBLISHED
    assert task.started_at
    assert timedelta(0) <= task.started_at - instant < SECOND


def test_tasks_of_the_past_and_future_are_taken_up_at_start(
    start_machine: StartMachine, tmp_path: Path
) -> None:
    machine = Machine(tmp_path)
    was_last_up(machine, datetime.now(UTC) - 60 * SECOND)
    late = due_at(machine, datetime.now(UTC) - 30 * SECOND)
    soon = due_at(machine, datetime.now(UTC) + 1.5 * SECOND, "phone2")
    tomorrow = due_at(machine, datetime.now(UTC) + timedelta(days=1), "phone3")
    machine.close()
    machine = start_machine(tmp_path)
    assert machine.ended(late).outcome is Outcome.PUBLISHED
    assert machine.ended(soon).outcome is Outcome.PUBLISHED
    assert machine.task(tomorrow).status is Status.PENDING


def test_what_became_late_while_the_runner_was_off_is_missed_with_a_reason(
    start_machine: StartMachine, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    machine = Machine(tmp_path)
    was_last_up(machine, now - timedelta(hours=3))
    missed = due_at(machine, now - timedelta(hours=2))
    within = due_at(machine, now - timedelta(minutes=5), "phone2")
    machine.close()
    machine = start_machine(tmp_path, start_grace_minutes=10)
    task = machine.ended(missed)
    assert (task.status, task.outcome, task.attempt) == (Status.FAILED, Outcome.MISSED, 0)
    assert "the runner was off for 3:00:0" in task.remark
    assert "grace of 0:10:00" in task.remark
    assert machine.ended(within).outcome is Outcome.PUBLISHED
    machine.service.retry(missed)
    assert machine.ended(missed).outcome is Outcome.PUBLISHED


def test_a_task_that_only_waited_in_its_phones_queue_is_not_missed(
    start_machine: StartMachine, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    machine = Machine(tmp_path)
    was_last_up(machine, now - timedelta(minutes=2))  # restarted at once
    queued = due_at(machine, now - timedelta(hours=5))
    machine.close()
    machine = start_machine(tmp_path, start_grace_minutes=10)
    assert machine.ended(queued).outcome is Outcome.PUBLISHED


def test_a_computer_that_slept_counts_as_off(machine: Machine) -> None:
    """The process lived on, but its beats stopped; that is noticed before anything is started."""
    now = datetime.now(UTC)
    machine.misfires._seen = now - timedelta(hours=8)
    was_last_up(machine, now - timedelta(hours=8))
    with machine.store._database.write() as connection:  # no wake-up knows of it yet
        connection.execute(model.tasks.insert().values(_row(machine, now - timedelta(hours=4))))
    fresh = machine.run("publish")
    assert fresh.outcome is Outcome.PUBLISHED
    assert machine.task(fresh.id - 1).outcome is Outcome.MISSED


def test_the_sweep_finds_what_nobody_was_woken_for(start_machine: StartMachine, tmp_path: Path) -> None:
    assert SWEEP_SECONDS <= 30
    machine = start_machine()
    task_id = due_at(machine, datetime.now(UTC) + timedelta(hours=1))
    with machine.store._database.write() as connection:
        connection.execute(
            update(model.tasks).where(model.tasks.c.id == task_id).values(due_at=datetime.now(UTC))
        )
    machine.clock._wake()  # what the sweep runs
    assert machine.ended(task_id).outcome is Outcome.PUBLISHED


def test_housekeeping_runs_again_and_again(machine: Machine) -> None:
    from support.waiting import wait_for

    turns: list[int] = []
    machine.clock.every(0.05, lambda: turns.append(1))
    wait_for(lambda: len(turns) >= 3, what="three turns")


def _row(machine: Machine, due: datetime) -> dict[str, object]:
    return {
        "batch": "b",
        "serial": "phone1",
        "username": "",
        "app": "",
        "package": "",
        "script_name": "act",
        "script_config": {"log": str(machine.log_file)},
        "status": Status.PENDING,
        "source": "api",
        "due_at": due,
        "created_at": due,
    }
