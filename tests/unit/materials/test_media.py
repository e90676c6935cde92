"""What files are, by their content."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from runner.errors import MediaUnusable
from runner.materials import media
from support.media import movie, picture


def inspected(tmp_path: Path, content: bytes, name: str = "file") -> media.Media:
    path = tmp_path / name
    path.write_bytes(content)
    return media.inspect(path)


@pytest.mark.parametrize(
    ("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_pictures_by_content_whatever_their_name(tmp_path: Path, kind: str, media_type: str) -> None:
    content = picture((30, 20), kind=kind)
    found = inspected(tmp_path, content, "called.mp4")
    assert found == media.Media("image", media_type, len(content), None, 30, 20)


def test_a_picture_that_lies_on_its_side_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    found = inspected(tmp_path, picture((30, 20), orientation=6))
    assert (found.width, found.height) == (20, 30)


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm", "video/webm"),
    ],
)
def test_videos_by_their_first_bytes(
    tmp_path: Path, head: bytes, media_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)  # as where PyAV is not installed
    content = head + bytes(100)
    assert inspected(tmp_path, content) == media.Media("video", media_type, len(content))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"hello, world", "neither a video"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
        (b"\0\0\0\x18ftypM4A " + bytes(50), "sound"),
        (b"\x1a\x45\xdf\xa3\x01B\x82\x88matroska" + bytes(50), "Matroska"),
        (b"GIF89a" + bytes(50), "neither a video"),
        (picture()[:300], "can't be read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "can't be read"),
    ],
)
def test_what_no_app_takes_is_refused_with_the_reason(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(MediaUnusable, match=why):
        inspected(tmp_path, content)


def test_a_thumbnail_is_a_small_jpeg_the_right_way_up(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(picture((2000, 1000), kind="PNG", orientation=6))
    with Image.open(io.BytesIO(media.thumbnail(path, "image"))) as made:
        assert (made.format, made.size) == ("JPEG", (160, 320))


class TestVideosByPyAV:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("av")

    def test_length_and_size(self, tmp_path: Path) -> None:
        content = movie((64, 48), seconds=12.5)
        assert inspected(tmp_path, content) == media.Media("video", "video/mp4", len(content), 12.5, 64, 48)

    def test_a_turned_video_is_measured_as_it_is_shown(self, tmp_path: Path) -> None:
        found = inspected(tmp_path, movie((64, 48), turned=True, brand=b"qt  "))
        assert (found.media_type, found.width, found.height) == ("video/quicktime", 48, 64)

    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
    def test_one_that_is_cut_off_is_refused(self, tmp_path: Path, kept: float) -> None:
        content = movie(padding=0)
        with pytest.raises(MediaUnusable):
            inspected(tmp_path, content[: int(len(content) * kept)])

    def test_its_thumbnail_is_a_frame_the_right_way_up(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(movie((640, 320), turned=True))
        with Image.open(io.BytesIO(media.thumbnail(path, "video"))) as made:
            assert (made.format, made.size) == ("JPEG", (160, 320))


def test_without_pyav_a_video_has_no_thumbnail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MediaUnusable, match="PyAV"):
        media.thumbnail(tmp_path / "file", "video")
