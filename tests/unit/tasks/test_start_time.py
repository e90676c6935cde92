from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import InvalidRequest
from runner.tasks.start_time import next_occurrence

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "start_time", "expected"),
    [
        ("Europe/Berlin", "2026-01-10 08:00", "09:30", "2026-01-10 08:30"),  # still ahead: today
        ("Europe/Berlin", "2026-01-10 08:30", "09:30", "2026-01-11 08:30"),  # this very instant has begun
        ("Europe/Berlin", "2026-01-10 08:31", "09:30", "2026-01-11 08:30"),
        (
            "Europe/Berlin",
            "2026-01-10 23:30",
            "00:10",
            "2026-01-11 23:10",
        ),  # the farm's date counts, not UTC's
        ("Asia/Kolkata", "2026-01-10 20:00", "02:00", "2026-01-10 20:30"),
        # Berlin, 29 March: 02:00–03:00 does not exist
        ("Europe/Berlin", "2026-03-28 23:30", "02:30", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-03-28 23:30", "03:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-03-28 23:30", "01:59", "2026-03-29 00:59"),
        # Lord Howe, 4 October: only 02:00–02:30 is missing
        ("Australia/Lord_Howe", "2026-10-03 12:00", "02:15", "2026-10-03 15:30"),
        # Berlin, 25 October: 02:00–03:00 exists twice, the first one counts
        ("Europe/Berlin", "2026-10-24 23:00", "02:30", "2026-10-25 00:30"),
        ("Europe/Berlin", "2026-10-25 00:45", "02:30", "2026-10-26 01:30"),  # not the second 02:30
        # Samoa had no 30 December 2011: the first minute after it
        ("Pacific/Apia", "2011-12-30 09:00", "10:00", "2011-12-30 10:00"),
    ],
)
def test_the_instant_is_fixed_in_the_farms_zone(zone: str, now: str, start_time: str, expected: str) -> None:
    assert next_occurrence(start_time, ZoneInfo(zone), utc(now)) == utc(expected)


@pytest.mark.parametrize(
    "wrong", ["24:00", "12:60", "9:05", "09:5", "0905", "09:05:00", " 09:05", "٠٩:٠٥", "noon"]
)
def test_anything_but_hh_mm_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        next_occurrence(wrong, BERLIN, utc("2026-01-10 08:00"))
    assert (refusal.value.field, refusal.value.value) == ("start_time", wrong)
    assert "09:05" in str(refusal.value)


@given(
    now=st.integers(1_577_836_800, 2_051_222_400).map(lambda second: datetime.fromtimestamp(second, UTC)),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    zone=st.sampled_from(
        ["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]
    ),
)
def test_it_is_ahead_by_at_most_a_day_and_an_hour_and_shows_the_asked_time(
    now: datetime, hour: int, minute: int, zone: str
) -> None:
    instant = next_occurrence(f"{hour:02}:{minute:02}", ZoneInfo(zone), now)
    local = instant.astimezone(ZoneInfo(zone))
    assert now < instant <= now + timedelta(hours=25)
    assert (local.hour, local.minute) == (hour, minute) or local.fold == 0  # a gap moves it
