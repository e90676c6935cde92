"""How long one call to a phone may take, and the guard that holds every blocking call to it.

All times are seconds. uiautomator2 ignores the timeout it is given and adbutils waits 600 s by default, so
nothing of this room waits without a guard: it raises PhoneTimeout at the deadline and Cancelled when the
run is stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runner.cancel import CancelToken, Deadline
from runner.errors import PhoneTimeout

READ = 10.0
"""A question to the UI server: hierarchy, screenshot, text of a field."""
TAP = 5.0
"""A touch or a key."""
FOCUS = 5.0
"""From a tap on a text field until it has the focus."""
TEXT = 20.0
"""One way of typing a text, read back included."""
SHELL = 15.0
"""A command on the phone."""
LAUNCH = 30.0
"""`am start -W`, which waits for the app's first window."""
HOST = 5.0
"""A question to the adb server that no phone takes part in."""
CONNECT = 15.0
"""`adb connect`; adb itself gives up on a dead address after 10 s."""
PING = 3.0
"""Is the UI server there, and does it answer?"""
UI_START = 30.0
"""From the start of the UI server's process to its first answer, its jar pushed before that."""
RECONNECT = 20.0
"""Until a phone that was lost during a call is back."""
RECOVERY = 60.0
"""All that recovery may do between a failed call and its one repetition."""
MEDIA_VISIBLE = 45.0
"""Until MediaStore has the row of a pushed file."""

SLICE = 0.25
"""The longest wait in the operating system before stop and deadline are looked at again.

Shutting a socket down from another thread does not wake a blocked read on every system, so waits are sliced
instead: stop is felt within this time on all of them.
"""


def push(size: int) -> float:
    """For sending a file of `size` bytes: 1 MB/s is slower than any USB 2 or Wi-Fi link worth having."""
    return 30.0 + size / 1_000_000


class Guard:
    """What the calls to one phone obey now: the call's deadline and the run's token.

    One thread uses it at a time, as with the phone itself. A wait outside `within` is a mistake of this room
    and fails loudly.
    """

    def __init__(self, serial: str = "", cancel: CancelToken | None = None) -> None:
        self.serial = serial
        self.cancel = cancel or CancelToken()
        self._deadline: Deadline | None = None
        self._limit = ""

    @contextmanager
    def within(self, seconds: float, what: str) -> Iterator[None]:
        """Everything inside shares this deadline; a nested one can only be shorter."""
        outer = self._deadline, self._limit
        if self._deadline is None or seconds < self._deadline.remaining:
            self._deadline, self._limit = Deadline(seconds), f"{seconds:g} s ({what})"
        try:
            yield
        finally:
            self._deadline, self._limit = outer

    @contextmanager
    def bound(self, cancel: CancelToken) -> Iterator[None]:
        """The run that uses the phone now."""
        outer, self.cancel = self.cancel, cancel
        try:
            yield
        finally:
            self.cancel = outer

    @property
    def remaining(self) -> float:
        if self._deadline is None:
            raise RuntimeError("a call to a phone was made outside Guard.within")
        return self._deadline.remaining

    def check(self) -> None:
        """Raise Cancelled or PhoneTimeout when it is time."""
        self.cancel.check()
        if self.remaining <= 0:
            raise PhoneTimeout(f"No answer within {self._limit}.", serial=self.serial or None)

    def sleep(self, seconds: float) -> None:
        """Wait at most until the deadline; raises like `check`."""
        self.cancel.sleep(min(seconds, self.remaining))
        self.check()
