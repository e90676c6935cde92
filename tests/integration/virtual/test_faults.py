"""Each fault, seen from where it hurts."""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Callable

import adbutils
import httpx
import pytest
from uiautomator2.exceptions import UiObjectNotFoundError

from runner.virtual.faults import NAMES, STEPS
from support.tiny_app import Notes
from support.virtual import LEAKS_SOCKETS, Phones

from .conftest import Notebook, StartNotes

pytestmark = LEAKS_SOCKETS


@pytest.fixture
def phones(notes: Notebook) -> Phones:
    return notes.phones


def wait_for(reached: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state(phones: Phones) -> str:
    listed = {info.serial: info.state for info in phones.server.client.list()}
    return listed.get(phones.serial, "absent")


def test_unplug_and_replug(phones: Phones) -> None:
    phones.fault("unplug")
    wait_for(lambda: state(phones) != "device")
    with pytest.raises(adbutils.AdbError):
        phones.adb().shell("echo hi")
    assert "connected to" not in phones.server.client.connect(phones.serial, timeout=20)
    phones.fault("replug")
    phones.server.client.disconnect(phones.serial)
    phones.server.connect(phones.serial)
    wait_for(lambda: state(phones) == "device")
    assert phones.adb().shell("echo hi") == "hi"


def test_unplug_for_a_moment_comes_back(phones: Phones) -> None:
    phones.fault("unplug", seconds=0.5)
    wait_for(lambda: state(phones) != "device")
    # adb connects again by itself.
    wait_for(lambda: state(phones) == "device", 30)
    assert phones.adb().shell("echo hi") == "hi"


def test_unauthorized_until_the_question_is_answered(phones: Phones) -> None:
    phones.fault("unauthorized")
    wait_for(lambda: state(phones) == "unauthorized", 30)
    with pytest.raises(adbutils.AdbError, match="unauthorized"):
        phones.adb().shell("echo hi")
    phones.fault("replug")
    wait_for(lambda: state(phones) == "device")
    assert phones.adb().shell("echo hi") == "hi"


def test_a_dead_ui_server_is_started_again(phones: Phones) -> None:
    device = phones.u2()
    phones.fault("ui_server_dies")
    assert "app_process" not in phones.adb().shell("ps -A")
    assert device.info["screenOn"] is True


def test_a_hung_ui_server_never_answers_until_it_is_ended(phones: Phones) -> None:
    device = phones.u2()
    phones.fault("ui_server_hangs")
    stream = phones.adb().create_connection(adbutils.Network.TCP, 9008)
    stream.settimeout(1)
    stream.sendall(b"GET /ping HTTP/1.1\r\n\r\n")
    with pytest.raises(TimeoutError):
        stream.recv(1)
    stream.close()
    pid = phones.adb().shell("pidof app_process")
    assert phones.adb().shell2(f"kill -9 {pid}").returncode == 0
    assert device.info["screenOn"] is True


def test_app_crash(notes: Notebook) -> None:
    device = notes.phones.u2()
    device.app_start(Notes.package)
    assert device(text="Save").exists
    notes.phones.fault("app_crash")
    assert device.app_current()["package"] == "com.android.launcher3"
    assert Notes.package not in device.app_list_running()
    device.app_start(Notes.package)
    notes.phones.fault("app_crash")
    assert device(resourceId="android:id/alertTitle").exists
    device(resourceId="android:id/aerr_close").click()
    assert not device(resourceId="android:id/alertTitle").exists


@pytest.mark.parametrize(("when", "saved"), [("before:publish", []), ("after:publish", ["kept"])])
@pytest.mark.parametrize("fault", ["app_crash", "reboot", "unplug"])
def test_a_planted_fault_strikes_at_its_step(
    notes: Notebook, fault: str, when: str, saved: list[str]
) -> None:
    """A dead process does nothing more; an unplugged phone goes on."""
    device = notes.phones.u2()
    device.app_start(Notes.package)
    device(className="android.widget.EditText").set_text("kept")
    notes.phones.fault(fault, when)
    assert notes.phones.control("/faults")["planted"] == [{"fault": fault, "when": when}]
    if fault == "app_crash":
        device(text="Save").click()
    else:
        with pytest.raises((http.client.HTTPException, OSError, adbutils.AdbError)):
            device(text="Save").click()
    assert notes.saved == (["kept"] if fault == "unplug" else saved)
    assert notes.phones.control("/faults")["planted"] == []
    assert "saved" not in notes.events or fault == "unplug"


def test_storage_full(phones: Phones) -> None:
    phones.fault("storage_full")
    done = phones.server.run("push", __file__, "/sdcard/Movies/a.mp4", serial=phones.serial)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    with pytest.raises(adbutils.AdbError):
        phones.adb().sync.push(b"x" * 100_000, "/sdcard/Movies/a.mp4")
    assert "No space left on device" in phones.adb().shell("echo x > /sdcard/Movies/a.mp4")
    assert phones.adb().shell("df /sdcard | tail -1").split()[3] == "0"
    phones.control("/faults", method="DELETE")
    phones.adb().sync.push(b"x", "/sdcard/Movies/a.mp4")


def test_a_small_phone_is_full_by_itself(start_notes: StartNotes) -> None:
    phones = start_notes(capacity=1 << 20).phones
    with pytest.raises(adbutils.AdbError):
        phones.adb().sync.push(b"x" * (2 << 20), "/sdcard/Movies/a.mp4")
    assert phones.control("/files") == []


def test_reboot_keeps_files_and_ends_processes(notes: Notebook) -> None:
    phones = notes.phones
    device = phones.u2()
    device.app_start(Notes.package)
    device(className="android.widget.EditText").set_text("lost")
    phones.adb().sync.push(b"film", "/sdcard/Movies/a.mp4")
    phones.adb().shell("content call --uri content://media --method scan_file --arg /sdcard/Movies/a.mp4")
    phones.fault("reboot", seconds=0.5)
    wait_for(lambda: state(phones) != "device")
    wait_for(lambda: state(phones) == "device", 30)
    assert phones.adb().app_current().package == "com.android.launcher3"
    assert notes.text == ""
    assert "app_process" not in phones.adb().shell("ps -A")
    assert phones.adb().sync.read_bytes("/sdcard/Movies/a.mp4") == b"film"
    assert [row["display_name"] for row in phones.control("/media")] == ["a.mp4"]


def test_popup(notes: Notebook) -> None:
    device = notes.phones.u2()
    device.app_start(Notes.package)
    notes.phones.fault("popup")
    assert not device(text="Save").exists
    device(text="Not now").click()
    assert device(text="Save").exists
    notes.phones.fault("popup", "after:launch")
    device.app_stop(Notes.package)
    device.app_start(Notes.package)
    assert device(text="Not now").wait(timeout=2)


def test_slow(phones: Phones) -> None:
    device = phones.u2()
    phones.fault("slow")
    started = time.monotonic()
    device.click(10, 10)
    assert 0.4 <= time.monotonic() - started < 3
    phones.control("/faults", method="DELETE")
    started = time.monotonic()
    device.click(10, 10)
    assert time.monotonic() - started < 0.4


def test_freeze(phones: Phones) -> None:
    phones.fault("freeze", seconds=1.5)
    started = time.monotonic()
    assert phones.adb().shell("echo hi") == "hi"
    assert 1 <= time.monotonic() - started < 5
    assert state(phones) == "device"


@pytest.mark.parametrize(
    ("fault", "answer"), [("upload_fails", "fails"), ("upload_never_ends", "never_ends")]
)
def test_upload_faults_are_asked_for_once(phones: Phones, fault: str, answer: str) -> None:
    phone = phones.farm.farm.phones[0]
    phones.fault(fault)
    assert phones.farm.call(phone.publish_failure) == answer
    assert phones.farm.call(phone.publish_failure) == ""


@pytest.mark.parametrize(
    "body",
    [
        {"fault": "flood"},
        {"fault": "unplug", "when": "later"},
        {"fault": "unplug", "when": "before:lunch"},
        {},
    ],
)
def test_an_unknown_fault_is_refused_with_the_list(phones: Phones, body: dict[str, str]) -> None:
    answer = httpx.post(f"{phones.farm.control_url}/phones/{phones.serial}/faults", json=body)
    assert answer.status_code == 400
    assert answer.json()["faults"] == list(NAMES)
    assert answer.json()["steps"] == list(STEPS)


def test_latency_is_that_of_a_real_phone(start_notes: StartNotes) -> None:
    phones = start_notes(latency="real", seed=3).phones
    device = phones.u2()

    def quickest(call: Callable[[], object]) -> float:
        """Seconds, of three times: a busy machine adds its own."""
        moments = [time.monotonic()]
        for _ in range(3):
            call()
            moments.append(time.monotonic())
        return min(after - before for before, after in itertools.pairwise(moments))

    assert 0.08 <= quickest(lambda: device.click(10, 10)) < 0.5
    assert 0.1 <= quickest(device.dump_hierarchy) < 0.8
    with pytest.raises(UiObjectNotFoundError):
        device(text="none").click(timeout=0.1)
