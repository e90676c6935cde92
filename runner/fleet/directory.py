"""Hosts and phones of the whole fleet, as they reported themselves: see `runner.directory`.

Whether a host is live is judged by the database's clock, so that no host's own clock matters. Here rows are
read, and those of a forgotten host taken away; who writes them is `runner.fleet.membership`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, delete, func, literal, select
from sqlalchemy.types import Interval

from runner.directory import HostInfo
from runner.errors import InvalidRequest, NotFound
from runner.farm.model import Device, Farm
from runner.fleet import model
from runner.fleet.membership import skew
from runner.phones.status import PhoneInfo, PhoneState, PhoneStatus
from runner.tasks.database import Database
from runner.tasks.model import tasks
from runner.tasks.types import Status

log = structlog.get_logger(__name__)

CLOCK = "clock"
"""The lease of the process that wakes due tasks."""


@dataclass(frozen=True)
class FleetPhone:
    """One row of the table, as its host last reported it."""

    serial: str
    host: str
    state: PhoneState
    reason: str
    since: datetime
    info: PhoneInfo | None


class FleetDirectory:
    """Thread-safe. PostgreSQL only. Raises StoreError."""

    def __init__(
        self,
        database: Database,
        lease: timedelta,
        farm: Callable[[], Farm],
        strangers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`strangers` are those of this host: no other's are known."""
        self._database = database
        self._lease = lease
        self._farm = farm
        self._strangers = strangers
        self._began = datetime.now(UTC)

    def hosts(self) -> list[HostInfo]:
        of_clock = and_(
            model.leases.c.name == CLOCK,
            model.leases.c.holder == model.hosts.c.instance,
            model.leases.c.expires_at > func.now(),
        )
        host_rows = (
            select(model.hosts, self._live(), model.leases.c.name.is_not(None).label("is_clock"))
            .outerjoin(model.leases, of_clock)
            .order_by(model.hosts.c.name)
        )
        phone_rows = select(model.phones.c.host, model.phones.c.state, func.count().label("count"))
        task_rows = select(tasks.c.host, func.count()).where(tasks.c.status == Status.RUNNING)
        with self._database.read() as connection:
            hosts = connection.execute(host_rows).all()
            grouped = connection.execute(phone_rows.group_by(model.phones.c.host, model.phones.c.state)).all()
            running: dict[str, int] = dict(connection.execute(task_rows.group_by(tasks.c.host)).all())
        phones: dict[str, Counter[PhoneState]] = defaultdict(Counter)
        for host, state, count in grouped:
            phones[host][PhoneState(state)] = count
        return [
            HostInfo(
                name=row.name,
                live=row.live,
                version=row.version,
                url=row.url,
                skew=row.skew,
                started_at=row.started_at,
                seen_at=row.seen_at,
                phones=phones[row.name] if row.live else {PhoneState.ABSENT: phones[row.name].total()},
                running=running.get(row.name, 0),
                is_clock=row.is_clock,
                stopped=row.stopped,
                scripts=row.scripts or (),
            )
            for row in hosts
        ]

    def forget(self, name: str) -> None:
        """See `runner.directory.HostDirectory`."""
        its_runs = select(func.count()).where(tasks.c.status == Status.RUNNING, tasks.c.host == name)
        with self._database.write() as connection:
            row = connection.execute(
                select(model.hosts.c.instance).where(model.hosts.c.name == name).with_for_update()
            ).one_or_none()
            if row is None:
                raise NotFound(f"The fleet has no host {name}.", remedy="`runner hosts` lists them.")
            if row.instance:
                raise InvalidRequest(
                    f"Host {name} is up.",
                    remedy="Stop it first; one that has just fallen silent is given up within a minute.",
                )
            if running := connection.scalar(its_runs):
                raise InvalidRequest(
                    f"Host {name} still has {running} running tasks.",
                    remedy="The others are about to end them; try again in a few seconds.",
                )
            if pinned := [device.serial for device in self._farm().devices if device.host == name]:
                raise InvalidRequest(
                    f"devices.yaml gives host {name} phones: {', '.join(pinned)}.",
                    remedy="Name another `host:` there, or none, then try again.",
                )
            connection.execute(delete(model.phones).where(model.phones.c.host == name))
            connection.execute(delete(model.hosts).where(model.hosts.c.name == name))
        log.info("host forgotten", host=name)

    def phones(self) -> list[FleetPhone]:
        """Every phone that a host reported, by serial; also of hosts that are silent."""
        with self._database.read() as connection:
            rows = connection.execute(select(model.phones).order_by(model.phones.c.serial)).all()
        return [
            FleetPhone(row.serial, row.host, PhoneState(row.state), row.reason, row.since, _info(row.info))
            for row in rows
        ]

    def snapshot(self) -> Sequence[PhoneStatus]:
        """A phone of a silent host is absent since the host is silent."""
        farm = self._farm()
        reported = {phone.serial: phone for phone in self.phones()}
        hosts = {host.name: host for host in self.hosts()}
        return [self._status(device, reported.get(device.serial), hosts) for device in farm.devices]

    def strangers(self) -> Mapping[str, str]:
        return self._strangers()

    def skew(self) -> float:
        """This computer's clock minus the database's, in seconds."""
        before = datetime.now(UTC)
        with self._database.read() as connection:
            return skew(before, connection.execute(select(func.clock_timestamp())).scalar_one())

    def _status(self, device: Device, phone: FleetPhone | None, hosts: Mapping[str, HostInfo]) -> PhoneStatus:
        status = partial(PhoneStatus, device.serial, device.adb_serial)
        if not device.enabled:
            return status(
                PhoneState.ABSENT, self._began, "It is disabled in devices.yaml.", None, device.host
            )
        if phone is None:
            who = f"Host {device.host} does" if device.host else "The hosts of the fleet do"
            return status(PhoneState.ABSENT, self._began, f"{who} not see it.", None, device.host)
        host = hosts.get(phone.host)
        if host is None or not host.live:
            since = host.seen_at if host else phone.since
            said = since.astimezone(self._farm().time_zone).isoformat(sep=" ", timespec="seconds")
            became = "was stopped at" if host and host.stopped else "is silent since"
            reason = f"Host {phone.host} {became} {said}."
            return status(PhoneState.ABSENT, since, reason, phone.info, phone.host)
        return status(phone.state, phone.since, phone.reason, phone.info, phone.host)

    def _live(self) -> ColumnElement[bool]:
        lease = literal(self._lease, Interval)
        return and_(model.hosts.c.instance != "", model.hosts.c.seen_at > func.now() - lease).label("live")


def _info(fields: dict[str, Any] | None) -> PhoneInfo | None:
    if fields is None:
        return None
    width, height = fields["size"]
    return PhoneInfo(**{**fields, "size": (width, height)})
