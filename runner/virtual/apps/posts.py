"""What is on its way from a phone to a platform: a composition, its upload, and the draft that is left
of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..app import MediaRow

Kind = Literal["video", "images", "reel", "story"]


@dataclass
class Composition:
    """One post in the making. `sound` is "" for none."""

    media: list[MediaRow]
    caption: str = ""
    title: str = ""
    sound: str = ""
    ai_label: bool = False
    origin_volume: int | None = None
    """0 to 100; None where there is no original sound, or an app without volumes."""
    sound_volume: int | None = None
    """The same of the added sound."""
    product: str = ""
    """What the link to a product reads; "" for none."""

    @property
    def is_photos(self) -> bool:
        return not any(row.is_video for row in self.media)

    @property
    def size(self) -> int:
        return sum(row.size for row in self.media)

    def described(self) -> list[dict[str, Any]]:
        return [{"sha256": row.sha256, "size": row.size, "name": row.display_name} for row in self.media]


@dataclass
class Upload:
    """An upload from `started` on (the phone's monotonic clock) for so many seconds.

    One that never ends stays at `stuck_at` percent.
    """

    composition: Composition
    account: str
    kind: Kind
    started: float
    seconds: float
    stuck_at: int | None = None

    def percent(self, now: float) -> int:
        done = min(99, int(100 * (now - self.started) / self.seconds))
        return done if self.stuck_at is None else min(done, self.stuck_at)


@dataclass
class Drafts:
    """The drafts of each account, newest first. They outlive the app's process."""

    of: dict[str, list[Composition]] = field(default_factory=dict)

    def add(self, account: str, composition: Composition) -> None:
        self.drop(account, composition)
        self.of[account].insert(0, composition)

    def drop(self, account: str, composition: Composition) -> None:
        """The composition is a draft no longer, if it was one."""
        self.of[account] = [each for each in self.of.get(account, []) if each is not composition]

    def count(self, account: str | None) -> int:
        return len(self.of.get(account or "", []))
