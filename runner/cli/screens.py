"""`runner screens`: what the screen definitions make of a hierarchy dump, to repair them or to report it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runner.cli.options import Config, Json, ScreensDir

if TYPE_CHECKING:
    from runner.phones.screens import Catalog, Seen

app = typer.Typer(help="Try the screen definitions on hierarchy dumps.", no_args_is_help=True)


@app.callback()
def _keep_check_a_subcommand() -> None:
    """Try the screen definitions on hierarchy dumps."""


@app.command()
def check(
    dumps: Annotated[list[Path], typer.Argument(metavar="DUMP.xml…", help="Dumps that uiautomator made.")],
    screens_dir: ScreensDir = None,
    config: Config = None,
    language: Annotated[str, typer.Option(help="The phone's, for example fr-FR.")] = "",
    app_version: Annotated[str, typer.Option(help="The app's, for example 43.1.4.")] = "",
    as_json: Json = False,
) -> None:
    """Tell which screen of which app each dump is, by which rules; exit 1 when one is not recognised."""
    from runner.cli.client import client_settings
    from runner.cli.output import emit_json
    from runner.phones.screens import Catalog

    settings = client_settings(config)
    catalog = Catalog.load(screens_dir or settings.screens_folder)
    results = [_checked(catalog, dump, language, app_version) for dump in dumps]
    if as_json:
        emit_json(results)
    else:
        for result in results:
            _print(result)
    if not all(result["recognised"] for result in results):
        raise typer.Exit(1)


def _checked(catalog: Catalog, dump: Path, language: str, app_version: str) -> dict[str, Any]:
    from runner.errors import ConfigError, UiServerError
    from runner.phones.hierarchy import Hierarchy
    from runner.phones.screens import Kind

    try:
        hierarchy = Hierarchy.parse(dump.read_bytes())
    except OSError as error:
        raise ConfigError(f"{dump}: {error.strerror or 'can not be read'}.") from error
    except UiServerError:
        raise ConfigError(
            f"{dump}: no UI hierarchy.", remedy="`adb shell uiautomator dump` writes one."
        ) from None
    seen = catalog.recognise(hierarchy, language=language, version=app_version)
    return {
        "file": str(dump),
        "recognised": seen.kind not in (Kind.UNKNOWN, Kind.FOREIGN),
        "app": seen.app,
        "screen": seen.screen,
        "kind": str(seen.kind),
        "why": list(seen.why),
        "controls": _controls(seen),
        "leave": [name for name, _ in seen.ways_out()],
    }


def _controls(seen: Seen) -> dict[str, list[int] | None]:
    """Where each control would be tapped; None for one that is not there."""
    return {name: list(seen.point(name)) if seen.control(name) else None for name in seen.control_names}


def _print(result: dict[str, Any]) -> None:
    screen = " ".join(filter(None, (result["app"], result["screen"]))) or "-"
    typer.echo(f"{result['file']}: {screen} ({result['kind']})")
    for reason in result["why"]:
        typer.echo(f"    {reason}")
    for name, point in result["controls"].items():
        if point is not None:
            typer.echo(f"    {name} at {point[0]},{point[1]}")
