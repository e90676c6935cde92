"""Hosts and phones over HTTP, in the terminal and on the page, of one host and of a fleet."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner import __version__, migrations
from runner.api.app import create_app
from runner.farm.holder import FarmHolder
from runner.fleet.common import FARM, Common
from runner.service import Service
from runner.settings import load_settings
from support.browser import Page
from support.command import runner
from support.fleet_tables import INFO, FleetTables
from support.http_server import listening
from support.stage import Stage, config_text
from support.virtual import AdbServer


def shown(command: str, url: str, *more: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = runner(command, *more, RUNNER_URL=url)
    assert done.returncode == code, done.stderr
    return done


@dataclass(frozen=True)
class FleetApi:
    url: str
    tables: FleetTables

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}/api/v1/{path}").json()["data"]


@pytest.fixture
def fleet(tmp_path: Path, postgres_url: str) -> Iterator[FleetApi]:
    """An API that asks the fleet's tables: two live hosts and a silent one."""
    config = tmp_path / "devices.yaml"
    config.write_text(config_text([{"serial": serial} for serial in "ABC"]), encoding="utf-8")
    settings, loaded = load_settings(config=config, data_dir=tmp_path / "data")
    tables = FleetTables(postgres_url, loaded.farm)
    tables.host("api", url="http://10.0.0.1:50809")
    tables.host("desk")
    tables.host("gone", silent=60)
    tables.phone("A", "desk", "ready", INFO)
    tables.phone("B", "gone", "busy", INFO)
    tables.lease("clock", "api", seconds=10)
    service = Service(settings, FarmHolder(config, loaded))
    service.directory = service.hosts = tables.directory
    with listening(create_app(service, settings)) as url:
        yield FleetApi(url, tables)
    service.close()
    tables.database.close()


def test_the_only_host_is_local(stage: Stage) -> None:
    [host] = stage.service.call("GET", "hosts")["hosts"]
    assert (host["name"], host["live"], host["is_clock"], host["skew"]) == ("local", True, True, 0)
    assert host["version"] == __version__
    assert sum(host["phones"].values()) == 4
    assert host["phones"]["absent"] == 2
    assert host["warnings"] == []
    assert {device["host"] for device in stage.service.call("GET", "devices")["devices"]} == {"local"}
    assert re.search(r"^local +live +clock ", shown("hosts", stage.service.url).stdout, re.MULTILINE)
    assert " host " not in shown("devices", stage.service.url).stdout.splitlines()[0]


def test_the_hosts_of_a_fleet(fleet: FleetApi) -> None:
    api, desk, gone = fleet.get("hosts")["hosts"]
    assert (api["url"], api["is_clock"], api["phones"]) == ("http://10.0.0.1:50809", True, {})
    assert [warning[:34] for warning in api["warnings"]] == ["Its clock is 2.5 s ahead of the da"]
    assert (desk["live"], desk["phones"], desk["warnings"]) == (True, {"ready": 1}, [])
    assert (gone["live"], gone["phones"]) == (False, {"absent": 1})
    assert "silent" in gone["warnings"][0]

    done = shown("hosts", fleet.url)
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["api", "live"],
        ["desk", "live"],
        ["gone", "silent"],
    ]
    assert "api: Its clock is 2.5 s ahead" in done.stderr
    assert json.loads(shown("hosts", fleet.url, "--json").stdout) == fleet.get("hosts")["hosts"]


def test_a_host_that_is_gone_can_be_forgotten(fleet: FleetApi, stage: Stage) -> None:
    fleet.tables.host("old", silent=60, instance="", stopped=True)
    assert {host["name"]: host["state"] for host in fleet.get("hosts")["hosts"]} == {
        "api": "live", "desk": "live", "gone": "silent", "old": "stopped",
    }  # fmt: skip
    assert re.search(r"^old +stopped since 20", shown("hosts", fleet.url).stdout, re.MULTILINE)
    assert "old:" not in shown("hosts", fleet.url).stderr, "that it was stopped is no trouble"
    assert shown("hosts", fleet.url, "forget", "old").stdout == "Host old is forgotten.\n"
    assert "old" not in shown("hosts", fleet.url).stdout
    assert "no host old" in shown("hosts", fleet.url, "forget", "old", code=1).stderr
    assert "Host desk is up. Stop it first" in shown("hosts", fleet.url, "forget", "desk", code=1).stderr
    assert "is this process" in stage.service.refused("DELETE", "hosts/local", 40001)
    assert "no host x" in stage.service.refused("DELETE", "hosts/x", 40401)


def test_the_phones_of_a_fleet_are_as_their_hosts_say(fleet: FleetApi) -> None:
    a, b, c = fleet.get("devices")["devices"]
    assert (a["state"], a["host"], a["model"], a["reason"]) == ("ready", "desk", "google Pixel 7", "is ready")
    assert (b["state"], b["host"]) == ("absent", "gone")
    assert b["reason"].startswith("Host gone is silent since ")
    assert (c["state"], c["host"], c["reason"]) == ("absent", "", "The hosts of the fleet do not see it.")
    first, second, *_ = shown("devices", fleet.url).stdout.splitlines()
    assert first.split() == ["name", "serial", "host", "state", "accounts", "reason"]
    assert second.split()[:4] == ["1", "A", "desk", "ready"]


def checks(folder: Path, url: str, name: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Exit code and findings of `runner doctor` on the host of this name, by what they are about."""
    arguments = ("doctor", "--config", str(folder / "devices.yaml"), "--json")
    done = runner(*arguments, RUNNER_DATABASE_URL=url, RUNNER_NAME=name, RUNNER_PORT="0")
    found: dict[str, list[dict[str, Any]]] = {}
    for check in json.loads(done.stdout)["checks"]:
        found.setdefault(check["about"], []).append(check)
    return done.returncode, found


def test_doctor_looks_at_the_fleet(
    fleet: FleetApi, tmp_path: Path, postgres_url: str, adb_server: AdbServer
) -> None:
    fleet.tables.host("old", url="http://127.0.0.1:50809", version="1.1.0")
    code, found = checks(tmp_path, postgres_url, "api")
    assert f"schema {migrations.HEAD}" in found["database"][0]["said"]
    assert found["engine"][0]["level"] == "ok"
    assert [check["level"] for check in found["clock"]] == ["ok", "ok"]
    warned = {about: " ".join(check["said"] for check in found[f"host {about}"] if check["level"] == "warn")
              for about in ("api", "desk", "gone", "old")}  # fmt: skip
    assert "2.5 s ahead" in warned["api"]
    assert "version 1.1.0" in warned["old"]
    assert "can't get files" in warned["old"]
    assert "silent" in warned["gone"]
    assert "can't get files" not in warned["api"]
    assert "version" in warned["desk"]
    assert found["phone 1 (A)"][0]["said"] == "ready on host desk. is ready"
    assert found["phone 2 (B)"][0]["level"] == "warn", "nobody drives it now"
    assert code == 1
    assert found["phones"][0]["level"] == "block"


def test_doctor_takes_the_published_farm_where_there_is_no_file(
    fleet: FleetApi, tmp_path: Path, postgres_url: str, adb_server: AdbServer
) -> None:
    nowhere = tmp_path / "worker"
    nowhere.mkdir()
    _, found = checks(nowhere, postgres_url, "desk")
    assert found["devices.yaml"][0]["level"] == "block"
    Common(fleet.tables.database).write(FARM, (tmp_path / "devices.yaml").read_text(encoding="utf-8"))
    _, found = checks(nowhere, postgres_url, "desk")
    assert "3 phones" in found["devices.yaml"][0]["said"]
    assert found["phone 1 (A)"][0]["level"] == "warn", "its own, and adb does not see it"


@pytest.mark.browser
def test_the_page_shows_hosts_when_there_are_several(fleet: FleetApi, page: Page) -> None:
    page.open(fleet.url)
    page.until("document.querySelectorAll('#hosts > li').length === 3")
    texts = page.run("[...document.querySelectorAll('#hosts > li')].map(host => host.innerText)")
    assert re.sub(r"\s+", " ", texts[1]) == "desk live 1 phones · 0 running"
    assert "2.5 s ahead" in texts[0]
    assert re.search(r"silent since 20\d\d-\d\d-\d\d \d\d:\d\d\s", texts[2])
    assert page.run("document.querySelector('#hosts').hidden") is False
    assert page.errors() == []


@pytest.mark.browser
def test_the_page_shows_no_hosts_where_there_is_one(stage: Stage, page: Page) -> None:
    page.open(stage.service.url)
    page.until("document.querySelectorAll('#hosts > li').length === 1")
    assert page.run("document.querySelector('#hosts').hidden") is True
