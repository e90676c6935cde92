"""What hosts and the API host say to each other about files: the bodies of the calls below /api/v1/fleet.

Read and written by `runner.api.fleet` on the one side and by `runner.fleet.files` on the other.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from runner.script import FolderNotes, Wanted

SHA256 = r"^[0-9a-f]{64}$"
SUFFIX = r"^(\.[a-z0-9]{1,8})?$"


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunProof(Shape):
    """Of a run, proved by its token."""

    task_id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    attempt: int
    token: str


class AskClaim(Shape):
    run: RunProof
    wanted: Wanted


class AskGiven(Shape):
    run: RunProof
    paths: list[str]


class AskNotes(Shape):
    run: RunProof
    folder: str


class Content(Shape):
    """A file on the API host, and the call that gets it."""

    url: str
    """Below the prefix of these calls."""
    sha256: Annotated[str, Field(pattern=SHA256)]
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    suffix: Annotated[str, Field(pattern=SUFFIX)]
    """As ".mp4": phones tell by it what a file is."""


class ClaimedFile(Shape):
    """A `Material` without the place that it has on a host."""

    content: Content
    id: int
    kind: Literal["video", "image"]
    media_type: str
    source: Literal["library", "folder"]
    name: str
    caption: str


class Claimed(Shape):
    files: list[ClaimedFile]


class Given(Shape):
    files: list[Content]
    """In the order of the paths."""


class Notes(Shape):
    notes: FolderNotes


class Refusal(Shape):
    """Which error of `runner.errors` the API host met."""

    error: str
    remedy: str
