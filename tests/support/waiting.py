"""Waits for something observable, with a deadline that fails the test by name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from runner.cancel import Deadline

T = TypeVar("T")


def wait_for(look: Callable[[], T], *, seconds: float = 10.0, what: str = "it") -> T:
    """Look until the answer is true, and return it.

    Between two looks it pauses for four times as long as a look takes, between 5 and 250 ms: what is looked
    at needs the processor too.
    """
    deadline = Deadline(seconds)
    while True:
        began = time.monotonic()
        if seen := look():
            return seen
        if deadline.passed:
            raise AssertionError(f"{what} did not happen within {seconds:g} s; last seen: {seen!r}")
        threading.Event().wait(min(max(0.005, 4 * (time.monotonic() - began)), 0.25))
