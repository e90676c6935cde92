"""One devices.yaml for all hosts: the API host publishes the text of its file, the others follow it.

Only the text travels; each host reads it with the ordinary loader, so that all see the same farm by the same
rules. Settings of a host's own (its name, where it listens, its folders) are no part of what is followed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from sqlalchemy import Connection, func, select

from runner.cancel import CancelToken
from runner.directory import HostInfo
from runner.errors import ConfigError
from runner.farm.holder import FarmHolder
from runner.fleet.common import FARM, Common

log = structlog.get_logger(__name__)

FIRST_WAIT = 60.0
"""Seconds that a host waits at its start for a devices.yaml to be published."""
_LOOK = 1.0
_LOCK = 50812


class FarmPublisher:
    """For a host with the API. `publish` when the host joins the fleet, `follow` after every refresh."""

    def __init__(
        self,
        common: Common,
        holder: FarmHolder,
        host: str,
        hosts: Callable[[], Sequence[HostInfo]],
    ) -> None:
        self._common = common
        self._holder = holder
        self._host = host
        self._hosts = hosts
        self._published = ""

    def publish(self, joining: Connection) -> None:
        """Make this host's farm the fleet's. Raises ConfigError when another API host has a different one.

        `joining` is the transaction by which this host joins: hosts that start at once take turns.
        """
        joining.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        text = self._holder.text
        others = [host.name for host in self._hosts() if host.live and host.url and host.name != self._host]
        if others and self._common.read(FARM) not in (None, text):
            raise ConfigError(
                f"The devices.yaml of this host differs from the one that host {others[0]} publishes.",
                remedy="Give both the same file, or start this one without an API: runner worker",
            )
        self._common.write(FARM, text)
        self._published = text

    def follow(self) -> None:
        """Publish the file again when another version of it is in use."""
        text = self._holder.text
        if text != self._published:
            self._common.write(FARM, text)
            self._published = text
            log.info("devices.yaml published to the fleet", devices=len(self._holder.farm.devices))


class FarmFollower:
    """For a host without the API: keeps `file` equal to what is published."""

    def __init__(self, common: Common, file: Path) -> None:
        self._common = common
        self._file = file
        self._written: str | None = None

    def fetch_first(self, stop: CancelToken, seconds: float = FIRST_WAIT) -> None:
        """Wait until there is one and write it. Raises ConfigError when the time is over, Cancelled."""
        deadline = time.monotonic() + seconds
        while not self.follow():
            if time.monotonic() >= deadline:
                raise ConfigError(
                    f"No host with an API has published a devices.yaml within {seconds:g} s.",
                    remedy="Start one on the same database: runner serve",
                )
            stop.sleep(_LOOK)

    def follow(self) -> bool:
        """Write the published text if it is another one now; False when none was published yet."""
        text = self._common.read(FARM)
        if text is None:
            return False
        if text != self._written:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new = self._file.with_name(f"{self._file.name}.new")
            new.write_text(text, encoding="utf-8", newline="")
            os.replace(new, self._file)
            self._written = text
        return True
