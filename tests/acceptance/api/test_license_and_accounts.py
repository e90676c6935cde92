"""GET /license/check and GET /accounts."""

from __future__ import annotations

from typing import Any

import pytest

from support.stage import ABSENT, Stage, StartBare

TASK_CALLS = [
    ("POST", "task"),
    ("GET", "task"),
    ("GET", "task/stats"),
    ("GET", "task/1"),
    ("DELETE", "task/1"),
    ("POST", "task/1/stop"),
    ("POST", "task/1/retry"),
    ("POST", "task/retry-all"),
    ("GET", "task/1/artifacts/1"),
    ("GET", "events"),
]


def test_starter_has_no_api(start_bare: StartBare) -> None:
    service = start_bare(api={"plan": "Starter"})
    assert "Starter" in service.refused("GET", "license/check", 40301)
    for method, path in TASK_CALLS:
        body = {"serials": [ABSENT], "script_name": "act", "script_config": {}} if path == "task" else None
        service.refused(method, path, 40301, json=body)
    service.refused("DELETE", "task/batch", 40301, json={"task_ids": [1]})


@pytest.mark.parametrize("plan", ["Pro", "Team", "Business"])
def test_the_other_plans_have_it(start_bare: StartBare, plan: str) -> None:
    service = start_bare(api={"plan": plan, "device_limit": 12})
    license = service.call("GET", "license/check")
    assert license.pop("message")
    assert license == {"plan_name": plan, "api_enabled": True, "device_limit": 12}
    assert service.call("GET", "task/stats")["total"] == 0


def test_the_plan_is_business_by_default(stage: Stage) -> None:
    license = stage.service.call("GET", "license/check")
    assert (license["plan_name"], license["device_limit"]) == ("Business", 0)


def names(stage: Stage, **query: Any) -> list[tuple[str, str]]:
    page = stage.service.call("GET", "accounts", params=query)
    return [(account["username"], account["platform"]) for account in page["accounts"]]


ALL = [
    ("demo_001_1", "tiktok"),
    ("demo_001_2", "tiktok"),
    ("demo_001_3", "tiktok"),
    ("demo_001_4", "tiktok"),
    ("demo_001_1", "instagram"),
    ("demo_002_1", "tiktok"),
    ("someone", "tiktok"),
    ("nobody", "tiktok"),
]


def test_accounts_are_those_of_devices_yaml(stage: Stage) -> None:
    page = stage.service.call("GET", "accounts")
    assert (page["total"], page["page"], page["page_size"]) == (8, 1, 20)
    assert names(stage) == ALL
    assert page["accounts"][4] == {
        "id": 5,
        "username": "demo_001_1",
        "email": "",
        "platform": "instagram",
        "packagename": "com.instagram.android",
        "device": stage.first,
        "device_online": True,
        "device_name": "First",
        "logined": 1,
        "logined_text": "logged in",
        "status": 1,
        "status_text": "enabled",
        "tags": ["recipes", "video"],
        "state": "ok",
        "state_since": None,
        "state_task_id": None,
        "configured": True,
    }
    assert [account["device_online"] for account in page["accounts"]] == [True] * 6 + [False] * 2


def test_accounts_are_filtered(stage: Stage) -> None:
    assert names(stage, platform="instagram") == [ALL[4]]
    assert names(stage, device=stage.second) == [ALL[5]]
    assert names(stage, status=0) == [ALL[2]]
    assert names(stage, logined=1) == ALL
    assert names(stage, logined=0) == []
    assert names(stage, tag="video", status=1) == [ALL[0], ALL[1], ALL[3], ALL[4]]
    assert names(stage, tag="other") == []


def test_accounts_come_in_pages(stage: Stage) -> None:
    assert names(stage, page=2, page_size=3) == ALL[3:6]
    assert names(stage, page=9) == []
    assert stage.service.call("GET", "accounts", params={"page_size": 3})["total"] == 8


@pytest.mark.parametrize("query", ["platform=x", "logined=2", "status=a", "page=0", "page_size=101"])
def test_a_wrong_filter_is_refused_by_name(stage: Stage, query: str) -> None:
    assert query.partition("=")[0] in stage.service.refused("GET", f"accounts?{query}", 40001)
