"""Reading a dump: texts as they were typed, geometry, and what a broken one does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from runner.errors import UiServerError
from runner.phones.hierarchy import Bounds, Hierarchy


def one(**attributes: str) -> str:
    root = etree.Element("hierarchy", rotation="0")
    etree.SubElement(root, "node", {"bounds": "[0,0][100,50]", **attributes})
    return etree.tostring(root, encoding="unicode")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t"), max_size=80))
def test_text_comes_back_as_it_was(text: str) -> None:
    try:
        xml = one(text=text)
    except ValueError:
        return  # not a character of XML, so no dump holds it
    assert Hierarchy.parse(xml).nodes[0].text == text


def test_control_characters_and_surrogate_references_do_not_break_it() -> None:
    xml = '<hierarchy><node text="a\x01b&#1;&#55357;&#56832;&#xD800;&#10;c" bounds="[0,0][1,1]"/></hierarchy>'
    assert Hierarchy.parse(xml).nodes[0].text == "ab😀\nc"


def test_invalid_utf8_does_not_break_it() -> None:
    raw = b'<hierarchy><node text="a\xffb" bounds="[0,0][1,1]"/></hierarchy>'
    assert Hierarchy.parse(raw).nodes[0].text == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("answer", ["", "null", "<html></html>", "no xml at all"])
def test_what_is_no_hierarchy_is_an_error_of_the_ui_server(answer: str) -> None:
    with pytest.raises(UiServerError):
        Hierarchy.parse(answer)


def test_the_tap_of_a_label_is_taken_by_what_is_clickable_around_it() -> None:
    xml = (
        '<hierarchy><node clickable="true" bounds="[0,0][100,100]" resource-id="app:id/row">'
        '<node bounds="[0,0][50,50]"><node text="x" bounds="[10,10][20,20]"/></node></node></hierarchy>'
    )
    label = Hierarchy.parse(xml).nodes[2]
    row = label.clickable_self_or_ancestor
    assert row is not None
    assert row.id == "row"
    assert label.window is row


def test_size_is_the_displays_or_the_extent_of_the_windows() -> None:
    xml = '<hierarchy><node bounds="[0,0][100,20]"/><node bounds="[0,20][100,200]"/></hierarchy>'
    assert Hierarchy.parse(xml).size == (100, 200)
    assert Hierarchy.parse(xml, size=(100, 240)).size == (100, 240)


def test_geometry() -> None:
    left, right, below = Bounds(0, 0, 10, 10), Bounds(10, 2, 20, 12), Bounds(0, 12, 20, 30)
    assert left.is_left_of(right)
    assert right.is_right_of(left)
    assert below.is_below(left)
    assert left.is_above(below)
    assert left.same_row(right)
    assert not left.same_row(below)
    assert not left.overlaps(right)
    assert Bounds(0, 0, 30, 30).encloses(right)
    assert left.center == (5, 5)
