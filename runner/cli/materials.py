"""`runner materials`: the library's files, from a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runner.cli.options import Json, Url

if TYPE_CHECKING:
    from runner.cli.client import Client

app = typer.Typer(help="Keep the files that posts are made of.", no_args_is_help=True)

Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="Numbers of files.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="May be repeated.")]
Caption = Annotated[str | None, typer.Option(help="Wins over the task's.")]
Username = Annotated[str | None, typer.Option(help="The account that it is for. Default: any.")]
SortNumber = Annotated[int | None, typer.Option(help="Lower ones are posted first.")]

COLUMNS = ["id", "name", "kind", "state", "task", "for", "tags", "size", "seconds", "pixels"]


def _client(url: str | None) -> Client:
    from runner.cli.client import connect

    return connect(url)


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of them.")],
    tag: Tags = None,
    caption: Caption = None,
    username: Username = None,
    sort_number: SortNumber = None,
    link: Annotated[
        bool, typer.Option("--link", help="Hard links instead of copies; don't edit the files afterwards.")
    ] = False,
    upload: Annotated[
        bool, typer.Option("--upload", help="Send files to a service on another computer.")
    ] = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Add files. Of a folder, the @username folders in it are for those accounts."""
    from runner.cli.output import emit_json, emit_table

    if link and upload:
        raise typer.BadParameter("--link and --upload can't be used together")
    client = _client(url)
    said: dict[str, Any] = {"caption": caption, "username": username, "sort_number": sort_number}
    said = {name: value for name, value in said.items() if value is not None}
    added: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    if upload:
        for path in paths:
            if not path.is_file():
                raise typer.BadParameter(f"{path} is not a file; only files can be uploaded")
            tags = {"tags": ",".join(tag or [])}
            added.append(client.upload("/materials", path, filename=path.name, **tags, **said))
    else:
        body = {"paths": [str(path.absolute()) for path in paths], "way": "link" if link else "copy"}
        answer = client.post("/materials/import", body | {"tags": tag or []} | said, timeout=None)
        added, refused = answer["materials"], answer["refused"]
    if as_json:
        emit_json({"materials": added, "refused": refused})
    else:
        rows = [
            [one["material"]["id"], one["material"]["name"], "added" if one["created"] else "was there"]
            for one in added
        ]
        emit_table(["id", "name", ""], rows)
    for one in refused:
        typer.echo(f"{one['path']}: {one['reason']}", err=True)
    if refused:
        raise typer.Exit(1)


@app.command("list")
def list_materials(
    tag: Tags = None,
    kind: Annotated[str | None, typer.Option(help="video or image.")] = None,
    state: Annotated[str | None, typer.Option(help="unused, claimed or used.")] = None,
    username: Annotated[str | None, typer.Option(help="Those for this account.")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Files of local folders that tasks have looked at.")
    ] = False,
    page: Annotated[int, typer.Option(min=1)] = 1,
    page_size: Annotated[int, typer.Option(min=1, max=100)] = 20,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """List files, newest first."""
    from runner.cli.output import emit_json, emit_table

    answer = _client(url).get(
        "/materials",
        tag=",".join(tag) if tag else None,
        kind=kind,
        state=state,
        username=username,
        source="folder" if local else None,
        page=page,
        page_size=page_size,
    )
    if as_json:
        emit_json(answer)
        return
    emit_table(COLUMNS, [_row(item) for item in answer["materials"]])
    typer.echo(f"{answer['total']} in all, page {page}.")


@app.command()
def show(
    material_id: Annotated[int, typer.Argument(metavar="ID")], as_json: Json = False, url: Url = None
) -> None:
    """Show one file."""
    from runner.cli.output import emit_json, emit_table

    item = _client(url).get(f"/materials/{material_id}")
    if as_json:
        emit_json(item)
    else:
        emit_table(["", ""], [[name, value] for name, value in item.items() if value not in (None, "", [])])


@app.command()
def tag(
    material_ids: Ids,
    add: Annotated[list[str] | None, typer.Option("--add", help="May be repeated.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", help="May be repeated.")] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Give files tags, or take them away."""
    changes = {"add_tags": add or [], "remove_tags": remove or []}
    client = _client(url)
    _tell([client.patch(f"/materials/{one}", changes) for one in material_ids], as_json)


@app.command()
def edit(
    material_ids: Ids,
    caption: Caption = None,
    username: Annotated[str | None, typer.Option(help='The account that it is for; "" for any.')] = None,
    sort_number: SortNumber = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Change what is said about files."""
    said = {"caption": caption, "username": username, "sort_number": sort_number}
    changes = {name: value for name, value in said.items() if value is not None}
    client = _client(url)
    _tell([client.patch(f"/materials/{one}", changes) for one in material_ids], as_json)


@app.command()
def tags(as_json: Json = False, url: Url = None) -> None:
    """List the tags, and how many files of each are unused."""
    from runner.cli.output import emit_json, emit_table

    answer = _client(url).get("/tags")
    if as_json:
        emit_json(answer)
    else:
        emit_table(
            ["tag", "files", "unused"],
            [[one["tag"], one["materials"], one["unused"]] for one in answer["tags"]],
        )


@app.command()
def delete(material_ids: Ids, as_json: Json = False, url: Url = None) -> None:
    """Delete files that no task has."""
    from runner.cli.output import emit_json

    client = _client(url)
    deleted = [client.delete(f"/materials/{one}")["deleted"] for one in material_ids]
    if as_json:
        emit_json({"deleted": deleted})
    else:
        typer.echo(f"Deleted: {' '.join(map(str, deleted))}")


def _tell(items: list[dict[str, Any]], as_json: bool) -> None:
    from runner.cli.output import emit_json, emit_table

    if as_json:
        emit_json({"materials": items})
    else:
        emit_table(COLUMNS, [_row(item) for item in items])


def _row(item: dict[str, Any]) -> list[object]:
    return [
        item["id"],
        item["name"],
        item["kind"],
        item["state"],
        item["task_id"] or "",
        item["username"] and f"@{item['username']}",
        ", ".join(item["tags"]),
        f"{item['size'] / 2**20:,.1f} MiB",
        "" if item["duration"] is None else f"{item['duration']:.0f}",
        f"{item['width']}×{item['height']}" if item["width"] else "",
    ]
