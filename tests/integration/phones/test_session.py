"""What a run does with a phone, compared with what the phone saw."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable

import pytest
import uiautomator2

from runner.cancel import CancelToken
from runner.errors import AppMissing, Cancelled, ControlMissing, PhoneTimeout, ShellFailed, TextMismatch
from runner.phones import text
from runner.phones.hierarchy import Node
from runner.phones.phones import PhoneSettings
from runner.phones.session import PhoneSession
from runner.phones.status import PhoneState
from support.notes import BODY, PACKAGE
from support.phone_room import OpenRoom, Room
from support.virtual import AdbServer as PrivateAdb
from support.waiting import wait_for

TEXTS = [
    "plain",
    "¡Mira mi nuevo vídeo! ¿Qué tal, señor? #viral",
    "Tiếng Việt: Đây là một video mới, ặ ế ộ ữ",
    "新视频发布了，快来看！「引号」",
    "👩‍👩‍👧‍👦 👍🏽 🇻🇳 ❤️‍🔥 🫶",
    "line one\nline two\n\n  indented, \ttabbed",
    "'\"`$(reboot) ; && | < > \\ * ? % # {a|b} --",
    "عربي עברית हिन्दी ไทย 한국어",
    "x" * 2200,
]


def _field(session: PhoneSession, name: str) -> Node:
    return next(node for node in session.hierarchy().nodes if node.id == name)


def test_looking(room: Room) -> None:
    with room.session() as session:
        assert session.serial == "p0"
        assert session.hierarchy().size == (1080, 2400)
        assert _field(session, "body").bounds == BODY
        assert session.screenshot().startswith(b"\xff\xd8")
        assert session.current_app() == (PACKAGE, f"{PACKAGE}.Main")
        assert session.language() == "en-US"
        assert 1 << 30 < session.free_bytes() <= 64 << 30
        assert session.clipboard() == ""


def test_touching(room: Room) -> None:
    with room.session() as session:
        session.tap((11, 1500))
        session.tap(_field(session, "title"))
        session.tap_once(12, 1501)
        session.long_press((13, 1502))
        session.swipe((500, 1800), (500, 1400))
        session.press("back")
        session.press(4)
    notes = room.notes()
    assert notes.taps == [(11, 1500), (540, 300), (12, 1501)]
    assert notes.long_presses == [(13, 1502)]
    assert notes.swipes == [(500, 1800, 500, 1400)]
    assert notes.backs == 2


def test_a_sleeping_phone_is_woken(room: Room) -> None:
    phone = room.virtual.farm.farm.phones[0]
    with room.session() as session:
        session.press("power")
        assert not phone.screen_on
        session.wake()
        assert phone.screen_on


@pytest.mark.parametrize("value", TEXTS, ids=range(len(TEXTS)))
def test_texts_arrive_byte_for_byte(room: Room, value: str) -> None:
    with room.session() as session:
        session.set_text(_field(session, "body"), value)
        assert session.read_text() == value
    title, body = room.notes().fields
    assert body.text.encode() == value.encode()
    assert title.text == ""


@pytest.mark.parametrize("way", text.WAYS, ids=lambda way: way.__name__)
def test_each_way_of_typing(open_room: OpenRoom, way: text.Way) -> None:
    room = open_room(adb_keyboard=True)
    body = room.notes().fields[1]
    body.text = "what was there before"
    with room.session() as session:
        session.tap(_field(session, "body"))
        for value in TEXTS:
            link = session._link
            with link.guard.within(20, "typing"):
                assert way(link.ui, _field(session, "body"), value)
            assert body.text == value
        keyboard = session.shell(["settings", "get", "secure", "default_input_method"]).output
        assert "AdbKeyboard" not in keyboard, "the phone's own keyboard is put back"


def test_a_field_that_changes_what_is_typed_is_noticed(room: Room) -> None:
    room.notes().fields[1].limit = 10
    with room.session() as session, pytest.raises(TextMismatch, match="'hello worl', not 'hello world'"):
        session.set_text(_field(session, "body"), "hello world")


def test_text_is_replaced_and_cleared(room: Room) -> None:
    with room.session() as session:
        session.set_text(_field(session, "title"), "first")
        session.set_text(_field(session, "title"), "second")
        assert room.notes().fields[0].text == "second"
        session.type_text("")
    assert room.notes().fields[0].text == ""


def test_typing_without_a_field(room: Room) -> None:
    with room.session() as session, pytest.raises(ControlMissing, match="focus"):
        session.type_text("nowhere")


@pytest.mark.parametrize(
    "argument", ["a b", "$(reboot)", "`reboot`", "'; reboot; '", '"', "\\", "a\nb", "*", "~", "-n", "", "é👍"]
)
def test_no_argument_is_interpreted(room: Room, argument: str) -> None:
    with room.session() as session:
        result = session.shell(["basename", f"/x/{argument}y"])
    assert (result.exit_code, result.output) == (0, f"{argument}y\n")


def test_exit_codes_and_standard_error(room: Room) -> None:
    with room.session() as session:
        result = session.shell(["cat", "/sdcard/not there"])
    assert result.exit_code == 1
    assert "No such file" in result.output


def test_apps(room: Room) -> None:
    with room.session() as session:
        assert session.app_version(PACKAGE) == "1.2.3"
        session.launch(PACKAGE)
        session.force_stop(PACKAGE)
        session.start_activity(
            action="android.intent.action.SEND",
            component=f"{PACKAGE}/.Main",
            mime_type="video/mp4",
            extras={"android.intent.extra.TEXT": "it's $HOME"},
            uri_extras={"android.intent.extra.STREAM": "content://media/external/video/media/31"},
            grant_read_uri=True,
        )
        for call in (session.app_version, session.launch):
            with pytest.raises(AppMissing, match=r"com\.example\.absent"):
                call("com.example.absent")
        with pytest.raises(ShellFailed, match="does not exist"):
            session.start_activity(component="com.example.absent/.Main")
    intent = room.notes().started[-1]
    assert intent.action == "android.intent.action.SEND"
    assert intent.extras["android.intent.extra.TEXT"] == "it's $HOME"
    assert intent.extras["android.intent.extra.STREAM"].endswith("/31")
    assert intent.grant_read


# What breaks, and is mended


def test_a_ui_server_that_died_is_started_again(room: Room) -> None:
    with room.session() as session:
        room.virtual.fault("ui_server_dies")
        assert session.hierarchy().nodes
        room.virtual.fault("ui_server_dies")
        session.tap((7, 1500))
    assert room.notes().taps == [(7, 1500)]


def test_a_ui_server_that_hangs_is_replaced(room: Room) -> None:
    with room.session() as session:
        room.virtual.fault("ui_server_hangs")
        assert session.hierarchy(seconds=1).nodes


def test_somebody_elses_ui_server_is_used(room: Room) -> None:
    room.virtual.u2()
    with room.session() as session:
        assert session.hierarchy().nodes
    assert room.calls("app_process") <= 1


def test_the_starter_of_the_ui_server_goes_away(room: Room) -> None:
    """Its end is the server's end, for everybody."""
    other = room.virtual.u2()
    with room.session() as session:
        session.hierarchy()
        other.stop_uiautomator(wait=False)
        assert session.hierarchy().nodes


def test_a_closed_link_is_not_kept_by_atexit(open_room: OpenRoom) -> None:
    room = open_room(settings=PhoneSettings(idle_seconds=0))
    with room.session() as session:
        ui = weakref.ref(session._link.ui)
    del session
    wait_for(lambda: gc.collect() >= 0 and ui() is None, what="the end of uiautomator2's Device")


def test_somebody_elses_hung_ui_server_is_replaced(room: Room) -> None:
    room.virtual.u2()
    room.virtual.fault("ui_server_hangs")
    with room.session() as session:
        assert session.hierarchy().nodes


def test_a_registration_held_by_another_server_is_freed(room: Room, adb_server: PrivateAdb) -> None:
    """Android has one UiAutomation: "already registered" for whoever comes second, here on another port."""
    other = uiautomator2.connect(adb_server.device(room.virtual.serial), port=9123)
    try:
        with room.session() as session:
            assert session.hierarchy().nodes
    finally:
        other.stop_uiautomator(wait=False)


def test_a_kept_connection_that_the_phone_closed(room: Room) -> None:
    """NanoHTTPD closes after five idle seconds; reads and touches go on as if nothing had happened."""
    with room.session() as session:
        session.hierarchy()
        time.sleep(5.5)
        session.tap((7, 1500))
        time.sleep(5.5)
        assert session.hierarchy().nodes
    assert room.notes().taps == [(7, 1500)]
    assert room.calls("ping") == 3, "nothing had to be recovered"


def test_a_cable_out_and_in_again(room: Room) -> None:
    with room.session() as session:
        room.virtual.fault("unplug", seconds=1.0)
        assert session.hierarchy().nodes
    assert room.phones.status("p0").state is PhoneState.READY


def test_a_reboot(room: Room) -> None:
    with room.session() as session:
        room.virtual.fault("reboot")
        assert session.hierarchy().nodes


def test_a_command_that_does_not_end(room: Room) -> None:
    with room.session() as session, pytest.raises(PhoneTimeout, match=r"0\.5 s \(sleep\)"):
        session.shell(["sleep", "60"], seconds=0.5)


@pytest.mark.parametrize(
    ("fault", "call"),
    [
        ("ui_server_hangs", lambda session: session.hierarchy()),
        ("ui_server_hangs", lambda session: session.tap((1, 1500))),
        ("ui_server_hangs", lambda session: session.tap_once(1, 1500)),
        ("", lambda session: session.shell(["sleep", "60"])),
        ("freeze", lambda session: session.hierarchy()),
        ("freeze", lambda session: session.app_version(PACKAGE)),
        ("unplug", lambda session: session.hierarchy()),
    ],
    ids=[
        "hung read",
        "hung tap",
        "hung tap once",
        "command",
        "frozen read",
        "frozen command",
        "unplugged",
    ],
)
def test_stop_is_felt_within_two_seconds(
    room: Room, fault: str, call: Callable[[PhoneSession], object]
) -> None:
    cancel = CancelToken()
    with room.session(cancel=cancel) as session:
        session.hierarchy()
        if fault:
            room.virtual.fault(fault)
        stopped = threading.Timer(0.7, cancel.cancel, ["stopped"])
        stopped.start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            call(session)
        assert time.monotonic() - started < 2.7
        stopped.join()


def test_stop_while_a_session_opens(room: Room) -> None:
    room.virtual.fault("freeze")
    cancel = CancelToken()
    stopped = threading.Timer(0.5, cancel.cancel, ["stopped"])
    stopped.start()
    started = time.monotonic()
    with pytest.raises(Cancelled), room.session(cancel=cancel):
        pass
    assert time.monotonic() - started < 2.5
    stopped.join()
