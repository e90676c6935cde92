"""Local folders as their owners lay them out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runner.errors import MediaUnusable
from runner.materials import folders
from runner.script import FolderNotes
from support.media import files


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_an_account_has_its_own_folder_or_shares_the_one_above(tmp_path: Path) -> None:
    (tmp_path / "@Anna").mkdir()
    (tmp_path / "bruno").mkdir()
    (tmp_path / "@carla").write_text("not a folder")
    assert folders.folder_of(tmp_path, "anna") == tmp_path / "@Anna"
    assert folders.folder_of(tmp_path, "bruno") == tmp_path
    assert folders.folder_of(tmp_path, "carla") == tmp_path
    assert folders.folder_of(tmp_path, "") == tmp_path


def test_no_folder_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(MediaUnusable, match="nowhere: No such file"):
        folders.folder_of(tmp_path / "nowhere", "anna")
    (tmp_path / "file").touch()
    with pytest.raises(MediaUnusable, match="file: Not a directory"):
        folders.files_in(tmp_path / "file", ["video"])


def test_images_come_by_sort_number_then_by_name(tmp_path: Path) -> None:
    given = ["b.jpg", "sort_10_a.jpg", "A.png", "SORT_2_z.JPEG", "sort_x_.webp", "sort_2_a.jpg"]
    files(tmp_path, *given, "clip.mp4", ".hidden.jpg", "caption.txt")
    (tmp_path / "folder.jpg").mkdir()
    ordered = ["sort_2_a.jpg", "SORT_2_z.JPEG", "sort_10_a.jpg", "A.png", "b.jpg", "sort_x_.webp"]
    assert names(folders.files_in(tmp_path, ["image"])) == ordered
    assert names(folders.files_in(tmp_path, ["video"])) == ["clip.mp4"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    files(tmp_path, "good.mp4")
    (tmp_path / b"bad\xff.mp4".decode(errors="surrogateescape")).write_bytes(b"x")
    assert names(folders.files_in(tmp_path, ["video"])) == ["good.mp4"]


def test_texts_come_from_the_accounts_folder_or_the_one_above(tmp_path: Path) -> None:
    own = tmp_path / "@anna"
    own.mkdir()
    (tmp_path / "caption.txt").write_text("Shared {a|b}\nsecond line\n", encoding="utf-8")
    (tmp_path / "sound_names.txt").write_text("one\r\n\r\n two \n", encoding="utf-8")
    (own / "caption.txt").write_bytes(b"\xef\xbb\xbfHer own \xf0\x9f\x8e\x89\r\n")
    shared = FolderNotes("Shared {a|b}\nsecond line", ("one", "two"), str(tmp_path / "sound_names.txt"))
    assert folders.notes(tmp_path, "bruno") == shared
    hers = folders.notes(tmp_path, "anna")
    assert (hers.caption, hers.sounds) == ("Her own 🎉", ("one", "two"))
    (own / "sound_urls.txt").write_text("https://www.tiktok.com/music/x-1\n")
    assert folders.notes(tmp_path, "anna").sounds == ("https://www.tiktok.com/music/x-1",)


def test_empty_texts_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "caption.txt").write_text(" \n")
    (tmp_path / "sound_urls.txt").write_text("\n\n")
    assert folders.notes(tmp_path, "anna") == FolderNotes()


def test_a_text_in_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "caption.txt").write_bytes("año".encode("latin-1"))
    with pytest.raises(MediaUnusable, match=r"caption.txt is not UTF-8 text. Save it as UTF-8."):
        folders.notes(tmp_path, "anna")
