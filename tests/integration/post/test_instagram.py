"""The post script on Instagram, on virtual phones through a real adb server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from scripts.post import Post, PostConfig
from support.post_rig import CAPTION, VIDEO, InstagramFactory

LOOKS = [("en", "410.0.0.53.71"), ("fr", "410.0.0.53.71"), ("en", "400.0"), ("fr", "400.0")]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hashes(post: dict[str, Any]) -> list[str]:
    return [media["sha256"] for media in post["media"]]


@pytest.mark.parametrize("way", ["share", "addButton"])
@pytest.mark.parametrize(("language", "version"), LOOKS)
def test_a_reel(make_instagram: InstagramFactory, language: str, version: str, way: str) -> None:
    rig = make_instagram(language=language, app_versions=(("instagram", version),))
    config = PostConfig(
        captions=CAPTION,
        material_list=[str(rig.video())],
        upload_wait_time=20,
        post_way=way,  # type: ignore[arg-type]
    )
    result = rig.run(config, "demo_001_2")
    [post] = rig.posts
    assert (post["app"], post["account"], post["kind"]) == ("instagram", "demo_001_2", "reel")
    assert (post["caption"], hashes(post)) == (CAPTION, [hashlib.sha256(VIDEO).hexdigest()])
    assert not post["ai_label"]
    assert result.post_url == post["url"]
    assert result.profile_url == "https://www.instagram.com/demo_001_2/"
    assert rig.last.fenced == 1
    assert rig.app.mistakes == []
    assert rig.media_files == []
    assert rig.last.steps == list(Post.steps)
