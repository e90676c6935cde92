"""The Worker Tasks API, both sides: served to registered worker servers, and consumed from somebody else's.

Paths are said here, without importing anything, for those who guard them.
"""

from __future__ import annotations

PREFIX = "/worker"
"""Below the API's own prefix."""

KEYED = ("/tasks", "/health", "/callback/")
"""The calls of a worker server, which are authorised by its key; all others are the administrator's."""


def has_own_key(path: str) -> bool:
    """Whether the call at `path` (complete, like /api/v1/worker/tasks) asks for a worker server's key."""
    _, found, rest = path.partition(f"/api/v1{PREFIX}")
    return bool(found) and rest.startswith(KEYED)
