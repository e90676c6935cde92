"""One database: its engine, its transactions, and whether its schema is ours.

What differs between SQLite and PostgreSQL is here; the queries of `runner.tasks.store` are the same on both.
"""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    IntegrityError,
    InvalidatePoolError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from runner import migrations
from runner.cancel import Deadline
from runner.errors import StoreAway, StoreError
from runner.tasks.model import metadata

BUSY_TIMEOUT = 15.0
"""Seconds that a write to SQLite waits for another process (a backup, a second tool)."""
_MIGRATION_LOCK = 50809
_PATIENCE = 10.0
"""Seconds for which a server that can't be reached is asked again: it may just be restarting."""
_PAUSE = 0.25
_ONE_FILE: dict[str, Any] = {"pool_size": 10, "max_overflow": 40}
CONNECTION: dict[str, Any] = {
    # A process that is paused in the middle of a transaction must not keep its locks.
    "options": "-c idle_in_transaction_session_timeout=10s",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""libpq's parameters of every connection; by those of time it soon notices that its server is away: s, the
last one ms."""
_SERVER: dict[str, Any] = {"pool_size": 15, "max_overflow": 10, "connect_args": CONNECTION}
"""Connections beyond the pool's size are closed after each use, which costs far more than keeping them."""


class Database:
    """Thread-safe. Every database error other than a broken constraint arrives as StoreError."""

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's: sqlite:////path/to/file or postgresql://user@host/name.

        Brings an empty or older database up to date. Raises StoreError.
        """
        self._url = _parsed(url)
        sqlite = self._url.get_backend_name() == "sqlite"
        try:
            options = _ONE_FILE if sqlite else _SERVER
            self._engine = create_engine(self._url, **options)
        except (ImportError, NoSuchModuleError) as error:
            raise StoreError(
                f"The driver for {self.name} is missing: {error}.",
                remedy='For PostgreSQL install "farm-runner[fleet]".',
            ) from error
        self._writer = self._noter = self._engine
        # SQLite lets one connection write at a time and makes the others poll with growing pauses. Within
        # this process a lock lets them queue instead, which keeps a hundred phones' writes quick.
        self._one_writer: AbstractContextManager[object] = nullcontext()
        if sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
            self._writer = self._engine.execution_options(immediate=True)
            self._noter = self._engine.execution_options(immediate=True, lazy=True)
            self._one_writer = threading.Lock()
        else:
            event.listen(self._engine, "checkout", _refuse_a_dead_connection)
        try:
            self._ensure_schema()
        except StoreError:
            self.close()
            raise

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._translated(), self._begun(self._engine) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; what it did is on disk when the block has ended without an error."""
        with self._one_writer, self._translated(), self._begun(self._writer) as connection:
            yield connection

    @contextmanager
    def note(self) -> Iterator[Connection]:
        """One transaction that survives the end of this process, but may be lost in a power cut.

        It does not wait for the disk, where a hundred phones' journals would queue before their next tasks.
        """
        with self._one_writer, self._translated(), self._begun(self._noter) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL synchronous_commit = off"))
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @property
    def is_shared(self) -> bool:
        """Whether other hosts can use it too."""
        return self._url.get_backend_name() == "postgresql"

    @property
    def conninfo(self) -> str:
        """For other clients of the same server. Holds the password."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        with self._connected(engine) as connection, connection.begin():
            yield connection

    def _connected(self, engine: Engine) -> Connection:
        deadline = Deadline(_PATIENCE if self.is_shared else 0.0)
        while True:
            try:
                return engine.connect()
            except OperationalError:
                if deadline.passed:
                    raise
            threading.Event().wait(_PAUSE)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DatabaseError as error:
            is_away = self.is_shared and (error.connection_invalidated or error.statement is None)
            raise (StoreAway if is_away else StoreError)(
                f"The database {self.name} can't be used: {error.orig}.",
                remedy="Check that it exists, that there is room, and that nothing else holds it locked.",
            ) from error

    def _ensure_schema(self) -> None:
        with self.read() as connection:
            if _revision(connection) == migrations.HEAD:
                return
        with self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            revision = _revision(connection)
            if revision is None and (foreign := _foreign_tables(connection)):
                raise StoreError(
                    f"The database {self.name} has tables that are not the runner's: {', '.join(foreign)}.",
                    remedy="Name an empty database, or the runner's own.",
                )
            if revision is not None and not migrations.is_known(revision):
                raise StoreError(
                    f"The database {self.name} was made by another version of the runner (schema {revision}, "
                    f"this one knows {migrations.HEAD}).",
                    remedy="Use that version or a newer one, or name another data directory.",
                )
            migrations.migrate(connection)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            "The database URL can't be read.", remedy="Write postgresql://user:password@host/name."
        ) from error
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(migrations.VERSION_TABLE):
        return None
    revision = connection.scalar(text(f"SELECT version_num FROM {migrations.VERSION_TABLE}"))
    return None if revision is None else str(revision)


def _foreign_tables(connection: Connection) -> list[str]:
    return sorted(set(metadata.tables) & set(inspect(connection).get_table_names()))


def _refuse_a_dead_connection(connection: DBAPIConnection, entry: object, fairy: object) -> None:
    """Have the pool replace a connection that ended while it was idle.

    A server says nothing to an idle connection but that it ends it, so a look at the socket tells what
    SQLAlchemy's pre-ping would ask for with one more round trip for each transaction.
    """
    ended = bool(connection.closed)
    if not ended:
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            ended = bool(selector.select(0))
    if ended:
        raise InvalidatePoolError("the server has ended an idle connection")


def _prepare_sqlite(connection: object, entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a sqlite3.Connection behind SQLAlchemy's interface
    # Python's driver would begin transactions on its own, and later than we want; _begin_sqlite does it.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading can't always become a writing one; a writer takes its turn at once.
    options = connection.get_execution_options()
    if options.get("immediate"):
        # NORMAL may lose the last commits in a power cut; the next FULL commit takes them along to the disk.
        connection.exec_driver_sql(f"PRAGMA synchronous = {'NORMAL' if options.get('lazy') else 'FULL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate") else "BEGIN")
