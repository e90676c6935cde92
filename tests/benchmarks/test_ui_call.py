"""What one call to a phone's UI costs on the host: uiautomator2 as it comes, against ours, in one run.

The virtual phone answers without latency of its own, so nearly all that is measured is the way there and back
(its own part, in the same process, counts against both).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from runner.phones import limits
from support.phone_room import OpenRoom

CALLS = 150
GOAL_MS = 1.5


def _median_ms(call: Callable[[], object]) -> tuple[float, float]:
    """(median, 95th percentile)."""
    for _ in range(5):
        call()
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def test_one_ui_call(open_room: OpenRoom) -> None:
    room = open_room()
    figures: dict[str, tuple[float, float]] = {}
    with room.session() as session:
        link = session._link

        def device_info() -> object:
            with link.guard.within(limits.READ, "deviceInfo"):
                return link.ui.jsonrpc_call("deviceInfo", {})

        figures["ours, kept connection"] = _median_ms(device_info)
        link.ui.transport.keep_alive = False
        figures["ours, a connection each"] = _median_ms(device_info)
        link.ui.transport.keep_alive = True
        figures["ours, hierarchy parsed"] = _median_ms(session.hierarchy)
        figures["ours, shell command"] = _median_ms(lambda: session.shell(["true"]))
        plain = room.virtual.u2()
        figures["uiautomator2, deviceInfo"] = _median_ms(lambda: plain.jsonrpc.deviceInfo())
        figures["uiautomator2, shell command"] = _median_ms(lambda: plain.shell(["true"]))
    print(f"\n{CALLS} calls each" + f"{'median':>26}{'p95':>12}")
    for name, (median, p95) in figures.items():
        print(f"  {name:<28}{median:>8.2f} ms{p95:>9.2f} ms")
    ours, theirs = figures["ours, kept connection"][0], figures["uiautomator2, deviceInfo"][0]
    print(f"  uiautomator2 : ours = {theirs / ours:.0f} : 1   (goal: ours at most {GOAL_MS} ms)")
    assert ours <= GOAL_MS
