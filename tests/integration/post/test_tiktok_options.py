"""Sounds, volumes, the AI label and product links of posts on TikTok, and where they can't be had."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ControlMissing, StepFailed
from runner.script import Result
from runner.virtual.apps.tiktok import options
from runner.virtual.apps.tiktok.popups import ANY_TIME
from scripts.post import PostConfig
from support.media import files
from support.post_rig import CAPTION, Rig, RigFactory, after_step

LOOKS = [("en", "43.1.4"), ("fr", "43.1.4"), ("en", "46.7.3"), ("fr", "47.0.3")]

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "video": (
        {
            "add_sound": 1,
            "origin_sound_volume": 0,
            "add_sound_volume": 83,
            "ai_label": True,
            "add_product_link": 1,
        },
        {
            "sound": "Song 101",
            "origin_volume": 0,
            "sound_volume": 83,
            "ai_label": True,
            "product_link": True,
        },
    ),
    "its own sound only": ({"add_sound": 0, "origin_sound_volume": 100}, {"origin_volume": 100}),
    "sound by name": (
        {"post_way": "useSound", "sound_name": "Song 103"},
        {"sound": "Song 103", "sound_volume": 50},
    ),
    "pictures": (
        {
            "content_type": 1,
            "add_sound": "custom",
            "custom_sound_keyword": "song 107",
            "add_sound_volume": 7,
            "ai_label": True,
            "add_product_link": 1,
        },
        {
            "sound": "Song 107",
            "origin_volume": None,
            "sound_volume": 7,
            "ai_label": True,
            "product_link": True,
        },
    ),
}
DEFAULTS = {
    "sound": "",
    "origin_volume": 50,
    "sound_volume": None,
    "ai_label": False,
    "product_link": False,
    "caption": CAPTION,
}


def post(rig: Rig, folder: Path, **fields: Any) -> Result:
    paths = files(folder, *(["2.jpg", "1.jpg"] if fields.get("content_type") else ["clip.mp4"]))
    given = {"captions": CAPTION, "material_list": [str(path) for path in paths], "upload_wait_time": 20}
    return rig.run(PostConfig(**{**given, **fields}), "demo_001_2")


def accepted(rig: Rig) -> dict[str, Any]:
    (post,) = rig.posts
    return {name: post[name] for name in DEFAULTS}


@pytest.fixture(params=LOOKS, ids=lambda look: "-".join(look))
def any_rig(request: pytest.FixtureRequest, make_rig: RigFactory) -> Rig:
    language, version = request.param
    return make_rig(language=language, app_versions=(("tiktok", version),))


@pytest.mark.parametrize("case", CASES)
def test_each_option_is_what_the_phone_accepts(any_rig: Rig, tmp_path: Path, case: str) -> None:
    fields, expected = CASES[case]
    result = post(any_rig, tmp_path, **fields)
    assert accepted(any_rig) == {**DEFAULTS, **expected}
    assert result.evidence["sound"] == expected.get("sound", "")
    assert any_rig.app.mistakes == []


def test_what_is_the_apps_default_is_not_touched(rig: Rig, tmp_path: Path) -> None:
    post(rig, tmp_path)
    assert accepted(rig) == DEFAULTS
    taps = [note for note in rig.last.notes if "sound" in note]
    assert taps == []


def test_a_label_and_volumes_that_are_so_already_are_left_alone(rig: Rig, tmp_path: Path) -> None:
    def set_already() -> None:
        for page in rig.app._pages:
            if composition := getattr(page, "composition", None):
                composition.ai_label, composition.origin_volume = True, 30

    with after_step(rig, "pick_media", set_already):
        post(rig, tmp_path, ai_label=True, origin_sound_volume=30)
    assert accepted(rig) == {**DEFAULTS, "ai_label": True, "origin_volume": 30}
    assert rig.app.shelf.explains_ai_label, "the switch was not touched"


# What can't be had fails before anything is published


@pytest.mark.parametrize(
    ("fields", "spoilt", "why"),
    [
        ({"add_sound": 1}, "sound", "editor shows Add sound, not the sound Song 101"),
        ({"add_sound": 1, "add_sound_volume": 60}, "volume", "added volume on volumes stays at 50, not 60"),
        ({"ai_label": True}, "ai_label", "switch for AI-generated content on more_options does not go on"),
        ({"add_product_link": 1}, "product", "post_page does not read as linked to Product 901"),
    ],
)
def test_an_option_that_does_not_take_is_not_published_without(
    rig: Rig,
    tmp_path: Path,
    fields: dict[str, Any],
    spoilt: str,
    why: str,
) -> None:
    rig.app.shelf.not_listening = {spoilt}
    with pytest.raises(StepFailed, match=why):
        post(rig, tmp_path, sound_wait_time=1, **fields)
    assert (rig.posts, rig.last.fenced, rig.media_files) == ([], 0, [])


@pytest.mark.parametrize("version", ["43.1.4", "46.7.3"])
def test_a_search_without_result_says_so(make_rig: RigFactory, tmp_path: Path, version: str) -> None:
    rig = make_rig(app_versions=(("tiktok", version),))
    with pytest.raises(StepFailed, match='TikTok finds no sound for "silence of the sea"'):
        post(rig, tmp_path, add_sound="custom", custom_sound_keyword="silence of the sea")
    assert (rig.posts, rig.last.fenced) == ([], 0)


def test_an_account_without_products_says_so(rig: Rig, tmp_path: Path) -> None:
    rig.app.shelf.products = ()
    with pytest.raises(StepFailed, match="@demo_001_2 has no product"):
        post(rig, tmp_path, add_product_link=1)
    assert (rig.posts, rig.last.fenced) == ([], 0)


def test_sounds_are_waited_for_as_long_as_asked(rig: Rig, tmp_path: Path) -> None:
    rig.app.shelf.seconds = 3.0
    with pytest.raises(StepFailed, match=r"was recognised on sound_list within 1 s\. .*sound_wait_time"):
        post(rig, tmp_path, add_sound=1, sound_wait_time=1)
    assert (rig.posts, rig.last.fenced) == ([], 0)
    post(rig, tmp_path, add_sound=1, sound_wait_time=10)
    assert accepted(rig)["sound"] == "Song 101"


@pytest.mark.parametrize(
    ("fields", "renamed", "why"),
    [
        (
            {"ai_label": True},
            "AI-generated content",
            "no Ai generated content control recognised on more_options",
        ),
        ({"ai_label": True}, "More options", "no More options control recognised on post_page"),
        ({"add_product_link": 1}, "Add link", "no Add link control recognised on post_page"),
    ],
)
def test_a_changed_label_is_named_with_its_screen(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], renamed: str, why: str
) -> None:
    draw = rig.app._sheet

    def changed() -> Any:
        sheet = draw()
        for node in sheet.root.iter("node"):
            for name in ("text", "content-desc"):
                if node.get(name, "").strip().startswith(renamed) and rig.app.screen in (
                    "post_page",
                    "more_options",
                ):
                    node.set(name, "Unheard of")
        return sheet

    monkeypatch.setattr(rig.app, "_sheet", changed)
    with pytest.raises(ControlMissing, match=why):
        post(rig, tmp_path, **fields)
    assert (rig.posts, rig.last.fenced) == ([], 0)


@pytest.mark.parametrize("fault", ["app_crash", "ui_server_dies", "popup"])
@pytest.mark.parametrize("when", ["after:pick_media", "before:caption"])
def test_failures_on_the_way_begin_it_anew(rig: Rig, tmp_path: Path, when: str, fault: str) -> None:
    rig.phones.fault(fault, when)
    post(rig, tmp_path, add_sound=1, add_sound_volume=20, ai_label=True, add_product_link=1)
    expected = {"sound": "Song 101", "sound_volume": 20, "ai_label": True, "product_link": True}
    assert accepted(rig) == {**DEFAULTS, **expected}
    assert rig.last.fenced == 1


def test_the_first_match_is_the_first_that_the_app_shows(rig: Rig, tmp_path: Path) -> None:
    named = options.Sound("Rain", "Somebody"), options.Sound("Rain in May", "Rain")
    rig.app.shelf.sounds = (*named, *options.SOUNDS)
    post(rig, tmp_path, post_way="useSound", sound_name="rain")
    assert accepted(rig)["sound"] == "Rain"


# Popups

PAGES = ("sounds", "sound_search", "volumes", "more_options", "link_choice", "products", "product_name")
"""Behind a post's options, as the virtual phone calls them."""
RECOGNISED_AS = {
    "keep_editing": "unposted_video",
    "community_guidelines": "guidelines_update",
    "privacy_policy": "privacy_update",
    "update": "update_prompt",
}


def test_popups_on_the_pages_of_options_are_dismissed_and_named(make_rig: RigFactory, tmp_path: Path) -> None:
    """One on each page of a post, another one each time, on four phones at once; every popup has its turn."""

    def post_twice(number: int, look: tuple[str, str]) -> set[str]:
        language, version = look
        rig = make_rig(language=language, app_versions=(("tiktok", version),))
        popups = list(ANY_TIME)
        turns = islice(cycle(popups), number * 2, None)
        for moment in ("opened", "touched"):
            rig.on_phone(rig.app.android.posts.clear)
            with popup_on_each_page(rig, moment, turns) as shown:
                post(
                    rig,
                    tmp_path / f"{number}",
                    add_sound="custom",
                    custom_sound_keyword="song 107",
                    origin_sound_volume=0,
                    add_sound_volume=83,
                    ai_label=True,
                    add_product_link=1,
                )
            notes = [each for step in rig.last.journal[2:] for each in step.notes]
            left = [note.split()[1] for note in notes if note.startswith("left ")]
            assert left == [RECOGNISED_AS.get(popup, popup) for popup in shown.values()]
            assert shown.keys() == {page for page in PAGES if page != "product_name" or version > "46"}
            assert accepted(rig) == {
                "caption": CAPTION,
                "sound": "Song 107",
                "origin_volume": 0,
                "sound_volume": 83,
                "ai_label": True,
                "product_link": True,
            }
            assert (rig.last.fenced, rig.app.mistakes) == (1, [])
            popups = [popup for popup in popups if popup not in shown.values()]
        return set(popups)

    with ThreadPoolExecutor(len(LOOKS)) as pool:
        never_shown = set.intersection(*pool.map(post_twice, range(len(LOOKS)), LOOKS))
    assert never_shown == set()


@contextmanager
def popup_on_each_page(rig: Rig, moment: str, popups: Iterator[str]) -> Iterator[dict[str, str]]:
    """The next popup when a page of options is opened, or when it is touched, for the first time; by page."""
    touch, shown = rig.app.tap, dict[str, str]()

    def touched(x: int, y: int, **more: Any) -> None:
        before = rig.app.screen
        touch(x, y, **more)
        page = before if moment == "touched" else rig.app.screen
        if page in PAGES and page not in shown:
            shown[page] = next(popups)
            rig.app.show_popup(shown[page])

    rig.app.tap = touched
    try:
        yield shown
    finally:
        rig.app.tap = touch
