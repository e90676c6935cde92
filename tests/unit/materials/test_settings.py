"""The apps' limits, and the folders that may be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from runner.errors import MediaUnusable
from runner.farm.loader import load
from runner.materials.media import Media
from runner.materials.settings import MB, MaterialSettings, MediaLimits

SETTINGS = MaterialSettings()


@pytest.mark.parametrize(
    ("app", "media", "told"),
    [
        ("tiktok", Media("video", "video/mp4", 4096 * MB, 600.0, 1080, 1920), ""),
        ("tiktok", Media("video", "video/mp4", 4096 * MB + 1), "4,096.0 MiB, and the limit is 4096"),
        ("tiktok", Media("video", "video/mp4", 1, 601.0), "601 s long, and the limit is 600"),
        ("tiktok", Media("video", "video/mp4", 1, None), ""),
        (
            "tiktok",
            Media("video", "video/mp4", 1, 1.0, 359, 640),
            "359 × 640 pixels, and each side must have 360",
        ),
        (
            "tiktok",
            Media("video", "video/mp4", 1, 1.0, 360, 4097),
            "360 × 4097 pixels, and the limit is 4096 a side",
        ),
        ("tiktok", Media("image", "image/png", 1, None, 20, 9000), ""),
        ("instagram", Media("video", "video/mp4", 1, 1.0, 20, 9000), ""),
        ("tiktok", Media("image", "image/png", 20 * MB + 1, None, 9, 9), "20.0 MiB, and the limit is 20"),
        ("instagram", Media("image", "image/png", 50 * MB, None, 9, 9), ""),
        ("another", Media("video", "video/mp4", 9000 * MB, 9000.0), ""),
    ],
)
def test_limits_of_the_apps(app: str, media: Media, told: str) -> None:
    assert SETTINGS.limits(app).broken_by(media) == told


def test_limits_of_the_resolution_count_both_sides() -> None:
    limits = MediaLimits(min_side=360, max_side=4096)
    assert limits.broken_by(Media("video", "video/mp4", 1, 1.0, 1080, 1920)) == ""
    assert "each side must have 360" in limits.broken_by(Media("video", "video/mp4", 1, 1.0, 1920, 350))
    assert "4096 a side" in limits.broken_by(Media("image", "image/png", 1, None, 100_00, 4000))
    assert limits.broken_by(Media("video", "video/mp4", 1)) == ""


def test_one_limit_can_be_changed_and_the_others_stay() -> None:
    changed = MaterialSettings.model_validate({"tiktok": {"video_max_seconds": 180}}).tiktok
    assert (changed.video_max_seconds, changed.video_max_mb, changed.images_max) == (180, 4096, 35)
    with pytest.raises(ValidationError):
        MaterialSettings.model_validate({"tiktok": {"video_max": 1}})


def test_only_what_lies_in_the_allowed_folders_may_be_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "videos", tmp_path / "videos-of-others"
    inside.mkdir()
    outside.mkdir()
    (inside / "way out").symlink_to(outside)
    settings = MaterialSettings(roots=[str(inside)])
    assert settings.inside(str(inside / "a.mp4")) == (inside / "a.mp4").resolve()
    assert settings.inside(str(inside)) == inside.resolve()
    for name in (outside / "a.mp4", inside / ".." / "videos-of-others", inside / "way out" / "a.mp4"):
        with pytest.raises(MediaUnusable, match="outside the folders"):
            settings.inside(str(name))
    assert MaterialSettings().inside(str(outside)) == outside.resolve()


def test_paths_in_devices_yaml_are_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "devices.yaml"
    file.write_text(
        "time_zone: UTC\nmaterials: {dir: ../library, roots: [videos, /srv/media]}\ndevices: []\n"
    )
    read = MaterialSettings.model_validate(load(file).settings["materials"])
    assert Path(read.dir) == tmp_path / "../library"
    assert [Path(root) for root in read.roots] == [tmp_path / "videos", Path("/srv/media")]


def test_a_path_that_is_none_is_refused_as_such() -> None:
    with pytest.raises(MediaUnusable):
        SETTINGS.inside("a\0b")
