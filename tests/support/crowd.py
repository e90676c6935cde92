"""Many tasks that are due at the same minute on many phones: how they ran, by the rows and by the phones."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from support.service import RunnerService
from support.virtual import Phones
from support.waiting import wait_for

Run = tuple[datetime, datetime, datetime]
"""Created, started, ended."""


def post_rounds(
    service: RunnerService, phones: Phones, video: Path, rounds: int, *, seconds: float
) -> list[str]:
    """Give every phone `rounds` tasks at once and wait until all are published; their captions."""
    captions = [f"round {number}" for number in range(rounds)]
    for caption in captions:
        service.post(video, serials=phones.serials, config={"captions": caption, "upload_wait_time": 120})
    total = len(phones.serials) * rounds
    wait_for(
        lambda: service.call("GET", "task/stats")["completed"] == total,
        seconds=seconds,
        what=f"{total} posts",
    )
    return captions


def runs_by_phone(service: RunnerService) -> dict[str, list[Run]]:
    """Each phone's runs in the order of their starts, to the microsecond, from the database."""
    found: defaultdict[str, list[Run]] = defaultdict(list)
    with contextlib.closing(sqlite3.connect(service.data_dir / "runner.db")) as connection:
        rows = connection.execute("SELECT serial, created_at, started_at, ended_at FROM tasks")
        for serial, *moments in rows:
            created, started, ended = map(datetime.fromisoformat, moments)
            found[serial].append((created, started, ended))
    return {serial: sorted(runs, key=lambda run: run[1]) for serial, runs in found.items()}


def waits(runs: list[Run]) -> list[float]:
    """Seconds that each run of a phone began after the phone was free for it; negative: two at once."""
    free = [runs[0][0], *(ended for _, _, ended in runs)]
    return [
        (started - max(created, before)).total_seconds()
        for before, (created, started, _) in zip(free, runs, strict=False)
    ]


def shares_before_each_post(phones: Phones, serial: str) -> list[int]:
    """How many files were shared to the app before each accepted post, and since the one before it."""
    log = phones.control("/log", serial=serial)
    shares = [
        entry["at"]
        for entry in log
        if entry["kind"] == "shell" and "android.intent.action.SEND" in str(entry)
    ]
    ends = [datetime.fromisoformat(post["at"]).timestamp() for post in phones.posts(serial)]
    return [sum(begin < at <= end for at in shares) for begin, end in pairwise([0.0, *ends])]
