from __future__ import annotations

from runner.phones.hierarchy import Hierarchy
from runner.phones.text import focused_field, is_same_field, shortened


def _dump(*nodes: str) -> Hierarchy:
    return Hierarchy.parse(
        f"<hierarchy rotation='0'><node bounds='[0,0][9,9]'>{''.join(nodes)}</node></hierarchy>"
    )


def test_an_input_field_wins_over_other_focused_nodes() -> None:
    hierarchy = _dump(
        "<node class='android.widget.ImageView' focused='true' bounds='[0,0][9,9]'/>",
        "<node class='android.widget.EditText' text='idle' bounds='[0,0][9,9]'/>",
        "<node class='android.widget.EditText' text='here' focused='true' bounds='[0,0][9,9]'/>",
    )
    field = focused_field(hierarchy)
    assert field is not None
    assert field.text == "here"


def test_a_focused_node_of_another_class_is_better_than_none() -> None:
    field = focused_field(_dump("<node class='com.app.Editor' focused='true' bounds='[0,0][9,9]'/>"))
    assert field is not None
    assert field.class_name == "com.app.Editor"
    assert focused_field(_dump("<node class='android.widget.EditText' bounds='[0,0][9,9]'/>")) is None


def test_a_title_is_not_a_description() -> None:
    title, moved, description = _dump(
        "<node class='android.widget.EditText' resource-id='a:id/title' bounds='[0,0][9,9]'/>",
        "<node class='android.widget.EditText' resource-id='a:id/title' bounds='[0,50][9,59]'/>",
        "<node class='android.widget.EditText' resource-id='a:id/body' bounds='[0,0][9,9]'/>",
    ).nodes[1:]
    assert is_same_field(title, moved)
    assert not is_same_field(title, description)


def test_texts_in_messages_show_their_line_breaks_and_end() -> None:
    assert shortened("a\nb") == r"'a\nb'"
    assert len(shortened("x" * 4000)) == 60
