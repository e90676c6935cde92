"""Where each page ended that a server has read, so that the next page follows it.

By counting alone, page 2 of "pending" would begin 50 tasks further on among those that are *still* pending,
and skip as many as were started since page 1. In memory only: after a restart, pages are counted.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from runner.worker_api.flow import ServiceType, WorkerStatus

KEEP_SECONDS = 600.0
_MOST = 10_000

Walk = tuple[str, tuple[WorkerStatus, ...], ServiceType | None, int]
"""Server, statuses, service type, page size: what stays the same from page to page."""


class Bookmarks:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: OrderedDict[tuple[Walk, int], tuple[int, float]] = OrderedDict()

    def start_of(self, walk: Walk, page: int) -> int | None:
        """The place after which this page begins; None when it isn't known."""
        with self._lock:
            place, kept_at = self._places.get((walk, page), (None, 0.0))
        return place if time.monotonic() - kept_at < KEEP_SECONDS else None

    def ended(self, walk: Walk, page: int, place: int) -> None:
        with self._lock:
            self._places[walk, page + 1] = place, time.monotonic()
            self._places.move_to_end((walk, page + 1))
            while len(self._places) > _MOST:
                self._places.popitem(last=False)
