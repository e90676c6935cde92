"""How often a post asks the phone something, beside a plain uiautomator2 script for the same post.

Counted by the phone, from its own log. The plain script waits selector by selector and looks for four popups
before each step, as public scripts of the field do; ours looks once and answers whatever popup there is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.cancel import CancelToken
from runner.script import Account
from scripts.post import Post, PostConfig
from support.media import files
from support.script_context import open_bench
from support.virtual import Phones, StartPhones

TIKTOK = "com.zhiliaoapp.musically"
INSTAGRAM = "com.instagram.android"
USERNAME = "demo_001_2"
"""Not the active one: each post begins with a switch."""
CAPTION = "Olá 👋🏽 mañana #tag"
ALBUM = "plain"
POPUPS = ("Not now", "Don’t allow", "Got it", "Cancel")
PERMISSIONS = ("CAMERA", "RECORD_AUDIO", "READ_MEDIA_VIDEO", "READ_MEDIA_IMAGES", "READ_MEDIA_AUDIO")
MOST_OF_PLAIN = 0.5
LEAST_IN_PHONE = 0.85
PICTURES = "a.jpg b.jpg c.jpg"
FLOWS = [
    (app, way, names)
    for app in ("tiktok", "instagram")
    for way, names in (("share", "clip.mp4"), ("addButton", "clip.mp4"), ("addButton", PICTURES))
]
"""App, way, files. Pictures go by the + button whichever way is asked for."""


@pytest.mark.parametrize(("app", "way", "names"), FLOWS)
def test_round_trips_of_a_post(
    start_phones: StartPhones, tmp_path: Path, app: str, way: str, names: str
) -> None:
    media = files(tmp_path, *names.split())
    plain_post = PlainTikTok if app == "tiktok" else PlainInstagram
    plain = _measured(start_phones, lambda phones: plain_post(phones).post(way, media))
    ours = _measured(start_phones, lambda phones: _our_post(phones, app, way, media, tmp_path))
    ratio = ours["rpc"] / plain["rpc"]
    print(
        f"\n{f'{app} {way} {names}':<36}{'UI calls':>10}{'commands':>10}{'seconds':>10}{'in the phone':>14}"
    )
    for name, figures in (("plain uiautomator2", plain), ("runner", ours)):
        print(
            f"{name:<36}{figures['rpc']:>10}{figures['shell']:>10}{figures['seconds']:>10.1f}"
            f"{figures['in_phone']:>13.0%}"
        )
    print(f"{'UI calls of the runner / plain':<36}{ratio:>10.2f}")
    assert ratio <= MOST_OF_PLAIN
    assert ours["in_phone"] >= LEAST_IN_PHONE


def _measured(start_phones: StartPhones, post: Callable[[Phones], tuple[float, float]]) -> dict[str, float]:
    phones = start_phones(latency="real", seed=4)
    for app in phones.farm.farm.phones[0].apps.values():
        if hasattr(app, "manners"):
            # The plain script knows the plainest screens only, and no popup that comes a moment later.
            app.manners = type(app.manners)()
    began, ended = post(phones)
    logged = phones.control("/log")
    calls = [call for call in logged if began <= call["at"] <= ended and call["ms"] is not None]
    assert [(each["account"], each["caption"]) for each in phones.posts()] == [(USERNAME, CAPTION)]
    return {
        "rpc": sum(call["kind"] == "rpc" for call in calls),
        "shell": sum(call["kind"] == "shell" for call in calls),
        "seconds": ended - began,
        "in_phone": _covered(calls) / (ended - began),
    }


def _covered(calls: list[dict[str, Any]]) -> float:
    """Seconds in which the phone was answering a call or running a command, its shell's start included."""
    at_work = [call for call in calls if call["kind"] == "rpc" or call["name"].startswith("shell")]
    total, until = 0.0, 0.0
    for call in sorted(at_work, key=lambda call: call["at"]):
        end = call["at"] + call["ms"] / 1000
        total += max(0.0, end - max(call["at"], until))
        until = max(until, end)
    return total


def _our_post(phones: Phones, app: str, way: str, media: list[Path], folder: Path) -> tuple[float, float]:
    config = PostConfig.model_validate(
        {
            "captions": CAPTION,
            "material_list": [str(path) for path in media],
            "content_type": int(media[0].suffix != ".mp4"),
            "post_way": way,
            "upload_wait_time": 60,
        }
    )
    package = TIKTOK if app == "tiktok" else INSTAGRAM
    with open_bench(phones.serials, folder) as bench:
        with bench.phones.session(phones.serial, CancelToken()):
            pass  # the UI server runs
        began = time.time()
        bench.run(Post(), phones.serial, config, Account(USERNAME, app, package))
        return began, time.time()


class PlainPost:
    """The same steps and the same checks, waiting for one selector after the other."""

    package: str

    def __init__(self, phones: Phones) -> None:
        self.device = phones.u2()
        self.adb = phones.adb()
        self.uri = ""

    def step(self, *, name: str = "", **selector: Any) -> Any:
        """`name` is a resource id without its package."""
        for label in POPUPS:
            popup = self.device(text=label)
            if popup.exists:
                popup.click()
        if name:
            selector["resourceId"] = f"{self.package}:id/{name}"
        found = self.device(**selector)
        assert found.wait(timeout=20), selector
        return found

    def post(self, way: str, media: list[Path]) -> tuple[float, float]:
        """When it began and ended."""
        began = time.time()
        paths = [self._push(path) for path in reversed(media)]
        for permission in PERMISSIONS:
            self.adb.shell(["pm", "grant", self.package, f"android.permission.{permission}"])
        self.device.app_start(self.package)
        self.prove_account()
        if way == "share":
            self.share()
        elif len(media) == 1:
            self.pick_video()
        else:
            self.pick_pictures(len(media))
        self.publish()
        self.device.press("home")
        for path in paths:
            self.adb.shell(["rm", path])
        return began, time.time()

    def _push(self, file: Path) -> str:
        path = f"/sdcard/Movies/{ALBUM}/{file.name}"
        self.adb.shell(["mkdir", "-p", f"/sdcard/Movies/{ALBUM}"])
        self.adb.sync.push(file, path)
        self.adb.shell(
            ["content", "call", "--uri", "content://media", "--method", "scan_file", "--arg", path]
        )
        kind = "video" if file.suffix == ".mp4" else "images"
        rows = self.adb.shell(["content", "query", "--uri", f"content://media/external/{kind}/media"])
        row = re.search(r"_id=(\d+)", rows)
        assert row is not None
        self.uri = f"content://media/external/{kind}/media/{row[1]}"
        return path

    def prove_account(self) -> None:
        raise NotImplementedError

    def share(self) -> None:
        raise NotImplementedError

    def pick_video(self) -> None:
        raise NotImplementedError

    def pick_pictures(self, count: int) -> None:
        raise NotImplementedError

    def publish(self) -> None:
        raise NotImplementedError

    def write(self, **selector: Any) -> None:
        field = self.step(**selector)
        field.click()
        field.set_text(CAPTION)
        assert self.step(**selector).get_text() == CAPTION
        # The list of suggestions goes away, where it is there by now, then the keyboard.
        while "mInputShown=true" in self.adb.shell("dumpsys input_method"):
            self.device.press("back")

    def copy_link(self) -> None:
        self.step(text="Copy link").click()
        assert self.device(text="Copy link").wait_gone(timeout=5)
        assert self.device.clipboard.startswith("https://")


class PlainTikTok(PlainPost):
    package = TIKTOK

    def prove_account(self) -> None:
        self.step(description="Profile").click()
        if self.step(textStartsWith="@").get_text() != f"@{USERNAME}":
            self.step(text="Demo 001 1").click()
            self.step(description=USERNAME).click()
            self.step(description="Profile").click()
            assert self.step(textStartsWith="@").get_text() == f"@{USERNAME}"

    def share(self) -> None:
        self.device.app_stop(TIKTOK)
        self.adb.shell(
            f"am start -W -n {TIKTOK}/com.ss.android.ugc.aweme.share.SystemShareActivity "
            "-a android.intent.action.SEND -t video/mp4 --grant-read-uri-permission "
            f"--eu android.intent.extra.STREAM {self.uri}"
        )

    def pick_video(self) -> None:
        self.pick_pictures(1)

    def pick_pictures(self, count: int) -> None:
        self.step(description="Create").click()
        self.step(name="ymg").click()
        self.step(text="Recents").click()
        self.step(text=ALBUM).click()
        for number in range(count):
            self.step(name="jh7", instance=number).click()
        self.step(text=f"Next ({count})").click()

    def publish(self) -> None:
        self.step(text="Next").click()
        self.write(name="g19")
        self.step(text="Post", className="android.widget.Button").click()
        self.step(description="Profile").click()
        self.step(textStartsWith="@")
        assert self.device(textMatches=r"\d+%", packageName=TIKTOK).wait_gone(timeout=60)
        self.step(name="cover").click()
        assert self.step(name="desc").get_text() == CAPTION
        self.step(descriptionStartsWith="Share video").click()
        self.copy_link()


class PlainInstagram(PlainPost):
    package = INSTAGRAM
    pictures = False

    def prove_account(self) -> None:
        self.step(name="profile_tab").click()
        if self.step(name="action_bar_title").get_text() != USERNAME:
            self.step(name="action_bar_username_container").click()
            self.step(descriptionContains=USERNAME).click()
            self.step(name="profile_tab").click()
            assert self.step(name="action_bar_title").get_text() == USERNAME

    def share(self) -> None:
        self.adb.shell(
            f"am start -W -a com.instagram.share.ADD_TO_FEED -p {INSTAGRAM} -t video/mp4 "
            f"--grant-read-uri-permission --eu android.intent.extra.STREAM {self.uri}"
        )

    def pick_video(self) -> None:
        self.open_album("Create new reel")
        self.step(name="gallery_grid_item_thumbnail").click()

    def pick_pictures(self, count: int) -> None:
        self.open_album("Create new post")
        self.step(name="multi_select_slide_button_alt").click()
        self.step(name="gallery_grid_item_selection_circle")
        for number in range(count):
            self.step(name="gallery_grid_item_thumbnail", instance=number).click()
        self.step(descriptionContains=f"Selected media number {count}")
        self.step(name="next_button_textview").click()
        self.pictures = True

    def open_album(self, create: str) -> None:
        self.step(description="Create New").click()
        self.step(description=create).click()
        self.step(name="gallery_folder_menu_tv").click()
        self.step(text=ALBUM).click()
        self.step(name="gallery_folder_menu_tv", textContains=ALBUM)

    def publish(self) -> None:
        self.step(name="creation_next_button" if self.pictures else "clips_right_action_button").click()
        self.write(name="caption_input_text_view")
        self.step(name="share_button").click()
        self.step(textStartsWith="Posted!")
        self.step(name="profile_tab").click()
        self.step(name="image_button").click()
        if self.pictures:
            self.step(text=f"{USERNAME} {CAPTION}")
            self.step(name="row_feed_button_share").click()
        else:
            self.step(description=CAPTION)
            self.step(name="direct_share_button").click()
        self.copy_link()
