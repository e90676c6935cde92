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
    rows = [
        [
            device["index"],
            device["name"],
            device["serial"],
            device["state"] if device["enabled"] else "disabled",
            " ".join(account["username"] for account in device["accounts"] if account["enabled"]),
            device["reason"],
        ]
        for device in answer["devices"]
    ]
    emit_table(["", "name", "serial", "state", "accounts", "reason"], rows)
    for problem in answer["problems"]:
        typer.echo(f"not in use: {problem}", err=True)
