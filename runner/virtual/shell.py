"""The phone's command line: POSIX quoting, `;` `&&` `||` `|` `&`, redirections, variables, `$(…)`, globs.

What it can't do (if, for, functions …) is a syntax error, never silently something else. The commands
themselves are in the `commands_*` modules, registered with `command`.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.virtual.storage import resolve

if TYPE_CHECKING:
    from runner.virtual.phone import VirtualPhone

_SHELL = "/system/bin/sh"
NO_SUCH_FILE = "No such file or directory"
_OPERATORS = ("&&", "||", ";", "|", "&", "\n")
_COMPOUND = frozenset(
    [
        "if",
        "then",
        "else",
        "fi",
        "for",
        "while",
        "until",
        "do",
        "done",
        "case",
        "function",
        "{",
        "}",
        "(",
        ")",
    ]
)

Sink = Callable[[bytes], None]
Source = Callable[[], Awaitable[bytes]]
"""Reads standard input to its end, which may never come."""
Command = Callable[["Process"], Awaitable[int]]

COMMANDS: dict[str, Command] = {}
TOYBOX: set[str] = set()
"""The commands that also run as `toybox NAME`."""


def command(*names: str, toybox: bool = False) -> Callable[[Command], Command]:
    def register(function: Command) -> Command:
        for name in names:
            COMMANDS[name] = function
        if toybox:
            TOYBOX.update(names)
        return function

    return register


class ToolError(Exception):
    """The command ends with this message on stderr and this exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class ShellSyntaxError(Exception):
    """The line can't be parsed."""


@dataclass
class Process:
    """A running command: its arguments and where its output goes."""

    phone: VirtualPhone
    argv: list[str]
    stdin: Source
    out: Sink
    err: Sink
    environment: dict[str, str]
    folder: str = "/"

    @property
    def name(self) -> str:
        return self.argv[0]

    @property
    def args(self) -> list[str]:
        return self.argv[1:]

    def print(self, text: str = "") -> None:
        self.out((text + "\n").encode())

    def complain(self, text: str) -> None:
        self.err((text + "\n").encode())

    def path(self, name: str) -> str:
        """An argument as an absolute path."""
        return name if name.startswith("/") else posixpath.join(self.folder, name)

    def options(self, flags: str = "", valued: str = "") -> tuple[dict[str, str], list[str]]:
        """Short options as toybox takes them: ({letter: value}, operands). Raises ToolError."""
        found: dict[str, str] = {}
        operands: list[str] = []
        rest = list(self.args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return found, operands + rest
            if len(word) < 2 or not word.startswith("-"):
                operands.append(word)
                continue
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in valued:
                    value = letters or (rest.pop(0) if rest else "")
                    found[letter], letters = value, ""
                elif letter in flags:
                    found[letter] = ""
                else:
                    raise ToolError(f"{self.name}: Unknown option '{word[1:]}' (see \"{self.name} --help\")")
        return found, operands


def source(data: bytes) -> Source:
    async def read() -> bytes:
        return data

    return read


# --- the language -----------------------------------------------------------------------------------------


@dataclass
class _Part:
    """A piece of a word: literal text, `$name` or `$(command)`."""

    kind: str
    text: str
    quoted: bool


@dataclass
class _Simple:
    assignments: list[tuple[str, list[_Part]]] = field(default_factory=list)
    words: list[list[_Part]] = field(default_factory=list)
    redirections: list[tuple[str, list[_Part]]] = field(default_factory=list)


@dataclass
class _Step:
    """A pipeline and the operator that follows it."""

    commands: list[_Simple]
    then: str = ";"


def parse(line: str) -> list[_Step]:
    """Raises ShellSyntaxError."""
    return _Parser(line).steps()


class _Parser:
    def __init__(self, line: str) -> None:
        self._line = line
        self._at = 0

    def steps(self) -> list[_Step]:
        steps: list[_Step] = []
        pipeline: list[_Simple] = []
        simple = _Simple()
        while True:
            self._skip_blanks()
            operator = self._operator()
            if operator is None and self._at < len(self._line):
                self._word_into(simple)
                continue
            empty = not (simple.words or simple.assignments or simple.redirections)
            if empty and (operator not in (None, "\n", ";") or pipeline):
                shown = (operator or "newline").replace("\n", "newline")
                raise ShellSyntaxError(f"syntax error: unexpected '{shown}'")
            if not empty:
                pipeline.append(simple)
                simple = _Simple()
            if operator == "|":
                continue
            if pipeline:
                steps.append(_Step(pipeline, {None: ";", "\n": ";"}.get(operator, operator or ";")))
                pipeline = []
            if operator is None:
                if steps and steps[-1].then in ("&&", "||"):
                    raise ShellSyntaxError("syntax error: unexpected 'newline'")
                return steps

    def _skip_blanks(self) -> None:
        while self._at < len(self._line) and self._line[self._at] in " \t\r":
            self._at += 1
        if self._line.startswith("\\\n", self._at):
            self._at += 2
            self._skip_blanks()
        elif self._line.startswith("#", self._at):
            end = self._line.find("\n", self._at)
            self._at = len(self._line) if end < 0 else end

    def _operator(self) -> str | None:
        for operator in _OPERATORS:
            if self._line.startswith(operator, self._at):
                self._at += len(operator)
                return operator
        return None

    def _word_into(self, simple: _Simple) -> None:
        if redirection := self._redirection():
            if "&" in redirection:
                simple.redirections.append((redirection, []))
                return
            self._skip_blanks()
            target = self._word()
            if not target:
                raise ShellSyntaxError("syntax error: missing redirection target")
            simple.redirections.append((redirection, target))
            return
        start = self._at
        word = self._word()
        if not word:
            raise ShellSyntaxError(f"syntax error: unexpected '{self._line[self._at]}'")
        first = word[0]
        if first.kind == "text" and not first.quoted and not simple.words:
            name, equals, _ = first.text.partition("=")
            if equals and name.isidentifier():
                word[0] = _Part("text", first.text[len(name) + 1 :], False)
                simple.assignments.append((name, word))
                return
            if self._line[start : self._at] in _COMPOUND:
                raise ShellSyntaxError(f"syntax error: unexpected '{first.text}'")
        simple.words.append(word)

    def _redirection(self) -> str:
        for text in ("2>&1", "1>&2", ">&2", "2>>", "2>", "1>", ">>", ">", "<"):
            if self._line.startswith(text, self._at):
                self._at += len(text)
                return {"1>": ">", "1>&2": ">&2"}.get(text, text)
        return ""

    def _word(self) -> list[_Part]:
        parts: list[_Part] = []
        text = ""
        line = self._line

        def flush() -> None:
            nonlocal text
            if text:
                parts.append(_Part("text", text, False))
                text = ""

        while self._at < len(line):
            char = line[self._at]
            if char in " \t\r\n;|&<>()":
                break
            if char == "\\":
                flush()
                parts.append(_Part("text", line[self._at + 1 : self._at + 2], True))
                self._at += 2
            elif char == "'":
                flush()
                end = line.find("'", self._at + 1)
                if end < 0:
                    raise ShellSyntaxError("no closing quote")
                parts.append(_Part("text", line[self._at + 1 : end], True))
                self._at = end + 1
            elif char == '"':
                flush()
                self._at += 1
                parts.extend(self._double_quoted())
            elif char in "$`":
                flush()
                parts.append(self._expansion(quoted=False))
            else:
                text += char
                self._at += 1
        flush()
        return parts

    def _double_quoted(self) -> list[_Part]:
        parts: list[_Part] = [_Part("text", "", True)]
        line = self._line
        while self._at < len(line):
            char = line[self._at]
            if char == '"':
                self._at += 1
                return parts
            if char == "\\" and line[self._at + 1 : self._at + 2] in ("$", "`", '"', "\\", "\n"):
                parts.append(_Part("text", line[self._at + 1], True))
                self._at += 2
            elif char in "$`":
                parts.append(self._expansion(quoted=True))
            else:
                end = self._at + 1
                while end < len(line) and line[end] not in '"\\$`':
                    end += 1
                parts.append(_Part("text", line[self._at : end], True))
                self._at = end
        raise ShellSyntaxError("no closing quote")

    def _expansion(self, *, quoted: bool) -> _Part:
        line = self._line
        if line[self._at] == "`":
            end = line.find("`", self._at + 1)
            if end < 0:
                raise ShellSyntaxError("no closing quote")
            inner = line[self._at + 1 : end]
            self._at = end + 1
            return _Part("command", inner, quoted)
        if line.startswith("$(", self._at):
            if line.startswith("$((", self._at):
                raise ShellSyntaxError("syntax error: unexpected '(('")
            start = self._at + 2
            depth, end = 1, start
            while end < len(line) and depth:
                depth += {"(": 1, ")": -1}.get(line[end], 0)
                end += 1
            if depth:
                raise ShellSyntaxError("syntax error: unexpected EOF")
            self._at = end
            return _Part("command", line[start : end - 1], quoted)
        if line.startswith("${", self._at):
            end = line.find("}", self._at)
            name = line[self._at + 2 : end]
            if end < 0 or not name.isidentifier():
                raise ShellSyntaxError(f"{line[self._at :]}: bad substitution")
            self._at = end + 1
            return _Part("variable", name, quoted)
        end = self._at + 1
        if line[end : end + 1] in ("?", "$", "#"):
            end += 1
        else:
            while end < len(line) and (line[end].isalnum() or line[end] == "_"):
                end += 1
        name = line[self._at + 1 : end]
        self._at = max(end, self._at + 1)
        return _Part("variable", name, quoted) if name else _Part("text", "$", quoted)


# --- running it -------------------------------------------------------------------------------------------


class Shell:
    """One shell process: its variables, its folder, its last exit status."""

    def __init__(self, phone: VirtualPhone, out: Sink, err: Sink, stdin: Source | None = None) -> None:
        self._phone = phone
        self._out = out
        self._err = err
        self._stdin = stdin or source(b"")
        self.status = 0
        self.folder = "/"
        self.variables = {
            "HOME": "/",
            "USER": "shell",
            "PATH": "/system/bin",
            "EXTERNAL_STORAGE": "/sdcard",
            "ANDROID_DATA": "/data",
            "ANDROID_ROOT": "/system",
            "TMPDIR": "/data/local/tmp",
        }

    async def run(self, line: str) -> int:
        """The exit status."""
        try:
            steps = parse(line)
        except ShellSyntaxError as error:
            self._err(f"{_SHELL}: {error}\n".encode())
            self.status = 1
            return 1
        before = ";"
        for step in steps:
            wanted = {"&&": self.status == 0, "||": self.status != 0}.get(before, True)
            before = step.then
            if not wanted:
                continue
            if step.then == "&":
                self._phone.spawn(self._pipeline(step.commands))
                self.status = 0
            else:
                await self._pipeline(step.commands)
        return self.status

    async def _pipeline(self, commands: Sequence[_Simple]) -> None:
        stdin = self._stdin
        for simple in commands[:-1]:
            piped = bytearray()
            await self._simple(simple, stdin, piped.extend)
            stdin = source(bytes(piped))
        await self._simple(commands[-1], stdin, self._out)

    async def _simple(self, simple: _Simple, stdin: Source, out: Sink) -> None:
        words: list[str] = []
        for parts in simple.words:
            words.extend(await self._expand(parts))
        assigned = {
            name: "".join(await self._expand(parts, split=False)) for name, parts in simple.assignments
        }
        err = self._err
        saved: list[tuple[str, bytearray, bool]] = []
        for operator, parts in simple.redirections:
            if operator == "2>&1":
                err = out
                continue
            if operator == ">&2":
                out = err
                continue
            target = "".join(await self._expand(parts, split=False))
            if operator == "<":
                file = self._phone.storage.file(self._absolute(target))
                if target != "/dev/null" and file is None:
                    self._err(f"{_SHELL}: can't open {target}: No such file or directory\n".encode())
                    self.status = 1
                    return
                stdin = source(file.content.read() if file else b"")
                continue
            buffer = bytearray()
            if target != "/dev/null":
                saved.append((self._absolute(target), buffer, operator.endswith(">>")))
            if operator.startswith("2"):
                err = buffer.extend
            else:
                out = buffer.extend
        if not words:
            self.variables.update(assigned)
            self.status = 0
        else:
            self.status = await self._execute(words, assigned, stdin, out, err)
        for path, buffer, append in saved:
            self._save(path, bytes(buffer), append)

    def _save(self, path: str, data: bytes, append: bool) -> None:
        storage = self._phone.storage
        before = storage.file(path)
        if append and before is not None:
            data = before.content.read() + data
        try:
            storage.write(path, storage.store.put(data))
        except OSError as error:
            self._err(f"{_SHELL}: can't create {path}: {error.strerror}\n".encode())
            self.status = 1

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else posixpath.join(self.folder, path)

    async def _execute(
        self, words: list[str], assigned: dict[str, str], stdin: Source, out: Sink, err: Sink
    ) -> int:
        if words[0] in ("cd", "pwd", "export", "exit", "exec", "command", "which", "type"):
            return await self._builtin(words, assigned, stdin, out, err)
        if words[0] == "toybox" and len(words) > 1:
            if words[1] not in TOYBOX:
                err(f'toybox: Unknown command {words[1]} (see "toybox --help")\n'.encode())
                return 127
            words = words[1:]
        name = words[0].removeprefix("/system/bin/")
        function = COMMANDS.get(name)
        if function is None:
            self._phone.log.begin("shell", "unknown command", words[0]).finish(False)
            err(f"{_SHELL}: {words[0]}: inaccessible or not found\n".encode())
            return 127
        process = Process(
            self._phone, [name, *words[1:]], stdin, out, err, {**self.variables, **assigned}, self.folder
        )
        call = self._phone.log.begin("shell", name, " ".join(words[1:]))
        status = 1
        try:
            status = await function(process)
        except ToolError as error:
            process.complain(error.message)
            status = error.status
        except OSError as error:
            process.complain(f"{name}: {error.filename}: {error.strerror}")
        finally:
            call.finish(status == 0)
        return status

    async def _builtin(
        self, words: list[str], assigned: dict[str, str], stdin: Source, out: Sink, err: Sink
    ) -> int:
        name, args = words[0], words[1:]
        if name == "pwd":
            out(f"{self.folder}\n".encode())
        elif name == "cd":
            target = self._absolute(args[0] if args else self.variables["HOME"])
            if not self._phone.storage.is_folder(target):
                err(f"{_SHELL}: cd: {target}: No such file or directory\n".encode())
                return 2
            self.folder = posixpath.normpath(target)
        elif name == "export":
            for word in args:
                variable, equals, value = word.partition("=")
                if equals:
                    self.variables[variable] = value
        elif name == "exit":
            raise ShellExit(int(args[0]) if args and args[0].isdigit() else self.status)
        elif name == "exec":
            raise ShellExit(await self._execute(args, assigned, stdin, out, err) if args else 0)
        else:
            wanted = [word for word in args if not word.startswith("-")]
            for word in wanted:
                if word.removeprefix("/system/bin/") not in COMMANDS:
                    return 1
                out(f"/system/bin/{word.removeprefix('/system/bin/')}\n".encode())
        return 0

    async def _expand(self, parts: list[_Part], *, split: bool = True) -> list[str]:
        """The words that one word of the line becomes."""
        words = [""]
        pattern = [""]
        any_quoted = any(part.quoted for part in parts)
        for part in parts:
            text = await self._text(part)
            pieces = text.split() if part.kind != "text" and split and not part.quoted else [text]
            for position, piece in enumerate(pieces):
                if position:
                    words.append("")
                    pattern.append("")
                words[-1] += piece
                pattern[-1] += _escape_glob(piece) if part.quoted else piece
        if not split:
            return words
        expanded: list[str] = []
        for word, glob in zip(words, pattern, strict=True):
            if not word and not any_quoted:
                continue
            matches = self._glob(glob) if any(char in glob for char in "*?[") else []
            expanded.extend(matches or [word])
        return expanded

    async def _text(self, part: _Part) -> str:
        if part.kind == "text":
            return part.text
        if part.kind == "variable":
            return {"?": str(self.status), "$": "2345", "#": "0"}.get(part.text) or self.variables.get(
                part.text, ""
            )
        output = bytearray()
        inner = Shell(self._phone, output.extend, self._err)
        inner.variables, inner.folder = dict(self.variables), self.folder
        self.status = await run_to_exit(inner, part.text)
        return output.decode("utf-8", "replace").rstrip("\n")

    def _glob(self, pattern: str) -> list[str]:
        folder, _, name = pattern.rpartition("/")
        if any(char in folder for char in "*?["):
            raise ToolError(f"{_SHELL}: {pattern}: only the last part of a path may hold a pattern")
        base = self._absolute(folder or ("/" if pattern.startswith("/") else self.folder))
        if not self._phone.storage.is_folder(resolve(base)):
            return []
        names = fnmatch.filter(self._phone.storage.children(base), name)
        return [
            f"{folder}/{found}" if "/" in pattern else found for found in names if not found.startswith(".")
        ]


class ShellExit(Exception):
    """`exit` or `exec` ended the shell."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def run_to_exit(shell: Shell, line: str) -> int:
    try:
        return await shell.run(line)
    except ShellExit as end:
        return end.status
    except ToolError as error:
        shell._err(f"{error.message}\n".encode())
        return error.status


def _escape_glob(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
