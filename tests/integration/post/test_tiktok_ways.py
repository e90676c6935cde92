"""Posts on TikTok that go by its + button, from a sound's page, or consist of pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from runner.script import Result
from scripts.post import PostConfig
from support.media import files
from support.post_rig import CAPTION, Rig, RigFactory

LOOKS = [
    ("en", "43.1.4", "musically"),
    ("fr", "43.1.4", "musically"),
    ("en", "46.7.3", "musically"),
    ("fr", "47.0.3", "musically"),
    ("en", "43.1.4", "trill"),
]
GALLERIES = ["plain", "circles", "multi"]


def phone_like(make_rig: RigFactory, language: str, version: str, app: str, **settings: Any) -> Rig:
    if app == "trill":
        return make_rig(language=language, installed=("trill",), **settings)
    return make_rig(language=language, app_versions=(("tiktok", version),), **settings)


def post(rig: Rig, paths: list[Path], username: str = "demo_001_2", **fields: Any) -> Result:
    config = PostConfig(
        **{
            "captions": CAPTION,
            "material_list": [str(path) for path in paths],
            "upload_wait_time": 20,
            **fields,
        }
    )
    return rig.run(config, username)


def hashes(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def accepted(rig: Rig) -> tuple[Any, ...]:
    """The only post that the phone accepted: (account, kind, media hashes, title, caption, sound)."""
    (post,) = rig.posts
    media = [each["sha256"] for each in post["media"]]
    return post["account"], post["kind"], media, post["title"], post["caption"], post["sound"]


@pytest.mark.parametrize("gallery", GALLERIES)
@pytest.mark.parametrize(("language", "version", "app"), LOOKS)
def test_a_video_by_the_add_button(
    make_rig: RigFactory, tmp_path: Path, language: str, version: str, app: str, gallery: str
) -> None:
    rig = phone_like(make_rig, language, version, app)
    rig.app.manners.gallery = gallery
    paths = files(tmp_path, "clip.mp4")
    result = post(rig, paths, post_way="addButton")
    assert accepted(rig) == ("demo_001_2", "video", hashes(paths), "", CAPTION, "")
    assert result.post_url == rig.posts[0]["url"]
    assert rig.app.mistakes == []
    assert rig.media_files == []


@pytest.mark.parametrize("gallery", GALLERIES)
@pytest.mark.parametrize(("language", "version", "app"), LOOKS)
def test_pictures_in_the_given_order(
    make_rig: RigFactory, tmp_path: Path, language: str, version: str, app: str, gallery: str
) -> None:
    rig = phone_like(make_rig, language, version, app)
    rig.app.manners.gallery = gallery
    paths = files(tmp_path, "c.png", "a.jpg", "b.webp")
    result = post(rig, paths, content_type=1, captions=f"Título 🎉##{CAPTION}")
    account, kind, media, title, caption, _ = accepted(rig)
    assert (account, kind, media) == ("demo_001_2", "images", hashes(paths))
    assert (title, caption) == ("Título 🎉", CAPTION)
    assert result.post_url == rig.posts[0]["url"]
    assert rig.app.mistakes == []
    assert rig.media_files == []


@pytest.mark.parametrize("gallery", GALLERIES)
@pytest.mark.parametrize(
    ("captions", "title", "caption"), [("no title", "", "no title"), ("only ##", "only", ""), ("", "", "")]
)
def test_one_picture(rig: Rig, tmp_path: Path, gallery: str, captions: str, title: str, caption: str) -> None:
    rig.app.manners.gallery = gallery
    paths = files(tmp_path, "a.jpg")
    post(rig, paths, content_type=1, captions=captions)
    assert accepted(rig)[1:5] == ("images", hashes(paths), title, caption)


def test_more_pictures_than_the_gallery_shows_at_once(make_rig: RigFactory, tmp_path: Path) -> None:
    rig = make_rig(latency="none")
    rig.app.manners.gallery = "circles"
    paths = files(tmp_path, *(f"{number}.jpg" for number in range(35)))
    post(rig, paths, content_type=1)
    assert accepted(rig)[2] == hashes(paths)
