"""What a foreign upstream may answer, and what this runner makes of it. Over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.worker_api.flow import ServiceType
from runner.worker_api.upstream.client import Refused, UpstreamAway, UpstreamClient, UpstreamTask
from support.http_server import listening

Answer = Callable[[Request], Response]


class Foreign:
    """Answers each call with what the test put there; keeps the calls."""

    def __init__(self) -> None:
        self.answer: Answer = lambda request: Response(status_code=500)
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []

    async def __call__(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.calls.append((request.method, request.scope["path"], query, await request.body()))
        return self.answer(request)


@pytest.fixture
def foreign() -> Foreign:
    return Foreign()


@pytest.fixture
def client(foreign: Foreign) -> Iterator[UpstreamClient]:
    app = Starlette(routes=[Route("/{rest:path}", foreign.__call__, methods=["GET", "PUT", "POST"])])
    with listening(app) as url:
        client = UpstreamClient(f"{url}/api/v1", "the-key")
        yield client
        client.close()


def says(body: Any, status: int = 200) -> Answer:
    return lambda request: Response(json.dumps(body), status, media_type="application/json")


def walk(client: UpstreamClient) -> list[UpstreamTask]:
    return [task for page in client.waiting(ServiceType.SOCIAL) for task in page]


def test_the_walk_asks_as_documented_until_there_is_no_cursor(
    client: UpstreamClient, foreign: Foreign
) -> None:
    def page(request: Request) -> Response:
        assert request.headers["x-api-key"] == "the-key"
        number = int(request.query_params.get("after", "0")) + 1
        cursor = str(number) if number < 3 else None
        return says({"data": [{"id": str(number)}], "next_cursor": cursor})(request)

    foreign.answer = page

    assert [task.id for task in walk(client)] == ["1", "2", "3"]
    assert [(method, path) for method, path, _, _ in foreign.calls] == [("GET", "/api/v1/worker/tasks")] * 3
    first, second, _ = (query for _, _, query, _ in foreign.calls)
    assert first == {"status": "pending,queued", "service_type": "social", "limit": "1000"}
    assert second == {**first, "after": "1"}


def test_a_task_that_can_not_be_read_is_left_out_and_the_rest_is_read(
    client: UpstreamClient, foreign: Foreign
) -> None:
    items = [
        {"id": "good", "retry_count": 2, "config": None, "username": None, "unheard": [1]},
        {"id": ""},
        {"id": None},
        {"username": "no id"},
        {"id": "bad count", "retry_count": "many"},
        "not even an object",
        {"id": 17},
    ]
    foreign.answer = says({"data": items, "next_cursor": None})

    good, numbered = walk(client)

    assert (good.id, good.retry_count, good.config, good.username) == ("good", 2, {}, "")
    assert numbered.id == "17"


@pytest.mark.parametrize(
    "answer",
    [
        says({"success": True}),
        says([1, 2]),
        says({"data": {}}),
        says({"message": "gone"}, 500),
        says({"message": "slow down"}, 429),
        says({"success": False, "message": "no"}, 401),
        says({}, 403),
        says({}, 302),
        lambda request: Response("<html>", 200, media_type="text/html"),
    ],
)
def test_an_answer_that_is_none_means_away(answer: Answer, client: UpstreamClient, foreign: Foreign) -> None:
    foreign.answer = answer

    with pytest.raises(UpstreamAway):
        walk(client)


def test_cursors_in_a_circle_end(client: UpstreamClient, foreign: Foreign) -> None:
    foreign.answer = says({"data": [], "next_cursor": "again"})

    with pytest.raises(UpstreamAway, match="circle"):
        walk(client)


def test_a_foreign_cursor_that_is_refused_is_said(client: UpstreamClient, foreign: Foreign) -> None:
    foreign.answer = says({"message": "bad cursor"}, 400)

    with pytest.raises(Refused, match="HTTP 400: bad cursor"):
        walk(client)


def test_nobody_there_means_away() -> None:
    client = UpstreamClient("http://127.0.0.1:1/api/v1", "the-key")
    with pytest.raises(UpstreamAway, match="ConnectError"):
        walk(client)
    client.close()


def test_a_bulk_is_sent_and_read_as_documented(client: UpstreamClient, foreign: Foreign) -> None:
    results = [
        {"link_id": "1", "success": True},
        {"link_id": "2", "success": False, "error": "not_your_task"},
        {"link_id": "3", "success": False},
    ]
    foreign.answer = says({"total": 3, "success": 1, "failed": 2, "results": results})
    items = [{"link_id": str(number), "status": "running"} for number in (1, 2, 3)]

    errors = client.report_all(items)

    assert errors == [None, "not_your_task", "refused without a reason"]
    [(method, path, _, body)] = foreign.calls
    assert (method, path, json.loads(body)) == ("PUT", "/api/v1/worker/tasks/bulk", {"items": items})


def test_results_inside_an_envelope_are_found(client: UpstreamClient, foreign: Foreign) -> None:
    foreign.answer = says({"success": True, "data": {"results": [{"link_id": "1", "success": True}]}})

    assert client.report_all([{"link_id": "1", "status": "running"}]) == [None]


@pytest.mark.parametrize("body", [{}, {"results": []}, {"results": "many"}, {"data": {"results": None}}])
def test_results_that_fit_nothing_mean_away(
    body: dict[str, Any], client: UpstreamClient, foreign: Foreign
) -> None:
    foreign.answer = says(body)

    with pytest.raises(UpstreamAway, match="not one result per item"):
        client.report_all([{"link_id": "1", "status": "running"}])


def test_one_report_is_sent_to_its_task_whatever_its_id(client: UpstreamClient, foreign: Foreign) -> None:
    foreign.answer = says({"success": True, "data": {"updated": True, "link_id": "x"}})

    client.report("a/b?c", {"status": "running"})

    [(method, path, query, body)] = foreign.calls
    assert (method, path, query) == ("PUT", "/api/v1/worker/tasks/a/b?c", {})
    assert json.loads(body) == {"status": "running"}


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_a_refusal_of_one_report_is_about_this_report(
    status: int, client: UpstreamClient, foreign: Foreign
) -> None:
    foreign.answer = says({"message": "no"}, status)

    with pytest.raises(Refused, match=f"HTTP {status}: no"):
        client.report("1", {"status": "running"})
