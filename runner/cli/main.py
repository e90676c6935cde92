"""The tree of commands. Each command's work is in a module of its own, imported when it runs.

Only typer is imported here, so that `runner --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from runner.cli import accounts, config, db, hosts, materials, phones, screens, servers, tasks
from runner.cli.options import Adb, Config, DataDir, Host, Json, Name, Port, ScreensDir, ScriptsDir, Url

app = typer.Typer(
    name="runner",
    help="Publishes your own videos and pictures from a farm of Android phones.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(tasks.app, name="tasks")
app.add_typer(materials.app, name="materials")
app.add_typer(accounts.app, name="accounts")
app.add_typer(hosts.app, name="hosts")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(phones.app, name="phones")
app.add_typer(servers.app, name="servers")
app.add_typer(screens.app, name="screens")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        import runner

        typer.echo(runner.__version__)
        raise typer.Exit
    from runner import logs

    logs.configure(level="WARNING")  # standard output is the commands' own; `serve` says more


@app.command()
def serve(
    config: Config = None,
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    adb: Adb = None,
    scripts_dir: ScriptsDir = None,
    screens_dir: ScreensDir = None,
    name: Name = None,
    api_only: Annotated[
        bool, typer.Option("--api-only", help="In a fleet: leave all phones to other hosts.")
    ] = False,
) -> None:
    """Run the service; prints its URL when it is ready to take tasks. Ctrl+C ends it."""
    from runner.cli.serve import run

    run(
        api_only=api_only,
        name=name,
        config=config,
        data_dir=data_dir,
        host=host,
        port=port,
        adb={"path": adb} if adb else None,
        scripts_dir=scripts_dir,
        screens_dir=screens_dir,
    )


@app.command()
def worker(
    name: Name = None,
    data_dir: DataDir = None,
    adb: Adb = None,
    scripts_dir: ScriptsDir = None,
    screens_dir: ScreensDir = None,
) -> None:
    """Be a host of a fleet: drive the phones seen here for the database that RUNNER_DATABASE_URL names."""
    from runner.cli.worker import run

    run(
        name=name,
        data_dir=data_dir,
        adb={"path": adb} if adb else None,
        scripts_dir=scripts_dir,
        screens_dir=screens_dir,
    )


@app.command()
def devices(as_json: Json = False, url: Url = None) -> None:
    """List the phones with their states."""
    from runner.cli.devices import show

    show(url, as_json)


@app.command()
def doctor(config: Config = None, as_json: Json = False) -> None:
    """Check adb, phones, apps, storage, clock, ports and database; exit 1 when something blocks."""
    from runner.cli.doctor import run

    run(config, as_json)


@app.command()
def demo(
    count: Annotated[int, typer.Option("--phones", min=1, max=50, help="How many virtual phones.")] = 3,
    latency: Annotated[
        phones.LatencyChoice, typer.Option(help="none: at once; real: as slow as real phones.")
    ] = phones.LatencyChoice.NONE,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything up until Ctrl+C.")] = False,
    as_json: Json = False,
) -> None:
    """Post to every account of some virtual phones, for real, and show what each phone accepted."""
    from runner.cli.demo import run

    run(count, latency=latency.value, keep=keep, as_json=as_json)


@app.command()
def scripts(config: Config = None, scripts_dir: ScriptsDir = None, as_json: Json = False) -> None:
    """List the installed scripts and the fields of their configuration."""
    from runner.cli.scripts import show

    show(config, scripts_dir, as_json)
