"""Instagram's popups: what covers the app, which answers are harmless and what the other answers do.

The rate dialog and the story information are dumps; the others are named by public automation code only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..popups import Popup, PopupKind
from . import screens

ANY_TIME = {
    kind.name: kind
    for kind in (
        PopupKind("rate", screens.RATE, mistake="rated the app"),
        PopupKind("notifications", screens.NOTIFICATIONS, mistake="turned on notifications"),
        PopupKind("save_login", screens.SAVE_LOGIN, mistake="saved the login"),
    )
}
"""The popups that can come at any time, by name."""

# These belong to a moment of their own.
STORY_INFORMATION = PopupKind("story_information", screens.INFORMATION, mistake="opened the settings")
KEEP_DRAFT = PopupKind("keep_draft", screens.KEEP_DRAFT, mistake="went on with an old draft")
SURVEY = PopupKind("survey", screens.SURVEY, mistake="began a survey")
"""Known from nowhere: it stands for the dialogs that nobody has seen yet."""


class KeepDraft(Popup):
    """The question "Keep editing your draft?": "Start new video" saves the draft and goes on."""

    def __init__(self, app: Any, *, keep: Callable[[], None], save: Callable[[], None]) -> None:
        super().__init__(app, KEEP_DRAFT, accept=keep)
        self.save = save

    def tapped(self, key: str, number: int) -> None:
        super().tapped(key, number)
        if key == "no":
            self.save()
