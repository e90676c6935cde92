from __future__ import annotations

import itertools

from runner.worker_api.flow import WorkerStatus, may_become

FLOW = {
    ("pending", "queued"),
    ("pending", "running"),
    ("pending", "canceled"),
    ("queued", "pending"),
    ("queued", "running"),
    ("queued", "canceled"),
    ("running", "completed"),
    ("running", "failed"),
    ("running", "canceled"),
    ("failed", "pending"),
}


def test_every_change_that_exists_and_no_other() -> None:
    changes = {
        (before.value, after.value)
        for before, after in itertools.product(WorkerStatus, repeat=2)
        if before != after and may_become(before, after)
    }
    assert changes == FLOW


def test_the_same_thing_twice_is_allowed() -> None:
    assert all(may_become(status, status) for status in WorkerStatus)
