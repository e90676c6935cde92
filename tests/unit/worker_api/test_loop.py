from __future__ import annotations

import threading

import pytest

from runner.errors import StoreError
from runner.worker_api.upstream.client import UpstreamAway
from runner.worker_api.upstream.loop import LONGEST_PAUSE, Loop
from support.waiting import wait_for


def loop(seconds: float = 1.0) -> Loop:
    return Loop("test", lambda: None, seconds, threading.Event())


def test_it_keeps_its_pace_give_or_take_a_fifth() -> None:
    pauses = {loop(10)._pause() for _ in range(200)}

    assert 8 <= min(pauses) < 9
    assert 11 < max(pauses) <= 12


def test_it_waits_longer_and_longer_while_it_fails_and_not_for_ever() -> None:
    failing = loop(1)
    longest = []
    for _ in range(20):
        failing._failed("away")
        pauses = [failing._pause() for _ in range(200)]
        longest.append(max(pauses))
        assert min(pauses) >= longest[-1] / 2.1

    assert longest[0] == pytest.approx(2, rel=0.05)
    assert longest[3] == pytest.approx(16, rel=0.05)
    assert max(longest) <= LONGEST_PAUSE
    failing._succeeded()
    assert failing._pause() <= 1.2


def test_a_slow_pace_is_never_made_quicker_by_failures() -> None:
    slow = loop(600)
    for _ in range(10):
        slow._failed("away")
    assert slow._pause() >= 300


@pytest.mark.parametrize("error", [UpstreamAway("gone"), StoreError("locked"), ZeroDivisionError("a bug")])
def test_it_survives_what_happens_in_it_and_ends_when_told(error: Exception) -> None:
    closing = threading.Event()
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise error

    running = Loop("test", work, 0.01, closing)
    running.start()
    wait_for(lambda: running.done_at, what="the recovery")
    assert running.problem == ""
    closing.set()
    running.join()
    assert len(calls) >= 2


def test_closing_one_that_was_never_started_is_harmless() -> None:
    loop().join()
