"""The thread in which this host takes part in the fleet: signs of life, its phones, its leases, the sweep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from runner.errors import StoreError
from runner.fleet.membership import Membership
from runner.fleet.reports import PhoneReports
from runner.fleet.sweep import Sweep
from runner.phones.status import PhoneStatus
from runner.tasks.database import Database

log = structlog.get_logger(__name__)

BEAT_SECONDS = 2.0
NEWS_SECONDS = 0.2
"""After a phone's change of state the next report comes this much later, and tells of all that changed."""
LEASE_SECONDS = 8.0
"""For which a role is taken; renewed with each beat."""
GIVE_UP_SECONDS = 30.0


@dataclass(frozen=True)
class Role:
    """What one process of the fleet does for all: it begins when the lease is won, ends when it is lost."""

    begin: Callable[[], object]
    end: Callable[[], object]


class Host:
    """`start` once this process has joined, `close` before it leaves."""

    def __init__(
        self,
        database: Database,
        membership: Membership,
        reports: PhoneReports,
        sweep: Sweep,
        *,
        phones: Callable[[], Sequence[PhoneStatus]],
        roles: Mapping[str, Role],
        give_up: Callable[[float], bool],
    ) -> None:
        """`phones`: those of this host as they are now. `give_up` ends all runs within so many seconds."""
        self._database = database
        self._membership = membership
        self._reports = reports
        self._sweep = sweep
        self._phones = phones
        self._give_up = give_up
        self._changing = threading.RLock()
        """Held while a role begins or ends."""
        self._roles = roles
        self._held: set[str] = set()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._live, name="fleet", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def step_back(self) -> None:
        """Leave the roles to others. Signs of life go on, so that runs have the time to end here."""
        with self._changing:
            self._have(set())
            self._roles = {}
        try:
            self._membership.release()
        except StoreError as error:
            log.warning("roles not released; others have them in a moment", error=str(error))

    def close(self) -> None:
        self._closing.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def phone_changed(self, _: PhoneStatus) -> None:
        """Tell the fleet soon."""
        self._news.set()

    def _live(self) -> None:
        beat_at = time.monotonic()
        while not self._closing.is_set():
            try:
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + BEAT_SECONDS
                    self._beat()
                    self._sweep.sweep()
                else:
                    self._report()
            except StoreError as error:
                self._sweep.unsteady()
                log.warning("this host can't reach the fleet's database", error=str(error))
            except Exception:  # a host without signs of life loses its phones
                log.exception("a beat failed; the next one tries again")
            if self._membership.lapsed:
                self._have(set())
            if self._news.wait(max(0.0, beat_at - time.monotonic())):
                self._closing.wait(NEWS_SECONDS)
                self._news.clear()
        self._have(set())

    def _beat(self) -> None:
        snapshot = self._phones()
        sent = time.monotonic(), time.time()
        with self._database.write() as connection:
            alive = self._membership.beat(connection)
            told = self._reports.tell(connection, snapshot) if alive else {}
            held = {
                name
                for name in self._roles
                if alive and self._membership.hold(connection, name, LEASE_SECONDS)
            }
        if not alive:
            self._come_back()
            return
        self._membership.heard(sent)
        self._reports.told(told, snapshot)
        self._have(held)

    def _report(self) -> None:
        if self._membership.lapsed:
            return
        snapshot = self._phones()
        with self._database.write() as connection:
            told = self._reports.tell(connection, snapshot)
        self._reports.told(told, snapshot)

    def _have(self, wanted: set[str]) -> None:
        """Begin and end roles until this host has those that are wanted, as far as it takes any."""
        with self._changing:
            for name in self._held - wanted:
                log.info("this host gives up a role of the fleet", role=name)
                self._held.discard(name)
                self._roles[name].end()
            for name in wanted & self._roles.keys() - self._held:
                log.info("this host takes a role of the fleet", role=name)
                self._roles[name].begin()
                self._held.add(name)

    def _come_back(self) -> None:
        """The others have gone on without us: what we were doing is theirs now. Join as somebody new."""
        log.error("this host was silent for too long and lost its phones; it starts anew")
        self._membership.lost()
        self._reports.forget()
        self._have(set())
        if self._give_up(GIVE_UP_SECONDS):
            self._membership.join()
