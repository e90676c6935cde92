"""Rows of hosts, phones and leases, written without any host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from sqlalchemy import Interval, func, insert, literal

from runner.farm.model import Farm
from runner.fleet import model
from runner.fleet.directory import FleetDirectory
from runner.phones.status import PhoneInfo
from runner.tasks.database import Database

LEASE = timedelta(seconds=15)
SINCE = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
INFO = PhoneInfo("Pixel 7", "google", "14", 34, (1080, 2400), "en-US")


class FleetTables:
    """The tables of a fleet as its hosts would fill them, and a directory that reads them."""

    def __init__(self, url: str, farm: Farm) -> None:
        self.database = Database(url)
        self.directory = FleetDirectory(self.database, LEASE, lambda: farm, lambda: {"X1": "device"})

    def host(
        self,
        name: str,
        *,
        silent: float = 0.0,
        instance: str = "i",
        url: str = "",
        version: str = "1.2.3",
        stopped: bool = False,
        scripts: Mapping[str, bool] | None = None,
    ) -> None:
        """A row as if last seen `silent` seconds ago."""
        seen_at = func.now() - literal(timedelta(seconds=silent), Interval)
        row = {"name": name, "instance": instance and f"{instance}-{name}", "home": "h", "version": version}
        values = row | {"url": url, "skew": 2.5 if url else -0.5, "started_at": SINCE, "seen_at": seen_at}
        values |= {"stopped": stopped, "scripts": scripts or {}}
        with self.database.write() as connection:
            connection.execute(insert(model.hosts).values(**values))

    def phone(self, serial: str, host: str, state: str, info: PhoneInfo | None = None) -> None:
        row = {"serial": serial, "host": host, "state": state, "reason": f"is {state}", "since": SINCE}
        with self.database.write() as connection:
            connection.execute(insert(model.phones).values(**row, info=asdict(info) if info else None))

    def lease(self, name: str, host: str, *, seconds: float) -> None:
        until = func.now() + literal(timedelta(seconds=seconds), Interval)
        with self.database.write() as connection:
            connection.execute(insert(model.leases).values(name=name, holder=f"i-{host}", expires_at=until))
