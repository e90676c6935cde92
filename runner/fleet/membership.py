"""This process as one host of the fleet: it joins, gives signs of life, and knows when it has lost its place.

A host that is silent for longer than the lease is evicted by the others: its `instance` is taken off its row,
and whoever still holds it drives no phone any more. Silence is judged by the database's clock, and by a host
itself by its own, earlier, so that it stops before the others go on without it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, Connection, false, func, select, update
from sqlalchemy.dialects.postgresql import insert

import runner
from runner.cancel import CancelToken
from runner.errors import ConfigError
from runner.fleet.model import hosts, leases
from runner.tasks.database import Database

log = structlog.get_logger(__name__)

HOME = "fleet-home"
"""The file in the data directory that tells one data directory from another."""
_LOOK = 0.5


class Membership:
    """`join` before anything else. Thread-safe."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        data_dir: Path,
        url: str,
        lease: timedelta,
        scripts: Mapping[str, bool],
    ) -> None:
        """`url`: where this host's API is reached, "" without one. `scripts`: name → needs a phone.

        The caller holds the data directory.
        """
        self.name = name
        self.instance = ""
        self._database = database
        self._home = _home(data_dir)
        self._url = url
        self._scripts = dict(scripts)
        self._lease = lease
        self._before_joining: Callable[[Connection], object] = lambda _: None
        self._lock = threading.Lock()
        self._skew = 0.0
        self._heard = (0.0, 0.0)
        """When the last sign of life that arrived was sent: on the monotonic clock and on the wall clock."""

    @property
    def lapsed(self) -> bool:
        """Whether the others may already go on without this host."""
        with self._lock:
            monotonic, wall = self._heard
            # The monotonic clock stands still while some computers sleep, the wall clock may be set back.
            silence = max(time.monotonic() - monotonic, time.time() - wall)
            return not self.instance or silence > self._lease.total_seconds() * 2 / 3

    def take_name(self, cancel: CancelToken) -> None:
        """Evict an earlier process of this name that is gone; its runs are for the caller to end.

        Raises ConfigError when it is alive, Cancelled.
        """
        patience = time.monotonic() + self._lease.total_seconds()
        first: datetime | None = None
        while True:
            with self._database.write() as connection:
                row = connection.execute(
                    select(hosts).where(hosts.c.name == self.name).with_for_update()
                ).one_or_none()
                # Two processes can't hold one data directory, so one from there is gone for sure.
                if row is None or not row.instance or row.home == self._home:
                    break
                first = first or row.seen_at
                if row.seen_at != first:
                    raise ConfigError(
                        f"Another host of this fleet has the name {self.name}.",
                        remedy="Give this one a name of its own: runner worker --name NAME, or RUNNER_NAME.",
                    )
                if time.monotonic() > patience:
                    break
            cancel.sleep(_LOOK)
        with self._database.write() as connection:
            connection.execute(update(hosts).where(hosts.c.name == self.name).values(instance=""))

    def before_joining(self, act: Callable[[Connection], object]) -> None:
        """Do this first in the transaction of each `join`; what it raises keeps this host out."""
        self._before_joining = act

    def join(self) -> None:
        """Be a host of the fleet from now on."""
        instance = secrets.token_hex(16)
        with self._database.write() as connection:
            self._before_joining(connection)
            sent = time.monotonic(), time.time()
            before = datetime.now(UTC)
            there = connection.execute(select(func.clock_timestamp())).scalar_one()
            self._skew = skew(before, there)
            row = {
                "instance": instance,
                "home": self._home,
                "version": runner.__version__,
                "url": self._url,
                "skew": self._skew,
                "started_at": there,
                "seen_at": there,
                "stopped": False,
                "scripts": self._scripts,
            }
            statement = insert(hosts).values(name=self.name, **row)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row))
        with self._lock:
            self.instance, self._heard = instance, sent
        log.info("joined the fleet", host=self.name)

    def beat(self, connection: Connection) -> bool:
        """A sign of life; False when the others have gone on without this host.

        It counts once the caller has committed and called `heard`.
        """
        if not self.instance:  # nor does a row without one stand for this host
            return False
        before = datetime.now(UTC)
        there = connection.scalar(
            update(hosts)
            .where(hosts.c.name == self.name, hosts.c.instance == self.instance)
            .values(seen_at=func.clock_timestamp(), skew=self._skew)
            .returning(hosts.c.seen_at)
        )
        if there is None:
            return False
        self._skew = skew(before, there)  # told with the next beat
        return True

    def heard(self, sent: tuple[float, float]) -> None:
        """A beat that was begun at `sent` (monotonic and wall clock) has been committed."""
        with self._lock:
            self._heard = sent

    def lost(self) -> None:
        """The others have gone on without this host."""
        with self._lock:
            self.instance = ""

    def leave(self) -> None:
        """Say goodbye. Its phones belong to nobody from now on."""
        with self._lock:
            instance, self.instance = self.instance, ""
        with self._database.write() as connection:
            goodbye = {"instance": "", "stopped": True, "seen_at": func.clock_timestamp()}
            mine = (hosts.c.name == self.name, hosts.c.instance == instance)
            connection.execute(update(hosts).where(*mine).values(goodbye))
            connection.execute(leases.delete().where(leases.c.holder == instance))

    def release(self) -> None:
        """Let go of every lease. Raises StoreError."""
        with self._database.write() as connection:
            connection.execute(leases.delete().where(leases.c.holder == self.instance))

    def hold(self, connection: Connection, name: str, seconds: float) -> bool:
        """Take or keep a lease for so long; whether this host has it."""
        return self._take(connection, name, seconds, leases.c.holder == self.instance)

    def take_turn(self, connection: Connection, name: str, seconds: float) -> bool:
        """Take a lease that nobody has, this host neither: so it is done once in that time by the fleet."""
        return self._take(connection, name, seconds, false())

    def _take(self, connection: Connection, name: str, seconds: float, is_mine: ColumnElement[bool]) -> bool:
        until = func.clock_timestamp() + timedelta(seconds=seconds)
        statement = insert(leases).values(name=name, holder=self.instance, expires_at=until)
        mine = is_mine | (leases.c.expires_at < func.clock_timestamp())
        taken = statement.on_conflict_do_update(
            index_elements=["name"], set_={"holder": self.instance, "expires_at": until}, where=mine
        )
        return connection.scalar(taken.returning(leases.c.holder)) is not None


def skew(before: datetime, there: datetime) -> float:
    """This computer's clock minus the database's, in seconds: asked `before`, it just answered `there`."""
    return (before + (datetime.now(UTC) - before) / 2 - there).total_seconds()


def _home(data_dir: Path) -> str:
    file = data_dir / HOME
    if not file.exists():
        file.write_text(secrets.token_hex(16), encoding="ascii")
    return file.read_text(encoding="ascii").strip()
