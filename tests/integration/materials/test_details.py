"""What the operator says about files, and finding them by it: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from runner.errors import InvalidRequest, NotFound
from runner.materials.types import Changes, Filter, State, Tag
from runner.script import Wanted

from .conftest import Room


def test_tags_are_one_whatever_their_case(room: Room) -> None:
    (item,) = room.add("clip.mp4", tags=(" Cats ,dogs", "CATS"))
    assert item.tags == ("cats", "dogs")
    item = room.library.edit(item.id, Changes(add_tags=("Straße",), remove_tags=("DOGS",)))
    assert item.tags == ("cats", "strasse")
    assert room.library.edit(item.id, Changes(tags=("only",))).tags == ("only",)
    assert room.library.edit(item.id, Changes(tags=())).tags == ()


def test_what_is_not_named_stays(room: Room) -> None:
    (item,) = room.add("clip.mp4", tags=("a",), caption="hello", username="anna", sort_number=3)
    changed = room.library.edit(item.id, Changes(caption="bye"))
    assert (changed.tags, changed.caption, changed.username, changed.sort_number) == (
        ("a",),
        "bye",
        "anna",
        3,
    )
    changed = room.library.edit(item.id, Changes(username="", clear_sort_number=True))
    assert (changed.caption, changed.username, changed.sort_number) == ("bye", "", None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (Changes(caption="x" * 4001), "caption"),
        (Changes(add_tags=("x" * 101,)), "tags"),
        (Changes(caption="a\0b"), "caption"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_its_field(room: Room, changes: Changes, field: str) -> None:
    (item,) = room.add("clip.mp4")
    with pytest.raises(InvalidRequest) as refused:
        room.library.edit(item.id, changes)
    assert refused.value.field == field


def test_the_list_is_filtered_and_paged(room: Room) -> None:
    first, second = room.add("1.mp4", "2.mp4", tags=("a", "b"))
    (third,) = room.add("3.png", tags=("b", "c"), username="anna")
    run = room.run()
    room.claim(run, Wanted("video"))

    def listed(**criteria: object) -> list[int]:
        return [item.id for item in room.library.list(Filter(**criteria)).items]  # type: ignore[arg-type]

    assert listed() == [third.id, second.id, first.id]
    assert listed(tags=("a", "c")) == [third.id, second.id, first.id]
    assert listed(tags=("c",)) == [third.id]
    assert listed(kind="video", state=State.UNUSED) == [second.id]
    assert listed(state=State.CLAIMED) == [first.id]
    assert listed(username="anna") == [third.id]
    assert listed(username="") == [second.id, first.id]
    page = room.library.list(Filter(page=2, page_size=2))
    assert ([item.id for item in page.items], page.total) == ([first.id], 3)
    assert list(room.library.tags()) == [Tag("a", 2, 1), Tag("b", 3, 2), Tag("c", 1, 1)]
    assert room.library.drop_tag(" B ") == 3
    with pytest.raises(NotFound):
        room.library.drop_tag("b")
