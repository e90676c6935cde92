"""Who gets which file of the library: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from runner.cancel import CancelToken
from runner.errors import Cancelled, LostRun, MediaUnusable
from runner.execution.recovery import recover
from runner.materials.types import Changes, Details, State
from runner.script import Wanted
from runner.tasks.settings import TaskSettings
from runner.tasks.types import Ending, Outcome, Run, Status
from support.media import files

from .conftest import IMAGE, NOW, OpenRoom, Room

UNUSED, CLAIMED, USED = State.UNUSED, State.CLAIMED, State.USED


def names(room: Room, run: Run, wanted: Wanted = IMAGE) -> list[str]:
    return [material.name for material in room.claim(run, wanted)]


# Which file


def test_the_oldest_first_and_each_once(room: Room) -> None:
    first, second = room.add("first.jpg", "second.jpg")
    one, other = room.run(), room.run()
    (material,) = room.claim(one)
    assert (material.id, material.sha256, material.name) == (first.id, first.sha256, "first.jpg")
    assert material.path.read_bytes()
    assert names(room, other) == ["second.jpg"]
    assert room.item(second).task_id == other.task.id
    assert room.states() == [CLAIMED, CLAIMED]


def test_the_accounts_own_then_everyones_never_anothers(room: Room) -> None:
    _, hers, his, _ = room.add("everyones.jpg", "hers.jpg", "his.jpg", "clip.mp4")
    room.library.edit(hers.id, Changes(username="@Anna"))
    room.library.edit(his.id, Changes(username="bruno"))
    runs = [room.run("ANNA") for _ in range(3)]
    assert names(room, runs[0]) == ["hers.jpg"]
    assert names(room, runs[1]) == ["everyones.jpg"]
    with pytest.raises(MediaUnusable, match=r"no unused image in the library for @ANNA \(2 claimed\)"):
        room.claim(runs[2])


def test_by_sort_number_then_by_age(room: Room) -> None:
    (unsorted,) = room.add("unsorted.png")
    for number in (10, 2):
        room.add(f"{number}.png", sort_number=number)
    (negative,) = room.add("negative.png", sort_number=-1)
    run = room.run()
    assert names(room, run, Wanted("image", 3)) == ["negative.png", "2.png", "10.png"]
    assert room.item(unsorted).state is UNUSED
    assert room.item(negative).state is CLAIMED


def test_any_of_the_tags(room: Room) -> None:
    room.add("cat.jpg", tags=("cats",))
    room.add("dog.jpg", tags=("dogs", "pets"))
    room.add("none.jpg")
    assert names(room, room.run(), Wanted("image", tags=("Birds", " PETS "))) == ["dog.jpg"]
    with pytest.raises(MediaUnusable, match=r"in the library with birds or pets for @anna \(1 claimed\)"):
        room.claim(room.run(), Wanted("image", tags=("birds", "pets")))


def test_what_is_beyond_the_apps_limits_or_not_there_is_passed_over(open_room: OpenRoom) -> None:
    room = open_room(tiktok={"image_max_mb": 1})
    (large,) = files(room.folder, "large.png")
    with large.open("ab") as file:
        file.write(bytes(2**20))
    room.library.add_paths([str(large)], "copy", Details())
    gone, _ = room.add("gone.png", "good.png")
    room.library.path(gone).unlink()
    assert names(room, room.run(), Wanted("image")) == ["good.png"]
    with pytest.raises(MediaUnusable, match=r"no unused image in .* \(2 missing or unfit, 1 claimed\)"):
        room.claim(room.run(), Wanted("image"))


def test_several_files_or_none(room: Room) -> None:
    room.add("1.png", "2.png", "3.png")
    assert names(room, room.run(), Wanted("image", 2)) == ["1.png", "2.png"]
    with pytest.raises(MediaUnusable, match=r"There is not 2 unused images in .* \(1 left, 2 claimed\)"):
        room.claim(room.run(), Wanted("image", 2))
    assert room.states() == [CLAIMED, CLAIMED, UNUSED]


def test_asking_twice_gives_the_same(room: Room) -> None:
    room.add("1.png", "2.png", "3.png")
    run = room.run()
    assert names(room, run, Wanted("image", 2)) == names(room, run, Wanted("image", 2))
    assert room.states() == [CLAIMED, CLAIMED, UNUSED]


def test_the_caption_of_the_file_comes_with_it(room: Room) -> None:
    room.add("clip.jpg", caption="Literally {this|that} 🎉")
    assert room.claim(room.run())[0].caption == "Literally {this|that} 🎉"


# How a task's end settles it


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.PUBLISHED, USED),
        (Outcome.DONE, USED),
        (Outcome.UNKNOWN, USED),
        (Outcome.FAILED, UNUSED),
        (Outcome.REFUSED, UNUSED),
        (Outcome.STOPPED, UNUSED),
    ],
)
def test_the_end_of_the_task_settles_its_files(room: Room, outcome: Outcome, state: State) -> None:
    room.add("clip.jpg", "others.jpg")
    run, other = room.run(), room.run()
    room.claim(run)
    room.claim(other)
    room.end(run, outcome)
    assert room.states() == [state, CLAIMED]


def test_while_a_task_waits_for_its_automatic_retry_it_keeps_its_file(room: Room) -> None:
    (item,) = room.add("clip.jpg")
    run = room.begin(room.task(retry_limit=1))
    room.claim(run)
    room.tasks.finish(run, Ending(Outcome.FAILED, ""), NOW, retry_at=NOW + timedelta(minutes=1))
    assert room.item(item).state is CLAIMED
    room.tasks.withdraw([run.task.id], NOW)
    assert (room.item(item).state, room.item(item).task_id) == (UNUSED, run.task.id)


def test_a_run_that_is_handed_back_keeps_it_until_the_task_is_missed(room: Room) -> None:
    (item,) = room.add("clip.jpg")
    run = room.run()
    room.claim(run)
    room.tasks.hand_back(run, "", NOW)
    assert room.item(item).state is CLAIMED
    room.tasks.miss_overdue(NOW + timedelta(seconds=1), "late", NOW)
    assert room.item(item).state is UNUSED


@pytest.mark.parametrize(("fenced", "state"), [(False, UNUSED), (True, USED)])
def test_after_a_kill_the_fence_decides(room: Room, fenced: bool, state: State) -> None:
    (item,) = room.add("clip.jpg")
    run = room.run()
    room.claim(run)
    if fenced:
        room.tasks.fence(run, NOW)
    assert room.item(item).state is CLAIMED
    assert recover(room.tasks, TaskSettings(), "here") == 1
    assert room.item(item).state is state


@pytest.mark.parametrize("then", ["pending", "running", "fenced", "published", "failed"])
def test_deleting_the_task_keeps_only_what_may_be_published(room: Room, then: str) -> None:
    (item,) = room.add("clip.jpg")
    run = room.run()
    room.claim(run)
    if then == "pending":
        room.tasks.hand_back(run, "", NOW)
    elif then == "fenced":
        room.tasks.fence(run, NOW)
    elif then != "running":
        room.end(run, Outcome(then))
    room.tasks.delete([run.task.id])
    assert room.item(item).state is (USED if then in ("fenced", "published") else UNUSED)


# Retries


def test_a_retry_gets_its_own_file_before_others_and_others_what_was_released(room: Room) -> None:
    room.add("first.jpg", "second.jpg", "third.jpg")
    run, other = room.run(), room.run()
    assert names(room, run) == ["first.jpg"]
    assert names(room, other) == ["second.jpg"]
    for one in (run, other):
        room.end(one, Outcome.FAILED)
        room.tasks.retry(one.task.id, force=False, retry_limit=0, now=NOW)
    assert names(room, room.begin(other.task.id)) == ["second.jpg"]
    assert names(room, room.run()) == ["first.jpg"], "nobody has to wait for a failed task"
    assert names(room, room.begin(run.task.id)) == ["third.jpg"]


def test_a_forced_retry_gets_the_file_that_may_be_published(room: Room) -> None:
    (item,) = room.add("clip.jpg")
    run = room.run()
    room.claim(run)
    room.end(run, Outcome.UNKNOWN)
    room.tasks.retry(run.task.id, force=True, retry_limit=0, now=NOW)
    again = room.begin(run.task.id)
    assert names(room, again) == ["clip.jpg"]
    room.end(again, Outcome.FAILED)
    assert room.item(item).state is USED, "the attempt before may have published it"
    with pytest.raises(MediaUnusable):
        room.claim(room.run())


# Many at once


def test_tasks_of_several_processes_never_get_the_same_file(open_room: OpenRoom) -> None:
    rooms = [open_room() for _ in range(4)]
    count = 24
    items = rooms[0].add(*(f"{number}.jpg" for number in range(count)))
    runs = [rooms[0].run(f"user{number}") for number in range(count + 6)]

    def claim(numbered: tuple[int, Run]) -> str:
        number, run = numbered
        try:
            return rooms[number % 4].claim(run)[0].sha256
        except MediaUnusable:
            return "none left"

    with ThreadPoolExecutor(8) as pool:
        got = Counter(pool.map(claim, enumerate(runs)))
    assert got.pop("none left") == 6
    assert got == Counter(item.sha256 for item in items)


def test_of_tasks_that_want_many_each_gets_all_or_none(open_room: OpenRoom) -> None:
    rooms = [open_room() for _ in range(2)]
    rooms[0].add(*(f"{number}.png" for number in range(7)))
    runs = [rooms[0].run(f"user{number}") for number in range(4)]

    def claim(numbered: tuple[int, Run]) -> int:
        number, run = numbered
        try:
            return len(rooms[number % 2].claim(run, Wanted("image", 3)))
        except MediaUnusable:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(claim, enumerate(runs))) == [0, 0, 3, 3]
    assert Counter(rooms[0].states()) == {CLAIMED: 6, UNUSED: 1}


# Runs that are none any more


def test_a_run_that_lost_its_task_gets_nothing(room: Room) -> None:
    room.add("clip.jpg")
    run = room.run()
    recover(room.tasks, TaskSettings(), "here")
    with pytest.raises(LostRun):
        room.claim(run)
    assert room.states() == [UNUSED]


def test_a_deleted_task_gets_nothing(room: Room) -> None:
    room.add("clip.jpg")
    run = room.run()
    room.tasks.delete([run.task.id])
    with pytest.raises(LostRun):
        room.claim(run)
    assert room.states() == [UNUSED]


def test_a_run_that_was_stopped_gets_nothing(room: Room) -> None:
    room.add("clip.jpg")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        room.supply.for_run(room.run(), cancel).claim(IMAGE)
    assert room.states() == [UNUSED]


# Whose turn it is


def turn(room: Room, run: Run, entries: str = "abc", name: str = "list") -> str:
    return room.supply.for_run(run, CancelToken()).turn(name, entries)


def test_each_account_goes_round_the_list_in_order(open_room: OpenRoom) -> None:
    room = open_room()
    assert [turn(room, room.run()) for _ in range(4)] == ["a", "b", "c", "a"]
    assert turn(room, room.run("bruno")) == "a"
    assert turn(room, room.run(), name="another list") == "a"
    assert turn(open_room(), room.run("ANNA")) == "b", "the place is kept over restarts"


def test_every_attempt_of_a_task_has_the_same_turn(room: Room) -> None:
    run = room.run()
    assert [turn(room, run), turn(room, run)] == ["a", "a"]
    room.end(run, Outcome.FAILED)
    assert turn(room, room.run()) == "b"
    room.tasks.retry(run.task.id, force=False, retry_limit=0, now=NOW)
    again = room.begin(run.task.id)
    assert again.task.status is Status.RUNNING
    assert turn(room, again) == "a"
    room.tasks.delete([run.task.id])
    assert turn(room, room.run()) == "c"


def test_turns_taken_at_once_are_all_different(open_room: OpenRoom) -> None:
    rooms = [open_room() for _ in range(3)]
    runs = [rooms[0].run() for _ in range(12)]
    entries = "abcdefghijkl"
    with ThreadPoolExecutor(6) as pool:
        taken = pool.map(lambda pair: turn(rooms[pair[0] % 3], pair[1], entries), enumerate(runs))
    assert "".join(sorted(taken)) == entries
