"""Instagram on a virtual phone, driven by unmodified uiautomator2 through a real adb server."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import uiautomator2

from runner.virtual.apps.instagram import Instagram
from support.virtual import LEAKS_SOCKETS, Phones, StartPhones
from support.waiting import wait_for

pytestmark = LEAKS_SOCKETS

CAPTION = "Olá 👋🏽 mañana — xin chào 你好\nsecond line #tag here"


def with_plain_manners(phones: Phones) -> Phones:
    """The installation behaves in the plainest way, and uploads in a blink."""

    def change() -> None:
        app = phones.farm.farm.phones[0].apps[Instagram.package]
        assert isinstance(app, Instagram)
        app.manners = type(app.manners)()
        app.shortest_upload = 0.3

    phones.farm.call(change)
    return phones


def push(phones: Phones, path: Path) -> str:
    """Put a file into the gallery; its sha256."""
    device = phones.adb()
    device.sync.push(str(path), f"/sdcard/Movies/{path.name}")
    device.shell(f"content call --uri content://media --method scan_file --arg /sdcard/Movies/{path.name}")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def allow_everything(device: uiautomator2.Device) -> None:
    for name in ("CAMERA", "RECORD_AUDIO", "READ_MEDIA_VIDEO", "READ_MEDIA_IMAGES"):
        device.shell(["pm", "grant", Instagram.package, f"android.permission.{name}"])


def thumbnails(device: uiautomator2.Device) -> uiautomator2.UiObject:
    return device(resourceId=f"{Instagram.package}:id/gallery_grid_item_thumbnail")


def by_id(device: uiautomator2.Device, name: str) -> uiautomator2.UiObject:
    return device(resourceId=f"{Instagram.package}:id/{name}")


def test_a_reel_of_the_second_account(start_phones: StartPhones, tmp_path: Path) -> None:
    phones = with_plain_manners(start_phones(installed=("instagram",)))
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"\0\0\0\x18ftypmp42" + b"video" * 40_000)
    sha256 = push(phones, video)
    device = phones.u2()
    device.app_start(Instagram.package)
    device(description="Profile").click()
    first = by_id(device, "action_bar_title").get_text()
    by_id(device, "action_bar_username_container").click()
    second = first.replace("_1", "_2")
    device(description=second).click()
    device(description="Profile").click()
    assert by_id(device, "action_bar_title").get_text() == second
    device(description="Create New").click()
    device(description="Create new reel").click()
    for allow in ("foreground_only", "foreground_only", ""):
        name = f"permission_allow_{allow}_button".replace("__", "_")
        device(resourceId=f"com.android.permissioncontroller:id/{name}").click()
    thumbnails(device).click()
    device(description="Next").click()
    field = by_id(device, "caption_input_text_view")
    field.click()
    field.set_text(CAPTION)
    by_id(device, "action_bar_button_text").click()
    assert field.get_text() == CAPTION
    device(description="Share").click()
    assert device(textStartsWith="Posted!").wait(timeout=10)
    (post,) = phones.posts()
    assert {name: post[name] for name in ("app", "account", "kind", "caption", "ai_label")} == {
        "app": "instagram",
        "account": second,
        "kind": "reel",
        "caption": CAPTION,
        "ai_label": False,
    }
    assert [each["sha256"] for each in post["media"]] == [sha256]
    device(description="Profile").click()
    assert by_id(device, "profile_header_familiar_post_count_value").get_text() == "1"


@pytest.mark.parametrize("version", ["400.0.0.0.0", "410.0.0.53.71"])
def test_a_carousel_in_french(start_phones: StartPhones, tmp_path: Path, version: str) -> None:
    phones = with_plain_manners(
        start_phones(installed=("instagram",), language="fr", app_versions=(("instagram", version),))
    )
    device = phones.u2()
    allow_everything(device)
    sums = []
    for number in range(3):
        image = tmp_path / f"{number}.png"
        image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes([number]) * 50_000)
        sums.append(push(phones, image))
    device.app_start(Instagram.package)
    by_id(device, "action_bar_buttons_container_left").click()
    assert thumbnails(device).wait(timeout=5)
    device(description="Bouton Sélection multiple").click()
    # The newest is first in the grid, and they count in the order of taps.
    for at in (2, 0):
        thumbnails(device)[at].click()
    device(text="Suivant").click()
    by_id(device, "creation_next_button").click()
    device(description="Partager").click()
    (post,) = wait_for(phones.posts, what="the upload")
    assert (post["kind"], post["caption"]) == ("images", "")
    assert [each["sha256"] for each in post["media"]] == [sums[0], sums[2]]


def test_a_killed_app_says_what_became_of_the_upload(start_phones: StartPhones, tmp_path: Path) -> None:
    phones = with_plain_manners(start_phones(installed=("instagram",)))
    device = phones.u2()
    allow_everything(device)
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"\0\0\0\x18ftypmp42" + b"x" * 10_000)
    push(phones, video)
    phones.fault("app_crash", "after:publish")
    device.app_start(Instagram.package)
    by_id(device, "action_bar_buttons_container_left").click()
    device(text="REEL").click()
    thumbnails(device).click()
    device(description="Next").click()
    device(description="Share").click()
    wait_for(lambda: device.app_current()["package"] != Instagram.package, what="the crash")
    device.app_start(Instagram.package)
    assert device(text="Video can't be posted").wait(timeout=5)
    assert phones.posts() == []
