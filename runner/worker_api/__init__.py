"""The Worker Tasks API, both sides: served to registered worker servers, and consumed from somebody else's.

Paths are said here, without importing anything, for those who guard them.
"""

from __future__ import annotations

PREFIX = "/worker"
"""Below the API's own prefix."""

_BASE = f"/api/v1{PREFIX}"
_KEYED = ("/tasks", "/health", "/callback/")
"""The calls of a worker server, which are authorised by its key; all others are the administrator's."""


def is_worker_call(path: str) -> bool:
    """Whether the call at `path` (complete, like /api/v1/worker/tasks) is one of this API."""
    return path.startswith(f"{_BASE}/")


def has_own_key(path: str) -> bool:
    """Whether it asks for a worker server's key."""
    return path.startswith(tuple(_BASE + keyed for keyed in _KEYED))
