from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.tasks.database import Database
from runner.tasks.store import Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(Database(database_url))
    yield store
    store.close()
