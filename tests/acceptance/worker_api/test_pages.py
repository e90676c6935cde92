"""Paging: each task once, by page and by cursor, also while their states change in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.worker_tasks import Worker, WorkerService

Walk = Callable[[Worker, Callable[[list[str]], None]], list[str]]


def by_page(worker: Worker, between: Callable[[list[str]], None]) -> list[str]:
    seen: list[str] = []
    for number in (1, 2, 3):
        page = worker.tasks(limit=50, page=number)
        assert page["page"] == number
        seen += [task["id"] for task in page["data"]]
        between(seen)
    return seen


def by_cursor(worker: Worker, between: Callable[[list[str]], None]) -> list[str]:
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(3):
        page = worker.tasks(limit=50, **cursor)
        seen += [task["id"] for task in page["data"]]
        cursor = {"after": page["next_cursor"], "page": 7}  # the cursor wins
        between(seen)
    assert cursor["after"] is None
    return seen


@pytest.fixture(params=[by_page, by_cursor])
def walk(request: pytest.FixtureRequest) -> Walk:
    walk: Walk = request.param
    return walk


def test_three_pages_hold_each_task_once(walk: Walk, worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    ids = worker_service.give(worker, 150)

    assert walk(worker, lambda _: None) == ids


def test_also_while_the_same_server_starts_and_ends_tasks_in_between(
    walk: Walk, worker_service: WorkerService
) -> None:
    worker = worker_service.worker()
    ids = worker_service.give(worker, 150)

    def begin_some(seen: list[str]) -> None:
        for task_id in seen[-50::3]:
            worker.says(task_id, "running")
        worker.says(seen[-50], "completed")

    assert walk(worker, begin_some) == ids


def test_also_while_another_server_works_on_its_own(walk: Walk, worker_service: WorkerService) -> None:
    worker, other = worker_service.worker(), worker_service.worker()
    ids: list[str] = []
    theirs: list[str] = []
    for _ in range(3):
        ids += worker_service.give(worker, 50)
        theirs += worker_service.give(other, 10)

    def they_work(_: list[str]) -> None:
        other.says(theirs.pop(), "running", "completed")

    assert walk(worker, they_work) == ids


def test_a_later_walk_by_page_starts_afresh(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    ids = worker_service.give(worker, 150)
    assert by_page(worker, lambda _: None) == ids
    for task_id in ids[:20]:
        worker.says(task_id, "running")

    first, second = (worker.tasks(limit=50, page=number)["data"] for number in (1, 2))

    assert [task["id"] for task in first] == ids[20:70]
    assert [task["id"] for task in second] == ids[70:120]


def test_a_page_nobody_led_up_to_is_counted(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    ids = worker_service.give(worker, 30)

    assert worker.ids(page=2) == []
    page = worker.tasks(limit=10, page=3)
    assert [task["id"] for task in page["data"]] == ids[20:]
    assert (page["total"], page["next_cursor"]) == (30, None)


def test_filters_by_status_and_service_type(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    entities = worker_service.give(worker, 3)
    request_id = worker_service.request(
        *[{"site_name": "tiktok.com", "server": worker.name}] * 2, service_type="social"
    )
    social = [task["id"] for task in worker.tasks(service_type="social")["data"]]
    worker.says(entities[0], "running")
    worker.says(entities[1], "running", "completed")
    worker.says(social[0], "canceled")

    def found(**query: Any) -> tuple[list[str], int]:
        page = worker.tasks(**query)
        return [task["id"] for task in page["data"]], page["total"]

    assert worker.ids(service_type="social") == [social[1]]
    assert found() == ([entities[2], social[1]], 2)
    assert found(service_type="podcast") == ([], 0)
    assert found(status="running, completed") == (entities[:2], 2)
    assert found(status="canceled", service_type="social") == ([social[0]], 1)
    assert found(status="", service_type="", after="") == found()
    assert {task["request_id"] for task in worker.tasks(service_type="social")["data"]} == {request_id}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"limit": 1001}, "limit must be 1000 or less"),
        ({"limit": 0}, "limit must be 1 or more"),
        ({"page": 0}, "page must be 1 or more"),
        ({"page": "first"}, "page must be a whole number"),
        ({"status": "pending,done"}, '"done" is not one of pending, queued, running'),
        ({"service_type": "socal"}, '"socal" is not one of entity, social'),
        ({"after": "no-such-task"}, "not the id of one of your tasks"),
    ],
)
def test_what_can_not_be_asked(query: dict[str, Any], reason: str, worker_service: WorkerService) -> None:
    answer = worker_service.worker().http.get("tasks", params=query)

    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert reason in answer.json()["message"]


def test_a_foreign_cursor_is_refused(worker_service: WorkerService) -> None:
    worker, other = worker_service.worker(), worker_service.worker()
    [theirs] = worker_service.give(other)

    answer: httpx.Response = worker.http.get("tasks", params={"after": theirs})

    assert answer.status_code == 400
    assert "not the id of one of your tasks" in answer.json()["message"]
