"""Three hundred tasks that are due at the same minute on a hundred phones with real latency."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.service import StartService, config_of
from support.virtual import Phones, StartPhones
from support.waiting import wait_for

pytestmark = pytest.mark.chaos

PHONES = 100
ROUNDS = 3
FREE_TO_START = 2.0
"""Seconds between a phone being free and its next task."""


@pytest.mark.timeout(600)
def test_300_tasks_of_one_minute_start_at_once_and_none_is_lost_or_doubled(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones(count=PHONES, accounts=1, latency="real")
    service = start_service(config_of(phones))
    service.phones_ready(*phones.serials, seconds=120)
    captions = [f"round {number}" for number in range(ROUNDS)]
    for caption in captions:
        service.post(video, serials=phones.serials, config={"captions": caption, "upload_wait_time": 120})

    wait_for(
        lambda: service.call("GET", "task/stats")["completed"] == PHONES * ROUNDS,
        seconds=500,
        what="300 posts",
    )

    waits = []
    for serial, runs in runs_by_phone(service.data_dir / "runner.db").items():
        free = None
        for created, started, ended in runs:
            waits.append((started - max(created, free or created)).total_seconds())
            free = ended
        accepted = phones.posts(serial)
        assert sorted(post["caption"] for post in accepted) == captions, serial
        assert shares_between_posts(phones, serial, accepted) == [1] * ROUNDS, f"two at once on {serial}"
    assert len(waits) == PHONES * ROUNDS
    assert max(waits) <= FREE_TO_START, f"the latest start was {max(waits):.1f} s after its phone was free"


def runs_by_phone(database: Path) -> dict[str, list[tuple[datetime, datetime, datetime]]]:
    """Serial → (created, started, ended) of its tasks in the order of their starts."""
    found = defaultdict(list)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT serial, created_at, started_at, ended_at FROM tasks")
        for serial, *moments in rows:
            found[serial].append(tuple(map(datetime.fromisoformat, moments)))
    return {serial: sorted(runs, key=lambda run: run[1]) for serial, runs in found.items()}


def shares_between_posts(phones: Phones, serial: str, accepted: list[dict[str, Any]]) -> list[int]:
    """How many files were shared to the app before each post, and since the one before it."""
    log = phones.control("/log", serial=serial)
    shares = [
        entry["at"]
        for entry in log
        if entry["kind"] == "shell" and "android.intent.action.SEND" in str(entry)
    ]
    ends = [datetime.fromisoformat(post["at"]).timestamp() for post in accepted]
    return [sum(begin < at <= end for at in shares) for begin, end in pairwise([0.0, *ends])]
