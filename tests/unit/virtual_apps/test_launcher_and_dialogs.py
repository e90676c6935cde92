"""What surrounds the apps: the launcher's icons and Android's permission dialog."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from runner.virtual.app import Intent
from runner.virtual.apps import build_apps
from runner.virtual.apps.dialogs import permission_dialog
from runner.virtual.apps.pages import KEPT_DRAWINGS


def middle(windows, name):
    node = next(n for w in windows for n in w.iter("node") if n.get("resource-id").endswith(f"/{name}"))
    left, top, right, bottom = map(int, re.findall(r"\d+", node.get("bounds")))
    return (left + right) // 2, (top + bottom) // 2


def said(windows):
    return {n.get("text") for w in windows for n in w.iter("node")} - {""}


def test_the_launcher_is_first_and_its_icons_start_the_apps(stage):
    launcher, tiktok, trill = build_apps(
        stage, versions={"trill": "43.1.4"}, accounts={"tiktok": ["user_001"]}
    )
    assert (tiktok.accounts, trill.accounts) == (["user_001"], [])
    launcher.start(Intent())
    icons = [n for n in launcher.windows()[0].iter("node") if n.get("text") == "TikTok"]
    assert len(icons) == 2
    left, top, *_ = map(int, re.findall(r"\d+", icons[0].get("bounds")))
    launcher.tap(left + 5, top + 5)
    assert stage.front == tiktok.package
    assert tiktok.screen == "home"
    launcher.back()
    assert launcher.screen == "launcher"


@pytest.mark.parametrize(
    ("language", "permission", "words", "buttons"),
    [
        (
            "en",
            "CAMERA",
            {
                "Allow TikTok to take pictures and record video?",
                "While using the app",
                "Only this time",
                "Don’t allow",
            },
            {
                "permission_allow_foreground_only_button": True,
                "permission_allow_one_time_button": True,
                "permission_deny_button": False,
            },
        ),
        (
            "fr",
            "RECORD_AUDIO",
            {
                "Autoriser TikTok à enregistrer de l'audio ?",
                "Lorsque vous utilisez l'appli",
                "Uniquement cette fois-ci",
                "Ne pas autoriser",
            },
            {"permission_allow_one_time_button": True, "permission_deny_and_dont_ask_again_button": False},
        ),
        (
            "en",
            "READ_MEDIA_VIDEO",
            {"Allow TikTok to access photos and videos on this device?", "Allow", "Don’t allow"},
            {"permission_allow_button": True, "permission_deny_button": False},
        ),
    ],
)
def test_the_permission_dialog_says_and_means_what_androids_does(
    make_stage, language, permission, words, buttons
):
    stage = make_stage(language=language)
    windows, tapped = permission_dialog(stage, "com.zhiliaoapp.musically", f"android.permission.{permission}")
    assert said(windows) == words
    for name, answer in buttons.items():
        assert tapped(*middle(windows, name)) is answer
    assert tapped(5, 5) is None
    assert tapped(*middle(windows, "permission_message")) is None


def test_only_so_many_drawings_are_kept_and_the_others_are_drawn_again(make_stage, make_hand):
    first = make_hand(make_stage())
    first.launch()
    before = first.app.windows()
    assert first.app.windows() is before
    others = [make_hand(make_stage(seed=seed)) for seed in range(KEPT_DRAWINGS)]
    for hand in others:
        hand.launch()
        hand.app.windows()
    again = first.app.windows()
    assert again is not before
    assert [etree.tostring(window) for window in again] == [etree.tostring(window) for window in before]
