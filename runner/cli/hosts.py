"""`runner hosts`: the hosts of the running service's fleet, or the one that is alone."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from runner.cli.options import Json, Url

app = typer.Typer()


@app.callback(invoke_without_command=True)
def show(context: typer.Context, as_json: Json = False, url: Url = None) -> None:
    """List the hosts of the fleet with their phones, versions and clocks."""
    if context.invoked_subcommand:
        return
    from runner.cli.client import connect
    from runner.cli.output import emit_json, emit_table

    hosts = connect(url).get("/hosts")["hosts"]
    if as_json:
        emit_json(hosts)
        return
    rows = [
        [
            host["name"],
            _state(host),
            "clock" if host["is_clock"] else "",
            host["version"],
            f"{host['skew']:+.1f} s",
            ", ".join(f"{count} {state}" for state, count in host["phones"].items()),
            host["running"],
            host["url"],
        ]
        for host in hosts
    ]
    emit_table(["name", "state", "", "version", "skew", "phones", "running", "API"], rows)
    for host in hosts:
        for warning in host["warnings"]:
            typer.echo(f"{host['name']}: {warning}", err=True)


@app.command()
def forget(
    name: Annotated[str, typer.Argument(help="A host that was stopped or is silent.")], url: Url = None
) -> None:
    """Take a host that is gone for good off the list."""
    from runner.cli.client import connect

    connect(url).delete(f"/hosts/{quote(name, safe='')}")
    typer.echo(f"Host {name} is forgotten.")


def _state(host: dict[str, Any]) -> str:
    return "live" if host["live"] else f"{host['state']} since {host['seen_at']}"
