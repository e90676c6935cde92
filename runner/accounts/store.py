"""What the operator may ask of the accounts that runs have seen. Runs write by `runner.accounts.marks`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy import select, update

from runner.accounts.marks import COLUMNS, account_of
from runner.accounts.model import account_states
from runner.accounts.types import AccountState, SeenAccount
from runner.errors import NotFound
from runner.tasks.database import Database

log = structlog.get_logger(__name__)


class AccountStore:
    """Thread-safe; every method is one transaction. All raise StoreError when the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Sequence[SeenAccount]:
        """By phone, app and name."""
        states = account_states.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(*COLUMNS).order_by(states.serial, states.app, states.username)
            ).all()
        return [account_of(row) for row in rows]

    def clear(self, username: str, app: str | None = None) -> Sequence[SeenAccount]:
        """Let tasks of this account (of every app of this name without `app`) start again.

        The accounts that were unusable, as they were. Raises NotFound when there is none.
        """
        states = account_states.c
        meant = [states.username == username.removeprefix("@").lower(), states.state != AccountState.OK]
        meant += [states.app == app] if app else []
        with self._database.write() as connection:
            were = [account_of(row) for row in connection.execute(select(*COLUMNS).where(*meant))]
            values = {"state": AccountState.OK, "since": datetime.now(UTC), "task_id": None}
            connection.execute(update(account_states).where(*meant).values(values))
        if not were:
            raise NotFound(
                f'No account "{username}" is marked as unusable.',
                remedy="`runner accounts list` shows those that are.",
            )
        for account in were:
            log.info(
                "account cleared",
                serial=account.serial,
                app=account.app,
                username=account.username,
                state=account.state,
            )
        return were
