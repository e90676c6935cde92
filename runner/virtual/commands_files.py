"""The shell's commands about files, time and users, with toybox's output and error messages."""

from __future__ import annotations

import asyncio
import calendar
import fnmatch
import posixpath
import re
import stat
import time
from collections.abc import Iterator

from runner.virtual.shell import NO_SUCH_FILE, Process, ToolError, command
from runner.virtual.storage import ALIASES, SHARED, resolve


@command("true", ":", toybox=True)
async def true(p: Process) -> int:
    return 0


@command("false", toybox=True)
async def false(p: Process) -> int:
    return 1


@command("echo", toybox=True)
async def echo(p: Process) -> int:
    words = list(p.args)
    end = "\n"
    interpret = False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        flags = words.pop(0)
        end = "" if "n" in flags else end
        interpret = interpret or "e" in flags
    text = " ".join(words)
    if interpret:
        text = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
    p.out((text + end).encode())
    return 0


@command("sleep", toybox=True)
async def sleep(p: Process) -> int:
    total = 0.0
    for word in p.args:
        match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)", word)
        if match is None:
            raise ToolError(f"sleep: Unknown suffix '{word}'")
        total += float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if not p.args:
        raise ToolError('sleep: Needs 1 argument (see "sleep --help")')
    await asyncio.sleep(total)
    return 0


@command("date", toybox=True)
async def date(p: Process) -> int:
    found, operands = p.options(flags="u")
    form = operands[0] if operands else "+%a %b %e %H:%M:%S %Z %Y"
    if not form.startswith("+"):
        raise ToolError("date: cannot set date: Operation not permitted")
    moment = time.gmtime()
    # strftime's %e, %s and %Z are not the same everywhere; a virtual phone's time zone is UTC.
    form = form[1:].replace("%s", str(int(time.time()))).replace("%Z", "UTC" if "u" in found else "GMT")
    p.print(time.strftime(form.replace("%e", f"{moment.tm_mday:2d}"), moment))
    return 0


@command("id", toybox=True)
async def who(p: Process) -> int:
    p.print(
        "uid=2000(shell) gid=2000(shell) groups=2000(shell),1004(input),1007(log),1011(adb),1015(sdcard_rw),"
        "1028(sdcard_r),3001(net_bt_admin),3002(net_bt),3003(inet),3006(net_bw_stats),3009(readproc),"
        "3011(uhid) context=u:r:shell:s0"
    )
    return 0


@command("whoami", toybox=True)
async def whoami(p: Process) -> int:
    p.print("shell")
    return 0


@command("uname", toybox=True)
async def uname(p: Process) -> int:
    found, _ = p.options(flags="asnrvm")
    parts = {
        "s": "Linux",
        "n": "localhost",
        "r": "5.10.157-android13-4",
        "v": "#1 SMP PREEMPT",
        "m": "aarch64",
    }
    wanted = parts if "a" in found else (found or {"s": ""})
    p.print(" ".join(parts[letter] for letter in parts if letter in wanted))
    return 0


# --- looking ----------------------------------------------------------------------------------------------


@command("ls", toybox=True)
async def ls(p: Process) -> int:
    found, operands = p.options(flags="1AaCdFfhilnpRrStUuxZ")
    status = 0
    targets = operands or [p.folder]
    for target in targets:
        path = p.path(target)
        storage = p.phone.storage
        if storage.file(path) is not None or "d" in found:
            if not storage.exists(path):
                p.complain(f"ls: {target}: {NO_SUCH_FILE}")
                status = 1
            else:
                _show_entries(p, [(target, path)], found)
            continue
        if path in ALIASES and "l" in found:
            p.print(f"lrw-r--r-- 1 root root 21 2009-01-01 00:00 {target} -> {SHARED}")
            continue
        if not storage.is_folder(path):
            p.complain(f"ls: {target}: {NO_SUCH_FILE}")
            status = 1
            continue
        if len(targets) > 1:
            p.print(f"{target}:")
        names = storage.children(path)
        if "a" in found:
            names = [".", "..", *names]
        elif "A" not in found:
            names = [name for name in names if not name.startswith(".")]
        entries = [(name, posixpath.join(path, name)) for name in names]
        if "t" in found:
            entries.sort(key=lambda entry: -_modified(p, entry[1]))
        if "S" in found:
            entries.sort(key=lambda entry: -_size(p, entry[1]))
        if "r" in found:
            entries.reverse()
        if "l" in found:
            p.print(f"total {sum(_size(p, full) for _, full in entries) // 512}")
        _show_entries(p, entries, found)
    return status


def _show_entries(p: Process, entries: list[tuple[str, str]], found: dict[str, str]) -> None:
    for name, path in entries:
        shown = name + ("/" if found.keys() & {"p", "F"} and p.phone.storage.is_folder(path) else "")
        if "l" not in found:
            p.print(shown)
            continue
        moment = time.strftime("%Y-%m-%d %H:%M", time.gmtime(_modified(p, path)))
        owner = "u0_a218 media_rw" if resolve(path).startswith(SHARED) else "shell shell"
        p.print(f"{stat.filemode(_mode(p, path))} 1 {owner} {_size(p, path):>8} {moment} {shown}")


def _mode(p: Process, path: str) -> int:
    file = p.phone.storage.file(path)
    return stat.S_IFREG | file.mode if file else stat.S_IFDIR | 0o770


def _size(p: Process, path: str) -> int:
    file = p.phone.storage.file(path)
    return file.content.size if file else 3452


def _modified(p: Process, path: str) -> float:
    file = p.phone.storage.file(path)
    return file.modified if file else p.phone.storage.folder_modified(path)


@command("stat", toybox=True)
async def stat_command(p: Process) -> int:
    found, operands = p.options(flags="Lft", valued="c")
    if not operands:
        raise ToolError('stat: Needs 1 argument (see "stat --help")')
    status = 0
    for target in operands:
        path = p.path(target)
        if not p.phone.storage.exists(path):
            p.complain(f"stat: '{target}': {NO_SUCH_FILE}")
            status = 1
            continue
        mode, size, modified = _mode(p, path), _size(p, path), _modified(p, path)
        moment = time.strftime("%Y-%m-%d %H:%M:%S.000000000 +0000", time.gmtime(modified))
        kind = "regular file" if stat.S_ISREG(mode) else "directory"
        values = {
            "n": target,
            "N": f"'{target}'",
            "s": str(size),
            "F": kind,
            "a": format(mode & 0o7777, "o"),
            "A": stat.filemode(mode),
            "Y": str(int(modified)),
            "y": moment,
            "X": str(int(modified)),
            "Z": str(int(modified)),
            "u": "2000",
            "U": "shell",
            "g": "1015",
            "G": "sdcard_rw",
            "b": str((size + 511) // 512),
            "h": "1",
        }
        if "c" in found:
            p.print("".join(_expand(found["c"], values)))
        else:
            p.print(f"  File: {target}")
            p.print(f"  Size: {size}\t Blocks: {values['b']}\t IO Blocks: 512\t {kind}")
            p.print(
                f"Access: ({values['a']:0>4}/{values['A']})\tUid: ( 2000/   shell)\tGid: ( 1015/sdcard_rw)"
            )
            p.print(f"Modify: {moment}")
    return status


def _expand(form: str, values: dict[str, str]) -> Iterator[str]:
    """A stat format with its `%x` replaced."""
    for literal, letter in re.findall(r"([^%]*)(%.|$)", form):
        yield literal
        if letter:
            yield values.get(letter[1], "?")


@command("df", toybox=True)
async def df(p: Process) -> int:
    found, operands = p.options(flags="HPhkait")
    storage = p.phone.storage
    total, free = storage.capacity, storage.free
    used = total - free
    percent = -(-used * 100 // total)
    for target in operands:
        if not storage.exists(p.path(target)):
            raise ToolError(f"df: {target}: {NO_SUCH_FILE}")
    shared = not operands or any(resolve(p.path(target)).startswith("/storage") for target in operands)
    names = [("/dev/fuse", "/storage/emulated")] if shared else [("/dev/block/dm-44", "/data")]
    if not operands:
        names.insert(0, ("/dev/block/dm-44", "/data"))
    header, rest = ("Size", "Avail") if "h" in found else ("1K-blocks", "Available")
    p.print(f"{'Filesystem':<17}{header:>9} {'Used':>9} {rest:>9} Use% Mounted on")
    for device, place in names:
        figures = [_human(n) if "h" in found else str(n // 1024) for n in (total, used, free)]
        p.print(f"{device:<17}{figures[0]:>9} {figures[1]:>9} {figures[2]:>9} {percent:>3}% {place}")
    return 0


def _human(size: int) -> str:
    amount, units = float(size), " KMGT"
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    unit = units[0].strip()
    return f"{amount:.0f}{unit}" if amount >= 10 or not unit else f"{amount:.1f}{unit}"


@command("du", toybox=True)
async def du(p: Process) -> int:
    found, operands = p.options(flags="aHLchkmsx", valued="d")
    storage = p.phone.storage
    for target in operands or [p.folder]:
        path = resolve(p.path(target))
        if not storage.exists(path):
            raise ToolError(f"du: {target}: {NO_SUCH_FILE}")
        size = sum(
            file.content.size for name, file in storage.files() if name == path or name.startswith(path + "/")
        )
        p.print(f"{_human(size) if 'h' in found else size // 1024}\t{target}")
    return 0


@command("find", toybox=True)
async def find(p: Process) -> int:
    words = list(p.args)
    roots: list[str] = []
    while words and not words[0].startswith("-"):
        roots.append(words.pop(0))
    name, kind = "*", ""
    while words:
        option = words.pop(0)
        if option in ("-name", "-iname", "-type") and words:
            value = words.pop(0)
            if option == "-type":
                kind = value
            else:
                name = value
        else:
            raise ToolError(f"find: bad arg '{option}'")
    storage = p.phone.storage
    for root in roots or [p.folder]:
        base = p.path(root)
        if not storage.exists(base):
            raise ToolError(f"find: '{root}': {NO_SUCH_FILE}")
        for path, is_folder in _walk(p, base):
            wanted = (kind == "d") == is_folder if kind else True
            if wanted and fnmatch.fnmatchcase(posixpath.basename(path), name):
                p.print(root + path[len(base) :])
    return 0


def _walk(p: Process, path: str) -> Iterator[tuple[str, bool]]:
    """(path, is a folder) of everything below, the path itself first."""
    storage = p.phone.storage
    if storage.file(path) is not None:
        yield path, False
        return
    yield path, True
    for name in storage.children(path):
        yield from _walk(p, posixpath.join(path, name))


@command("test", "[", toybox=True)
async def test(p: Process) -> int:
    words = list(p.args)
    if p.name == "[" and (not words or words.pop() != "]"):
        raise ToolError("[: missing ]", 2)
    negate = bool(words) and words[0] == "!"
    if negate:
        words.pop(0)
    return int(_test(p, words) == negate)


def _test(p: Process, words: list[str]) -> bool:
    if len(words) == 1:
        return bool(words[0])
    if len(words) == 2:
        operator, value = words
        storage = p.phone.storage
        file = storage.file(p.path(value)) if value else None
        if operator in ("-e", "-r"):
            return bool(value) and storage.exists(p.path(value))
        if operator == "-f":
            return file is not None
        if operator == "-s":
            return file is not None and file.content.size > 0
        if operator == "-d":
            return bool(value) and storage.is_folder(p.path(value))
        if operator in ("-z", "-n"):
            return bool(value) == (operator == "-n")
    if len(words) == 3:
        left, operator, right = words
        if operator in ("=", "==", "!="):
            return (left == right) == (operator != "!=")
        if operator in ("-eq", "-ne", "-lt", "-le", "-gt", "-ge") and left.lstrip("-").isdigit():
            a, b = int(left), int(right)
            return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[
                operator
            ]
    if not words:
        return False
    raise ToolError(f"test: {' '.join(words)}: unexpected operator/operand", 2)


# --- changing ---------------------------------------------------------------------------------------------


@command("mkdir", toybox=True)
async def mkdir(p: Process) -> int:
    found, operands = p.options(flags="pv", valued="m")
    if not operands:
        raise ToolError('mkdir: Needs 1 argument (see "mkdir --help")')
    status = 0
    for target in operands:
        try:
            p.phone.storage.make_folder(p.path(target), parents="p" in found)
        except OSError as error:
            p.complain(f"mkdir: '{target}': {error.strerror}")
            status = 1
    return status


@command("rm", toybox=True)
async def rm(p: Process) -> int:
    found, operands = p.options(flags="fiRrv")
    if not operands and "f" not in found:
        raise ToolError('rm: Needs 1 argument (see "rm --help")')
    status = 0
    for target in operands:
        path = p.path(target)
        try:
            if p.phone.storage.is_folder(path) and found.keys() & {"r", "R"}:
                _remove_tree(p, path)
            else:
                p.phone.storage.remove(path)
        except FileNotFoundError:
            if "f" not in found:
                p.complain(f"rm: {target}: {NO_SUCH_FILE}")
                status = 1
        except OSError as error:
            p.complain(f"rm: {target}: {error.strerror}")
            status = 1
    return status


def _remove_tree(p: Process, path: str) -> None:
    for name in p.phone.storage.children(path):
        child = posixpath.join(path, name)
        if p.phone.storage.file(child) is not None:
            p.phone.storage.remove(child)
        else:
            _remove_tree(p, child)
    p.phone.storage.remove_folder(path)


@command("rmdir", toybox=True)
async def rmdir(p: Process) -> int:
    _, operands = p.options(flags="p")
    status = 0
    for target in operands:
        try:
            p.phone.storage.remove_folder(p.path(target))
        except OSError as error:
            p.complain(f"rmdir: '{target}': {error.strerror}")
            status = 1
    return status


@command("touch", toybox=True)
async def touch(p: Process) -> int:
    found, operands = p.options(flags="acfhm", valued="dtr")
    if not operands:
        raise ToolError('touch: Needs 1 argument (see "touch --help")')
    moment = _touch_time(p, found)
    for target in operands:
        path = p.path(target)
        if "c" in found and not p.phone.storage.exists(path):
            continue
        try:
            p.phone.storage.touch(path, moment)
        except OSError as error:
            raise ToolError(f"touch: '{target}': {error.strerror}") from error
    return 0


def _touch_time(p: Process, found: dict[str, str]) -> float | None:
    if "r" in found:
        return _modified(p, p.path(found["r"]))
    for letter, form in (
        ("d", "%Y-%m-%dT%H:%M:%S"),
        ("d", "%Y-%m-%d %H:%M:%S"),
        ("t", "%Y%m%d%H%M.%S"),
        ("t", "%Y%m%d%H%M"),
    ):
        if letter not in found:
            continue
        if letter == "d" and re.fullmatch(r"@\d+(\.\d+)?", found["d"]):
            return float(found["d"][1:])
        try:
            return float(calendar.timegm(time.strptime(found[letter].removesuffix("Z"), form)))
        except ValueError:
            continue
    if found.keys() & {"d", "t"}:
        raise ToolError(f"touch: bad date '{found.get('d') or found.get('t')}'")
    return None


@command("mv", toybox=True)
async def mv(p: Process) -> int:
    source, target = _two_operands(p, "fnTiv")
    storage = p.phone.storage
    if not storage.exists(source):
        raise ToolError(f"mv: bad '{p.args[-2]}': {NO_SUCH_FILE}")
    try:
        storage.move(source, target)
    except OSError as error:
        raise ToolError(f"mv: '{p.args[-1]}': {error.strerror}") from error
    p.phone.media_store.moved(source, target)
    return 0


@command("cp", toybox=True)
async def cp(p: Process) -> int:
    source, target = _two_operands(p, "adfHiLlnPpRrsTv")
    file = p.phone.storage.file(source)
    if file is None:
        reason = "is a directory" if p.phone.storage.is_folder(source) else NO_SUCH_FILE
        raise ToolError(f"cp: '{p.args[-2]}': {reason}")
    try:
        p.phone.storage.write(target, file.content)
    except OSError as error:
        raise ToolError(f"cp: '{p.args[-1]}': {error.strerror}") from error
    return 0


def _two_operands(p: Process, flags: str) -> tuple[str, str]:
    _, operands = p.options(flags=flags)
    if len(operands) != 2:
        raise ToolError(f'{p.name}: Needs 2 arguments (see "{p.name} --help")')
    source, target = (p.path(name) for name in operands)
    if p.phone.storage.is_folder(target):
        target = posixpath.join(target, posixpath.basename(source))
    return source, target
