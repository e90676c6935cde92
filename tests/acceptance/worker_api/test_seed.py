"""Every request and response example of the public documentation, over HTTP, compared field by field."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from support import worker_seed as seed
from support.worker_tasks import Worker, WorkerService

UTC_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def as_administrator_writes_it(example: dict[str, Any], server: str) -> dict[str, Any]:
    """The example task as one of a request."""
    fields = ("site_name", "username", "email", "password", "about", "auction_price", "max_retries")
    return {
        **{name: example[name] for name in fields},
        "config": json.loads(example["config"]),
        "server": server,
    }


def example_tasks(service: WorkerService, worker: Worker, count: int) -> str:
    [example] = seed.TASKS["data"]
    return service.request(
        *[as_administrator_writes_it(example, worker.name)] * count,
        request_name=example["request_name"],
        request_website=example["request_website"],
        type_request=example["type_request"],
        service_type=example["service_type"],
    )


def test_a_page_of_tasks_is_the_examples(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    request_id = example_tasks(worker_service, worker, 150)

    page = worker.tasks(limit=50)

    assert list(page) == list(seed.TASKS)
    assert (page["server_id"], page["server_name"]) == (worker.id, worker.name)
    assert (page["total"], page["page"], page["limit"]) == (150, 1, 50)
    assert len(page["data"]) == 50
    assert page["next_cursor"] == page["data"][-1]["id"]
    [example] = seed.TASKS["data"]
    for task in page["data"]:
        assert list(task) == list(example)
        expected = {name: value for name, value in example.items() if name not in seed.OF_THE_TASK}
        assert {name: task[name] for name in expected} == expected
        assert {name: type(task[name]) for name in expected} == {
            name: type(value) for name, value in expected.items()
        }
        assert task["request_id"] == request_id
        assert UTC_SECONDS.fullmatch(task["created_at"])
        assert str(uuid.UUID(task["id"])) == task["id"]
        assert str(uuid.UUID(task["site_id"])) == task["site_id"]
    assert len({task["id"] for task in page["data"]}) == 50


def test_an_update_is_the_examples(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    example_tasks(worker_service, worker, 1)
    [task_id] = worker.ids()
    worker.says(task_id, "running")
    running = worker.task(task_id)

    answer = worker.http.put(f"tasks/{task_id}", json=seed.UPDATE)

    assert answer.status_code == 200
    assert answer.json() == {**seed.UPDATED, "data": {**seed.UPDATED["data"], "link_id": task_id}}
    assert running["status"] == "running"
    assert UTC_SECONDS.fullmatch(running["started_at"])
    done = worker.task(task_id)
    assert done == {
        **running,
        "status": "completed",
        "link_profile": seed.UPDATE["link_profile"],
        "link_post": seed.UPDATE["link_post"],
        "password": "",
    }


def test_a_bulk_is_the_examples(worker_service: WorkerService) -> None:
    worker, other = worker_service.worker(), worker_service.worker()
    [mine] = worker_service.give(worker)
    [not_mine] = worker_service.give(other)
    worker.says(mine, "running")
    named = {"uuid-1": mine, "uuid-2": not_mine}
    request = [{**item, "link_id": named[item["link_id"]]} for item in seed.BULK["items"]]

    answer = worker.http.put("tasks/bulk", json={"items": request})

    assert answer.status_code == 200
    results = [{**item, "link_id": named[item["link_id"]]} for item in seed.BULK_RESULTS["results"]]
    assert answer.json() == {**seed.BULK_RESULTS, "results": results}
    done = worker.task(mine)
    assert (done["status"], done["link_profile"], done["link_post"]) == (
        "completed",
        "https://example.com/profile/1",
        "https://example.com/post/1",
    )
    assert other.task(not_mine)["status"] == "pending"


def test_the_documented_errors(worker_service: WorkerService) -> None:
    worker, other = worker_service.worker(), worker_service.worker()
    [not_mine] = worker_service.give(other)

    refused = worker.put(not_mine, status="running")
    missing = worker.put("no-such-task", status="running")

    assert (refused.status_code, missing.status_code) == (403, 404)
    for answer in (refused, missing):
        assert answer.json().keys() == {"success", "message"}
        assert answer.json()["success"] is False
        assert answer.json()["message"]


def test_the_documented_flow(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    succeeds, fails = worker_service.give(worker, 2, max_retries=0)

    worker.says(succeeds, "running", "completed")
    worker.says(fails, "running")
    failed = worker.put(fails, status="failed", error_message="Site blocked")

    assert failed.status_code == 200
    assert worker.task(succeeds)["status"] == "completed"
    assert (worker.task(fails)["status"], worker.task(fails)["details"]) == ("failed", "Site blocked")
    assert worker.ids() == []
