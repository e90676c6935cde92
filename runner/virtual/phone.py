"""One virtual phone: what its apps see (`Android`), and what adb, the shell and the UI server act on.

It holds state and behaviour, no wire format. Everything runs on one loop; work that waits is a task that ends
with the phone's next reboot.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import ChainMap
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lxml.etree import _Element

from runner.virtual import commands_apps, commands_device, commands_dumpsys, commands_files, commands_text
from runner.virtual.adbd import Adbd
from runner.virtual.app import AcceptedPost, App, Intent, MediaRow, StepName, TextField
from runner.virtual.apps.dialogs import permission_dialog
from runner.virtual.calls import CallLog
from runner.virtual.faults import Faults, ProcessDied
from runner.virtual.hierarchy import bounds_of, contains, node_at
from runner.virtual.latency import Latency, LatencyMode
from runner.virtual.mediastore import MediaStore
from runner.virtual.packages import (
    ADB_KEYBOARD_IME,
    ADB_KEYBOARD_PACKAGE,
    LATIN_IME,
    SYSTEM_PACKAGES,
    Package,
)
from runner.virtual.picture import draw
from runner.virtual.shell import Shell, Sink, Source, run_to_exit
from runner.virtual.storage import ContentStore, Storage
from runner.virtual.systemui import crash_dialog, keyboard, navigation_bar, status_bar
from runner.virtual.uiserver import UiServer

log = logging.getLogger(__name__)

_COMMANDS = (commands_apps, commands_device, commands_dumpsys, commands_files, commands_text)
"""Imported for the commands that they register with the shell."""

BuildApps = Callable[..., list[App]]
"""`runner.virtual.apps.build_apps`: (android, *, versions, accounts) → apps, the launcher first."""

RELEASES = {
    26: "8.0.0",
    27: "8.1.0",
    28: "9",
    29: "10",
    30: "11",
    31: "12",
    32: "12",
    33: "13",
    34: "14",
    35: "15",
    36: "16",
}
"""Android releases by sdk."""

_SHARED_PROPERTIES = {
    "ro.product.brand": "google",
    "ro.product.manufacturer": "Google",
    "ro.product.model": "Pixel 6a",
    "ro.product.name": "bluejay",
    "ro.product.device": "bluejay",
    "ro.product.board": "bluejay",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
    "ro.build.type": "user",
    "ro.build.tags": "release-keys",
    "ro.debuggable": "0",
    "ro.secure": "1",
    "ro.sf.lcd_density": "420",
    "ro.hardware": "bluejay",
    "sys.boot_completed": "1",
    "dev.bootcomplete": "1",
    "init.svc.bootanim": "stopped",
    "persist.sys.timezone": "GMT",
    "gsm.sim.state": "ABSENT,ABSENT",
}
_SHARED_SETTINGS = {
    "secure": {
        "default_input_method": LATIN_IME,
        "enabled_input_methods": LATIN_IME,
        "android_id": "",
        "show_ime_with_hard_keyboard": "0",
    },
    "system": {
        "screen_brightness": "102",
        "screen_brightness_mode": "1",
        "screen_off_timeout": "60000",
        "accelerometer_rotation": "0",
        "user_rotation": "0",
    },
    "global": {
        "airplane_mode_on": "0",
        "adb_enabled": "1",
        "wifi_on": "1",
        "auto_time": "1",
        "stay_on_while_plugged_in": "0",
        "window_animation_scale": "1.0",
        "transition_animation_scale": "1.0",
        "animator_duration_scale": "1.0",
    },
}
_KEY_CODES = {
    3: "home",
    4: "back",
    24: "volume_up",
    25: "volume_down",
    26: "power",
    66: "enter",
    67: "delete",
    82: "menu",
    84: "search",
    111: "back",
    164: "volume_mute",
    187: "recent",
    223: "screen_off",
    224: "wakeup",
    279: "paste",
}
_KEYS_WITHOUT_EFFECT = frozenset(
    [
        "left",
        "right",
        "up",
        "down",
        "center",
        "menu",
        "search",
        "recent",
        "volume_up",
        "volume_down",
        "volume_mute",
        "camera",
    ]
)
"""Keys that exist on the phone and to which none of its apps reacts."""

_REPEATED_CRASH_SECONDS = 60.0


@dataclass
class _Dialog:
    windows: list[_Element]
    tapped: Callable[[int, int], bool]
    owner: str
    """The package that was in front when it was shown; "" for one of the system."""


@dataclass(frozen=True)
class PhoneSettings:
    """How one phone is made."""

    port: int
    language: str = "en"
    sdk: int = 33
    latency: LatencyMode = "none"
    seed: int = 0
    capacity: int = 64 << 30
    """Bytes of storage."""
    adb_keyboard: bool = False
    """uiautomator2's keyboard is installed already."""
    versions: tuple[tuple[str, str], ...] = ()
    """(app name, version)."""
    accounts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(app name, usernames)."""


class VirtualPhone:
    """See `runner.virtual.app.Android` for what apps use."""

    width = 1080
    height = 2400
    density = 420

    def __init__(self, settings: PhoneSettings, store: ContentStore, build_apps: BuildApps) -> None:
        self.settings = settings
        self.serial = f"127.0.0.1:{settings.port}"
        self.language = settings.language
        self.sdk = settings.sdk
        self.rng = random.Random(f"{settings.seed}/{self.serial}")
        self.latency = Latency(settings.latency, random.Random(f"{settings.seed}/{self.serial}/latency"))
        self.log = CallLog()
        self.clipboard = ""
        self.posts: list[AcceptedPost] = []
        self.storage = Storage(store, settings.capacity)
        self.media_store = MediaStore(self.storage)
        self.last_toast: str | None = None
        self.ui_server: UiServer | None = None
        self.reverse_forwards: dict[str, str] = {}
        self.properties: ChainMap[str, str] = ChainMap(self._own_properties(), _SHARED_PROPERTIES)
        self._own_settings: dict[str, dict[str, str]] = {}
        self.screen_on = True
        self._dialogs: list[_Dialog] = []
        self._keyboard_hidden = False
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thaw_actions: list[Callable[[], None]] = []
        self._pids: dict[str, int] = {}
        self._next_pid = 2300 + self.rng.randrange(400)
        self._crashes: dict[str, float] = {}
        self._acting: str = ""
        self.adbd = Adbd(self, settings.port)
        self.faults = Faults(self)
        self.apps: dict[str, App] = {}
        apps = build_apps(
            self,
            versions=dict(settings.versions),
            accounts={name: list(users) for name, users in settings.accounts},
        )
        self.apps = {app.package: app for app in apps}
        self.launcher = apps[0]
        self.foreground = self.launcher.package
        self.packages = self._installed()
        self._start_process(self.launcher.package)

    def _own_properties(self) -> dict[str, str]:
        release = RELEASES.get(self.sdk, str(self.sdk - 20))
        locale = self.language if "-" in self.language else {"en": "en-US"}.get(self.language, self.language)
        return {
            "ro.serialno": f"VP{self.settings.port:05d}",
            "ro.boot.serialno": f"VP{self.settings.port:05d}",
            "ro.build.version.sdk": str(self.sdk),
            "ro.build.version.release": release,
            "ro.product.locale": locale,
            "persist.sys.locale": locale,
            "ro.build.fingerprint": f"google/bluejay/bluejay:{release}/TQ3A.230901.001/10750268:user",
        }

    def _installed(self) -> dict[str, Package]:
        packages = {
            name: Package(name, RELEASES.get(self.sdk, "13"), system=True) for name in SYSTEM_PACKAGES
        }
        for app in self.apps.values():
            activity = app.activity or f"{app.package}.MainActivity"
            packages[app.package] = Package(app.package, app.version, app is self.launcher, activity)
        if self.settings.adb_keyboard:
            packages[ADB_KEYBOARD_PACKAGE] = Package(ADB_KEYBOARD_PACKAGE, "2.4.0")
        return packages

    # --- life ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Listen for adb. Raises OSError when the port is taken."""
        await self.adbd.listen()

    async def close(self) -> None:
        self.faults.close()
        self.adbd.unplug()
        self.end_processes("phone switched off")

    def end_processes(self, reason: str) -> None:
        """Everything that runs on the phone ends; files, accounts and settings stay."""
        if self.ui_server is not None:
            self.ui_server.end(reason)
            self.ui_server = None
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._thaw_actions.clear()
        for task in self._tasks:
            task.cancel()
        for package in list(self._pids):
            self._end_process(package)
        self._dialogs.clear()
        self._keyboard_hidden = False
        self.foreground = self.launcher.package

    def boot(self) -> None:
        """After `end_processes`: the launcher is up again."""
        self.screen_on = True
        self._start_process(self.launcher.package)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something on the phone; it ends with the phone at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of %s failed", self.serial, exc_info=error)

    @property
    def takes_time(self) -> bool:
        """Whether gestures last as long as on a real phone."""
        return self.settings.latency == "real" or self.latency.slow

    async def pause(self, of: str) -> None:
        """Take the time that `of` takes on this phone now."""
        if seconds := self.latency.seconds(of):
            await asyncio.sleep(seconds)

    # --- processes ----------------------------------------------------------------------------------------

    def pid(self, package: str) -> int | None:
        return self._pids.get(package)

    @property
    def processes(self) -> dict[str, int]:
        """Package → pid of the apps that run."""
        return self._pids

    def new_pid(self) -> int:
        self._next_pid += 1 + self.rng.randrange(9)
        return self._next_pid

    def _start_process(self, package: str) -> None:
        if package not in self._pids:
            self._pids[package] = self.new_pid()

    def _end_process(self, package: str) -> None:
        if self._pids.pop(package, None) is not None:
            self.apps[package].stop()
        self._dialogs = [dialog for dialog in self._dialogs if dialog.owner != package]
        if self.foreground == package:
            self.foreground = self.launcher.package

    def force_stop(self, package: str) -> None:
        if package in self.apps:
            self._end_process(package)
            self._start_process(self.launcher.package)

    def clear(self, package: str) -> None:
        """`pm clear`: stop it and forget all its data."""
        self.force_stop(package)
        self.apps[package].clear()
        self.packages[package].granted.clear()
        self.packages[package].denials.clear()

    @property
    def acting(self) -> str:
        """The package of the app that is being called; "" outside of such calls."""
        return self._acting

    def crash(self, package: str) -> bool:
        """An app's process ends; the second time within a minute Android says so. False without a process."""
        if package not in self._pids or package == self.launcher.package:
            return False
        self._end_process(package)
        before = self._crashes.get(package)
        self._crashes[package] = self.now()
        if before is not None and self.now() - before < _REPEATED_CRASH_SECONDS:
            window, closes = crash_dialog(package, self.language)
            self._dialogs.append(_Dialog([window], lambda x, y: (x, y) == (-1, -1) or closes(x, y), ""))
        return True

    def _in_app(self, app: App | None, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call into an app; when its process dies in there, the call ends and None comes back."""
        outer, self._acting = self._acting, app.package if app else ""
        try:
            return function(*args, **named)
        except ProcessDied:
            return None
        finally:
            self._acting = outer

    def start_app(self, app: App, intent: Intent) -> str | None:
        """`am start` for one app: None, or the error that `am` prints."""
        self._start_process(app.package)
        error: str | None = self._in_app(app, app.start, intent)
        if error is None and app.package in self._pids:
            self.to_front(app.package)
        return error

    def launch(self, package: str) -> str | None:
        """Start it as a tap on its icon does."""
        app = self.apps.get(package)
        if app is None or package not in self.packages:
            return "no such app"
        return self.start_app(app, Intent(package=package, categories=("android.intent.category.LAUNCHER",)))

    # --- what apps see (Android) --------------------------------------------------------------------------

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        owner = self._acting
        pid = self._pids.get(owner)

        def run() -> None:
            self._timers.discard(handle)
            if self.adbd.frozen:
                self._thaw_actions.append(run)
                return
            if owner and self._pids.get(owner) != pid:
                return
            try:
                self._in_app(self.apps[owner] if owner else None, action)
            except Exception:
                log.exception("a timer of %s failed", self.serial)

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(handle)

    def thawed(self) -> None:
        actions, self._thaw_actions = self._thaw_actions, []
        for action in actions:
            action()

    def screen_change(self) -> float:
        return self.latency.seconds("screen")

    def media(self) -> Sequence[MediaRow]:
        return self.media_store.visible()

    def media_by_uri(self, uri: str) -> MediaRow | None:
        return self.media_store.by_uri(uri)

    def granted(self, package: str, permission: str) -> bool:
        known = self.packages.get(package)
        return known is not None and known.granted.get(permission, False)

    def ask_permission(self, package: str, permission: str, answered: Callable[[bool], None]) -> None:
        known = self.packages[package]
        if known.granted.get(permission) or known.denials.get(permission, 0) >= 2:
            self.call_later(0, lambda: answered(self.granted(package, permission)))
            return
        windows, answer = permission_dialog(self, package, permission)

        def tapped(x: int, y: int) -> bool:
            allowed = False if (x, y) == (-1, -1) else answer(x, y)
            if allowed is None:
                return False
            known.granted[permission] = allowed
            if not allowed:
                known.denials[permission] = known.denials.get(permission, 0) + 1
            self._in_app(self.apps[package], answered, allowed)
            return True

        self._dialogs.append(_Dialog(windows, tapped, package))

    def show_dialog(self, windows: list[_Element], tapped: Callable[[int, int], bool]) -> None:
        self._dialogs.append(_Dialog(windows, tapped, self.foreground))

    def toast(self, text: str) -> None:
        self.last_toast = text

    def to_front(self, package: str) -> None:
        self._start_process(package)
        self.foreground = package
        self._keyboard_hidden = False

    def show_popup(self) -> None:
        """The foreground app shows its next popup."""
        app = self.apps[self.foreground]
        self._in_app(app, app.popup)

    def leave(self, package: str) -> None:
        if self.foreground == package:
            self.to_front(self.launcher.package)

    def reached(self, when: Literal["before", "after"], step: StepName) -> None:
        self.faults.reached(when, step)

    def publish_failure(self) -> Literal["", "fails", "never_ends"]:
        return self.faults.publish_failure()

    # --- the screen ---------------------------------------------------------------------------------------

    @property
    def active_package(self) -> str:
        """The package of the window that has the focus."""
        dialog = self._dialog()
        return dialog.windows[0].get("package", "") if dialog else self.foreground

    @property
    def screen(self) -> str:
        if not self.screen_on:
            return "off"
        dialog = self._dialog()
        return f"dialog of {self.active_package}" if dialog else self.apps[self.foreground].screen

    def windows(self) -> list[_Element]:
        """What uiautomator sees now: the keyboard, the bars of the system, then dialogs or the app."""
        if not self.screen_on:
            return [status_bar(self.language)]
        found: list[_Element] = []
        if self.keyboard_shown:
            found.append(keyboard())
        found += [status_bar(self.language), navigation_bar(self.language)]
        dialog = self._dialog()
        if dialog is not None:
            # A dialog takes every touch, so accessibility does not report the windows behind it.
            return found + dialog.windows
        app = self.apps[self.foreground]
        return found + list(self._in_app(app, app.windows) or [])

    def _dialog(self) -> _Dialog | None:
        shown = [dialog for dialog in self._dialogs if dialog.owner in ("", self.foreground)]
        return shown[-1] if shown else None

    async def screenshot(self, form: str = "PNG", *, scale: float = 1.0, quality: int = 80) -> bytes:
        """The screen as PNG or JPEG; drawn again only when something changed."""
        windows = self.windows() if self.screen_on else []
        return await draw(windows, self.width, self.height, form, scale, quality)

    # --- touch --------------------------------------------------------------------------------------------

    def tap(self, x: int, y: int, *, seconds: float = 0.0) -> None:
        if not self.screen_on or not (0 <= x < self.width and 0 <= y < self.height):
            return
        if self._tap_system_windows(x, y):
            return
        if (dialog := self._dialog()) is not None:
            if dialog.tapped(x, y) and dialog in self._dialogs:
                self._dialogs.remove(dialog)
            return
        app = self.apps[self.foreground]
        self._in_app(app, app.tap, x, y, seconds=seconds)
        if self.field_at(x, y) is not None:
            self._keyboard_hidden = False

    def _tap_system_windows(self, x: int, y: int) -> bool:
        if self.keyboard_shown:
            window = keyboard()
            top = bounds_of(window)[1]
            bar = bounds_of(navigation_bar(self.language))
            if top <= y < bar[1]:
                key = node_at(window, x, y, lambda node: node.get("clickable") == "true")
                if key is not None and len(key.get("content-desc", "")) == 1:
                    self.type_text(key.get("content-desc", ""))
                return True
        bar_window = navigation_bar(self.language)
        if not contains(bounds_of(bar_window), x, y):
            return False
        button = node_at(bar_window, x, y, lambda node: node.get("clickable") == "true")
        name = button.get("resource-id", "").rpartition("/")[2] if button is not None else ""
        if name:
            self.press_key({"home_button": "home"}.get(name, name))
        return True

    def swipe(self, x1: int, y1: int, x2: int, y2: int) -> None:
        if not self.screen_on or self._dialog() is not None:
            return
        app = self.apps[self.foreground]
        self._in_app(app, app.swipe, x1, y1, x2, y2)

    # --- keys and text ------------------------------------------------------------------------------------

    def press_key_code(self, code: int) -> bool:
        if 7 <= code <= 16:
            self.type_text(str(code - 7))
            return True
        if 29 <= code <= 54:
            self.type_text(chr(ord("a") + code - 29))
            return True
        if code == 62:
            self.type_text(" ")
            return True
        return self.press_key(_KEY_CODES[code]) if code in _KEY_CODES else False

    def press_key(self, key: str) -> bool:
        """False for a key that the phone does not know."""
        if key in ("power", "wakeup", "screen_off"):
            self.screen_on = {"wakeup": True, "screen_off": False}.get(key, not self.screen_on)
            return True
        if not self.screen_on:
            return key in _KEYS_WITHOUT_EFFECT or key in ("home", "back", "enter", "delete", "del", "paste")
        if key == "back":
            self._back()
        elif key == "home":
            self.start_app(
                self.launcher,
                Intent(package=self.launcher.package, categories=("android.intent.category.HOME",)),
            )
        elif key in ("delete", "del"):
            if (field := self.focused()) is not None:
                field.replace(field.text[:-1])
        elif key == "enter":
            self.type_text("\n")
        elif key == "paste":
            self.type_text(self.clipboard)
        else:
            return key in _KEYS_WITHOUT_EFFECT
        return True

    def _back(self) -> None:
        if (dialog := self._dialog()) is not None:
            if dialog.tapped(-1, -1) and dialog in self._dialogs:
                self._dialogs.remove(dialog)
            return
        app = self.apps[self.foreground]
        self._in_app(app, app.back)

    def focused(self) -> TextField | None:
        """The field that typing goes to; none while a dialog has the focus."""
        if self._dialog() is not None or not self.screen_on:
            return None
        app = self.apps[self.foreground]
        found: TextField | None = self._in_app(app, app.focused)
        return found

    def field_at(self, x: int, y: int) -> TextField | None:
        if self._dialog() is not None:
            return None
        app = self.apps[self.foreground]
        found: TextField | None = self._in_app(app, app.field_at, x, y)
        return found

    def type_text(self, text: str) -> bool:
        """Append to the focused field. False without one."""
        field = self.focused()
        if field is None:
            return False
        field.replace(field.text + text)
        return True

    def replace_focused(self, text: str) -> bool:
        field = self.focused()
        if field is None:
            return False
        field.replace(text)
        return True

    def set_text_at(self, x: int, y: int, text: str) -> bool:
        """ACTION_SET_TEXT on what lies there. False when it takes no text."""
        field = self.field_at(x, y)
        if field is None:
            return False
        field.replace(text)
        return True

    # --- input methods ------------------------------------------------------------------------------------

    @property
    def input_method(self) -> str:
        return self.setting("secure", "default_input_method") or ""

    @property
    def keyboard_shown(self) -> bool:
        return not self._keyboard_hidden and self.input_method == LATIN_IME and self.focused() is not None

    def hide_keyboard(self) -> None:
        """By the keyboard itself, the field keeps the focus."""
        self._keyboard_hidden = True
        if self.focused() is not None:
            app = self.apps[self.foreground]
            self._in_app(app, app.keyboard_hidden)

    def input_methods(self) -> list[str]:
        return [LATIN_IME, *([ADB_KEYBOARD_IME] if ADB_KEYBOARD_PACKAGE in self.packages else [])]

    # --- settings -----------------------------------------------------------------------------------------

    def setting(self, namespace: str, name: str) -> str | None:
        own = self._own_settings.get(namespace, {})
        if name == "android_id" and namespace == "secure":
            return f"{random.Random(self.serial).getrandbits(64):016x}"
        return own[name] if name in own else _SHARED_SETTINGS[namespace].get(name)

    def put_setting(self, namespace: str, name: str, value: str) -> None:
        self._own_settings.setdefault(namespace, {})[name] = value

    def delete_setting(self, namespace: str, name: str) -> bool:
        return self._own_settings.get(namespace, {}).pop(name, None) is not None

    def settings_of(self, namespace: str) -> dict[str, str]:
        return {**_SHARED_SETTINGS[namespace], **self._own_settings.get(namespace, {})}

    # --- shell --------------------------------------------------------------------------------------------

    async def run_shell(self, line: str, out: Sink, err: Sink, stdin: Source | None = None) -> int:
        """Run a command line as the shell user; its exit status."""
        await self.pause("shell")
        return await run_to_exit(Shell(self, out, err, stdin), line)
