"""Which sounds of TikTok a post can start from: those that a link leads to."""

from __future__ import annotations

import re

from runner.errors import InvalidRequest

_LINK = re.compile(
    r"https://(www\.tiktok\.com/(music/[^/?#\s]+-\d+|t/[\w-]+)|vm\.tiktok\.com/[\w-]+)/?([?#]\S*)?"
)


def check(sound: str, *, field: str) -> None:
    """Refuse what is no link to a sound's page. Raises InvalidRequest."""
    if not _LINK.fullmatch(sound.strip()):
        raise InvalidRequest(
            f"{field}: {sound!r} is no link to a sound. Sounds can't be searched by name: no captured screen "
            "of TikTok's sound search is known.",
            field=field,
            value=sound,
            remedy="Copy the sound's link in TikTok: https://www.tiktok.com/music/<name>-<id>, "
            "https://www.tiktok.com/t/<code>/ or https://vm.tiktok.com/<code>/.",
        )
