"""The shell's commands about apps and media: am, pm, monkey, cmd, content."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from dataclasses import replace

from runner.virtual.app import Intent
from runner.virtual.mediastore import MediaStoreError
from runner.virtual.packages import ADB_KEYBOARD_IME, ADB_KEYBOARD_PACKAGE, Package
from runner.virtual.shell import COMMANDS, Process, ToolError, command

_MAIN = "android.intent.action.MAIN"
_SCAN_FILE = "android.intent.action.MEDIA_SCANNER_SCAN_FILE"
_SCAN_BROADCAST_UNTIL_SDK = 29
"""Later Androids take the broadcast and do nothing."""
_SCAN_METHOD_FROM_SDK = 30
"""`content call --method scan_file` with the path as --arg."""

# --- am ---------------------------------------------------------------------------------------------------

_EXTRA_FLAGS = {
    "-e": 2,
    "--es": 2,
    "--ei": 2,
    "--el": 2,
    "--ez": 2,
    "--ef": 2,
    "--eu": 2,
    "--ecn": 2,
    "--eia": 2,
    "--esa": 2,
    "--esal": 2,
    "--esn": 1,
}
_FLAGS_WITHOUT_VALUE = frozenset(
    [
        "--grant-read-uri-permission",
        "--grant-write-uri-permission",
        "--grant-persistable-uri-permission",
        "--include-stopped-packages",
        "--activity-clear-top",
        "--activity-clear-task",
        "--activity-new-task",
        "--activity-single-top",
        "--activity-brought-to-front",
        "--receiver-foreground",
    ]
)


class _IntentArguments:
    """The intent part of an `am` command line; `rest` is what came before and between."""

    def __init__(self, words: list[str]) -> None:
        self.action = self.data = self.mime_type = self.component = self.package = ""
        self.categories: list[str] = []
        self.extras: dict[str, str] = {}
        self.grant_read = False
        self.options: set[str] = set()
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word in ("-W", "-S", "-D", "-N", "-R"):
                self.options.add(word)
            elif word in (
                "-a",
                "-d",
                "-t",
                "-c",
                "-n",
                "-p",
                "-f",
                "--user",
                "--display",
                "--receiver-permission",
            ):
                if not rest:
                    raise ToolError(f'Error: Argument expected after "{word}"', 255)
                self._set(word, rest.pop(0))
            elif word in _EXTRA_FLAGS:
                count = _EXTRA_FLAGS[word]
                if len(rest) < count:
                    raise ToolError(f'Error: Argument expected after "{word}"', 255)
                name, *value = rest[:count]
                del rest[:count]
                self.extras[name] = value[0] if value else ""
            elif word in _FLAGS_WITHOUT_VALUE:
                self.grant_read = self.grant_read or word == "--grant-read-uri-permission"
            elif word.startswith("-"):
                raise ToolError(f"Error: Unknown option: {word}", 255)
            elif "/" in word and ":" not in word:
                self.component = word
            elif ":" in word:
                self.data = word
            else:
                self.package = word

    def _set(self, option: str, value: str) -> None:
        if option == "-c":
            self.categories.append(value)
        else:
            name = {"-a": "action", "-d": "data", "-t": "mime_type", "-n": "component", "-p": "package"}.get(
                option
            )
            if name is not None:
                setattr(self, name, value)

    def intent(self) -> Intent:
        component = self.component
        if "/." in component:
            component = component.replace("/.", f"/{component.partition('/')[0]}.")
        return Intent(
            action=self.action or _MAIN,
            component=component,
            package=self.package or component.partition("/")[0],
            data=self.data,
            mime_type=self.mime_type,
            categories=tuple(self.categories),
            extras=self.extras,
            grant_read=self.grant_read,
        )

    def __str__(self) -> str:
        parts = []
        if self.action:
            parts.append(f"act={self.action}")
        if self.categories:
            parts.append(f"cat=[{','.join(self.categories)}]")
        if self.data:
            parts.append(f"dat={self.data.partition(':')[0]}:...")
        if self.mime_type:
            parts.append(f"typ={self.mime_type}")
        if self.package:
            parts.append(f"pkg={self.package}")
        if self.component:
            parts.append(f"cmp={self.component}")
        if self.extras:
            parts.append("(has extras)")
        return f"Intent {{ {' '.join(parts)} }}"


@command("am")
async def am(p: Process) -> int:
    verb = p.args[0] if p.args else ""
    handler = {
        "start": _start,
        "start-activity": _start,
        "force-stop": _force_stop,
        "kill": _kill,
        "broadcast": _broadcast,
        "get-current-user": _current_user,
    }.get(verb)
    if handler is None:
        raise ToolError(
            f"Unknown command: {verb}" if verb else "Activity manager (activity) commands:\n  help", 255
        )
    await p.phone.pause("java_tool")
    return await handler(p, p.args[1:])


async def _current_user(p: Process, words: list[str]) -> int:
    p.print("0")
    return 0


async def _start(p: Process, words: list[str]) -> int:
    arguments = _IntentArguments(words)
    intent = arguments.intent()
    phone = p.phone
    if "-S" in arguments.options:
        p.print(f"Stopping: {intent.package}")
        phone.force_stop(intent.package)
    p.print(f"Starting: {arguments}")
    running = phone.pid(intent.package) is not None
    if arguments.component:
        package, _, activity = intent.component.partition("/")
        app = phone.apps.get(package) if package in phone.packages else None
        error = (
            None if app else f"Error type 3\nError: Activity class {{{package}/{activity}}} does not exist."
        )
        if app is not None:
            error = phone.start_app(app, intent)
    else:
        error = _start_implicit(p, intent, str(arguments))
    if error is not None:
        p.complain(error)
        return 1
    if "-W" in arguments.options:
        launched = phone.foreground
        p.print("Status: ok")
        p.print(f"LaunchState: {'HOT' if running else 'COLD'}")
        p.print(f"Activity: {launched}/{phone.packages[launched].activity}")
        p.print("TotalTime: 412\nWaitTime: 420\nComplete")
    return 0


def _start_implicit(p: Process, intent: Intent, shown: str) -> str | None:
    """Offer it to the apps that it names, or to all: the first one that takes it has it."""
    phone = p.phone
    unresolved = f"Error: Activity not started, unable to resolve {shown.replace(' }', ' flg=0x10000000 }')}"
    if intent.package:
        app = phone.apps.get(intent.package)
        return phone.start_app(app, intent) if app and intent.package in phone.packages else unresolved
    if "android.intent.category.HOME" in intent.categories:
        return phone.start_app(phone.launcher, intent)
    if intent.action == _MAIN and not intent.data:
        return unresolved
    for app in phone.apps.values():
        if (
            app is not phone.launcher
            and app.package in phone.packages
            and phone.start_app(app, intent) is None
        ):
            return None
    return unresolved


async def _force_stop(p: Process, words: list[str]) -> int:
    operands = [word for word in words if word not in ("--user", "0", "current", "all")]
    if not operands:
        raise ToolError('Error: Argument expected after "force-stop"', 255)
    p.phone.force_stop(operands[0])
    return 0


async def _kill(p: Process, words: list[str]) -> int:
    """Ends only what is safe to end: background processes."""
    operands = [word for word in words if not word.startswith("-")]
    if operands and operands[-1] != p.phone.foreground:
        p.phone.force_stop(operands[-1])
    return 0


async def _broadcast(p: Process, words: list[str]) -> int:
    arguments = _IntentArguments(words)
    shown = str(arguments).replace(" }", " flg=0x400000 }")
    p.print(f"Broadcasting: {shown}")
    action = arguments.action
    result = "result=0"
    if action.startswith("ADB_KEYBOARD_") and p.phone.input_method == ADB_KEYBOARD_IME:
        result = _adb_keyboard(p, action, arguments.extras)
    elif action == _SCAN_FILE and p.phone.sdk <= _SCAN_BROADCAST_UNTIL_SDK:
        p.phone.media_store.scan_file(arguments.data.removeprefix("file://"))
    p.print(f"Broadcast completed: {result}")
    return 0


def _adb_keyboard(p: Process, action: str, extras: dict[str, str]) -> str:
    """What uiautomator2's AdbKeyboard answers (2.4.0): -1 and "success", or what went wrong."""
    phone = p.phone
    done = True
    if action in ("ADB_KEYBOARD_INPUT_TEXT", "ADB_KEYBOARD_SET_TEXT"):
        try:
            text = base64.b64decode(extras.get("text", ""), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return 'result=0, data="bad base-64"'
        done = phone.type_text(text) if action == "ADB_KEYBOARD_INPUT_TEXT" else phone.replace_focused(text)
    elif action == "ADB_KEYBOARD_CLEAR_TEXT":
        done = phone.replace_focused("")
    elif action == "ADB_KEYBOARD_HIDE":
        phone.hide_keyboard()
    elif action in ("ADB_KEYBOARD_SMART_ENTER", "ADB_KEYBOARD_EDITOR_CODE"):
        done = phone.focused() is not None
    elif action == "ADB_KEYBOARD_INPUT_KEYCODE":
        code = extras.get("code", "")
        done = code.isdigit() and phone.press_key_code(int(code))
    elif action == "ADB_KEYBOARD_GET_CLIPBOARD":
        return f'result=-1, data="{base64.b64encode(phone.clipboard.encode()).decode()}"'
    elif action != "ADB_KEYBOARD_SHOW":
        return "result=0"
    return 'result=-1, data="success"' if done else 'result=0, data="no input connection"'


@command("monkey")
async def monkey(p: Process) -> int:
    package = ""
    words = list(p.args)
    for word in words:
        p.print(f"  bash arg: {word}")
    count = ""
    while words:
        word = words.pop(0)
        if word in ("-p", "-c", "--throttle", "-s", "--pct-syskeys", "--pct-touch"):
            value = words.pop(0) if words else ""
            package = value if word == "-p" else package
        elif word.isdigit():
            count = word
        elif word not in ("-v", "-vv", "-vvv", "--ignore-crashes", "--ignore-timeouts"):
            raise ToolError(f"** Error: Unknown option: {word}", 255)
    if not count:
        raise ToolError("** Error: Count not specified", 255)
    p.print(f"args: [{', '.join(p.args)}]")
    await p.phone.pause("java_tool")
    if package not in p.phone.packages or p.phone.launch(package) is not None:
        p.print("** No activities found to run, monkey aborted.")
        return 252
    p.print(f"Events injected: {count}")
    p.print("## Network stats: elapsed time=13ms (0ms mobile, 0ms wifi, 13ms not connected)")
    return 0


# --- pm ---------------------------------------------------------------------------------------------------


@command("pm")
async def pm(p: Process) -> int:
    await p.phone.pause("java_tool")
    words = list(p.args)
    verb = words.pop(0) if words else ""
    if verb == "list":
        return _list(p, words)
    if verb in ("path", "clear", "grant", "revoke", "uninstall", "install"):
        options = [word for word in words if word.startswith("-")]
        operands = [word for word in words if not word.startswith("-")]
        if "--user" in options and operands:
            operands.pop(0)
        return {
            "path": _path,
            "clear": _clear,
            "grant": _grant,
            "revoke": _grant,
            "uninstall": _uninstall,
            "install": _install,
        }[verb](p, operands)
    raise ToolError(
        f"Unknown command: {verb}" if verb else "Package manager (package) commands:\n  help", 255
    )


def _list(p: Process, words: list[str]) -> int:
    if words[:1] not in (["packages"], ["package"]):
        raise ToolError(f"Error: unknown list type '{words[0] if words else ''}'", 255)
    options: set[str] = set()
    wanted = ""
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word in ("--user", "--uid"):
            rest[:1] = []
        elif word in ("-f", "-d", "-e", "-s", "-3", "-i", "-u", "-U", "--show-versioncode"):
            options.add(word)
        elif word.startswith("-"):
            raise ToolError(f"Error: Unknown option: {word}", 255)
        else:
            wanted = word
    for name, package in p.phone.packages.items():
        if wanted not in name or "-d" in options:
            continue
        if ("-3" in options and package.system) or ("-s" in options and not package.system):
            continue
        path = f"{package.apk_path}=" if "-f" in options else ""
        version = f" versionCode:{package.version_code}" if "--show-versioncode" in options else ""
        p.print(f"package:{path}{name}{version}")
    return 0


def _path(p: Process, operands: list[str]) -> int:
    package = p.phone.packages.get(operands[0]) if operands else None
    if package is None:
        return 1
    p.print(f"package:{package.apk_path}")
    return 0


def _clear(p: Process, operands: list[str]) -> int:
    if not operands or operands[0] not in p.phone.apps or operands[0] not in p.phone.packages:
        p.print("Failed")
        return 1
    p.phone.clear(operands[0])
    p.print("Success")
    return 0


def _grant(p: Process, operands: list[str]) -> int:
    if len(operands) != 2:
        raise ToolError("Exception occurred while executing: package or permission not specified", 255)
    name, permission = operands
    package = p.phone.packages.get(name)
    if package is None:
        raise ToolError(f"java.lang.IllegalArgumentException: Unknown package: {name}", 255)
    if permission not in package.runtime_permissions:
        raise ToolError(
            "Exception occurred while executing 'grant':\n"
            f"java.lang.SecurityException: Package {name} has not requested permission {permission}",
            255,
        )
    package.granted[permission] = p.name == "pm" and p.args[0] == "grant"
    return 0


def _uninstall(p: Process, operands: list[str]) -> int:
    name = operands[0] if operands else ""
    package = p.phone.packages.get(name)
    if package is None:
        p.print("Failure [DELETE_FAILED_INTERNAL_ERROR]" if not name else "Failure [not installed for 0]")
        return 1
    if package.system:
        p.print("Failure [DELETE_FAILED_INTERNAL_ERROR]")
        return 1
    if name in p.phone.apps:
        p.phone.clear(name)
    if name == ADB_KEYBOARD_PACKAGE and p.phone.input_method == ADB_KEYBOARD_IME:
        p.phone.put_setting("secure", "default_input_method", p.phone.input_methods()[0])
    del p.phone.packages[name]
    p.print("Success")
    return 0


def _install(p: Process, operands: list[str]) -> int:
    """uiautomator2's own apk (its keyboard) can be installed; a virtual phone can't run any other."""
    path = p.path(operands[0]) if operands else ""
    file = p.phone.storage.file(path) if path else None
    if file is None:
        p.complain(f"Error: Failed to parse APK file: {path}: Failed to open file")
        return 255
    try:
        with zipfile.ZipFile(io.BytesIO(file.content.read())) as archive:
            manifest = archive.read("AndroidManifest.xml")
    except (zipfile.BadZipFile, KeyError):
        p.print("Failure [INSTALL_PARSE_FAILED_NOT_APK: Failed to parse " + path + "]")
        return 1
    names = (ADB_KEYBOARD_PACKAGE.encode(), ADB_KEYBOARD_PACKAGE.encode("utf-16-le"))
    if not any(name in manifest for name in names):
        p.print(
            "Failure [INSTALL_FAILED_NO_MATCHING_ABIS: virtual phones run only the apps that they come with]"
        )
        return 1
    p.phone.packages[ADB_KEYBOARD_PACKAGE] = Package(ADB_KEYBOARD_PACKAGE, "2.4.0")
    p.print("Success")
    return 0


_SERVICE_TOOLS = {"package": "pm", "activity": "am", "settings": "settings", "window": "wm", "input": "input"}
"""Services whose `cmd` is what a tool of its own also does."""


@command("cmd")
async def cmd(p: Process) -> int:
    service = p.args[0] if p.args else ""
    if service not in _SERVICE_TOOLS:
        known = (
            f"Can't find service: {service}"
            if service
            else "No service specified; use -l to list all services"
        )
        raise ToolError(f"cmd: {known}", 20)
    tool = _SERVICE_TOOLS[service]
    return await COMMANDS[tool](replace(p, argv=[tool, *p.args[1:]]))


# --- content ----------------------------------------------------------------------------------------------

_CONTENT_USAGE = (
    "usage: adb shell content [subcommand] [options]\n\n"
    "usage: adb shell content insert --uri <URI> [--user <USER_ID>] --bind <BINDING> [--bind <BINDING>...]\n"
    "usage: adb shell content update --uri <URI> [--user <USER_ID>] [--where <WHERE>]\n"
    "usage: adb shell content delete --uri <URI> [--user <USER_ID>] --bind <BINDING> [--where <WHERE>]\n"
    "usage: adb shell content query --uri <URI> [--user <USER_ID>] [--projection <PROJECTION>]"
    " [--where <WHERE>] [--sort <SORT_ORDER>]\n"
    "usage: adb shell content call --uri <URI> --method <METHOD> [--arg <ARG>]\n"
)
_CONTENT_OPTIONS = {
    "query": ("--uri", "--user", "--projection", "--where", "--sort"),
    "insert": ("--uri", "--user", "--bind", "--extra"),
    "update": ("--uri", "--user", "--bind", "--where", "--extra"),
    "delete": ("--uri", "--user", "--where", "--extra"),
    "call": ("--uri", "--user", "--method", "--arg", "--extra"),
}


@command("content")
async def content(p: Process) -> int:
    """The tool ends with 0 whatever happens; what went wrong is in its output."""
    await p.phone.pause("java_tool")
    try:
        verb, options, bindings = _content_arguments(p.args)
    except ValueError as error:
        p.print(f"{_CONTENT_USAGE}\n[ERROR] {error}")
        return 0
    uri = options["--uri"]
    if uri == "content://media" and verb == "call":
        uri += "/external"
    if not uri.startswith("content://media/"):
        p.complain(f"Could not find provider: {uri.removeprefix('content://').partition('/')[0]}")
        return 0
    store = p.phone.media_store
    try:
        if verb == "query":
            _query(p, uri, options)
        elif verb == "insert":
            store.insert(uri, bindings)
        elif verb == "update":
            store.update(uri, bindings, options.get("--where", ""))
        elif verb == "delete":
            store.delete(uri, options.get("--where", ""))
        else:
            p.print(f"Result: {_call(p, options)}")
    except MediaStoreError as error:
        p.complain(f"Error while accessing provider:media\n{error}")
        p.complain("\tat android.database.DatabaseUtils.readExceptionFromParcel(DatabaseUtils.java:172)")
    return 0


def _content_arguments(words: list[str]) -> tuple[str, dict[str, str], dict[str, object]]:
    verb = words[0] if words else ""
    if verb not in _CONTENT_OPTIONS:
        raise ValueError(f"Unsupported operation: {verb}")
    options: dict[str, str] = {}
    bindings: dict[str, object] = {}
    rest = words[1:]
    while rest:
        option = rest.pop(0)
        if option not in _CONTENT_OPTIONS[verb]:
            raise ValueError(f"Unsupported argument: {option}")
        if not rest:
            raise ValueError(f"No argument for: {option}")
        value = rest.pop(0)
        if option == "--bind":
            name, kind, bound = [*value.split(":", 2), "", ""][:3]
            if kind not in ("s", "i", "l", "b", "f", "d", "n"):
                raise ValueError(f"Unsupported type: {kind}")
            bindings[name] = {"s": bound, "n": None}.get(kind, _number(kind, bound))
        else:
            options[option] = value
    if not options.get("--uri"):
        raise ValueError("Content provider URI not specified. Did you specify --uri argument?")
    if verb in ("insert", "update") and not bindings:
        raise ValueError("Bindings not specified. Did you specify --bind argument(s)?")
    if verb == "call" and not options.get("--method"):
        raise ValueError("Content provider method not specified.")
    return verb, options, bindings


def _number(kind: str, text: str) -> object:
    if kind == "b":
        return text.lower() == "true"
    if kind in ("f", "d"):
        return float(text)
    return int(text) if kind in ("i", "l") else text


def _query(p: Process, uri: str, options: dict[str, str]) -> None:
    projection = [name for name in options.get("--projection", "").split(":") if name]
    columns, rows = p.phone.media_store.query(
        uri, projection, options.get("--where", ""), options.get("--sort", "")
    )
    if not rows:
        p.print("No result found.")
    for number, row in enumerate(rows):
        values = ", ".join(
            f"{name}={'NULL' if value is None else value}" for name, value in zip(columns, row, strict=True)
        )
        p.print(f"Row: {number} {values}")


def _call(p: Process, options: dict[str, str]) -> str:
    """The bundle that MediaProvider.call answers, as its toString."""
    method, argument = options["--method"], options.get("--arg", "")
    store = p.phone.media_store
    if p.phone.sdk < _SCAN_METHOD_FROM_SDK:
        if p.phone.sdk == 29 and method in ("scan_file", "scan_volume"):
            raise MediaStoreError("java.lang.NullPointerException: uri")
        return "null"
    if method == "scan_file":
        if not argument:
            raise MediaStoreError("java.lang.NullPointerException")
        return f"Bundle[{{android.intent.extra.STREAM={store.scan_file(argument) or 'null'}}}]"
    if method == "scan_volume":
        if argument not in ("external_primary", "external"):
            raise MediaStoreError(f"java.lang.IllegalArgumentException: Invalid volume name: {argument}")
        store.scan_volume()
        return "Bundle[{}]"
    raise MediaStoreError(f"java.lang.UnsupportedOperationException: Unsupported call: {method}")
