"""The shape of a screens file: words by language, and per app its screens, their conditions and controls.

Values only, checked as far as one file can be; `catalog` merges files, `matching` compares with a hierarchy.
"""

from __future__ import annotations

import enum
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from runner.accounts.types import AccountState


class Kind(enum.StrEnum):
    """What a screen means to a flow."""

    STEP = "step"
    """Part of a way that a script walks."""
    POPUP = "popup"
    """In the way; answered as its definition says."""
    OTHER = "other"
    """Known, on no way: left again."""
    BLOCKED = "blocked"
    """The app wants something of its owner: log in, appeal, prove to be human."""
    LOADING = "loading"
    """Nothing of the app to see yet: wait."""
    FOREIGN = "foreign"
    """Another app, or the launcher."""
    UNKNOWN = "unknown"
    """The app shows something that no definition describes."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Span = tuple[float, float]
"""From, to; as fractions of the display."""
Area = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the display."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Selector(_Strict):
    """Finds nodes; as a condition it holds when it finds `at_least` to `at_most` of them.

    Everything that is named must be true at once. `all`, `any` and `none` are conditions beside it, and may
    stand alone. Text is compared with a node's text, and with its description, after the clean-up of
    `matching.fold`; capitals count.
    """

    word: Names = ()
    """Names of the word table: the node reads as one of them in any language."""
    label: Names = ()
    """The node reads exactly so; * stands for anything."""
    matches: str | None = None
    """A regular expression for the whole text or description."""
    id: Names = ()
    """Short resource ids."""
    class_name: Names = Field(default=(), alias="class")
    """Short class names."""
    labelled: bool | None = None
    clickable: bool | None = None
    enabled: bool | None = None
    selected: bool | None = None
    checked: bool | None = None
    focused: bool | None = None
    takes_tap: bool | None = None
    """Is it, or something around it, clickable?"""
    area: Area | None = None
    """Its middle lies here."""
    width: Span | None = None
    height: Span | None = None
    window: Selector | None = None
    """Its window is like this."""
    inside: Selector | None = None
    """Something around it is like this."""
    holds: Selector | None = None
    """Something within it is like this."""
    above: Selector | None = None
    below: Selector | None = None
    right_of: Selector | None = None
    left_of: Selector | None = None
    beside: Selector | None = None
    """In the same row as something like this."""
    versions: str | None = None
    """Only in these app versions ("43", ">=46 <48"); never where the version is not known."""
    unknown_language: bool = False
    """Only on a phone whose language has no row in the word table."""
    all: tuple[Selector, ...] = ()
    any: tuple[Selector, ...] = ()
    none: tuple[Selector, ...] = ()
    at_least: int = 1
    at_most: int | None = None
    pick: Literal["first", "last", "top", "bottom", "left", "right"] = "first"
    """Which of several: by the dump's order, or the outermost on that side."""
    target: Literal["self", "clickable"] = "self"
    """Tap the node itself, or the clickable one around it."""
    at: tuple[float, float] = (0.5, 0.5)
    """Where in it to tap, as fractions of its width and height."""

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    @field_validator("versions")
    @classmethod
    def _is_range(cls, text: str | None) -> str | None:
        if text is not None:
            VersionRange(text)
        return text


class Screen(_Strict):
    """One screen of an app. In an operator's file any part may be left out, and stays as it is."""

    kind: Kind | None = None
    when: Annotated[tuple[Selector, ...], BeforeValidator(_listed)] = ()
    """All of these must hold."""
    controls: dict[str, Annotated[tuple[Selector, ...], BeforeValidator(_listed)]] = {}
    """Named nodes; of several selectors the first that finds something counts."""
    leave: Names = ()
    """How to get rid of it, best first: names of controls, or `back`."""
    says: str = ""
    """For a blocked screen: what is asked for, in the words of an operator."""
    state: AccountState | None = None
    """For a blocked screen: the state of the account that it tells of. Without it: unknown."""
    keep: bool = False
    """Known by its form only: a screenshot of it stays with the task when it is left."""
    before: str | None = None
    """For a screen that an operator adds: try it before this one. Without it, a popup is tried first of its
    app and anything else last."""


class ScreensFile(_Strict):
    """One YAML file. `words` is by language, then by name; `screens` are tried in their order."""

    words: dict[str, dict[str, Names]] = {}
    app: str | None = None
    packages: Names = ()
    never: Names = ()
    """Words that are never pressed to get rid of a screen of this app."""
    signs: dict[str, Annotated[tuple[Selector, ...], BeforeValidator(_listed)]] = {}
    """Named nodes that the app may show on any screen."""
    screens: dict[str, Screen] = {}


class VersionRange:
    """ "43" is every 43.x; ">=46 <48", ">44.3.3" compare part by part. Raises ValueError."""

    def __init__(self, text: str) -> None:
        self._bounds: list[tuple[str, tuple[int, ...]]] = []
        for part in text.split():
            match = re.fullmatch(r"(>=|<=|>|<|)(\d+(?:\.\d+)*)", part)
            if match is None:
                raise ValueError(f'not a range of versions: "{part}"; write for example "43" or ">=46 <48"')
            self._bounds.append((match[1], _parts(match[2])))

    def includes(self, version: str) -> bool:
        numbers = _parts(version)
        return bool(numbers) and all(_compare(numbers, operator, than) for operator, than in self._bounds)


def _parts(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _compare(numbers: tuple[int, ...], operator: str, than: tuple[int, ...]) -> bool:
    match operator:
        case ">=":
            return numbers >= than
        case "<=":
            return numbers[: len(than)] <= than
        case ">":
            return numbers[: len(than)] > than
        case "<":
            return numbers < than
        case _:
            return numbers[: len(than)] == than
