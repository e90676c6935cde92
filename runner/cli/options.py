"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[
    str | None, typer.Option(metavar="HOST", help="This host's name in a fleet. Default: the computer's.")
]
Url = Annotated[str | None, typer.Option(envvar="RUNNER_URL", help="Where the service is.")]
Config = Annotated[Path | None, typer.Option(help="The farm's file. Default: devices.yaml in this folder.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Database and screenshots. Default: runner-data beside it.")
]
Host = Annotated[str | None, typer.Option(help="The address to listen on. Default: 127.0.0.1.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on; 0: any. Default: 50809.")]
Adb = Annotated[str | None, typer.Option(metavar="PATH", help="The adb program. Default: adbutils' own.")]
ScriptsDir = Annotated[Path | None, typer.Option(help="A folder with scripts of your own.")]
ScreensDir = Annotated[Path | None, typer.Option(help="A folder with screen definitions of your own.")]
