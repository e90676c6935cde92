"""What is told about a phone: its state, why, since when, and what it is. Plain data."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class PhoneState(enum.StrEnum):
    ABSENT = "absent"
    """adb does not see it."""
    OFFLINE = "offline"
    """adb sees it but can't talk to it."""
    UNAUTHORIZED = "unauthorized"
    """It asks its owner whether this computer may use adb."""
    PREPARING = "preparing"
    """Connected; being looked at for the first time since."""
    READY = "ready"
    BUSY = "busy"
    """A session is open."""
    QUARANTINED = "quarantined"
    """Several sessions in a row failed; tried again by itself, less and less often."""


@dataclass(frozen=True)
class PhoneInfo:
    """Read from the phone each time it connects."""

    model: str
    brand: str
    android: str
    """The release: "14"."""
    sdk: int
    """The API level: 34."""
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    language: str
    """BCP 47: "en-US"; "" when unknown."""


@dataclass(frozen=True)
class PhoneStatus:
    serial: str
    """As devices.yaml names it."""
    adb_serial: str
    state: PhoneState
    since: datetime
    """UTC."""
    reason: str
    """In plain words, with what to do; "" for a phone that is ready."""
    info: PhoneInfo | None
    """None until it was looked at; kept after it went away."""
    host: str = "local"
    """Which host drives it; "" when none of a fleet does."""
