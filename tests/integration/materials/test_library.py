"""The library's files and rows: each content once, nothing half, nothing left behind."""

from __future__ import annotations

import io
import os
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from runner.errors import InvalidRequest, NotFound
from runner.materials.types import Added, Details, State
from support.media import files, movie, movies, picture

from .conftest import OpenRoom, Room


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What is tested here is files; the rows' contract is tested beside it, on both databases."""
    return f"sqlite:///{tmp_path / 'runner.db'}"


DAYS_LATER = datetime.now(UTC) + timedelta(days=2)


def upload(room: Room, content: bytes, name: str = "clip.mp4", **details: object) -> Added:
    with room.library.receiving() as incoming:
        for start in range(0, len(content), 1000):
            incoming.write(content[start : start + 1000])
        return room.library.keep(incoming, name, Details(**details))  # type: ignore[arg-type]


def on_disk(room: Room) -> list[Path]:
    return sorted(path for path in room.library.folder.rglob("*") if path.is_file())


def test_what_is_uploaded_is_there_byte_for_byte(room: Room) -> None:
    content = movie(padding=5000)
    added = upload(room, content, "My clip 🎬.mp4", tags=("cats",), caption="¡Olé!", username="anna")
    item = room.item(added.item)
    assert added.created
    assert room.library.path(item).read_bytes() == content
    assert on_disk(room) == [room.library.path(item)]
    assert (item.name, item.media_type, item.size) == ("My clip 🎬.mp4", "video/mp4", len(content))
    assert (item.tags, item.caption, item.username) == (("cats",), "¡Olé!", "anna")
    assert (item.state, item.task_id, item.sort_number) == (State.UNUSED, None, None)


def test_the_same_content_is_answered_with_what_is_there(room: Room) -> None:
    content = movie()
    first = upload(room, content, "first.mp4", tags=("a",))
    again = upload(room, content, "again.mp4", tags=("b",))
    assert (again.created, again.item) == (False, first.item)
    assert len(on_disk(room)) == 1


def test_the_same_content_from_many_at_once_is_kept_once(open_room: OpenRoom) -> None:
    rooms = [open_room() for _ in range(2)]
    content = movie(padding=100_000)
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda number: upload(rooms[number % 2], content), range(8)))
    assert Counter(one.created for one in added) == {True: 1, False: 7}
    assert {one.item.id for one in added} == {added[0].item.id}
    assert [path.read_bytes() for path in on_disk(rooms[0])] == [content]


@pytest.mark.parametrize("content", [b"", b"hello", movie()[:30] + b"", picture()[:200]])
def test_what_is_no_media_leaves_nothing(room: Room, content: bytes) -> None:
    pytest.importorskip("av")
    with pytest.raises(InvalidRequest, match=r"^filename: clip.mp4: ") as refused:
        upload(room, content)
    assert refused.value.field == "filename"
    assert on_disk(room) == []
    assert room.states() == []


def test_an_upload_that_breaks_off_leaves_nothing(room: Room) -> None:
    def broken() -> None:
        with room.library.receiving() as incoming:
            incoming.write(movie())
            raise ConnectionError

    with pytest.raises(ConnectionError):
        broken()
    assert on_disk(room) == []


def test_a_file_that_was_lost_from_disk_comes_back_with_its_content(room: Room) -> None:
    content = movie()
    item = upload(room, content).item
    room.library.path(item).unlink()
    assert not room.library.holds(item)
    assert not upload(room, content).created
    assert room.library.holds(item)


# Import


@pytest.mark.parametrize("way", ["copy", "link"])
def test_a_folder_is_imported_with_accounts_and_sort_numbers(room: Room, tmp_path: Path, way: str) -> None:
    folder = tmp_path / "spring"
    files(folder, "b.mp4", "sort_7_a.png", ".hidden.mp4", "notes.txt")
    files(folder / "@Anna", "hers.mp4")
    files(folder / "@Anna" / "deeper", "no.mp4")
    files(folder / "drafts", "no.mp4")
    done = room.library.add_paths([str(folder)], way, Details(("Spring", "2026"), username="bruno"))  # type: ignore[arg-type]
    assert done.refused == []
    added = {one.item.name: one.item for one in done.added}
    assert {name: (item.username, item.sort_number) for name, item in added.items()} == {
        "b.mp4": ("bruno", None),
        "sort_7_a.png": ("bruno", 7),
        "hers.mp4": ("anna", None),
    }
    assert {item.tags for item in added.values()} == {("2026", "spring")}
    links = os.stat(room.library.path(added["b.mp4"])).st_nlink
    assert links == (2 if way == "link" else 1)
    again = room.library.add_paths([str(folder)], way, Details())  # type: ignore[arg-type]
    assert [one.created for one in again.added] == [False] * 3


def test_one_bad_file_spoils_no_other(room: Room, tmp_path: Path) -> None:
    good, bad = files(tmp_path / "in", "good.mp4", "bad.mp4")
    bad.write_text("hello")
    done = room.library.add_paths([str(bad), str(good), str(tmp_path / "gone.mp4")], "copy", Details())
    assert [one.item.name for one in done.added] == ["good.mp4"]
    refused = {one.path.name: one.why for one in done.refused}
    assert refused.keys() == {"bad.mp4", "gone.mp4"}
    assert refused["gone.mp4"] == "No such file or directory"
    assert len(on_disk(room)) == 1


def test_only_allowed_folders_are_imported(open_room: OpenRoom, tmp_path: Path) -> None:
    room = open_room(roots=[str(tmp_path / "videos")])
    (path,) = movies(tmp_path / "elsewhere", 1)
    with pytest.raises(InvalidRequest, match="outside the folders") as refused:
        room.library.add_paths([str(path)], "copy", Details())
    assert refused.value.field == "paths"


# Thumbnails, deleting, leftovers


def test_a_thumbnail_is_made_once(room: Room) -> None:
    item = upload(room, picture((1000, 500), kind="PNG"), "wide.png").item
    made = room.library.thumbnail(item.id)
    with Image.open(io.BytesIO(made.read_bytes())) as image:
        assert (image.format, image.size) == ("JPEG", (320, 160))
    changed = made.stat().st_mtime_ns
    assert room.library.thumbnail(item.id).stat().st_mtime_ns == changed
    room.library.path(item).unlink()
    made.unlink()
    with pytest.raises(NotFound, match="no thumbnail"):
        room.library.thumbnail(item.id)


def test_deleting_takes_the_file_and_all_that_belongs_to_it(room: Room) -> None:
    (item,) = room.add("clip.png", tags=("a",))
    room.library.thumbnail(item.id)
    room.library.delete(item.id)
    assert on_disk(room) == []
    assert list(room.library.tags()) == []
    with pytest.raises(NotFound):
        room.library.delete(item.id)


def test_a_file_that_a_task_has_is_not_deleted(room: Room) -> None:
    (item,) = room.add("picture.jpg")
    run = room.run()
    room.claim(run)
    with pytest.raises(InvalidRequest, match=f"in use by task {run.task.id}"):
        room.library.delete(item.id)
    assert room.library.holds(item)


def test_left_over_files_go_after_a_day_and_no_others(room: Room) -> None:
    (item,) = room.add("clip.png")
    room.library.thumbnail(item.id)
    kept = on_disk(room)
    orphan = room.library.folder / "ab" / f"{secrets.token_hex(32)}.mp4"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"x")
    half = room.library.folder / "incoming" / secrets.token_hex(16)
    half.write_bytes(b"x")
    assert room.library.clean(datetime.now(UTC)) == 0
    assert room.library.clean(DAYS_LATER) == 2
    assert on_disk(room) == kept
