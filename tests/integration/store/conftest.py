from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.tasks.database import Database
from runner.tasks.store import Store
from support import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres.server() as uri:
        yield uri


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'runner.db'}"
    return postgres.new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(Database(url))
    yield store
    store.close()
