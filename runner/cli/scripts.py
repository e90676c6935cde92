"""`runner scripts`: what phones can be told to do, and with which fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from runner import logs
from runner.cli.client import client_settings
from runner.cli.output import console, emit_json, table
from runner.execution.scripts import Scripts, folders
from runner.script import Script


def show(config: Path | None, scripts_dir: Path | None, as_json: bool) -> None:
    logs.configure(level="CRITICAL")  # problems are printed below
    own = scripts_dir or client_settings(config).scripts_dir
    installed = Scripts(folders(extra=[own] if own else []))
    described = [
        {"name": script.name, "description": script.description, "fields": _fields(script)}
        for script in installed.all()
    ]
    if as_json:
        emit_json({"scripts": described, "problems": [str(problem) for problem in installed.problems]})
    else:
        for script in described:
            _print(script)
    for problem in installed.problems:
        typer.echo(f"not installed: {problem}", err=True)


def _print(script: dict[str, Any]) -> None:
    typer.echo(f"{script['name']}: {script['description']}")
    columns = ["  field", "type", "default", "meaning"]
    rows = [[f"  {f['name']}", f["type"], f["default"], f["description"]] for f in script["fields"]]
    console().print(table(columns, rows))
    typer.echo()


def _fields(script: Script[Any]) -> list[dict[str, Any]]:
    schema = script.Config.model_json_schema()
    definitions = schema.get("$defs", {})
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "type": _type(field, definitions),
            "required": name in required,
            "default": field.get("default", "required" if name in required else ""),
            "description": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A JSON Schema type in one word or two."""
    if "$ref" in field:
        return _type(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in field:
        return " | ".join(dict.fromkeys(_type(option, definitions) for option in field["anyOf"]))
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    if field.get("type") == "array":
        return f"{_type(field.get('items', {}), definitions)}[]"
    return str(field.get("type", "any"))
