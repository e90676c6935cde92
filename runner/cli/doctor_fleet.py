"""What `runner doctor` looks at in a fleet: the database that the hosts share, the hosts and their clocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import inspect

from runner.cli.doctor import Finding
from runner.directory import NOTABLE_SKEW, HostInfo, concerns
from runner.farm.loader import Loaded, parse
from runner.farm.model import Farm
from runner.fleet.common import FARM, Common
from runner.fleet.directory import FleetDirectory
from runner.phones.status import PhoneState
from runner.settings import Settings, is_loopback
from runner.tasks.database import Database

ENGINE_TABLE = "procrastinate_jobs"
NO_FARM = Farm(ZoneInfo("UTC"))


def published(url: str, path: Path) -> Loaded | None:
    """The farm that a host with an API published, as if it stood at `path`. Raises StoreError."""
    database = Database(url)
    try:
        text = Common(database).read(FARM)
    finally:
        database.close()
    return None if text is None else parse(text.encode(), path)


def examine(database: Database, settings: Settings) -> Iterator[Finding]:
    with database.read() as connection:
        there = inspect(connection).has_table(ENGINE_TABLE)
    yield Finding("ok", "engine", "its tables are there" if there else "its tables will be made at a start")
    directory = FleetDirectory(database, settings.fleet.lease, lambda: NO_FARM)
    skew = directory.skew()
    said = f"{skew:+.2f} s from the database's clock"
    remedy = "Let both be set by NTP."
    yield Finding("warn", "clock", said, remedy) if abs(skew) > NOTABLE_SKEW else Finding("ok", "clock", said)
    yield from _hosts(directory.hosts(), settings)


def _hosts(hosts: Sequence[HostInfo], settings: Settings) -> Iterator[Finding]:
    live = [host for host in hosts if host.live]
    if not live:
        yield Finding(
            "ok", "hosts", f"none runs; this one is {settings.host_name}", "Start one: runner serve"
        )
    warnings = concerns(hosts)
    for host in hosts:
        about = f"host {host.name}"
        if host.live:
            phones = ", ".join(f"{count} {state}" for state, count in host.phones.items()) or "no phones"
            yield Finding("ok", about, f"version {host.version}, {phones}")
        for warning in warnings[host.name]:
            yield Finding("warn", about, warning)
    if live and not any(host.url for host in live):
        yield Finding("warn", "hosts", "None of them has an API.", "Start one: runner serve")
    if live and not any(host.is_clock for host in live):
        yield Finding(
            "warn", "hosts", "None wakes due tasks.", "If it stays so for a minute, see their logs."
        )
    if settings.fleet.files == "http" and len(live) > 1:
        for host in live:
            if host.url and is_loopback(urlsplit(host.url).hostname or ""):
                said = f"Its API is at {host.url}: a host on another computer can't get files from it."
                remedy = "Let it listen on an address of the network (host: and RUNNER_API_TOKEN)."
                yield Finding("warn", f"host {host.name}", said, remedy)


def elsewhere(database: Database, settings: Settings, farm: Farm) -> dict[str, str]:
    """The phones that this host leaves to others: serial → what their host says."""
    directory = FleetDirectory(database, settings.fleet.lease, lambda: farm)
    here = farm.for_host(settings.host_name)
    return {
        status.serial: f"{status.state} on host {status.host}. {status.reason}".strip()
        for status in directory.snapshot()
        if status.host not in ("", settings.host_name)
        and (status.state is not PhoneState.ABSENT or here.device(status.serial) is None)
    }
