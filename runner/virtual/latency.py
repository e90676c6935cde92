"""How long a virtual phone takes for things: nothing at all, or what a real phone takes.

Seeded per phone, so a run can be repeated. The faults `slow` and its like act here too.
"""

from __future__ import annotations

import random
from typing import Literal

LatencyMode = Literal["none", "real"]

_REAL = {
    "tap": (0.080, 0.200),
    "dump": (0.100, 0.400),
    "screen": (0.300, 0.900),
    "call": (0.004, 0.015),
    "shell": (0.010, 0.040),
    "java_tool": (0.060, 0.150),
    "server_start": (0.400, 0.900),
}
"""Seconds, from the fastest to the slowest. `java_tool` is am, pm, content …, which start a VM on a phone."""

_SLOW_FACTOR = 5.0
_SLOW_MODE: LatencyMode = "real"


class Latency:
    def __init__(self, mode: LatencyMode, rng: random.Random) -> None:
        self._mode = mode
        self._rng = rng
        self.slow = False

    def seconds(self, of: str) -> float:
        """How long one thing named in `_REAL` takes now."""
        mode = _SLOW_MODE if self.slow else self._mode
        if mode == "none":
            return 0.0
        low, high = _REAL[of]
        return self._rng.uniform(low, high) * (_SLOW_FACTOR if self.slow else 1.0)
