"""Campaigns: created by the administrator, shared out over the servers that are there and have room."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from support.waiting import wait_for
from support.worker_tasks import StartWorkerService, Worker, WorkerService

TASK = {"site_name": "tiktok.com", "username": "someone"}


def silence(worker: Worker) -> None:
    """It says nothing more."""
    worker.http.close()


def test_tasks_are_spread_evenly_over_the_servers_that_are_online(
    start_worker_service: StartWorkerService,
) -> None:
    service = start_worker_service()
    workers = [service.worker() for _ in range(3)]

    service.request(*[TASK] * 100)

    assert sorted(worker.tasks()["total"] for worker in workers) == [33, 33, 34]


def test_a_server_gets_no_more_than_it_has_room_for_and_more_when_it_has_done_some(
    start_worker_service: StartWorkerService,
) -> None:
    service = start_worker_service()
    small = service.worker(max_tasks=10)
    request_id = service.request(*[TASK] * 25)
    first = small.ids()
    assert len(first) == 10

    for task_id in first[:4]:
        small.says(task_id, "running", "completed")

    wait_for(lambda: small.tasks()["total"] == 10, what="more tasks")
    assert service.request_counts(request_id) == {"pending": 21, "completed": 4}
    large = service.worker()
    wait_for(lambda: large.tasks()["total"] == 11, what="the rest, by the new server")


def test_a_named_server_gets_its_tasks_and_an_unknown_name_creates_nothing(
    worker_service: WorkerService,
) -> None:
    worker = worker_service.worker()
    before = worker_service.http.get("worker/requests").json()["total"]

    refused = worker_service.http.post(
        "worker/requests", json={"request_name": "A", "tasks": [TASK, {**TASK, "server": "nobody"}]}
    )

    assert refused.status_code == 400
    assert "nobody" in refused.json()["message"]
    assert worker_service.http.get("worker/requests").json()["total"] == before
    assert len(worker_service.give(worker, 2)) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "request_name is missing"),
        ({"request_name": "A", "tasks": []}, "tasks"),
        ({"request_name": "A", "tasks": [{}]}, "tasks[0].site_name is missing"),
        ({"request_name": "A", "tasks": [{**TASK, "max_retries": -1}]}, "max_retries must be 0 or more"),
        ({"request_name": "A", "tasks": [{**TASK, "confg": {}}]}, "tasks[0].confg is not a known key"),
        ({"request_name": "A", "tasks": [{**TASK, "config": "{}"}]}, "config must be"),
        ({"request_name": "A", "service_type": "x", "tasks": [TASK]}, "service_type must be"),
        ({"request_name": "A", "tasks": 3}, "tasks must be a list"),
    ],
)
def test_a_request_that_is_not_valid(
    body: dict[str, object], reason: str, worker_service: WorkerService
) -> None:
    answer = worker_service.http.post("worker/requests", json=body)

    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert reason in answer.json()["message"]


def test_a_request_is_created_and_listed_with_its_counts(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    tasks = [{**TASK, "server": worker.name}] * 5
    body = {
        "request_name": "Campaign B",
        "request_website": "https://target.com",
        "type_request": "normal",
        "service_type": "social",
        "tasks": tasks,
    }

    created = worker_service.http.post("worker/requests", json=body)

    assert created.status_code == 201
    answer = created.json()
    request_id = answer["data"]["request_id"]
    assert answer == {"success": True, "data": {"request_id": request_id, "created": 5}}
    first, second, third, *_ = worker.ids()
    worker.says(first, "running")
    worker.says(second, "running", "completed")
    worker.says(third, "running", "failed")
    listed = worker_service.http.get("worker/requests", params={"limit": 1}).json()
    assert (listed["success"], listed["page"], listed["limit"]) == (True, 1, 1)
    [newest] = listed["data"]
    newest.pop("created_at")
    assert newest == {
        "request_id": request_id,
        "request_name": "Campaign B",
        "request_website": "https://target.com",
        "type_request": "normal",
        "service_type": "social",
        "total": 5,
        "counts": {"pending": 2, "queued": 0, "running": 1, "completed": 1, "failed": 1, "canceled": 0},
    }


def test_canceling_a_request_ends_what_has_not_ended_and_retries_nothing(
    start_worker_service: StartWorkerService,
) -> None:
    service = start_worker_service(worker_api={"retry_delay_seconds": 3})
    worker = service.worker()
    request_id = service.request(*[TASK] * 4)
    running, completed, failed, _ = worker.ids()
    worker.says(running, "running")
    worker.says(completed, "running", "completed")
    worker.says(failed, "running", "failed")

    answer = service.http.post(f"worker/requests/{request_id}/cancel")

    assert answer.json() == {"success": True, "data": {"canceled": 2}}
    assert service.request_counts(request_id) == {"canceled": 2, "completed": 1, "failed": 1}
    assert worker.put(running, status="completed").status_code == 400
    service.tick(after=4)
    assert worker.task(failed)["status"] == "failed"
    assert service.http.post("worker/requests/nothing/cancel").status_code == 404


def test_a_silent_server_loses_what_it_has_not_begun_and_keeps_what_runs(
    start_worker_service: StartWorkerService,
) -> None:
    service = start_worker_service(worker_api={"silent_seconds": 8})
    lost, stays = service.worker(), service.worker()
    assert [lost.ids(), stays.ids()] == [[], []]  # both are heard of
    request_id = service.request(*[TASK] * 10)
    [named] = service.give(lost)
    running = lost.ids()[0]
    lost.says(running, "running")
    assert Counter(worker.tasks()["total"] for worker in (lost, stays)) == {5: 2}
    silence(lost)

    wait_for(lambda: stays.tasks()["total"] == 9, seconds=40, what="the silent server's tasks")

    assert service.request_counts(request_id) == {"pending": 9, "running": 1}
    servers = {one["name"]: one for one in service.http.get("worker/servers").json()["data"]}
    assert (servers[lost.name]["online"], servers[stays.name]["online"]) == (False, True)
    assert servers[lost.name]["counts"]["running"] == 1
    back = service.as_worker({"server_id": lost.id, "name": lost.name, "key": lost.key})
    assert back.ids() == [named]
    back.says(running, "completed")
    wait_for(lambda: "a worker server is silent" in service.log, what="the warning")
    assert f'"server": "{lost.name}", "running_tasks": 1' in service.log


def test_a_task_waits_for_a_server_and_is_there_at_its_first_call(
    start_worker_service: StartWorkerService,
) -> None:
    service = start_worker_service(worker_api={"silent_seconds": 1})
    worker = service.worker()
    threading.Event().wait(1.2)
    request_id = service.request(*[TASK] * 3)
    assert service.request_counts(request_id) == {"pending": 3}

    assert worker.tasks()["total"] == 3


def test_an_unknown_call_is_answered_in_this_apis_shape(worker_service: WorkerService) -> None:
    for method, path in (
        ("GET", "nothing"),
        ("DELETE", "tasks"),
        ("PATCH", "tasks/1"),
        ("POST", "servers"),
    ):
        answer = worker_service.http.request(method, f"worker/{path}")
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.json().keys() == {"success", "message"}
