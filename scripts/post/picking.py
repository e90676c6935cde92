"""Chooses our files in TikTok's gallery: in our own album, every one, in the order of the post.

Only one tap at a time, and each is believed when the gallery shows it. It knows the gallery and its list of
albums, and no other screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from runner.cancel import Deadline
from runner.errors import ControlMissing
from runner.phones.hierarchy import Node
from runner.phones.screens import Seen
from runner.phones.screens.matching import fold
from runner.phones.session import PhoneSession
from runner.phones.walk import Walk

SHOWN_SECONDS = 4.0
"""For the gallery to show what a tap has done."""


@dataclass(frozen=True)
class Cells:
    """The grid in reading order, which is newest first."""

    cells: tuple[Node, ...]
    circles: tuple[Node, ...]
    """Of each cell that shows one whole."""
    numbers: tuple[int, ...]
    """What the circles read; 0 for one that is not chosen."""
    chosen: int
    """How many the gallery says are chosen."""

    @classmethod
    def of(cls, gallery: Seen) -> Cells:
        cells = tuple(sorted(gallery.all("cells"), key=_place))
        boxes = gallery.all("circles")
        found = (next((box for box in boxes if cell.bounds.encloses(box.bounds)), None) for cell in cells)
        circles = tuple(circle for circle in found if circle is not None)
        numbers = tuple(int(each.label) if each.label.isdecimal() else 0 for each in circles)
        go_on = gallery.control("next")
        counted = re.search(r"\d+", go_on.text) if go_on else None
        said = int(counted[0]) if counted else int(go_on is not None)
        return cls(cells, circles, numbers, max((said, *numbers)))

    @property
    def in_order(self) -> bool:
        numbers = [number for number in self.numbers if number]
        return numbers == sorted(numbers)

    @property
    def following(self) -> Node | None:
        """The circle after the last chosen one; None when it lies further down."""
        is_in_sight = self.chosen and self.chosen in self.numbers
        at = self.numbers.index(self.chosen) + 1 if is_in_sight else self.chosen
        return self.circles[at] if at < len(self.circles) else None


class Picker:
    """For `count` files, which are all that `album` holds, the first of them newest."""

    def __init__(self, phone: PhoneSession, walk: Walk, *, album: str, count: int) -> None:
        self._phone = phone
        self._walk = walk
        self._album = album
        self._count = count

    def open_album(self, albums: Seen) -> None:
        """In the list of albums. Raises ControlMissing when ours is not in it."""
        for row in albums.all("rows"):
            if fold(row.text) == self._album:
                self._phone.tap(row)
                return
        raise ControlMissing(f"The list of albums shows no {self._album}.")

    def choose(self, gallery: Seen) -> None:
        """In the gallery: to our album, or with all files chosen onwards from it. Raises ControlMissing."""
        if fold(gallery.need("album").text) != self._album:
            self._phone.tap(gallery.point("album"))
            return
        shown = Cells.of(gallery)
        if not shown.cells or len(shown.cells) > self._count:
            raise ControlMissing(
                f"The album {self._album} shows {len(shown.cells)} files, and {self._count} were put there."
            )
        if not shown.circles and self._count == 1:
            self._phone.tap(shown.cells[0])
            return
        if not shown.circles:
            self._phone.tap(gallery.point("several"))
            gallery = self._until(lambda cells: bool(cells.circles), "the circles to choose several files")
        while (shown := Cells.of(gallery)).chosen < self._count:
            gallery = self._choose_next(shown)
        if not shown.in_order or shown.chosen != self._count:
            raise ControlMissing(f"The gallery shows {shown.numbers} as chosen, not 1 to {self._count}.")
        self._phone.tap(gallery.point("next"))

    def _choose_next(self, shown: Cells) -> Seen:
        number = shown.chosen + 1
        circle = shown.following
        if circle is None:
            below, above = shown.cells[-1].center, shown.cells[len(shown.cells) // 2].center
            self._phone.swipe(below, (below[0], above[1]), seconds=1.0)
            return self._until(
                lambda cells: cells.chosen in cells.numbers and cells.following is not None,
                f"file {number} of {self._count}",
            )
        self._phone.tap(circle)
        return self._until(lambda cells: cells.chosen == number, f"file {number} of {self._count} as chosen")

    def _until(self, is_shown: Callable[[Cells], bool], what: str) -> Seen:
        """The gallery that shows it. Raises ControlMissing, also when something else came in front."""
        deadline = Deadline(SHOWN_SECONDS)
        pauses = self._walk.pauses()
        while True:
            seen = self._walk.look()
            if seen.screen == "gallery" and is_shown(Cells.of(seen)):
                return seen
            if deadline.passed:
                raise ControlMissing(f"The gallery does not show {what}.")
            pauses.pause()


def _place(node: Node) -> tuple[int, int]:
    return node.bounds.top, node.bounds.left
