"""What was asked of a phone, in order: the record that round trips are counted from. Bounded."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Literal

Kind = Literal["service", "rpc", "shell"]
_PARAMS_SHOWN = 160


class Call:
    """One call; `finish` is called once, when it has ended."""

    __slots__ = ("_started", "at", "kind", "ms", "name", "ok", "params")

    def __init__(self, kind: Kind, name: str, params: str) -> None:
        self.at = time.time()
        self._started = time.perf_counter()
        self.kind = kind
        self.name = name
        self.params = params[:_PARAMS_SHOWN]
        self.ms: float | None = None
        self.ok: bool | None = None

    def finish(self, ok: bool) -> None:
        self.ms = round((time.perf_counter() - self._started) * 1000, 3)
        self.ok = ok

    def as_json(self) -> dict[str, Any]:
        """`at` in epoch seconds; `ms` and `ok` are null while it runs."""
        return {
            "at": self.at,
            "kind": self.kind,
            "name": self.name,
            "params": self.params,
            "ms": self.ms,
            "ok": self.ok,
        }


class CallLog:
    def __init__(self, keep: int = 1000) -> None:
        self._calls: deque[Call] = deque(maxlen=keep)

    def begin(self, kind: Kind, name: str, params: str = "") -> Call:
        call = Call(kind, name, params)
        self._calls.append(call)
        return call

    def as_json(self) -> list[dict[str, Any]]:
        return [call.as_json() for call in self._calls]
