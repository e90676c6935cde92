"""One upstream: its two threads (one takes tasks, one reports) and how they keep calm when it is away."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runner.errors import ConfigError
from runner.farm.model import Farm
from runner.tasks.database import Database
from runner.tasks.service import TaskService
from runner.worker_api.settings import UpstreamSettings
from runner.worker_api.shapes import utc
from runner.worker_api.upstream.client import UpstreamClient
from runner.worker_api.upstream.links import Links
from runner.worker_api.upstream.loop import Loop
from runner.worker_api.upstream.media import MediaCache
from runner.worker_api.upstream.reporter import Reporter
from runner.worker_api.upstream.taker import Taker

REPORT_SECONDS = 1.0
REFUSED_KEPT = timedelta(days=30)
SHOWN = 50
"""Refused reports."""


class Upstream:
    """`start` once, `close` once. Thread-safe."""

    def __init__(
        self,
        settings: UpstreamSettings,
        *,
        database: Database,
        tasks: TaskService,
        farm: Callable[[], Farm],
        data_dir: Path,
        key_folder: Path,
    ) -> None:
        """Raises ConfigError when its key is missing."""
        self._settings = settings
        self._closing = threading.Event()
        self._links = Links(database, settings.name)
        self._media = MediaCache(
            data_dir / "upstream-media",
            max_bytes=settings.max_media_mb * 2**20,
            private_hosts=settings.private_media_hosts,
            stopped=self._closing.is_set,
        )
        self._client = UpstreamClient(settings.base_url, key_of(settings, key_folder))
        self.taker = Taker(
            settings,
            self._client,
            self._links,
            tasks=tasks,
            farm=farm,
            media=self._media,
            stopped=self._closing.is_set,
        )
        self.reporter = Reporter(
            settings.name, self._client, self._links, stats=tasks.stats, data_dir=data_dir
        )
        self._loops = [
            Loop(f"{settings.name}: take", self.taker.poll, settings.poll_seconds, self._closing),
            Loop(f"{settings.name}: report", self.reporter.report, REPORT_SECONDS, self._closing),
        ]

    def start(self) -> None:
        for loop in self._loops:
            loop.start()

    def close(self) -> None:
        """Waits for a call under way, at most its timeout."""
        self._closing.set()
        for loop in self._loops:
            loop.join()
        self._client.close()
        self._media.close()

    def now(self) -> dict[str, Any]:
        """What an operator wants to see of it."""
        held, unsent = self._links.counts()
        take, report = self._loops
        return {
            "name": self._settings.name,
            "base_url": self._settings.base_url,
            "last_poll": utc(take.done_at),
            "problem": take.problem or report.problem,
            "open_tasks": held,
            "unsent_reports": unsent,
            "refused_reports": [
                {
                    "upstream_task": one.upstream_id,
                    "task_id": one.task_id,
                    "report": one.body,
                    "reason": one.refused,
                    "created_at": utc(one.created_at),
                }
                for one in self._links.refused(SHOWN)
            ],
        }

    def clean(self) -> None:
        """Forget old refused reports and media that nobody used for long."""
        self._links.forget_refused(datetime.now(UTC) - REFUSED_KEPT)
        self._media.prune()


def key_of(settings: UpstreamSettings, folder: Path) -> str:
    """The key, from where the settings say; a file's path is relative to `folder`. Raises ConfigError."""
    if settings.key_env:
        key = os.environ.get(settings.key_env, "")
        place = f"the environment variable {settings.key_env}"
    else:
        place = f"the file {folder / settings.key_file}"
        try:
            key = (folder / settings.key_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The key of the upstream {settings.name} can't be read: {error}.") from error
    if not (key := key.strip()) or not key.isascii() or not key.isprintable():
        raise ConfigError(
            f"The upstream {settings.name} has no key in {place}.",
            remedy="Put the key there, or remove the upstream.",
        )
    return key
