"""What a script author imports: `Script`, `Context` and the results. See docs/scripts.md.

A script is a class with a name, a pydantic model of its configuration and a `run` method. It knows phones
(`context.phone`) and nothing of HTTP, the database or other tasks.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from runner.cancel import CancelToken
    from runner.phones.hierarchy import Hierarchy
    from runner.phones.screens import Catalog
    from runner.phones.session import PhoneSession


class ScriptConfig(BaseModel):
    """Base of every script's configuration: unknown fields are refused, "60" is accepted for 60."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


ConfigT = TypeVar("ConfigT", bound=ScriptConfig)
ConfigT_co = TypeVar("ConfigT_co", bound=ScriptConfig, covariant=True)


@dataclass(frozen=True)
class Account:
    """An account as devices.yaml has it; `package` is resolved (account, else device, else farm default)."""

    username: str
    app: str
    package: str


@dataclass(frozen=True)
class Result:
    """What a run achieved. `remark` is shown with the task; the URLs stay empty when the app gave none."""

    remark: str = ""
    post_url: str = ""
    profile_url: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    proved: tuple[Account, ...] = ()
    """Accounts of this phone that the app was seen to work with. The task's own, when it published."""
    found: tuple[Account, ...] = ()
    """Accounts of this phone that the app lists as logged in; whether it lets them publish was not seen."""


EntryT = TypeVar("EntryT")


@dataclass(frozen=True)
class Wanted:
    """Which files a task needs: from `folder` on the host when it is given, else from the library."""

    kind: Literal["video", "image"]
    count: int = 1
    tags: tuple[str, ...] = ()
    """Of the library: files with any of these. None: any file."""
    folder: str = ""


@dataclass(frozen=True)
class Material:
    """A file that belongs to this task until it ends, and for good once it is published."""

    id: int
    path: Path
    """On this host."""
    sha256: str
    size: int
    """Bytes."""
    kind: Literal["video", "image"]
    media_type: str
    source: Literal["library", "folder"]
    name: str
    """As its owner called it."""
    caption: str = ""
    """Given with the file, literally; wins over the task's. "" for none."""


@dataclass(frozen=True)
class FolderNotes:
    """The texts that lie in a local folder."""

    caption: str = ""
    """caption.txt, a spintax template; "" for none."""
    sounds: tuple[str, ...] = ()
    """The lines of sound_urls.txt, else of sound_names.txt."""
    sound_list: str = ""
    """What tells this list of sounds apart, for `Materials.turn`."""


class Materials(Protocol):
    """The files of a run, and whose turn it is in lists."""

    def claim(self, wanted: Wanted) -> list[Material]:
        """Files that no other task has or ever had, in the order in which they are to be used.

        What the task has already it gets again, in this attempt and in later ones. They are released when
        the task fails before publishing. Raises MediaUnusable when there are not enough.
        """
        ...

    def given(self, paths: Sequence[str]) -> list[Path]:
        """Files that the task names, as paths on this host. Raises MediaUnusable."""
        ...

    def notes(self, folder: str) -> FolderNotes:
        """The texts of a local folder for this run's account. Raises MediaUnusable."""
        ...

    def turn(self, list_name: str, entries: Sequence[EntryT]) -> EntryT:
        """The next entry for this run's account, wrapping round; the same one for every attempt of the task.

        `list_name` is any text that tells lists apart; the account's place in it outlives restarts.
        """
        ...


class PlannedMaterials(Protocol):
    """What can be known of files when a task is created. Each raises InvalidRequest that names `field`."""

    def check(self, wanted: Wanted, account: Account | None, *, field: str) -> None:
        """Refuse what can't be had: no such folder, or too few files that could still be claimed."""
        ...

    def check_files(
        self, paths: Sequence[str], kind: Literal["video", "image"], app: str, *, field: str
    ) -> None:
        """Refuse files that are not there, not of this kind by their content, or beyond the app's limits."""
        ...

    def notes(self, folder: str, account: Account | None, *, field: str) -> FolderNotes:
        """The texts of a local folder for this account."""
        ...


@dataclass(frozen=True)
class Planned:
    """What a script is told when a task is created, before any phone is touched."""

    serial: str
    account: Account | None
    source: str
    materials: PlannedMaterials


class Context(Protocol[ConfigT_co]):
    """What a run of a script has at hand. Every method raises Cancelled once stop was asked for."""

    @property
    def task_id(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def config(self) -> ConfigT_co: ...
    @property
    def account(self) -> Account | None: ...
    @property
    def phone(self) -> PhoneSession: ...
    @property
    def screens(self) -> Catalog:
        """What recognises the apps' screens, the operator's own definitions included."""
        ...

    @property
    def cancel(self) -> CancelToken: ...
    @property
    def rng_seed(self) -> int:
        """The same for every attempt of one task, so that a random choice is made once."""
        ...

    @property
    def materials(self) -> Materials:
        """The library and the host's folders."""
        ...

    @property
    def check_published_first(self) -> bool:
        """True for a forced retry of a task whose outcome is unknown: look for the post before publishing."""
        ...

    @property
    def work_dir(self) -> Path:
        """A folder of this run on the host, removed afterwards."""
        ...

    def step(self, name: str, *, detail: str = "") -> AbstractContextManager[StepNote]:
        """One step of the journal: its time, its outcome, and on failure a screenshot and the hierarchy."""
        ...

    def note(self, message: str, **details: Any) -> None:
        """A line in the current step of the journal (a popup that was dismissed, a choice that was made)."""
        ...

    def keep_screen(self, why: str, hierarchy: Hierarchy | None = None) -> None:
        """Keep what is shown with the current step, as a failed step does: the hierarchy (None: as it is
        now) and a screenshot. `why` is noted. Outside of a step, and from the eleventh time on, nothing.
        """
        ...

    def publish(self, tap: Callable[[], None]) -> None:
        """The publish fence: commits that publishing begins, then calls `tap` exactly once, whatever happens.

        After this the run ends as completed, as failed with the app's own refusal (raise AppRefused), or as
        outcome unknown (any other error); it is never repeated by the runner on its own.
        """
        ...


class StepNote(Protocol):
    """The open step; `detail` may be filled in while it runs."""

    detail: str


class Script(abc.ABC, Generic[ConfigT]):
    """Subclass, set `name` and `Config`, implement `run`. One instance serves all tasks: keep no state."""

    name: ClassVar[str]
    description: ClassVar[str] = ""
    Config: ClassVar[type[ScriptConfig]]
    steps: ClassVar[tuple[str, ...]] = ()
    """The names of the steps in order, for progress ("3 of 8"); a run may skip some."""
    apps: ClassVar[tuple[str, ...]] = ()
    """The apps whose accounts it can use ("tiktok", "instagram"); empty: any."""
    needs_account: ClassVar[bool] = False
    proves_account: ClassVar[bool] = False
    """True: starts also for an account that is marked as unusable, to find out whether it still is."""
    needs_phone: ClassVar[bool] = True
    """False for a script that never uses `context.phone`; it runs whether the phone is there or not."""

    def check(self, config: ConfigT, planned: Planned) -> None:
        """Refuse a task at creation: raise InvalidRequest with the field's name. Touches no phone."""
        return

    def time_limit(self, config: ConfigT) -> float:
        """Seconds after which a run is ended by the runner, waits of the configuration included."""
        return 900.0

    @abc.abstractmethod
    def run(self, context: Context[ConfigT]) -> Result:
        """Do it. Raise StepFailed (or let a PhoneError pass) when it can't be done."""
