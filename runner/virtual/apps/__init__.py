"""The apps of a virtual phone. They know nothing of adb or uiautomator: see the seam,
`runner.virtual.app`.
"""

from __future__ import annotations

from ..app import Android, App
from .instagram import Instagram
from .launcher import Launcher
from .pages import PagedApp
from .tiktok import TikTok, TikTokAsia

_INSTALLABLE: dict[str, type[PagedApp]] = {"tiktok": TikTok, "trill": TikTokAsia, "instagram": Instagram}


def build_apps(android: Android, *, versions: dict[str, str], accounts: dict[str, list[str]]) -> list[App]:
    """The apps of one phone, the launcher first.

    The keys of both are "tiktok", "trill" (TikTok Asia) and "instagram"; an app is installed when either
    names it.
    """
    launcher = Launcher(android)
    for key, kind in _INSTALLABLE.items():
        if key in versions or key in accounts:
            version = versions.get(key, kind.default_version)
            launcher.starters.append(kind(android, version=version, accounts=accounts.get(key, [])))
    return [launcher, *launcher.starters]
