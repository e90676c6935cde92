"""`runner servers`: the worker servers of the Worker Tasks API and their keys.

Works on the database itself, so that keys can be made before the service runs, and only by who may read it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runner.cli.options import Config, DataDir, Json

if TYPE_CHECKING:
    from runner.settings import Settings
    from runner.worker_api.store import WorkerStore
    from runner.worker_api.types import NewServer

app = typer.Typer(help="Register the worker servers of the Worker Tasks API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The server's name.")]


@app.command()
def add(
    name: Name,
    max_tasks: Annotated[
        int, typer.Option(min=0, help="Most unended tasks that are shared out to it; 0: no limit.")
    ] = 0,
    config: Config = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Register a server and print its key, which is shown only now."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise typer.BadParameter("a name has 1 to 100 printable characters.", param_hint="NAME")
    with _store(config, data_dir) as (store, _):
        _show_key(store.add_server(name, max_tasks, datetime.now(UTC)), as_json)


@app.command("list")
def list_servers(config: Config = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the servers, whether they are online, and their tasks."""
    from runner.cli.output import emit_json, emit_table
    from runner.worker_api.served import is_online
    from runner.worker_api.shapes import server_item

    with _store(config, data_dir) as (store, settings):
        now = datetime.now(UTC)
        silence = settings.worker_api.silence
        items = [server_item(one, online=is_online(one.server, now, silence)) for one in store.servers()]
    if as_json:
        emit_json(items)
    else:
        columns = ["name", "state", "last seen", "max tasks", "waiting", "running", "completed", "failed"]
        emit_table(columns, [_row(item) for item in items])


@app.command()
def rotate(name: Name, config: Config = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Give a server a new key (the old one is refused from now on); brings a revoked one back."""
    with _store(config, data_dir) as (store, _):
        _show_key(store.rotate(name, datetime.now(UTC)), as_json)


@app.command()
def revoke(name: Name, config: Config = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Refuse a server's key from now on; its tasks that have not begun go to others."""
    from runner.cli.output import emit_json

    with _store(config, data_dir) as (store, _):
        server = store.revoke(name, datetime.now(UTC))
    if as_json:
        emit_json({"server_id": server.id, "name": server.name, "revoked": True})
    else:
        typer.echo(f"{name} is revoked.")


@contextmanager
def _store(config: Path | None, data_dir: Path | None) -> Iterator[tuple[WorkerStore, Settings]]:
    from runner import logs
    from runner.tasks.database import Database
    from runner.worker_api.store import WorkerStore

    logs.configure(level="WARNING")
    settings = _settings(config, data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        yield WorkerStore(database), settings
    finally:
        database.close()


def _settings(config: Path | None, data_dir: Path | None) -> Settings:
    """Those of devices.yaml; without one, those that name the database well enough."""
    from runner.settings import config_path, load_settings, settle

    path = config_path({"config": config})
    if not path.exists():
        settings = settle(path, {}, data_dir=data_dir)
        if data_dir or settings.database_url or settings.data_dir.exists() or "RUNNER_DATA_DIR" in os.environ:
            return settings
    return load_settings(config=config, data_dir=data_dir)[0]


def _show_key(made: NewServer, as_json: bool) -> None:
    from runner.cli.output import emit_json

    if as_json:
        emit_json({"server_id": made.server.id, "name": made.server.name, "key": made.key})
    else:
        typer.echo(f"{made.server.name}: {made.key}\nKeep the key now; it is not shown again.")


def _row(item: dict[str, Any]) -> list[object]:
    state = "revoked" if item["revoked"] else "online" if item["online"] else "silent"
    counts = item["counts"]
    return [
        item["name"],
        state,
        item["last_seen"],
        item["max_tasks"] or "no limit",
        counts["pending"] + counts["queued"],
        counts["running"],
        counts["completed"],
        counts["failed"],
    ]
