"""Adds accounts to the text of a devices.yaml and changes nothing else of it: no comment, no order, no quote.

Lines are put in where the parsed file says that a device's accounts end. What comes out is loaded as the
service would load it, and compared with what was meant, before anyone gets to see it.
"""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from runner.errors import ConfigError
from runner.farm.loader import parse
from runner.farm.model import Device, Farm, FarmAccount


@dataclass(frozen=True)
class FoundAccount:
    """An account that is logged in on a phone."""

    serial: str
    username: str
    app: str
    package: str


@dataclass(frozen=True)
class Proposal:
    before: str
    after: str
    added: tuple[FoundAccount, ...]
    left_out: dict[FoundAccount, str]
    """Those that can't be added, and why. An account that stands at its phone already is in neither."""

    def diff(self, name: str) -> str:
        """What changes, as a unified diff; "" for nothing."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(before, after, name, name))


def propose(raw: bytes, path: Path, found: Iterable[FoundAccount]) -> Proposal:
    """Raises ConfigError when the file has mistakes, or is written so that it can't be added to."""
    farm = parse(raw, path).farm
    text = raw.decode("utf-8-sig")
    added: list[FoundAccount] = []
    left_out: dict[FoundAccount, str] = {}
    for account in dict.fromkeys(found):
        places = [device for device, known in farm.accounts_of(account.username) if known.app == account.app]
        if farm.device(account.serial) is None:
            left_out[account] = "the phone is not in devices.yaml"
        elif not places:
            added.append(account)
        elif account.serial not in [device.serial for device in places]:
            left_out[account] = f"it stands at {places[0].serial} already"
    try:
        after = text
        for device in farm.devices:
            here = [account for account in added if account.serial == device.serial]
            after = _with_accounts(after, path, device, here, farm.default_app) if here else after
        is_meant = parse(after.encode("utf-8"), path).farm.devices == _meant(farm, added)
    except ConfigError:
        is_meant = False
    if not is_meant:
        names = ", ".join(f"{account.username} at {account.serial}" for account in added)
        raise ConfigError(
            f"{path} is written in a way that accounts can't be added to.", remedy=f"Add by hand: {names}."
        )
    return Proposal(text, after, tuple(added), left_out)


def write(path: Path, proposal: Proposal) -> Path:
    """Put the file in place in one step; the path of its backup.

    Raises ConfigError when it was changed meanwhile.
    """
    path = path.resolve()
    if path.read_bytes().decode("utf-8-sig") != proposal.before:
        raise ConfigError(f"{path} was changed meanwhile.", remedy="Look at the proposal again.")
    backup = path.with_name(f"{path.name}.bak")
    shutil.copy2(path, backup)
    with NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        new.write(proposal.after.encode("utf-8"))
    shutil.copymode(path, new.name)
    os.replace(new.name, path)
    return backup


def _with_accounts(
    text: str, path: Path, device: Device, accounts: Sequence[FoundAccount], default_app: str
) -> str:
    """First without packages; those whose package would then be another one get it written."""
    bare = [replace(account, package="") for account in accounts]
    there = parse(_inserted(text, device, bare, default_app).encode(), path).farm.device(device.serial)
    resolved = {(known.username, known.app): known.package for known in there.accounts} if there else {}
    needed = [
        account if resolved.get((account.username, account.app)) != account.package else short
        for account, short in zip(accounts, bare, strict=True)
    ]
    return _inserted(text, device, needed, default_app)


def _inserted(text: str, device: Device, accounts: Sequence[FoundAccount], default_app: str) -> str:
    entries = [_entry(account, default_app) for account in accounts]
    in_flow = ", ".join("{" + ", ".join(f"{key}: {value}" for key, value in entry) + "}" for entry in entries)
    node = _device_node(text, device)
    key, listed = next(((key, value) for key, value in node.value if key.value == "accounts"), (None, None))
    if isinstance(listed, SequenceNode) and listed.flow_style:
        return _before_bracket(text, listed, in_flow)
    if node.flow_style:
        return _before_bracket(text, node, f"accounts: [{in_flow}]")
    if isinstance(listed, SequenceNode):
        return _after_line(text, _last_line(listed), _block(entries, listed.start_mark.column))
    column = node.value[0][0].start_mark.column
    block = _block(entries, column + 2)
    if key is not None:  # without a value
        return _after_line(text, key.end_mark.line, block)
    return _after_line(text, _last_line(node), [" " * column + "accounts:", *block])


def _entry(account: FoundAccount, default_app: str) -> list[tuple[str, str]]:
    entry = [("username", _quoted(account.username))]
    if account.app != default_app:
        entry.append(("app", account.app))
    if account.package:
        entry.append(("package", _quoted(account.package)))
    return entry


def _quoted(text: str) -> str:
    """Quoted where plain text could read as a number, a date or a word of YAML's."""
    return text if text[0].isalpha() and ("_" in text or "." in text) else f'"{text}"'


def _block(entries: Iterable[list[tuple[str, str]]], column: int) -> list[str]:
    return [
        " " * column + ("  " if number else "- ") + f"{key}: {value}"
        for entry in entries
        for number, (key, value) in enumerate(entry)
    ]


def _before_bracket(text: str, node: MappingNode | SequenceNode, added: str) -> str:
    """At the end of a list or mapping in brackets, which may end in a comma."""
    bracket = node.end_mark.index - 1
    before = text[:bracket].rstrip()
    comma = "" if not node.value else " " if before.endswith(",") else ", "
    return before + comma + added + text[len(before) :]


def _after_line(text: str, line: int, block: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True)
    end = "\r\n" if lines[line].endswith("\r\n") else "\n"
    if not lines[line].endswith("\n"):
        lines[line] += end
    return "".join([*lines[: line + 1], *(added + end for added in block), *lines[line + 1 :]])


def _last_line(node: Node) -> int:
    """The line, from 0, on which its last value ends. The end of a block is where the next thing begins."""
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    if isinstance(node, MappingNode):
        key, value = last
        return max(int(key.end_mark.line), _last_line(value)) if value.value else int(key.end_mark.line)
    return _last_line(last)


def _device_node(text: str, device: Device) -> MappingNode:
    root = YAML(typ="rt").compose(text)
    devices = next(value for key, value in root.value if key.value == "devices")
    node = devices.value[device.index - 1]
    assert isinstance(node, MappingNode)
    return node


def _meant(farm: Farm, added: Sequence[FoundAccount]) -> tuple[Device, ...]:
    """The farm's devices with these accounts, and nothing else of them changed."""
    new = [(each.serial, FarmAccount(each.username, each.app, each.package)) for each in added]
    return tuple(
        replace(device, accounts=(*device.accounts, *(it for serial, it in new if serial == device.serial)))
        for device in farm.devices
    )
