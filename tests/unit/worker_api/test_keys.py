from __future__ import annotations

import pytest

from runner.worker_api import has_own_key, is_worker_call, keys
from runner.worker_api.keys import FailedKeys, is_key, key_hash, new_key, server_of

HERE = "10.0.0.1"


def test_a_key_is_long_names_its_server_and_is_recognised_by_its_hash() -> None:
    key, other = new_key("a-server"), new_key("a-server")

    assert key != other
    assert server_of(key) == "a-server"
    assert len(key.partition(".")[2]) == 64
    assert is_key(key, key_hash(key))
    assert not is_key(other, key_hash(key))
    assert not is_key("\udcff", key_hash(key))


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keys.time, "monotonic", lambda: clock.now)
    return clock


def test_an_address_waits_until_its_oldest_failure_is_a_minute_old(clock: Clock) -> None:
    failed = FailedKeys(limit=3)
    for _ in range(3):
        assert failed.wait(HERE, "wrong") == 0
        failed.failed(HERE)
        clock.now += 10

    assert failed.wait(HERE, "another") == pytest.approx(30)
    assert failed.wait("10.0.0.2", "another") == 0
    clock.now += 30
    assert failed.wait(HERE, "another") == 0
    failed.failed(HERE)
    assert failed.wait(HERE, "another") == pytest.approx(10)
    clock.now += 3600
    assert failed.wait(HERE, "another") == 0


def test_a_key_that_was_right_from_an_address_goes_on_working_there(clock: Clock) -> None:
    failed = FailedKeys(limit=1)
    failed.succeeded(HERE, "right")
    failed.failed(HERE)

    assert failed.wait(HERE, "right") == 0
    assert failed.wait(HERE, "wrong") > 0
    failed.failed("10.0.0.2")
    assert failed.wait("10.0.0.2", "right") > 0


def test_a_flood_of_addresses_is_forgotten_from_its_beginning(clock: Clock) -> None:
    failed = FailedKeys(limit=1)
    for number in range(keys._MOST_ADDRESSES + 1):
        failed.failed(f"10.1.{number // 256}.{number % 256}")

    assert failed.wait("10.1.0.0", "x") == 0
    assert failed.wait("10.1.0.1", "x") > 0


@pytest.mark.parametrize(
    ("path", "worker", "keyed"),
    [
        ("/api/v1/worker/tasks", True, True),
        ("/api/v1/worker/tasks/bulk", True, True),
        ("/api/v1/worker/health", True, True),
        ("/api/v1/worker/callback/link/complete", True, True),
        ("/api/v1/worker/requests", True, False),
        ("/api/v1/worker/servers", True, False),
        ("/api/v1/worker/upstreams", True, False),
        ("/api/v1/worker/requests/../tasks", True, False),
        ("/api/v1/task", False, False),
        ("/api/v1/workers/tasks", False, False),
        ("/x/api/v1/worker/tasks", False, False),
    ],
)
def test_which_calls_are_authorised_by_a_workers_key(path: str, worker: bool, keyed: bool) -> None:
    assert (is_worker_call(path), has_own_key(path)) == (worker, keyed)
