"""What a worker may say of a task, one by one, in bulk, and by the callback."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.waiting import wait_for
from support.worker_tasks import StartWorkerService, Worker, WorkerService

UNDONE = [
    ([], "completed"),
    ([], "failed"),
    (["running", "completed"], "failed"),
    (["running", "completed"], "canceled"),
    (["running", "failed"], "completed"),
    (["running", "failed"], "canceled"),
    (["canceled"], "running"),
    (["canceled"], "completed"),
]


@pytest.mark.parametrize(("said", "then"), UNDONE)
def test_a_change_that_the_flow_does_not_have(
    said: list[str], then: str, worker_service: WorkerService
) -> None:
    worker = worker_service.worker()
    [task_id] = worker_service.give(worker, max_retries=0)
    worker.says(task_id, *said)
    before = worker.task(task_id)

    answer = worker.put(task_id, status=then, note="too late")
    results = worker.bulk({"link_id": task_id, "status": then})

    assert answer.status_code == 400
    assert "invalid_transition" in answer.json()["message"]
    assert results["results"] == [{"link_id": task_id, "success": False, "error": "invalid_transition"}]
    assert worker.task(task_id) == before


@pytest.mark.parametrize("said", [["running"], ["running", "completed"], ["running", "failed"], ["canceled"]])
def test_the_same_thing_twice_is_no_error_and_changes_no_time(
    said: list[str], worker_service: WorkerService
) -> None:
    worker = worker_service.worker()
    [task_id] = worker_service.give(worker)
    worker.says(task_id, *said)
    before = worker.task(task_id)

    worker.says(task_id, said[-1])

    assert worker.task(task_id) == before


def test_fields_without_a_status_can_follow_later(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    [task_id] = worker_service.give(worker)
    worker.says(task_id, "running", "completed")

    answer = worker.put(task_id, is_indexed=True, link_post="https://example.com/post/9")

    assert answer.status_code == 200
    assert worker.task(task_id)["link_post"] == "https://example.com/post/9"
    assert worker.task(task_id)["status"] == "completed"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"status": "pending"}', "status must be 'running', 'completed', 'failed' or 'canceled'"),
        ('{"status": "don"}', "status must be"),
        ('{"status": 1}', "status must be"),
        ('{"link_post": 1}', "link_post must be text"),
        ('{"note": "nul \\u0000"}', "NUL"),
        ('{"note": "half \\ud800"}', "note"),
        ('{"is_indexed": "perhaps"}', "is_indexed must be true or false"),
        ("{}", "names no field"),
        ('{"status": null, "other": 1}', "names no field"),
        ("[]", "must be a JSON object"),
        ("{", "not valid JSON"),
        ("", "must be a JSON object"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
def test_what_can_not_be_said(content: str | bytes, reason: str, worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    [task_id] = worker_service.give(worker)

    answer = worker.http.put(
        f"tasks/{task_id}", content=content, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 400, answer.text
    assert answer.json()["success"] is False
    assert reason in answer.json()["message"]
    assert worker.task(task_id)["status"] == "pending"


def test_one_bad_item_stops_no_other(worker_service: WorkerService) -> None:
    worker, other = worker_service.worker(), worker_service.worker()
    first, second = worker_service.give(worker, 2)
    [theirs] = worker_service.give(other)
    items: list[Any] = [
        {"link_id": theirs, "status": "running"},
        {"link_id": first, "status": "running"},
        {"link_id": "no-such-task", "status": "running"},
        {"link_id": second, "status": "finished"},
        {"link_id": second, "status": "completed"},
        {"link_id": first, "status": "completed", "link_post": "https://example.com/1"},
        {"link_id": second},
        {"link_id": second, "note": 5},
        {"link_id": 17, "status": "running"},
        {"status": "running"},
        {"link_id": "half \ud800", "status": "running"},
        "not an object",
    ]

    answer = worker.bulk(*items)

    assert answer == {
        "total": 12,
        "success": 2,
        "failed": 10,
        "results": [
            {"link_id": theirs, "success": False, "error": "not_your_task"},
            {"link_id": first, "success": True},
            {"link_id": "no-such-task", "success": False, "error": "not_found"},
            {"link_id": second, "success": False, "error": "invalid_status"},
            {"link_id": second, "success": False, "error": "invalid_transition"},
            {"link_id": first, "success": True},
            {"link_id": second, "success": False, "error": "invalid_status"},
            {"link_id": second, "success": False, "error": "invalid_status"},
            {"link_id": 17, "success": False, "error": "not_found"},
            {"link_id": None, "success": False, "error": "not_found"},
            {"link_id": "half ?", "success": False, "error": "not_found"},
            {"link_id": None, "success": False, "error": "not_found"},
        ],
    }
    assert worker.task(first)["status"] == "completed"
    assert worker.task(second)["status"] == "pending"


def test_more_than_500_items_are_refused_as_a_whole(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    ids = worker_service.give(worker, 501)
    items = [{"link_id": task_id, "status": "running"} for task_id in ids]

    refused = worker.http.put("tasks/bulk", json={"items": items})

    assert refused.status_code == 400
    assert "at most 500" in refused.json()["message"]
    assert worker.tasks()["total"] == 501
    assert worker.bulk(*items[:500])["success"] == 500
    assert worker.ids() == ids[500:]


def test_two_calls_can_not_both_win(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    ids = worker_service.give(worker, 20)
    worker.bulk(*({"link_id": task_id, "status": "running"} for task_id in ids))

    def end(status: str) -> list[bool]:
        return [worker.put(task_id, status=status).status_code == 200 for task_id in ids]

    with ThreadPoolExecutor(3) as pool:
        wins = list(pool.map(end, ["completed", "failed", "canceled"]))

    assert [sum(won) for won in zip(*wins, strict=True)] == [1] * len(ids)


def test_the_callback_completes_a_task_that_did_not_say_it_ran(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    [task_id] = worker_service.give(worker)
    body = {
        "link_id": task_id,
        "link_profile": "https://example.com/me",
        "link_post": "https://example.com/1",
    }

    answers = [worker.http.post("callback/link/complete", json=body) for _ in range(2)]

    assert [answer.json() for answer in answers] == [{"success": True, "data": {"completed": True}}] * 2
    done = worker.task(task_id)
    assert (done["status"], done["link_profile"], done["link_post"]) == (
        "completed",
        "https://example.com/me",
        "https://example.com/1",
    )
    assert done["started_at"]


def test_the_callback_is_refused_like_an_update(worker_service: WorkerService) -> None:
    worker, other = worker_service.worker(), worker_service.worker()
    [mine] = worker_service.give(worker)
    [theirs] = worker_service.give(other)
    worker.says(mine, "canceled")

    def status(task_id: str) -> int:
        return worker.http.post("callback/link/complete", json={"link_id": task_id}).status_code

    assert [status(mine), status(theirs), status("no-such-task")] == [400, 403, 404]


def test_a_heartbeat_is_answered_with_the_time(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    health = {
        "server_name": "my host",
        "ip": "1.2.3.4",
        "cpu_usage": 45.5,
        "ram_usage": 60.2,
        "disk_usage": 30.0,
        "active_threads": 5,
        "active_tasks": 12,
    }

    answer = worker.http.post("health", json=health).json()

    assert answer["success"] is True
    assert answer["data"].pop("server_time").endswith("Z")
    assert answer["data"] == {"status": "ok", "server_id": worker.id, "server_name": worker.name}
    servers = worker_service.http.get("worker/servers").json()["data"]
    [shown] = [one for one in servers if one["name"] == worker.name]
    assert (shown["health"], shown["online"]) == (health, True)


def test_a_failed_task_is_pending_again_until_its_retries_are_used(
    start_worker_service: StartWorkerService,
) -> None:
    service = start_worker_service(worker_api={"retry_delay_seconds": 0})
    worker = service.worker()
    [task_id] = service.give(worker, max_retries=2)

    for retries in (0, 1, 2):
        task = when_pending(worker, task_id)
        assert (task["retry_count"], task["started_at"]) == (retries, None)
        worker.says(task_id, "running", "failed")

    service.tick()
    task = worker.task(task_id)
    assert (task["status"], task["retry_count"]) == ("failed", 2)


def when_pending(worker: Worker, task_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        task = worker.task(task_id)
        return task if task["status"] == "pending" else None

    return wait_for(look, what="the retry") or {}
