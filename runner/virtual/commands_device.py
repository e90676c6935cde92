"""The shell's commands about the device: properties, settings, input, keyboards, dumpsys, processes."""

from __future__ import annotations

import asyncio
import io
import re
import time
import zipfile

from runner.virtual.commands_dumpsys import DISPLAY_ID
from runner.virtual.hierarchy import dump
from runner.virtual.shell import Process, Shell, ToolError, command, run_to_exit
from runner.virtual.storage import Content
from runner.virtual.uiserver import UiServer

_U2_MAIN = "com.wetest.uia2.Main"
_SYSTEM_PROCESSES = {
    "init": 1,
    "zygote64": 684,
    "system_server": 1254,
    "com.android.systemui": 1687,
    "adbd": 1911,
}


@command("sh")
async def sh(p: Process) -> int:
    if len(p.args) < 2 or p.args[0] != "-c":
        raise ToolError("sh: a virtual phone's sh runs only -c COMMAND", 2)
    shell = Shell(p.phone, p.out, p.err, p.stdin)
    shell.folder, shell.variables = p.folder, dict(p.environment)
    return await run_to_exit(shell, p.args[1])


@command("getprop", toybox=True)
async def getprop(p: Process) -> int:
    if p.args:
        default = p.args[1] if len(p.args) > 1 else ""
        p.print(p.phone.properties.get(p.args[0], default))
        return 0
    for name, value in sorted(p.phone.properties.items()):
        p.print(f"[{name}]: [{value}]")
    return 0


@command("setprop", toybox=True)
async def setprop(p: Process) -> int:
    if len(p.args) != 2:
        raise ToolError('setprop: Needs 2 arguments (see "setprop --help")')
    name, value = p.args
    if name.startswith("debug."):
        p.phone.properties[name] = value
        return 0
    raise ToolError(f"Failed to set property '{name}' to '{value}'.\nSee dmesg for error reason.")


@command("wm")
async def wm(p: Process) -> int:
    phone = p.phone
    if p.args == ["size"]:
        p.print(f"Physical size: {phone.width}x{phone.height}")
    elif p.args == ["density"]:
        p.print(f"Physical density: {phone.density}")
    elif p.args == ["dismiss-keyguard"]:
        pass
    else:
        raise ToolError(f"Unknown command: {' '.join(p.args)}", 255)
    return 0


@command("settings")
async def settings(p: Process) -> int:
    args = list(p.args)
    if args[:1] == ["--user"]:
        del args[:2]
    verb = args.pop(0) if args else ""
    if args[:1] == ["--user"]:
        del args[:2]
    if verb not in ("get", "put", "delete", "list") or not args:
        raise ToolError(f"Unknown command: {verb}" if verb else "No command specified", 255)
    namespace = args.pop(0)
    if namespace not in ("system", "secure", "global"):
        raise ToolError(f"Invalid namespace '{namespace}'", 255)
    phone = p.phone
    if verb == "list":
        for name, value in sorted(phone.settings_of(namespace).items()):
            p.print(f"{name}={value}")
        return 0
    if not args or (verb == "put" and len(args) < 2):
        raise ToolError("Bad arguments", 255)
    name = args[0]
    if verb == "get":
        found = phone.setting(namespace, name)
        p.print("null" if found is None else found)
    elif verb == "put":
        phone.put_setting(namespace, name, args[1])
    else:
        p.print(f"Deleted {int(phone.delete_setting(namespace, name))} rows")
    return 0


# --- input ------------------------------------------------------------------------------------------------


_KEY_NAMES = {
    "HOME": 3,
    "BACK": 4,
    "VOLUME_UP": 24,
    "VOLUME_DOWN": 25,
    "POWER": 26,
    "CAMERA": 27,
    "SPACE": 62,
    "ENTER": 66,
    "DEL": 67,
    "MENU": 82,
    "SEARCH": 84,
    "ESCAPE": 111,
    "MOVE_END": 123,
    "VOLUME_MUTE": 164,
    "APP_SWITCH": 187,
    "SLEEP": 223,
    "WAKEUP": 224,
    "PASTE": 279,
}


@command("input")
async def input_command(p: Process) -> int:
    args = list(p.args)
    if args and args[0] in ("touchscreen", "keyboard", "mouse"):
        args.pop(0)
    if args[:1] == ["-d"]:
        del args[:2]
    verb = args.pop(0) if args else ""
    phone = p.phone
    if verb == "tap" and len(args) == 2:
        x, y = _numbers(args)
        await phone.pause("tap")
        phone.tap(int(x), int(y))
    elif verb in ("swipe", "draganddrop") and len(args) in (4, 5):
        x1, y1, x2, y2, *rest = _numbers(args)
        seconds = (rest[0] if rest else 300) / 1000
        if (x1, y1) == (x2, y2):
            await asyncio.sleep(seconds)
            phone.tap(int(x1), int(y1), seconds=seconds)
        else:
            if phone.takes_time:
                await asyncio.sleep(seconds)
            phone.swipe(int(x1), int(y1), int(x2), int(y2))
    elif verb == "text" and args:
        text = " ".join(args).replace("%s", " ")
        if not text.isascii():
            # The virtual key map has no key for it; Android's `input` fails just like that.
            raise ToolError(
                "java.lang.NullPointerException: Attempt to get length of null array\n"
                "\tat com.android.commands.input.Input.sendText(Input.java:178)",
                255,
            )
        await phone.pause("tap")
        phone.type_text(text)
    elif verb == "keyevent" and args:
        await _key_events(p, args)
    else:
        raise ToolError(
            f"Error: Unknown command: {verb}\nUsage: input [<source>] [-d DISPLAY_ID] <command> [<arg>...]",
            255,
        )
    return 0


def _numbers(args: list[str]) -> list[float]:
    try:
        return [float(word) for word in args]
    except ValueError as error:
        raise ToolError(
            f"Error: Invalid arguments for command: java.lang.NumberFormatException: {error}", 255
        ) from error


async def _key_events(p: Process, args: list[str]) -> None:
    for word in args:
        if word in ("--longpress", "--doubletap"):
            continue
        name = word.upper().removeprefix("KEYCODE_")
        code = int(word) if word.isdigit() else _KEY_NAMES.get(name)
        if code is None and len(name) == 1 and name.isalnum():
            code = 7 + int(name) if name.isdigit() else 29 + ord(name) - ord("A")
        if code is None:
            raise ToolError(f"Error: Unknown keycode: {word}", 255)
        await p.phone.pause("tap")
        p.phone.press_key_code(code)


@command("ime")
async def ime(p: Process) -> int:
    args = [word for word in p.args if word != "--user"]
    verb = args.pop(0) if args else ""
    phone = p.phone
    if verb == "list":
        enabled = (phone.setting("secure", "enabled_input_methods") or "").split(":")
        for name in phone.input_methods():
            if "-a" in args or name in enabled:
                p.print(name if "-s" in args else f"{name}:\n  mId={name} mSettingsActivityName=null")
        return 0
    if verb not in ("enable", "disable", "set", "reset"):
        raise ToolError(f"Unknown command: {verb}", 255)
    if verb == "reset":
        _use_input_method(p, phone.input_methods()[0])
        p.print(f"Newly selected IME for user #0: {phone.input_methods()[0]}")
        return 0
    name = args[0] if args else ""
    if name not in phone.input_methods():
        # `ime enable` of an unknown one says so; `ime set` too.
        p.complain(
            f"Unknown input method {name} cannot be {'selected' if verb == 'set' else verb + 'd'} for user #0"
        )
        return 255
    listed = [each for each in (phone.setting("secure", "enabled_input_methods") or "").split(":") if each]
    if verb == "set":
        if name not in listed:
            p.complain(f"Unknown input method {name} cannot be selected for user #0")
            return 255
        _use_input_method(p, name)
        p.print(f"Input method {name} selected for user #0")
        return 0
    before = name in listed
    listed = [each for each in listed if each != name] + ([name] if verb == "enable" else [])
    phone.put_setting("secure", "enabled_input_methods", ":".join(listed))
    state = "already" if before == (verb == "enable") else "now"
    p.print(f"Input method {name}: {state} {verb}d for user #0")
    if verb == "disable" and phone.input_method == name:
        _use_input_method(p, phone.input_methods()[0])
    return 0


def _use_input_method(p: Process, name: str) -> None:
    p.phone.put_setting("secure", "default_input_method", name)


@command("svc")
async def svc(p: Process) -> int:
    if len(p.args) >= 2 and p.args[0] in ("wifi", "data") and p.args[1] in ("enable", "disable"):
        key = "wifi_on" if p.args[0] == "wifi" else "mobile_data"
        p.phone.put_setting("global", key, str(int(p.args[1] == "enable")))
        return 0
    if p.args[:2] == ["power", "stayon"] and len(p.args) == 3:
        values = {"true": "7", "usb": "2", "ac": "1", "wireless": "4", "false": "0"}
        if p.args[2] in values:
            p.phone.put_setting("global", "stay_on_while_plugged_in", values[p.args[2]])
            return 0
    raise ToolError("Available commands:\n    help\n    power\n    data\n    wifi", 255)


# --- pictures and logs ------------------------------------------------------------------------------------


@command("screencap")
async def screencap(p: Process) -> int:
    found, operands = p.options(flags="pah", valued="d")
    await p.phone.pause("dump")
    if "d" in found and found["d"] not in ("0", DISPLAY_ID):
        raise ToolError(f"Display Id '{found['d']}' is not valid.")
    wants_png = "p" in found or bool(operands and operands[0].endswith(".png"))
    data = await p.phone.screenshot("PNG" if wants_png else "RGBA")
    if not wants_png:
        # A raw capture starts with width, height, pixel format (1: RGBA_8888) and color space.
        data = b"".join(n.to_bytes(4, "little") for n in (p.phone.width, p.phone.height, 1, 1)) + data
    if operands:
        p.phone.storage.write(p.path(operands[0]), p.phone.storage.store.put(data))
    else:
        p.out(data)
    return 0


@command("uiautomator")
async def uiautomator(p: Process) -> int:
    if p.args[:1] != ["dump"]:
        raise ToolError(
            "Usage: uiautomator <subcommand> [options]\n\nAvailable subcommands:\n\n"
            "help: displays help message\ndump",
            1,
        )
    if p.phone.ui_server is not None:
        # Only one UiAutomation may be registered: the tool is killed.
        p.complain("Killed")
        return 137
    target = next((word for word in p.args[1:] if not word.startswith("-")), "/sdcard/window_dump.xml")
    await p.phone.pause("dump")
    xml = dump(p.phone.windows(), compressed="--compressed" in p.args)
    p.phone.storage.write(p.path(target), p.phone.storage.store.put(xml.encode()))
    p.print(f"UI hierchary dumped to: {target}")
    return 0


@command("logcat")
async def logcat(p: Process) -> int:
    if p.args and p.args[0] in ("-c", "--clear"):
        return 0
    p.print("--------- beginning of main")
    if "-d" not in p.args:
        await asyncio.Event().wait()
    return 0


# --- processes --------------------------------------------------------------------------------------------


def _processes(p: Process) -> list[tuple[str, int, str]]:
    """(user, pid, name) of everything that runs."""
    found = [("system", pid, name) for name, pid in _SYSTEM_PROCESSES.items()]
    found += [
        (f"u0_a{210 + number}", pid, name) for number, (name, pid) in enumerate(p.phone.processes.items())
    ]
    if (server := p.phone.ui_server) is not None:
        found.append(("shell", server.pid, "app_process"))
    found.append(("shell", p.phone.new_pid(), "ps"))
    return found


@command("ps", toybox=True)
async def ps(p: Process) -> int:
    found, _ = p.options(flags="AefwlZT", valued="opu")
    p.print("USER           PID  PPID        VSZ    RSS WCHAN            ADDR S NAME")
    for user, pid, name in _processes(p):
        if found.keys() & {"A", "e"} or user == "shell":
            p.print(f"{user:<12} {pid:>5}   684   16482736 184320 0                   0 S {name}")
    return 0


@command("pidof", toybox=True)
async def pidof(p: Process) -> int:
    _, operands = p.options(flags="sx", valued="o")
    pids = [str(pid) for _, pid, name in _processes(p) if name in operands]
    if not pids:
        return 1
    p.print(" ".join(pids))
    return 0


@command("kill", "killall", "pkill", toybox=True)
async def kill(p: Process) -> int:
    """The shell user may end its own processes, that is the UI server's, and no app's."""
    operands = [word for word in p.args if not word.startswith("-")]
    if not operands:
        raise ToolError(f'{p.name}: Needs 1 argument (see "{p.name} --help")')
    status = 0
    for word in operands:
        server = p.phone.ui_server
        if server is not None and _names_server(p, word, server):
            server.end("Killed")
            continue
        status = 1
        known = [pid for _, pid, name in _processes(p) if word in (str(pid), name)]
        if p.name != "pkill":
            reason = "Operation not permitted" if known else "No such process"
            p.complain(f"{p.name}: bad pid '{word}'" if not word.isdigit() else f"kill: {word}: {reason}")
    return status


def _names_server(p: Process, word: str, server: UiServer) -> bool:
    if p.name == "kill":
        return word == str(server.pid)
    if p.name != "pkill" or "-f" not in p.args:
        return word == "app_process"
    try:
        return re.search(word, f"app_process / {_U2_MAIN} -p {server.port}") is not None
    except re.error as error:
        raise ToolError(f"pkill: bad regex '{word}': {error}", 2) from error


@command("reboot")
async def reboot(p: Process) -> int:
    p.phone.call_later(0.05, lambda: p.phone.faults.strike("reboot"))
    return 0


def _holds_classes(content: Content) -> bool:
    """Whether it is a whole jar; half a push is none."""
    try:
        with zipfile.ZipFile(content.path or io.BytesIO(content.read())) as jar:
            return "classes.dex" in jar.namelist()
    except zipfile.BadZipFile:
        return False


@command("app_process", "app_process64")
async def app_process(p: Process) -> int:
    """uiautomator2's server. Its life is the life of this command; the stream's end is its end."""
    args = p.args[1:] if p.args[:1] == ["/"] else p.args
    class_path = p.environment.get("CLASSPATH", "")
    jar = p.phone.storage.file(class_path) if class_path else None
    if args[:1] != [_U2_MAIN] or jar is None or not _holds_classes(jar.content):
        name = args[0] if args else ""
        p.complain(
            f"Error: could not find or load class {name}"
            if not jar
            else f"java.lang.ClassNotFoundException: {name}"
        )
        p.complain("Aborted ")
        return 134
    port = int(args[args.index("-p") + 1]) if "-p" in args[:-1] else 9008
    phone = p.phone
    p.print("[server] INFO: [UiAutomator2Server] Starting Server")
    if phone.ui_server is not None:
        p.complain(
            "java.lang.IllegalStateException: UiAutomationService android.accessibilityservice."
            "IAccessibilityServiceClient$Stub$Proxy@5deffd5already registered!\n"
            "\tat android.os.Parcel.createExceptionOrNull(Parcel.java:3015)\n"
            "\tat android.app.UiAutomation.connect(UiAutomation.java:295)\n"
            f"\tat {_U2_MAIN}.main(Main.java:35)"
        )
        return 1
    server = UiServer(phone, port, phone.new_pid())
    phone.ui_server = server
    try:
        await phone.pause("server_start")
        server.ready = True
        p.print('SLF4J: Failed to load class "org.slf4j.impl.StaticLoggerBinder".')
        reason = await asyncio.shield(server.ended)
        p.complain(reason)
        return 137 if reason == "Killed" else 0
    finally:
        server.end("its shell closed")
        if phone.ui_server is server:
            phone.ui_server = None


# --- network and time ---------------------------------------------------------------------------------------


@command("ifconfig", toybox=True)
async def ifconfig(p: Process) -> int:
    raise ToolError("ifconfig: wlan0: error fetching interface information: Device not found")


@command("ip")
async def ip(p: Process) -> int:
    raise ToolError('Device "wlan0" does not exist.')


@command("uptime", toybox=True)
async def uptime(p: Process) -> int:
    clock = time.strftime("%H:%M:%S", time.gmtime())
    p.print(f" {clock} up 3 days,  2:11,  0 users,  load average: 2.1, 2.0, 1.9")
    return 0
