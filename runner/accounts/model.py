"""The table of accounts, on the metadata of `runner.tasks.model`: one describes the whole database."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from runner.tasks.model import UtcDateTime, metadata

account_states = Table(
    "account_states",
    metadata,
    Column("serial", String, primary_key=True),
    Column("app", String, primary_key=True),
    Column("username", String, primary_key=True),
    Column("package", String, nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("task_id", Integer),
)
"""By phone, because an account may be logged in on one and logged out on another. `username` is in lower
case. `task_id` is no foreign key, because a state outlives the task that saw it."""
