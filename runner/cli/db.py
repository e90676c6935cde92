"""`runner db`: from one database to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.options import Config, DataDir, Json

app = typer.Typer(help="Move the runner's database.", no_args_is_help=True)


@app.command()
def copy(
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="A SQLite file, its URL, or a data directory. Default: this data directory's.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="URL", help="An empty PostgreSQL database. Default: RUNNER_DATABASE_URL."
        ),
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Copy everything from SQLite to PostgreSQL, all or nothing; the runner must be stopped.

    The SQLite file gets another name afterwards, so that its tasks can't be started twice.
    """
    from runner.cli.output import emit_json
    from runner.errors import ConfigError
    from runner.settings import config_path, load_settings, settle
    from runner.tasks.copying import copy as copy_database

    path = config_path({"config": config})
    if path.exists():
        settings = load_settings(config=config, data_dir=data_dir)[0]
    else:
        settings = settle(path, {}, data_dir=data_dir)
    if not (url := target or settings.database_url):
        raise ConfigError("No target is named.", remedy="Give --to URL, or set RUNNER_DATABASE_URL.")
    done = copy_database(_file(source) if source else settings.database_file, url)
    if as_json:
        emit_json({**done._asdict(), "set_aside": str(done.set_aside) if done.set_aside else None})
        return
    for table, rows in done.rows.items():
        if rows:
            typer.echo(f"{table}: {rows}")
    typer.echo(f"Copied {sum(done.rows.values())} rows of {len(done.rows)} tables.")
    if done.changed_texts:
        typer.echo(f"{done.changed_texts} texts had a NUL character, which is ␀ now.")
    if done.set_aside:
        typer.echo(f"The old database is {done.set_aside.name} now. Files stay where they are.")
    else:
        typer.echo(
            "The old database is in use and keeps its name: move it away before a runner starts on it.",
            err=True,
        )


def _file(source: str) -> Path:
    path = Path(source.removeprefix("sqlite:///"))
    return path / "runner.db" if path.is_dir() else path
