"""Which phones this host drives, as the database has it.

A phone has one host at a time: whoever reported it first, until that host no longer sees it, or is evicted or
gone; then the next host that sees it. The row is the lease; only its host is offered the phone's tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from runner.fleet.engine import USABLE, Engine
from runner.fleet.model import hosts, phones
from runner.phones.status import PhoneState, PhoneStatus

log = structlog.get_logger(__name__)

_UNSEEN = (PhoneState.ABSENT, PhoneState.OFFLINE)


class PhoneReports:
    """Used by one thread. What it writes, it writes within the transaction that it is given."""

    def __init__(self, host: str, engine: Engine) -> None:
        self._host = host
        self._engine = engine
        self._told: dict[str, PhoneStatus] = {}

    def forget(self) -> None:
        """Report everything again; what was told may not be so any more."""
        self._told.clear()

    def tell(self, connection: Connection, snapshot: Sequence[PhoneStatus]) -> dict[str, PhoneStatus]:
        """Write what has changed, take over phones that nobody drives, and offer the tasks of ready ones.

        What was told; `told` it once it is committed.
        """
        news = [status for status in snapshot if self._told.get(status.serial) != status]
        told: dict[str, PhoneStatus] = {}
        usable = set()
        for status in news:
            if self._write(connection, status):
                told[status.serial] = status
                if status.state in USABLE:
                    usable.add(status.serial)
        known = {status.serial for status in snapshot}
        for serial in self._told.keys() - known:
            self._release(connection, serial)
        if usable:
            self._engine.offer(connection, usable)
        return told

    def told(self, told: dict[str, PhoneStatus], snapshot: Sequence[PhoneStatus]) -> None:
        """What `tell` answered has been committed."""
        known = {status.serial for status in snapshot}
        self._told = {serial: status for serial, status in self._told.items() if serial in known}
        for serial, status in told.items():
            before = self._told.get(serial)
            if before is None and status.state not in _UNSEEN:
                log.info("this host drives the phone", serial=serial)
        self._told.update(told)

    def _release(self, connection: Connection, serial: str) -> None:
        """The phone is no longer this host's by devices.yaml."""
        mine = (phones.c.serial == serial, phones.c.host == self._host)
        reason = f"devices.yaml no longer gives it to {self._host}."
        connection.execute(update(phones).where(*mine).values(state=PhoneState.ABSENT, reason=reason))

    def _write(self, connection: Connection, status: PhoneStatus) -> bool:
        """Whether it is settled; a phone that another host drives is asked for again at the next beat."""
        row: dict[str, Any] = {
            "host": self._host,
            "state": status.state,
            "reason": status.reason,
            "since": status.since,
            "info": asdict(status.info) if status.info else None,
        }
        statement = insert(phones).values(serial=status.serial, **row)
        if status.state in _UNSEEN:
            # Also a phone that nobody has seen yet has a host, for scripts that need no phone.
            mine = phones.c.host == self._host
            connection.execute(
                statement.on_conflict_do_update(index_elements=["serial"], set_=row, where=mine)
            )
            return True
        written = statement.on_conflict_do_update(
            index_elements=["serial"], set_=row, where=(phones.c.host == self._host) | _free()
        )
        return connection.scalar(written.returning(phones.c.serial)) is not None


def _free() -> ColumnElement[bool]:
    live = exists(select(hosts.c.name).where(hosts.c.name == phones.c.host, hosts.c.instance != ""))
    return phones.c.state.in_(_UNSEEN) | ~live
