"""Screens made from captured hierarchies: a `Template` is one dump, a `Sheet` is a copy of it being
filled in.

A template names the nodes that change or react by keys of our own (`"post"`, `"tab.profile"`), so that no
other module knows a resource id. Parsing, translation, renaming of ids and scaling happen once per process
and look; each drawing is a copy of that. What a key does when tapped is not decided here (see `pages`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import NamedTuple

from lxml import etree
from lxml.etree import _Element

from . import ids, words

_SCREENS = files(__package__) / "screens"
_BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEY, _PART, _NUMBER = "key", "part", "number"
_FLAGS = ("checkable", "checked", "clickable", "enabled", "focusable", "focused", "scrollable")
_MORE_FLAGS = ("long-clickable", "password", "selected")


class Rect(NamedTuple):
    """Bounds in pixels, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, node: _Element) -> Rect:
        found = _BOUNDS.fullmatch(node.get("bounds"))
        if found is None:
            raise ValueError(f"not bounds: {node.get('bounds')!r}")
        return cls(*map(int, found.groups()))

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[int, int]:
        return (self.left + self.right) // 2, (self.top + self.bottom) // 2

    def holds(self, x: int, y: int) -> bool:
        return self.left <= x < self.right and self.top <= y < self.bottom

    def cut(self, other: Rect) -> Rect:
        return Rect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def moved(self, dx: int, dy: int) -> Rect:
        return Rect(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def __str__(self) -> str:
        return f"[{self.left},{self.top}][{self.right},{self.bottom}]"


class Hit(NamedTuple):
    """The key of a touched node, and which of its repetitions it was."""

    key: str
    number: int


@dataclass(frozen=True)
class Look:
    """How one app appears on one phone; templates are prepared once per look."""

    width: int
    height: int
    package: str
    version: str
    language: str


class Sheet:
    """A filled or fillable copy of a template. Once `seal`ed it is shown, hit-tested and never changed
    again.
    """

    def __init__(self, root: _Element) -> None:
        self.root = root
        self.windows: list[_Element] = []
        self._keys: dict[_Element, Hit] = {}

    @classmethod
    def empty(cls) -> Sheet:
        """No window of the app at all."""
        return cls(etree.Element("hierarchy", rotation="0"))

    # Filling

    def find(self, key: str, within: _Element | None = None) -> _Element | None:
        """The first node of this key or part, in document order."""
        root = self.root if within is None else within
        found = root.find(f".//*[@{_KEY}='{key}']")
        return root.find(f".//*[@{_PART}='{key}']") if found is None else found

    def node(self, key: str, within: _Element | None = None) -> _Element:
        found = self.find(key, within)
        if found is None:
            raise LookupError(f"no node {key!r} on this sheet")
        return found

    def nodes(self, key: str) -> list[_Element]:
        found = self.root.findall(f".//*[@{_KEY}='{key}']")
        return list(found or self.root.findall(f".//*[@{_PART}='{key}']"))

    def has(self, key: str) -> bool:
        return self.find(key) is not None

    def text(self, key: str, text: str, within: _Element | None = None) -> None:
        write(self.node(key, within), text=text)

    def drop(self, *keys: str) -> None:
        for key in keys:
            for node in self.nodes(key):
                remove(node)

    def mute(self, key: str) -> None:
        """Leave the node where it is, but a tap on it does nothing."""
        for node in self.nodes(key):
            node.set(_KEY, "")

    def repeat(self, key: str, count: int) -> list[_Element]:
        """Make `count` copies of the first node of this key in place of all nodes of this key."""
        first, *others = self.nodes(key)
        for other in others:
            remove(other)
        parent = first.getparent()
        at = parent.index(first)
        parent.remove(first)
        copies = []
        for number in range(count):
            copy = deepcopy(first)
            copy.set(_NUMBER, str(number))
            parent.insert(at + number, copy)
            copies.append(copy)
        _renumber(parent)
        return copies

    def adopt(self, other: Sheet, *, first: bool = False) -> None:
        """Take over the other sheet's windows, above this one's or (as some versions order them) before
        them.
        """
        for at, window in enumerate(list(other.root)):
            if first:
                self.root.insert(at, window)
            else:
                self.root.append(window)
        _renumber(self.root)

    # Showing

    def seal(self) -> Sheet:
        # The innermost number counts: a grid's cells lie in numbered rows.
        for node in reversed(self.root.findall(f".//*[@{_NUMBER}]")):
            number = int(node.attrib.pop(_NUMBER))
            for keyed in node.iter("node"):
                if key := keyed.attrib.pop(_KEY, ""):
                    self._keys[keyed] = Hit(key, number)
        for node in self.root.iterfind(f".//*[@{_KEY}]"):
            self._keys[node] = Hit(node.attrib.pop(_KEY), 0)
        for node in self.root.iterfind(f".//*[@{_PART}]"):
            del node.attrib[_PART]
        self.windows = list(self.root)
        return self

    def hit(self, x: int, y: int) -> Hit | None:
        """What a touch at this place reaches: the topmost and deepest node there that has a key.

        Nodes without a key let touches through, clickable or not: the feed's dumps have clickable layouts
        over other things' buttons, and TikTok's mode tabs answer though no node of theirs is clickable.
        """
        for window in sorted(self.root, key=_touch_order):
            if Rect.of(window).holds(x, y):
                taken = self._take(window, x, y)
                return None if taken is None else self._keys[taken]
        return None

    def _take(self, node: _Element, x: int, y: int) -> _Element | None:
        if not Rect.of(node).holds(x, y):
            return None
        for child in sorted(node, key=lambda child: int(child.get("drawing-order") or 0))[::-1]:
            taken = self._take(child, x, y)
            if taken is not None:
                return taken
        return node if node in self._keys else None


class Template:
    """One dump of `screens/`, with keys for the nodes that matter.

    `keys` names what reacts to touches, `parts` what is only filled in; both map a name to a selector:
    `#id` (without package), `=text`, `@content-desc` or an XPath that starts with `/`. `size` is the
    display that the dump was taken on; a dump with a `version` keeps its ids in every look; `derive`
    changes the source tree once, in the dump's own coordinates, where a state has no dump of its own. A
    selector that matches nothing is an error at the first use.
    """

    def __init__(
        self,
        file: str,
        keys: Mapping[str, str],
        parts: Mapping[str, str] | None = None,
        *,
        size: tuple[int, int],
        language: str = "en",
        package: str = "com.zhiliaoapp.musically",
        version: str = "",
        drop: tuple[str, ...] = (),
        derive: Callable[[Sheet], None] | None = None,
    ) -> None:
        self.file = file
        self.size = size
        self.language = language
        self.package = package
        self.version = version
        self._names = ((_KEY, keys), (_PART, parts or {}))
        self._drop = drop
        self._derive = derive
        self._bases: dict[Look, _Element] = {}

    def sheet(self, look: Look) -> Sheet:
        base = self._bases.get(look)
        if base is None:
            base = self._bases[look] = self._prepared(look)
        return Sheet(deepcopy(base))

    @cached_property
    def source(self) -> _Element:
        """The dump with its keys, in its own language and size; shared, never changed."""
        raw = (_SCREENS / self.file).read_bytes()
        root = _from_elements(raw, self.package) if self.file.endswith(".json") else etree.fromstring(raw)
        for selector in self._drop:
            for node in self._select(root, selector):
                remove(node)
        for kind, names in self._names:
            for name, selector in names.items():
                for node in self._select(root, selector):
                    node.set(kind, name)
        if self._derive is not None:
            self._derive(Sheet(root))
        return root

    def _select(self, root: _Element, selector: str) -> list[_Element]:
        kind, value = selector[0], selector[1:]
        match kind:
            case "#":
                found = root.xpath("//node[substring-after(@resource-id, ':id/') = $v]", v=value)
            case "=":
                found = root.xpath("//node[@text = $v]", v=value)
            case "@":
                found = root.xpath("//node[@content-desc = $v]", v=value)
            case _:
                found = root.xpath(selector)
        if not found:
            raise LookupError(f"{self.file}: nothing matches {selector!r}")
        return list(found)

    def _prepared(self, look: Look) -> _Element:
        root = deepcopy(self.source)
        across, down = look.width / self.size[0], look.height / self.size[1]
        for node in root.iter("node"):
            for name in ("text", "content-desc", "hint"):
                if value := node.get(name):
                    node.set(
                        name, words.translated(value, self.language, look.language, package=look.package)
                    )
            if node.get("package") == self.package:
                node.set("package", look.package)
            owner, _, name = node.get("resource-id").partition(":id/")
            if owner == self.package:
                name = name if self.version else ids.renamed(name, look.version)
                node.set("resource-id", f"{look.package}:id/{name}")
            if across != 1 or down != 1:
                left, top, right, bottom = Rect.of(node)
                place(
                    node,
                    Rect(
                        round(left * across), round(top * down), round(right * across), round(bottom * down)
                    ),
                )
        return root


def write(node: _Element, **attributes: str | bool) -> None:
    """Set attributes by their dump names, `_` for `-`; what XML cannot hold becomes "." as in
    uiautomator's own dumps.
    """
    for name, value in attributes.items():
        if isinstance(value, bool):
            value = "true" if value else "false"
        node.set(name.replace("_", "-"), _NOT_XML.sub(".", value))


def place(node: _Element, rect: Rect) -> None:
    node.set("bounds", str(rect))


def shift(node: _Element, dx: int, dy: int) -> None:
    """Move a node with everything in it."""
    for each in node.iter("node"):
        place(each, Rect.of(each).moved(dx, dy))


def clip(node: _Element, frame: Rect) -> None:
    """Cut a node's bounds, with everything in it, to the frame; what lies outside is not in a dump at all."""
    for each in list(node.iter("node")):
        rect = Rect.of(each).cut(frame)
        if rect.width > 0 and rect.height > 0:
            place(each, rect)
        elif each is node or each.getparent() is not None:
            remove(each)


def hold(node: _Element) -> None:
    """Grow the ancestors of a moved node until they contain it, as a layout would."""
    rect = Rect.of(node)
    for parent in node.iterancestors("node"):
        outer = Rect.of(parent)
        place(
            parent,
            Rect(
                min(outer.left, rect.left),
                min(outer.top, rect.top),
                max(outer.right, rect.right),
                max(outer.bottom, rect.bottom),
            ),
        )


def remove(node: _Element) -> None:
    parent = node.getparent()
    if parent is not None:
        parent.remove(node)
        _renumber(parent)


def new_node(
    like: _Element, *, class_name: str, rect: Rect, resource_id: str = "", **attributes: str | bool
) -> _Element:
    """A node that no dump of this state shows, with the attributes of `like`'s dump in their order."""
    node = etree.Element("node")
    for name in like.attrib:
        if name not in (_KEY, _PART, _NUMBER):
            node.set(name, "false" if name in (*_FLAGS, *_MORE_FLAGS) else "")
    write(
        node,
        index="0",
        package=like.get("package"),
        enabled=True,
        visible_to_user=True,
        resource_id=resource_id,
    )
    node.set("class", class_name)
    place(node, rect)
    write(node, **attributes)
    return node


def append(parent: _Element, node: _Element) -> None:
    parent.append(node)
    _renumber(parent)


def _renumber(parent: _Element) -> None:
    for index, child in enumerate(parent):
        child.set("index", str(index))


def _touch_order(window: _Element) -> int:
    """Small windows float above large ones, whatever their order in the dump (it differs by version)."""
    rect = Rect.of(window)
    return rect.width * rect.height


def _from_elements(raw: bytes, package: str) -> _Element:
    """A tree from a flat element list. Those lists hold no class and no nesting: an element becomes the
    child of the last one that contains it, and its class follows from what it shows.
    """
    root = etree.Element("hierarchy", rotation="0")
    open_nodes: list[_Element] = []
    for element in json.loads(raw)["elements"]:
        node = etree.Element("node")
        if element["text"]:
            kind = "android.widget.Button" if element["clickable"] else "android.widget.TextView"
        else:
            kind = "android.widget.ImageView" if element["desc"] else "android.widget.FrameLayout"
        owner = "android" if element["id"] in ("content", "button1", "message") else package
        write(
            node,
            index="0",
            text=element["text"],
            resource_id=f"{owner}:id/{element['id']}" if element["id"] else "",
        )
        node.set("class", kind)
        write(node, package=package, content_desc=element["desc"], checkable=False, checked=False)
        write(
            node, clickable=element["clickable"], enabled=True, focusable=element["clickable"], focused=False
        )
        write(node, scrollable=False, long_clickable=False, password=False, selected=False)
        write(node, bounds=element["bounds"], visible_to_user=True)
        rect = Rect.of(node)
        while open_nodes and Rect.of(open_nodes[-1]).cut(rect) != rect:
            open_nodes.pop()
        append(open_nodes[-1] if open_nodes else root, node)
        open_nodes.append(node)
    return root


def texts(sheet: Sheet) -> Iterator[str]:
    """Every text and description of a sheet, in document order."""
    for node in sheet.root.iter("node"):
        yield from filter(None, (node.get("text"), node.get("content-desc")))
