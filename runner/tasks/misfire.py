"""Fails what became late while the runner was off, instead of starting it at a random hour.

The runner notes every half minute that it is up; a longer silence means that it was off, or its computer
asleep. A task that is late because its phone was busy or away is none of this module's business.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import structlog

from runner.tasks.store import Store

log = structlog.get_logger(__name__)

FLEET = "fleet"
"""Under this name any host of a fleet notes that it is up; the only host does under its own."""
BEAT = timedelta(seconds=30)
SILENCE = 3 * BEAT
"""Longer than this without a beat: the runner was off."""


class Misfires:
    """Thread-safe. Checked at every wake-up and before each start, so that nothing late slips through."""

    def __init__(self, store: Store, host: str, grace: timedelta) -> None:
        self._store = store
        self._host = host
        self._grace = grace
        self._lock = threading.Lock()
        self._seen: datetime | None = None

    def check(self) -> None:
        """Beat; and if the runner was off for longer than the grace, fail what is later than the grace."""
        now = datetime.now(UTC)
        with self._lock:
            if self._seen and now - self._seen < BEAT:
                return
            before = self._store.beat(self._host, now)
            self._seen = now
            if before is None or now - before <= max(self._grace, SILENCE):
                return
            off = _rounded(now - before)
            missed = self._store.miss_overdue(
                now - self._grace,
                f"Not started: the runner was off for {off}, and the task is later than the grace of "
                f"{_rounded(self._grace)}. Retry it to start it now.",
                now,
            )
        log.warning("the runner was off", off=off, missed=missed)


def _rounded(span: timedelta) -> str:
    return str(timedelta(seconds=round(span.total_seconds())))
