"""The shell's commands about contents: cat, checksums, grep and the like, as toybox has them."""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
import re
from dataclasses import replace

from runner.virtual.shell import NO_SUCH_FILE, Process, ToolError, command
from runner.virtual.storage import File


@command("cat", toybox=True)
async def cat(p: Process) -> int:
    _, operands = p.options(flags="uvet")
    status = 0
    if not operands:
        p.out(await p.stdin())
    for target in operands:
        file = _open(p, target)
        if file is None:
            status = 1
            continue
        for chunk in file.content.chunks():
            p.out(chunk)
            await asyncio.sleep(0)
    return status


def _open(p: Process, target: str) -> File | None:
    """The file, or None after having complained."""
    file = p.phone.storage.file(p.path(target))
    if file is None:
        folder = p.phone.storage.is_folder(p.path(target))
        p.complain(f"{p.name}: {target}: {'Is a directory' if folder else NO_SUCH_FILE}")
    return file


@command("md5sum", "sha1sum", "sha256sum", "sha512sum", toybox=True)
async def checksum(p: Process) -> int:
    found, operands = p.options(flags="bcs")
    if "c" in found:
        raise ToolError(f"{p.name}: -c is not supported by virtual phones")
    status = 0
    for target in operands:
        if (file := _open(p, target)) is None:
            status = 1
            continue
        digest = _digest(p.name.removesuffix("sum"), file)
        p.print(digest if "b" in found else f"{digest}  {target}")
    if not operands:
        p.print(f"{hashlib.new(p.name.removesuffix('sum'), await p.stdin()).hexdigest()}  -")
    return status


def _digest(algorithm: str, file: File) -> str:
    if algorithm == "md5":
        return file.content.md5
    if algorithm == "sha256":
        return file.content.sha256
    digest = hashlib.new(algorithm)
    for chunk in file.content.chunks():
        digest.update(chunk)
    return digest.hexdigest()


async def _lines(p: Process, operands: list[str]) -> list[str]:
    if not operands:
        return (await p.stdin()).decode("utf-8", "replace").splitlines()
    lines: list[str] = []
    for target in operands:
        if (file := _open(p, target)) is None:
            raise ToolError("", 1)
        lines += file.content.read().decode("utf-8", "replace").splitlines()
    return lines


@command("grep", "egrep", "fgrep", toybox=True)
async def grep(p: Process) -> int:
    found, operands = p.options(flags="EFHcefhilnoqsvwx", valued="mABC")
    if not operands:
        raise ToolError('grep: no REGEX (see "grep --help")', 2)
    pattern = operands.pop(0)
    if "F" in found or p.name == "fgrep":
        pattern = re.escape(pattern)
    elif "E" not in found and p.name == "grep":
        # In a basic expression these mean themselves, and their escaped forms are the operators.
        pattern = re.sub(
            r"\\?[(){}|+?]", lambda match: match[0][-1] if match[0][0] == "\\" else "\\" + match[0], pattern
        )
    if "w" in found:
        pattern = rf"\b(?:{pattern})\b"
    if "x" in found:
        pattern = rf"^(?:{pattern})$"
    try:
        expression = re.compile(pattern, re.IGNORECASE if "i" in found else 0)
    except re.error as error:
        raise ToolError(f"grep: bad REGEX '{pattern}': {error}", 2) from error
    matches = [
        (number, line)
        for number, line in enumerate(await _lines(p, operands), 1)
        if bool(expression.search(line)) != ("v" in found)
    ]
    if "m" in found:
        matches = matches[: int(found["m"])]
    if "c" in found:
        p.print(str(len(matches)))
    elif "q" not in found:
        for number, line in matches:
            shown = [match[0] for match in expression.finditer(line)] if "o" in found else [line]
            for text in shown:
                p.print(f"{number}:{text}" if "n" in found else text)
    return 0 if matches else 1


@command("head", "tail", toybox=True)
async def head(p: Process) -> int:
    words = [re.sub(r"^-(\d+)$", r"-n\1", word) for word in p.args]
    p = replace(p, argv=[p.name, *words])
    found, operands = p.options(flags="qv", valued="nc")
    if "c" in found:
        data = (
            await p.stdin()
            if not operands
            else b"".join(f.content.read() for t in operands if (f := _open(p, t)))
        )
        count = int(found["c"])
        p.out(data[:count] if p.name == "head" else data[-count:])
        return 0
    lines = await _lines(p, operands)
    count = int(found.get("n", "10"))
    for line in lines[:count] if p.name == "head" else lines[max(0, len(lines) - count) :]:
        p.print(line)
    return 0


@command("wc", toybox=True)
async def wc(p: Process) -> int:
    found, operands = p.options(flags="clmw")
    data = (
        await p.stdin()
        if not operands
        else b"".join(f.content.read() for t in operands if (f := _open(p, t)))
    )
    counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
    shown = [str(count) for letter, count in counts.items() if not found or letter in found]
    p.print(" ".join(shown + operands))
    return 0


@command("sort", toybox=True)
async def sort(p: Process) -> int:
    found, operands = p.options(flags="fnru")
    lines = await _lines(p, operands)
    if "u" in found:
        lines = list(dict.fromkeys(lines))
    for line in sorted(lines, reverse="r" in found):
        p.print(line)
    return 0


@command("basename", "dirname", toybox=True)
async def path_parts(p: Process) -> int:
    if not p.args:
        raise ToolError(f'{p.name}: Needs 1 argument (see "{p.name} --help")')
    p.print(
        posixpath.basename(p.args[0].rstrip("/"))
        if p.name == "basename"
        else posixpath.dirname(p.args[0]) or "."
    )
    return 0
