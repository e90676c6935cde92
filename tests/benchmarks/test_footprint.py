"""What the service costs: time until it takes tasks, memory when idle and with 200 phones posting at once."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from support.service import RunnerService, StartService, config_of
from support.virtual import StartPhones
from support.waiting import wait_for

READY_SECONDS = 1.5
IDLE_MB = 120
BUSY_MB = 350
BUSY_PHONES = 200


def megabytes(service: RunnerService) -> float:
    return float(psutil.Process(service.pid).memory_info().rss) / 2**20


def test_ready_and_idle(start_phones: StartPhones, start_service: StartService) -> None:
    phones = start_phones(count=10)
    service = start_service(config_of(phones))  # the first start makes the database
    service.phones_ready(*phones.serials)
    idle = megabytes(service)
    seconds = []
    for _ in range(5):
        service.stop()
        began = time.perf_counter()
        service.start()
        seconds.append(time.perf_counter() - began)
    print(f"\nready after {min(seconds):.2f} s (best of 5; worst {max(seconds):.2f} s), idle {idle:.0f} MB")
    assert min(seconds) <= READY_SECONDS
    assert idle <= IDLE_MB


def test_200_phones_posting_at_once(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones(count=BUSY_PHONES, accounts=1, latency="real")
    service = start_service(config_of(phones))
    service.phones_ready(*phones.serials, seconds=120)
    service.post(video, serials=phones.serials, config={"captions": "all at once", "upload_wait_time": 120})
    most, running = 0.0, 0

    def all_ended() -> bool:
        nonlocal most, running
        most = max(most, megabytes(service))
        stats = service.call("GET", "task/stats")
        running = max(running, stats["running"])
        return bool(stats["completed"] == BUSY_PHONES)

    wait_for(all_ended, seconds=600, what=f"{BUSY_PHONES} posts")
    print(f"\n{BUSY_PHONES} phones posting, {running} at once: {most:.0f} MB at most")
    assert running >= BUSY_PHONES * 0.9
    assert most <= BUSY_MB
    assert all(len(phones.posts(serial)) == 1 for serial in phones.serials)
