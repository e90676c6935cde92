"""What is known of hosts and phones, wherever they are: the same question for one host and for a fleet.

On one host the answer is what `runner.phones.Phones` sees; in a fleet it is what every host reported, see
`runner.fleet.directory`. For looking only: a session on a phone is had from the host that drives it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

import runner
from runner.errors import InvalidRequest, NotFound
from runner.phones.status import PhoneState, PhoneStatus
from runner.tasks.types import LOCAL, Stats

NOTABLE_SKEW = 1.0
"""Seconds by which a host's clock may differ from the database's before anybody is warned."""


@dataclass(frozen=True)
class HostInfo:
    """One runner process that drives phones, has the API, or both."""

    name: str
    live: bool
    """False: not heard of for longer than the lease, or it said goodbye."""
    version: str
    url: str
    """Where its API is reached; "" for a host without one."""
    skew: float
    """Its clock minus the database's, in seconds."""
    started_at: datetime
    seen_at: datetime
    phones: Mapping[PhoneState, int] = field(default_factory=dict)
    """How many phones it drives, by state."""
    running: int = 0
    """Tasks."""
    is_clock: bool = False
    """It wakes the tasks of the fleet."""
    stopped: bool = False
    """It said goodbye, when it was last seen."""
    scripts: Collection[str] = ()
    """Names of those that are installed there."""

    @property
    def state(self) -> Literal["live", "stopped", "silent"]:
        return "live" if self.live else "stopped" if self.stopped else "silent"

    @property
    def skewed(self) -> bool:
        return abs(self.skew) > NOTABLE_SKEW


class PhoneDirectory(Protocol):
    """`runner.phones.phones.Phones` is one."""

    def snapshot(self) -> Sequence[PhoneStatus]:
        """All phones of the farm, in its order."""

    def strangers(self) -> Mapping[str, str]:
        """What adb sees on this host and devices.yaml does not name: adb's serial → adb's state."""


class HostDirectory(Protocol):
    def hosts(self) -> Sequence[HostInfo]:
        """All hosts that were not forgotten, by name."""

    def forget(self, name: str) -> None:
        """Take a host that is gone for good off the list.

        Raises NotFound; InvalidRequest while it is up, has something to do, or has a phone by devices.yaml.
        """


class LocalHost:
    """The only host, which is this process."""

    def __init__(self, phones: PhoneDirectory, stats: Callable[[], Stats]) -> None:
        self._phones = phones
        self._stats = stats
        self._started_at = datetime.now(UTC)

    def hosts(self) -> Sequence[HostInfo]:
        return [
            HostInfo(
                name=LOCAL,
                live=True,
                version=runner.__version__,
                url="",
                skew=0.0,
                started_at=self._started_at,
                seen_at=datetime.now(UTC),
                phones=Counter(status.state for status in self._phones.snapshot()),
                running=self._stats().running,
                is_clock=True,
            )
        ]

    def forget(self, name: str) -> None:
        if name != LOCAL:
            raise NotFound(f"There is no host {name}.", remedy="`runner hosts` lists them.")
        raise InvalidRequest(f"Host {LOCAL} is this process, so it can't be forgotten.")


def concerns(hosts: Sequence[HostInfo]) -> dict[str, list[str]]:
    """What an operator should know of each host, by its name; nothing when all is well."""
    live = [host for host in hosts if host.live]
    versions = {host.version for host in live}
    scripts = {script for host in live for script in host.scripts}
    return {host.name: list(_concerns(host, versions, scripts)) for host in hosts}


def _concerns(host: HostInfo, versions: set[str], scripts: set[str]) -> Iterator[str]:
    if host.state == "silent":
        yield "It is silent: its process ended, or it can't reach the database."
    if not host.live:
        return
    if host.skewed:
        ahead = "ahead of" if host.skew > 0 else "behind"
        yield f"Its clock is {abs(host.skew):.1f} s {ahead} the database's; let both be set by NTP."
    if others := versions - {host.version}:
        yield f"It runs version {host.version}, others {', '.join(sorted(others))}; give all the same."
    if lacks := scripts.difference(host.scripts):
        yield f"It has no script {', '.join(sorted(lacks))}, others do; give all the same (--scripts-dir)."
