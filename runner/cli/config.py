"""`runner config`: check devices.yaml, and describe it to an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.options import Json

app = typer.Typer(help="Check devices.yaml.", no_args_is_help=True)


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="Default: devices.yaml in this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Tell every mistake as file:line:column, with what to write instead."""
    from runner.cli.output import emit_json
    from runner.errors import ConfigError
    from runner.farm.loader import load
    from runner.settings import config_path

    path = config_path({"config": file})
    try:
        farm = load(path).farm
    except ConfigError as error:
        if not error.problems:
            raise
        if as_json:
            emit_json({"valid": False, "problems": [problem._asdict() for problem in error.problems]})
        else:
            typer.echo("\n".join(map(str, error.problems)))
        raise typer.Exit(1) from None
    accounts = sum(len(device.accounts) for device in farm.devices)
    if as_json:
        emit_json({"valid": True, "problems": [], "devices": len(farm.devices), "accounts": accounts})
    else:
        typer.echo(
            f"{path}: valid; {len(farm.devices)} phones, {accounts} accounts, times in {farm.time_zone.key}."
        )


@app.command()
def schema() -> None:
    """Print the JSON Schema of devices.yaml, for editors."""
    from runner.cli.output import emit_json
    from runner.farm.schema import json_schema

    emit_json(json_schema())
