"""What a post on Instagram takes, and what is refused by its field before a phone is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.errors import InvalidRequest
from runner.materials.settings import InstagramLimits, MaterialSettings
from runner.materials.supply import Supply
from runner.script import Account, Planned
from runner.tasks.database import Database
from runner.tasks.store import Store
from scripts.post import Post, PostConfig
from support.media import files

ACCOUNT = Account("user", "instagram", "com.instagram.android")
STORY = {"placement": "story", "captions": ""}

Check = Callable[..., None]


@pytest.fixture
def check(tmp_path: Path) -> Iterator[Check]:
    database = Database(f"sqlite:///{tmp_path / 'runner.db'}")
    settings = MaterialSettings(instagram=InstagramLimits(images_max=3))
    supply = Supply(tmp_path / "materials", database, Store(database), settings)
    planned = Planned("serial", ACCOUNT, "api", supply.for_request())

    def checked(**fields: Any) -> None:
        Post().check(PostConfig.model_validate(fields), planned)

    yield checked
    database.close()


@pytest.fixture
def videos(tmp_path: Path) -> list[str]:
    return [str(path) for path in files(tmp_path, "a.mp4", "b.mp4")]


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    return [str(path) for path in files(tmp_path, *(f"{number}.jpg" for number in range(5)))]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"post_way": "addButton", "ai_label": True},
        {"captions": "x" * 2200},
        {"captions": "#a " * 30},
        STORY,
        {**STORY, "post_way": "addButton"},
    ],
)
def test_a_video_is_a_reel_or_a_story(check: Check, videos: list[str], fields: dict[str, Any]) -> None:
    check(material_list=videos[:1], **fields)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pictures_are_a_post_up_to_the_limit_of_the_settings(
    check: Check, images: list[str], count: int
) -> None:
    check(content_type=1, material_list=images[:count], captions="some", ai_label=True)


def test_a_picture_is_a_story_too(check: Check, images: list[str]) -> None:
    check(content_type=1, image_count=7, material_list=images[:1], **STORY)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("post_way", {"post_way": "useSound"}),
        ("post_way", {"post_way": "useSound", "sound_name": "a"}),
        ("add_sound", {"add_sound": 0}),
        ("add_sound", {"add_sound": "custom", "custom_sound_keyword": "a"}),
        ("sound_name", {"sound_name": "a"}),
        ("custom_sound_keyword", {"custom_sound_keyword": "a"}),
        ("origin_sound_volume", {"origin_sound_volume": 10}),
        ("add_sound_volume", {"add_sound_volume": 10}),
        ("add_product_link", {"add_product_link": 1}),
        ("captions", {"captions": "title##text"}),
        ("captions", {"captions": "{a|title##text}"}),
        ("captions", {"captions": "x" * 2201}),
        ("captions", {"captions": "{x|" + "y" * 2201 + "}"}),
        ("captions", {"captions": "#a " * 31}),
        ("captions", {"captions": "caption", "placement": "story"}),
        ("ai_label", {**STORY, "ai_label": True}),
        ("image_count", {**STORY, "content_type": 1, "image_count": 2, "material_list": []}),
    ],
)
def test_what_instagram_has_not_is_refused_by_its_field(
    check: Check, videos: list[str], field: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(**{"material_list": videos[:1], **fields})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_files_that_do_not_fit_are_refused(check: Check, videos: list[str], images: list[str]) -> None:
    for fields in (
        {"material_list": videos},
        {"material_list": images[:1]},
        {"material_list": videos[:1], "content_type": 1},
        {"material_list": images[:4], "content_type": 1},
        {"material_list": images[:1] * 2, "content_type": 1},
        {"material_list": images[:2], "content_type": 1, **STORY},
    ):
        with pytest.raises(InvalidRequest) as caught:
            check(**fields)
        assert caught.value.field == "material_list"
