"""The seam between a virtual phone and the apps on it.

`Android` is what a phone offers to its apps; `App` is what the phone asks of an app. The phone side
(adbd, shell, storage, UI server, faults) lives in this package, the apps in `runner.virtual.apps`. Everything
runs on one asyncio loop: no locks, no blocking, waiting is `android.call_later`.
"""

from __future__ import annotations

import abc
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from lxml.etree import _Element

StepName = Literal["launch", "switch_account", "pick_media", "edit", "caption", "publish", "upload"]
"""The moments at which a fault can be planted (`before:<step>`, `after:<step>`)."""


@dataclass(frozen=True)
class Intent:
    """What `am start` was given. `extras` maps names to strings, whatever their type was."""

    action: str = "android.intent.action.MAIN"
    component: str = ""
    package: str = ""
    data: str = ""
    mime_type: str = ""
    categories: tuple[str, ...] = ()
    extras: dict[str, str] = field(default_factory=dict)
    grant_read: bool = False


@dataclass
class MediaRow:
    """One row of the phone's MediaStore; `sha256` and `size` are those of the file on storage now."""

    id: int
    path: str
    display_name: str
    mime_type: str
    size: int
    sha256: str
    date_modified: float
    bucket: str
    """The album: the name of the folder that the file lies in."""
    is_pending: bool = False

    @property
    def is_video(self) -> bool:
        return self.mime_type.startswith("video/")


@dataclass
class AcceptedPost:
    """What an app accepted; the ground truth of every test. Shape of the control API's /posts."""

    app: str
    account: str
    kind: Literal["video", "images", "reel", "story"]
    caption: str
    title: str
    media: list[dict[str, Any]]
    """Each {"sha256", "size", "name"}, in the order of the post."""
    at: str
    """ISO 8601, UTC."""
    url: str
    sound: str = ""
    origin_volume: int | None = None
    sound_volume: int | None = None
    ai_label: bool = False
    product_link: bool = False


class TextField(Protocol):
    """The input field that has the focus. What the keyboard, setText and paste write to."""

    text: str

    def replace(self, text: str) -> None:
        """Set the whole text, as the app would after its own limits and filters."""
        ...


class Android(Protocol):
    """What a virtual phone offers to the apps on it."""

    serial: str
    language: str
    width: int
    height: int
    rng: random.Random
    clipboard: str
    posts: list[AcceptedPost]

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` on the loop; dropped when the phone reboots or stops. An exception is logged."""
        ...

    def screen_change(self) -> float:
        """How long the next change of screen takes, seconds (0 with latency `none`)."""
        ...

    def media(self) -> Sequence[MediaRow]:
        """The rows that apps may see (not pending, file present), newest first by date_modified."""
        ...

    def media_by_uri(self, uri: str) -> MediaRow | None:
        """The row of content://media/external/{video|images|file}/media/<id>."""
        ...

    def granted(self, package: str, permission: str) -> bool: ...

    def ask_permission(self, package: str, permission: str, answered: Callable[[bool], None]) -> None:
        """Show Android's permission dialog above everything; grants on an allow button."""
        ...

    def show_dialog(self, windows: list[_Element], tapped: Callable[[int, int], bool]) -> None:
        """Show windows above the app until `tapped(x, y)` (or Back, as x = y = -1) returns True."""
        ...

    def toast(self, text: str) -> None:
        """Show a toast; the UI server's getLastToast tells it."""
        ...

    def to_front(self, package: str) -> None:
        """Make the app the foreground one. The launcher comes back when the foreground app leaves."""
        ...

    def leave(self, package: str) -> None:
        """The app finished its last activity: back to the launcher."""
        ...

    def reached(self, when: Literal["before", "after"], step: StepName) -> None:
        """The app is at this moment of a flow; a fault planted there strikes now.

        Does not return when the fault ends the app's process: ProcessDied (a BaseException) then ends the
        callback that the phone had called, after `stop`.
        """
        ...

    def publish_failure(self) -> Literal["", "fails", "never_ends"]:
        """What a planted upload fault asks of the upload that starts now."""
        ...


class App(abc.ABC):
    """One installed app. The phone calls these on the loop; they must return at once."""

    package: ClassVar[str]
    default_version: ClassVar[str]
    activity: ClassVar[str] = ""
    """The class of its launcher activity, as `dumpsys` and `am` name it."""

    def __init__(self, android: Android, *, version: str, accounts: list[str]) -> None:
        self.android = android
        self.version = version
        self.accounts = accounts
        self.active: str | None = accounts[0] if accounts else None

    @abc.abstractmethod
    def start(self, intent: Intent) -> str | None:
        """Handle `am start` or `monkey`; None when it works, else the error that `am` prints."""

    @abc.abstractmethod
    def windows(self) -> list[_Element]:
        """The app's windows as uiautomator dumps them now: <node> trees, in the dump's order.

        The phone neither changes nor re-parents them, so they may be shared.
        """

    @abc.abstractmethod
    def tap(self, x: int, y: int, *, seconds: float = 0.0) -> None:
        """A touch; `seconds` > 0.4 is a long press. A tap on nothing does nothing, as on a phone."""

    @abc.abstractmethod
    def swipe(self, x1: int, y1: int, x2: int, y2: int) -> None: ...

    @abc.abstractmethod
    def back(self) -> None: ...

    @abc.abstractmethod
    def focused(self) -> TextField | None:
        """The field with the input focus on the screen now."""

    def keyboard_hidden(self) -> None:  # noqa: B027 - most apps have nothing to do then
        """The keyboard went away by itself (not by Back) while a field keeps the focus."""

    @abc.abstractmethod
    def field_at(self, x: int, y: int) -> TextField | None:
        """The field at this place, for selector-based setText, which focuses by itself."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Killed (force-stop, crash, reboot): forget the screens, end the uploads."""

    @abc.abstractmethod
    def clear(self) -> None:
        """`pm clear`: as freshly installed, logged out."""

    @abc.abstractmethod
    def popup(self) -> None:
        """Show the next popup of this app's list over whatever is shown (the fault `popup`)."""

    @property
    @abc.abstractmethod
    def screen(self) -> str:
        """The name of what is shown now, for the control API."""
