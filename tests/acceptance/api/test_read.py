"""GET /task, /task/{id}, /task/stats and what a task left behind."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from support.stage import ABSENT, ZONE, Stage, StartBare, refusal


def ids(page: dict[str, Any]) -> list[int]:
    return [task["id"] for task in page["tasks"]]


def test_pages_hold_every_task_once_newest_first(start_bare: StartBare) -> None:
    service = start_bare()
    made = [service.later() for _ in range(25)]
    pages = [service.call("GET", "task", params={"page": number}) for number in (1, 2, 3)]
    assert [(page["page"], page["page_size"], page["total"]) for page in pages] == [
        (1, 20, 25),
        (2, 20, 25),
        (3, 20, 25),
    ]
    assert [task_id for page in pages for task_id in ids(page)] == sorted(made, reverse=True)
    assert len(ids(service.call("GET", "task", params={"page_size": 7}))) == 7
    assert service.call("GET", "task", params={"page_size": 100, "page": 2**31 - 1})["tasks"] == []


def test_each_filter_keeps_what_it_names(start_bare: StartBare) -> None:
    service = start_bare()
    pending, done, failed = service.later(), service.act(), service.act("raise:StepFailed")
    service.ended(done, failed)
    body = {"usernames": ["someone"], "script_name": "act", "script_config": {"log": "never"}}
    due = {"start_time": f"{datetime.now(ZONE) + timedelta(hours=5):%H:%M}"}
    [ui] = service.call("POST", "task", json=body | due, headers={"X-Task-Source": "ui"})["task_ids"]
    running = service.act("wait:60")
    service.until(running, "running")

    def found(**criteria: Any) -> list[int]:
        page = service.call("GET", "task", params=criteria)
        assert page["total"] == len(page["tasks"])
        return ids(page)

    assert found() == [running, ui, failed, done, pending]
    assert found(status=0) == [ui, pending]
    assert found(status=1) == [running]
    assert found(status=2) == [done]
    assert found(status=3) == [failed]
    assert found(serial=ABSENT, status=2) == [done]
    assert found(serial="other") == []
    assert found(script_name="act", source="ui") == [ui]
    assert found(script_name="post") == []
    assert found(source="api", status=0) == [pending]
    assert found(source="worker") == []
    stats = service.call("GET", "task/stats")
    assert stats == {"total": 5, "pending": 2, "running": 1, "completed": 1, "failed": 1}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("status=4", ["status", "4"]),
        ("status=-1", ["status", "-1"]),
        ("status=done", ["status", "done"]),
        ("source=me", ["source", "me"]),
        ("page=0", ["page", "0"]),
        ("page=x", ["page", "x"]),
        ("page_size=0", ["page_size", "0"]),
        ("page_size=101", ["page_size", "100", "101"]),
        ("page=99999999999999999999", ["page"]),
    ],
)
def test_a_wrong_query_is_refused_by_name(stage: Stage, query: str, named: list[str]) -> None:
    message = stage.service.refused("GET", f"task?{query}", 40001)
    for name in named:
        assert name in message


@pytest.mark.parametrize("task_id", ["999999", "0", "-1", "99999999999999999999"])
def test_a_task_that_does_not_exist(stage: Stage, task_id: str) -> None:
    service = stage.service
    assert task_id in service.refused("GET", f"task/{task_id}", 40401)
    service.refused("DELETE", f"task/{task_id}", 40401)
    service.refused("POST", f"task/{task_id}/stop", 40401)
    service.refused("POST", f"task/{task_id}/retry", 40401)
    service.refused("GET", f"task/{task_id}/artifacts/1", 40401)


def test_an_id_that_is_no_number(stage: Stage) -> None:
    assert "task_id" in stage.service.refused("GET", "task/abc", 40001)


def test_the_journal_tells_each_step(stage: Stage) -> None:
    task_id = stage.service.act("step:prepare", "note:popup closed", "step:caption", "raise:StepFailed")
    [task] = stage.service.ended(task_id)
    assert (task["status"], task["status_text"], task["outcome"]) == (3, "failed", "failed")
    assert "caption" in task["remark"]
    assert "as asked" in task["remark"]
    assert task["progress"] == {"step": "caption", "number": 2, "count": 4}
    assert [(step["name"], step["outcome"], step["attempt"]) for step in task["steps"]] == [
        ("prepare", "ok", 1),
        ("caption", "failed", 1),
    ]
    assert task["steps"][0]["notes"][0]["message"] == "popup closed"
    assert task["steps"][0]["started_at"] <= task["steps"][0]["ended_at"] <= task["steps"][1]["ended_at"]
    assert task["started_at"].endswith("+07:00")
    assert task["start_time"] == task["started_at"][:19].replace("T", " ")
    assert task["end_time"] >= task["start_time"]


def test_a_failed_post_keeps_the_screen_it_failed_on(stage: Stage) -> None:
    """Ground truth: what the phone itself shows, and what the database says it kept."""
    stage.phones.fault("upload_fails", serial=stage.second)
    config = {"material_list": [str(stage.video())], "captions": "no luck", "upload_wait_time": 5}
    [task_id] = stage.service.create(serials=[stage.second], script_name="post", script_config=config)
    [task] = stage.service.ended(task_id, seconds=90)
    assert task["status_text"] == "failed", task
    kinds = Counter(artifact["kind"] for artifact in task["artifacts"])
    assert kinds == {"screenshot": 1, "hierarchy": 1}
    listed = next(one for one in stage.service.tasks(serial=stage.second) if one["id"] == task_id)
    assert listed["artifacts"] == task["artifacts"]
    for artifact in task["artifacts"]:
        answer = stage.service.http.get(f"{stage.service.url}{artifact['url']}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(artifact["media_type"])
        assert len(answer.content) == artifact["size"]
        if artifact["kind"] == "hierarchy":
            assert b"<hierarchy" in answer.content
            assert "attachment" in answer.headers["Content-Disposition"]
        else:
            assert answer.content[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0")
    other = stage.service.act()
    link = f"task/{other}/artifacts/{task['artifacts'][0]['id']}"
    assert "artifact" in stage.service.refused("GET", link, 40401)


def test_an_artifact_outside_its_folder_is_not_given(start_bare: StartBare) -> None:
    """Even when the database were tampered with, or its file removed by hand."""
    service = start_bare()
    task_id = service.later()
    for path in ("../runner.db", "1/gone.png"):
        service.sql(
            "INSERT INTO artifacts (task_id, attempt, step, kind, path, media_type, size, created_at)"
            " VALUES (:task, 1, 's', 'screenshot', :path, 'image/png', 1, '2026-01-01 00:00:00')",
            task=task_id,
            path=path,
        )
    first, second = service.task(task_id)["artifacts"]
    for artifact in (first, second):
        answer = service.http.get(f"{service.url}{artifact['url']}")
        assert "no longer kept" in refusal(answer, 40401)
