"""The cells of Instagram's gallery "New post": what is selected, and which comes next.

Pure reading of a recognised screen. Reading order is newest first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.phones.hierarchy import Node
from runner.phones.screens import Seen


@dataclass(frozen=True)
class Pictures:
    """The cells in sight that nothing covers."""

    cells: tuple[Node, ...]
    selected: tuple[bool, ...]
    numbers: tuple[int, ...]
    """What the gallery counts a selected one as; 0 where it does not say."""
    is_multiple: bool
    """Can more than one be selected?"""

    @classmethod
    def of(cls, gallery: Seen) -> Pictures:
        thumbnails = sorted(gallery.all("thumbnails"), key=lambda node: (node.bounds.top, node.bounds.left))
        strip = gallery.control("strip")
        end = strip.bounds.top if strip else gallery.hierarchy.size[1]
        tallest = max((node.bounds.height for node in thumbnails), default=0)
        whole = [each for each in thumbnails if each.bounds.height == tallest and each.bounds.bottom <= end]
        overlays = [node.bounds for node in gallery.all("selected")]
        numbered = {id(node): re.search(r"\d+", node.label) for node in gallery.all("numbered")}
        numbers = [numbered.get(id(node)) for node in whole]
        return cls(
            tuple(whole),
            tuple(any(each.bounds.overlaps(overlay) for overlay in overlays) for each in whole),
            tuple(int(found[0]) if found else 0 for found in numbers),
            bool(gallery.all("circles")),
        )

    @property
    def first_selected(self) -> Node | None:
        return next(
            (cell for cell, selected in zip(self.cells, self.selected, strict=True) if selected), None
        )

    @property
    def following(self) -> Node | None:
        """The one after the last that is selected; None when it lies further down."""
        last = max((at for at, selected in enumerate(self.selected) if selected), default=-1)
        return self.cells[last + 1] if last + 1 < len(self.cells) else None

    @property
    def last_number(self) -> int | None:
        """Of those in sight; None where the gallery does not say it."""
        return max(self.numbers, default=0) or None

    def is_selected(self, cell: Node) -> bool:
        return any(
            selected and each.bounds == cell.bounds
            for each, selected in zip(self.cells, self.selected, strict=True)
        )

    @property
    def way_down(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """From where to where to move a finger so that the last row becomes the first."""
        (_, top), (x, bottom) = self.cells[0].center, self.cells[-1].center
        return (x, bottom), (x, top)
