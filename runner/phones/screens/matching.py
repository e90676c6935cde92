"""Compares selectors with the nodes of one app on one hierarchy.

`View` indexes the nodes once, by what they read, their ids and classes; a selector then looks only at nodes
that can fit. Knows no file and no catalog.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from runner.phones.hierarchy import Bounds, Node
from runner.phones.screens.schema import Selector, VersionRange

_LOOKS_ALIKE = {
    **dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2066\u2067\u2068\u2069\ufeff"), None),
    **dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f"), " "),
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc"), "'"),
    ord("…"): "...",
}


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """What people read: direction marks gone, every space and apostrophe alike, runs of space as one."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_LOOKS_ALIKE)
    return " ".join(text.split())


class Spellings:
    """A set of texts to compare with; * in one stands for anything."""

    def __init__(self, texts: Iterable[str]) -> None:
        folded = [fold(text) for text in texts]
        self.exact = frozenset(text for text in folded if "*" not in text)
        globs = [re.escape(text).replace(r"\*", ".*") for text in folded if "*" in text]
        self.pattern = re.compile("|".join(globs)) if globs else None


class Words:
    """The word table: language → name → spellings."""

    def __init__(self, table: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        self.languages = tuple(table)
        self.names = frozenset(name for row in table.values() for name in row)
        self._spellings = {
            name: Spellings(text for row in table.values() for text in row.get(name, ()))
            for name in self.names
        }

    def knows(self, language: str) -> bool:
        """Is there a row for this locale ("fr", "fr-CA", "pt_BR")?"""
        return re.split(r"[-_]", language)[0].lower() in self.languages

    def spellings(self, name: str) -> Spellings:
        return self._spellings[name]


@dataclass(frozen=True)
class Circumstances:
    """What is known of the phone beside its hierarchy."""

    words: Words
    version: str = ""
    """Of the app; "" where it is not known."""
    language: str = ""
    """Of the phone; "" where it is not known, which counts as a known one."""

    @property
    def language_is_known(self) -> bool:
        return not self.language or self.words.knows(self.language)


@dataclass
class View:
    """The nodes of one app on one hierarchy. `size` is the display's."""

    nodes: list[Node]
    size: tuple[int, int]
    circumstances: Circumstances
    _by_label: dict[str, list[Node]] = field(default_factory=dict)
    _by_id: dict[str, list[Node]] = field(default_factory=dict)
    _by_class: dict[str, list[Node]] = field(default_factory=dict)
    _order: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, node in enumerate(self.nodes):
            self._order[id(node)] = number
            for label in {node.text, node.description}:
                if label:
                    self._by_label.setdefault(fold(label), []).append(node)
            self._by_id.setdefault(node.id, []).append(node)
            self._by_class.setdefault(node.kind, []).append(node)

    def holds(self, condition: Selector) -> bool:
        """Is the condition true of this view?"""
        if not self._applies(condition):
            return False
        if not names_nodes(condition):
            return True
        count = len(self._matching(condition))
        return count >= condition.at_least and (condition.at_most is None or count <= condition.at_most)

    def find(self, selector: Selector) -> list[Node]:
        """Every node that fits, in the dump's order; none when there are fewer or more than it allows."""
        if not self._applies(selector):
            return []
        found = self._matching(selector)
        if len(found) < selector.at_least or (selector.at_most is not None and len(found) > selector.at_most):
            return []
        return found

    def first(self, selectors: Iterable[Selector]) -> tuple[Node, Selector] | None:
        """The node that the first useful selector picks."""
        for selector in selectors:
            if found := self.find(selector):
                node = _picked(found, selector)
                if selector.target == "clickable":
                    node = node.clickable_self_or_ancestor or node
                return node, selector
        return None

    def _applies(self, selector: Selector) -> bool:
        circumstances = self.circumstances
        if selector.versions and not VersionRange(selector.versions).includes(circumstances.version):
            return False
        if selector.unknown_language and circumstances.language_is_known:
            return False
        return (
            all(map(self.holds, selector.all))
            and (not selector.any or any(map(self.holds, selector.any)))
            and not any(map(self.holds, selector.none))
        )

    def _matching(self, selector: Selector) -> list[Node]:
        fits = self._test(selector)
        return [node for node in self._candidates(selector) if fits(node)]

    def _candidates(self, selector: Selector) -> Iterable[Node]:
        if selector.word or selector.label:
            return self._reading(selector)
        if selector.id:
            return self._joined(self._by_id.get(name, ()) for name in selector.id)
        if selector.class_name:
            return self._joined(self._by_class.get(name, ()) for name in selector.class_name)
        return self.nodes

    def _reading(self, selector: Selector) -> list[Node]:
        choices = [self.circumstances.words.spellings(name) for name in selector.word]
        if selector.label:
            choices.append(Spellings(selector.label))
        texts = {text for choice in choices for text in choice.exact if text in self._by_label}
        for choice in choices:
            if pattern := choice.pattern:
                texts.update(text for text in self._by_label if pattern.fullmatch(text))
        return self._joined(self._by_label[text] for text in texts)

    def _joined(self, groups: Iterable[Iterable[Node]]) -> list[Node]:
        """One list in the dump's order, each node once."""
        found = {id(node): node for group in groups for node in group}
        return sorted(found.values(), key=lambda node: self._order[id(node)])

    def _test(self, selector: Selector) -> Callable[[Node], bool]:
        """Everything about one node except what the index has answered."""
        tests = list(self._tests(selector))
        return lambda node: all(test(node) for test in tests)

    def _tests(self, selector: Selector) -> Iterator[Callable[[Node], bool]]:
        if selector.id:
            ids = frozenset(selector.id)
            yield lambda node: node.id in ids
        if selector.class_name:
            classes = frozenset(selector.class_name)
            yield lambda node: node.kind in classes
        for flag in ("clickable", "enabled", "selected", "checked", "focused"):
            wanted = getattr(selector, flag)
            if wanted is not None:
                yield lambda node, flag=flag, wanted=wanted: getattr(node, flag) is wanted  # type: ignore[misc]
        if selector.labelled is not None:
            yield lambda node: bool(node.text or node.description) is selector.labelled
        if selector.takes_tap is not None:
            yield lambda node: (node.clickable_self_or_ancestor is not None) is selector.takes_tap
        if selector.matches is not None:
            pattern = re.compile(selector.matches)
            yield lambda node: any(pattern.fullmatch(fold(text)) for text in (node.text, node.description))
        yield from self._places(selector)
        yield from self._relations(selector)

    def _places(self, selector: Selector) -> Iterator[Callable[[Node], bool]]:
        width, height = (max(1, side) for side in self.size)
        if selector.area:
            left, top, right, bottom = selector.area
            area = Bounds(int(left * width), int(top * height), int(right * width), int(bottom * height))
            yield lambda node: node.bounds.area > 0 and area.holds(*node.center)
        if selector.width:
            narrow, wide = (share * width for share in selector.width)
            yield lambda node: narrow <= node.bounds.width <= wide
        if selector.height:
            low, high = (share * height for share in selector.height)
            yield lambda node: low <= node.bounds.height <= high

    def _relations(self, selector: Selector) -> Iterator[Callable[[Node], bool]]:
        if selector.window:
            is_window = self._is(selector.window)
            yield lambda node: is_window(node.window)
        if selector.inside:
            is_outer = self._is(selector.inside)
            yield lambda node: any(map(is_outer, _ancestors(node)))
        if selector.holds:
            is_inner = self._is(selector.holds)
            yield lambda node: any(map(is_inner, _descendants(node)))
        for relation, lies in _LIES.items():
            if reference := getattr(selector, relation):
                others = [other.bounds for other in self.find(reference)]
                yield lambda node, lies=lies, others=others: any(  # type: ignore[misc]
                    lies(node.bounds, other) for other in others
                )

    def _is(self, selector: Selector) -> Callable[[Node], bool]:
        """Does one given node fit? For nodes that are reached from another one."""
        wanted = {id(node) for node in self._matching(selector)}
        return lambda node: id(node) in wanted


_LIES: dict[str, Callable[[Bounds, Bounds], bool]] = {
    "above": Bounds.is_above,
    "below": Bounds.is_below,
    "right_of": Bounds.is_right_of,
    "left_of": Bounds.is_left_of,
    "beside": lambda one, other: one != other and one.same_row(other),
}

_CONDITIONS = {"versions", "unknown_language", "all", "any", "none"}
_CHOICES = {"at_least", "at_most", "pick", "target", "at"}


def names_nodes(selector: Selector) -> bool:
    """False for a selector that consists of conditions only."""
    return bool(selector.model_fields_set - _CONDITIONS - _CHOICES)


def _picked(found: list[Node], selector: Selector) -> Node:
    match selector.pick:
        case "first":
            return found[0]
        case "last":
            return found[-1]
        case "top":
            return min(found, key=lambda node: node.bounds.top)
        case "bottom":
            return max(found, key=lambda node: node.bounds.bottom)
        case "left":
            return min(found, key=lambda node: node.bounds.left)
        case "right":
            return max(found, key=lambda node: node.bounds.right)


def _ancestors(node: Node) -> Iterator[Node]:
    return (other for other in node.lineage() if other is not node)


def _descendants(node: Node) -> Iterator[Node]:
    return (other for other in node.walk() if other is not node)
