"""What a post says: spintax, several lines, titles, and the apps' limits.

Pure text in, text out; the same seed gives the same caption. Every mistake is found when a task is created,
for every caption that could come out, so that no phone is touched for a caption that can't be used.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple

from runner.errors import InvalidRequest

Format = Literal["multiline", "spintax"]

LENGTH_LIMITS = {"tiktok": 2200, "instagram": 2200}
"""Characters (Unicode code points). An app that counts otherwise is found out when the text is read back."""
HASHTAG_LIMITS = {"instagram": 30}
TITLE_LIMIT = 90
DESCRIPTION_LIMIT = 4000
"""Of a post of pictures on TikTok, which has both."""

DEEPEST_NESTING = 40

_BEGUN_GROUP = re.compile(r"\{[^{}]*\|")
"""Closed or not: a forgotten brace is told, not published."""
_UNTYPEABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Choice:
    """`{a|b}`: one of several sequences."""

    options: tuple[Spintax, ...]


class Lengths(NamedTuple):
    """Of the longest that can come out; -inf for what never does."""

    untitled: float
    """A whole text without ##."""
    title: float
    description: float


@dataclass(frozen=True)
class Spintax:
    """Plain text and choices, one after the other."""

    parts: tuple[str | Choice, ...]

    def pick(self, rng: random.Random) -> str:
        return "".join(
            part if isinstance(part, str) else rng.choice(part.options).pick(rng) for part in self.parts
        )

    def most(self, character: str | None = None) -> int:
        """The length of the longest text that can come out, or how often a character can be in one."""
        return sum(
            (len(part) if character is None else part.count(character))
            if isinstance(part, str)
            else max(option.most(character) for option in part.options)
            for part in self.parts
        )

    def lengths(self) -> Lengths:
        """The same for the two sides of the first ## of a text."""
        untitled, title, description = 0.0, -inf, -inf
        for part in self.parts:
            longest = _lengths(part)
            title = max(title, untitled + longest.title)
            description = max(description + Spintax((part,)).most(), longest.description)
            untitled += longest.untitled
        return Lengths(untitled, title, description)


def _lengths(part: str | Choice) -> Lengths:
    if isinstance(part, Choice):
        return Lengths(*map(max, zip(*(option.lengths() for option in part.options), strict=True)))
    title, marks, description = part.partition("##")
    return Lengths(-inf, len(title), len(description)) if marks else Lengths(len(part), -inf, -inf)


def titled(text: str) -> tuple[str, str]:
    """Title and description of a post that has both; a text without ## is a description."""
    title, marks, description = text.partition("##")
    return (title.strip(), description.strip()) if marks else ("", text)


def parse(captions: str, caption_format: Format | None) -> list[Spintax]:
    """The captions that `captions` stands for; more than one for several lines only.

    Raises InvalidRequest (field captions) for an unbalanced brace, with its place, and for characters that
    can't be typed.
    """
    text = captions.replace("\r\n", "\n").replace("\r", "\n")
    if found := _UNTYPEABLE.search(text):
        raise _wrong(f"the character U+{ord(found[0]):04X} {_place(text, found.start())} can't be typed")
    if caption_format == "multiline":
        lines = [line for line in text.split("\n") if line.strip()]
        return [Spintax((line.replace("###", "\n"),)) for line in lines or [""]]
    if caption_format == "spintax" or _BEGUN_GROUP.search(text):
        return [_Parser(text).parse()]
    return [Spintax((text,))]


def check(choices: list[Spintax], app: str, *, has_titles: bool = False) -> None:
    """Refuse what could come out longer, or with more hashtags, than the app takes (InvalidRequest).

    `has_titles` says that ## parts a title from the description.
    """
    limit, hashtags = LENGTH_LIMITS.get(app), HASHTAG_LIMITS.get(app)
    for choice in choices:
        if has_titles:
            _check_titled(choice.lengths())
        elif limit is not None and (length := choice.most()) > limit:
            raise _wrong(f"a caption of {length} characters can come out, and {app} takes {limit}")
        if hashtags is not None and (count := choice.most("#")) > hashtags:
            raise _wrong(f"a caption with {count} hashtags can come out, and {app} takes {hashtags}")


def _check_titled(longest: Lengths) -> None:
    for what, length, limit in (
        ("title", longest.title, TITLE_LIMIT),
        ("description", max(longest.untitled, longest.description), DESCRIPTION_LIMIT),
    ):
        if length > limit:
            raise _wrong(f"a {what} of {length:.0f} characters can come out, and TikTok takes {limit}")


def has_title(choice: Spintax) -> bool:
    """Does it use ##, which parts title and description?"""
    return any(
        "##" in part if isinstance(part, str) else any(map(has_title, part.options)) for part in choice.parts
    )


class _Parser:
    """Recursive descent over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def parse(self) -> Spintax:
        sequence = self._sequence(ends="")
        if self._at < len(self._text):
            raise _wrong(f"the brace }} {_place(self._text, self._at)} closes nothing")
        return sequence

    def _sequence(self, ends: str) -> Spintax:
        """Up to, not including, one of `ends`, a brace that closes nothing, or the end of the text."""
        parts: list[str | Choice] = []
        start = self._at
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "}" or character in ends:
                break
            if character == "{":
                parts.append(self._text[start : self._at])
                parts.append(self._choice())
                start = self._at
            else:
                self._at += 1
        parts.append(self._text[start : self._at])
        return Spintax(tuple(part for part in parts if part != ""))

    def _choice(self) -> Choice:
        opened = self._at
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            raise _wrong(f"more than {DEEPEST_NESTING} braces within each other {_place(self._text, opened)}")
        options = []
        while True:
            self._at += 1
            options.append(self._sequence(ends="|"))
            if self._at == len(self._text):
                raise _wrong(f"the brace {{ {_place(self._text, opened)} is not closed")
            if self._text[self._at] == "}":
                self._at += 1
                self._depth -= 1
                return Choice(tuple(options))


def _place(text: str, at: int) -> str:
    """Where, as people count, with what stands there."""
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    around = text[max(0, at - 12) : at + 13].replace("\n", " ")
    return f"at line {line}, column {column} (…{around}…)"


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(f"captions: {message}.", field="captions")
