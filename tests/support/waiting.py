"""Waits for something observable, with a deadline that fails the test by name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from runner.cancel import Deadline

T = TypeVar("T")


def wait_for(look: Callable[[], T], *, seconds: float = 10.0, what: str = "it") -> T:
    """Look until the answer is true, and return it."""
    deadline = Deadline(seconds)
    while not (seen := look()):
        if deadline.passed:
            raise AssertionError(f"{what} did not happen within {seconds:g} s; last seen: {seen!r}")
        threading.Event().wait(0.005)
    return seen
