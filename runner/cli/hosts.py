"""`runner hosts`: the hosts of the running service's fleet, or the one that is alone."""

from __future__ import annotations

import typer

from runner.cli.client import connect
from runner.cli.output import emit_json, emit_table


def show(url: str | None, as_json: bool) -> None:
    hosts = connect(url).get("/hosts")["hosts"]
    if as_json:
        emit_json(hosts)
        return
    rows = [
        [
            host["name"],
            "live" if host["live"] else f"silent since {host['seen_at']}",
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
