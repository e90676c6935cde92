"""What commands print and how they end when no service is needed, run as a user runs them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runner.farm.schema import json_schema
from support.command import runner


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_help_names_every_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    done = runner("--help", folder=tmp_path)
    assert done.returncode == 0
    for command in ("serve", "demo", "phones", "devices", "tasks", "config", "doctor", "scripts"):
        assert command in done.stdout
    script = "import sys, runner.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    heavy = {
        "fastapi",
        "pydantic",
        "sqlalchemy",
        "uiautomator2",
        "adbutils",
        "lxml",
        "ruamel",
        "uvicorn",
        "httpx",
    }
    assert not heavy & set(loaded.split())


def test_help_is_quick(tmp_path: Path) -> None:
    """In processor time, which other tests at the same time don't change; the best of some."""

    def seconds() -> float:
        before = os.times()
        runner("--help", folder=tmp_path)
        after = os.times()
        return (after.children_user + after.children_system) - (before.children_user + before.children_system)

    assert min(seconds() for _ in range(5)) < 0.4


def test_version(tmp_path: Path) -> None:
    assert runner("--version", folder=tmp_path).stdout.strip().count(".") == 2


@pytest.mark.parametrize(
    "arguments", [["nope"], ["tasks", "show"], ["tasks", "show", "x"], ["serve", "--port", "x"]]
)
def test_a_wrong_command_line_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = runner(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_config_check_of_a_good_file(tmp_path: Path) -> None:
    text = "time_zone: UTC\ndevices: [{serial: A, accounts: [{username: x}, {username: y}]}]\n"
    (tmp_path / "devices.yaml").write_text(text, encoding="utf-8")
    done = runner("config", "check", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("devices.yaml: valid; 1 phones, 2 accounts")
    found = json.loads(runner("config", "check", "--json", folder=tmp_path).stdout)
    assert found == {"valid": True, "problems": [], "devices": 1, "accounts": 2}


def test_config_check_tells_every_mistake_by_place(tmp_path: Path) -> None:
    text = "time_zone: UTX\ndevices:\n  - serail: A\n    enabled: maybe\n"
    (tmp_path / "farm.yaml").write_text(text, encoding="utf-8")
    done = runner("config", "check", "farm.yaml", folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    places = [line.split(": ")[0] for line in done.stdout.splitlines()]
    assert places == ["farm.yaml:1:12", "farm.yaml:3:5", "farm.yaml:3:5", "farm.yaml:4:14"]
    assert "serial" in done.stdout
    by_variable = runner("config", "check", "--json", folder=tmp_path, RUNNER_CONFIG="farm.yaml")
    assert by_variable.returncode == 1
    problems = json.loads(by_variable.stdout)["problems"]
    assert [(problem["line"], problem["column"]) for problem in problems] == [
        (1, 12),
        (3, 5),
        (3, 5),
        (4, 14),
    ]


def test_config_check_of_no_file(tmp_path: Path) -> None:
    done = runner("config", "check", "nowhere.yaml", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("runner: nowhere.yaml: No such file or directory.")
    assert len(done.stderr.splitlines()) == 1


def test_config_schema_is_the_schema(tmp_path: Path) -> None:
    assert json.loads(runner("config", "schema", folder=tmp_path).stdout) == json_schema()


@pytest.mark.parametrize(
    "arguments", [["devices"], ["tasks", "list"], ["tasks", "watch", "1"], ["tasks", "stop", "1"]]
)
def test_without_a_service_one_line_says_so(tmp_path: Path, arguments: list[str]) -> None:
    done = runner(*arguments, folder=tmp_path, RUNNER_PORT=str(free_port()))
    assert (done.returncode, done.stdout) == (1, "")
    [said] = done.stderr.splitlines()
    assert said.startswith("runner: No service answers at http://127.0.0.1:")
    assert said.endswith("Start it: runner serve")


def test_something_else_on_the_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (tmp_path / "devices.yaml").write_text(f"port: {port}\ndevices: [{{serial: A}}]\n", encoding="utf-8")
        done = runner("serve", folder=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        [line] = done.stderr.splitlines()
        assert f"Can't listen on 127.0.0.1 port {port}: Address already in use" in line
        assert "--port" in line


def test_serve_tells_the_mistakes_of_devices_yaml(tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_text("devices: [{serail: A}]\n", encoding="utf-8")
    done = runner("serve", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "devices.yaml:1:12: serail is not a known key (did you mean 'serial'?)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runner-data").exists()


def test_serve_names_a_wrong_variable(tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_text("devices: [{serial: A}]\n", encoding="utf-8")
    done = runner("serve", folder=tmp_path, RUNNER_API__PLAN="Busines")
    assert done.returncode == 1
    assert "RUNNER_API__PLAN must be" in done.stderr


def test_scripts_lists_fields_and_problems(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "broken.py").write_text("x = (\n", encoding="utf-8")
    done = runner("scripts", "--scripts-dir", str(own), "--json", folder=tmp_path)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    post = next(script for script in found["scripts"] if script["name"] == "post")
    fields = {field["name"]: field for field in post["fields"]}
    assert fields["captions"]["type"] == "string"
    assert fields["material_list"]["type"] == "string[]"
    [problem] = found["problems"]
    assert str(own / "broken.py") in problem
    shown = runner("scripts", "--scripts-dir", str(own), folder=tmp_path)
    assert "upload_wait_time" in shown.stdout
    assert "not installed:" in shown.stderr
