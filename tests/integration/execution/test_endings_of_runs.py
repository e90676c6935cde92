"""How runs end, seen from the service, against what the script itself wrote down."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from runner.errors import InvalidRequest, NotFound
from runner.tasks.types import Outcome, Status
from support.machine import Machine, StartMachine

STEPS = ("step:prepare", "step:caption", "publish", "step:proof")


def changes(machine: Machine, task_id: int) -> list[str]:
    return [change.change for change in machine.store.changes(task_id)]


def test_a_run_that_publishes_is_published_with_evidence_and_journal(machine: Machine) -> None:
    task = machine.run("step:prepare", "note:popup", "step:publish", "publish", "step:proof")
    assert (task.status, task.outcome, task.remark) == (Status.COMPLETED, Outcome.PUBLISHED, "done")
    assert task.post_url == "https://example.invalid/p/1"
    assert machine.done(task.id) == [
        "1 begin",
        "1 step prepare",
        "1 step publish",
        "1 published",
        "1 step proof",
        "1 end",
    ]
    steps = machine.detail(task.id).steps
    assert [(step.name, step.number, step.outcome) for step in steps] == [
        ("prepare", 1, "ok"),
        ("publish", 3, "ok"),
        ("proof", 4, "ok"),
    ]
    (note,) = steps[0].notes
    assert (note["message"], note["colour"]) == ("popup", "red")
    assert all(step.started_at <= (step.ended_at or step.started_at) for step in steps)
    assert (task.step, task.step_number, task.step_count) == ("proof", 4, 4)
    assert task.fenced_at
    assert changes(machine, task.id) == ["start", "complete"]


def test_a_run_that_publishes_nothing_is_done(machine: Machine) -> None:
    assert machine.run("step:prepare").outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("TransportLost", "as asked"),
        ("StepFailed", "as asked"),
        ("KeyError", "KeyError: 'as asked' (act.py:"),
        ("SystemExit", "SystemExit: as asked"),
        ("MemoryError", "MemoryError"),
    ],
)
def test_before_the_fence_any_error_is_a_failure_naming_the_step(
    machine: Machine, error: str, said: str
) -> None:
    task = machine.run("step:prepare", "step:caption", f"raise:{error}")
    assert (task.status, task.outcome, task.fenced_at) == (Status.FAILED, Outcome.FAILED, None)
    assert task.remark.startswith("step 'caption': ")
    assert said in task.remark
    assert [step.outcome for step in machine.detail(task.id).steps] == ["ok", "failed"]
    assert machine.run("step:prepare").outcome is Outcome.DONE  # its phone goes on


def test_an_error_outside_of_a_step_says_so(machine: Machine) -> None:
    assert machine.run("raise:StepFailed").remark.startswith("before the first step: ")


def test_after_the_fence_an_error_is_unknown_and_stays_so(start_machine: StartMachine) -> None:
    machine = start_machine(auto_retry=3, retry_delay_seconds=[0, 0])
    task = machine.run(*STEPS, "raise:TransportLost")
    assert (task.status, task.outcome) == (Status.FAILED, Outcome.UNKNOWN)
    assert task.remark.startswith("step 'proof': as asked")
    assert "look at @phone1_1 on phone1" in task.remark or "look at the account on phone1" in task.remark
    assert task.retry_count == 0
    assert machine.service.retry_all() == (0, 1, 0)
    with pytest.raises(InvalidRequest) as refusal:
        machine.service.retry(task.id)
    assert refusal.value.field == "force"
    assert machine.done(task.id).count("1 published") == 1


def test_a_forced_retry_looks_first_and_counts_as_published_when_it_finds_the_post(machine: Machine) -> None:
    task = machine.run("publish", "raise@1:TransportLost")
    assert machine.service.retry(task.id, force=True).force
    again = machine.ended(task.id)
    assert again.force
    assert (again.outcome, again.attempt, again.retry_count) == (Outcome.PUBLISHED, 2, 1)


def test_the_apps_refusal_after_the_tap_is_refused_and_not_repeated(start_machine: StartMachine) -> None:
    machine = start_machine(auto_retry=3, retry_delay_seconds=[0, 0])
    task = machine.run(*STEPS, "raise:AppRefused")
    assert (task.outcome, task.retry_count) == (Outcome.REFUSED, 0)


def test_publishing_twice_in_one_run_is_a_mistake_of_the_script(machine: Machine) -> None:
    task = machine.run("publish", "publish")
    assert task.outcome is Outcome.UNKNOWN
    assert machine.done(task.id).count("1 published") == 1


def test_a_failure_is_retried_by_itself_after_a_while(start_machine: StartMachine) -> None:
    machine = start_machine(auto_retry=2, retry_delay_seconds=[1, 2])
    (task_id,) = machine.create("step:caption", "raise@1:TransportLost", "raise@2:StepFailed", "publish")
    waiting = machine.when(task_id, lambda task: task.retry_count == 1, "waits for its retry")
    assert waiting.status is Status.PENDING
    assert "Automatic retry 1 of 2 in" in waiting.remark
    assert "step 'caption': as asked" in waiting.remark
    assert timedelta(0) < waiting.due_at - datetime.now(UTC) <= timedelta(seconds=2)
    task = machine.ended(task_id)
    assert (task.outcome, task.attempt, task.retry_count) == (Outcome.PUBLISHED, 3, 2)
    assert changes(machine, task_id) == ["start", "auto-retry", "start", "auto-retry", "start", "complete"]


def test_automatic_retries_end_and_leave_the_last_cause(start_machine: StartMachine) -> None:
    machine = start_machine(auto_retry=1, retry_delay_seconds=[0, 0])
    task = machine.run("step:caption", "raise:StepFailed")
    assert (task.outcome, task.attempt, task.retry_count) == (Outcome.FAILED, 2, 1)
    assert task.remark == "step 'caption': as asked"
    machine.service.retry(task.id)
    again = machine.ended(task.id)
    assert (again.attempt, again.retry_count) == (4, 3)  # by hand, then by itself once more


@pytest.mark.parametrize("hopeless", ["WrongAccount", "AccountUnusable", "MediaUnusable", "InvalidRequest"])
def test_what_a_person_must_mend_is_not_retried(start_machine: StartMachine, hopeless: str) -> None:
    machine = start_machine(auto_retry=3, retry_delay_seconds=[0, 0])
    assert machine.run(f"raise:{hopeless}").attempt == 1


# Stop


def test_a_running_task_is_stopped_within_two_seconds(machine: Machine) -> None:
    (task_id,) = machine.create("step:caption", "wait:60")
    machine.reaches(task_id, "1 step caption")
    began = time.monotonic()
    task = machine.service.stop(task_id)
    assert time.monotonic() - began < 2
    assert (task.status, task.outcome, task.remark) == (Status.FAILED, Outcome.STOPPED, "stopped")
    assert [step.outcome for step in machine.detail(task_id).steps] == ["stopped"]
    assert "1 end" not in machine.done(task_id)
    with pytest.raises(InvalidRequest, match="ended already"):
        machine.service.stop(task_id)


def test_a_stopped_task_is_not_retried_by_itself(start_machine: StartMachine) -> None:
    machine = start_machine(auto_retry=3, retry_delay_seconds=[0, 0])
    (task_id,) = machine.create("step:caption", "wait:60")
    machine.reaches(task_id, "1 step caption")
    assert machine.service.stop(task_id).status is Status.FAILED
    assert machine.task(task_id).attempt == 1


def test_stopped_after_the_tap_the_outcome_is_unknown(machine: Machine) -> None:
    (task_id,) = machine.create(*STEPS, "wait:60")
    machine.reaches(task_id, "1 step proof")
    task = machine.service.stop(task_id)
    assert task.outcome is Outcome.UNKNOWN
    assert task.remark.startswith("step 'proof': stopped. It may have been published")


def test_a_pending_task_is_withdrawn(machine: Machine) -> None:
    (task_id,) = machine.create("publish", start_time="00:00")
    task = machine.service.stop(task_id)
    assert (task.status, task.outcome, task.remark) == (Status.FAILED, Outcome.STOPPED, "stopped")
    assert machine.done(task_id) == []


def test_stopping_while_tasks_begin_never_leaves_one_running(machine: Machine) -> None:
    for _ in range(20):
        (task_id,) = machine.create("wait:60")
        assert machine.service.stop(task_id).outcome is Outcome.STOPPED


def test_what_does_not_exist_is_not_found(machine: Machine) -> None:
    for ask in (machine.service.get, machine.service.stop, machine.service.retry):
        with pytest.raises(NotFound):
            ask(999)


def test_only_a_failed_task_is_retried(machine: Machine) -> None:
    task = machine.run("step:prepare")
    with pytest.raises(InvalidRequest, match="is completed"):
        machine.service.retry(task.id)


def test_deleting_stops_what_runs_and_takes_what_waits(machine: Machine) -> None:
    running, waiting = machine.create("wait:60"), machine.create("publish")
    machine.reaches(running[0], "1 begin")
    assert machine.service.delete([999, waiting[0], running[0], running[0]]) == (
        [waiting[0], running[0]],
        [999],
    )
    assert machine.service.stats().total == 0
    assert machine.run("step:prepare").outcome is Outcome.DONE
    assert machine.done(waiting[0]) == []


# Time limit


def test_a_run_that_takes_too_long_is_ended_with_a_reason(machine: Machine) -> None:
    began = time.monotonic()
    task = machine.run("step:caption", "wait:60", config={"seconds": 0.3})
    assert time.monotonic() - began < 3
    assert (task.outcome, task.remark) == (
        Outcome.FAILED,
        "step 'caption': not done within the time limit of 0.3 s.",
    )


def test_a_run_that_takes_too_long_after_the_tap_is_unknown(machine: Machine) -> None:
    task = machine.run(*STEPS, "wait:60", config={"seconds": 0.3})
    assert task.outcome is Outcome.UNKNOWN
    assert "time limit" in task.remark
