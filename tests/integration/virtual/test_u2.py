"""uiautomator2, unmodified, through a real adb server."""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path

import pytest
import uiautomator2
from lxml import etree
from PIL import Image, ImageChops
from uiautomator2.core import launch_uiautomator
from uiautomator2.exceptions import RPCUnknownError, UiObjectNotFoundError

from support.tiny_app import Notes
from support.virtual import LEAKS_SOCKETS

from .conftest import Notebook, StartNotes

pytestmark = LEAKS_SOCKETS

WORDS = "¡Hola! 😀👩‍👩‍👧 Đà Nẵng 你好 \"quotes\" 'n' $HOME; `ls` \\ <&>"


def open_app(notes: Notebook) -> uiautomator2.Device:
    device = notes.phones.u2()
    device.app_start(Notes.package)
    return device


def test_connecting_and_reading_the_phone(notes: Notebook) -> None:
    device = notes.phones.u2()
    assert device.info["currentPackageName"] == "com.android.launcher3"
    assert device.info["screenOn"] is True
    assert device.window_size() == (1080, 2400)
    assert device.device_info["sdk"] == 33
    assert device.device_info["version"] == 13
    assert device.serial == notes.phones.serial
    # A second client finds the server running and starts none.
    again = notes.phones.u2()
    assert again.info == device.info


def test_starting_and_stopping_an_app(notes: Notebook) -> None:
    device = open_app(notes)
    assert device.app_current() == {
        "package": "com.example.notes",
        "activity": "com.example.notes.EditActivity",
        "pid": 0,
    }
    assert Notes.package in device.app_list_running()
    assert device.app_wait(Notes.package, timeout=2, front=True) > 0
    assert device.app_info(Notes.package) == {"versionName": "1.2.3", "versionCode": 102030}
    assert device.app_list("-3") == [Notes.package]
    device.app_stop(Notes.package)
    assert device.app_current()["package"] == "com.android.launcher3"
    assert Notes.package not in device.app_list_running()
    device.app_start(Notes.package, activity=".EditActivity", wait=True)
    assert device.app_current()["package"] == Notes.package
    device.press("home")
    assert device.info["currentPackageName"] == "com.android.launcher3"


def test_selectors_and_taps(notes: Notebook) -> None:
    device = open_app(notes)
    assert device(text="Save").info["bounds"] == {"left": 0, "top": 500, "right": 540, "bottom": 620}
    assert device(className="android.widget.TextView", packageName=Notes.package).count == 6
    assert device(resourceId="com.example.notes:id/list").child(text="Row 2").exists
    assert not device(text="Saved").exists
    device(text="Save").click()
    device(text="Save").long_click(0.6)
    device.click(0.25, 0.2333)
    assert [event for event in notes.events if event != "saved"] == [
        "tap 270,560",
        "tap 270,560 for 0.6",
        "tap 270,559",
    ]
    assert len(notes.saved) == 3
    with pytest.raises(UiObjectNotFoundError):
        device(text="Saved").click(timeout=0.2)
    assert device(text="Saved").wait_gone(timeout=0.2)
    assert (
        device.xpath('//android.widget.Button[@text="Ask"]').get().attrib["content-desc"]
        == "Ask for the camera"
    )
    device.xpath("Save").click()
    assert len(notes.saved) == 4


def test_scrolling(notes: Notebook) -> None:
    device = open_app(notes)
    device.swipe(500, 1500, 500, 1100, steps=5)
    assert notes.events[-1] == "swipe 500,1500 500,1100"
    assert device(text="Row 2").exists
    assert not device(text="Row 1").exists
    assert device(scrollable=True).scroll.to(text="Row 15")
    assert device(text="Row 15").exists
    device(scrollable=True).scroll.toBeginning()
    assert device(text="Row 0").exists


@pytest.mark.parametrize("adb_keyboard", [False, True])
def test_typing(start_notes: StartNotes, adb_keyboard: bool) -> None:
    """Without uiautomator2's keyboard it goes by the clipboard, with it by broadcasts."""
    notes = start_notes(adb_keyboard=adb_keyboard)
    device = open_app(notes)
    device(resourceId="com.example.notes:id/note").click()
    device.send_keys(WORDS)
    assert notes.text == WORDS
    assert device(resourceId="com.example.notes:id/note").get_text() == WORDS
    device.send_keys("more", clear=True)
    assert notes.text == "more"
    device.clear_text()
    assert notes.text == ""
    device(resourceId="com.example.notes:id/note").set_text(WORDS)
    assert notes.text == WORDS


def test_installing_the_keyboard(notes: Notebook) -> None:
    device = open_app(notes)
    device.set_input_ime()
    assert device.current_ime() == "com.github.uiautomator/.AdbKeyboard"
    device(resourceId="com.example.notes:id/note").click()
    device.send_keys(WORDS)
    assert notes.text == WORDS
    device.hide_keyboard()
    assert "keyboard hidden" in notes.events


def test_the_keyboard_is_a_window_while_a_field_has_the_focus(notes: Notebook) -> None:
    device = open_app(notes)
    keys = device(packageName="com.google.android.inputmethod.latin", clickable=True)
    assert keys.count == 0
    device(resourceId="com.example.notes:id/note").click()
    assert keys.count == 2
    first = etree.fromstring(device.dump_hierarchy().encode())[0]
    assert first.get("package") == "com.google.android.inputmethod.latin"
    device(description="4").click()
    assert notes.text == "4"
    device.press("back")
    assert keys.count == 0
    assert notes.events[-1] == "back"


def test_clipboard_and_toasts(notes: Notebook) -> None:
    device = notes.phones.u2()
    device.clipboard = WORDS
    assert device.clipboard == WORDS
    assert device.last_toast is None
    phone = notes.phones.farm.farm.phones[0]
    notes.phones.farm.call(phone.toast, "Saved")
    assert device.toast.get_message(wait_timeout=1) == "Saved"
    device.clear_toast()
    assert device.last_toast is None


def test_permission_dialog(notes: Notebook) -> None:
    device = open_app(notes)
    device(text="Ask").click()
    message = device(resourceId="com.android.permissioncontroller:id/permission_message")
    assert "take pictures and record video" in message.get_text()
    assert not device(text="Save").exists
    assert "GrantPermissionsActivity" in device.shell("dumpsys window windows").output
    device(resourceId="com.android.permissioncontroller:id/permission_deny_button").click()
    assert notes.events[-1] == "camera False"
    device(text="Ask").click()
    device(resourceId="com.android.permissioncontroller:id/permission_allow_foreground_only_button").click()
    assert notes.events[-1] == "camera True"
    device(text="Ask").click()
    assert not message.exists
    device.app_clear(Notes.package)
    device.app_start(Notes.package)
    device.app_auto_grant_permissions(Notes.package)
    device(text="Ask").click()
    assert not message.exists
    assert notes.events[-1] == "camera True"


def test_screen_off_takes_no_taps(notes: Notebook) -> None:
    device = open_app(notes)
    device.screen_off()
    assert device.info["screenOn"] is False
    assert not notes.phones.adb().is_screen_on()
    device.click(270, 560)
    assert notes.events == []
    assert not device(text="Save").exists
    assert ImageChops.difference(device.screenshot(), Image.new("RGB", (1080, 2400))).getbbox() is None
    device.screen_on()
    device.click(270, 560)
    assert notes.events == ["tap 270,560"]


def test_pictures_show_the_screen(notes: Notebook) -> None:
    device = open_app(notes)
    picture = device.screenshot()
    assert picture.size == (1080, 2400)
    device(resourceId="com.example.notes:id/note").set_text("something else")
    assert ImageChops.difference(picture, device.screenshot()).getbbox() is not None
    assert notes.phones.adb().screenshot().size == (1080, 2400)
    assert notes.phones.adb().framebuffer().size == (1080, 2400)


def test_push_and_pull(notes: Notebook, tmp_path: Path) -> None:
    device = notes.phones.u2()
    data = bytes(range(256)) * 5000
    device.push(io.BytesIO(data), "/sdcard/Movies/a.mp4")
    assert (
        device.shell("sha256sum /sdcard/Movies/a.mp4").output.split()[0] == hashlib.sha256(data).hexdigest()
    )
    device.pull("/sdcard/Movies/a.mp4", str(tmp_path / "a.mp4"))
    assert (tmp_path / "a.mp4").read_bytes() == data
    (tmp_path / "b.txt").write_text("b")
    device.push(str(tmp_path / "b.txt"), "/sdcard/Download/")
    assert notes.phones.adb().sync.read_text("/sdcard/Download/b.txt") == "b"
    assert [found.path for found in notes.phones.adb().sync.list("/sdcard/Download/")] == [".", "..", "b.txt"]


def test_unknown_calls_fail(notes: Notebook) -> None:
    device = notes.phones.u2()
    with pytest.raises(RPCUnknownError, match="-32601 method not found"):
        device.jsonrpc.makeToast("x", 1)
    with pytest.raises(RPCUnknownError, match="-32602"):
        device.jsonrpc.click()
    with pytest.raises(RPCUnknownError, match="-32602"):
        device(textMatches="(").exists()
    assert device.shell("nonsense").exit_code == 127


def test_a_second_server_is_refused(notes: Notebook) -> None:
    notes.phones.u2()
    said = notes.phones.adb().shell(
        "CLASSPATH=/data/local/tmp/u2.jar app_process / com.wetest.uia2.Main -p 9009"
    )
    assert "already registered" in said
    process = launch_uiautomator(notes.phones.adb(), 9009)
    assert process.wait()
    assert b"already registered" in process.output
    process.kill()


def test_the_server_needs_its_jar_and_dies_with_its_stream(notes: Notebook) -> None:
    said = notes.phones.adb().shell("CLASSPATH=/data/local/tmp/u2.jar app_process / com.wetest.uia2.Main")
    assert "could not find or load class" in said
    device = notes.phones.u2()
    assert device.info
    device.stop_uiautomator()
    assert "app_process" not in notes.phones.adb().shell("ps -A")
    # uiautomator2 starts it again by itself.
    started = time.monotonic()
    assert device.info
    assert time.monotonic() - started < 5
