"""A script that only writes down when its first line ran: the cost of starting, without a script's own."""

from __future__ import annotations

import time
from pathlib import Path

from runner.script import Context, Result, Script, ScriptConfig


class StampConfig(ScriptConfig):
    file: str


class Stamp(Script[StampConfig]):
    name = "stamp"
    Config = StampConfig
    needs_phone = False

    def run(self, context: Context[StampConfig]) -> Result:
        now = time.perf_counter()  # of the same process as the one who asks
        Path(context.config.file).write_text(repr(now), encoding="utf-8")
        return Result()


class StampOnPhone(Stamp):
    name = "stamp_on_phone"
    needs_phone = True
