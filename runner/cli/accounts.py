"""`runner accounts`: what runs saw of accounts, clearing it, and taking found accounts into devices.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from runner.cli.options import Config, Json, Url

app = typer.Typer(help="List, clear and propose accounts.", no_args_is_help=True)


@app.command("list")
def list_accounts(as_json: Json = False, url: Url = None) -> None:
    """Accounts of devices.yaml and those found on phones, with what keeps them from running."""
    from runner.cli.output import emit_json, emit_table

    accounts = _all(url, None)
    if as_json:
        emit_json(accounts)
        return
    columns = ["username", "platform", "device_name", "device", "status_text", "state_since", "state_task_id"]
    rows = [[_shown(account[column]) for column in columns] for account in accounts]
    emit_table(["username", "app", "phone", "serial", "status", "since", "task"], rows)


@app.command()
def clear(
    username: Annotated[str, typer.Argument(help="The account, as devices.yaml names it.")],
    app_name: Annotated[
        str | None, typer.Option("--app", help="tiktok or instagram, where both have one of this name.")
    ] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Let an account's tasks start again, once it was put right on the phone."""
    from runner.cli.client import connect
    from runner.cli.output import emit_json

    answer = connect(url).post("/accounts/clear", {"username": username, "app": app_name})
    if as_json:
        emit_json(answer)
        return
    for account in answer["cleared"]:
        typer.echo(
            f"{account['platform']} @{account['username']} on {account['device']}: was {account['state']}."
        )


@app.command()
def propose(
    config: Config = None,
    write: Annotated[
        bool, typer.Option("--write", help="Change the file; keeps a backup beside it.")
    ] = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Show the lines for devices.yaml of accounts that match_account found and the file does not name."""
    from runner.cli.output import emit_json
    from runner.farm import loader, proposal
    from runner.settings import config_path

    path = config_path({"config": config})
    loader.load(path)  # tells a missing or mistaken file before the service is asked
    found = [
        proposal.FoundAccount(
            account["device"], account["username"], account["platform"], account["packagename"]
        )
        for account in _all(url, config)
        if not account["configured"]
    ]
    proposed = proposal.propose(path.read_bytes(), path, found)
    backup = proposal.write(path, proposed) if write and proposed.added else None
    left_out = {account.username: why for account, why in proposed.left_out.items()}
    if as_json:
        emit_json(
            {
                "added": [vars(account) for account in proposed.added],
                "left_out": left_out,
                "diff": proposed.diff(path.name),
                "backup": str(backup) if backup else None,
            }
        )
        return
    for username, why in left_out.items():
        typer.echo(f"@{username} is left out: {why}.", err=True)
    typer.echo(proposed.diff(path.name).rstrip() or f"{path} names every account that was found.")
    if backup:
        typer.echo(f"{path} is written; what it was is in {backup.name}.", err=True)


def _all(url: str | None, config: Path | None) -> list[dict[str, Any]]:
    """Every account of the service, over all pages."""
    from runner.cli.client import connect

    client = connect(url, config)
    accounts: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = client.get("/accounts", page=page, page_size=100)
        accounts += answer["accounts"]
        if len(accounts) >= answer["total"] or not answer["accounts"]:
            return accounts
        page += 1


def _shown(value: object) -> str:
    return "" if value is None else str(value)
