"""Turns "HH:MM" into the one instant at which a task starts. Decided once, when the task is created.

Where the clocks are put forward, a time that does not exist is the first minute after the gap; where they are
put back, a time that exists twice is its first occurrence.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from runner.errors import InvalidRequest

_HH_MM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_MINUTE = timedelta(minutes=1)


def next_occurrence(start_time: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Today's `start_time` in `zone` if it is still ahead of `now`, else tomorrow's; in UTC.

    Raises InvalidRequest.
    """
    match = _HH_MM.fullmatch(start_time)
    if not match:
        raise InvalidRequest(
            f'start_time: "{start_time}" is not a time of day.',
            field="start_time",
            value=start_time,
            remedy='Write hours and minutes of the 24-hour clock, two digits each, like "09:05".',
        )
    wall_clock = time(int(match[1]), int(match[2]))
    today = now.astimezone(zone).date()
    instant = _instant(today, wall_clock, zone)
    return instant if instant > now else _instant(today + timedelta(days=1), wall_clock, zone)


def _instant(day: date, wall_clock: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, wall_clock)
    while not _exists(local, zone):
        local += _MINUTE
    return local.replace(tzinfo=zone).astimezone(UTC)  # of a time that exists twice, Python takes the first


def _exists(local: datetime, zone: ZoneInfo) -> bool:
    there = local.replace(tzinfo=zone).astimezone(UTC)
    return there.astimezone(zone).replace(tzinfo=None) == local
