"""How due tasks reach the executors of their phones. An interface: this process is one implementation.

A dispatcher only pokes. What there is to do is read from rows by the executor, so a lost poke costs time and
never a task. Nothing outside the implementations may assume that the executors are in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runner.cancel import CancelToken
    from runner.phones.session import PhoneSession


class Dispatcher(Protocol):
    """Thread-safe."""

    def start(self) -> None: ...

    def close(self, timeout: float) -> None:
        """Start nothing more; hand running tasks back, wait at most `timeout` seconds for their ends.

        A run behind its publish fence is given the time to find its evidence.
        """
        ...

    def wake(self, serials: Collection[str]) -> None:
        """These phones may have due tasks. Returns at once; poking for nothing is harmless."""
        ...

    def stop(self, task_ids: Collection[int], timeout: float) -> bool:
        """Stop those that run, wait at most `timeout` seconds; True when none of them runs any more."""
        ...

    def running(self) -> Mapping[str, int]:
        """Serial → id of the task that runs on it now."""
        ...


class PhoneStatus(Protocol):
    @property
    def serial(self) -> str: ...
    @property
    def state(self) -> str:
        """ "ready" when a session can be opened now."""
        ...

    @property
    def reason(self) -> str:
        """Why it is in this state, and what to do."""
        ...


class PhoneSource(Protocol):
    """What execution needs of `runner.phones.phones.Phones`."""

    def status(self, serial: str) -> PhoneStatus:
        """Raises NotFound."""
        ...

    def on_change(self, callback: Callable[[PhoneStatus], None]) -> object:
        """Call back after each change of a phone's state."""
        ...

    def session(self, serial: str, cancel: CancelToken) -> AbstractContextManager[PhoneSession]:
        """The phone for one run. Raises PhoneAbsent, PhoneUnauthorized when it can't be had now."""
        ...
