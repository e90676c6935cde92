"""Runs on virtual phones: the phone's own record is compared with what the rows say."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.execution.active import ActiveRuns
from runner.farm.model import Device
from runner.phones.status import PhoneState
from runner.tasks.types import Outcome, Status
from support.machine import Machine, StartMachine
from support.phone_room import OpenRoom, Room

MachineIn = Callable[..., Machine]


@pytest.fixture
def machine_in(start_machine: StartMachine) -> MachineIn:
    def start(room: Room, **settings: Any) -> Machine:
        return start_machine(farm=room.farm, phones=room.phones, **settings)

    return start


def create(machine: Machine, *do: str, serial: str = "p0") -> int:
    (task_id,) = machine.create(*do, serials=[serial], script="act_on_phone")
    return task_id


def test_publishing_touches_the_phone_once(room: Room, machine_in: MachineIn) -> None:
    machine = machine_in(room)
    task = machine.ended(create(machine, "step:publish", "publish", "look"))
    assert task.outcome is Outcome.PUBLISHED, task.remark
    assert room.notes().taps == [(540, 300)]
    assert "com.example.notes" in machine.done(task.id)[-2]


def test_a_failed_step_keeps_the_screen_it_failed_on(
    room: Room, machine_in: MachineIn, tmp_path: Path
) -> None:
    machine = machine_in(room)
    task = machine.ended(create(machine, "step:caption/1: é", "raise:ControlMissing"))
    hierarchy, screenshot = machine.detail(task.id).artifacts
    assert (hierarchy.kind, hierarchy.media_type) == ("hierarchy", "application/xml")
    assert (screenshot.kind, screenshot.media_type) == ("screenshot", "image/jpeg")
    files = [machine.artifacts.folder / artifact.path for artifact in (hierarchy, screenshot)]
    assert b"com.example.notes" in files[0].read_bytes()
    assert [file.stat().st_size for file in files] == [hierarchy.size, screenshot.size]
    assert all(file.is_relative_to(tmp_path / "artifacts" / str(task.id)) for file in files)
    machine.service.delete([task.id])
    assert not any(file.exists() for file in files)
    assert not files[0].parent.exists()


def test_a_stopped_run_keeps_no_screen(room: Room, machine_in: MachineIn) -> None:
    machine = machine_in(room)
    task_id = create(machine, "step:caption", "wait:60")
    machine.reaches(task_id, "1 step caption")
    machine.service.stop(task_id)
    assert machine.detail(task_id).artifacts == []


def test_a_task_says_what_it_waits_for_and_starts_when_its_phone_comes(
    room: Room, machine_in: MachineIn
) -> None:
    machine = machine_in(room)
    room.virtual.fault("unplug")
    room.wait(PhoneState.ABSENT)
    task_id = create(machine, "publish")
    machine.when(task_id, lambda task: "phone p0 is absent" in task.remark, "says that it waits")
    assert machine.task(task_id).status is Status.PENDING
    assert not machine.dispatcher.running()
    room.virtual.fault("replug")
    task = machine.ended(task_id, seconds=30)
    assert (task.outcome, task.attempt) == (Outcome.PUBLISHED, 1)


def test_the_queue_of_a_phone_that_went_away_waits_for_it(room: Room, machine_in: MachineIn) -> None:
    machine = machine_in(room)
    first = create(machine, "step:prepare", "wait:1")
    second = create(machine, "look", "publish")
    machine.reaches(first, "1 step prepare")
    room.virtual.fault("unplug")
    assert machine.ended(first).outcome is Outcome.DONE  # it did not touch the phone any more
    waiting = machine.when(second, lambda task: "phone p0 is" in task.remark, "says that it waits")
    assert waiting.status is Status.PENDING
    room.virtual.fault("replug")
    assert machine.ended(second, seconds=30).outcome is Outcome.PUBLISHED


def test_a_phone_that_does_not_come_fails_its_tasks_by_name(
    open_room: OpenRoom, machine_in: MachineIn
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        absent = Device("nowhere", 9, address=f"127.0.0.1:{nobody.getsockname()[1]}")
        room = open_room(extra=[absent])
        machine = machine_in(room, phone_wait_minutes=0)
        lost = create(machine, "publish", serial="nowhere")
        fine = create(machine, "publish")
        task = machine.ended(lost)
        assert (task.status, task.outcome) == (Status.FAILED, Outcome.MISSED)
        assert "Not started within 0 min: phone nowhere is absent." in task.remark
        assert machine.ended(fine).outcome is Outcome.PUBLISHED


def test_a_turn_for_which_the_phone_can_not_be_had_is_given_back(room: Room, machine_in: MachineIn) -> None:
    """The phone vanished between the look at its state and the session."""
    machine = machine_in(room)
    machine.dispatcher.close(1)
    room.virtual.fault("unplug")
    room.wait(PhoneState.ABSENT)
    task_id = create(machine, "publish")
    stale = ActiveRuns(machine.executor)
    active = stale.begin(lambda: machine.executor.claim("p0", phone_ready=True))
    assert active
    assert not stale.execute(active)
    task = machine.task(task_id)
    assert (task.status, task.attempt, task.retry_count) == (Status.PENDING, 1, 0)
    assert "The phone is absent" in task.remark


def test_a_phone_taken_from_the_farm_is_told(room: Room, machine_in: MachineIn) -> None:
    machine = machine_in(room)
    room.virtual.fault("unplug")
    room.wait(PhoneState.ABSENT)
    task_id = create(machine, "publish")
    room.phones.reload(type(room.farm)(room.farm.time_zone))
    machine.dispatcher.wake(["p0"])
    machine.when(task_id, lambda task: "p0 is unknown" in task.remark, "says that its phone is unknown")
