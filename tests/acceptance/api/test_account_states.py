"""An account that the app stops: its task says so, its next ones don't start, other accounts go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.service import RunnerService, StartService
from support.stage import ZONE, config_text, refusal
from support.virtual import Phones, StartPhones
from support.waiting import wait_for

FIRST, SECOND = "demo_001_1", "demo_001_2"


@pytest.fixture
def phones(start_phones: StartPhones) -> Phones:
    return start_phones(accounts=2)


@pytest.fixture
def service(phones: Phones, start_service: StartService) -> RunnerService:
    accounts = [{"username": FIRST}, {"username": SECOND}, {"username": FIRST, "app": "instagram"}]
    service = start_service(config_text([{"serial": phones.serial, "name": "First", "accounts": accounts}]))
    service.phones_ready(phones.serial)
    return service


def switch(service: RunnerService, username: str) -> dict[str, Any]:
    [task] = service.ended(
        *service.create(usernames=[username], script_name="switch_account", script_config={})
    )
    return task


def set_state(phones: Phones, username: str, state: str, app: str = "tiktok") -> None:
    phones.control("/accounts", method="POST", username=username, app=app, state=state)


def account(service: RunnerService, username: str, app: str = "tiktok") -> dict[str, Any]:
    page = service.call("GET", "accounts", params={"platform": app})
    [found] = [each for each in page["accounts"] if each["username"] == username]
    return dict(found)


def accounts_command(service: RunnerService, *arguments: str) -> str:
    command = [sys.executable, "-m", "runner", "accounts", *arguments]
    environment = {**os.environ, "RUNNER_URL": service.url}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=60, encoding="utf-8"
    )
    return done.stdout


def test_a_blocked_account_stops_alone_until_it_is_proved_again(
    phones: Phones, service: RunnerService, video: Path
) -> None:
    set_state(phones, FIRST, "blocked")
    later = service.post(
        video, usernames=[FIRST], start_time=f"{datetime.now(ZONE) + timedelta(hours=5):%H:%M}"
    )

    [failed] = service.ended(*service.post(video, usernames=[FIRST]))
    assert (failed["status"], failed["outcome"]) == (3, "failed")
    assert "blocked" in failed["remark"]
    assert {artifact["kind"] for artifact in failed["artifacts"]} == {"hierarchy", "screenshot"}
    shown = account(service, FIRST)
    assert (shown["state"], shown["state_task_id"]) == ("suspended", failed["id"])
    assert (shown["status"], shown["status_text"]) == (0, "suspended")
    assert (shown["logined"], shown["logined_text"]) == (1, "logged in")
    assert shown["state_since"]

    refused = service.http.post(
        "task",
        json={"usernames": [FIRST], "script_name": "post", "script_config": {"material_list": [str(video)]}},
    ).json()
    assert refused["code"] == 40001
    for part in (FIRST, "suspended", f"task {failed['id']}", f"runner accounts clear {FIRST}"):
        assert part in refused["message"]

    both = service.ended(*service.post(video, serials=[phones.serial], enable_multi_account=True))
    assert [(task["username"], task["status"]) for task in both[:2]] == [(FIRST, 3), (SECOND, 2)]
    assert both[0]["attempt"] == 0
    assert [post["account"] for post in phones.posts() if post["app"] == "tiktok"] == [SECOND]

    assert switch(service, FIRST)["status"] == 3
    set_state(phones, FIRST, "ok")
    assert switch(service, FIRST)["remark"] == f"The active account is @{FIRST}."
    assert account(service, FIRST)["status_text"] == "enabled"
    [posted] = service.ended(*service.post(video, usernames=[FIRST]))
    assert posted["status"] == 2, posted["remark"]
    assert service.task(later[0])["status"] == 0


def test_a_retry_by_hand_waits_until_the_account_can_be_used(
    phones: Phones, service: RunnerService, video: Path
) -> None:
    set_state(phones, FIRST, "blocked")
    [failed] = service.ended(*service.post(video, usernames=[FIRST]))
    proving = switch(service, FIRST)

    message = refusal(service.http.post(f"task/{failed['id']}/retry"), 40001)
    for part in (f"Task {failed['id']}", FIRST, "suspended", f"runner accounts clear {FIRST}"):
        assert part in message
    assert refusal(service.http.post(f"task/{failed['id']}/retry?force=true"), 40001) == message
    assert service.call("POST", "task/retry-all") == {
        "retried_count": 1,
        "unknown_outcome_count": 0,
        "unusable_account_count": 1,
    }
    assert service.ended(proving["id"])[0]["retry_count"] == 1, "switch_account looks for itself"
    untouched = service.task(failed["id"])
    assert (untouched["status"], untouched["retry_count"], untouched["remark"]) == (3, 0, failed["remark"])

    set_state(phones, FIRST, "ok")
    service.call("POST", "accounts/clear", json={"username": FIRST})
    service.call("POST", f"task/{failed['id']}/retry")
    [posted] = service.ended(failed["id"])
    assert (posted["outcome"], posted["retry_count"]) == ("published", 1), posted["remark"]


def test_the_operator_clears_a_logged_out_account(phones: Phones, service: RunnerService) -> None:
    set_state(phones, SECOND, "logged_out")
    assert switch(service, SECOND)["status"] == 3
    shown = account(service, SECOND)
    assert (shown["logined"], shown["logined_text"], shown["status_text"]) == (0, "logged out", "logged out")
    assert [each["username"] for each in service.call("GET", "accounts?logined=0")["accounts"]] == [SECOND]
    assert "logged out" in accounts_command(service, "list")

    cleared = service.call("POST", "accounts/clear", json={"username": f"@{SECOND}"})["cleared"]
    assert cleared == [
        {"username": SECOND, "platform": "tiktok", "device": phones.serial, "state": "logged_out"}
    ]
    assert account(service, SECOND)["status_text"] == "enabled"
    again = service.http.post("accounts/clear", json={"username": SECOND}).json()
    assert (again["code"], "accounts list" in again["message"]) == (40401, True)

    assert switch(service, SECOND)["status"] == 3
    assert f"tiktok @{SECOND}" in accounts_command(service, "clear", SECOND)
    assert account(service, SECOND)["state"] == "ok"


def test_found_accounts_are_proposed_for_devices_yaml(phones: Phones, service: RunnerService) -> None:
    service.config.write_text(
        "time_zone: UTC  # always\n"
        "devices:\n"
        f'  - serial: "{phones.serial}"\n'
        "    accounts:\n"
        f"      - username: {FIRST}  # mine\n"
        "  # no more phones\n",
        encoding="utf-8",
    )
    request = {"serials": [phones.serial], "script_name": "match_account", "script_config": {}}
    [task] = service.ended(*service.create(**request))
    assert task["status"] == 2, task["remark"]
    assert f"@{FIRST}, @{SECOND}" in task["remark"]
    wait_for(lambda: not account(service, SECOND)["configured"], seconds=10, what="the changed file taken up")

    file = ("--config", str(service.config))
    shown = json.loads(accounts_command(service, "propose", "--json", *file))
    assert {(each["username"], each["app"]) for each in shown["added"]} == {
        (SECOND, "tiktok"),
        (FIRST, "instagram"),
        (SECOND, "instagram"),
    }
    assert f"+      - username: {SECOND}\n" in accounts_command(service, "propose", *file)
    assert SECOND not in service.config.read_text(encoding="utf-8")

    accounts_command(service, "propose", "--write", *file)
    text = service.config.read_text(encoding="utf-8")
    assert f"      - username: {FIRST}  # mine\n" in text
    assert text.endswith("  # no more phones\n")
    assert "names every account" in accounts_command(service, "propose", *file)
