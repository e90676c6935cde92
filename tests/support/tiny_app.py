"""An app small enough to know by heart, for tests of the phone it runs on."""

from __future__ import annotations

from typing import ClassVar

from lxml import etree
from lxml.etree import _Element

from runner.virtual.app import Android, App, Intent, TextField

FIELD = (0, 300, 1080, 420)
SAVE = (0, 500, 540, 620)
ASK = (540, 500, 1080, 620)
LIST = (0, 700, 1080, 2000)


def node(
    bounds: tuple[int, int, int, int], *children: _Element, kind: str = "FrameLayout", **attributes: str
) -> _Element:
    """A <node> with a dump's attributes; `content_desc` stands for `content-desc`."""
    given = {name.replace("_", "-"): value for name, value in attributes.items()}
    values = {
        "index": "0",
        "text": "",
        "resource-id": "",
        "class": kind if "." in kind else f"android.widget.{kind}",
        "package": "com.example.notes",
        "content-desc": "",
        **dict.fromkeys(("checkable", "checked", "clickable"), "false"),
        "enabled": "true",
        **dict.fromkeys(("focusable", "focused", "scrollable", "long-clickable", "password"), "false"),
        "selected": "false",
        **given,
        "bounds": "[{},{}][{},{}]".format(*bounds),
        "visible-to-user": "true",
    }
    made = etree.Element("node", values)
    for index, child in enumerate(children):
        child.set("index", str(index))
        made.append(child)
    return made


def inside(bounds: tuple[int, int, int, int], x: int, y: int) -> bool:
    return bounds[0] <= x < bounds[2] and bounds[1] <= y < bounds[3]


class Home(App):
    """A launcher with nothing on it."""

    package: ClassVar[str] = "com.android.launcher3"
    default_version: ClassVar[str] = "13"
    activity: ClassVar[str] = "com.android.launcher3.Launcher"

    def start(self, intent: Intent) -> str | None:
        self.android.to_front(self.package)
        return None

    def windows(self) -> list[_Element]:
        return [node((0, 0, 1080, 2400), package=self.package, content_desc="Home screen")]

    def tap(self, x: int, y: int, *, seconds: float = 0.0) -> None: ...
    def swipe(self, x1: int, y1: int, x2: int, y2: int) -> None: ...
    def back(self) -> None: ...
    def stop(self) -> None: ...
    def clear(self) -> None: ...
    def popup(self) -> None: ...

    def focused(self) -> TextField | None:
        return None

    def field_at(self, x: int, y: int) -> TextField | None:
        return None

    @property
    def screen(self) -> str:
        return "launcher"


class Note:
    """The text field."""

    def __init__(self) -> None:
        self.text = ""

    def replace(self, text: str) -> None:
        self.text = text


class Notes(App):
    """A text field, "Save", which takes a moment, and "Ask", which asks for the camera."""

    package: ClassVar[str] = "com.example.notes"
    default_version: ClassVar[str] = "1.2.3"
    activity: ClassVar[str] = "com.example.notes.EditActivity"

    def __init__(self, android: Android, *, version: str, accounts: list[str]) -> None:
        super().__init__(android, version=version, accounts=accounts)
        self.events: list[str] = []
        self.saved: list[str] = []
        self.intents: list[Intent] = []
        self.running = False
        self.stop()

    def stop(self) -> None:
        self.running = False
        self.note = Note()
        self.focus = False
        self.popups = 0
        self.scrolled = 0

    def clear(self) -> None:
        self.stop()
        self.saved.clear()

    def start(self, intent: Intent) -> str | None:
        if intent.action == "com.example.BAD":
            return "Error: Activity not started, unable to resolve Intent"
        if intent.data and not intent.data.startswith("notes:"):
            return "Error: not mine"
        self.intents.append(intent)
        self.running = True
        self.android.reached("after", "launch")
        self.android.to_front(self.package)
        return None

    def windows(self) -> list[_Element]:
        if self.popups:
            return [
                node(
                    (100, 900, 980, 1300),
                    node((100, 1200, 980, 1300), kind="Button", text="Not now", clickable="true"),
                )
            ]
        field = node(
            FIELD,
            kind="EditText",
            text=self.note.text,
            resource_id="com.example.notes:id/note",
            clickable="true",
            focusable="true",
            focused=str(self.focus).lower(),
        )
        save = node(
            SAVE, kind="Button", text="Save", resource_id="com.example.notes:id/save", clickable="true"
        )
        ask = node(ASK, kind="Button", text="Ask", content_desc="Ask for the camera", clickable="true")
        rows = [
            node(
                (0, 700 + 200 * row, 1080, 900 + 200 * row),
                kind="TextView",
                text=f"Row {self.scrolled + row}",
            )
            for row in range(6)
        ]
        notes = node(LIST, *rows, kind="ListView", scrollable="true", resource_id="com.example.notes:id/list")
        return [node((0, 0, 1080, 2400), field, save, ask, notes, content_desc=f"{len(self.saved)} notes")]

    def tap(self, x: int, y: int, *, seconds: float = 0.0) -> None:
        self.events.append(f"tap {x},{y}" + (f" for {seconds:.1f}" if seconds else ""))
        if self.popups:
            self.popups -= inside((100, 1200, 980, 1300), x, y)
        elif inside(FIELD, x, y):
            self.focus = True
        elif inside(SAVE, x, y):
            self.android.reached("before", "publish")
            self.saved.append(self.note.text)
            self.android.reached("after", "publish")
            self.android.call_later(0.2, lambda: self.events.append("saved"))
        elif inside(ASK, x, y):
            self.android.ask_permission(self.package, "android.permission.CAMERA", self._answered)

    def _answered(self, granted: bool) -> None:
        self.events.append(f"camera {granted}")

    def swipe(self, x1: int, y1: int, x2: int, y2: int) -> None:
        self.events.append(f"swipe {x1},{y1} {x2},{y2}")
        self.scrolled = min(20, max(0, self.scrolled + (y1 - y2) // 200))

    def back(self) -> None:
        self.events.append("back")
        if self.focus:
            self.focus = False
        else:
            self.android.leave(self.package)

    def keyboard_hidden(self) -> None:
        self.events.append("keyboard hidden")

    def focused(self) -> TextField | None:
        return self.note if self.focus and self.running else None

    def field_at(self, x: int, y: int) -> TextField | None:
        if not inside(FIELD, x, y):
            return None
        self.focus = True
        return self.note

    def popup(self) -> None:
        self.popups += 1

    @property
    def screen(self) -> str:
        return "popup" if self.popups else "edit"


def build_tiny_apps(
    android: Android, *, versions: dict[str, str], accounts: dict[str, list[str]]
) -> list[App]:
    """For FarmSettings.build_apps."""
    return [
        Home(android, version="13", accounts=[]),
        Notes(android, version=versions.get("notes", "1.2.3"), accounts=accounts.get("notes", [])),
    ]
