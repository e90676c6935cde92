"""Loads the screens files, merges the operator's over the bundled ones, and recognises hierarchies.

An operator's folder is looked at again whenever one of its files changed, so a repaired label works without a
restart; a file that can't be used then leaves the last good state in force and is logged.
"""

from __future__ import annotations

import fnmatch
import functools
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from runner.accounts.types import AccountState
from runner.errors import ConfigError, ControlMissing, FileProblem
from runner.mistakes import dotted, nearest, sentence, unknown_key
from runner.phones.hierarchy import Hierarchy, Node
from runner.phones.screens.matching import Circumstances, Spellings, View, Words, fold, names_nodes
from runner.phones.screens.schema import Kind, Screen, ScreensFile, Selector

BUNDLED = Path(__file__).parent
FIRST = "android"
"""The app whose screens are asked for before any other's: permission dialogs lie above everything."""

_LOOK_AGAIN_SECONDS = 0.5
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _App:
    name: str
    packages: tuple[str, ...]
    never: tuple[str, ...]
    signs: dict[str, tuple[Selector, ...]]
    screens: dict[str, Screen]

    def owns(self, package: str) -> bool:
        return any(fnmatch.fnmatchcase(package, pattern) for pattern in self.packages)


@dataclass(frozen=True)
class _State:
    """What the files say together."""

    words: Words
    apps: dict[str, _App]
    stamps: dict[Path, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What one hierarchy shows. `screen` is "" for an unknown one, a package for a foreign one."""

    hierarchy: Hierarchy
    app: str
    screen: str
    kind: Kind
    remarks: tuple[str, ...]
    """What is doubtful about it, or why nothing fits."""
    _definition: Screen | None = None
    _app: _App | None = None
    _view: View | None = None
    _controls: dict[str, tuple[Node, Selector] | None] = field(default_factory=dict)

    @property
    def why(self) -> tuple[str, ...]:
        """The remarks, then one line for each rule that held."""
        if self._definition is None or self._view is None:
            return self.remarks
        view = self._view
        return (*self.remarks, *(_explained(view, condition) for condition in self._definition.when))

    @property
    def control_names(self) -> tuple[str, ...]:
        """Every control that this screen's definition has, whether it is there now or not."""
        return tuple(self._definition.controls) if self._definition else ()

    def control(self, name: str) -> Node | None:
        """The control of this name on this screen, if it is there."""
        found = self._found(name)
        return found[0] if found else None

    def need(self, name: str) -> Node:
        """The control, or ControlMissing in the words "no Publish control recognised on post_page"."""
        found = self.control(name)
        if found is None:
            title = name.replace("_", " ").capitalize()
            raise ControlMissing(
                f"no {title} control recognised on {self.screen or 'an unknown screen'}.",
                remedy="Its label may have changed: add it to the screens files (docs/screens.md).",
            )
        return found

    def point(self, name: str) -> tuple[int, int]:
        """Where to tap for this control, in pixels. Raises ControlMissing."""
        node = self.need(name)
        found = self._found(name)
        across, down = found[1].at if found else (0.5, 0.5)
        left, top, *_ = node.bounds
        return int(left + across * node.bounds.width), int(top + down * node.bounds.height)

    def all(self, name: str) -> list[Node]:
        """Every node that a control's first useful selector finds, in the dump's order."""
        for selector in self._selectors(name):
            if self._view is not None and (found := self._view.find(selector)):
                return found
        return []

    def sign(self, name: str) -> Node | None:
        """A node that the app may show on any screen (`signs` of its file): upload progress, a failure."""
        if self._view is None or self._app is None:
            return None
        found = self._view.first(self._app.signs.get(name, ()))
        return found[0] if found else None

    def ways_out(self) -> Iterator[tuple[str, tuple[int, int] | None]]:
        """How to leave this screen, best first: (name of the control, where to tap), or ("back", None).

        Nothing that reads as a word which its app forbids (`never`) is among them.
        """
        if self._definition is None or self._view is None or self._app is None:
            return
        words = self._view.circumstances.words
        forbidden = [words.spellings(name) for name in self._app.never]
        for name in self._definition.leave:
            if name == "back":
                yield "back", None
            elif (node := self.control(name)) and not _reads_as(node, forbidden):
                yield name, self.point(name)

    @property
    def says(self) -> str:
        """For a blocked screen: what the app asks for."""
        return self._definition.says if self._definition else ""

    @property
    def account_state(self) -> AccountState:
        """For a blocked screen: the state of the account that it tells of."""
        return (self._definition and self._definition.state) or AccountState.UNKNOWN

    @property
    def is_worth_keeping(self) -> bool:
        """Is it known by its form only, so that a person should see it?"""
        return self._definition is not None and self._definition.keep

    def _selectors(self, name: str) -> tuple[Selector, ...]:
        return self._definition.controls.get(name, ()) if self._definition else ()

    def _found(self, name: str) -> tuple[Node, Selector] | None:
        if name not in self._controls and self._view is not None:
            self._controls[name] = self._view.first(self._selectors(name))
        return self._controls.get(name)


class Catalog:
    """All screens. Thread-safe; one serves every phone."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._lock = threading.Lock()
        self._bundled = _bundled()
        self._state = self._merged()
        self._looked_at = time.monotonic()

    @classmethod
    def load(cls, *folders: Path) -> Catalog:
        """The bundled screens, changed by the *.yaml of these folders (a missing folder counts as empty).

        Raises ConfigError with every problem of every file, each with its place.
        """
        return cls(folders)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the word table has a row for."""
        return self._current().words.languages

    def knows_language(self, language: str) -> bool:
        return self._current().words.knows(language)

    def recognise(
        self, hierarchy: Hierarchy, *, app: str = "", package: str = "", version: str = "", language: str = ""
    ) -> Seen:
        """What this hierarchy shows.

        `app` and `package` name what is being driven (a cloned app has a package of its own); without them
        the app is told by the packages in the hierarchy. `version` is the app's, `language` the phone's
        locale.
        """
        state = self._current()
        circumstances = Circumstances(state.words, version, language)
        owners = {package: app} if package else {}
        nodes: dict[str, list[Node]] = {}
        for node in hierarchy.visible:
            if node.package not in owners:
                owners[node.package] = _owner(state, node.package, app)
            nodes.setdefault(owners[node.package], []).append(node)
        doubts: list[str] = []
        if not circumstances.language_is_known:
            known = ", ".join(state.words.languages)
            doubts.append(
                f"the language {language!r} has no row in the word table ({known}): tried by structure"
            )
        for name, definitions in state.apps.items():
            if name not in nodes:
                continue
            view = View(nodes[name], hierarchy.size, circumstances)
            for screen, definition in definitions.screens.items():
                if all(map(view.holds, definition.when)):
                    kind = definition.kind or Kind.OTHER
                    return Seen(hierarchy, name, screen, kind, tuple(doubts), definition, definitions, view)
            if name != FIRST:
                doubts.append(f"no screen of {name} fits")
                return Seen(hierarchy, name, "", Kind.UNKNOWN, tuple(doubts), None, definitions, view)
        others = [package for package in nodes if package and package not in state.apps]
        if others:
            return Seen(hierarchy, "", others[0], Kind.FOREIGN, (f"only {', '.join(others)} is shown",))
        return Seen(hierarchy, "", "", Kind.LOADING, (*doubts, "no app's window has anything in it yet"))

    def _current(self) -> _State:
        """The state, read again when an operator's file changed."""
        if self._folders and time.monotonic() - self._looked_at >= _LOOK_AGAIN_SECONDS:
            with self._lock:
                self._looked_at = time.monotonic()
                if _stamps(self._folders) != self._state.stamps:
                    self._read_again()
        return self._state

    def _read_again(self) -> None:
        try:
            self._state = self._merged()
        except ConfigError as error:
            _log.error("screens.unusable", problems=str(error), kept="the last good state")
            self._state = _State(self._state.words, self._state.apps, _stamps(self._folders))
        else:
            _log.info("screens.reloaded", folders=[str(folder) for folder in self._folders])

    def _merged(self) -> _State:
        stamps = _stamps(self._folders)
        files = [*self._bundled, *(_read(path) for path in stamps)]
        problems = [problem for file in files for problem in file.problems]
        words: dict[str, dict[str, tuple[str, ...]]] = {}
        apps: dict[str, _App] = {}
        for file in files:
            for language, row in file.content.words.items():
                words.setdefault(language, {}).update(row)
            if file.content.app:
                apps[file.content.app] = _over(apps.get(file.content.app), file.content)
        table = Words(words)
        for file in files:
            problems += _misnamed(file, table, apps)
        if problems:
            raise ConfigError(problems=sorted(problems))
        in_order = dict(sorted(apps.items(), key=lambda item: item[0] != FIRST))
        return _State(table, in_order, stamps)


# Files


@dataclass(frozen=True)
class _File:
    path: Path
    content: ScreensFile
    tree: YamlNode | None
    problems: list[FileProblem]


@functools.cache
def _bundled() -> list[_File]:
    """They don't change while the process runs, and reading YAML is slow."""
    return [_read(path) for path in sorted(BUNDLED.glob("*.yaml"))]


def _stamps(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    found = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            stat = path.stat()
            found[path] = (stat.st_mtime_ns, stat.st_size)
    return found


def _read(path: Path) -> _File:
    yaml = YAML(typ="safe", pure=True)
    try:
        text = path.read_text("utf-8")
        tree = yaml.compose(text)
        values = yaml.constructor.construct_document(tree) if tree else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = FileProblem(str(path), mark.line + 1, mark.column + 1, f"not valid YAML: {error.problem}.")
        return _File(path, ScreensFile(), None, [place])
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        return _File(path, ScreensFile(), None, [FileProblem(str(path), 1, 1, f"can't be read: {error}")])
    try:
        return _File(path, ScreensFile.model_validate(values or {}), tree, [])
    except ValidationError as invalid:
        problems = [
            FileProblem(str(path), *_place(tree, error["loc"]), _said(error)) for error in invalid.errors()
        ]
        return _File(path, ScreensFile(), None, problems)


def _said(error: ErrorDetails) -> str:
    location = error["loc"]
    if error["type"] != "extra_forbidden":
        return sentence(error, dotted(location)) + "."
    model: type[BaseModel] = ScreensFile
    if location[0] == "signs" or len(location) > 3:
        model = Selector
    elif location[0] == "screens":
        model = Screen
    known = [field.alias or name for name, field in model.model_fields.items()]
    return unknown_key(dotted(location), known) + "."


def _place(tree: YamlNode, location: tuple[int | str, ...]) -> tuple[int, int]:
    """Line and column, from 1, of what pydantic means by `location`, or of what should hold it."""
    node = tree
    place = node.start_mark
    for part in location:
        if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == part), None)
            if entry is None:
                continue
            place, node = entry[0].start_mark, entry[1]
    return place.line + 1, place.column + 1


def _over(app: _App | None, file: ScreensFile) -> _App:
    """The app with what this file says put over it: it changes only what it names."""
    if app is None:
        return _App(file.app or "", file.packages, file.never, dict(file.signs), dict(file.screens))
    screens = dict(app.screens)
    for name, change in file.screens.items():
        if name in screens:
            old = screens[name]
            update = {key: getattr(change, key) for key in change.model_fields_set}
            screens[name] = old.model_copy(update=update | {"controls": {**old.controls, **change.controls}})
        else:
            screens = _inserted(screens, name, change)
    return _App(
        app.name,
        file.packages or app.packages,
        file.never or app.never,
        {**app.signs, **file.signs},
        screens,
    )


def _inserted(screens: dict[str, Screen], name: str, screen: Screen) -> dict[str, Screen]:
    """With a new screen at its place in the order."""
    names = list(screens)
    if screen.before in names:
        names.insert(names.index(screen.before), name)
    else:
        names.insert(0 if screen.kind == Kind.POPUP else len(names), name)
    return {each: screens.get(each, screen) for each in names}


def _misnamed(file: _File, words: Words, apps: dict[str, _App]) -> Iterator[FileProblem]:
    """Names that lead nowhere: unknown words, ways out without a control, new screens without a rule."""
    if file.tree is None:
        return
    for node in _values_of(file.tree, ("word", "never")):
        if node.value not in words.names:
            yield _unknown(file, node, "word", words.names)
    screens = apps[file.content.app].screens if file.content.app else {}
    for name, change in file.content.screens.items():
        screen, location = screens[name], ("screens", name)
        for way in change.leave:
            if way != "back" and way not in screen.controls:
                message = f'{name} is left by "{way}", but has no control of that name.'
                yield FileProblem(str(file.path), *_place(file.tree, (*location, "leave")), message)
        if screen.kind is None or not screen.when:
            message = f"{name} is new, so it needs kind and when."
            yield FileProblem(str(file.path), *_place(file.tree, location), message)


def _unknown(file: _File, node: ScalarNode, what: str, known: Iterable[str]) -> FileProblem:
    meant = nearest(str(node.value), known)
    hint = f'; did you mean "{meant}"?' if meant else "; add it to words"
    mark = node.start_mark
    message = f'"{node.value}" is no {what} of the table{hint}'
    return FileProblem(str(file.path), mark.line + 1, mark.column + 1, message)


def _values_of(node: YamlNode, keys: tuple[str, ...]) -> Iterator[ScalarNode]:
    """The scalars under these keys, anywhere in the tree but in the word table itself."""
    if isinstance(node, SequenceNode):
        for item in node.value:
            yield from _values_of(item, keys)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value in keys:
                yield from value.value if isinstance(value, SequenceNode) else [value]
            elif key.value != "words":
                yield from _values_of(value, keys)


# Recognition


def _owner(state: _State, package: str, driven: str) -> str:
    """The app that this package's nodes belong to: its name, else the package itself; "" for system bars."""
    if package in ("", "com.android.systemui"):
        return ""
    for name, app in state.apps.items():
        if app.owns(package) and (not driven or name in (driven, FIRST)):
            return name
    return package


def _reads_as(node: Node, forbidden: Iterable[Spellings]) -> bool:
    labels = {fold(part.label) for part in node.walk()} | {fold(node.description)}
    return any(
        label in spellings.exact or bool(spellings.pattern and spellings.pattern.fullmatch(label))
        for spellings in forbidden
        for label in labels
        if label
    )


def _explained(view: View, condition: Selector) -> str:
    """The rule that held, in its own words, with the nodes that fulfil it."""
    parts = []
    if names_nodes(condition):
        found = view.find(condition)
        parts.append(_in_words(condition) + (f" → {found[0]!r}" if found else ""))
    parts += [_explained(view, each) for each in condition.all]
    if held := next(filter(view.holds, condition.any), None):
        parts.append(_explained(view, held))
    parts += [f"nothing with {_in_words(each)}" for each in condition.none]
    return " and ".join(parts)


def _in_words(selector: Selector) -> str:
    named = selector.model_dump(by_alias=True, exclude_defaults=True)
    return ", ".join(f"{name} {_value(value)}" for name, value in named.items())


def _value(value: Any) -> str:
    match value:
        case dict():
            return "(" + ", ".join(f"{name} {_value(part)}" for name, part in value.items()) + ")"
        case list() | tuple():
            return "|".join(map(_value, value))
        case float():
            return f"{value:g}"
        case _:
            return str(value)
