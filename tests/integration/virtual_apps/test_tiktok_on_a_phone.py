"""TikTok on a whole virtual phone, driven by unmodified uiautomator2 through a real adb server."""

from __future__ import annotations

import hashlib
import re
import time

import pytest

from support.virtual import Phones, StartPhones

PACKAGE = "com.zhiliaoapp.musically"
CAPTION = "Olá 👋🏽 mañana xin chào 你好\nsecond line #tag"
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 64


def tiktok(phones: Phones, *, gallery: str = "circles"):
    app = phones.farm.farm.phones[0].apps[PACKAGE]
    app.manners = type(app.manners)(gallery=gallery)
    app.shortest_upload = 0.3
    return app


def push(phones: Phones, name: str, content: bytes = VIDEO, folder: str = "Movies/runner") -> str:
    """Put a file where apps can see it; its MediaStore id."""
    adb = phones.adb()
    path = f"/sdcard/{folder}/{name}"
    adb.shell(["mkdir", "-p", f"/sdcard/{folder}"])
    adb.sync.push(content, path)
    adb.shell(["content", "call", "--uri", "content://media", "--method", "scan_file", "--arg", path])
    kind = "video" if name.endswith("mp4") else "images"
    rows = adb.shell(
        ["content", "query", "--uri", f"content://media/external/{kind}/media", "--projection", "_id:_data"]
    )
    return re.search(rf"_id=(\d+), _data=\S*{re.escape(name)}", rows).group(1)


def share(phones: Phones, media_id: str) -> str:
    return phones.adb().shell(
        f"am start -W -n {PACKAGE}/com.ss.android.ugc.aweme.share.SystemShareActivity "
        "-a android.intent.action.SEND -t video/mp4 --grant-read-uri-permission "
        f"--eu android.intent.extra.STREAM content://media/external/video/media/{media_id}"
    )


def wait_for_posts(phones: Phones, count: int = 1) -> list[dict]:
    deadline = time.monotonic() + 20
    while len(posts := phones.posts()) < count:
        assert time.monotonic() < deadline, "nothing was accepted"
        time.sleep(0.05)
    return posts


def test_a_shared_video_is_published_as_it_was_pushed_and_typed(phones: Phones) -> None:
    tiktok(phones)
    device = phones.u2()
    share(phones, push(phones, "clip.mp4"))
    device(text="Next").click(timeout=5)
    device(className="android.widget.EditText").set_text(CAPTION)
    assert device(className="android.widget.EditText").get_text() == CAPTION
    device.press("back")
    device(text="Post", className="android.widget.Button").click(timeout=5)
    (post,) = wait_for_posts(phones)
    assert post["caption"] == CAPTION
    assert post["account"] == "demo_001_1"
    assert post["media"] == [
        {"sha256": hashlib.sha256(VIDEO).hexdigest(), "size": len(VIDEO), "name": "clip.mp4"}
    ]
    device(description="Profile").click()
    assert device(text="@demo_001_1").exists
    device(resourceId=f"{PACKAGE}:id/cover").click()
    assert CAPTION in device.dump_hierarchy().replace("&#10;", "\n")


def test_the_switcher_makes_another_account_publish(phones: Phones) -> None:
    tiktok(phones)
    device = phones.u2()
    device.app_start(PACKAGE)
    device(description="Profile").click(timeout=5)
    device(text="Demo 001 1").click(timeout=5)
    device(description="demo_001_2").click(timeout=5)
    device(description="Profile").click(timeout=5)
    assert device(text="@demo_001_2").exists


@pytest.mark.parametrize("gallery", ["plain", "multi"])
def test_the_plus_button_asks_for_permissions_and_picks_from_an_album(
    start_phones: StartPhones, gallery: str
) -> None:
    phones = start_phones()
    tiktok(phones, gallery=gallery)
    device = phones.u2()
    push(phones, "a.jpg", b"\xff\xd8\xff" + b"a" * 500)
    device.app_start(PACKAGE)
    device(description="Create").click(timeout=5)
    for _ in range(2):
        device(resourceIdMatches=".*permission_allow_foreground_only_button").click(timeout=5)
    device.click(105, 2160)
    device(resourceIdMatches=".*permission_allow.*button").click(timeout=5)
    device(text="Recents").click(timeout=5)
    device(text="runner").click(timeout=5)
    device.click(180, 600)
    if gallery == "multi":
        device(text="Next (1)").click(timeout=5)
    device(text="Next").click(timeout=5)
    device(text="Add a catchy title").set_text("title")
    device(resourceId=f"{PACKAGE}:id/g19").set_text("words")
    assert not device(text="Drafts").exists
    device(text="Post").click(timeout=5)
    (post,) = wait_for_posts(phones)
    assert (post["kind"], post["title"], post["caption"]) == ("images", "title", "words")


def test_a_planted_popup_covers_the_next_screen(phones: Phones) -> None:
    app = tiktok(phones)
    device = phones.u2()
    phones.fault("popup", "after:launch")
    device.app_start(PACKAGE)
    deadline = time.monotonic() + 5
    while not app.screen.startswith("popup:"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    device.press("back")
    assert device(text="For You").wait(timeout=5)


def test_french_at_real_speed(start_phones: StartPhones) -> None:
    phones = start_phones(language="fr", latency="real")
    tiktok(phones)
    device = phones.u2()
    share(phones, push(phones, "clip.mp4"))
    device(text="Suivant").click(timeout=10)
    assert device(text="Brouillons").wait(timeout=10)
    device(text="Publier", className="android.widget.Button").click(timeout=10)
    assert device(description="Ami(e)s", selected=True).wait(timeout=10)
    assert len(wait_for_posts(phones)) == 1
