"""Windows as trees of <node> elements: geometry, the XML of a dump, and UiSelector evaluation.

The trees have the attributes of a uiautomator dump. How a selector matches follows AndroidX's UiSelector:
`textContains`, `textStartsWith` and their like ignore case, `text` does not; a child or sibling selector is
tried under every match of the one before it, and `instance` counts what is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from importlib.resources import files
from typing import Any

from lxml import etree
from lxml.etree import _Element

Bounds = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom are outside."""

_BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")
_MAX_DEPTH = 50
_DECLARATION = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\r\n"


@lru_cache(maxsize=8192)
def parse_bounds(text: str) -> Bounds:
    match = _BOUNDS.fullmatch(text)
    if match is None:
        raise ValueError(f"bounds {text!r}")
    return int(match[1]), int(match[2]), int(match[3]), int(match[4])


def bounds_of(node: _Element) -> Bounds:
    return parse_bounds(node.get("bounds", "[0,0][0,0]"))


def contains(bounds: Bounds, x: float, y: float) -> bool:
    left, top, right, bottom = bounds
    return left <= x < right and top <= y < bottom


def visible_bounds(node: _Element, screen: Bounds) -> Bounds:
    """The part of a node that its ancestors and the screen leave."""
    left, top, right, bottom = bounds_of(node)
    for other in (screen, *(bounds_of(above) for above in node.iterancestors("node"))):
        left, top = max(left, other[0]), max(top, other[1])
        right, bottom = min(right, other[2]), min(bottom, other[3])
    return (left, top, right, bottom) if left < right and top < bottom else (0, 0, 0, 0)


def node_at(window: _Element, x: float, y: float, wanted: Callable[[_Element], bool]) -> _Element | None:
    """The last drawn node at a place that is `wanted`."""
    found: _Element | None = None
    for node in window.iter("node"):
        if contains(bounds_of(node), x, y) and wanted(node):
            found = node
    return found


# --- windows of the system, taken from dumps --------------------------------------------------------------


@lru_cache(maxsize=16)
def _template(name: str) -> bytes:
    return (files("runner.virtual") / "windows" / f"{name}.xml").read_bytes()


def system_window(name: str, values: Mapping[str, str]) -> _Element:
    """A fresh window from `windows/<name>.xml`, its `{placeholders}` filled in."""
    root = etree.fromstring(_template(name), etree.XMLParser(remove_blank_text=True))
    window = root[0]
    for node in window.iter("node"):
        for attribute in ("text", "content-desc", "resource-id"):
            value = node.get(attribute, "")
            if "{" in value:
                node.set(attribute, value.format_map(values))
    root.remove(window)
    return window


# --- the dump ---------------------------------------------------------------------------------------------


def dump(windows: Iterable[_Element], *, compressed: bool = False, max_depth: int = _MAX_DEPTH) -> str:
    """What dumpWindowHierarchy answers. `max_depth` counts the levels below a window's root."""
    if compressed or max_depth < _MAX_DEPTH:
        windows = [_reduced(window, compressed, max_depth) for window in windows]
    # The windows belong to others: they are written one by one, never put into a tree of ours. By way of
    # UTF-8 because lxml takes twice as long to make a str.
    parts = [
        etree.tostring(window, encoding="utf-8", xml_declaration=False, with_tail=False) for window in windows
    ]
    return f'{_DECLARATION}<hierarchy rotation="0">{b"".join(parts).decode()}</hierarchy>'


def _reduced(window: _Element, compressed: bool, max_depth: int) -> _Element:
    window = deepcopy(window)
    if compressed:
        _drop_layout(window)
    _cut_depth(window, max_depth)
    return window


def _cut_depth(node: _Element, levels: int) -> None:
    for child in list(node):
        if levels <= 0:
            node.remove(child)
        else:
            _cut_depth(child, levels - 1)


def _drop_layout(window: _Element) -> None:
    """Leave out the nodes that accessibility calls not important: no text, no description, nothing to do."""
    for node in reversed(list(window.iter("node"))):
        parent = node.getparent()
        if parent is None or node.get("text") or node.get("content-desc"):
            continue
        if any(
            node.get(flag) == "true"
            for flag in ("clickable", "long-clickable", "focusable", "scrollable", "checkable")
        ):
            continue
        place = parent.index(node)
        for child in reversed(list(node)):
            parent.insert(place + 1, child)
        parent.remove(node)


# --- selectors --------------------------------------------------------------------------------------------

Selector = Mapping[str, Any]
_Check = Callable[[_Element, Any], bool]


def _same(attribute: str) -> _Check:
    return lambda node, value: node.get(attribute, "") == value


def _has(attribute: str) -> _Check:
    return lambda node, value: str(value).lower() in node.get(attribute, "").lower()


def _starts(attribute: str) -> _Check:
    return lambda node, value: bool(node.get(attribute, "").lower().startswith(str(value).lower()))


def _matches(attribute: str) -> _Check:
    return lambda node, value: _regex(value).fullmatch(node.get(attribute, "")) is not None


def _flag(attribute: str) -> _Check:
    return lambda node, value: (node.get(attribute) == "true") == bool(value)


@lru_cache(maxsize=512)
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


_FIELDS: dict[str, tuple[int, _Check]] = {
    "text": (0x01, _same("text")),
    "textContains": (0x02, _has("text")),
    "textMatches": (0x04, _matches("text")),
    "textStartsWith": (0x08, _starts("text")),
    "className": (0x10, _same("class")),
    "classNameMatches": (0x20, _matches("class")),
    "description": (0x40, _same("content-desc")),
    "descriptionContains": (0x80, _has("content-desc")),
    "descriptionMatches": (0x0100, _matches("content-desc")),
    "descriptionStartsWith": (0x0200, _starts("content-desc")),
    "checkable": (0x0400, _flag("checkable")),
    "checked": (0x0800, _flag("checked")),
    "clickable": (0x1000, _flag("clickable")),
    "longClickable": (0x2000, _flag("long-clickable")),
    "scrollable": (0x4000, _flag("scrollable")),
    "enabled": (0x8000, _flag("enabled")),
    "focusable": (0x010000, _flag("focusable")),
    "focused": (0x020000, _flag("focused")),
    "selected": (0x040000, _flag("selected")),
    "packageName": (0x080000, _same("package")),
    "packageNameMatches": (0x100000, _matches("package")),
    "resourceId": (0x200000, _same("resource-id")),
    "resourceIdMatches": (0x400000, _matches("resource-id")),
    "index": (0x800000, lambda node, value: node.get("index") == str(value)),
}
_INSTANCE = 0x01000000


class BadSelector(ValueError):
    """The selector is not one that the UI server understands."""


def find(windows: Iterable[_Element], selector: Selector) -> list[_Element]:
    """All nodes that a UiSelector matches, in document order. Raises BadSelector."""
    try:
        matches = _filter((node for window in windows for node in window.iter("node")), selector)
        for relation, below in zip(
            selector.get("childOrSibling") or (), selector.get("childOrSiblingSelector") or (), strict=True
        ):
            matches = _filter(_related(matches, relation), below)
    except (re.error, ValueError, TypeError, AttributeError) as error:
        raise BadSelector(str(error)) from error
    return matches


def _related(nodes: Iterable[_Element], relation: str) -> Iterator[_Element]:
    seen: set[_Element] = set()
    for node in nodes:
        around = node if relation == "child" else node.getparent()
        if around is None:
            continue
        for below in around.iterdescendants("node"):
            if below not in seen and (relation == "child" or below is not node):
                seen.add(below)
                yield below


def _filter(candidates: Iterator[_Element], selector: Selector) -> list[_Element]:
    mask = int(selector.get("mask") or 0)
    checks = [(check, selector.get(name)) for name, (bit, check) in _FIELDS.items() if mask & bit]
    found = [node for node in candidates if all(check(node, value) for check, value in checks)]
    if mask & _INSTANCE:
        instance = int(selector.get("instance") or 0)
        return found[instance : instance + 1]
    return found


def describe(selector: Selector) -> str:
    """The selector as UiSelector prints itself, for exception messages."""
    names = {
        "text": "TEXT",
        "textContains": "CONTAINS_TEXT",
        "textMatches": "TEXT_REGEX",
        "textStartsWith": "START_TEXT",
        "className": "CLASS",
        "description": "DESCRIPTION",
        "descriptionContains": "CONTAINS_DESCRIPTION",
        "descriptionStartsWith": "START_DESCRIPTION",
        "resourceId": "RESOURCE_ID",
        "resourceIdMatches": "RESOURCE_ID_REGEX",
        "packageName": "PACKAGE_NAME",
        "instance": "INSTANCE",
    }
    shown = [
        f"{names.get(key, key.upper())}={value}"
        for key, value in selector.items()
        if key not in ("mask", "childOrSibling", "childOrSiblingSelector")
    ]
    for relation, below in zip(
        selector.get("childOrSibling") or (), selector.get("childOrSiblingSelector") or (), strict=False
    ):
        shown.append(f"{'CHILD' if relation == 'child' else 'PARENT'}={describe(below)}")
    return f"UiSelector[{', '.join(shown)}]"


def object_info(node: _Element, screen: Bounds) -> dict[str, Any]:
    """The UI server's ObjInfo."""

    def rectangle(bounds: Bounds) -> dict[str, int]:
        return dict(zip(("left", "top", "right", "bottom"), bounds, strict=True))

    def flag(name: str) -> bool:
        return bool(node.get(name) == "true")

    return {
        "bounds": rectangle(bounds_of(node)),
        "childCount": len(node),
        "className": node.get("class", ""),
        "contentDescription": node.get("content-desc", ""),
        "packageName": node.get("package", ""),
        "resourceName": node.get("resource-id") or None,
        "text": node.get("text", ""),
        "visibleBounds": rectangle(visible_bounds(node, screen)),
        "checkable": flag("checkable"),
        "checked": flag("checked"),
        "clickable": flag("clickable"),
        "enabled": flag("enabled"),
        "focusable": flag("focusable"),
        "focused": flag("focused"),
        "longClickable": flag("long-clickable"),
        "scrollable": flag("scrollable"),
        "selected": flag("selected"),
    }
