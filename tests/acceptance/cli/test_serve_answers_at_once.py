from __future__ import annotations

import statistics
import time

from support.stage import StartBare


def test_answers_do_not_wait_for_nagle(start_bare: StartBare) -> None:
    service = start_bare()

    def one() -> float:
        began = time.perf_counter()
        service.call("GET", "task/stats")
        return time.perf_counter() - began

    one()
    assert statistics.median(one() for _ in range(21)) < 0.03
