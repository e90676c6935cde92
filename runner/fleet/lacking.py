"""Due tasks whose script needs no phone, and that yet nobody can begin: tells why in their rows.

Such a task is for the host of its phone, whatever the phone's state. It waits when that host is not up, or
has no such script. Which scripts need no phone is what the live hosts say of theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Row, text

from runner.execution.waiting import Waiting
from runner.fleet.engine import USABLE
from runner.tasks.database import Database
from runner.tasks.store import Store
from runner.tasks.types import Status

_WITHOUT_PHONE = """
SELECT DISTINCT script.key AS name FROM hosts, json_each_text(hosts.scripts) AS script
WHERE hosts.instance <> '' AND script.value = 'false'
"""
_WAITING = text(f"""
SELECT DISTINCT tasks.script_name AS script, tasks.serial, phones.host, hosts.name IS NOT NULL AS live
FROM tasks
JOIN ({_WITHOUT_PHONE}) AS without_phone ON without_phone.name = tasks.script_name
LEFT JOIN phones ON phones.serial = tasks.serial
LEFT JOIN hosts ON hosts.name = phones.host AND hosts.instance <> ''
WHERE tasks.status = :pending AND tasks.due_at <= clock_timestamp() AND tasks.job_id IS NULL
    AND (hosts.name IS NULL
        OR phones.state <> ALL(:usable) AND hosts.scripts ->> tasks.script_name IS DISTINCT FROM 'false')
""")


class Lacking:
    """Used by one thread."""

    def __init__(self, database: Database, store: Store, longest: timedelta) -> None:
        """A task that has waited for longer than `longest` is failed."""
        self._database = database
        self._store = store
        self._longest = longest
        self._waiting: dict[str, Waiting] = {}
        """By script."""

    def tell(self) -> None:
        """Raises StoreError."""
        with self._database.read() as connection:
            rows = connection.execute(_WAITING, {"pending": Status.PENDING, "usable": list(USABLE)}).all()
        away: dict[str, dict[str, str]] = defaultdict(dict)
        for row in rows:
            away[row.script][row.serial] = _why(row)
        self._waiting = {
            script: self._waiting.get(script) or Waiting(self._store, self._longest, only=script)
            for script in away
        }
        for script, waiting in self._waiting.items():
            waiting.follow(away[script])


def without_phone(database: Database) -> Collection[str]:
    """Names of the scripts that need no phone. Raises StoreError."""
    with database.read() as connection:
        return connection.scalars(text(_WITHOUT_PHONE)).all()


def _why(row: Row[tuple[str, str, str | None, bool]]) -> str:
    if row.live:
        return (
            f'host {row.host} has no script "{row.script}". '
            "Install it there too (--scripts-dir), and start that host again."
        )
    return f"host {row.host} is not up." if row.host else f"no host has phone {row.serial}."
