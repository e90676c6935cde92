"""Finds the installed scripts: each file or folder of a scripts directory is a module with one or more.

A script with a mistake is reported by file and line and left out; neither the others nor the service suffer.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import structlog

import runner
from runner.errors import ScriptUnknown
from runner.mistakes import nearest
from runner.script import Script, ScriptConfig

log = structlog.get_logger(__name__)

_NAMESPACE = "_runner_scripts"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_serial_numbers = itertools.count(1)


@dataclass(frozen=True)
class ScriptProblem:
    """Why a script is not installed."""

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Scripts:
    """The installed scripts by name, and what kept others out."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Loads every script of `folders`; of two with one name, the first stays."""
        self.problems: list[ScriptProblem] = []
        self._by_name: dict[str, Script[Any]] = {}
        self._files: dict[str, Path] = {}
        for folder in folders:
            if not folder.is_dir():
                self._report(ScriptProblem(folder, 0, "there is no such folder of scripts"))
                continue
            for file in _entry_files(folder):
                self._load(file)

    def get(self, name: str) -> Script[Any]:
        """Raises ScriptUnknown, naming those that are installed."""
        try:
            return self._by_name[name]
        except KeyError:
            meant = nearest(name, self._by_name)
            hint = f' Did you mean "{meant}"?' if meant else ""
            raise ScriptUnknown(
                f'script_name: no script "{name}" is installed.{hint}',
                field="script_name",
                value=name,
                remedy=f"Installed: {', '.join(sorted(self._by_name)) or 'none'}.",
            ) from None

    def all(self) -> list[Script[Any]]:
        """By name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    @property
    def without_phone(self) -> frozenset[str]:
        """Names of the scripts that run whether their phone is there or not."""
        return frozenset(name for name, script in self._by_name.items() if not script.needs_phone)

    @property
    def proving(self) -> frozenset[str]:
        """Names of the scripts that start also for an account that is marked as unusable."""
        return frozenset(name for name, script in self._by_name.items() if script.proves_account)

    def _load(self, file: Path) -> None:
        try:
            classes = list(_script_classes(_import(file)))
            for script_class in classes:
                self._add(script_class)
        except SyntaxError as error:
            place = Path(error.filename or file), error.lineno or 0
            self._report(ScriptProblem(*place, f"syntax: {error.msg}"))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a script's module may raise anything
            place = _last_place(error, within=_root(file), default=file)
            self._report(ScriptProblem(*place, f"{type(error).__name__}: {error}"))
        else:
            if not classes:
                hint = "the name of a helper file starts with _"
                self._report(ScriptProblem(file, 1, f"no class derives from runner.script.Script ({hint})"))

    def _add(self, script_class: type[Script[Any]]) -> None:
        place = Path(inspect.getfile(script_class)), inspect.getsourcelines(script_class)[1]
        if mistake := _mistake(script_class):
            self._report(ScriptProblem(*place, f"class {script_class.__name__}: {mistake}"))
        elif script_class.name in self._by_name:
            first = self._files[script_class.name]
            self._report(ScriptProblem(*place, f'the name "{script_class.name}" is taken by {first}'))
        else:
            self._by_name[script_class.name] = script_class()
            self._files[script_class.name] = place[0]

    def _report(self, problem: ScriptProblem) -> None:
        self.problems.append(problem)
        log.error("script not installed", file=str(problem.file), line=problem.line, problem=problem.message)


def folders(extra: Iterable[Path] = ()) -> list[Path]:
    """Where scripts are: those that come with the package (in a checkout beside it), then `extra`."""
    package = Path(runner.__file__).parent
    bundled = package / "bundled_scripts"
    return [bundled if bundled.is_dir() else package.parent / "scripts", *extra]


def _entry_files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir() and any(entry.glob("*.py")):
            yield entry / "__init__.py"
        elif entry.suffix == ".py":
            yield entry


def _root(file: Path) -> Path:
    return file.parent if file.name == "__init__.py" else file


def _import(file: Path) -> ModuleType:
    """Under a name of its own, so that scripts neither shadow nor see each other."""
    if not file.exists():
        raise ImportError(f"a folder with a script needs an {file.name}")
    root = _root(file)
    name = f"{_NAMESPACE}_{next(_serial_numbers)}_{root.stem}"
    spec = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=[str(root)] if root.is_dir() else None
    )
    if spec is None or spec.loader is None:
        raise ImportError("Python can't load this file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for loaded in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
            del sys.modules[loaded]
        raise
    return module


def _script_classes(module: ModuleType) -> Iterator[type[Script[Any]]]:
    for value in vars(module).values():
        if not (inspect.isclass(value) and issubclass(value, Script)):
            continue
        if value.__module__ == module.__name__ or value.__module__.startswith(f"{module.__name__}."):
            yield value


def _mistake(script_class: type[Script[Any]]) -> str:
    if inspect.isabstract(script_class):
        return f"{' and '.join(sorted(script_class.__abstractmethods__))} is not implemented"
    name = getattr(script_class, "name", None)
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        return f"name must be lower-case letters, digits and _, not {name!r}"
    config = getattr(script_class, "Config", None)
    if not (inspect.isclass(config) and issubclass(config, ScriptConfig)):
        return "Config must be a class that derives from runner.script.ScriptConfig"
    return ""


def _last_place(error: BaseException, *, within: Path, default: Path) -> tuple[Path, int]:
    """The last line of the script itself that took part in the error."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file == within or within in file.parents:
            return file, frame.lineno or 0
    return default, 1
