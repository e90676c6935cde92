"""GET /devices, GET /events, and a devices.yaml that changes while the service runs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx

from support.stage import ABSENT, Stage, StageService, StartBare, config_text
from support.waiting import wait_for


def test_devices_tell_their_states(stage: Stage) -> None:
    answer = stage.service.call("GET", "devices")
    devices = {device["serial"]: device for device in answer["devices"]}
    assert list(devices) == [stage.first, stage.second, ABSENT, "DISABLED01"]
    first = devices[stage.first]
    assert (first["index"], first["name"], first["address"]) == (1, "First", stage.first)
    assert first["state"] in ("ready", "busy")
    assert (first["android"], first["language"]) == ("13", "en-US")
    assert first["model"]
    assert first["since"].endswith("+07:00")
    assert [account["app"] for account in first["accounts"]] == ["tiktok"] * 4 + ["instagram"]
    assert [account["enabled"] for account in first["accounts"]] == [True, True, False, True, True]
    assert devices[ABSENT]["state"] == "absent"
    assert "cable" in devices[ABSENT]["reason"]
    assert devices["DISABLED01"]["enabled"] is False
    assert answer["problems"] == []


class Reader:
    """Reads an event stream in a thread; `last` holds the newest event of each name."""

    def __init__(self, service: StageService, query: str = "") -> None:
        self.last: dict[str, Any] = {}
        self.count = 0
        self._stream = httpx.stream("GET", f"{service.url}/api/v1/events{query}", timeout=30)
        self._response = self._stream.__enter__()
        assert self._response.headers["Content-Type"].startswith("text/event-stream")
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            for name, data in self._events():
                self.count += 1
                self.last[name] = json.loads(data)
        except httpx.TransportError:
            return

    def _events(self) -> Iterator[tuple[str, str]]:
        name = ""
        for line in self._response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, line.removeprefix("data: ")

    def close(self) -> None:
        self._response.close()
        self.thread.join(10)


def test_events_follow_phones_and_tasks(stage: Stage) -> None:
    reader = Reader(stage.service, "?page_size=100")
    try:
        wait_for(lambda: len(reader.last) == 3, what="the first three events")
        assert reader.last["devices"] == stage.service.call("GET", "devices")
        task_id = stage.service.act("step:prepare", "wait:1.5", "step:caption")

        def shown() -> dict[str, Any]:
            return next((task for task in reader.last["tasks"]["tasks"] if task["id"] == task_id), {})

        wait_for(lambda: shown().get("status_text") == "running", what="running on the stream")
        wait_for(lambda: shown().get("progress", {}).get("step") == "prepare", what="its step on the stream")
        wait_for(lambda: shown().get("status_text") == "completed", what="completed on the stream")
        assert {**shown(), "steps": stage.service.task(task_id)["steps"]} == stage.service.task(task_id)
        wait_for(lambda: reader.last["stats"] == stage.service.call("GET", "task/stats"), what="the stats")
    finally:
        reader.close()


def test_events_take_the_filters_of_the_list(stage: Stage) -> None:
    stage.service.later()
    reader = Reader(stage.service, "?status=0&page_size=1")
    try:
        wait_for(lambda: "tasks" in reader.last, what="the tasks")
        assert [task["status"] for task in reader.last["tasks"]["tasks"]] == [0]
    finally:
        reader.close()
    stage.service.refused("GET", "events?status=8", 40001)


def test_a_quiet_farm_sends_nothing_new(start_bare: StartBare) -> None:
    service = start_bare()
    reader = Reader(service)
    wait_for(lambda: len(reader.last) == 3, what="the first three events")
    before = reader.count
    threading.Event().wait(1.6)
    assert reader.count == before
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 5, "an open stream held the service up"
    reader.close()


def test_a_changed_devices_yaml_is_taken_up_and_a_broken_one_told(start_bare: StartBare) -> None:
    service = start_bare()
    wrong = config_text([{"serial": "NEW", "accounts": [{"usrename": "x"}]}])
    service.config.write_text(wrong, encoding="utf-8")
    problems = wait_for(lambda: service.call("GET", "devices")["problems"], what="the problem")
    assert any("usrename" in problem and "devices.yaml:" in problem for problem in problems)
    assert [device["serial"] for device in service.call("GET", "devices")["devices"]] == [ABSENT]
    assert service.log.count("usrename") == 1

    right = config_text([{"serial": "NEW", "accounts": [{"username": "x"}]}])
    service.config.write_text(right, encoding="utf-8")

    def serials() -> list[str]:
        return [device["serial"] for device in service.call("GET", "devices")["devices"]]

    wait_for(lambda: serials() == ["NEW"], what="the new farm")
    assert service.call("GET", "devices")["problems"] == []
    log = str(service.folder / "act.log")
    assert service.create(usernames=["x"], script_name="act", script_config={"log": log})
