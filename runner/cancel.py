"""One token per run: stop is asked for once and felt at every wait within two seconds.

Every sleep, wait and transfer of a run goes through its token. A call that blocks in the operating system
(a socket read) registers an `interrupt` that breaks it, typically by closing the socket.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.errors import Cancelled


class CancelToken:
    """Thread-safe; cancelled once and for good."""

    def __init__(self, must_end: Callable[[], str] | None = None) -> None:
        """`must_end` is asked at each check, and names the reason when it is time; "" while it is not."""
        self._must_end = must_end
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._interrupts: list[Callable[[], None]] = []
        self.reason = ""

    def cancel(self, reason: str = "stopped") -> None:
        """Ask the run to stop; breaks every registered blocking call. A second call changes nothing."""
        with self._lock:
            if self._event.is_set():
                return
            self.reason = reason
            self._event.set()
            interrupts = list(self._interrupts)
        for interrupt in interrupts:
            interrupt()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise Cancelled when stop was asked for."""
        if self._must_end and (reason := self._must_end()):
            self.cancel(reason)
        if self._event.is_set():
            raise Cancelled(self.reason)

    def sleep(self, seconds: float) -> None:
        """Wait; raises Cancelled at once when stop is asked for during the wait."""
        self._event.wait(max(0.0, seconds))
        self.check()

    @contextmanager
    def interrupt(self, action: Callable[[], None]) -> Iterator[None]:
        """Run `action` from the cancelling thread if stop is asked for inside the block.

        `action` must be short, safe from any thread and must not raise.
        """
        with self._lock:
            if self._event.is_set():
                raise Cancelled(self.reason)
            self._interrupts.append(action)
        try:
            yield
        finally:
            with self._lock:
                self._interrupts.remove(action)


class Deadline:
    """A moment on the monotonic clock, made once and passed down."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._at - time.monotonic())

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._at
