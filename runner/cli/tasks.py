"""`runner tasks`: the tasks of the running service, from a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runner.cli.options import Json, Url

if TYPE_CHECKING:
    from rich.table import Table

    from runner.cli.client import Client

app = typer.Typer(help="Create, follow, stop and retry tasks of the running service.", no_args_is_help=True)

Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="Numbers of tasks.")]

STATUSES = ["pending", "running", "completed", "failed"]
LOOK_SECONDS = 0.5


def _client(url: str | None) -> Client:
    from runner.cli.client import connect

    return connect(url)


@app.command("list")
def list_tasks(
    status: Annotated[str | None, typer.Option(help=", ".join(STATUSES))] = None,
    serial: Annotated[str | None, typer.Option()] = None,
    page: Annotated[int, typer.Option(min=1)] = 1,
    page_size: Annotated[int, typer.Option(min=1, max=100)] = 20,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """List tasks, newest first."""
    from runner.cli.output import console, emit_json

    if status is not None and status not in STATUSES:
        raise typer.BadParameter(f"write one of {', '.join(STATUSES)}", param_hint="--status")
    number = None if status is None else STATUSES.index(status)
    answer = _client(url).get("/task", status=number, serial=serial, page=page, page_size=page_size)
    if as_json:
        emit_json(answer)
        return
    console().print(task_table(answer["tasks"]))
    typer.echo(f"{answer['total']} in all, page {page}.")


@app.command()
def show(
    task_id: Annotated[int, typer.Argument(metavar="ID")], as_json: Json = False, url: Url = None
) -> None:
    """Show one task with its journal."""
    from runner.cli.output import emit_json, emit_table

    client = _client(url)
    task = client.get(f"/task/{task_id}")
    if as_json:
        emit_json(task)
        return
    shown = ["status_text", "outcome", "remark", "serial", "device_index", "username", "app", "script_name"]
    shown += ["created_at", "start_time", "end_time", "retry_count", "post_url"]
    emit_table(["", ""], [[name, task[name]] for name in shown if task[name] not in (None, "")])
    if task["steps"]:
        typer.echo()
        columns = ["attempt", "step", "outcome", "started", "detail"]
        rows = [[s["attempt"], s["name"], s["outcome"], s["started_at"], s["detail"]] for s in task["steps"]]
        emit_table(columns, rows)
    for artifact in task["artifacts"]:
        typer.echo(f"{artifact['kind']} of {artifact['step']}: {client.url}{artifact['url']}")


@app.command()
def create(
    serial: Annotated[list[str] | None, typer.Option(help="A phone; may be repeated.")] = None,
    username: Annotated[list[str] | None, typer.Option(help="An account; may be repeated.")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="What to post; may be repeated.")] = None,
    caption: Annotated[str | None, typer.Option(help="May hold {one|of|these}.")] = None,
    script: Annotated[str, typer.Option(help="See `runner scripts`.")] = "post",
    config: Annotated[
        str | None, typer.Option(help="The script's fields as JSON, or @file with JSON.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="HH:MM", help="Start time. Default: now.")] = None,
    multi_account: Annotated[
        bool, typer.Option("--multi-account", help="All accounts of the phone.")
    ] = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Create tasks: runner tasks create --serial R58N1234567 --file clip.mp4 --caption "Hello"."""
    from runner.cli.output import emit_json

    fields = _script_config(config)
    if file:
        fields["material_list"] = [str(path.resolve()) for path in file]
    if caption is not None:
        fields["captions"] = caption
    body: dict[str, Any] = {"script_name": script, "script_config": fields}
    body |= {"serials": serial} if serial else {}
    body |= {"usernames": username} if username else {}
    body |= {"start_time": at} if at else {}
    body |= {"enable_multi_account": True} if multi_account else {}
    answer = _client(url).post("/task", body)
    if as_json:
        emit_json(answer)
    else:
        ids = " ".join(map(str, answer["task_ids"]))
        typer.echo(f"Created {answer['created_count']}: {ids}\nFollow: runner tasks watch {ids}")


def _script_config(text: str | None) -> dict[str, Any]:
    import json

    if text is None:
        return {}
    try:
        fields = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise typer.BadParameter(f"{text[1:]}: {error.strerror}", param_hint="--config") from None
    except ValueError as error:
        raise typer.BadParameter(f"not valid JSON: {error}", param_hint="--config") from None
    if not isinstance(fields, dict):
        raise typer.BadParameter("must be a JSON object", param_hint="--config")
    return fields


@app.command()
def stop(task_ids: Ids, as_json: Json = False, url: Url = None) -> None:
    """Stop running tasks, withdraw pending ones."""
    client = _client(url)
    _tell([client.post(f"/task/{task_id}/stop") for task_id in task_ids], as_json)


@app.command()
def retry(
    task_ids: Annotated[list[int] | None, typer.Argument(metavar="ID...")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also when it may have been published; look at the account first.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="All failed tasks, but those that may be published.")
    ] = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Send failed tasks back to pending."""
    from runner.cli.output import emit_json

    if every == bool(task_ids) or (every and force):
        raise typer.BadParameter("name tasks (with --force if you must), or --all")
    client = _client(url)
    if task_ids:
        _tell([client.post(f"/task/{one}/retry", {"force": force}) for one in task_ids], as_json)
        return
    answer = client.post("/task/retry-all")
    if as_json:
        emit_json(answer)
        return
    typer.echo(f"{answer['retried_count']} are pending again.")
    if answer["unknown_outcome_count"]:
        typer.echo(
            f"{answer['unknown_outcome_count']} were left alone: they may have been published. "
            "Look at the accounts, then: runner tasks retry --force ID"
        )
    if answer["unusable_account_count"]:
        typer.echo(
            f"{answer['unusable_account_count']} were left alone: their accounts can't be used. "
            "See: runner accounts list"
        )


@app.command()
def delete(task_ids: Ids, as_json: Json = False, url: Url = None) -> None:
    """Delete tasks; running ones are stopped first."""
    from runner.cli.output import emit_json

    answer = _client(url).delete("/task/batch", {"task_ids": task_ids})
    if as_json:
        emit_json(answer)
    else:
        typer.echo(f"Deleted: {' '.join(map(str, answer['deleted'])) or 'none'}")
    if answer["not_found"]:
        typer.echo(f"There are no tasks {' '.join(map(str, answer['not_found']))}.", err=True)
        raise typer.Exit(1)


@app.command()
def watch(
    task_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID...]", help="Default: the newest 20, until Ctrl+C.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per change.")] = False,
    url: Url = None,
) -> None:
    """Follow tasks live. With numbers: until they have ended; exit 1 when one failed."""
    import json
    import sys

    looks = follow(_client(url), task_ids)
    if as_json:
        tasks = show_changes(looks, lambda task: typer.echo(json.dumps(task, ensure_ascii=False)))
    elif sys.stdout.isatty():
        tasks = show_live(looks)
    else:
        tasks = show_changes(looks, lambda task: typer.echo(task_line(task)))
    if any(task["status_text"] == "failed" for task in tasks):
        raise typer.Exit(1)


def follow(client: Client, task_ids: list[int] | None) -> Iterator[list[dict[str, Any]]]:
    """These tasks (or the newest 20) again and again; ends when the named ones have ended."""
    while True:
        if task_ids:
            tasks = [client.get(f"/task/{task_id}") for task_id in task_ids]
        else:
            tasks = client.get("/task", page_size=20)["tasks"]
        yield tasks
        if task_ids and all(task["status_text"] in ("completed", "failed") for task in tasks):
            return
        time.sleep(LOOK_SECONDS)


def show_live(looks: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A table that follows the tasks, on a terminal; the tasks as they were last."""
    from rich.live import Live

    tasks: list[dict[str, Any]] = []
    with Live(auto_refresh=False) as live:
        for tasks in looks:
            live.update(task_table(tasks), refresh=True)
    return tasks


def show_changes(
    looks: Iterable[list[dict[str, Any]]], tell: Callable[[dict[str, Any]], None]
) -> list[dict[str, Any]]:
    """Tell each task whenever something about it is new; the tasks as they were last."""
    told: dict[int, Any] = {}
    tasks: list[dict[str, Any]] = []
    for tasks in looks:
        for task in tasks:
            state = (task["status_text"], task["progress"], task["remark"], task["post_url"])
            if told.get(task["id"]) != state:
                told[task["id"]] = state
                tell(task)
    return tasks


def _tell(tasks: list[dict[str, Any]], as_json: bool) -> None:
    from runner.cli.output import console, emit_json

    if as_json:
        emit_json(tasks)
    else:
        console().print(task_table(tasks))


def task_line(task: dict[str, Any]) -> str:
    account = f"@{task['username']} " if task["username"] else ""
    return f"{task['id']} {account}on {task['device_index'] or task['serial']}: {_state(task)}"


def _state(task: dict[str, Any]) -> str:
    progress = task["progress"]
    doing = f"{progress['step']} ({progress['number']}/{progress['count']})" if progress["step"] else ""
    more = {"running": doing, "completed": task["post_url"]}.get(task["status_text"], "") or task["remark"]
    return f"{task['status_text']}: {more}" if more else str(task["status_text"])


def task_table(tasks: Sequence[dict[str, Any]]) -> Table:
    from runner.cli.output import table

    rows = [
        [
            t["id"],
            t["device_index"] or t["serial"],
            t["username"],
            t["script_name"],
            t["start_time"] or "",
            _state(t),
        ]
        for t in tasks
    ]
    return table(["task", "phone", "account", "script", "start", "state"], rows)
