"""POST /task: which tasks a request makes, and every way in which it is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import uuid
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from support.stage import ABSENT, ZONE, Stage, refusal

LATER = {"start_time": f"{datetime.now(ZONE) + timedelta(hours=5):%H:%M}"}


def act(stage: Stage, **more: Any) -> dict[str, Any]:
    """A request that is valid, changed by `more`; None takes a field out."""
    body = {
        "serials": [ABSENT],
        "script_name": "act",
        "script_config": {"log": str(stage.folder / "act.log")},
        **LATER,
        **more,
    }
    return {name: value for name, value in body.items() if value is not None}


def accounts_of(stage: Stage, ids: list[int]) -> list[tuple[str, str, str]]:
    tasks = [stage.service.task(task_id) for task_id in ids]
    return [(task["serial"], task["username"], task["app"]) for task in tasks]


def test_device_mode_makes_one_task_per_device_in_the_order_of_the_request(stage: Stage) -> None:
    serials = [ABSENT, stage.second, ABSENT, stage.first, stage.second]
    answer = stage.service.call("POST", "task", json=act(stage, serials=serials))
    assert answer["created_count"] == 3
    made = [stage.service.task(task_id)["serial"] for task_id in answer["task_ids"]]
    assert made == [ABSENT, stage.second, stage.first]


def test_account_mode_finds_the_devices_and_ignores_a_leading_at(stage: Stage) -> None:
    names = ["@demo_002_1", "someone", "DEMO_002_1"]
    ids = stage.service.create(**act(stage, serials=None, usernames=names))
    assert accounts_of(stage, ids) == [
        (stage.second, "demo_002_1", "tiktok"),
        (ABSENT, "someone", "tiktok"),
    ]


def test_multi_account_makes_one_task_per_enabled_account_in_order(stage: Stage) -> None:
    ids = stage.service.create(**act(stage, serials=[stage.first], enable_multi_account=True))
    assert accounts_of(stage, ids) == [
        (stage.first, "demo_001_1", "tiktok"),
        (stage.first, "demo_001_2", "tiktok"),
        (stage.first, "demo_001_4", "tiktok"),
        (stage.first, "demo_001_1", "instagram"),
    ]


def test_a_task_looks_as_clients_know_it(stage: Stage) -> None:
    at = datetime.now(ZONE) + timedelta(hours=2)
    [task_id] = stage.service.create(**act(stage, start_time=f"{at:%H:%M}"))
    task = stage.service.task(task_id)
    created = datetime.strptime(task.pop("created_at"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    assert abs(datetime.now(ZONE) - created) < timedelta(seconds=60)
    config = {"log": str(stage.folder / "act.log")}
    assert task == {
        "id": task_id,
        "serial": ABSENT,
        "device_index": "Absent",
        "username": "",
        "script_name": "act",
        "script_config": config,
        "script_args": config,
        "status": 0,
        "status_text": "pending",
        "remark": "",
        "source": "api",
        "retry_count": 0,
        "start_time": f"{at:%Y-%m-%d %H:%M}:00",
        "end_time": None,
        "scheduled_at": f"{at:%Y-%m-%dT%H:%M}:00+07:00",
        "started_at": None,
        "outcome": None,
        "attempt": 0,
        "app": "",
        "progress": {"step": "", "number": 0, "count": 0},
        "post_url": "",
        "profile_url": "",
        "artifacts": [],
        "steps": [],
    }


def test_a_device_without_a_name_is_known_by_its_number(stage: Stage) -> None:
    [task_id] = stage.service.create(**act(stage, serials=[stage.second]))
    assert stage.service.task(task_id)["device_index"] == 2


def test_intervals_space_the_tasks_of_one_device(stage: Stage) -> None:
    body = act(stage, serials=[stage.first], enable_multi_account=True, min_interval=7, max_interval=7)
    ids = stage.service.create(**body)
    due = [datetime.fromisoformat(stage.service.task(task_id)["scheduled_at"]) for task_id in ids]
    assert [later - earlier for earlier, later in pairwise(due)] == [timedelta(minutes=7)] * 3


def test_the_same_idempotency_key_and_body_make_no_second_task(stage: Stage) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first = stage.service.http.post("task", json=act(stage), headers=headers)
    again = stage.service.http.post("task", json=act(stage), headers=headers)
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    other = stage.service.http.post("task", json=act(stage, serials=[stage.first]), headers=headers)
    assert "Idempotency-Key" in refusal(other, 40001)


def test_the_page_may_call_itself_the_source(stage: Stage) -> None:
    headers = {"X-Task-Source": "ui"}
    [task_id] = stage.service.call("POST", "task", json=act(stage), headers=headers)["task_ids"]
    assert stage.service.task(task_id)["source"] == "ui"
    refusal(stage.service.http.post("task", json=act(stage), headers={"X-Task-Source": "me"}), 40001)


def test_null_stands_for_left_out(stage: Stage) -> None:
    body = act(stage) | {"usernames": None, "enable_multi_account": None, "min_interval": None}
    assert stage.service.call("POST", "task", json=body)["created_count"] == 1


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"serials": None}, 40001, ["serials", "usernames"]),
        ({"serials": []}, 40001, ["serials", "usernames"]),
        ({"serials": [ABSENT, "NOPE1", "NOPE2"]}, 40001, ["serials", "NOPE1", "NOPE2"]),
        ({"serials": ["DISABLED01"]}, 40001, ["serials", "DISABLED01"]),
        ({"serials": None, "usernames": ["someone", "@stranger"]}, 40001, ["usernames", "stranger"]),
        ({"serials": None, "usernames": ["demo_001_3"]}, 40001, ["usernames", "demo_001_3"]),
        ({"usernames": ["someone"]}, 40001, ["usernames"]),
        ({"serials": "one"}, 40001, ["serials", "list", "one"]),
        ({"serials": [1]}, 40001, ["serials[0]", "text"]),
        ({"script_name": None}, 40002, ["script_name"]),
        ({"script_name": ""}, 40002, ["script_name"]),
        ({"script_name": 7}, 40001, ["script_name"]),
        ({"script_name": "poste"}, 40003, ["script_name", "poste", "post"]),
        ({"script_config": None}, 40001, ["script_config"]),
        ({"script_config": "x"}, 40001, ["script_config"]),
        ({"script_config": {}}, 40001, ["script_config.log"]),
        ({"script_config": {"log": "x", "sceonds": 1}}, 40001, ["sceonds", "seconds"]),
        ({"script_config": {"log": "x", "seconds": "many"}}, 40001, ["script_config.seconds", "many"]),
        ({"script_config": {"log": "x", "refuse": ABSENT}}, 40001, ["refuse"]),
        ({"enable_multi_account": "yes"}, 40001, ["enable_multi_account", "yes"]),
        ({"enable_multi_account": 1}, 40001, ["enable_multi_account"]),
        ({"start_time": "25:00"}, 40001, ["start_time", "25:00"]),
        ({"start_time": "9:5"}, 40001, ["start_time", "9:5"]),
        ({"start_time": 930}, 40001, ["start_time"]),
        ({"min_interval": -1}, 40001, ["min_interval"]),
        ({"min_interval": 5, "max_interval": 2}, 40001, ["max_interval"]),
        ({"min_interval": "5"}, 40001, ["min_interval"]),
        ({"start_tiem": "10:00"}, 40001, ["start_tiem", "start_time"]),
    ],
    ids=str,
)
def test_a_wrong_request_is_refused_and_makes_nothing(
    stage: Stage, change: dict[str, Any], code: int, named: list[str]
) -> None:
    marker = f"{uuid.uuid4()}.log"
    body = act(stage, **change)
    if isinstance(body.get("script_config"), dict) and "log" in body["script_config"]:
        body["script_config"]["log"] = marker
    message = stage.service.refused("POST", "task", code, json=body)
    for name in named:
        assert name in message
    assert not [task for task in stage.service.tasks() if task["script_config"].get("log") == marker]


@pytest.mark.parametrize(
    ("content", "kind", "named"),
    [
        (b'{"serials": ["x"', "application/json", "line 1, column 17"),
        (b"", "application/json", "JSON object"),
        (b"[]", "application/json", "JSON object"),
        (b'"text"', "application/json", "JSON object"),
        (b'{"serials": ["\xff"]}', "application/json", "UTF-8"),
        (b'{"serials": ["\\ud83d"]}', "application/json", "U+D83D"),
        (b'{"script_config": {"seconds": NaN}}', "application/json", "NaN"),
        (b'{"serials": ["x"]}', "application/x-www-form-urlencoded", "Content-Type"),
        (b'{"serials": ["x"]}', "text/plain", "Content-Type"),
        (b'{"serials": ["x"]}', None, "Content-Type"),
        (b"[" * 100_000, "application/json", "JSON"),
    ],
    ids=["cut", "empty", "list", "text", "latin1", "surrogate", "nan", "form", "plain", "none", "deep"],
)
def test_a_body_that_is_no_json_object_is_refused(
    stage: Stage, content: bytes, kind: str | None, named: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    assert named in stage.service.refused("POST", "task", 40001, content=content, headers=headers)


def test_json_with_a_charset_is_json(stage: Stage) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    body = json.dumps(act(stage)).encode()
    assert stage.service.call("POST", "task", content=body, headers=headers)["created_count"] == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_documents_curl_example_publishes(stage: Stage) -> None:
    """The vendor's own example, unchanged but for serial and path."""
    video = stage.video()
    body = f"""{{
"serials": ["{stage.second}"],
"script_name": "post",
"script_config": {{
"content_type": 0,
"captions": "¡Mira mi nuevo video! #viral #trending",
"material_list": ["{video.as_posix()}"],
"upload_wait_time": 60
}}
}}"""
    url = f"{stage.service.url.replace('127.0.0.1', 'localhost')}/api/v1/task"
    command = ["curl", "-sS", "--noproxy", "*", "-X", "POST", url, "-H", "Content-Type: application/json"]
    done = subprocess.run([*command, "-d", body], capture_output=True, check=True, timeout=60)
    answer = json.loads(done.stdout)
    assert (answer["code"], answer["message"], answer["data"]["created_count"]) == (0, "success", 1)
    [task] = stage.service.ended(*answer["data"]["task_ids"])
    assert task["status_text"] == "completed", task
    digest = hashlib.sha256(video.read_bytes()).hexdigest()
    accepted = [post for post in stage.phones.posts(stage.second) if post["media"][0]["sha256"] == digest]
    assert [(post["account"], post["caption"]) for post in accepted] == [
        ("demo_002_1", "¡Mira mi nuevo video! #viral #trending")
    ]
    assert task["post_url"] == accepted[0]["url"]
