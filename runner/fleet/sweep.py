"""Ends what hosts left behind that are silent, gone, or were never of this fleet, by the publish fence.

Every host sweeps, in turns. It judges only after it has itself been in touch with the database for as long as
the silence it finds: after a restart of the database everybody looks silent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import Connection, func, select, update

from runner.execution.recovery import recover
from runner.fleet.engine import Engine
from runner.fleet.lacking import Lacking
from runner.fleet.model import hosts
from runner.tasks.database import Database
from runner.tasks.model import tasks
from runner.tasks.settings import TaskSettings
from runner.tasks.store import Store
from runner.tasks.types import Status

log = structlog.get_logger(__name__)

TURN = "sweep"
"""The lease of the one who swept last."""
TURN_SECONDS = 1.5
"""Within which nobody else sweeps. Less than a beat, so that one of the next beats finds it free."""
_LOCK = 50811


class Sweep:
    """Used by one thread."""

    def __init__(
        self,
        database: Database,
        store: Store,
        engine: Engine,
        *,
        settings: TaskSettings,
        lease: timedelta,
        lapsed: Callable[[], bool],
        take_turn: Callable[[Connection, str, float], bool],
    ) -> None:
        """`lapsed`: whether this host has itself been silent for too long to judge others.

        `take_turn`: see `runner.fleet.membership.Membership`.
        """
        self._database = database
        self._store = store
        self._engine = engine
        self._settings = settings
        self._lease = lease
        self._lapsed = lapsed
        self._take_turn = take_turn
        self._lacking = Lacking(database, store, timedelta(minutes=settings.phone_wait_minutes))
        self._steady_since = time.monotonic()

    def unsteady(self) -> None:
        """The database could not be reached just now."""
        self._steady_since = time.monotonic()

    def sweep(self) -> None:
        """Raises StoreError."""
        steady = time.monotonic() - self._steady_since > self._lease.total_seconds()
        with self._database.write() as connection:
            # One that can't judge yet leaves the turns to those that can.
            if steady and not self._take_turn(connection, TURN, TURN_SECONDS):
                return
            if not connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
                return
            if steady and not self._lapsed():
                silent = (
                    select(hosts.c.name)
                    .where(hosts.c.instance != "", hosts.c.seen_at < func.clock_timestamp() - self._lease)
                    .with_for_update(skip_locked=True)
                )
                for name in connection.scalars(silent).all():
                    connection.execute(update(hosts).where(hosts.c.name == name).values(instance=""))
                    log.warning("a host is silent; its phones and runs are given up", host=name)
                    self._engine.abandon(connection, name)
            live = select(hosts.c.name).where(hosts.c.instance != "")
            left = select(tasks.c.host).where(tasks.c.status == Status.RUNNING, tasks.c.host.not_in(live))
            gone = connection.scalars(left.distinct()).all()
        for name in gone:
            recover(self._store, self._settings, name)
        with self._database.write() as connection:
            mends = connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK)))
            if mends:
                self._engine.mend(connection, 2 * self._lease)
        if mends:
            self._lacking.tell()
