"""Files on the phone and in its MediaStore, compared with the phone's storage."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.cancel import CancelToken
from runner.errors import Cancelled, MediaUnusable, StorageFull
from support.phone_room import OpenRoom, Room
from support.waiting import wait_for

ALBUM = "Runner"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Not a video for anybody who looks inside; MediaStore does not."""
    path = tmp_path / "My vídeo 'ñ' $(reboot) 👍.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(300_000))
    return path


def _files(room: Room) -> dict[str, str]:
    """Path → sha256 of the media on the phone's storage."""
    found: list[dict[str, Any]] = room.virtual.control("/files")
    return {file["path"]: file["sha256"] for file in found if "/Runner/" in file["path"]}


def _rows(room: Room) -> list[Any]:
    phone = room.virtual.farm.farm.phones[0]
    return room.virtual.farm.call(lambda: list(phone.media()))


def test_there_and_away_again(room: Room, video: Path) -> None:
    with room.session() as session:
        media = session.push_media(video, album=ALBUM)
        (row,) = _rows(room)
        assert media.sha256 == hashlib.sha256(video.read_bytes()).hexdigest() == row.sha256
        assert (media.id, media.mime) == (row.id, "video/mp4")
        assert media.uri == f"content://media/external/video/media/{row.id}"
        assert media.path.startswith(f"/sdcard/Movies/Runner/{media.sha256[:16]}_My-v-deo")
        assert row.bucket == ALBUM
        assert list(_files(room).values()) == [media.sha256]
        session.remove_media(media)
        assert _rows(room) == []
        assert _files(room) == {}
        session.remove_media(media)


def test_the_same_content_is_sent_once(room: Room, video: Path) -> None:
    with room.session() as session:
        before = room.calls("sync")
        first = session.push_media(video, album=ALBUM)
        assert room.calls("sync") - before == 3, "a look, the transfer, a look"
        assert session.push_media(video, album=ALBUM) == first
        assert room.calls("sync") - before == 4, "one more look"
        video.write_bytes(video.read_bytes() + b"changed")
        other = session.push_media(video, album=ALBUM)
        assert other.sha256 != first.sha256
        assert other.id != first.id


def test_a_transfer_that_broke_off_is_done_again(room: Room, video: Path) -> None:
    with room.session() as session:
        media = session.push_media(video, album=ALBUM)
        session.shell(["sh", "-c", f"echo half > {media.path}"])
        assert session.push_media(video, album=ALBUM).sha256 == media.sha256
    assert list(_files(room).values()) == [media.sha256]


def test_galleries_show_files_in_the_order_that_was_asked_for(room: Room, tmp_path: Path) -> None:
    wanted = ["b", "a", "c"]
    with room.session() as session:
        for _ in range(2):
            for age, name in enumerate(wanted):
                path = tmp_path / f"{name}.jpg"
                path.write_bytes(name.encode())
                session.push_media(path, album=ALBUM, modified=1_700_000_000 - age)
            assert [row.display_name[17:] for row in _rows(room)] == [f"{name}.jpg" for name in wanted]
            wanted.reverse()


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".webp"])
def test_pictures(room: Room, tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"one{suffix.upper()}"
    picture.write_bytes(os.urandom(1000))
    with room.session() as session:
        media = session.push_media(picture, album=ALBUM)
    assert media.path.startswith("/sdcard/Pictures/Runner/")
    assert media.uri.startswith("content://media/external/images/media/")
    assert [row.id for row in _rows(room)] == [media.id]


def test_what_no_gallery_takes(room: Room, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no")
    with room.session() as session, pytest.raises(MediaUnusable, match="neither a video nor a picture"):
        session.push_media(text, album=ALBUM)


def test_a_pending_row_is_shown(room: Room, video: Path) -> None:
    with room.session() as session:
        media = session.push_media(video, album=ALBUM)
        session.shell(["content", "update", "--uri", media.uri, "--bind", "is_pending:i:1"])
        assert _rows(room) == []
        assert session.push_media(video, album=ALBUM).id == media.id
    assert [row.id for row in _rows(room)] == [media.id]


def test_the_newest_comes_first_in_the_gallery(room: Room, video: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(os.urandom(1000))
    with room.session() as session:
        first = session.push_media(video, album=ALBUM)
        second = session.push_media(other, album=ALBUM)
        assert [row.id for row in _rows(room)] == [second.id, first.id]
        wait_for(lambda: time.time() % 1 < 0.5, what="a new second")
        session.push_media(video, album=ALBUM)
        assert _rows(room)[0].id == first.id


def test_a_full_phone(open_room: OpenRoom, tmp_path: Path) -> None:
    room = open_room(capacity=100 << 20)
    big = tmp_path / "big.mp4"
    with big.open("wb") as file:
        file.truncate(60 << 20)
    with room.session() as session:
        with pytest.raises(StorageFull, match="The file has 60 MiB"):
            session.push_media(big, album=ALBUM)
        assert _files(room) == {}


def test_a_phone_that_is_full_although_it_said_otherwise(
    room: Room, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.phones.media.SPARE_BYTES", -(1 << 60))
    with room.session() as session:
        room.virtual.fault("storage_full")
        with pytest.raises(StorageFull):
            session.push_media(video, album=ALBUM)


def test_what_earlier_runs_left(room: Room, video: Path, tmp_path: Path) -> None:
    kept_file = tmp_path / "kept.mp4"
    kept_file.write_bytes(os.urandom(1000))
    with room.session() as session:
        old = session.push_media(video, album=ALBUM)
        kept = session.push_media(kept_file, album=ALBUM)
        session.shell(["touch", "/sdcard/Movies/Runner/her own video.mp4"])
        assert session.forget(album=ALBUM, keep=[kept]) == [old.path]
        assert session.forget(album="Never used") == []
    assert [row.id for row in _rows(room)] == [kept.id]
    assert len(_files(room)) == 2


@pytest.fixture
def long_video(tmp_path: Path) -> Path:
    path = tmp_path / "long.mp4"
    with path.open("wb") as file:
        file.truncate(400 << 20)
    return path


def _in_transfer(room: Room, strike: Callable[[], None]) -> threading.Thread:
    """Strike while the next file is being sent: after one look at the storage, in the second use of sync."""
    before = room.calls("sync")

    def run() -> None:
        wait_for(lambda: room.calls("sync") >= before + 2, what="the transfer")
        strike()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_cable_pulled_during_the_transfer(room: Room, long_video: Path) -> None:
    with room.session() as session:
        puller = _in_transfer(room, lambda: room.virtual.fault("unplug", seconds=0.5))
        media = session.push_media(long_video, album=ALBUM)
        puller.join()
    assert [(row.id, row.size) for row in _rows(room)] == [(media.id, 400 << 20)]


def test_stop_during_the_transfer(room: Room, long_video: Path) -> None:
    cancel = CancelToken()
    stopped: list[float] = []

    def stop() -> None:
        room.virtual.fault("freeze")
        stopped.append(time.monotonic())
        cancel.cancel("stopped")

    with room.session(cancel=cancel) as session:
        stopper = _in_transfer(room, stop)
        with pytest.raises(Cancelled):
            session.push_media(long_video, album=ALBUM)
        stopper.join()
        assert time.monotonic() - stopped[0] < 2
