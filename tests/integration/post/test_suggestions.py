"""Captions that end in a hashtag or a mention, below which the apps list suggestions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.post import PostConfig
from support.media import files
from support.post_rig import InstagramFactory, Rig, RigFactory

CAPTIONS = ("olá, at the end #mañana", "with 👋🏽\n@someone.else_1", "@someone", "#tag")


def publish(rig: Rig, paths: list[Path], **fields: object) -> None:
    listed: set[str] = set()
    windows = rig.app.windows

    def watched() -> Any:
        page = rig.app.page
        if page.suggestions is not None and page.suggestions.shown:
            listed.add(page.caption.text)
        return windows()

    rig.app.windows = watched
    for caption in CAPTIONS:
        config = {"captions": caption, "material_list": [str(path) for path in paths], **fields}
        rig.run(PostConfig.model_validate({"upload_wait_time": 20, **config}), "demo_001_1")
    assert [post["caption"] for post in rig.posts] == list(CAPTIONS)
    assert rig.app.mistakes == []
    assert listed == set(CAPTIONS)


@pytest.mark.parametrize("version", ["43.1.4", "46.7.3"])
def test_tiktok_videos(make_rig: RigFactory, tmp_path: Path, version: str) -> None:
    publish(make_rig(app_versions=(("tiktok", version),)), files(tmp_path, "clip.mp4"))


def test_tiktok_pictures(make_rig: RigFactory, tmp_path: Path) -> None:
    publish(make_rig(), files(tmp_path, "a.jpg", "b.jpg"), content_type=1)


def test_reels(make_instagram: InstagramFactory, tmp_path: Path) -> None:
    publish(make_instagram(), files(tmp_path, "clip.mp4"))


def test_instagram_pictures(make_instagram: InstagramFactory, tmp_path: Path) -> None:
    publish(make_instagram(), files(tmp_path, "a.jpg", "b.jpg"), content_type=1)
