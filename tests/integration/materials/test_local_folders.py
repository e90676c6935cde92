"""Files of the host's folders: whose they are, who has them, and what counts as the same file."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.errors import LostRun, MediaUnusable
from runner.execution.recovery import recover
from runner.materials.types import State
from runner.script import Material, Wanted
from runner.tasks.settings import TaskSettings
from runner.tasks.types import Outcome, Run
from support.media import files, movies, picture

from .conftest import NOW, OpenRoom, Room

UNUSED, CLAIMED, USED = State.UNUSED, State.CLAIMED, State.USED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "videos"
    made.mkdir()
    return made


def claim(room: Room, run: Run, folder: Path, *, images: int = 0) -> list[Material]:
    wanted = Wanted("image", images, folder=str(folder)) if images else Wanted("video", folder=str(folder))
    return room.claim(run, wanted)


def path_of(room: Room, run: Run, folder: Path) -> Path:
    (material,) = claim(room, run, folder)
    return material.path


def test_every_video_goes_to_one_task(room: Room, folder: Path) -> None:
    there = movies(folder, 5)
    got = [path_of(room, room.run(f"user{number}"), folder) for number in range(5)]
    assert sorted(got) == sorted(path.resolve() for path in there)
    with pytest.raises(MediaUnusable, match=r"no unused video in .*videos \(5 claimed\)"):
        claim(room, room.run(), folder)


def test_videos_are_picked_at_random(room: Room, folder: Path) -> None:
    movies(folder, 10)
    order = [path_of(room, room.run(), folder).name for _ in range(10)]
    assert order != sorted(order)  # one of 3,628,800 orders would not do


def test_images_come_in_their_order(room: Room, folder: Path) -> None:
    files(folder, "c.jpg", "sort_2_x.png", "b.jpg", "sort_1_y.webp")
    first = claim(room, room.run(), folder, images=3)
    assert [material.name for material in first] == ["sort_1_y.webp", "sort_2_x.png", "b.jpg"]
    assert [material.kind for material in first] == ["image"] * 3
    with pytest.raises(MediaUnusable, match=r"not 2 unused images in .* \(3 claimed\)"):
        claim(room, room.run(), folder, images=2)
    assert room.states("folder") == [CLAIMED] * 3


def test_an_account_with_a_folder_of_its_own_gets_nothing_else(room: Room, folder: Path) -> None:
    movies(folder, 1)
    (hers,) = files(folder / "@Anna", "hers.mp4")
    assert path_of(room, room.run("anna"), folder) == hers.resolve()
    with pytest.raises(MediaUnusable, match="@Anna"):
        claim(room, room.run("anna"), folder)
    assert path_of(room, room.run("bruno"), folder).name == "clip0001.mp4"


def test_used_stays_used_over_restarts_and_released_comes_again(open_room: OpenRoom, folder: Path) -> None:
    room = open_room()
    movies(folder, 2)
    published, failed = room.run(), room.run()
    used = path_of(room, published, folder)
    released = path_of(room, failed, folder)
    room.end(published, Outcome.PUBLISHED)
    room.end(failed, Outcome.FAILED)

    again = open_room()
    assert path_of(again, again.run("carla"), folder) == released
    with pytest.raises(MediaUnusable, match=r"\(1 claimed, 1 used\)"):
        claim(again, again.run(), folder)
    assert used != released


def test_the_same_content_under_another_path_is_another_file(room: Room, folder: Path) -> None:
    (original,) = movies(folder / "@anna", 1)
    (folder / "@bruno").mkdir()
    shutil.copy2(original, folder / "@bruno")
    one = claim(room, room.run("anna"), folder)
    other = claim(room, room.run("bruno"), folder)
    assert one[0].sha256 == other[0].sha256
    assert one[0].path != other[0].path


def test_other_content_under_the_same_path_is_another_file(room: Room, folder: Path) -> None:
    (path,) = movies(folder, 1)
    before = claim(room, room.run(), folder)[0]
    movies(folder, 1)
    after = claim(room, room.run("bruno"), folder)[0]
    assert (after.path, after.id) != (before.path, before.id)
    assert after.path == path.resolve()


def test_touching_a_used_file_does_not_make_it_new(room: Room, folder: Path) -> None:
    (path,) = movies(folder, 1)
    claim(room, room.run(), folder)
    os.utime(path, ns=(1, 1))
    for _ in range(2):
        with pytest.raises(MediaUnusable, match="1 claimed"):
            claim(room, room.run(), folder)


def test_a_folder_reached_by_two_ways_is_one(room: Room, folder: Path) -> None:
    movies(folder, 1)
    link = folder.parent / "link"
    link.symlink_to(folder)
    claim(room, room.run(), link)
    with pytest.raises(MediaUnusable, match="1 claimed"):
        claim(room, room.run(), folder / ".." / folder.name)


def test_a_retry_gets_the_same_file_and_a_forced_one_too(room: Room, folder: Path) -> None:
    movies(folder, 6)
    run = room.run()
    first = path_of(room, run, folder)
    assert path_of(room, run, folder) == first
    room.end(run, Outcome.FAILED)
    room.tasks.retry(run.task.id, force=False, retry_limit=0, now=NOW)
    run = room.begin(run.task.id)
    assert path_of(room, run, folder) == first
    room.end(run, Outcome.UNKNOWN)
    room.tasks.retry(run.task.id, force=True, retry_limit=0, now=NOW)
    assert path_of(room, room.begin(run.task.id), folder) == first


def test_what_can_not_be_posted_is_passed_over(open_room: OpenRoom, folder: Path) -> None:
    room = open_room(tiktok={"video_max_mb": 1})
    (large, good) = files(folder, "large.mp4", "good.mp4")
    large.write_bytes(large.read_bytes() + bytes(2**20))
    (folder / "empty.mp4").touch()
    (folder / "picture.mp4").write_bytes(picture())
    (folder / "text.mp4").write_text("hello")
    assert path_of(room, room.run(), folder) == good.resolve()
    with pytest.raises(MediaUnusable, match=r"\(4 missing or unfit, 1 claimed\)"):
        claim(room, room.run(), folder)


def test_a_link_does_not_lead_out_of_the_allowed_folders(open_room: OpenRoom, folder: Path) -> None:
    room = open_room(roots=[str(folder)])
    (secret,) = movies(folder.parent / "elsewhere", 1)
    (folder / "link.mp4").symlink_to(secret)
    with pytest.raises(MediaUnusable, match="1 missing or unfit"):
        claim(room, room.run(), folder)
    with pytest.raises(MediaUnusable, match="outside the folders"):
        claim(room, room.run(), secret.parent)


def test_a_folder_that_went_away_is_told(room: Room, folder: Path) -> None:
    with pytest.raises(MediaUnusable, match="gone: No such file or directory"):
        claim(room, room.run(), folder / "gone")


def test_a_run_that_lost_its_task_gets_nothing(room: Room, folder: Path) -> None:
    movies(folder, 1)
    run = room.run()
    recover(room.tasks, TaskSettings(), "here")
    with pytest.raises(LostRun):
        claim(room, run, folder)
    assert CLAIMED not in room.states("folder")


def test_tasks_of_several_processes_never_get_the_same_file(open_room: OpenRoom, folder: Path) -> None:
    rooms = [open_room() for _ in range(4)]
    there = files(folder, *(f"{number}.jpg" for number in range(24)))
    runs = [rooms[0].run(f"user{number}") for number in range(28)]

    def take(numbered: tuple[int, Run]) -> str:
        number, run = numbered
        try:
            return str(claim(rooms[number % 4], run, folder, images=1)[0].path)
        except MediaUnusable:
            return "none left"

    with ThreadPoolExecutor(8) as pool:
        got = Counter(pool.map(take, enumerate(runs)))
    assert got.pop("none left") == 4
    assert got == Counter(str(path.resolve()) for path in there)
