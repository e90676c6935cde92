"""Tells one upstream what became of its tasks, from the outbox, and that this farm is alive.

A report that the upstream refuses is kept to be shown and blocks nothing; anything else that goes wrong
leaves the outbox as it is, to be sent later.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from runner.tasks.types import Stats
from runner.worker_api.upstream.client import MOST_ITEMS, Refused, UpstreamClient
from runner.worker_api.upstream.links import Links, Report

log = structlog.get_logger(__name__)

BEAT_SECONDS = 30.0


class Reporter:
    """Used by one thread."""

    def __init__(
        self,
        name: str,
        client: UpstreamClient,
        links: Links,
        *,
        stats: Callable[[], Stats],
        data_dir: Path,
    ) -> None:
        self._client = client
        self._links = links
        self._stats = stats
        self._data_dir = data_dir
        self._log = log.bind(upstream=name)
        self._beat_at = 0.0

    def report(self) -> None:
        """Raises UpstreamAway."""
        self._links.settle(datetime.now(UTC))
        while batch := self._links.outbox(MOST_ITEMS):
            self._send(batch)
        if time.monotonic() >= self._beat_at:
            self._beat()
            self._beat_at = time.monotonic() + BEAT_SECONDS

    def _send(self, batch: list[Report]) -> None:
        try:
            errors = self._client.report_all([{"link_id": one.upstream_id, **one.body} for one in batch])
        except Refused:  # one of them made it refuse all
            for one in batch:
                self._send_alone(one)
            return
        self._links.sent([one.id for one, error in zip(batch, errors, strict=True) if error is None])
        for one, error in zip(batch, errors, strict=True):
            if error is not None:
                self._keep_refused(one, error)

    def _send_alone(self, one: Report) -> None:
        try:
            self._client.report(one.upstream_id, one.body)
        except Refused as error:
            self._keep_refused(one, str(error))
        else:
            self._links.sent([one.id])

    def _keep_refused(self, one: Report, reason: str) -> None:
        self._links.was_refused(one, reason)
        self._log.error(
            "the upstream refused a report",
            upstream_task=one.upstream_id,
            task=one.task_id,
            status=one.body["status"],
            reason=reason,
        )

    def _beat(self) -> None:
        try:
            self._client.beat(self._health())
        except Refused as error:
            self._log.debug("the upstream takes no heartbeat", reason=str(error))

    def _health(self) -> dict[str, Any]:
        """What Python can tell of this computer; the other figures are left out rather than made up."""
        disk = shutil.disk_usage(self._data_dir)
        health: dict[str, Any] = {
            "server_name": socket.gethostname(),
            "disk_usage": round(100 * disk.used / disk.total, 1),
            "active_threads": threading.active_count(),
            "active_tasks": self._stats().running,
        }
        if hasattr(os, "getloadavg"):
            health["cpu_usage"] = round(min(100.0, 100 * os.getloadavg()[0] / (os.cpu_count() or 1)), 1)
        return health
