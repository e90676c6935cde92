"""From a request to the tasks that it means: which account on which phone, at which instant.

Pure: it reads the farm and the time that it is given, and writes nothing. The whole request is refused if
any part of it can't work.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from runner.errors import InvalidRequest
from runner.farm.model import Device, Farm, FarmAccount
from runner.mistakes import dotted, nearest, sentence
from runner.script import Account, Planned, PlannedMaterials, Script, ScriptConfig
from runner.tasks.start_time import next_occurrence
from runner.tasks.types import CreateTasks, NewTask, Source

AnyScript = Script[Any]
Target = tuple[Device, FarmAccount | None]

LONGEST_INTERVAL = 7 * 24 * 60
"""Minutes."""
_HINTS = 5
"""For how many unknown names a similar one is looked for; it takes a millisecond each."""


def plan(
    request: CreateTasks,
    farm: Farm,
    script: AnyScript,
    *,
    source: Source,
    now: datetime,
    rng: random.Random,
    materials: PlannedMaterials,
) -> list[NewTask]:
    """The tasks in the order of the request. Raises InvalidRequest."""
    config = parse_config(script, request.script_config)
    targets = _targets(request, farm, script)
    start = next_occurrence(request.start_time, farm.time_zone, now) if request.start_time else now
    planned = []
    for (device, account), due_at in zip(targets, _spaced(targets, start, request, rng), strict=True):
        known = Account(account.username, account.app, account.package) if account else None
        script.check(config, Planned(device.serial, known, source, materials))
        planned.append(
            NewTask(
                serial=device.serial,
                username=account.username if account else "",
                app=account.app if account else "",
                package=account.package if account else "",
                due_at=due_at,
                scheduled_at=None if due_at == now else due_at,
            )
        )
    return planned


def parse_config(script: AnyScript, raw: dict[str, Any]) -> ScriptConfig:
    """The configuration as the script's own model. Raises InvalidRequest that names the field."""
    try:
        return script.Config.model_validate(raw)
    except ValidationError as error:
        mistakes = [(mistake, dotted(("script_config", *mistake["loc"]))) for mistake in error.errors()]
        wrong = [sentence(mistake, name, script.Config).rstrip(".") for mistake, name in mistakes]
        first, field = mistakes[0]
        raise InvalidRequest(
            f"{'; '.join(wrong)}.",
            field=field,
            value=None if first["type"] == "missing" else first["input"],
            remedy=f'`runner scripts` lists the fields of "{script.name}".',
        ) from None


def _targets(request: CreateTasks, farm: Farm, script: AnyScript) -> list[Target]:
    if request.serials and request.usernames:
        raise InvalidRequest(
            "serials and usernames can't be used together.",
            field="usernames",
            value=request.usernames,
            remedy="Send serials for one task per device, or usernames for one task per account.",
        )
    if request.serials:
        return _by_device(request, farm, script)
    if request.usernames:
        return _by_account(request, farm, script)
    raise InvalidRequest(
        "serials is missing: no device and no account is named.",
        field="serials",
        remedy="Send serials for one task per device, or usernames for one task per account.",
    )


def _by_device(request: CreateTasks, farm: Farm, script: AnyScript) -> list[Target]:
    """Without enable_multi_account a script that needs an account gets the device's first that fits it."""
    targets: list[Target] = []
    refused = _Refused("serials")
    for serial in dict.fromkeys(request.serials):
        device = farm.device(serial)
        if device is None:
            refused.unknown.append(serial)
        elif not device.enabled:
            refused.because["disabled in devices.yaml"].append(serial)
        elif not (script.needs_account or request.enable_multi_account):
            targets.append((device, None))
        elif fitting := [account for account in device.enabled_accounts if _fits(account, script)]:
            wanted = fitting if request.enable_multi_account else fitting[:1]
            targets += [(device, account) for account in wanted]
        else:
            refused.because[f"without an enabled account{_for(script)}"].append(serial)
    refused.raise_if_any(known=(device.serial for device in farm.devices), what="device")
    return targets


def _by_account(request: CreateTasks, farm: Farm, script: AnyScript) -> list[Target]:
    """A name that exists in both apps means the one that fits the script; if both fit, the default app's."""
    places: defaultdict[str, list[tuple[Device, FarmAccount]]] = defaultdict(list)
    for device in farm.devices:
        for account in device.accounts:
            places[_key(account.username)].append((device, account))
    once: dict[str, str] = {}
    for username in request.usernames:
        once.setdefault(_key(username), username)
    targets: list[Target] = []
    refused = _Refused("usernames")
    for key, username in once.items():
        found = places.get(key, [])
        enabled = [place for place in found if place[0].enabled and place[1].enabled]
        fitting = [
            place for place in enabled if _fits(place[1], script) and request.app in (None, place[1].app)
        ]
        if fitting:
            targets.append(min(fitting, key=lambda place: place[1].app != farm.default_app))
        elif enabled:
            refused.because[f"not an account{_for(script)}"].append(username)
        elif found:
            refused.because["disabled in devices.yaml (the account or its device)"].append(username)
        else:
            refused.unknown.append(username)
    refused.raise_if_any(
        known=(account.username for device in farm.devices for account in device.accounts), what="account"
    )
    return targets


def _key(username: str) -> str:
    return username.removeprefix("@").casefold()


def _fits(account: FarmAccount, script: AnyScript) -> bool:
    return not script.apps or account.app in script.apps


def _for(script: AnyScript) -> str:
    return f' that "{script.name}" can use ({", ".join(script.apps)})' if script.apps else ""


def _spaced(
    targets: Sequence[Target], start: datetime, request: CreateTasks, rng: random.Random
) -> list[datetime]:
    """Each task's instant: a device's first at `start`, each next one an interval after the one before."""
    shortest, longest = request.min_interval, request.max_interval
    for field, value in (("min_interval", shortest), ("max_interval", longest)):
        if not 0 <= value <= LONGEST_INTERVAL:
            raise InvalidRequest(
                f"{field} must be between 0 and {LONGEST_INTERVAL} minutes, not {value}.",
                field=field,
                value=value,
            )
    if shortest > longest:
        raise InvalidRequest(
            f"max_interval ({longest}) is less than min_interval ({shortest}).",
            field="max_interval",
            value=longest,
            remedy="Send both, in minutes, the longer one as max_interval.",
        )
    free_from: dict[str, datetime] = {}
    instants = []
    for device, _ in targets:
        instant = free_from.get(device.serial, start)
        instants.append(instant)
        pause = timedelta(seconds=round(rng.uniform(shortest, longest) * 60))
        free_from[device.serial] = instant + pause
    return instants


class _Refused:
    """Collects every value of a field that can't be used, so that one answer names them all."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.unknown: list[str] = []
        self.because: defaultdict[str, list[str]] = defaultdict(list)

    def raise_if_any(self, *, known: Iterable[str], what: str) -> None:
        parts = [f"{reason}: {_quoted(values)}" for reason, values in self.because.items()]
        if self.unknown:
            names = list(known)
            hinted = [_with_hint(value, names) for value in self.unknown[:_HINTS]]
            rest = [_quoted(self.unknown[_HINTS:])] if self.unknown[_HINTS:] else []
            parts.insert(0, f"no such {what} in devices.yaml: {', '.join(hinted + rest)}")
        if parts:
            raise InvalidRequest(
                f"{self.field}: {'; '.join(parts)}.",
                field=self.field,
                value=[*self.unknown, *(value for values in self.because.values() for value in values)],
                remedy="`runner devices` lists the farm's devices and accounts.",
            )


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _with_hint(value: str, known: Sequence[str]) -> str:
    meant = nearest(value.removeprefix("@"), known)
    return f'"{value}" (did you mean "{meant}"?)' if meant else f'"{value}"'
