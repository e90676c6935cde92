"""What the post script's options make together, over HTTP, compared with what virtual phones accepted.

The legal combinations are too many to try each, so every pair of values of two options is tried once at
least: of all that make sense, in a fixed order, the one with most new pairs is taken until none is
missing. They all run at once on one service. Each illegal combination is refused at creation by
the field's name.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.media import files, movie
from support.service import RunnerService, StartService
from support.stage import ABSENT, StageService, StartBare, refusal
from support.virtual import Phones, StartPhones

Case = dict[str, Any]
"""An option's value by its name."""
LOOKS = (
    ("en", "tiktok", "43.1.4", "410.0.0.53.71"),
    ("fr", "tiktok", "43.1.4", "400.0"),
    ("en", "tiktok", "46.7.3", "400.0"),
    ("fr", "tiktok", "47.0.3", "410.0.0.53.71"),
    ("en", "trill", "43.1.4", "400.0"),
    ("fr", "trill", "43.1.4", "410.0.0.53.71"),
)
"""Language, build and version of TikTok, version of Instagram."""
PACKAGES = {
    "tiktok": "com.zhiliaoapp.musically",
    "trill": "com.ss.android.ugc.trill",
    "instagram": "com.instagram.android",
}
SOUNDS = {
    "useSound": "Song 103",
    "useSound by link": "https://www.tiktok.com/music/Song-103-7012345678901234567",
}
PHONES = 2
"""Of each look and app."""
PLAIN = "¡Olá! 👋🏽 你好\n“two” lines & <angled> #tag"
CAPTIONS = {
    "empty": ({"captions": ""}, "", ""),
    "plain": ({"captions": PLAIN}, "", PLAIN),
    "mention": ({"captions": "at the end @someone"}, "", "at the end @someone"),
    "spintax": ({"captions": "{one {of|of}|one of} {two|two}"}, "", "one of two"),
    "multiline": (
        {"captions": "first###line\nfirst###line", "caption_format": "multiline"},
        "",
        "first\nline",
    ),
    "titled": ({"captions": "A title 👋🏽##and what it is about"}, "A title 👋🏽", "and what it is about"),
}
"""The fields, the title and the caption that come of them."""
SOURCES = ("list", "library", "folder")


def pairwise(cases: Sequence[Case]) -> list[Case]:
    """Some of these cases, in which every two values stand together that do so in any of them."""
    wanted = [frozenset(itertools.combinations(case.items(), 2)) for case in cases]
    missing = frozenset().union(*wanted)
    chosen = []
    while missing:
        best = max(range(len(cases)), key=lambda number: len(wanted[number] & missing))
        chosen.append(cases[best])
        missing -= wanted[best]
    return chosen


def of_tiktok() -> Iterator[Case]:
    for kind, way, sound, volumes, ai, product, caption, source, look in itertools.product(
        ("video", "images"),
        ("share", "addButton", *SOUNDS),
        ("-1", "0", "1", "custom"),
        (False, True),
        (False, True),
        (False, True),
        CAPTIONS,
        SOURCES,
        LOOKS,
    ):
        if (
            (way in SOUNDS and sound != "-1")
            or (caption == "titled" and kind == "video")
            or (volumes and kind == "images" and sound == "0")
        ):
            continue
        yield {
            "app": "tiktok",
            "kind": kind,
            "way": way,
            "sound": sound,
            "volumes": volumes,
            "ai": ai,
            "product": product,
            "caption": caption,
            "source": source,
            "look": look,
        }


def of_instagram() -> Iterator[Case]:
    kinds = ("reel", "image", "images", "story video", "story image")
    for kind, way, ai, caption, source, look in itertools.product(
        kinds, ("share", "addButton"), (False, True), CAPTIONS, SOURCES, LOOKS
    ):
        is_story = kind.startswith("story")
        if caption == "titled" or (is_story and (ai or caption != "empty")):
            continue
        yield {
            "app": "instagram",
            "kind": kind,
            "way": way,
            "ai": ai,
            "caption": caption,
            "source": source,
            "look": look,
        }


class Wish:
    """One case: its files, its request, and the post that must come of it."""

    def __init__(self, case: Case, number: int, folder: Path) -> None:
        self.case = case
        self.number = number
        self.is_video = case["kind"] in ("video", "reel", "story video")
        count = 3 if case["kind"] == "images" else 1
        suffix = "mp4" if self.is_video else "jpg"
        self.folder = folder / f"case{number}"
        self.files = files(self.folder, *(f"sort_{at}_{9 - at}.{suffix}" for at in range(1, count + 1)))

    def config(self, service: RunnerService) -> dict[str, Any]:
        case, paths = self.case, [str(path) for path in self.files]
        config = {
            **CAPTIONS[case["caption"]][0],
            "content_type": int(not self.is_video),
            "image_count": len(paths),
            "post_way": case["way"].partition(" ")[0],
            "ai_label": case["ai"],
            "upload_wait_time": 120,
        }
        match case["source"]:
            case "list":
                config["material_list"] = paths
            case "library":
                config["materials_tags"] = f"case{self.number}"
                for at, path in enumerate(paths):
                    body = {"paths": [path], "tags": [f"case{self.number}"], "sort_number": at}
                    assert service.call("POST", "materials/import", json=body)["refused"] == []
            case "folder":
                config |= {"material_source": "localFolder", "material_path": str(self.folder)}
        return config | (self._of_tiktok() if case["app"] == "tiktok" else self._of_instagram())

    def _of_instagram(self) -> dict[str, Any]:
        return {"placement": "story" if self.case["kind"].startswith("story") else "reel"}

    def _of_tiktok(self) -> dict[str, Any]:
        case = self.case
        config = {"add_sound": case["sound"], "add_product_link": int(case["product"])}
        config |= {"sound_name": SOUNDS[case["way"]]} if case["way"] in SOUNDS else {}
        config |= {"custom_sound_keyword": "song 107"} if case["sound"] == "custom" else {}
        if case["volumes"]:
            config |= {"origin_sound_volume": 20} if self.is_video else {}
            config |= {"add_sound_volume": 80} if self._sound else {}
        return config

    @property
    def _sound(self) -> str:
        if self.case["way"] in SOUNDS:
            return "Song 103"
        by_itself = "" if self.is_video else "Song 003"
        return {"-1": by_itself, "0": "", "1": "Song 101", "custom": "Song 107"}[self.case["sound"]]

    @property
    def expected(self) -> dict[str, Any]:
        case = self.case
        _, title, caption = CAPTIONS[case["caption"]]
        kinds = {"image": "images", "story video": "story", "story image": "story"}
        common = {
            "app": case["app"],
            "kind": kinds.get(case["kind"], case["kind"]),
            "title": title,
            "caption": caption,
            "ai_label": case["ai"],
        }
        if case["app"] == "instagram":
            return common
        return common | {
            "sound": self._sound,
            "origin_volume": (20 if case["volumes"] else 50) if self.is_video else None,
            "sound_volume": (80 if case["volumes"] else 50) if self._sound else None,
            "product_link": case["product"],
        }

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in self.files)


@pytest.mark.timeout(300)
def test_what_is_asked_for_in_any_combination_is_what_the_phones_accept(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    cases = [*pairwise(list(of_tiktok())), *pairwise(list(of_instagram()))]
    wishes = [Wish(case, number, tmp_path / "media") for number, case in enumerate(cases)]
    farms = {
        look: start_phones(
            count=2 * PHONES,
            accounts=len(LOOKS),
            language=look[0],
            installed=(look[1], "instagram"),
            app_versions=((look[1], look[2]), ("instagram", look[3])),
        )
        for look in LOOKS
    }
    accounts, lines = {}, ["time_zone: UTC", "devices:"]
    for number, (look, phones) in enumerate(farms.items(), 1):
        for at, serial in enumerate(phones.serials):
            app = ("tiktok", "instagram")[at // PHONES]
            package = PACKAGES[(look[1], "instagram")[at // PHONES]]
            accounts[serial] = f"demo_{at + 1:03d}_{number}"
            account = f"{{username: {accounts[serial]}, app: {app}, package: {package}}}"
            lines.append(f"  - {{serial: '{serial}', accounts: [{account}]}}")
    service = start_service("\n".join(lines) + "\n")

    tasks: dict[int, tuple[Wish, Phones, str]] = {}
    turns: dict[tuple[Any, ...], int] = {}
    for wish in wishes:
        phones, app = farms[wish.case["look"]], wish.case["app"]
        turn = (app, wish.case["look"], wish.case["kind"].startswith("story"))
        turns[turn] = turns.get(turn, -1) + 1
        serial = phones.serials[(app == "instagram") * PHONES + turns[turn] % PHONES]
        [task_id] = service.create(script_name="post", serials=[serial], script_config=wish.config(service))
        tasks[task_id] = wish, phones, serial
    ended = service.ended(*tasks, seconds=240)

    told = {task["id"]: (tasks[task["id"]][0].case, task["remark"]) for task in ended}
    assert [told[task["id"]] for task in ended if task["outcome"] != "published"] == []
    made = {
        tuple(media["sha256"] for media in post["media"]): (serial, post)
        for phones in farms.values()
        for serial in phones.serials
        for post in phones.posts(serial)
    }
    assert len(made) == len(wishes)
    for wish, _, serial in tasks.values():
        where, post = made[wish.hashes]
        assert (where, post["account"]) == (serial, accounts[serial])
        assert {name: post[name] for name in wish.expected} == wish.expected, wish.case
    for look, phones in farms.items():
        mistakes = [phone["mistakes"] for phone in phones.control_all()]
        assert mistakes == [{look[1]: [], "instagram": []}] * len(phones.serials)


Illegal = tuple[str, str, dict[str, Any]]
"""App, the field that the refusal names, and the configuration."""

USERNAMES = {"tiktok": "tt", "instagram": "ig"}
STORY = {"placement": "story"}
IMAGES = {"content_type": 1, "material_list": ["a.jpg", "b.jpg"]}
SOUND_LINK = "https://www.tiktok.com/music/Song-1234567"

ILLEGAL: list[Illegal] = [
    # Values
    *(
        (app, field, {field: value})
        for app in ("tiktok", "instagram")
        for field, value in (
            ("content_type", 2),
            ("image_count", 0),
            ("caption_format", "markdown"),
            ("post_way", "email"),
            ("material_source", "cloud"),
            ("upload_wait_time", 0),
            ("sound_wait_time", -1),
            ("add_sound", "2"),
            ("origin_sound_volume", 101),
            ("add_sound_volume", -1),
            ("add_product_link", 2),
            ("ai_label", "perhaps"),
            ("placement", "grid"),
            ("no_such_field", 1),
        )
    ),
    # Files and captions, whichever the app
    *(
        (app, field, config)
        for app in ("tiktok", "instagram")
        for field, config in (
            ("material_list", {"material_list": ["nowhere.mp4"]}),
            ("material_list", {"material_list": ["a.jpg"]}),
            ("material_list", {"material_list": ["clip.mp4"], "content_type": 1}),
            ("material_list", {"material_list": ["clip.mp4", "other.mp4"]}),
            ("material_list", {**IMAGES, "material_list": ["a.jpg", "a.jpg"]}),
            ("material_path", {"material_list": [], "material_source": "localFolder"}),
            ("captions", {"captions": "an {open|brace", "caption_format": "spintax"}),
            ("captions", {"captions": "title##description"}),
            ("captions", {"captions": "x" * 2201}),
        )
    ),
    ("tiktok", "captions", {**IMAGES, "captions": f"{'x' * 91}##description"}),
    ("tiktok", "captions", {**IMAGES, "captions": "x" * 4001}),
    ("instagram", "captions", {**IMAGES, "captions": "title##description"}),
    ("instagram", "captions", {"captions": "#tag " * 31}),
    # TikTok
    ("tiktok", "material_list", {"material_list": ["small.mp4"]}),
    ("tiktok", "placement", STORY),
    ("tiktok", "sound_name", {"post_way": "useSound"}),
    ("tiktok", "custom_sound_keyword", {"add_sound": "custom"}),
    *(
        ("tiktok", "add_sound", {"post_way": "useSound", "sound_name": SOUND_LINK, "add_sound": option})
        for option in ("0", "1")
    ),
    ("tiktok", "add_sound_volume", {"add_sound_volume": 20}),
    ("tiktok", "add_sound_volume", {"add_sound": "0", "add_sound_volume": 20}),
    ("tiktok", "origin_sound_volume", {**IMAGES, "origin_sound_volume": 20}),
    # Instagram
    ("instagram", "post_way", {"post_way": "useSound", "sound_name": "Song"}),
    *(("instagram", "add_sound", {"add_sound": option}) for option in ("0", "1")),
    ("instagram", "sound_name", {"sound_name": "Song"}),
    ("instagram", "custom_sound_keyword", {"custom_sound_keyword": "Song"}),
    ("instagram", "origin_sound_volume", {"origin_sound_volume": 0}),
    ("instagram", "add_sound_volume", {"add_sound_volume": 0}),
    ("instagram", "add_product_link", {"add_product_link": 1}),
    ("instagram", "captions", {**STORY, "captions": "text"}),
    ("instagram", "ai_label", {**STORY, "ai_label": True}),
    ("instagram", "material_list", {**STORY, **IMAGES}),
    ("instagram", "image_count", {**STORY, "content_type": 1, "image_count": 2, "material_list": []}),
]


@pytest.fixture
def service(start_bare: StartBare) -> StageService:
    service = start_bare()
    accounts = "[{username: tt, app: tiktok}, {username: ig, app: instagram}]"
    service.stop()
    service.config.write_text(
        f"time_zone: UTC\ndevices: [{{serial: {ABSENT}, accounts: {accounts}}}]\n", encoding="utf-8"
    )
    service.start()
    return service


def test_each_illegal_combination_is_refused_by_the_fields_name(
    service: StageService, tmp_path: Path
) -> None:
    there = {path.name: str(path) for path in files(tmp_path, "clip.mp4", "other.mp4", "a.jpg", "b.jpg")}
    small = tmp_path / "small.mp4"
    small.write_bytes(movie((359, 640)))
    there[small.name] = str(small)
    for app, field, config in ILLEGAL:
        names = config.get("material_list", ["clip.mp4"])
        config = {**config, "material_list": [there.get(name, name) for name in names]}
        body = {"usernames": [USERNAMES[app]], "script_name": "post"}
        answer = service.http.post("task", json={**body, "script_config": config})
        message = refusal(answer, 40001)
        assert message.startswith((field, f"script_config.{field}")), (app, config, message)
    assert service.tasks() == []
