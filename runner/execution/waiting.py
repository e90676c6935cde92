"""Due tasks whose phone can't be had: tells in their rows what they wait for, and ends too long a wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

from runner.tasks.store import Store


class Waiting:
    """Thread-safe. Nothing here has to survive: after a restart a phone's wait begins anew."""

    def __init__(
        self,
        store: Store,
        longest: timedelta,
        *,
        spare: Callable[[], Collection[str]] = tuple,
        only: str | None = None,
    ) -> None:
        """`spare`: the scripts that need no phone, and so don't wait for it. `only` this script is meant."""
        self._store = store
        self._longest = longest
        self._spare = spare
        self._only = only
        self._lock = threading.Lock()
        self._since: dict[str, datetime] = {}

    def __contains__(self, serial: str) -> bool:
        with self._lock:
            return serial in self._since

    def begin(self, serial: str) -> None:
        """Its tasks wait from now on, if they don't yet."""
        with self._lock:
            self._since.setdefault(serial, datetime.now(UTC))

    def end(self, serial: str) -> None:
        with self._lock:
            self._since.pop(serial, None)

    def follow(self, away: Mapping[str, str]) -> None:
        """As `tell`, where whoever is not in `away` waits no longer."""
        with self._lock:
            self._since = {serial: since for serial, since in self._since.items() if serial in away}
        self.tell(away)

    def tell(self, away: Mapping[str, str]) -> None:
        """`away`: phones that wait, and why each can't be had."""
        now = datetime.now(UTC)
        due_before = now - self._longest
        minutes = f"{self._longest.total_seconds() / 60:g} min"
        with self._lock:
            since = {serial: self._since.setdefault(serial, now) for serial in away}
        spare = self._spare()
        enough = {
            serial: f"Not started within {minutes}: {why}"
            for serial, why in away.items()
            if since[serial] <= due_before
        }
        if enough:
            self._store.miss_waiting(enough, due_before, now, spare=spare, only=self._only)
        remarks = {serial: f"waiting: {why}" for serial, why in away.items()}
        self._store.say_waiting(remarks, now, spare=spare, only=self._only)
        for serial in away.keys() - set(self._store.due_serials(now)):
            self.end(serial)
