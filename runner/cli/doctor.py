"""`runner doctor`: looks at everything a post needs, and says for each thing what to do about it.

It reads and connects; the only things it may start are the adb server and connections to TCP phones, which
the service needs anyway. It repairs nothing.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

import adbutils
import typer

from runner import logs, migrations
from runner.cli.client import Client, NoService, service_url
from runner.cli.output import console, emit_json
from runner.errors import ConfigError, PhoneError, RunnerError, StoreError
from runner.execution.scripts import Scripts, folders
from runner.farm.loader import Loaded, load
from runner.farm.model import Device as FarmDevice
from runner.farm.model import Farm
from runner.phones import limits, parser
from runner.phones.adb import AdbServer
from runner.phones.client import Device
from runner.phones.limits import Guard
from runner.phones.screens import Catalog
from runner.settings import Settings, config_path, settle
from runner.tasks.database import Database

LITTLE_SPACE = 1_000_000_000
"""Bytes: a long video and the app's own copy of it."""
PHONES_AT_ONCE = 16

Level = Literal["ok", "warn", "block"]


@dataclass(frozen=True)
class Finding:
    level: Level
    about: str
    said: str
    remedy: str = ""


def run(config: Path | None, as_json: bool) -> None:
    """Print every finding; exit 1 when one of them blocks."""
    logs.configure(level="CRITICAL")
    findings = []
    for finding in examine(config):
        findings.append(finding)
        if not as_json:
            _print(finding)
    blocked = any(finding.level == "block" for finding in findings)
    if as_json:
        emit_json({"ok": not blocked, "checks": [asdict(finding) for finding in findings]})
    raise typer.Exit(int(blocked))


def examine(config: Path | None) -> Iterator[Finding]:
    path = config_path({"config": config})
    problems: Sequence[object] = ()
    try:
        loaded: Loaded | None = load(path)
    except ConfigError as error:
        loaded = None
        problems = error.problems or [error]
    try:
        settings = settle(path, loaded.settings if loaded else {}, config=config)
    except ConfigError as error:
        yield Finding("block", "settings", str(error))
        return
    if not loaded and settings.is_fleet and not path.exists():
        loaded = _published(settings)
    if not loaded:
        for problem in problems:
            yield Finding("block", "devices.yaml", str(problem))
    if loaded:
        yield from _farm(loaded, path)
    yield from _port(settings)
    yield from _data_dir(settings)
    elsewhere: dict[str, str] = {}
    yield from _database(settings, loaded.farm if loaded else None, elsewhere)
    yield from _scripts(settings)
    yield from _phones(settings, loaded.farm if loaded else None, elsewhere)


def _published(settings: Settings) -> Loaded | None:
    """What a host of a fleet without a devices.yaml of its own follows."""
    from runner.cli.doctor_fleet import published

    try:
        return published(settings.database, settings.config)
    except StoreError:
        return None  # told when the database is looked at


def _farm(loaded: Loaded, path: Path) -> Iterator[Finding]:
    farm = loaded.farm
    accounts = sum(len(device.accounts) for device in farm.devices)
    yield Finding("ok", "devices.yaml", f"{path}: {len(farm.devices)} phones, {accounts} accounts")
    if not farm.devices:
        remedy = 'Add under "devices:" a line "- serial: …" for each phone listed below.'
        yield Finding("block", "devices.yaml", "It names no phone.", remedy)
    now = datetime.now(farm.time_zone)
    said = f"{now:%Y-%m-%d %H:%M} in {farm.time_zone.key} (UTC{now:%z}), the zone of start times"
    yield Finding("ok", "clock", said)


def _port(settings: Settings) -> Iterator[Finding]:
    url = service_url(settings)
    try:
        settings.refuse_open_bind()
    except ConfigError as error:
        yield Finding("block", "settings", error.message, error.remedy)
    try:
        Client(url, settings.token).get("/devices")
    except NoService:
        yield _free_port(settings)
    except RunnerError as error:
        yield Finding("warn", "service", f"It answers at {url}, but not to us: {error}")
    else:
        yield Finding("ok", "service", f"runs at {url}")


def _free_port(settings: Settings) -> Finding:
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError as error:
        return Finding(
            "block",
            "port",
            f"{settings.host} port {settings.port} can't be used: {error.strerror or error}.",
            "End the program that holds it, or set port: in devices.yaml.",
        )
    remedy = "Start the service: runner serve"
    return Finding("ok", "port", f"{settings.port} is free; the service does not run", remedy)


def _data_dir(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        remedy = "Name another with --data-dir or RUNNER_DATA_DIR, or let this user write there."
        yield Finding("block", "data", f"{folder} can't be written.", remedy)
        return
    free = shutil.disk_usage(existing).free
    said = f"{folder} on a disk with {free / 1e9:.1f} GB free"
    if free < LITTLE_SPACE:
        yield Finding("warn", "data", said, "Make room: screenshots and the database need some.")
    else:
        yield Finding("ok", "data", said)


def _database(settings: Settings, farm: Farm | None, elsewhere: dict[str, str]) -> Iterator[Finding]:
    """Fills `elsewhere` with the phones that other hosts of a fleet drive, and what is known of them."""
    if not settings.database_url and not settings.database_file.exists():
        yield Finding("ok", "database", f"{settings.database_file} will be made at the first start")
        return
    try:
        database = Database(settings.database)
    except StoreError as error:
        yield Finding("block", "database", error.message, error.remedy)
        return
    try:
        yield Finding("ok", "database", f"{database.name}, schema {migrations.HEAD}")
        if settings.is_fleet:
            from runner.cli import doctor_fleet

            yield from doctor_fleet.examine(database, settings)
            if farm:
                elsewhere.update(doctor_fleet.elsewhere(database, settings, farm))
    finally:
        database.close()


def _scripts(settings: Settings) -> Iterator[Finding]:
    scripts = Scripts(folders(extra=[settings.scripts_dir] if settings.scripts_dir else []))
    names = ", ".join(script.name for script in scripts.all())
    yield Finding("ok" if names else "block", "scripts", names or "none is installed")
    for problem in scripts.problems:
        yield Finding("warn", "scripts", str(problem), "Repair it; the other scripts work.")


# adb and the phones


def _phones(settings: Settings, farm: Farm | None, elsewhere: dict[str, str]) -> Iterator[Finding]:
    try:
        screens = Catalog.load(settings.screens_folder)
    except ConfigError as error:
        for mistake in error.problems or [error]:
            yield Finding("block", "screens", str(mistake))
        return
    server = AdbServer(settings.adb.path or None)
    try:
        server.ensure()
        report = server.report()
    except RunnerError as error:
        yield Finding("block", "adb", error.message, error.remedy)
        return
    yield Finding("ok", "adb", f"{report.version} ({report.path}), server on port {report.port}")
    for problem in report.problems:
        yield Finding("warn", "adb", problem)
    devices = [device for device in farm.devices if device.enabled] if farm else []
    for device in devices:
        if device.serial in elsewhere:
            yield Finding(
                "ok", f"phone {device.name or device.index} ({device.serial})", elsewhere[device.serial]
            )
    devices = [device for device in devices if device.serial not in elsewhere]
    with ThreadPoolExecutor(PHONES_AT_ONCE) as pool:
        connect = partial(_connect, server)
        list(pool.map(connect, {device.address for device in devices if device.address}))
        states = parser.devices(server.client.ask("host:devices"))
        for findings in pool.map(partial(_phone, server, states, screens), devices):
            yield from findings
    yield from _strangers(states, farm)
    ready = [device for device in devices if states.get(device.adb_serial) == "device"]
    if devices and not ready:
        yield Finding(
            "block", "phones", "None is ready.", "Connect one, or correct its serial in devices.yaml."
        )


def _connect(server: AdbServer, address: str) -> None:
    """As the service does; whether it worked is seen in the list of devices."""
    try:
        server.client.ask(f"host:connect:{address}", seconds=limits.CONNECT)
    except (OSError, EOFError, PhoneError, adbutils.AdbError):
        return


def _phone(server: AdbServer, states: dict[str, str], screens: Catalog, device: FarmDevice) -> list[Finding]:
    about = f"phone {device.name or device.index} ({device.serial})"
    match states.get(device.adb_serial):
        case "device":
            try:
                phone = Device(server.client, device.adb_serial, Guard(device.serial))
                return list(_look_at(phone, screens, device, about))
            except (PhoneError, adbutils.AdbError, OSError, EOFError, ValueError) as error:
                return [Finding("warn", about, f"It does not answer: {error}", "Reconnect or restart it.")]
        case "unauthorized":
            remedy = "Unlock the phone and accept the USB debugging question."
            return [Finding("warn", about, "It does not allow adb from this computer.", remedy)]
        case None:
            remedy = (
                "Check the phone's network address."
                if device.address
                else "Check its cable and USB debugging."
            )
            return [Finding("warn", about, "adb does not see it.", remedy)]
        case state:
            return [Finding("warn", about, f"adb says: {state}.", "Reconnect it; accept what it asks.")]


def _look_at(phone: Device, screens: Catalog, device: FarmDevice, about: str) -> Iterator[Finding]:
    properties = parser.properties(phone.run(["getprop"]).output)
    model, android = properties.get("ro.product.model", "?"), properties.get("ro.build.version.release", "?")
    language = parser.language(properties) or "unknown"
    yield Finding("ok", about, f"{model}, Android {android}, language {language}")
    if not screens.knows_language(language):
        remedy = (
            "Add a row for it, see docs/screens.md, or set the phone to English. It is tried by structure."
        )
        yield Finding("warn", about, f"The screen definitions have no words in {language}.", remedy)
    free = parser.free_bytes(phone.run(["df", "-k", "/data"]).output)
    if free < LITTLE_SPACE:
        yield Finding("warn", about, f"Only {free / 1e6:.0f} MB are free.", "Free some space on the phone.")
    for package in sorted({account.package for account in device.enabled_accounts}):
        dumped = phone.run(["dumpsys", "package", package]).output
        version = next((line for line in dumped.split() if line.startswith("versionName=")), None)
        if version is None:
            remedy = "Install the app, or correct the account's package in devices.yaml."
            yield Finding("warn", about, f"{package} is not installed.", remedy)
        else:
            yield Finding("ok", about, f"{package} {version.partition('=')[2]}")


def _strangers(states: dict[str, str], farm: Farm | None) -> Iterator[Finding]:
    known = {device.adb_serial for device in farm.devices} if farm else set()
    for serial, state in states.items():
        if serial not in known:
            remedy = f'To use it, add to devices.yaml: - serial: "{serial}"'
            yield Finding(
                "warn", f"phone {serial}", f"adb sees it ({state}), devices.yaml does not name it.", remedy
            )


def _print(finding: Finding) -> None:
    style = {"ok": "green", "warn": "yellow", "block": "bold red"}[finding.level]
    line = console()
    line.print(f"{finding.level:<6}", style=style, end="")
    line.print(f"{finding.about}: {finding.said} {finding.remedy}".rstrip())
