"""The commands against a running service, as a user types them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.command import runner
from support.stage import ABSENT, Stage, StartBare, account
from support.virtual import AdbServer, StartPhones
from support.waiting import wait_for


def run(*arguments: str, url: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return runner(*arguments, **variables, **({"RUNNER_URL": url} if url else {}))


def read(*arguments: str, url: str, code: int = 0) -> Any:
    done = run(*arguments, "--json", url=url)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_devices(stage: Stage) -> None:
    url = stage.service.url
    assert read("devices", url=url) == stage.service.call("GET", "devices")
    shown = run("devices", url=url).stdout.splitlines()
    assert re.match(rf"1 +First +{stage.first} +(ready|busy) +demo_001_1 demo_001_2 demo_001_4", shown[1])
    assert re.match(rf"3 +Absent +{ABSENT} +absent +someone +adb does not see it", shown[3])
    assert re.match(r"4 +DISABLED01 +disabled", shown[4])


def test_a_task_from_creation_to_deletion(stage: Stage, tmp_path: Path) -> None:
    url = stage.service.url
    log = str(tmp_path / "act.log")
    config = json.dumps({"log": log, "do": ["step:prepare", "raise@1:StepFailed"]})
    made = read("tasks", "create", "--serial", ABSENT, "--script", "act", "--config", config, url=url)
    [task_id] = made["task_ids"]
    number = str(task_id)

    watched = run("tasks", "watch", number, url=url)
    assert watched.returncode == 1
    assert watched.stdout.splitlines()[-1].startswith(f"{number} on Absent: failed: ")

    assert read("tasks", "show", number, url=url) == stage.service.task(task_id)
    shown = run("tasks", "show", number, url=url).stdout
    assert "prepare" in shown
    assert "as asked" in shown

    listed = read("tasks", "list", "--status", "failed", "--serial", ABSENT, "--page-size", "100", url=url)
    assert task_id in [task["id"] for task in listed["tasks"]]
    assert run("tasks", "list", url=url).stdout.splitlines()[0].startswith("task")

    [again] = read("tasks", "retry", number, url=url)
    assert again["retry_count"] == 1
    lines = run("tasks", "watch", number, "--json", url=url).stdout.splitlines()
    assert json.loads(lines[-1])["status_text"] == "completed"

    assert read("tasks", "delete", number, url=url)["deleted"] == [task_id]
    gone = run("tasks", "show", number, url=url)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr.startswith(f"runner: There is no task {number}.")
    assert read("tasks", "delete", number, url=url, code=1)["not_found"] == [task_id]


def test_create_for_accounts_at_a_time_and_stop(stage: Stage, tmp_path: Path) -> None:
    video = stage.video()
    done = run(
        *("tasks", "create", "--username", "someone", "--username", "@demo_002_1"),
        *("--file", str(video), "--caption", "¡Hola! 🎬", "--at", "03:33"),
        url=stage.service.url,
    )
    assert done.returncode == 0, done.stderr
    ids = re.findall(r"\d+", done.stdout.splitlines()[0])[1:]
    tasks = [stage.service.task(int(one)) for one in ids]
    assert [task["username"] for task in tasks] == ["someone", "demo_002_1"]
    for task in tasks:
        assert task["script_config"] == {"material_list": [str(video)], "captions": "¡Hola! 🎬"}
        assert task["start_time"].endswith("03:33:00")
    stopped = read("tasks", "stop", *ids, url=stage.service.url)
    assert [task["remark"] for task in stopped] == ["stopped", "stopped"]


def test_retry_by_force_and_retry_all(start_bare: StartBare) -> None:
    service = start_bare()
    unknown, failed = service.act("publish", "raise@1:ControlMissing"), service.act("raise@1:StepFailed")
    service.ended(unknown, failed)
    refused = run("tasks", "retry", str(unknown), url=service.url)
    assert refused.returncode == 1
    assert "force" in refused.stderr
    assert "1 were left alone" in run("tasks", "retry", "--all", url=service.url).stdout
    service.ended(failed)
    [task] = read("tasks", "retry", "--force", str(unknown), url=service.url)
    assert task["status_text"] == "pending"


def test_the_service_says_what_is_wrong_with_a_request(stage: Stage) -> None:
    done = run("tasks", "create", "--serial", "NOPE", "--file", "nowhere.mp4", url=stage.service.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "NOPE" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_token_comes_from_the_environment(start_bare: StartBare) -> None:
    service = start_bare(environment={"RUNNER_API_TOKEN": "a-token"})
    without = run("tasks", "list", url=service.url)
    assert without.returncode == 1
    assert "RUNNER_API_TOKEN" in without.stderr
    assert run("tasks", "list", url=service.url, RUNNER_API_TOKEN="a-token").returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_one_line_and_ends_in_order(start_bare: StartBare, number: signal.Signals) -> None:
    service = start_bare()
    task_id = service.act("wait:60")
    service.until(task_id, "running")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", service.url)
    os.kill(service.pid, number)
    assert service._process is not None
    assert service._process.stdout is not None
    rest = service._process.stdout.read()
    assert (service.stop(), rest) == (0, "")
    assert '"level": "error"' not in service.log
    service.start()
    assert service.task(task_id)["status_text"] != "completed"


def test_two_services_on_one_port(stage: Stage, tmp_path: Path) -> None:
    service = stage.service
    port = service.url.rpartition(":")[2]
    second = run(
        "serve", "--config", str(service.config), "--data-dir", str(tmp_path / "other"), "--port", port
    )
    assert (second.returncode, second.stdout) == (1, "")
    assert f"Can't listen on 127.0.0.1 port {port}" in second.stderr


def test_two_services_on_one_data_directory(stage: Stage) -> None:
    service = stage.service
    second = run("serve", "--config", str(service.config), "--data-dir", str(service.data_dir), "--port", "0")
    assert (second.returncode, second.stdout) == (1, "")
    assert "data directory" in second.stderr
    assert "Traceback" not in second.stderr


def farm_of(tmp_path: Path, *devices: dict[str, Any]) -> Path:
    path = tmp_path / "devices.yaml"
    path.write_text(json.dumps({"time_zone": "UTC", "devices": devices}), encoding="utf-8")
    return path


def about(checks: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    return [check for check in checks if check["about"].startswith(name)]


def test_doctor_finds_nothing_in_the_way(start_phones: StartPhones, tmp_path: Path) -> None:
    phones = start_phones(connect=False)
    config = farm_of(tmp_path, {"serial": phones.serial, "accounts": [account(1, 1)]})
    done = run("doctor", "--config", str(config), "--json", RUNNER_PORT="0")
    assert done.returncode == 0, done.stdout
    checks = json.loads(done.stdout)["checks"]
    assert {check["level"] for check in checks} <= {"ok", "warn"}
    phone = " ".join(check["said"] for check in about(checks, "phone 1"))
    assert "Android 13, language en-US" in phone
    assert "com.zhiliaoapp.musically 43.1.4" in phone
    for name in ("devices.yaml", "clock", "port", "data", "database", "scripts", "adb"):
        assert about(checks, name), name
    lines = run("doctor", "--config", str(config), RUNNER_PORT="0").stdout.splitlines()
    assert len(lines) == len(checks)


def test_doctor_says_what_blocks_and_what_to_do(
    start_phones: StartPhones, adb_server: AdbServer, tmp_path: Path
) -> None:
    phones = start_phones()
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    config = farm_of(tmp_path, {"serial": "NOT-HERE", "name": "Desk"})
    done = run(
        "doctor", "--config", str(config), "--json", RUNNER_DATA_DIR=str(blocked / "data"), RUNNER_PORT="0"
    )
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    blocking = {check["about"] for check in found["checks"] if check["level"] == "block"}
    assert blocking == {"data", "phones"}
    for check in found["checks"]:
        if check["level"] != "ok":
            assert check["remedy"] or "." in check["said"]
    [absent] = about(found["checks"], "phone Desk")
    assert "does not see it" in absent["said"]
    [stranger] = about(found["checks"], f"phone {phones.serial}")
    assert f'serial: "{phones.serial}"' in stranger["remedy"]


def test_doctor_tells_what_a_phone_lacks(start_phones: StartPhones, tmp_path: Path) -> None:
    phones = start_phones(installed=("instagram",), capacity=500_000_000, language="vi")
    config = farm_of(tmp_path, {"serial": phones.serial, "accounts": [account(1, 1)]})
    checks = json.loads(run("doctor", "--config", str(config), "--json", RUNNER_PORT="0").stdout)["checks"]
    warned = " ".join(check["said"] for check in about(checks, "phone") if check["level"] == "warn")
    assert "com.zhiliaoapp.musically is not installed" in warned
    assert "MB are free" in warned
    assert "no words in vi" in warned


def test_doctor_tells_every_mistake_of_devices_yaml(adb_server: AdbServer, tmp_path: Path) -> None:
    config = tmp_path / "devices.yaml"
    config.write_text("devices:\n  - serail: A\n    enabled: maybe\n", encoding="utf-8")
    done = run("doctor", "--config", str(config), RUNNER_PORT="0")
    assert done.returncode == 1
    assert f"{config}:2:5: " in done.stdout
    assert f"{config}:3:14: " in done.stdout


def test_doctor_knows_a_running_service(stage: Stage) -> None:
    port = stage.service.url.rpartition(":")[2]
    adb_port = str(stage.phones.server.port)
    done = run(
        *("doctor", "--config", str(stage.service.config), "--json"),
        RUNNER_PORT=port,
        RUNNER_DATA_DIR=str(stage.service.data_dir),
        ANDROID_ADB_SERVER_PORT=adb_port,
    )
    checks = json.loads(done.stdout)["checks"]
    assert about(checks, "service")[0]["said"] == f"runs at {stage.service.url}"
    assert about(checks, "database")[0]["level"] == "ok"


def test_demo_posts_to_every_account_and_leaves_nothing(tmp_path: Path) -> None:
    done = run("demo", "--phones", "2", "--json", HOME=str(tmp_path), TMPDIR=str(tmp_path), RUNNER_PORT="1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.keys() == {"tasks", "posts", "seconds"}
    assert [task["status_text"] for task in found["tasks"]] == ["completed"] * 4
    published = [(post["serial"], post["account"]) for post in found["posts"]]
    assert sorted(published) == [(task["serial"], task["username"]) for task in found["tasks"]]
    assert len({post["url"] for post in found["posts"]}) == 4
    assert {post["caption"] for post in found["posts"]} == {
        "¡Mira mi nuevo video! 🎬 #viral #trending",
        "Buổi sáng ở Đà Lạt ☕️ #dalat",
    }
    assert not list(tmp_path.glob("runner-demo-*"))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_demo_keeps_everything_up_on_request(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "runner", "demo", "--phones", "1", "--keep"]
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        shown: list[str] = []
        for line in process.stdout:
            shown.append(line)
            if "stays up" in line:
                break
        [url] = re.findall(r"live: (http://127\.0\.0\.1:\d+)/", "".join(shown))
        listed = read("tasks", "list", url=url)
        assert [task["status_text"] for task in listed["tasks"]] == ["completed", "completed"]
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(60) == 0
    wait_for(lambda: not list(tmp_path.glob("runner-demo-*")), what="the folder removed")
