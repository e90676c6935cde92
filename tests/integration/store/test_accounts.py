"""What runs have seen of accounts, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from runner.accounts.store import AccountStore
from runner.accounts.types import AccountState
from runner.errors import NotFound
from runner.script import Account
from runner.tasks.database import Database
from runner.tasks.store import Store
from runner.tasks.types import Ending, NewTask, Outcome, Run, Source, Task

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ANNA = Account("Anna", "tiktok", "p")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture
def accounts(database: Database) -> AccountStore:
    return AccountStore(database)


def create(store: Store, username: str = "Anna", *, app: str = "tiktok", script: str = "post") -> int:
    new = NewTask("phone1", username, app, "p", NOW, None)
    options = {"source": Source.API, "retry_limit": 0, "now": NOW}
    [task_id] = store.create([new], script_name=script, script_config={}, **options).task_ids  # type: ignore[arg-type]
    return task_id


def claim(store: Store) -> Run | None:
    return store.claim_next("phone1", NOW, "local", proving=["switch_account"])


def run(store: Store, ending: Ending, *, script: str = "switch_account") -> int:
    task_id = create(store, script=script)
    started = claim(store)
    assert started is not None
    store.finish(started, ending, NOW)
    return task_id


def task(store: Store, task_id: int) -> Task:
    found = store.task(task_id)
    assert found is not None
    return found


def states(accounts: AccountStore) -> dict[tuple[str, str], str]:
    return {(account.app, account.username): account.state.value for account in accounts.all()}


def unusable(state: str) -> Ending:
    return Ending(Outcome.FAILED, "why", unusable=state)


def test_the_tasks_of_a_marked_account_fail_and_others_start(store: Store, accounts: AccountStore) -> None:
    marking = run(store, unusable("suspended"))
    assert states(accounts) == {("tiktok", "anna"): "suspended"}
    assert [(seen.state, seen.task_id) for seen in store.unusable(["phone1", "phone2"])] == [
        (AccountState.SUSPENDED, marking)
    ]
    barred = [create(store), create(store)]
    same_name = create(store, app="instagram")
    other = create(store, "ben")
    for expected in (same_name, other):
        started = claim(store)
        assert started is not None
        assert started.task.id == expected
        store.finish(started, Ending(Outcome.DONE, ""), NOW)
    assert claim(store) is None
    for task_id in barred:
        ended = task(store, task_id)
        assert (ended.outcome, ended.attempt, ended.ended_at) == (Outcome.FAILED, 0, NOW)
        assert "@anna can't be used" in ended.remark
        assert "suspended" in ended.remark
        assert f"task {marking}" in ended.remark
        assert "runner accounts clear anna" in ended.remark
        assert [change.change for change in store.changes(task_id)] == ["bar"]


def test_retry_all_leaves_the_tasks_of_a_marked_account_alone(store: Store) -> None:
    failed = Ending(Outcome.FAILED, "why")
    options = {"retry_limit": 0, "now": NOW, "proving": ["switch_account"]}
    mine, unknown = run(store, failed, script="post"), run(store, Ending(Outcome.UNKNOWN, ""), script="post")
    proving = run(store, unusable("suspended"))
    others = [create(store, app="instagram"), create(store, "ben")]
    for _ in others:
        started = claim(store)
        assert started is not None
        store.finish(started, failed, NOW)
    assert store.retry_all(**options) == (3, 1, 1)  # type: ignore[arg-type]
    assert [task(store, each).status.name for each in (mine, unknown)] == ["FAILED", "FAILED"]
    assert [task(store, each).status.name for each in (proving, *others)] == ["PENDING"] * 3


def test_a_script_that_proves_the_account_starts_and_clears_it(store: Store, accounts: AccountStore) -> None:
    run(store, unusable("captcha"))
    run(store, Ending(Outcome.DONE, "", proved=(ANNA,)))
    assert states(accounts) == {("tiktok", "anna"): "ok"}
    post = create(store)
    started = claim(store)
    assert started is not None
    assert started.task.id == post


def test_an_account_that_is_listed_is_logged_in_and_nothing_else(
    store: Store, accounts: AccountStore
) -> None:
    found = Ending(Outcome.DONE, "", found=(ANNA, Account("cleo", "instagram", "q")))
    for state, after in (("suspended", "suspended"), ("logged_out", "ok")):
        run(store, unusable(state))
        run(store, found)
        assert states(accounts) == {("tiktok", "anna"): after, ("instagram", "cleo"): "ok"}


def test_the_operator_clears_by_name_and_app(store: Store, accounts: AccountStore) -> None:
    run(store, unusable("verification"))
    with pytest.raises(NotFound):
        accounts.clear("anna", "instagram")
    assert [seen.state for seen in accounts.clear("@Anna")] == [AccountState.VERIFICATION]
    assert states(accounts) == {("tiktok", "anna"): "ok"}
    with pytest.raises(NotFound, match="accounts list"):
        accounts.clear("anna")


def test_a_state_keeps_its_time_while_it_lasts(store: Store, accounts: AccountStore) -> None:
    first = run(store, unusable("captcha"))
    run(store, unusable("captcha"))
    assert [(seen.since, seen.task_id) for seen in accounts.all()] == [(NOW, first)]
