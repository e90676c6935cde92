"""Every answer has the envelope, whatever went wrong; and the setting that makes every answer 200."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import httpx
import pytest

from support.stage import ABSENT, Stage, StageService, StartBare, refusal


@pytest.mark.parametrize("path", ["nope", "task/1/nope", "task/", "tasks"])
def test_an_unknown_path(stage: Stage, path: str) -> None:
    assert path in stage.service.refused("GET", path, 40401)


def test_an_unknown_path_outside_the_api(stage: Stage) -> None:
    refusal(httpx.get(f"{stage.service.url}/nope"), 40401)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "task"), ("PATCH", "task/1"), ("POST", "task/stats"), ("GET", "task/retry-all")],
)
def test_a_method_that_the_path_does_not_take(stage: Stage, method: str, path: str) -> None:
    answer = stage.service.http.request(method, path)
    if path == "task/retry-all":  # GET /task/{task_id} takes it, and it is no number
        refusal(answer, 40001)
    else:
        refusal(answer, 40401, status=405)
        assert answer.headers["Allow"]


def break_database(service: StageService) -> None:
    service.sql("ALTER TABLE tasks RENAME TO secret_table")


def test_an_internal_error_says_nothing_but_where_to_look(start_bare: StartBare) -> None:
    service = start_bare()
    break_database(service)
    answer = service.http.get("task", headers={"X-Request-ID": "look-here"})
    message = refusal(answer, 50001)
    assert "look-here" in message
    assert "table" not in answer.text
    assert "sql" not in answer.text.lower()
    lines = [json.loads(line) for line in service.log.splitlines()]
    about = [line for line in lines if line.get("request_id") == "look-here" and line["level"] == "error"]
    assert about
    assert re.search("no such table|does not exist", json.dumps(about))


Call = Callable[[httpx.Client], httpx.Response]
CALLS: list[tuple[str, Call, int]] = [
    ("success", lambda http: http.get("task"), 0),
    ("invalid", lambda http: http.get("task?status=9"), 40001),
    (
        "malformed",
        lambda http: http.post("task", content=b"{", headers={"Content-Type": "application/json"}),
        40001,
    ),
    (
        "script missing",
        lambda http: http.post("task", json={"serials": [ABSENT], "script_config": {}}),
        40002,
    ),
    (
        "script unknown",
        lambda http: http.post("task", json={"serials": [ABSENT], "script_config": {}, "script_name": "x"}),
        40003,
    ),
    ("not found", lambda http: http.get("task/77"), 40401),
    ("no such path", lambda http: http.get("nope"), 40401),
    ("no such method", lambda http: http.put("task"), 40401),
    (
        "cross-site",
        lambda http: http.post("task/retry-all", headers={"Origin": "http://evil.example"}),
        40302,
    ),
    ("too large", lambda http: http.post("task", content=b" " * 3_000_000), 40001),
]


def test_with_the_setting_every_answer_is_200(start_bare: StartBare) -> None:
    service = start_bare(api={"error_status": "envelope"})
    for name, call, code in CALLS:
        answer = call(service.http)
        assert (name, answer.status_code, answer.json()["code"]) == (name, 200, code)
    break_database(service)
    answer = service.http.get("task/stats")
    assert (answer.status_code, answer.json()["code"]) == (200, 50001)


def test_the_openapi_document_names_every_call(stage: Stage) -> None:
    document = httpx.get(f"{stage.service.url}/openapi.json").json()
    calls = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert calls >= {
        ("POST", "/task"),
        ("GET", "/task"),
        ("GET", "/task/{task_id}"),
        ("DELETE", "/task/{task_id}"),
        ("DELETE", "/task/batch"),
        ("POST", "/task/{task_id}/stop"),
        ("POST", "/task/{task_id}/retry"),
        ("POST", "/task/retry-all"),
        ("GET", "/task/stats"),
        ("GET", "/license/check"),
        ("GET", "/accounts"),
        ("GET", "/devices"),
        ("GET", "/events"),
    }
    shown = document["components"]["schemas"]["NewTasks"]["examples"][0]
    assert shown["script_config"]["captions"] == "¡Mira mi nuevo video! #viral #trending"
    assert httpx.get(f"{stage.service.url}/docs").status_code == 200
