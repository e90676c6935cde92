"""More tasks than phones, all due at once, with real latency: none is lost, doubled or beside another."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import crowd
from support.service import StartService, config_of
from support.virtual import StartPhones

pytestmark = pytest.mark.chaos

PHONES = 20
ROUNDS = 3
"""The full size, 300 tasks on 100 phones, is tests/benchmarks/test_many_phones.py; it also takes the time."""


@pytest.mark.timeout(400)
def test_no_task_is_lost_or_doubled_and_no_phone_has_two_at_once(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones(count=PHONES, accounts=1, latency="real")
    service = start_service(config_of(phones))
    service.phones_ready(*phones.serials, seconds=120)

    captions = crowd.post_rounds(service, phones, video, ROUNDS, seconds=300)

    runs = crowd.runs_by_phone(service)
    assert {serial: len(of_phone) for serial, of_phone in runs.items()} == dict.fromkeys(
        phones.serials, ROUNDS
    )
    for serial in phones.serials:
        assert sorted(post["caption"] for post in phones.posts(serial)) == captions, serial
        assert crowd.shares_before_each_post(phones, serial) == [1] * ROUNDS, f"two at once on {serial}"
        assert min(crowd.waits(runs[serial])) >= 0, f"two at once on {serial}"
