"""The nouns of the material room. Plain data, no behaviour."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from runner.materials.media import Kind, Media

Origin = Literal["library", "folder"]


class State(enum.StrEnum):
    UNUSED = "unused"
    CLAIMED = "claimed"
    """A task has it and has not ended."""
    USED = "used"
    """Published, or it is not known whether it was; never picked again."""


@dataclass(frozen=True)
class Item:
    """One file: of the library, or of a local folder once a task has looked at it."""

    id: int
    source: Origin
    sha256: str
    name: str
    path: str
    """Canonical, of a local file; "" in the library, which knows where its files are."""
    kind: Kind
    media_type: str
    size: int
    duration: float | None
    """Seconds."""
    width: int | None
    height: int | None
    caption: str
    username: str
    """Lower case, without @; "" for everyone."""
    sort_number: int | None
    state: State
    task_id: int | None
    """Whose it is or was; of an unused one, the task that released it last."""
    taken_at: datetime | None
    created_at: datetime
    tags: tuple[str, ...] = ()

    @property
    def media(self) -> Media:
        return Media(self.kind, self.media_type, self.size, self.duration, self.width, self.height)


@dataclass(frozen=True)
class Details:
    """What the operator says about a file that is added."""

    tags: tuple[str, ...] = ()
    caption: str = ""
    username: str = ""
    sort_number: int | None = None


@dataclass(frozen=True)
class Added:
    item: Item
    created: bool
    """False when the library had this content already; then nothing was changed."""


@dataclass(frozen=True)
class Changes:
    """What to change; None leaves as it is. `tags` replaces all of them."""

    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    caption: str | None = None
    username: str | None = None
    sort_number: int | None = None
    clear_sort_number: bool = False


@dataclass(frozen=True)
class Filter:
    source: Origin = "library"
    tags: tuple[str, ...] = ()
    """Any of these."""
    kind: Kind | None = None
    state: State | None = None
    username: str | None = None
    """"" for those of everyone."""
    page: int = 1
    page_size: int = 20


@dataclass(frozen=True)
class Page:
    items: list[Item]
    total: int
    page: int
    page_size: int


@dataclass(frozen=True)
class Tag:
    name: str
    materials: int
    unused: int


@dataclass(frozen=True)
class LocalFile:
    """A file of a local folder as it was when it was read."""

    path: Path
    """Canonical."""
    sha256: str
    modified_ns: int
    media: Media
