"""The control API, and `runner phones serve` in a process of its own."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from lxml import etree
from PIL import Image

from runner.farm.loader import load
from runner.virtual.farm import FarmSettings, VirtualFarm, free_ports
from support.virtual import LEAKS_SOCKETS, AdbServer, Phones

from .conftest import Notebook

pytestmark = LEAKS_SOCKETS


def test_phones(phones: Phones) -> None:
    (phone,) = httpx.get(f"{phones.farm.control_url}/phones").json()
    assert phone["serial"] == phones.serial
    assert phone["language"] == "en"
    assert phone["accounts"]["tiktok"] == ["demo_001_1", "demo_001_2"]
    assert phone["active"]["tiktok"] == "demo_001_1"
    assert phone["app_versions"]["tiktok"]
    assert phone["screen"] == "launcher"
    assert phone["connected"] is True
    assert phone["mistakes"] == {"tiktok": [], "instagram": []}
    app = phones.farm.farm.phones[0].apps["com.zhiliaoapp.musically"]
    phones.farm.call(lambda: app.mistakes.append("liked a video"))  # type: ignore[attr-defined]
    assert phones.control("")["mistakes"]["tiktok"] == ["liked a video"]
    assert phones.posts() == []
    assert phones.control("/files") == []
    assert httpx.get(f"{phones.farm.control_url}/phones/none/posts").status_code == 404


def test_screenshot_and_hierarchy_are_what_the_phone_shows(notes: Notebook) -> None:
    phones = notes.phones
    device = phones.u2()
    device.app_start("com.example.notes")
    base = f"{phones.farm.control_url}/phones/{phones.serial}"
    picture = httpx.get(f"{base}/screenshot")
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).size == (1080, 2400)
    shown = etree.fromstring(httpx.get(f"{base}/hierarchy").content)
    assert [
        node.get("text") for node in shown.iter("node") if node.get("class") == "android.widget.Button"
    ] == [
        "Save",
        "Ask",
    ]


def test_account_states_and_their_mistakes(phones: Phones) -> None:
    answer = phones.control("/accounts", method="POST", username="demo_001_2", state="blocked")
    assert answer["serial"] == phones.serial
    url = f"{phones.farm.control_url}/phones/{phones.serial}/accounts"
    assert httpx.post(url, json={"username": "nobody"}).status_code == 404
    assert httpx.post(url, json={"username": "demo_001_2", "app": "myspace"}).status_code == 404
    refused = httpx.post(url, json={"username": "demo_001_2", "state": "tired"})
    assert refused.status_code == 400
    assert "logged_out" in refused.json()["error"]
    assert httpx.post(url, content=b"{").status_code == 400


def test_log_counts_round_trips(notes: Notebook) -> None:
    phones = notes.phones
    device = phones.u2()
    before = phones.control("/log")
    device.dump_hierarchy()
    device.shell("echo hi")
    new = phones.control("/log")[len(before) :]
    assert [(call["kind"], call["name"]) for call in new] == [
        ("service", "tcp"),
        ("rpc", "dumpWindowHierarchy"),
        ("service", "shell"),
        ("shell", "echo"),
        ("shell", "echo"),
    ]
    assert new[1]["params"] == "[false, 50]"
    assert all(call["ok"] for call in new)
    assert [call["at"] for call in new] == sorted(call["at"] for call in new)
    assert all(0 <= call["ms"] < 1000 for call in new)


def test_farms_find_free_ports_and_refuse_taken_ones() -> None:
    with VirtualFarm(FarmSettings(count=2)) as farm:
        taken = int(farm.serials[0].rpartition(":")[2])
        assert not 5554 <= taken <= 5585
        with pytest.raises(OSError):
            VirtualFarm(FarmSettings(count=1, base_port=taken)).start()
    with pytest.raises(ValueError, match="emulators"):
        VirtualFarm(FarmSettings(count=3, base_port=5553)).start()


def test_serve_connects_writes_the_farm_and_ends_cleanly(adb_server: AdbServer, tmp_path: Path) -> None:
    base = free_ports(1)[0]
    config = tmp_path / "devices.yaml"
    arguments = [
        "--count",
        "3",
        "--base-port",
        str(base),
        "--accounts",
        "2",
        "--write-config",
        str(config),
        "--json",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", "from runner.cli.phones import app; app()", "serve", *arguments],
        env=adb_server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["phones"] == [f"127.0.0.1:{base + index}" for index in range(3)]
        assert [device.serial for device in adb_server.client.device_list()] == ready["phones"]
        assert len(httpx.get(f"{ready['control_url']}/phones").json()) == 3
        farm = load(config).farm
        assert farm.time_zone == ZoneInfo("UTC")
        assert [device.adb_serial for device in farm.devices] == ready["phones"]
        names = [account.username for device in farm.devices for account in device.accounts]
        assert names == [f"demo_00{phone}_{number}" for phone in (1, 2, 3) for number in (1, 2)]
    finally:
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0, complaints
    assert "Traceback" not in complaints
    assert adb_server.client.list() == []
