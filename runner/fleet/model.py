"""The tables of a fleet, on the metadata of `runner.tasks.model`, so that one describes the whole database.

They exist on SQLite too, and stay empty there. Whether a host is silent is judged by the database's clock.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, String, Table, Text, false

from runner.tasks.model import UtcDateTime, metadata

hosts = Table(
    "hosts",
    metadata,
    Column("name", String, primary_key=True),
    Column("instance", String(32), nullable=False),
    Column("home", String(32), nullable=False),
    Column("version", String, nullable=False),
    Column("url", String, nullable=False, server_default=""),
    Column("skew", Float, nullable=False, server_default="0"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("stopped", Boolean, nullable=False, server_default=false()),
    Column("scripts", JSON),
)
"""One row per runner process of the fleet. `instance` is made new by each start, "" once the host was found
silent or has said goodbye (then it is `stopped`): whoever holds an older one no longer drives phones. `home`
tells data directories apart; only one process uses one at a time. `url` is where its API is reached, "" for a
host without one. `skew` is its clock minus the database's, in seconds. `scripts`: the name of each script
that is installed there → whether it needs a phone."""

phones = Table(
    "phones",
    metadata,
    Column("serial", String, primary_key=True),
    Column("host", String, nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("since", UtcDateTime, nullable=False),
    Column("info", JSON),
)
"""Who drives a phone, as that host last reported it. `info` are the fields of `PhoneInfo`, or null."""

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
"""What only one process of the fleet does at a time. `holder` is a host's `instance`."""

common = Table(
    "fleet",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What all hosts share: see `runner.fleet.common`."""
