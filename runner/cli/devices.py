"""`runner devices`: the phones of the running service."""

from __future__ import annotations

import typer

from runner.cli.client import connect
from runner.cli.output import emit_json, emit_table


def show(url: str | None, as_json: bool) -> None:
    answer = connect(url).get("/devices")
    if as_json:
        emit_json(answer)
        return
    several = len({device["host"] for device in answer["devices"]} - {""}) > 1
    rows = [
        [
            device["index"],
            device["name"],
            device["serial"],
            *([device["host"]] if several else []),
            device["state"] if device["enabled"] else "disabled",
            " ".join(account["username"] for account in device["accounts"] if account["enabled"]),
            device["reason"],
        ]
        for device in answer["devices"]
    ]
    host = ["host"] if several else []
    emit_table(["", "name", "serial", *host, "state", "accounts", "reason"], rows)
    for problem in answer["problems"]:
        typer.echo(f"not in use: {problem}", err=True)
