"""What the grid of an own profile shows, so that a new post can be told from the ones before it.

Pure reading of a recognised screen. A profile shows no number of posts, only cells: drafts, uploads, posts.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.phones.hierarchy import Node
from runner.phones.screens import Seen


@dataclass(frozen=True)
class Grid:
    """The finished posts in sight, newest first."""

    cells: tuple[Node, ...]
    labels: tuple[str, ...]
    """What the whole cells read: their number of views. The bottom bar cuts off that of the last row."""
    uploading: str
    """"94%" while an upload shows, else ""."""

    @classmethod
    def of(cls, profile: Seen) -> Grid:
        progress = profile.control("uploading") or profile.sign("uploading")
        not_posts = [*profile.all("drafts_tile"), *profile.all("pinned"), *profile.all("uploading")]
        cells = [
            cell
            for cell in sorted(profile.all("cells"), key=lambda cell: (cell.bounds.top, cell.bounds.left))
            if not any(cell.bounds.encloses(other.bounds) for other in not_posts)
        ]
        tallest = max((cell.bounds.height for cell in cells), default=0)
        whole = [cell for cell in cells if cell.bounds.height == tallest]
        labels = tuple(" ".join(node.text for node in cell.walk() if node.text) for cell in whole)
        return cls(tuple(cells), labels, progress.text if progress else "")

    @property
    def hides_new_posts(self) -> bool:
        """More posts than there is room for, all reading the same: one more looks like the same grid."""
        return len(self.cells) > len(self.labels) and len(set(self.labels)) == 1

    def has_more_than(self, before: Grid) -> bool:
        """Is there a post that was not there before?"""
        if len(self.cells) > len(before.cells):
            return True
        return self.labels != before.labels and self.labels[1:] == before.labels[: len(self.labels) - 1]
