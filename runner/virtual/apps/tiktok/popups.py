"""TikTok's popups: what covers the app, which answers are harmless and what the other answers do.

Those that a dump shows are that dump. Those that only public automation code names have the contacts
dialog's markup and the wording known from there; each of them says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..templates import Sheet, Template
from . import screens
from .pages import TikTokPage

if TYPE_CHECKING:
    from .app import TikTok


@dataclass(frozen=True)
class PopupKind:
    """One popup: its dump, its texts where they are not the dump's, and what its positive answer amounts
    to.

    `yes` and `no` are the labels of the right and the left button; "" takes the button away. Back and,
    where the sheet has one, the dimmed part always dismiss.
    """

    name: str
    template: Template
    message: str = ""
    yes: str = ""
    no: str = ""
    mistake: str = ""


_CODE_ONLY = (
    PopupKind(
        "follow_friends",
        screens.DIALOG,
        "Follow your friends",
        "Follow",
        "Not now",
        mistake="followed friends",
    ),
    PopupKind(
        "keep_editing",
        screens.DIALOG,
        "Keep editing your unposted video?",
        "Edit",
        "Cancel",
        mistake="went on with an old draft",
    ),
    PopupKind("community_guidelines", screens.DIALOG, "Community Guidelines Update", no="Got it"),
    PopupKind("privacy_policy", screens.DIALOG, "Privacy Policy Update", no="Got it"),
    PopupKind(
        "camera_shortcut",
        screens.DIALOG,
        "Add TikTok camera shortcut",
        "Add",
        "Not now",
        mistake="added a camera shortcut",
    ),
    PopupKind("link_email", screens.DIALOG, "Link email", "Link email", "Not now", mistake="linked an email"),
)

KINDS = {
    kind.name: kind
    for kind in (
        PopupKind("contacts", screens.DIALOG, mistake="opened the settings"),
        PopupKind("sync_contacts", screens.SYNC_CONTACTS, mistake="synced contacts"),
        PopupKind("notifications", screens.NOTIFICATIONS, mistake="turned on notifications"),
        PopupKind("update", screens.UPDATE),
        PopupKind("collections", screens.COLLECTIONS, mistake="made a collection"),
        PopupKind("save_login", screens.SAVE_LOGIN, mistake="saved the login"),
        *_CODE_ONLY,
    )
}
"""The popups that can come at any time, by name."""

# These belong to a moment of their own.
PUBLISH_PUBLICLY = PopupKind(
    "publish_publicly", screens.DIALOG, "Publish video publicly?", "Publish now", "Cancel"
)
DISCARD = PopupKind("discard", screens.DIALOG, "Discard edits?", "Discard", "Keep editing")
UPLOAD_FAILED = PopupKind(
    "upload_failed", screens.DIALOG, "Something went wrong. Try again later.", "Retry", "Cancel"
)
BLOCKED = PopupKind("blocked", screens.BLOCKED)


class Popup(TikTokPage):
    """A popup over the app. Nothing but its own answers (and Back) does anything."""

    def __init__(self, app: TikTok, kind: PopupKind, *, accept: Callable[[], None] | None = None) -> None:
        super().__init__(app)
        self.kind = kind
        self.name = f"popup:{kind.name}"
        self.accept = accept

    def draw(self) -> Sheet:
        sheet = self.sheet(self.kind.template)
        if self.kind.message:
            sheet.text("message", self.app.say(self.kind.message))
            for key, label in (("yes", self.kind.yes), ("no", self.kind.no)):
                if label:
                    sheet.text(key, self.app.say(label))
                else:
                    sheet.drop(key)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "yes":
                self.back()
                if self.kind.mistake:
                    self.app.mistakes.append(self.kind.mistake)
                if self.accept is not None:
                    self.accept()
            case "no" | "close" | "dim":
                self.back()


@dataclass
class Rotation:
    """The popups in a seeded order, one after the other and over again."""

    names: list[str] = field(default_factory=list)
    shown: int = 0

    def next(self) -> str:
        name = self.names[self.shown % len(self.names)]
        self.shown += 1
        return name
