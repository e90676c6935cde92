"""Flags beat variables, variables beat the file, the file beats defaults."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runner.errors import ConfigError
from runner.settings import load_settings, settle


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RUNNER_"):
            monkeypatch.delenv(name)


def test_defaults(tmp_path: Path) -> None:
    settings = settle(tmp_path / "devices.yaml", {})
    assert settings.data_dir == tmp_path / "runner-data"
    assert (settings.host, settings.port, settings.token) == ("127.0.0.1", 50809, "")
    assert settings.api.plan == "Business"
    assert settings.api.error_status == "http"


@pytest.mark.parametrize(
    ("file", "variable", "flag", "expected"),
    [
        (None, None, None, 50809),
        (1001, None, None, 1001),
        (1001, "1002", None, 1002),
        (1001, "1002", 1003, 1003),
        (1001, "", None, 1001),
        (None, None, 1003, 1003),
    ],
)
def test_who_wins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: int | None,
    variable: str | None,
    flag: int | None,
    expected: int,
) -> None:
    if variable is not None:
        monkeypatch.setenv("RUNNER_PORT", variable)
    settings = settle(tmp_path / "devices.yaml", {"port": file} if file else {}, port=flag)
    assert settings.port == expected


def test_the_name_of_a_host_is_the_computers_unless_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settle(tmp_path / "devices.yaml", {}).host_name == socket.gethostname()
    monkeypatch.setenv("RUNNER_NAME", "desk-2")
    monkeypatch.setenv("RUNNER_FLEET__LEASE_SECONDS", "30")
    settings = settle(tmp_path / "devices.yaml", {"name": "desk-1", "fleet": {"files": "shared"}})
    assert settings.host_name == "desk-2"
    assert (settings.fleet.lease.total_seconds(), settings.fleet.files) == (30, "shared")
    with pytest.raises(ConfigError, match="desk 3"):
        settle(tmp_path / "devices.yaml", {}, name="desk 3")


def test_one_nested_variable_leaves_the_rest_of_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_API__DEVICE_LIMIT", "7")
    monkeypatch.setenv("RUNNER_API_TOKEN", "secret")
    settings = settle(tmp_path / "devices.yaml", {"api": {"plan": "Team"}, "tasks": {"auto_retry": 3}})
    assert (settings.api.device_limit, settings.api.plan) == (7, "Team")
    assert settings.tasks.auto_retry == 3
    assert settings.token == "secret"


def test_the_file_is_found_by_flag_then_variable_then_in_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("devices", "variable", "flag"):
        Path(f"{name}.yaml").write_text(f"data_dir: {name}\n", encoding="utf-8")
    assert load_settings()[0].data_dir == tmp_path / "devices"
    monkeypatch.setenv("RUNNER_CONFIG", "variable.yaml")
    assert load_settings()[0].data_dir == tmp_path / "variable"
    assert load_settings(config=Path("flag.yaml"))[0].data_dir == tmp_path / "flag"


def test_a_wrong_variable_or_flag_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_PORT", "abc")
    monkeypatch.setenv("RUNNER_API__PLAN", "busines")
    monkeypatch.setenv("RUNNER_TASKS__RETRY_DELAY_SECONDS", "[60, 5]")
    with pytest.raises(ConfigError) as caught:
        settle(tmp_path / "devices.yaml", {})
    assert str(caught.value).splitlines() == [
        'RUNNER_PORT must be a whole number, not "abc"',
        "RUNNER_API__PLAN must be 'Starter', 'Pro', 'Team' or 'Business', not \"busines\" "
        "(did you mean 'Business'?)",
        "RUNNER_TASKS__RETRY_DELAY_SECONDS: write the shortest and the longest delay in seconds, "
        "like [5, 60].",
    ]
    with pytest.raises(ConfigError, match="--port must be 65535 or less"):
        settle(tmp_path / "devices.yaml", {}, port=70000)


def test_variables_that_are_no_json_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_API__ALLOWED_HOSTS", "runner.lan")
    with pytest.raises(ConfigError, match="RUNNER_API"):
        settle(tmp_path / "devices.yaml", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_no_token(tmp_path: Path, host: str) -> None:
    settle(tmp_path / "devices.yaml", {}, host=host).refuse_open_bind()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "runner.lan", ""])
def test_any_other_address_needs_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(ConfigError, match="RUNNER_API_TOKEN"):
        settle(tmp_path / "devices.yaml", {}, host=host).refuse_open_bind()
    monkeypatch.setenv("RUNNER_API_TOKEN", "long-random-text")
    settle(tmp_path / "devices.yaml", {}, host=host).refuse_open_bind()


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_API_TOKEN", "s3cret-token")
    monkeypatch.setenv("RUNNER_DATABASE_URL", "postgresql://runner:s3cret-password@db/farm")
    assert "s3cret" not in repr(settle(tmp_path / "devices.yaml", {}))
