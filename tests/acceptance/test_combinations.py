"""What the post script's options make together, over HTTP: each illegal combination is refused when it is created.

The phones are not there: a refusal touches none. The legal combinations are tested by way and by option in
tests/integration/post and in `test_instagram`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.media import files
from support.stage import ABSENT, StageService, StartBare, refusal

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
    for app, field, config in ILLEGAL:
        names = config.get("material_list", ["clip.mp4"])
        config = {**config, "material_list": [there.get(name, name) for name in names]}
        body = {"usernames": [USERNAMES[app]], "script_name": "post"}
        answer = service.http.post("task", json={**body, "script_config": config})
        message = refusal(answer, 40001)
        assert message.startswith((field, f"script_config.{field}")), (app, config, message)
    assert service.tasks() == []
