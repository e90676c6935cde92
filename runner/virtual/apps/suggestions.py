"""The list of hashtags or people that the apps show under a caption while it ends in one of them.

No dump shows it: a window of its own, as Android's AutoCompleteTextView opens it. It goes away by itself when
the caption ends in something else or is left; Back or a touch beside it only closes it.
"""

from __future__ import annotations

import re

from .pages import Page
from .templates import Hit, Rect, Sheet, append, new_node

_ENDING = re.compile(r"(?:#\w+|@[\w.]+)\Z")
_SUFFIXES = ("_official", "_daily", "2026")
_KEY = "suggestion"


class Suggestions:
    """Of one field of one page, which tells what happens to the field."""

    def __init__(self, page: Page, key: str) -> None:
        self._page = page
        self._key = key
        self._listed: list[str] = []

    @property
    def shown(self) -> bool:
        return bool(self._listed) and self._page.focus == self._key

    def typed(self) -> None:
        """The list comes a moment after the text."""
        self._listed = []
        text = self._page.fields[self._key].text
        if (ending := _ENDING.search(text)) is None:
            return

        def arrive() -> None:
            if self._page.fields[self._key].text == text and self._page.focus == self._key:
                self._listed = [ending[0] + suffix for suffix in _SUFFIXES]

        self._page.app.later(self._page.app.android.screen_change(), arrive)

    def close(self) -> None:
        self._listed = []

    def touched(self, hit: Hit | None) -> None:
        """Touched while it is shown: a row replaces the end of the text, anything else closes the list."""
        field, listed = self._page.fields[self._key], self._listed
        self.close()
        if hit is not None and hit.key == _KEY:
            self._page.app.mistakes.append("took a suggestion into the caption")
            field.replace(_ENDING.sub("", field.text) + listed[hit.number] + " ")

    def draw_on(self, sheet: Sheet) -> None:
        if not self.shown:
            return
        field = sheet.node(self._key)
        place, height = Rect.of(field), self._page.app.look.height // 20
        kind = "android.widget.TextView"
        frame = Rect(place.left, place.bottom, place.right, place.bottom + height * len(self._listed))
        window = new_node(field, class_name="android.widget.ListView", rect=frame, scrollable=True)
        for number, text in enumerate(self._listed):
            top = frame.top + number * height
            rect = Rect(frame.left, top, frame.right, top + height)
            row = new_node(field, class_name=kind, rect=rect, text=text, clickable=True, key=_KEY)
            row.set("number", str(number))
            append(window, row)
        append(sheet.root, window)
