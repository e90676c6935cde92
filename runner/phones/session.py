"""What a script does with one phone while it has it: look, touch, type, run commands, bring media.

Here is decided what may be repeated after a failure (`link` recovers): questions, and changes that end in the
same state, once; a touch only when it certainly did not reach the phone; `tap_once` never. Which screen is
shown and what to do on it is not known here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import structlog

from runner.cancel import CancelToken, Deadline
from runner.errors import AppMissing, ControlMissing, ShellFailed, TextMismatch
from runner.phones import limits, parser, text
from runner.phones.client import ShellResult
from runner.phones.failures import translated
from runner.phones.hierarchy import Hierarchy, Node
from runner.phones.link import RECOVERABLE, Link
from runner.phones.media import MediaStore, RemoteMedia
from runner.phones.status import PhoneInfo

log = structlog.get_logger(__name__)

T = TypeVar("T")
Point = tuple[int, int]


class PhoneSession:
    """One phone, one run, one thread. Every call raises Cancelled within a second of the run being stopped,
    and PhoneTimeout at its own deadline (`limits`); PhoneAbsent, PhoneUnauthorized, TransportLost and
    UiServerError tell what recovery could not mend."""

    def __init__(self, link: Link, info: PhoneInfo, cancel: CancelToken) -> None:
        self._link = link
        self._cancel = cancel
        self.info = info
        self.calls = 0
        """How often anything was asked of the phone."""

    @property
    def serial(self) -> str:
        """As devices.yaml names the phone."""
        return self._link.serial

    # Looking

    def hierarchy(self, *, seconds: float = limits.READ) -> Hierarchy:
        """What the phone shows. An empty dump (a window is just changing) is asked for again."""

        def dump() -> Hierarchy:
            while True:
                xml = self._rpc("dumpWindowHierarchy", False, 50)
                if xml:
                    hierarchy = Hierarchy.parse(xml, size=self.info.size)
                    if hierarchy.nodes:
                        return hierarchy
                self._link.guard.sleep(0.2)

        return self._ask("hierarchy", dump, seconds)

    def screenshot(self) -> bytes:
        """JPEG, or PNG from a phone whose UI server can't take one."""

        def take() -> bytes:
            encoded = self._rpc("takeScreenshot", 1, 80)
            if encoded:
                return base64.b64decode(encoded)
            return self._link.device.run_for_bytes(["screencap", "-p"])

        return self._ask("screenshot", take, limits.READ)

    def current_app(self) -> tuple[str, str]:
        """(package, activity) in the foreground."""
        app = self._ask("current app", lambda: self._link.device.app_current(), limits.SHELL)
        return app.package, app.activity

    def clipboard(self) -> str:
        """ "" when it is empty or Android does not let us read it."""
        return self._ask("clipboard", lambda: self._rpc("getClipboard"), limits.READ) or ""

    def clear_clipboard(self) -> None:
        """So that what is copied next can be told from what was there."""
        self._ask("clipboard", lambda: self._rpc("setClipboard", "", ""), limits.READ)

    def keyboard_is_open(self) -> bool:
        """Android's own word for it, as `dumpsys input_method` prints it; not every dump has the keyboard."""
        return "mInputShown=true" in self._run("dumpsys", "input_method")

    def language(self) -> str:
        """The phone's language now, as a BCP 47 tag."""
        return parser.language(parser.properties(self._run("getprop")))

    def free_bytes(self) -> int:
        """Room for media."""
        return self._ask("free space", lambda: self._media.free_bytes(), limits.SHELL)

    # Touching

    def tap(self, target: Node | Point) -> None:
        """Touch the middle of a node, or a point in pixels."""
        x, y = _point(target)
        self._act("tap", lambda: self._rpc("click", x, y))

    def tap_once(self, x: int, y: int) -> None:
        """A touch that no layer sends twice: one request on a connection of its own.

        An error's `sent` is False only when the touch certainly did not reach the phone.
        """
        self._call("tap", lambda: self._link.ui.call_once("click", [x, y]), limits.TAP)

    def long_press(self, target: Node | Point, *, seconds: float = 0.8) -> None:
        x, y = _point(target)
        self._act("long press", lambda: self._rpc("click", x, y, int(seconds * 1000)), limits.TAP + seconds)

    def swipe(self, start: Point, end: Point, *, seconds: float = 0.3) -> None:
        """A finger's way from point to point; uiautomator moves it every 5 ms."""
        steps = max(2, int(seconds * 200))
        self._act("swipe", lambda: self._rpc("swipe", *start, *end, steps), limits.TAP + seconds)

    def press(self, key: str | int) -> None:
        """A key by uiautomator's name ("back", "home", "enter" …) or by Android's key code."""
        method = "pressKeyCode" if isinstance(key, int) else "pressKey"
        self._act(f"key {key}", lambda: self._rpc(method, key))

    def wake(self) -> None:
        """Screen on, and a lock screen without a secret away."""
        self._ask("wake", lambda: self._rpc("wakeUp"), limits.TAP)
        self._run("wm", "dismiss-keyguard")

    # Typing

    def set_text(self, node: Node, value: str) -> None:
        """Focus this field, replace its text, and read it back. Raises ControlMissing, TextMismatch."""
        if not node.focused:
            self.tap(node)
            node = self._focused_as(node)
        self._type_into(node, value)

    def type_text(self, value: str) -> None:
        """Replace the text of the field that has the focus, and read it back; as `set_text`."""
        self._type_into(self._focused_field(), value)

    def _type_into(self, field: Node, value: str) -> None:
        """Raises TextMismatch when no way of typing leaves exactly this text in the field that has the focus.

        Clearing (an empty `value`) is not read back: an empty field may show its hint.
        """
        shown = ""
        for way in text.WAYS:

            def typed(way: text.Way = way) -> bool:
                return way(self._link.ui, field, value)

            if not self._ask(f"text by {way.__name__}", typed, limits.TEXT):
                continue
            shown = self._text_of(field)
            if shown == value or not value:
                return
            log.warning(
                "a field differs from what was typed", action="type", serial=self.serial, by=way.__name__
            )
        raise TextMismatch(
            f"The field holds {text.shortened(shown)}, not {text.shortened(value)}.",
            remedy="The app may limit or change texts. AdbKeyboard on the phone is one more way to type.",
        )

    def read_text(self) -> str:
        """The text of the field that has the focus, exactly. Raises ControlMissing.

        Asked of the field itself: in a dump, XML may have turned line breaks into spaces.
        """
        return self._text_of(self._focused_field())

    def _text_of(self, field: Node) -> str:
        selector = text.selector(self._link.ui, field)
        return self._ask("text of the field", lambda: self._rpc("getText", selector), limits.READ) or ""

    def _focused_field(self) -> Node:
        field = text.focused_field(self.hierarchy())
        if field is None:
            raise ControlMissing("No text field has the focus.")
        return field

    def _focused_as(self, node: Node) -> Node:
        """The node once it has the focus. Raises ControlMissing."""
        deadline = Deadline(limits.FOCUS)
        while True:
            field = text.focused_field(self.hierarchy())
            if field is not None and text.is_same_field(node, field):
                return field
            if deadline.passed:
                raise ControlMissing(f"A tap on {node!r} did not focus it.")
            self._cancel.sleep(0.2)

    # Commands and apps

    def shell(
        self, argv: Sequence[str], *, seconds: float = limits.SHELL, repeatable: bool = False
    ) -> ShellResult:
        """Run one command on the phone; each argument arrives as it is, nothing is interpreted.

        A command is sent again after a broken connection only when it is `repeatable`.
        """

        def run() -> ShellResult:
            return self._link.device.run(argv, seconds=seconds)

        return (self._ask if repeatable else self._act)(argv[0], run, seconds)

    def start_activity(
        self,
        *,
        action: str = "",
        component: str = "",
        package: str = "",
        data: str = "",
        mime_type: str = "",
        categories: Iterable[str] = (),
        extras: Mapping[str, str] | None = None,
        uri_extras: Mapping[str, str] | None = None,
        grant_read_uri: bool = False,
        seconds: float = limits.LAUNCH,
    ) -> None:
        """`am start -W` with this intent: waits for the app's window. Raises ShellFailed."""
        argv = ["am", "start", "-W"]
        for option, value in (
            ("-a", action),
            ("-n", component),
            ("-p", package),
            ("-d", data),
            ("-t", mime_type),
        ):
            argv += [option, value] if value else []
        for category in categories:
            argv += ["-c", category]
        for name, value in (extras or {}).items():
            argv += ["--es", name, value]
        for name, value in (uri_extras or {}).items():
            argv += ["--eu", name, value]
        if grant_read_uri:
            argv.append("--grant-read-uri-permission")
        result = self.shell(argv, seconds=seconds)
        complaint = parser.start_error(result.output)
        if complaint or result.exit_code:
            raise ShellFailed(complaint or f"am start: exit code {result.exit_code}.", serial=self.serial)

    def launch(self, package: str) -> None:
        """Start an app as its icon does. Raises AppMissing."""
        argv = ["monkey", "-p", package, "-c", "android.intent.category.LAUNCHER", "1"]
        output = self.shell(argv, seconds=limits.LAUNCH, repeatable=True).output
        if "No activities found" in output:
            raise AppMissing(f"{package} is not installed on the phone.", serial=self.serial)

    def force_stop(self, package: str) -> None:
        self._run("am", "force-stop", package)

    def app_version(self, package: str) -> str:
        """The version name, "43.1.4". Raises AppMissing."""
        info = self._ask("app version", lambda: self._link.device.app_info(package), limits.SHELL)
        if info is None:
            raise AppMissing(f"{package} is not installed on the phone.", serial=self.serial)
        return info.version_name or ""

    def grant(self, package: str, permissions: Iterable[str]) -> list[str]:
        """Grant runtime permissions; those that this phone refuses are returned.

        Which exist depends on its Android version, and some makers forbid it to adb altogether: then the app
        asks on the screen.
        """
        refused = []
        for permission in permissions:
            result = self.shell(["pm", "grant", package, permission], repeatable=True)
            if result.exit_code or "Exception" in result.output:
                refused.append(permission)
        return refused

    # Media

    def push_media(self, path: Path, *, album: str, modified: float | None = None) -> RemoteMedia:
        """Bring a file into an album of the phone's gallery, whose newest it then is; nothing is sent when it
        is there already.

        For several files in one order, `modified` says how new each is (seconds since the epoch, whole
        seconds apart: galleries show the newest first); such a file is always sent.

        Raises StorageFull, MediaUnusable when MediaStore does not take it.
        """
        return self._ask(
            f"push of {path.name}",
            lambda: self._media.push(path, album=album, modified=modified),
            limits.push(path.stat().st_size) + limits.MEDIA_VISIBLE,
        )

    def remove_media(self, media: RemoteMedia) -> None:
        """Take the file and its MediaStore row away; fine when they are gone already."""
        self._ask("removal of media", lambda: self._media.remove(media), limits.SHELL * 2)

    def forget(self, *, album: str, keep: Collection[RemoteMedia] = ()) -> list[str]:
        """Remove what earlier runs left in this album, `keep` excepted; the removed paths.

        For files whose removal had to wait because an upload might still need them.
        """
        return self._ask("clearing an album", lambda: self._media.forget(album, keep), limits.SHELL * 4)

    # After a stop

    @contextmanager
    def unstoppable(self, seconds: float) -> Iterator[None]:
        """Calls in this block go on although the run was stopped, and end after `seconds` altogether.

        For tidying up: a stop is felt within 2 s everywhere else, so keep it short.
        """
        with self._link.guard.bound(CancelToken()), self._link.guard.within(seconds, "tidying up"):
            yield

    # How calls are made

    @property
    def _media(self) -> MediaStore:
        return MediaStore(self._link.device, self.info.sdk)

    def _rpc(self, method: str, *params: object) -> Any:
        return self._link.ui.jsonrpc_call(method, list(params) or {})

    def _run(self, *argv: str) -> str:
        return self.shell(argv, repeatable=True).output

    def _ask(self, what: str, call: Callable[[], T], seconds: float) -> T:
        """A call that may be made twice: after recovery it is made once more."""
        try:
            return self._call(what, call, seconds)
        except RECOVERABLE as error:
            self._link.recover(error)
            return self._call(what, call, seconds)

    def _act(self, what: str, call: Callable[[], T], seconds: float = limits.TAP) -> T:
        """A call that must not be made twice: repeated only when it certainly did not reach the phone."""
        try:
            return self._call(what, call, seconds)
        except RECOVERABLE as error:
            if error.sent:
                raise
            self._link.recover(error)
            return self._call(what, call, seconds)

    def _call(self, what: str, call: Callable[[], T], seconds: float) -> T:
        self.calls += 1
        with self._link.guard.within(seconds, what), translated(self.serial):
            return call()


def _point(target: Node | Point) -> Point:
    return target.center if isinstance(target, Node) else target
