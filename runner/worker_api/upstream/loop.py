"""The same work again and again in a thread of its own, ever more seldom while it fails."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from runner.errors import StoreError
from runner.worker_api.upstream.client import UpstreamAway

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 60.0
"""Seconds between two attempts while it fails, unless its own pace is slower."""


class Loop:
    """Logs the first failure of a row of them, and the recovery."""

    def __init__(self, name: str, work: Callable[[], None], seconds: float, closing: threading.Event) -> None:
        """Works every `seconds`, give or take a fifth, so that many runners don't call in step."""
        self.done_at: datetime | None = None
        self.problem = ""
        self._work = work
        self._seconds = seconds
        self._closing = closing
        self._failures = 0
        self._log = log.bind(loop=name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._work()
            except (UpstreamAway, StoreError) as error:
                self._failed(str(error))
            except Exception as error:  # noqa: BLE001 - a bug must not end the loop; it is logged each time
                self._log.exception("an upstream's loop met a bug")
                self._failed(repr(error))
            else:
                self._succeeded()
            self._closing.wait(self._pause())

    def _failed(self, problem: str) -> None:
        if not self._failures:
            self._log.warning("the upstream is away", problem=problem)
        self._failures += 1
        self.problem = problem

    def _succeeded(self) -> None:
        if self._failures:
            self._log.info("the upstream is back", attempts=self._failures)
        self._failures = 0
        self.problem = ""
        self.done_at = datetime.now(UTC)

    def _pause(self) -> float:
        if not self._failures:
            return self._seconds * random.uniform(0.8, 1.2)
        longest = max(LONGEST_PAUSE, self._seconds)
        return min(longest, self._seconds * 2.0 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)
