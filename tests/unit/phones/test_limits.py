from __future__ import annotations

import threading
import time

import pytest

from runner.cancel import CancelToken
from runner.errors import Cancelled, PhoneTimeout
from runner.phones.limits import Guard


def test_a_call_without_a_deadline_is_a_mistake() -> None:
    with pytest.raises(RuntimeError, match=r"Guard\.within"):
        Guard().check()


def test_the_shorter_of_nested_deadlines_counts() -> None:
    guard = Guard("R58")
    with guard.within(60, "outer"):
        with guard.within(0, "inner"), pytest.raises(PhoneTimeout, match=r"0 s \(inner\)") as caught:
            guard.check()
        assert caught.value.serial == "R58"
        assert 59 < guard.remaining <= 60
        with guard.within(100, "longer"):
            assert guard.remaining <= 60
    with guard.within(0, "outer"), guard.within(100, "inner"), pytest.raises(PhoneTimeout, match="outer"):
        guard.check()


def test_a_wait_ends_when_the_run_is_stopped() -> None:
    cancel = CancelToken()
    guard = Guard()
    stopper = threading.Timer(0.05, cancel.cancel, ["stopped by hand"])
    started = time.monotonic()
    with guard.bound(cancel), guard.within(30, "a wait"):
        stopper.start()
        with pytest.raises(Cancelled, match="by hand"):
            guard.sleep(20)
    stopper.join()
    assert time.monotonic() - started < 2
    assert guard.cancel is not cancel


def test_a_wait_ends_at_the_deadline() -> None:
    guard = Guard()
    with guard.within(0.05, "a wait"), pytest.raises(PhoneTimeout):
        guard.sleep(20)
