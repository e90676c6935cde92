"""Several hosts of phones with one database: which host drives which phone, and what became of a silent one.

On one host with SQLite nothing of it runs, and a service imports only this and what describes settings and
tables. `docs/architecture.md` shows how its modules work together.
"""

from __future__ import annotations

PREFIX = "/fleet"
"""Of the hosts' calls to the API host, below the API's own prefix. They are authorised by the fleet's key."""


def is_fleet_call(path: str) -> bool:
    """Whether the call at `path` (complete, like /api/v1/fleet/claim) is one of a host of the fleet."""
    return path.startswith(f"/api/v1{PREFIX}/")
