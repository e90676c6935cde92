"""What the apps have in common: a stack of pages, popups above them, one text focus, and changes of
screen that take time.

A `Page` draws a sheet and says what its keys do; `PagedApp` turns touches into keys, keeps the drawing
until something changes, and drops everything that was under way when the app is stopped. No app-specific
screen is described here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from lxml.etree import _Element

from ..app import Android, App, StepName, TextField
from . import words
from .templates import Look, Sheet, Template

if TYPE_CHECKING:
    from .suggestions import Suggestions

LONG_PRESS = 0.4
KEPT_DRAWINGS = 128
"""Of all apps of the process: a drawn screen takes about a megabyte, drawing it again a millisecond."""


class Field:
    """One text field. Any Unicode is kept; what exceeds the limit (in code points) is not taken."""

    def __init__(self, limit: int, *, changed: Callable[[], None]) -> None:
        self.limit = limit
        self.text = ""
        self._changed = changed

    def replace(self, text: str) -> None:
        self.text = text[: self.limit]
        self._changed()


class Page:
    """One screen of an app. `name` is what the control API shows."""

    name: str = ""
    covers_popups = False
    """Popups wait behind this page until another one is shown."""
    suggestions: Suggestions | None = None
    """While they are shown, a touch or Back reaches nothing else."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.fields: dict[str, Field] = {}
        self.focus: str | None = None

    def sheet(self, template: Template) -> Sheet:
        """A copy of the template in the app's look."""
        return template.sheet(self.app.look)

    def draw(self) -> Sheet:
        """A filled sheet, not yet sealed."""
        raise NotImplementedError

    def tapped(self, key: str, number: int) -> None:
        """A key was tapped; `number` tells which of a repeated node."""

    def pressed(self, key: str, number: int) -> None:
        """A key was pressed long."""

    def swiped(self, dx: int, dy: int) -> None:
        """A finger moved over the page by so many pixels."""

    def back(self) -> None:
        self.app.close(self)

    def moment(self) -> object:
        """Whatever of the drawing changes with time alone; a new value means a new drawing."""
        return None

    def add_field(self, key: str, limit: int) -> Field:
        def changed() -> None:
            self.focus = key
            self.typed(key)
            self.app.changed()

        self.fields[key] = Field(limit, changed=changed)
        return self.fields[key]

    def typed(self, key: str) -> None:
        """The text of a field changed."""


class PagedApp(App):
    """An app as a stack of pages. Subclasses open the first one in `start`."""

    def __init__(self, android: Android, *, version: str, accounts: list[str]) -> None:
        super().__init__(android, version=version, accounts=list(accounts))
        self.look = Look(android.width, android.height, self.package, version, android.language)
        self.mistakes: list[str] = []
        """What was done that nobody who publishes a post would want, in order: "synced contacts" …"""
        self._pages: list[Page] = []
        self._popups: list[Page] = []
        self._epoch = 0
        self._moving = False
        self.finger = (0, 0)
        """Where the screen was touched last, in pixels; of a swipe, where it ended."""
        self._drawn: tuple[Page, object, Sheet] | None = None

    # For pages

    def say(self, english: str, **values: object) -> str:
        return words.say(self.look.language, english, package=self.package, **values)

    def show(self, *pages: Page, then: Callable[[], object] | None = None) -> None:
        """Replace the whole stack, the last page on top, after the time that a change of screen takes."""

        def replace() -> None:
            self._pages = list(pages)
            if then is not None:
                then()

        self._move(replace)

    def open(self, page: Page, *, then: Callable[[], object] | None = None) -> None:
        """Put a page on top, after the time that a change of screen takes."""

        def push() -> None:
            self._pages.append(page)
            if then is not None:
                then()

        self._move(push)

    def close(self, page: Page, *, then: Callable[[], object] | None = None) -> None:
        """Take a page (and what is above it) away; the app leaves the foreground with its last one."""
        if page in self._popups:
            self._popups.remove(page)
            self.changed()
            return
        if page is self._pages[0]:
            self._pages.clear()
            self.android.leave(self.package)
            return

        def pull() -> None:
            if page in self._pages:
                del self._pages[self._pages.index(page) :]
            if then is not None:
                then()

        self._move(pull)

    def cover(self, popup: Page) -> None:
        """Show a popup over whatever is shown, now or as soon as there is a page."""
        self._popups.append(popup)
        self.changed()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """`action` after so many seconds, unless the app is stopped before."""
        epoch = self._epoch

        def run() -> None:
            if epoch == self._epoch:
                action()
                self.changed()

        self.android.call_later(seconds, run)

    def reached(self, when: Literal["before", "after"], step: StepName) -> bool:
        """Tell the phone; False when the fault that was planted there has stopped the app."""
        epoch = self._epoch
        self.android.reached(when, step)
        return epoch == self._epoch

    def changed(self) -> None:
        self._drawn = None

    @property
    def running(self) -> bool:
        return bool(self._pages)

    @property
    def page(self) -> Page | None:
        """What takes the touches now. A starting app shows no popup yet."""
        if not self._pages:
            return None
        if self._popups and not self._pages[-1].covers_popups:
            return self._popups[-1]
        return self._pages[-1]

    def _move(self, change: Callable[[], None]) -> None:
        seconds = self.android.screen_change()
        if seconds <= 0:
            change()
            self.changed()
            return
        self._moving = True

        def arrive() -> None:
            self._moving = False
            change()

        self.later(seconds, arrive)

    # For the phone

    def windows(self) -> list[_Element]:
        """Shared trees: the same list until something changes. Serialise them; never alter or re-parent
        them.
        """
        return self._sheet().windows

    def _sheet(self) -> Sheet:
        page = self.page
        if page is None:
            raise RuntimeError(f"{self.package} is not running")
        moment = page.moment()
        if self._drawn is None or self._drawn[:2] != (page, moment):
            self._drawn = (page, moment, page.draw().seal())
            _keep_drawing_of(self)
        return self._drawn[2]

    def tap(self, x: int, y: int, *, seconds: float = 0.0) -> None:
        page = self.page
        if page is None or self._moving:
            return
        hit = self._sheet().hit(x, y)
        if page.suggestions is not None and page.suggestions.shown:
            page.suggestions.touched(hit)
            self.changed()
            return
        if hit is None:
            return
        self.finger = (x, y)
        if hit.key in page.fields:
            page.focus = hit.key
        (page.pressed if seconds > LONG_PRESS else page.tapped)(hit.key, hit.number)
        self.changed()

    def swipe(self, x1: int, y1: int, x2: int, y2: int) -> None:
        page = self.page
        if page is not None and not self._moving:
            self.finger = (x2, y2)
            page.swiped(x2 - x1, y2 - y1)
            self.changed()

    def back(self) -> None:
        page = self.page
        if page is None or self._moving:
            return
        if page.suggestions is not None and page.suggestions.shown:
            page.suggestions.close()
        elif page.focus is not None:
            page.focus = None
        else:
            page.back()
        self.changed()

    def focused(self) -> TextField | None:
        page = self.page
        return page.fields[page.focus] if page is not None and page.focus is not None else None

    def keyboard_hidden(self) -> None:
        page = self.page
        if page is not None and page.suggestions is not None:
            page.suggestions.close()
            self.changed()

    def field_at(self, x: int, y: int) -> TextField | None:
        page = self.page
        if page is None:
            return None
        hit = self._sheet().hit(x, y)
        return page.fields.get(hit.key) if hit is not None else None

    def stop(self) -> None:
        self._epoch += 1
        self._pages.clear()
        self._popups.clear()
        self._moving = False
        self.changed()

    def clear(self) -> None:
        self.stop()

    @property
    def screen(self) -> str:
        page = self.page
        return page.name if page is not None else ""


_drawn: WeakKeyDictionary[PagedApp, None] = WeakKeyDictionary()
"""The apps whose drawing is kept, the one drawn longest ago first."""


def _keep_drawing_of(app: PagedApp) -> None:
    _drawn.pop(app, None)
    _drawn[app] = None
    if len(_drawn) > KEPT_DRAWINGS:
        oldest = next(iter(_drawn))
        del _drawn[oldest]
        oldest.changed()
