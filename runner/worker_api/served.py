"""The served side behind its routes: who is calling, who is online, and what happens on the clock.

The status of tasks is `runner.worker_api.store`'s; HTTP is `runner.worker_api.routes`'.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from runner.errors import RunnerError
from runner.tasks.database import Database
from runner.worker_api.flow import WorkerStatus
from runner.worker_api.keys import FailedKeys
from runner.worker_api.sealing import Seal, SealBroken
from runner.worker_api.settings import WorkerApiSettings
from runner.worker_api.store import WorkerStore
from runner.worker_api.types import NewRequest, Server, WorkerTask

log = structlog.get_logger(__name__)

PASSWORD_KEY = "worker-passwords.key"
"""In the data directory."""
TICK_SECONDS = 1.0
SEEN_EVERY = timedelta(seconds=5)
"""A sign of life is written down at most this often."""
_EVER = datetime.min.replace(tzinfo=UTC)


class KeyRefused(RunnerError):
    """The X-API-Key header is missing or wrong."""

    remedy = "`runner servers add NAME` registers a worker server and prints its key."


class TooManyKeys(RunnerError):
    """Too many wrong keys came from this address."""

    def __init__(self, seconds: float) -> None:
        self.seconds = int(seconds) + 1
        super().__init__(remedy=f"Try again in {self.seconds} s.")


def is_online(server: Server, now: datetime, silence: timedelta) -> bool:
    return server.revoked_at is None and server.seen_at >= now - silence


class Served:
    """Thread-safe. Somebody calls `tick` every TICK_SECONDS."""

    def __init__(
        self, database: Database, settings: WorkerApiSettings, data_dir: Path, *, now: datetime | None = None
    ) -> None:
        """`now`: when the service started to listen; at present by default."""
        self.store = WorkerStore(database, retry_delay=timedelta(seconds=settings.retry_delay_seconds))
        self._silence = settings.silence
        self._failed_keys = FailedKeys(settings.failed_keys_per_minute)
        self._password_key = data_dir / PASSWORD_KEY
        self._seal: Seal | None = None
        self._up_since = now or datetime.now(UTC)
        self._silent: set[str] = set()
        self._sealing = threading.Lock()

    # -- calls of worker servers

    def authenticate(self, key: str, address: str) -> Server:
        """The server that calls; a sign of its life. Raises KeyRefused, TooManyKeys."""
        if wait := self._failed_keys.wait(address, key):
            raise TooManyKeys(wait)
        server = self.store.authenticate(key) if key else None
        if server is None:
            self._failed_keys.failed(address)
            log.warning("worker key refused", address=address)
            raise KeyRefused
        self._failed_keys.succeeded(address, key)
        self._seen(server)
        return server

    def heartbeat(self, server: Server, health: Mapping[str, Any]) -> datetime:
        """The time here."""
        now = datetime.now(UTC)
        self.store.seen(server.id, now, health)
        return now

    def password_of(self, task: WorkerTask) -> str:
        """Empty when it can't be opened any more, or was none."""
        if not task.sealed_password:
            return ""
        try:
            return self.seal().open(task.sealed_password)
        except SealBroken as error:
            log.error("a worker task's password is lost", worker_task=task.id, error=str(error))
            return ""

    # -- calls of the administrator

    def create_request(self, new: NewRequest) -> str:
        """Its id; its tasks are shared out at once over who is online. Raises InvalidRequest."""
        now = datetime.now(UTC)
        request_id = self.store.create_request(new, self.seal(), now)
        self.share_out(now)
        return request_id

    def seal(self) -> Seal:
        """What seals passwords; its key is made when it is first needed."""
        with self._sealing:
            if self._seal is None:
                self._seal = Seal.from_file(self._password_key)
            return self._seal

    def is_online(self, server: Server, now: datetime) -> bool:
        return is_online(server, now, self._silence)

    def share_out(self, now: datetime) -> int:
        """How many tasks were given to a server."""
        # Right after a start nobody has been heard of: that's no proof of silence.
        silent_before = now - self._silence if now - self._up_since >= self._silence else _EVER
        return self.store.share_out(online_since=now - self._silence, silent_before=silent_before)

    def tick(self, now: datetime) -> None:
        """What the clock does: retries, sharing out, and saying who is silent."""
        self.store.retry_due(now)
        self.share_out(now)
        self._tell_silent(now)

    def _seen(self, server: Server) -> None:
        now = datetime.now(UTC)
        if now - server.seen_at < min(SEEN_EVERY, self._silence / 4):
            return
        self.store.seen(server.id, now)
        if not self.is_online(server, now):
            self.share_out(now)  # it is back, and may find its tasks in this very call

    def _tell_silent(self, now: datetime) -> None:
        if now - self._up_since < self._silence:
            return
        registered = [one for one in self.store.registered() if one.revoked_at is None]
        silent = {one.id for one in registered if not self.is_online(one, now)}
        if silent - self._silent:
            for one in self.store.servers():
                if one.server.id in silent - self._silent:
                    running = one.counts[WorkerStatus.RUNNING]
                    log.warning("a worker server is silent", server=one.server.name, running_tasks=running)
        for server in registered:
            if server.id in self._silent - silent:
                log.info("a worker server is back", server=server.name)
        self._silent = silent
