"""What a phone shows, as uiautomator dumps it: windows of nodes with text, class, flags and bounds.

Plain data and geometry over one dump. It knows no app and no screen (`runner.phones.screens` does), and talks
to no phone (`runner.phones.session` does).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from runner.errors import UiServerError


class Bounds(NamedTuple):
    """A rectangle in screen pixels; `right` and `bottom` lie just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def area(self) -> int:
        return max(0, self.width) * max(0, self.height)

    @property
    def center(self) -> tuple[int, int]:
        return (self.left + self.right) // 2, (self.top + self.bottom) // 2

    def holds(self, x: float, y: float) -> bool:
        """Is this point inside?"""
        return self.left <= x < self.right and self.top <= y < self.bottom

    def encloses(self, other: Bounds) -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def overlaps(self, other: Bounds) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def is_below(self, other: Bounds) -> bool:
        """Wholly below `other`."""
        return self.top >= other.bottom

    def is_above(self, other: Bounds) -> bool:
        return self.bottom <= other.top

    def is_right_of(self, other: Bounds) -> bool:
        return self.left >= other.right

    def is_left_of(self, other: Bounds) -> bool:
        return self.right <= other.left

    def same_row(self, other: Bounds) -> bool:
        """Does the middle of either one lie at the height of the other?"""
        return other.top <= self.center[1] < other.bottom or self.top <= other.center[1] < self.bottom


class Node:
    """One node of the dump. Strings are "" where the dump has none; flags are those of the dump."""

    __slots__ = (
        "bounds",
        "checkable",
        "checked",
        "children",
        "class_name",
        "clickable",
        "description",
        "enabled",
        "focusable",
        "focused",
        "hint",
        "long_clickable",
        "package",
        "parent",
        "password",
        "resource_id",
        "scrollable",
        "selected",
        "text",
        "visible",
    )

    def __init__(self, element: etree._Element, parent: Node | None) -> None:
        get = dict(element.items()).get
        self.parent = parent
        self.children: list[Node] = []
        self.text: str = get("text", "")
        self.description: str = get("content-desc", "")
        self.resource_id: str = get("resource-id", "")
        self.class_name: str = get("class", "")
        self.package: str = get("package", "")
        self.hint: str = get("hint", "")
        self.bounds = _bounds(get("bounds", ""))
        self.clickable = get("clickable") == "true"
        self.long_clickable = get("long-clickable") == "true"
        self.enabled = get("enabled", "true") == "true"
        self.selected = get("selected") == "true"
        self.checkable = get("checkable") == "true"
        self.checked = get("checked") == "true"
        self.focusable = get("focusable") == "true"
        self.focused = get("focused") == "true"
        self.scrollable = get("scrollable") == "true"
        self.password = get("password") == "true"
        self.visible = get("visible-to-user", "true") == "true"

    @property
    def id(self) -> str:
        """The short resource id: "post_button" of "com.app:id/post_button"."""
        return self.resource_id.rpartition("/")[2]

    @property
    def kind(self) -> str:
        """The short class name: "Button" of "android.widget.Button"."""
        return self.class_name.rpartition(".")[2]

    @property
    def label(self) -> str:
        """The text, or where there is none the description."""
        return self.text or self.description

    @property
    def center(self) -> tuple[int, int]:
        return self.bounds.center

    @property
    def window(self) -> Node:
        """The top node of the window that this node belongs to."""
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    @property
    def clickable_self_or_ancestor(self) -> Node | None:
        """The node that takes a tap made on this one: the nearest clickable one upwards."""
        for node in self.lineage():
            if node.clickable:
                return node
        return None

    def lineage(self) -> Iterator[Node]:
        """This node, its parent, and so on up to its window."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def walk(self) -> Iterator[Node]:
        """This node and everything below it, in the dump's order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def __repr__(self) -> str:
        parts = [self.kind or "node"]
        if self.text:
            parts.append(repr(self.text))
        if self.description:
            parts.append(f"description={self.description!r}")
        if self.id:
            parts.append(f"#{self.id}")
        parts.append("[{},{}][{},{}]".format(*self.bounds))
        return f"<{' '.join(parts)}>"


class Hierarchy:
    """One dump. `nodes` is in document order: what is later in a window is drawn above what is earlier."""

    def __init__(self, xml: bytes, windows: list[Node], size: tuple[int, int] | None) -> None:
        self.xml = xml
        self.windows = windows
        self.nodes = [node for window in windows for node in window.walk()]
        self._size = size

    @classmethod
    def parse(cls, xml: str | bytes, *, size: tuple[int, int] | None = None) -> Hierarchy:
        """Read a dump; control characters and broken references in it are dropped.

        `size` is the display's (width, height) in pixels where the caller knows it. Raises UiServerError for
        something that is no hierarchy.
        """
        raw = xml.encode("utf-8", "replace") if isinstance(xml, str) else xml
        root = _root(raw, recover=False)
        if root is None:
            root = _root(_without_invalid_characters(raw), recover=True)
        if root is None or root.tag != "hierarchy":
            raise UiServerError("The phone's answer is no UI hierarchy.")
        windows = [_build(element, None) for element in root if element.tag == "node"]
        return cls(raw, windows, size)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the display in pixels; without a known one, the extent of the windows."""
        if self._size is None:
            right = max((window.bounds.right for window in self.windows), default=0)
            bottom = max((window.bounds.bottom for window in self.windows), default=0)
            self._size = (right, bottom)
        return self._size

    @property
    def packages(self) -> set[str]:
        return {node.package for node in self.nodes if node.package}

    @property
    def visible(self) -> list[Node]:
        """Nodes that the dump calls visible and that have an extent."""
        return [node for node in self.nodes if node.visible and node.bounds.area]

    def of(self, package: str) -> list[Node]:
        return [node for node in self.nodes if node.package == package]


_BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")
_CHARACTER_REFERENCE = re.compile(r"&#(x[0-9a-fA-F]+|\d+);")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _root(raw: bytes, *, recover: bool) -> etree._Element | None:
    try:
        return etree.fromstring(raw, etree.XMLParser(huge_tree=True, recover=recover, encoding="utf-8"))
    except etree.XMLSyntaxError:
        return None


def _bounds(text: str) -> Bounds:
    match = _BOUNDS.fullmatch(text)
    if match is None:
        return Bounds(0, 0, 0, 0)
    left, top, right, bottom = map(int, match.groups())
    return Bounds(left, top, right, bottom)


def _build(element: etree._Element, parent: Node | None) -> Node:
    node = Node(element, parent)
    node.children = [_build(child, node) for child in element if child.tag == "node"]
    return node


def _without_invalid_characters(raw: bytes) -> bytes:
    """Drop what XML 1.0 forbids; join an emoji that was written as two surrogate references."""

    def written_out(match: re.Match[str]) -> str:
        code = int(match[1][1:], 16) if match[1].startswith("x") else int(match[1])
        if 0xD800 <= code <= 0xDFFF:
            return chr(code)
        return "" if code < 0x20 and code not in (0x9, 0xA, 0xD) else match[0]

    text = _CHARACTER_REFERENCE.sub(written_out, raw.decode("utf-8", "replace"))
    joined = _SURROGATE_PAIR.sub(
        lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
    )
    return _INVALID.sub("", joined).encode()
