"""Sounds of a TikTok post: finds one in the app's list or by its search, and sets the volumes.

It knows the list of sounds, its search and the volumes, none of which a dump shows, and no other screen. What
it has chosen or set is believed only when the app shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from runner.cancel import Deadline
from runner.errors import ControlMissing, InvalidRequest, StepFailed
from runner.phones.hierarchy import Bounds
from runner.phones.screens import Kind, Seen
from runner.phones.screens.matching import fold
from runner.phones.session import PhoneSession
from runner.phones.walk import Walk

SHOWN_SECONDS = 4.0
"""For a page to show what a touch has done."""
MOVED_SECONDS = 1.0
"""For a slider to follow the finger."""
SLIDES = 8
"""Attempts to bring a slider to its value."""

_LINK = re.compile(
    r"https://(www\.tiktok\.com/(music/[^/?#\s]+-\d+|t/[\w-]+)|vm\.tiktok\.com/[\w-]+)/?([?#]\S*)?"
)


def is_link(sound: str) -> bool:
    """Does it lead to a sound's page? Anything else is a name to search."""
    return _LINK.fullmatch(sound.strip()) is not None


def check(sound: str, *, field: str) -> None:
    """Refuse a link that leads to no sound's page. Raises InvalidRequest."""
    if "://" in sound and not is_link(sound):
        raise InvalidRequest(
            f"{field}: {sound!r} is no link to a sound.",
            field=field,
            value=sound,
            remedy="Write the sound's name, or copy its link in TikTok: "
            "https://www.tiktok.com/music/<name>-<id>, https://www.tiktok.com/t/<code>/ or "
            "https://vm.tiktok.com/<code>/.",
        )


def reads_as(shown: str, name: str) -> bool:
    """Is this the sound's name, perhaps followed by its artist, or cut?"""
    shown, name = fold(shown).casefold(), fold(name).casefold()
    head, dots, rest = shown.rpartition("...")
    if dots and not rest and head:
        return name.startswith(head.rstrip())
    return shown == name or (bool(name) and re.match(re.escape(name) + r"\W", shown) is not None)


class SoundPicker:
    """Takes the first sound of the app's list or, with a keyword, of its search."""

    def __init__(self, phone: PhoneSession, walk: Walk, *, keyword: str, seconds: float) -> None:
        """`seconds` is the longest wait for sounds to load."""
        self._phone = phone
        self._walk = walk
        self._keyword = keyword.strip()
        self._seconds = seconds
        self.name = ""
        """Of the sound that was taken; "" until then."""

    def from_list(self, sounds: Seen) -> None:
        if self.name:
            self._confirm(sounds)
        elif self._keyword:
            self._phone.tap(sounds.point("search"))
        else:
            self._take_first(sounds, sounds.screen)

    def from_search(self, search: Seen) -> None:
        """Raises StepFailed when nothing is found, or not in time."""
        if self.name:
            self._confirm(search)
            return
        self._phone.set_text(search.need("field"), self._keyword)
        self._phone.tap(self._walk.look().point("search"))
        self._take_first(self._walk.look(), search.screen)

    def _take_first(self, seen: Seen, page: str) -> None:
        """Nothing is taken when a popup lies over the sounds: the walk gets rid of it, and comes back."""
        sought = f'"{self._keyword}"' if self._keyword else "the list of sounds"
        deadline, pauses = Deadline(self._seconds), self._walk.pauses()
        while not (seen.screen == page and (rows := seen.all("rows"))):
            if seen.kind is Kind.POPUP:
                return
            if seen.screen == page and seen.control("nothing"):
                raise StepFailed(f"TikTok finds no sound for {sought}.", remedy="Try other words.")
            if deadline.passed:
                raise StepFailed(
                    f"No sound of {sought} was recognised on {seen.screen or 'an unknown screen'} within "
                    f"{self._seconds:g} s.",
                    remedy="Where sounds load slowly, allow more with sound_wait_time.",
                )
            pauses.pause()
            seen = self._walk.look()
        row = min(rows, key=lambda row: row.bounds.top)
        name = next((node.text for node in row.walk() if node.text), "")
        if not name:
            raise ControlMissing(f"The first sound on {page} has no name.")
        self._walk.note(f"takes the sound {name}", sought=sought)
        self._phone.tap(row)
        self.name = name
        shown = _until(
            self._walk,
            lambda seen: seen.screen != page or bool(seen.control("use") or seen.control("chosen")),
            SHOWN_SECONDS,
        )
        if shown.screen == page:
            self._confirm(shown)

    def _confirm(self, shown: Seen) -> None:
        """Some versions take a sound at a tap; others play it, and want that to be confirmed."""
        if shown.control("use"):
            self._phone.tap(shown.point("use"))
        else:
            self._phone.press("back")


class Volumes:
    """The sliders of the volumes. `wanted` maps their controls (original, added) to 0 to 100."""

    def __init__(self, phone: PhoneSession, walk: Walk, wanted: dict[str, int]) -> None:
        self._phone = phone
        self._walk = walk
        self.wanted = wanted
        self.proved = False
        """The app has shown them so when they were opened: nothing was left to set."""

    def set(self, page: Seen) -> None:
        """Once set they are kept by Done, and proved when the page is opened the next time.

        Raises ControlMissing when a slider is not there or does not take its value.
        """
        if all(_value(page, name) == value for name, value in self.wanted.items()):
            self.proved = True
            self._phone.press("back")
            return
        self.proved = False
        for name, value in self.wanted.items():
            self._slide(name, value)
        self._phone.tap(self._walk.look().point("done"))

    def _slide(self, name: str, wanted: int) -> None:
        """By taps, corrected by what they did, as a slider's ends are not its range's; else by drags."""
        page = self._walk.look()
        start = value = _value(page, name)
        aim, drags = wanted, False
        for _ in range(SLIDES):
            if value == wanted:
                return
            bounds = page.need(name).bounds
            goal, thumb = _at(bounds, aim), _at(bounds, value)
            if drags:
                self._phone.swipe(thumb, goal, seconds=0.5)
            else:
                self._phone.tap(goal)
            page = self._after(name, value)
            value = _value(page, name)
            if value == start and not drags:
                drags = True
            else:
                aim += wanted - value
        if value != wanted:
            raise StepFailed(f"The {name} volume on {page.screen} stays at {value}, not {wanted}.")

    def _after(self, name: str, old: int) -> Seen:
        return _until(
            self._walk, lambda seen: seen.screen != "volumes" or _value(seen, name) != old, MOVED_SECONDS
        )


def _at(slider: Bounds, percent: int) -> tuple[int, int]:
    """Where a finger touches a slider for this value."""
    x = slider.left + percent * slider.width // 100
    return min(max(x, slider.left + 1), slider.right - 2), slider.center[1]


def _value(page: Seen, name: str) -> int:
    """Of a slider, in percent: its own text ("50.0") or the percentage beside it. Raises ControlMissing."""
    slider = page.need(name)
    beside = [node.text for node in page.all("percentages") if node.bounds.same_row(slider.bounds)]
    for text in (slider.text, *beside):
        if found := re.fullmatch(r"(\d{1,3})(?:\.0)? ?%?", fold(text)):
            return int(found[1])
    raise ControlMissing(f"The {name} volume on {page.screen} does not tell its value.")


def _until(walk: Walk, holds: Callable[[Seen], bool], seconds: float) -> Seen:
    """The first look for which it holds, or the last one in time."""
    deadline, pauses = Deadline(seconds), walk.pauses()
    while not holds(seen := walk.look()) and not deadline.passed:
        pauses.pause()
    return seen
