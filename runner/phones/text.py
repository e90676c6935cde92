"""Three ways to put a text into the field that has the focus, whatever its script, emoji and line breaks.

Each replaces the whole text, so each may be repeated. None is believed: `session` reads the field back and
takes the next way when the text differs. Android's `input text` is none of them, it knows ASCII only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from runner.errors import UiServerError
from runner.phones.hierarchy import Hierarchy, Node

if TYPE_CHECKING:
    from runner.phones.ui import Ui


class Way(Protocol):
    """Replaces the field's text; False when this way does not exist on this phone."""

    __name__: str

    def __call__(self, ui: Ui, field: Node, text: str) -> bool: ...


def selector(ui: Ui, field: Node) -> Any:
    """What the UI server finds this focused field by."""
    return ui(focused=True, className=field.class_name).selector


def set_text(ui: Ui, field: Node, text: str) -> bool:
    """Accessibility's own action on the field; no keyboard takes part."""
    if text:
        ui.jsonrpc.setText(selector(ui, field), text)
    else:
        ui.jsonrpc.clearTextField(selector(ui, field))
    return True


def paste(ui: Ui, field: Node, text: str) -> bool:
    """Through the clipboard, for fields that ignore setText."""
    ui.clipboard = text
    if ui.clipboard != text:
        return False
    ui.jsonrpc.clearInputText()
    if text:
        ui.jsonrpc.pasteClipboard()
    return True


def adb_keyboard(ui: Ui, field: Node, text: str) -> bool:
    """Through uiautomator2's input method, where it is installed; the phone's own is put back afterwards."""
    from uiautomator2.exceptions import AdbBroadcastError

    if not ui.is_input_ime_installed():
        return False
    usual = ui.current_ime()
    try:
        ui.clear_text()
        ui.set_input_ime()
        ui.send_keys(text)
    except AdbBroadcastError as error:
        raise UiServerError(f"AdbKeyboard does not answer: {error}") from error
    finally:
        ui.shell(["ime", "set", usual])
    return True


WAYS: tuple[Way, ...] = (set_text, paste, adb_keyboard)
"""In the order in which they are tried."""


def focused_field(hierarchy: Hierarchy) -> Node | None:
    """The node that takes what is typed; other windows may claim a focus of their own."""
    focused = [node for node in hierarchy.nodes if node.focused]
    fields = [node for node in focused if node.kind.endswith(("EditText", "AutoCompleteTextView"))]
    return next(iter(fields or focused), None)


def is_same_field(before: Node, after: Node) -> bool:
    """Is this the node that was meant, though the keyboard may have moved it?"""
    return (before.class_name, before.resource_id) == (after.class_name, after.resource_id)


def shortened(text: str, limit: int = 60) -> str:
    """For a message: the text with its line breaks visible."""
    shown = repr(text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
