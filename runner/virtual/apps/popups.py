"""What popups have in common: a dump, a harmless answer, and a positive one whose consequences are
remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .pages import Page
from .templates import Sheet, Template


@dataclass(frozen=True)
class PopupKind:
    """One popup: its dump, its texts where they are not the dump's, and what its positive answer amounts
    to.

    `yes` and `no` are the labels of the right and the left button when a `message` replaces the dump's; ""
    takes the button away. Back and, where the sheet has one, the dimmed part always dismiss.
    """

    name: str
    template: Template
    message: str = ""
    yes: str = ""
    no: str = ""
    mistake: str = ""


class Popup(Page):
    """A popup over an app. Nothing but its own answers and Back does anything."""

    def __init__(self, app: Any, kind: PopupKind, *, accept: Callable[[], object] | None = None) -> None:
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
            case "no" | "later" | "close" | "dim":
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
