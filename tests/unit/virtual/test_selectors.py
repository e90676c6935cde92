"""UiSelector evaluation and dumps, on a tree small enough to see through."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree
from uiautomator2._selector import Selector

from runner.virtual.hierarchy import BadSelector, dump, find, object_info
from support.tiny_app import node

WINDOW = node(
    (0, 0, 1080, 2400),
    node(
        (0, 0, 1080, 200),
        node((0, 0, 500, 100), kind="TextView", text="Post"),
        kind="LinearLayout",
        content_desc="top",
    ),
    node(
        (0, 200, 1080, 400),
        node((0, 200, 500, 300), kind="Button", text="POST", clickable="true", resource_id="a:id/one"),
        node(
            (500, 200, 1200, 300), kind="Button", text="Repost it", clickable="true", resource_id="a:id/two"
        ),
        kind="LinearLayout",
        content_desc="bottom",
    ),
)


def texts(selector: Selector) -> list[str]:
    return [found.get("text", "") or found.get("content-desc", "") for found in find([WINDOW], selector)]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"text": "Post"}, ["Post"]),
        ({"text": "post"}, []),
        ({"textContains": "post"}, ["Post", "POST", "Repost it"]),
        ({"textStartsWith": "po"}, ["Post", "POST"]),
        ({"textMatches": "(?i)post"}, ["Post", "POST"]),
        ({"textMatches": "Po"}, []),
        ({"description": "top"}, ["top"]),
        ({"descriptionMatches": "top|bottom"}, ["top", "bottom"]),
        ({"className": "android.widget.Button"}, ["POST", "Repost it"]),
        ({"className": "android.widget.Button", "instance": 1}, ["Repost it"]),
        ({"className": "android.widget.Button", "instance": 2}, []),
        ({"className": "android.widget.Button", "index": 0}, ["POST"]),
        ({"clickable": True}, ["POST", "Repost it"]),
        ({"clickable": False, "text": "POST"}, []),
        ({"resourceId": "a:id/two"}, ["Repost it"]),
        ({"resourceIdMatches": ".*id/.*"}, ["POST", "Repost it"]),
        ({"packageName": "com.example.notes", "text": "POST"}, ["POST"]),
    ],
)
def test_fields(fields: dict[str, Any], found: list[str]) -> None:
    assert texts(Selector(**fields)) == found


def test_child_and_sibling() -> None:
    assert texts(Selector(description="bottom").child(className="android.widget.Button")) == [
        "POST",
        "Repost it",
    ]
    assert texts(
        Selector(className="android.widget.LinearLayout").child(textContains="post", instance=1)
    ) == ["POST"]
    assert texts(Selector(text="POST").sibling(className="android.widget.Button")) == ["Repost it"]
    assert texts(Selector(description="top").child(text="Post").sibling(text="POST")) == []


def test_a_bad_pattern_is_told() -> None:
    with pytest.raises(BadSelector):
        find([WINDOW], Selector(textMatches="("))


def test_info_clips_to_the_screen() -> None:
    (found,) = find([WINDOW], Selector(text="Repost it"))
    info = object_info(found, (0, 0, 1080, 2400))
    assert info["bounds"] == {"left": 500, "top": 200, "right": 1200, "bottom": 300}
    assert info["visibleBounds"] == {"left": 500, "top": 200, "right": 1080, "bottom": 300}
    assert (info["text"], info["clickable"], info["resourceName"]) == ("Repost it", True, "a:id/two")


def test_dump_leaves_the_windows_alone() -> None:
    before = etree.tostring(WINDOW)
    whole = dump([WINDOW, WINDOW])
    assert etree.tostring(WINDOW) == before
    assert whole.startswith(
        "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\r\n<hierarchy rotation=\"0\">"
    )
    assert len(etree.fromstring(whole.encode()).findall("node")) == 2
    assert len(list(etree.fromstring(dump([WINDOW], max_depth=1).encode()).iter("node"))) == 3
    compressed = etree.fromstring(dump([WINDOW], compressed=True).encode())
    assert [found.get("text") or found.get("content-desc") for found in compressed.iter("node")] == [
        "",
        "top",
        "Post",
        "bottom",
        "POST",
        "Repost it",
    ]
