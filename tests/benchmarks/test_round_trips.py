"""How often a post asks the phone something, beside a plain uiautomator2 script for the same post.

Counted by the phone, from its own log. The plain script waits selector by selector and looks for four popups
before each step, as public scripts of the field do; ours looks once and answers whatever popup there is.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from runner.script import Account
from scripts.post import Post, PostConfig
from support.script_context import open_bench
from support.virtual import Phones, StartPhones

PACKAGE = "com.zhiliaoapp.musically"
CAPTION = "Olá 👋🏽 mañana #tag"
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 64
POPUPS = ("Not now", "Don’t allow", "Got it", "Cancel")
MOST_OF_PLAIN = 0.5
LEAST_IN_PHONE = 0.85


def test_round_trips_of_a_post(start_phones: StartPhones, tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    video.write_bytes(VIDEO)
    plain = _measured(_phones(start_phones), lambda phones: _plain_post(phones, video))
    ours = _measured(_phones(start_phones), lambda phones: _our_post(phones, video, tmp_path))
    print(f"\n{'':<24}{'UI calls':>10}{'commands':>10}{'seconds':>10}{'in the phone':>14}")
    for name, figures in (("plain uiautomator2", plain), ("runner", ours)):
        print(
            f"{name:<24}{figures['rpc']:>10}{figures['shell']:>10}{figures['seconds']:>10.1f}"
            f"{figures['in_phone']:>13.0%}"
        )
    assert ours["rpc"] <= MOST_OF_PLAIN * plain["rpc"]
    assert ours["in_phone"] >= LEAST_IN_PHONE


def _phones(start_phones: StartPhones) -> Phones:
    phones = start_phones(latency="real", seed=4)
    # This popup comes a moment after the switch, which the plain script would not survive.
    phones.farm.farm.phones[0].apps[PACKAGE].manners.asks_save_login = False  # type: ignore[attr-defined]
    return phones


def _measured(phones: Phones, post: Any) -> dict[str, Any]:
    began, ended = post(phones)
    logged = phones.control("/log")
    calls = [call for call in logged if began <= call["at"] <= ended and call["ms"] is not None]
    assert [post["caption"] for post in phones.posts()] == [CAPTION]
    return {
        "rpc": sum(call["kind"] == "rpc" for call in calls),
        "shell": sum(call["kind"] == "shell" for call in calls),
        "seconds": ended - began,
        "in_phone": _covered(calls) / (ended - began),
    }


def _covered(calls: list[dict[str, Any]]) -> float:
    """Seconds in which at least one call was being answered."""
    total, until = 0.0, 0.0
    for call in sorted((call for call in calls if call["kind"] != "service"), key=lambda call: call["at"]):
        end = call["at"] + call["ms"] / 1000
        total += max(0.0, end - max(call["at"], until))
        until = max(until, end)
    return total


def _our_post(phones: Phones, video: Path, folder: Path) -> tuple[float, float]:
    config = PostConfig(captions=CAPTION, material_list=[str(video)], upload_wait_time=60)
    with open_bench(phones.serials, folder) as bench:
        with bench.phones.session(phones.serial, _token()):
            pass  # the UI server runs
        began = time.time()
        bench.run(Post(), phones.serial, config, Account("demo_001_2", "tiktok", PACKAGE))
        return began, time.time()


def _token() -> Any:
    from runner.cancel import CancelToken

    return CancelToken()


def _plain_post(phones: Phones, video: Path) -> tuple[float, float]:
    """The same steps and the same checks, waiting for one selector after the other."""
    device = phones.u2()
    adb = phones.adb()
    began = time.time()

    def step(**selector: Any) -> Any:
        for label in POPUPS:
            popup = device(text=label)
            if popup.exists:
                popup.click()
        found = device(**selector)
        assert found.wait(timeout=20), selector
        return found

    path = f"/sdcard/Movies/plain/{video.name}"
    adb.shell(["mkdir", "-p", "/sdcard/Movies/plain"])
    adb.sync.push(video, path)
    adb.shell(["content", "call", "--uri", "content://media", "--method", "scan_file", "--arg", path])
    rows = adb.shell(["content", "query", "--uri", "content://media/external/video/media"])
    media = re.search(r"_id=(\d+)", rows)
    assert media is not None
    device.app_start(PACKAGE)
    step(description="Profile").click()
    if step(textStartsWith="@").get_text() != "@demo_001_2":
        step(text="Demo 001 1").click()
        step(description="demo_001_2").click()
        step(description="Profile").click()
        assert step(textStartsWith="@").get_text() == "@demo_001_2"
    device.app_stop(PACKAGE)
    adb.shell(
        f"am start -W -n {PACKAGE}/com.ss.android.ugc.aweme.share.SystemShareActivity "
        "-a android.intent.action.SEND -t video/mp4 --grant-read-uri-permission "
        f"--eu android.intent.extra.STREAM content://media/external/video/media/{media[1]}"
    )
    step(text="Next").click()
    field = step(className="android.widget.EditText")
    field.click()
    field.set_text(CAPTION)
    assert step(className="android.widget.EditText").get_text() == CAPTION
    step(text="Post", className="android.widget.Button").click()
    step(description="Profile").click()
    step(textStartsWith="@")
    assert device(textMatches=r"\d+%", packageName=PACKAGE).wait_gone(timeout=60)
    step(resourceId=f"{PACKAGE}:id/cover").click()
    assert step(resourceId=f"{PACKAGE}:id/desc").get_text() == CAPTION
    step(descriptionStartsWith="Share video").click()
    step(text="Copy link").click()
    assert device.clipboard.startswith("https://")
    device.press("home")
    adb.shell(["rm", path])
    return began, time.time()
