"""The smallest app that phone tests need: it records touches and has two text fields, a title and a body."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from lxml import etree

from runner.virtual.app import Android, App, Intent

PACKAGE = "com.example.notes"
TITLE, BODY = (0, 200, 1080, 400), (0, 600, 1080, 1200)


class Field:
    """Takes any text, up to `limit` characters."""

    def __init__(self, box: tuple[int, int, int, int], name: str) -> None:
        self.box = box
        self.name = name
        self.text = ""
        self.limit = 100_000
        self.focused = False

    def replace(self, text: str) -> None:
        self.text = text[: self.limit]

    def holds(self, x: int, y: int) -> bool:
        left, top, right, bottom = self.box
        return left <= x < right and top <= y < bottom


class Notes(App):
    """Its home screen is all it has, so it serves as a phone's launcher too."""

    package: ClassVar[str] = PACKAGE
    default_version: ClassVar[str] = "1.2.3"
    activity: ClassVar[str] = f"{PACKAGE}.Main"

    def __init__(self, android: Android) -> None:
        super().__init__(android, version=self.default_version, accounts=[])
        self.fields = (Field(TITLE, "title"), Field(BODY, "body"))
        self.taps: list[tuple[int, int]] = []
        self.long_presses: list[tuple[int, int]] = []
        self.swipes: list[tuple[int, int, int, int]] = []
        self.backs = 0
        self.started: list[Intent] = []
        self.on_tap: Callable[[], None] = lambda: None
        """Runs on the phone's loop, after the tap was recorded and before the phone answers."""

    def start(self, intent: Intent) -> str | None:
        self.started.append(intent)
        self.android.to_front(self.package)
        return None

    def windows(self) -> list[etree._Element]:
        window = _node((0, 0, 1080, 2400), "android.widget.FrameLayout")
        for field in self.fields:
            node = _node(field.box, "android.widget.EditText", text=field.text, focused=field.focused)
            node.set("resource-id", f"{PACKAGE}:id/{field.name}")
            window.append(node)
        return [window]

    def tap(self, x: int, y: int, *, seconds: float = 0.0) -> None:
        (self.long_presses if seconds > 0.4 else self.taps).append((x, y))
        for field in self.fields:
            field.focused = field.holds(x, y)
        self.on_tap()

    def swipe(self, x1: int, y1: int, x2: int, y2: int) -> None:
        self.swipes.append((x1, y1, x2, y2))

    def back(self) -> None:
        self.backs += 1

    def focused(self) -> Field | None:
        return next((field for field in self.fields if field.focused), None)

    def field_at(self, x: int, y: int) -> Field | None:
        return next((field for field in self.fields if field.holds(x, y)), None)

    def stop(self) -> None:
        for field in self.fields:
            field.focused = False

    def clear(self) -> None:
        for field in self.fields:
            field.text = ""

    def popup(self) -> None:
        raise AssertionError("this app has none")

    @property
    def screen(self) -> str:
        return "notes"


def build_notes(android: Android, *, versions: dict[str, str], accounts: dict[str, list[str]]) -> list[App]:
    """For `FarmSettings.build_apps`."""
    return [Notes(android)]


def _node(
    box: tuple[int, int, int, int], kind: str, *, text: str = "", focused: bool = False
) -> etree._Element:
    flags = ("checkable", "checked", "scrollable", "long-clickable", "password", "selected")
    return etree.Element(
        "node",
        {
            "index": "0",
            "text": text,
            "resource-id": "",
            "class": kind,
            "package": PACKAGE,
            "content-desc": "",
            **dict.fromkeys(flags, "false"),
            "clickable": "true",
            "enabled": "true",
            "focusable": "true",
            "focused": "true" if focused else "false",
            "visible-to-user": "true",
            "bounds": "[{},{}][{},{}]".format(*box),
        },
    )
