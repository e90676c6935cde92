"""Stop, retry and delete."""

from __future__ import annotations

import time

import pytest

from support.stage import Stage, StartBare


def test_a_pending_task_is_withdrawn(stage: Stage) -> None:
    task_id = stage.service.later()
    task = stage.service.call("POST", f"task/{task_id}/stop")
    assert (task["id"], task["status"], task["outcome"], task["remark"]) == (task_id, 3, "stopped", "stopped")


def test_a_running_task_is_stopped_within_two_seconds(stage: Stage) -> None:
    task_id = stage.service.act("step:prepare", "wait:60")
    stage.service.until(task_id, "running")
    began = time.monotonic()
    task = stage.service.call("POST", f"task/{task_id}/stop")
    assert time.monotonic() - began < 2
    assert (task["status"], task["outcome"], task["remark"]) == (3, "stopped", "stopped")
    assert stage.service.task(task_id)["steps"][0]["outcome"] == "stopped"


def test_an_ended_task_can_not_be_stopped(stage: Stage) -> None:
    for task_id in (stage.service.act(), stage.service.act("raise:StepFailed")):
        stage.service.ended(task_id)
        assert str(task_id) in stage.service.refused("POST", f"task/{task_id}/stop", 40001)


def test_a_failed_task_goes_back_to_pending(stage: Stage) -> None:
    task_id = stage.service.act("raise@1:StepFailed")
    [failed] = stage.service.ended(task_id)
    assert (failed["status_text"], failed["retry_count"]) == ("failed", 0)
    task = stage.service.call("POST", f"task/{task_id}/retry")
    assert (task["id"], task["status"], task["retry_count"], task["remark"]) == (task_id, 0, 1, "")
    [again] = stage.service.ended(task_id)
    assert (again["status_text"], again["retry_count"], again["attempt"]) == ("completed", 1, 2)


def test_only_a_failed_task_can_be_retried(stage: Stage) -> None:
    pending, completed, running = stage.service.later(), stage.service.act(), stage.service.act("wait:60")
    stage.service.ended(completed)
    stage.service.until(running, "running")
    for task_id in (pending, completed, running):
        assert "failed" in stage.service.refused("POST", f"task/{task_id}/retry", 40001)
    stage.service.call("POST", f"task/{running}/stop")


@pytest.mark.parametrize("way", ["query", "body"])
def test_an_unknown_outcome_is_retried_by_force_only(stage: Stage, way: str) -> None:
    task_id = stage.service.act("publish", "raise@1:ControlMissing")
    [task] = stage.service.ended(task_id)
    assert (task["status_text"], task["outcome"]) == ("failed", "unknown")
    for options in ({}, {"json": {"force": False}}, {"json": {}}):
        assert "force" in stage.service.refused("POST", f"task/{task_id}/retry", 40001, **options)
    if way == "query":
        stage.service.call("POST", f"task/{task_id}/retry?force=true")
    else:
        stage.service.call("POST", f"task/{task_id}/retry", json={"force": True})
    [again] = stage.service.ended(task_id)
    assert (again["status_text"], again["retry_count"]) == ("completed", 1)


@pytest.mark.parametrize(
    "options", [{"params": {"force": "maybe"}}, {"json": {"force": "yes"}}, {"json": []}]
)
def test_a_wrong_force_is_refused(stage: Stage, options: dict[str, object]) -> None:
    task_id = stage.service.act("raise:StepFailed")
    stage.service.ended(task_id)
    stage.service.refused("POST", f"task/{task_id}/retry", 40001, **options)


def test_retry_all_takes_the_failed_ones_but_no_unknown_outcome(start_bare: StartBare) -> None:
    service = start_bare()
    failed = [service.act("raise@1:StepFailed") for _ in range(3)]
    stopped = service.later()
    service.call("POST", f"task/{stopped}/stop")
    unknown, completed = service.act("publish", "raise@1:ControlMissing"), service.act()
    service.ended(*failed, unknown, completed)
    left = {"unknown_outcome_count": 1, "unusable_account_count": 0}
    assert service.call("POST", "task/retry-all") == {"retried_count": 4, **left}
    assert [task["status_text"] for task in service.ended(*failed, stopped)] == ["completed"] * 4
    assert service.task(unknown)["outcome"] == "unknown"
    assert service.call("POST", "task/retry-all") == {"retried_count": 0, **left}


def test_delete_removes_a_task(stage: Stage) -> None:
    task_id = stage.service.later()
    answer = stage.service.call("DELETE", f"task/{task_id}")
    assert answer == {"deleted": [task_id], "not_found": [], "deleted_count": 1}
    stage.service.refused("GET", f"task/{task_id}", 40401)
    stage.service.refused("DELETE", f"task/{task_id}", 40401)


def test_delete_stops_a_running_task_first(stage: Stage) -> None:
    task_id = stage.service.act("wait:60")
    stage.service.until(task_id, "running")
    stage.service.call("DELETE", f"task/{task_id}")
    stage.service.refused("GET", f"task/{task_id}", 40401)
    log = stage.service.folder / "act.log"
    assert f"{task_id} 1 end" not in log.read_text(encoding="utf-8").splitlines()


def test_delete_batch_says_which_it_deleted_and_which_do_not_exist(stage: Stage) -> None:
    running, pending = stage.service.act("wait:60"), stage.service.later()
    stage.service.until(running, "running")
    asked = [pending, 999_999, running, pending, 2**40]
    answer = stage.service.http.request("DELETE", "task/batch", json={"task_ids": asked}).json()["data"]
    assert answer == {"deleted": [pending, running], "not_found": [999_999, 2**40], "deleted_count": 2}
    for task_id in (running, pending):
        stage.service.refused("GET", f"task/{task_id}", 40401)


@pytest.mark.parametrize(
    "body", [{}, {"task_ids": []}, {"task_ids": ["1"]}, {"task_ids": 1}, {"ids": [1]}], ids=str
)
def test_a_wrong_batch_is_refused(stage: Stage, body: dict[str, object]) -> None:
    assert "task_ids" in stage.service.refused("DELETE", "task/batch", 40001, json=body)


def test_a_batch_without_a_body_is_refused(stage: Stage) -> None:
    stage.service.refused("DELETE", "task/batch", 40001)
