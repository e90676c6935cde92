"""What all hosts of a fleet share beside tasks, by key: small texts in one table."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from runner.fleet.model import common
from runner.tasks.database import Database

KEY = "key"
"""By which hosts know each other over HTTP; whoever reads the database is one of us."""
FARM = "farm"
"""The fleet's devices.yaml, as the API host has it."""


class Common:
    """Thread-safe. PostgreSQL only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, key: str) -> str | None:
        with self._database.read() as connection:
            return connection.scalar(select(common.c.value).where(common.c.key == key))

    def write(self, key: str, value: str) -> None:
        statement = insert(common).values(key=key, value=value)
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))

    def fleet_key(self) -> str:
        """Made by whoever asks first, and the same for all from then on."""
        statement = insert(common).values(key=KEY, value=secrets.token_urlsafe(32))
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_nothing(index_elements=["key"]))
            return str(connection.scalar(select(common.c.value).where(common.c.key == KEY)))
