"""The nouns of what runs have seen of accounts. Plain data, no behaviour."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class AccountState(enum.StrEnum):
    """What the app let see of an account last. Tasks of an account start only while it is OK."""

    OK = "ok"
    LOGGED_OUT = "logged_out"
    SUSPENDED = "suspended"
    """By the platform, perhaps for a time; also TikTok's "blocked"."""
    DISABLED = "disabled"
    """By the platform, for good."""
    CAPTCHA = "captcha"
    VERIFICATION = "verification"
    """A selfie, an identity document."""
    UNKNOWN = "unknown"
    """The app wants something of its owner that no screen definition says more about."""

    @property
    def said(self) -> str:
        """As a person reads it."""
        return _SAID[self]


_SAID = {
    AccountState.OK: "ok",
    AccountState.LOGGED_OUT: "logged out",
    AccountState.SUSPENDED: "suspended",
    AccountState.DISABLED: "disabled by the app",
    AccountState.CAPTCHA: "asked for a captcha",
    AccountState.VERIFICATION: "asked for verification",
    AccountState.UNKNOWN: "asked for something by the app",
}


@dataclass(frozen=True)
class SeenAccount:
    """One account on one phone, as runs have seen it."""

    serial: str
    app: str
    username: str
    """In lower case, as both apps have them."""
    package: str
    state: AccountState
    since: datetime
    """When it came into this state."""
    task_id: int | None
    """The task that saw it; None when the operator cleared it."""
