"""What the end of a run means for accounts, and which accounts tasks must leave alone.

`runner.tasks.store` calls this in the transaction that ends or begins a run, so that no kill can come between
the two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    exists,
    func,
    insert,
    select,
    update,
)

from runner.accounts.model import account_states
from runner.accounts.types import AccountState, SeenAccount
from runner.script import Account
from runner.tasks.types import Ending, Task

COLUMNS = [account_states.c[field.name] for field in fields(SeenAccount)]
# Asked at the beginning of every run, so it is built once.
_UNUSABLE = select(*COLUMNS).where(
    account_states.c.serial.in_(bindparam("serials", expanding=True)),
    account_states.c.state != AccountState.OK,
)


def settle(connection: Connection, task: Task, ending: Ending, now: datetime) -> list[SeenAccount]:
    """Keep what a run has seen of accounts; those whose state is another one now."""
    seen = [(account, AccountState.OK, tuple(AccountState)) for account in ending.proved]
    # That the app lists an account says that it is logged in, not that the platform lets it publish.
    seen += [(account, AccountState.OK, (AccountState.LOGGED_OUT,)) for account in ending.found]
    if ending.unusable and task.username:
        account = Account(task.username, task.app, task.package)
        seen.append((account, AccountState(ending.unusable), tuple(AccountState)))
    changed = [_put(connection, task, *each, now) for each in seen]
    return [each for each in changed if each is not None]


def unusable(connection: Connection, serials: Collection[str]) -> Sequence[SeenAccount]:
    """Accounts of these phones whose tasks must not start."""
    return [account_of(row) for row in connection.execute(_UNUSABLE, {"serials": list(serials)})]


def bars(tasks: Table) -> ColumnElement[bool]:
    """Of a row of `tasks`: can its account not be used?"""
    states = account_states.c
    return (
        exists()
        .where(
            states.serial == tasks.c.serial,
            states.app == tasks.c.app,
            states.username == func.lower(tasks.c.username),
            states.state != AccountState.OK,
        )
        .correlate(tasks)
    )


def account_of(row: Row[Any]) -> SeenAccount:
    return SeenAccount(**dict(row._mapping) | {"state": AccountState(row.state)})


def remark(account: SeenAccount) -> str:
    """Why a task of this account does not start, and what to do."""
    return (
        f"@{account.username} can't be used: {account.app} on {account.serial} was seen with it "
        f"{account.state.said} (task {account.task_id}). Put it right on the phone, then clear it "
        f"(`runner accounts clear {account.username}`) or prove it with a task of switch_account."
    )


def _put(
    connection: Connection,
    task: Task,
    account: Account,
    state: AccountState,
    over: Collection[AccountState],
    now: datetime,
) -> SeenAccount | None:
    """Only one run of a phone is under way, so nobody else puts the same row. `over`: the states it ends."""
    seen = SeenAccount(task.serial, account.app, _key(account.username), account.package, state, now, task.id)
    here = _is(seen.serial, seen.app, seen.username)
    before = connection.scalar(select(account_states.c.state).where(here))
    values = {field.name: getattr(seen, field.name) for field in fields(SeenAccount)}
    if before is None:
        connection.execute(insert(account_states).values(values))
        return seen
    if before == state or before not in over:
        return None
    connection.execute(update(account_states).where(here).values(values))
    return seen


def _is(serial: str, app: str, username: str) -> ColumnElement[bool]:
    states = account_states.c
    return and_(states.serial == serial, states.app == app, states.username == username)


def _key(username: str) -> str:
    return username.removeprefix("@").lower()
