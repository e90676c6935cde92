"""The home screen: icons that start the apps. Its markup is that of AOSP's Launcher3, whose icons are
TextViews with the app's name as text and description; no dump shows a launcher.
"""

from __future__ import annotations

from typing import ClassVar

from ..app import Android, Intent
from .dialogs import LABELS
from .pages import Page, PagedApp
from .templates import Rect, Sheet, Template, append, new_node

HOME = Template(
    "launcher.xml", {"workspace": "#workspace"}, size=(1080, 2400), package="com.android.launcher3"
)


class Launcher(PagedApp):
    """`com.google.android.apps.nexuslauncher`. `starters` are the apps that it shows, in the order of
    their icons.
    """

    package: ClassVar[str] = "com.google.android.apps.nexuslauncher"
    default_version: ClassVar[str] = "13"
    activity: ClassVar[str] = "com.google.android.apps.nexuslauncher.NexusLauncherActivity"

    def __init__(
        self, android: Android, *, version: str = default_version, accounts: list[str] | None = None
    ) -> None:
        super().__init__(android, version=version, accounts=accounts or [])
        self.starters: list[PagedApp] = []
        self._pages = [_Workspace(self)]

    def start(self, intent: Intent) -> str | None:
        self.android.to_front(self.package)
        return None

    def popup(self) -> None:
        """A launcher has none."""

    def stop(self) -> None:
        super().stop()
        self._pages = [_Workspace(self)]


class _Workspace(Page):
    name = "launcher"
    app: Launcher

    def draw(self) -> Sheet:
        sheet = HOME.sheet(self.app.look)
        workspace = sheet.node("workspace")
        frame = Rect.of(workspace)
        size = frame.width // 4
        for number, app in enumerate(self.app.starters):
            left, top = frame.left + number % 4 * size, frame.top + number // 4 * size
            label = LABELS[app.package]
            icon = new_node(
                workspace,
                class_name="android.widget.TextView",
                rect=Rect(left, top, left + size, top + size),
                text=label,
                content_desc=label,
                clickable=True,
                focusable=True,
                long_clickable=True,
                key="icon",
                number=str(number),
            )
            append(workspace, icon)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        if key == "icon":
            self.app.starters[number].start(Intent())

    def back(self) -> None:
        """The home screen has nothing behind it."""
