"""The pages behind a post's options: sounds and volumes, more options, the link to a product.

No dump shows any of them. What there is and how it is reached is known from TikTok's help pages and from
reports (AI-generated content under More options, a product under Add link); layout, labels and the French
are ours. Versions differ on purpose: up to 45 sounds are a page with a check to confirm, from 46 on a sheet
over what opened it, where a tap chooses at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lxml.etree import _Element

from ..pages import Page
from ..popups import Popup
from ..posts import Composition
from ..templates import Rect, Sheet, append, new_node, write
from . import popups, screens

if TYPE_CHECKING:
    from .app import TikTok

PRODUCT_NAME_LIMIT = 30
SLIDER_INSET = 0.05
"""Of a slider's width, at each end: its middle part is what counts."""


@dataclass(frozen=True)
class Sound:
    name: str
    artist: str


SOUNDS = tuple(Sound(f"Song {number}", f"Artist {number}") for number in range(101, 113))
PRODUCTS = ("Product 901", "Product 902, whose name is longer than a link's")


@dataclass
class Shelf:
    """What the platform offers to the accounts of a phone, for tests to change."""

    sounds: tuple[Sound, ...] = SOUNDS
    products: tuple[str, ...] = PRODUCTS
    seconds: float = 0.0
    """Until a list of sounds has loaded."""
    explains_ai_label: bool = True
    """The first time that the label is switched on."""
    not_listening: set[str] = field(default_factory=set)
    """Controls that don't do what they should: "sound", "volume", "ai_label", "product"."""


class UsesSound(Protocol):
    """The camera and the editor."""

    @property
    def editing(self) -> Composition | None: ...
    def draw(self) -> Sheet: ...
    def use_sound(self, name: str) -> None: ...


class DrawnPage(Page):
    """A page without a dump, laid out in hundredths of the display."""

    app: TikTok

    def put(
        self, parent: _Element, kind: str, place: tuple[float, ...], text: str = "", **more: str | bool
    ) -> _Element:
        look = self.app.look
        left, right = (round(each * look.width / 100) for each in (place[0], place[2]))
        top, bottom = (round(each * look.height / 100) for each in (place[1], place[3]))
        class_name = f"android.widget.{kind}"
        node = new_node(parent, class_name=class_name, rect=Rect(left, top, right, bottom))
        write(node, text=text, **more)
        append(parent, node)
        return node

    def blank(self, title: str) -> tuple[Sheet, _Element]:
        """A full page with Back and a title, and where to put the rest."""
        sheet = self.sheet(screens.BLANK)
        window = sheet.node("window")
        self.put(
            window,
            "ImageView",
            (2, 5, 12, 10),
            content_desc=self.app.say("Close"),
            clickable=True,
            key="close",
        )
        self.put(window, "TextView", (30, 5, 70, 10), self.app.say(title))
        return sheet, window

    def over(self, behind: UsesSound, top: float) -> tuple[Sheet, _Element]:
        """A sheet over another page, whose nodes stay in the tree, and where to put the rest."""
        sheet = behind.draw()
        window = sheet.root[-1]
        self.put(window, "View", (0, 0, 100, 100), key="dim", drawing_order="98")
        return sheet, self.put(window, "FrameLayout", (0, top, 100, 97), key="sheet", drawing_order="99")


class SoundPage(DrawnPage):
    """What the list of sounds and the search for one have in common."""

    top = 24.0

    def __init__(self, app: TikTok, behind: UsesSound) -> None:
        super().__init__(app)
        self.behind = behind
        self.playing = ""
        self.loaded_at = app.android.now() + app.shelf.seconds

    @property
    def is_sheet(self) -> bool:
        return self.app.major >= 46

    @property
    def has_loaded(self) -> bool:
        return self.app.android.now() >= self.loaded_at

    def moment(self) -> object:
        return self.has_loaded

    def found(self) -> tuple[Sound, ...]:
        return self.app.shelf.sounds

    def put_rows(self, page: _Element, top: float, count: int) -> None:
        if not self.has_loaded:
            self.put(page, "ProgressBar", (40, top, 60, top + 5))
            return
        for number, sound in enumerate(self.found()[:count]):
            up = top + 8 * number
            is_playing = sound.name == self.playing
            row = self.put(
                page,
                "LinearLayout",
                (0, up, 100, up + 8),
                clickable=True,
                selected=is_playing,
                key="row",
                number=str(number),
            )
            self.put(row, "ImageView", (3, up + 1, 15, up + 7))
            self.put(row, "TextView", (18, up + 1, 65, up + 4), sound.name)
            self.put(row, "TextView", (18, up + 4, 65, up + 7), f"{sound.artist} · 00:30")
            favorite = self.app.say("Add to Favorites")
            self.put(
                row, "Button", (68, up + 2, 80, up + 6), content_desc=favorite, clickable=True, key="favorite"
            )
            if is_playing and not self.is_sheet:
                confirm = self.app.say("Confirm")
                self.put(
                    row,
                    "Button",
                    (83, up + 2, 97, up + 6),
                    content_desc=confirm,
                    clickable=True,
                    key="confirm",
                )

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "row":
                self.playing = self.found()[number].name
                if self.is_sheet:
                    self.use()
            case "confirm":
                self.use()
                self.leave()
            case "favorite":
                self.app.mistakes.append("added a sound to the favorites")
            case "close" | "dim":
                self.back()

    def use(self) -> None:
        if "sound" not in self.app.shelf.not_listening:
            self.behind.use_sound(self.playing)

    def leave(self) -> None:
        self.back()


class Sounds(SoundPage):
    """The sounds that the app proposes, and the ways to search and, in newer versions, to the volumes."""

    name = "sounds"

    def draw(self) -> Sheet:
        say = self.app.say
        if self.is_sheet:
            sheet, page = self.over(self.behind, 42)
            self.put(
                page, "ImageView", (86, 43, 97, 48), content_desc=say("Search"), clickable=True, key="search"
            )
            volume = say("Volume")
            self.put(page, "Button", (70, 91, 97, 96), volume, clickable=True, key="volume")
            tabs, rows, count = 43.0, 50.0, 5
        else:
            sheet, page = self.blank("Sounds")
            bar = self.put(page, "LinearLayout", (4, 11, 96, 16), clickable=True, key="search")
            self.put(bar, "TextView", (12, 12, 90, 15), say("Search"))
            tabs, rows, count = 17.0, 24.0, 9
        self.put(page, "TextView", (5, tabs, 25, tabs + 5), say("For You"), selected=True)
        self.put(page, "TextView", (30, tabs, 50, tabs + 5), say("Favorites"))
        self.put_rows(page, rows, count)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "search":
                self.app.open(SoundSearch(self.app, self.behind, self))
            case "volume":
                if self.behind.editing is not None:
                    self.app.open(Volumes(self.app, self.behind.editing))
            case _:
                super().tapped(key, number)


class SoundSearch(SoundPage):
    """Searches by name and artist once Search is pressed."""

    name = "sound_search"

    def __init__(self, app: TikTok, behind: UsesSound, sounds: Sounds) -> None:
        super().__init__(app, behind)
        self.sounds = sounds
        self.keyword = self.add_field("keyword", 100)
        self.focus = "keyword"
        self.searched: str | None = None

    def found(self) -> tuple[Sound, ...]:
        words = (self.searched or "").casefold().split()
        return tuple(
            sound
            for sound in self.app.shelf.sounds
            if all(word in f"{sound.name} {sound.artist}".casefold() for word in words)
        )

    def draw(self) -> Sheet:
        say = self.app.say
        sheet = self.sheet(screens.BLANK)
        page = sheet.node("window")
        self.put(page, "ImageView", (2, 5, 12, 10), content_desc=say("Close"), clickable=True, key="close")
        self.put(
            page,
            "EditText",
            (14, 5, 76, 10),
            self.keyword.text or say("Search sounds"),
            clickable=True,
            focusable=True,
            focused=self.focus == "keyword",
            hint=say("Search sounds"),
            key="keyword",
        )
        self.put(page, "Button", (78, 5, 98, 10), say("Search"), clickable=True, key="search")
        if self.searched is None:
            if self.keyword.text:  # proposals, which are no sounds
                row = self.put(page, "LinearLayout", (0, 12, 100, 18), clickable=True)
                self.put(row, "TextView", (14, 13, 90, 17), f"{self.keyword.text} remix")
        elif self.has_loaded and not self.found():
            self.put(page, "TextView", (10, 40, 90, 45), say("No results found"))
        else:
            self.put_rows(page, 14, 9)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        if key == "search":
            self.searched, self.focus = self.keyword.text, None
            self.loaded_at = self.app.android.now() + self.app.shelf.seconds
            return
        super().tapped(key, number)
        if key == "row" and self.is_sheet:
            self.leave()

    def leave(self) -> None:
        """The search and the list that it was opened from."""
        self.app.close(self.sounds)


class Volumes(DrawnPage):
    """Two sliders; Done keeps what they say, everything else forgets it."""

    name = "volumes"

    def __init__(self, app: TikTok, composition: Composition) -> None:
        super().__init__(app)
        self.composition = composition
        self.values = {
            name: value
            for name, value in (("origin", composition.origin_volume), ("sound", composition.sound_volume))
            if value is not None
        }
        self._sliders: dict[str, Rect] = {}

    def draw(self) -> Sheet:
        sheet, page = self.blank("Volume")
        self.put(page, "Button", (80, 5, 98, 10), self.app.say("Done"), clickable=True, key="done")
        labels = {"origin": "Original sound", "sound": "Added sound"}
        for number, (name, value) in enumerate(self.values.items()):
            top = 60 + 12 * number
            self.put(page, "TextView", (5, top, 50, top + 3), self.app.say(labels[name]))
            in_percent = self.app.major < 46
            # Newer versions tell the value as the slider's own text, as Android does for a range.
            text = "" if in_percent else f"{value}.0"
            slider = self.put(
                page, "SeekBar", (5, top + 4, 80, top + 8), text, focusable=True, key=f"slide.{name}"
            )
            self._sliders[name] = Rect.of(slider)
            if in_percent:
                self.put(page, "TextView", (83, top + 4, 97, top + 8), f"{value}%")
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "done":
                self.composition.origin_volume = self.values.get("origin")
                self.composition.sound_volume = self.values.get("sound")
                self.back()
            case "close":
                self.back()
            case slide if slide.startswith("slide.") and self.app.major < 46:
                self._move(slide.removeprefix("slide."))

    def swiped(self, dx: int, dy: int) -> None:
        for name, rect in self._sliders.items():
            if rect.holds(*self.app.finger):
                self._move(name)

    def _move(self, name: str) -> None:
        rect = self._sliders[name]
        share = (self.app.finger[0] - rect.left) / rect.width
        inner = (share - SLIDER_INSET) / (1 - 2 * SLIDER_INSET)
        if "volume" not in self.app.shelf.not_listening:
            self.values[name] = max(0, min(100, round(100 * inner)))


class MoreOptions(DrawnPage):
    """Switches; in newer versions the AI label lies below the fold."""

    name = "more_options"
    ROWS = ("Allow comments", "Allow reuse of content", "Save posts to device", "AI-generated content")

    def __init__(self, app: TikTok, composition: Composition) -> None:
        super().__init__(app)
        self.composition = composition
        self.first = 0

    def draw(self) -> Sheet:
        sheet, page = self.blank("More options")
        shown = self.ROWS[self.first :][: 3 if self.app.major >= 46 else 4]
        for number, label in enumerate(shown):
            top = 14 + 9 * number
            row = self.put(page, "LinearLayout", (0, top, 100, top + 8))
            self.put(row, "TextView", (5, top + 2, 75, top + 6), self.app.say(label))
            is_ours = label == self.ROWS[-1]
            self.put(
                row,
                "Switch",
                (82, top + 1, 96, top + 7),
                checkable=True,
                clickable=True,
                focusable=True,
                checked=self.composition.ai_label if is_ours else label != "Save posts to device",
                key="ai_label" if is_ours else "other",
            )
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "close":
                self.back()
            case "other":
                self.app.mistakes.append("changed who may do what with a post")
            case "ai_label" if "ai_label" in self.app.shelf.not_listening:
                pass
            case "ai_label" if self.app.shelf.explains_ai_label and not self.composition.ai_label:
                self.app.cover(Popup(self.app, popups.AI_LABEL, accept=self._explained))
            case "ai_label":
                self.composition.ai_label = not self.composition.ai_label

    def _explained(self) -> None:
        self.app.shelf.explains_ai_label = False
        self.composition.ai_label = True

    def swiped(self, dx: int, dy: int) -> None:
        self.first = 1 if dy < 0 and self.app.major >= 46 else 0


class LinkChoice(DrawnPage):
    """What can be linked."""

    name = "link_choice"

    def __init__(self, app: TikTok, composition: Composition) -> None:
        super().__init__(app)
        self.composition = composition

    def draw(self) -> Sheet:
        sheet, page = self.blank("Add link")
        for number, label in enumerate(("Event", "Product")):
            row = self.put(
                page,
                "LinearLayout",
                (0, 20 + 9 * number, 100, 28 + 9 * number),
                clickable=True,
                key="product" if label == "Product" else "other",
            )
            self.put(row, "TextView", (5, 22 + 9 * number, 60, 26 + 9 * number), self.app.say(label))
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "close":
                self.back()
            case "product":
                self.app.open(Products(self.app, self.composition, then=lambda: self.app.close(self)))
            case "other":
                self.app.mistakes.append("linked an event")


class Products(DrawnPage):
    """The products that the account may link."""

    name = "products"

    def __init__(self, app: TikTok, composition: Composition, *, then: Callable[[], None]) -> None:
        super().__init__(app)
        self.composition = composition
        self.then = then

    def draw(self) -> Sheet:
        sheet, page = self.blank("Add products")
        for number, product in enumerate(self.app.shelf.products[:8]):
            top = 14 + 10 * number
            row = self.put(page, "LinearLayout", (0, top, 100, top + 9), clickable=True, number=str(number))
            self.put(row, "ImageView", (3, top + 1, 18, top + 8))
            self.put(row, "TextView", (20, top + 1, 75, top + 4), product)
            self.put(row, "TextView", (20, top + 5, 75, top + 8), "9,99 €")
            self.put(
                row, "Button", (78, top + 2, 97, top + 7), self.app.say("Add"), clickable=True, key="add"
            )
        if not self.app.shelf.products:
            self.put(page, "TextView", (10, 40, 90, 45), self.app.say("No products yet"))
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "close":
                self.back()
            case "add" if self.app.major >= 46:
                self.app.open(
                    ProductName(self.app, self.composition, self.app.shelf.products[number], self.then)
                )
            case "add":
                link(self.app, self.composition, self.app.shelf.products[number])
                self.then()


class ProductName(DrawnPage):
    """The words of the link, which are the beginning of the product's name."""

    name = "product_name"

    def __init__(self, app: TikTok, composition: Composition, product: str, then: Callable[[], None]) -> None:
        super().__init__(app)
        self.composition = composition
        self.then = then
        self.product = self.add_field("product", PRODUCT_NAME_LIMIT)
        self.product.text = product[:PRODUCT_NAME_LIMIT]

    def draw(self) -> Sheet:
        sheet, page = self.blank("Product name")
        self.put(
            page,
            "EditText",
            (5, 15, 95, 22),
            self.product.text,
            clickable=True,
            focusable=True,
            key="product",
        )
        self.put(page, "Button", (5, 85, 95, 92), self.app.say("Add"), clickable=True, key="add")
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "close":
                self.back()
            case "add":
                link(self.app, self.composition, self.product.text)
                self.then()


def link(app: TikTok, composition: Composition, product: str) -> None:
    if "product" not in app.shelf.not_listening:
        composition.product = product
