"""Three hundred posts that are due at the same minute on a hundred phones with real latency."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from support import crowd
from support.service import StartService, config_of
from support.virtual import StartPhones

PHONES = 100
ROUNDS = 3
FREE_TO_START = 2.0
"""Seconds between a phone being free and its next task."""


@pytest.mark.timeout(900)
def test_300_posts_on_100_phones(start_phones: StartPhones, start_service: StartService, video: Path) -> None:
    phones = start_phones(count=PHONES, accounts=1, latency="real")
    service = start_service(config_of(phones))
    service.phones_ready(*phones.serials, seconds=120)

    captions = crowd.post_rounds(service, phones, video, ROUNDS, seconds=800)

    runs = crowd.runs_by_phone(service)
    waits = [wait for of_phone in runs.values() for wait in crowd.waits(of_phone)]
    print(
        f"\n{len(waits)} posts on {PHONES} phones: started {statistics.median(waits):.2f} s (median), "
        f"{max(waits):.2f} s (longest) after their phone was free"
    )
    assert len(waits) == PHONES * ROUNDS
    assert 0 <= min(waits) <= max(waits) <= FREE_TO_START
    for serial in phones.serials:
        assert sorted(post["caption"] for post in phones.posts(serial)) == captions, serial
        assert crowd.shares_before_each_post(phones, serial) == [1] * ROUNDS, f"two at once on {serial}"
