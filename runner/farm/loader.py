"""Reads devices.yaml into a `Farm` and the sections that `runner.settings` takes.

Finds every mistake of the file in one go and says for each where it is and what to write. It never guesses:
a file with one mistake is not used at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import tzlocal
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from runner.errors import ConfigError, FileProblem
from runner.farm.model import PACKAGES, Device, Farm, FarmAccount
from runner.farm.schema import DeviceEntry, FarmFile, is_address
from runner.mistakes import sentence

SECTIONS = {
    "api",
    "tasks",
    "adb",
    "materials",
    "worker_api",
    "upstreams",
    "fleet",
    "name",
    "host",
    "port",
    "data_dir",
    "scripts_dir",
    "screens_dir",
}
"""What of the file is a setting of the runner and not the farm."""

Location = tuple[int | str, ...]
"""A path into the file, like ("devices", 0, "serial")."""

_EXAMPLE = 'write at least "devices:" and under it "  - serial: YOUR_PHONE".'

_SYNTAX_HINTS = [
    (r"'\\t'", "a tab; YAML is indented with spaces only."),
    (r"'@'", 'text that begins with @ needs quotes: "@name", or leave the @ out.'),
    (r"'[%`]'", "text that begins with this character needs quotes."),
    (
        r"mapping values are not allowed",
        'a colon where none can be: put text with ": " in quotes, and indent keys of one block equally.',
    ),
    (r"could not find expected ':'", 'a key without a colon; write "key: value".'),
    (r"expected <block end>", "this line's indentation fits no block above it."),
    (r"expected the node content|expected ',' or", "an opened [ or { is not closed."),
    (r"unexpected end of stream", "an opened quote is not closed."),
    (r"undefined alias", "text that begins with * needs quotes."),
    (r"another document", "the file must be one YAML document; remove the line ---."),
]


@dataclass(frozen=True)
class Loaded:
    """A file without mistakes. `settings` has only what the file names; its paths are absolute."""

    farm: Farm
    settings: dict[str, Any]
    text: str = field(default="", repr=False)
    """What stands in the file."""


def load(path: Path) -> Loaded:
    """Read and check the file. Raises ConfigError with all its problems."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "can't be read"
        raise ConfigError(
            f"{path}: {reason}.", remedy="Write one, or name another with --config or RUNNER_CONFIG."
        ) from error
    return parse(raw, path)


def parse(raw: bytes, path: Path) -> Loaded:
    """Check the content of a file that is (or would be) at `path`. Raises ConfigError with all problems."""
    tree, problems = _tree(raw, path)
    values = _plain(tree)
    places = _Places(str(path), tree)
    try:
        file = FarmFile.model_validate(values, strict=True)
    except ValidationError as error:
        problems += [places.refused(details) for details in error.errors()]
    problems += _across_devices(values, places)
    if problems:
        raise ConfigError(problems=sorted(set(problems)))
    return Loaded(_farm(file, path), _settings(file, path), raw.decode("utf-8-sig"))


# The file's text → a tree that knows its places


def _tree(raw: bytes, path: Path) -> tuple[CommentedMap, list[FileProblem]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file with the encoding UTF-8."
        raise ConfigError(problems=[FileProblem(str(path), line, column, message)]) from None
    problems: list[FileProblem] = []
    yaml = YAML(typ="rt")
    yaml.Constructor = _collecting_duplicates(str(path), problems)
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        raise ConfigError(problems=[*problems, *_syntax_problems(error, text, path)]) from None
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"the character U+{error.character:04X} can't stand in YAML; remove it."
        raise ConfigError(problems=[FileProblem(str(path), line, column, message)]) from None
    except YAMLError as error:
        raise ConfigError(problems=[FileProblem(str(path), 1, 1, str(error))]) from None
    if tree is None:
        raise ConfigError(problems=[FileProblem(str(path), 1, 1, f"the file is empty; {_EXAMPLE}")])
    if not isinstance(tree, CommentedMap):
        message = f'the file must be made of "key: value" lines; {_EXAMPLE}'
        raise ConfigError(problems=[FileProblem(str(path), 1, 1, message)])
    return tree, problems


def _collecting_duplicates(path: str, problems: list[FileProblem]) -> type[RoundTripConstructor]:
    """A constructor that notes a key written twice and goes on, so that all of them are found."""

    class Collecting(RoundTripConstructor):
        def check_mapping_key(self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any) -> bool:
            if key not in mapping:
                return True
            mark = key_node.start_mark
            message = f'"{key}" stands twice in this block; keep one.'
            problems.append(FileProblem(path, mark.line + 1, mark.column + 1, message))
            return False

    return Collecting


def _syntax_problems(error: MarkedYAMLError, text: str, path: Path) -> list[FileProblem]:
    tabs = [
        FileProblem(str(path), number, indent.end(), "a tab; YAML is indented with spaces only.")
        for number, line in enumerate(text.splitlines(), 1)
        if (indent := re.match(r" *\t", line))
    ]
    if tabs:
        return tabs
    problem = str(error.problem)
    mark = error.problem_mark
    if "could not find expected" in problem or "unexpected end of stream" in problem:
        mark = error.context_mark  # where it began: the problem is only noticed lines later
    hint = next((hint for pattern, hint in _SYNTAX_HINTS if re.search(pattern, problem)), f"{problem}.")
    return [FileProblem(str(path), mark.line + 1, mark.column + 1, f"not valid YAML: {hint}")]


def _plain(node: Any) -> Any:
    """Plain dicts and lists; a key without a value counts as left out."""
    if isinstance(node, CommentedMap):
        return {key: _plain(value) for key, value in node.items() if value is not None}
    if isinstance(node, CommentedSeq):
        return [_plain(item) for item in node]
    return node


@dataclass(frozen=True)
class _Places:
    """Where in the file each value stands."""

    path: str
    tree: CommentedMap

    def refused(self, error: ErrorDetails) -> FileProblem:
        location = error["loc"]
        name = next((part for part in reversed(location) if isinstance(part, str)), "the file")
        if location and isinstance(location[-1], int):
            name = f"an entry of {name}"
        line, column = self.find(location, of_key=error["type"] == "extra_forbidden")
        return FileProblem(self.path, line, column, sentence(error, name, FarmFile))

    def problem(self, location: Location, message: str) -> FileProblem:
        return FileProblem(self.path, *self.find(location), message)

    def find(self, location: Location, *, of_key: bool = False) -> tuple[int, int]:
        """Line and column of the value (or its key) there; if it is missing, of what should hold it."""
        node: Any = self.tree
        line = column = 0
        for part in location:
            places = node.lc.data or {} if isinstance(node, (CommentedMap, CommentedSeq)) else {}
            if part not in places:
                break
            place = places[part]
            line, column = place[:2] if of_key or len(place) == 2 else place[2:4]
            node = node[part]
        return line + 1, column + 1


# What a look at single values can't find


def _across_devices(values: dict[str, Any], places: _Places) -> Iterator[FileProblem]:
    """Mistakes between devices. Looks at the raw values, so that they are found beside other mistakes."""
    serials: dict[str, Location] = {}
    usernames: dict[tuple[str, str], Location] = {}
    defaults = values.get("defaults")
    default_app = defaults.get("app", "tiktok") if isinstance(defaults, dict) else "tiktok"
    for index, device in _mappings(values.get("devices")):
        here: Location = ("devices", index)
        if not (device.get("serial") or device.get("address")):
            yield places.problem(here, "serial is missing; write it as `runner doctor` shows it.")
        for name in {str(device[key]) for key in ("serial", "address") if device.get(key)}:
            first = serials.setdefault(name, here)
            if first != here:
                line = places.find(first)[0]
                yield places.problem(here, f'the device "{name}" stands at line {line} already; keep one.')
        for number, account in _mappings(device.get("accounts")):
            username, app = account.get("username"), account.get("app", default_app)
            if not isinstance(username, str):
                continue
            place = (*here, "accounts", number, "username")
            first = usernames.setdefault((username.removeprefix("@").casefold(), str(app)), place)
            if first != place:
                line = places.find(first)[0]
                account_name = f'the {app} account "{username}"'
                yield places.problem(place, f"{account_name} stands at line {line} already; keep one.")


def _mappings(items: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    if isinstance(items, list):
        yield from ((index, item) for index, item in enumerate(items) if isinstance(item, dict))


# Checked values → the farm and the settings


def _farm(file: FarmFile, path: Path) -> Farm:
    return Farm(
        time_zone=ZoneInfo(file.time_zone or tzlocal.get_localzone_name()),
        devices=tuple(_device(entry, index, file) for index, entry in enumerate(file.devices, 1)),
        default_app=file.defaults.app,
        path=str(path),
    )


def _device(entry: DeviceEntry, index: int, file: FarmFile) -> Device:
    address = entry.address or (entry.serial if is_address(entry.serial) else "")
    accounts = []
    for account in entry.accounts:
        app = account.app or file.defaults.app
        inherited = [entry.package, file.defaults.package]
        package = next((name for name in inherited if name and _app_of(name) == app), PACKAGES[app])
        accounts.append(FarmAccount(account.username, app, account.package or package, account.enabled))
    return Device(
        serial=entry.serial or address,
        index=index,
        name=entry.name,
        address=address,
        host=entry.host,
        group=entry.group,
        tags=tuple(entry.tags),
        enabled=entry.enabled,
        accounts=tuple(accounts),
    )


def _app_of(package: str) -> str:
    return "instagram" if "instagram" in package else "tiktok"


def _settings(file: FarmFile, path: Path) -> dict[str, Any]:
    settings = file.model_dump(include=SECTIONS, exclude_unset=True)
    folder = path.parent.resolve()
    for key in settings.keys() & {"data_dir", "scripts_dir", "screens_dir"}:
        settings[key] = folder / settings[key]
    materials = settings.get("materials", {})
    if materials.get("dir"):
        materials["dir"] = str(folder / Path(materials["dir"]).expanduser())
    if "roots" in materials:
        materials["roots"] = [str(folder / Path(root).expanduser()) for root in materials["roots"]]
    return settings
