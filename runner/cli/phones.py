"""`runner phones serve`: virtual phones in the foreground, until Ctrl+C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runner.cli.options import Adb, Json

if TYPE_CHECKING:
    from runner.phones.adb import AdbServer
    from runner.virtual.farm import Farm, FarmSettings

app = typer.Typer(help="Virtual phones: phones that exist only as protocol.", no_args_is_help=True)

_APPS = ("tiktok", "trill", "instagram")
_AT_ONCE = 8
"""Connects under way at one time: adb's listen backlog is 128, and each takes a thread of ours."""


class LatencyChoice(StrEnum):
    NONE = "none"
    REAL = "real"


@app.callback()
def _phones() -> None:
    """Keeps `serve` a command of its own while it is the only one."""


@app.command()
def serve(
    count: Annotated[int, typer.Option(min=1, help="How many phones.")] = 3,
    base_port: Annotated[
        int, typer.Option(help="The first phone's port, the others follow; 0: any free ones.")
    ] = 16400,
    control_port: Annotated[int, typer.Option(help="The port of the control API; 0: any.")] = 0,
    latency: Annotated[
        LatencyChoice, typer.Option(help="none: at once; real: as slow as real phones.")
    ] = LatencyChoice.NONE,
    app_version: Annotated[
        list[str] | None,
        typer.Option(metavar="V", help="TikTok's version, or APP=VERSION; may be repeated."),
    ] = None,
    language: Annotated[str, typer.Option(help="The phones' language.")] = "en",
    accounts: Annotated[int, typer.Option(min=0, help="Accounts logged in, per app and phone.")] = 2,
    apps: Annotated[
        str,
        typer.Option(help="Whose accounts --write-config names: tiktok, instagram or both, comma between."),
    ] = "tiktok",
    sdk: Annotated[int, typer.Option(min=26, max=36, help="The phones' Android API level.")] = 33,
    seed: Annotated[int, typer.Option(help="The same seed gives the same latencies and popups.")] = 0,
    write_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a matching devices.yaml.")
    ] = None,
    connect: Annotated[bool, typer.Option(help="Connect them to the adb server in use.")] = True,
    adb: Adb = None,
    as_json: Json = False,
) -> None:
    """Start virtual phones, connect them to adb, and keep them until Ctrl+C."""
    from runner import logs
    from runner.errors import ConfigError
    from runner.virtual.farm import COMFORTABLE, FarmSettings

    logs.configure()
    settings = FarmSettings(
        count=count,
        base_port=base_port,
        control_port=control_port,
        latency=latency.value,
        app_versions=_versions(app_version or []),
        language=language,
        accounts=accounts,
        seed=seed,
        sdk=sdk,
    )
    named = tuple(name for name in apps.split(",") if name)
    if unknown := set(named) - set(settings.installed):
        raise ConfigError(
            f"--apps names {', '.join(sorted(unknown))}.", remedy=f"Known: {', '.join(settings.installed)}."
        )
    if count > COMFORTABLE:
        typer.echo(
            f"{count} phones on one adb server: it aborts when a file descriptor reaches 1024. Keep to "
            f"{COMFORTABLE}, or spread them over several servers (ANDROID_ADB_SERVER_PORT, --no-connect).",
            err=True,
        )
    asyncio.run(_serve(settings, named, write_config, _adb(adb) if connect else None, as_json))


def _versions(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`46.6.3` is TikTok's, `instagram=410.0.0` any app's."""
    from runner.errors import ConfigError

    pairs = [text.partition("=") if "=" in text else ("tiktok", "=", text) for text in given]
    for name, _, version in pairs:
        if name not in _APPS or not version:
            raise ConfigError(
                f"--app-version {name}={version} names no version of an app.",
                remedy=f"Write a version of TikTok's, or APP=VERSION with APP one of: {', '.join(_APPS)}.",
            )
    return tuple((name, version) for name, _, version in pairs)


def _adb(path: str | None) -> AdbServer:
    from runner.phones.adb import AdbServer

    server = AdbServer(path)
    server.ensure()
    return server


async def _serve(
    settings: FarmSettings, apps: tuple[str, ...], config: Path | None, adb: AdbServer | None, as_json: bool
) -> None:
    from runner.errors import ConfigError
    from runner.virtual.farm import Farm, raise_descriptor_limit

    raise_descriptor_limit()
    farm = Farm(settings)
    try:
        await farm.open()
    except (OSError, ValueError, LookupError) as error:
        raise ConfigError(
            f"The virtual phones can't start: {error}.",
            remedy="Is another set of them running? Name other ports with --base-port and --control-port.",
        ) from error
    serials = [phone.serial for phone in farm.phones]
    try:
        with _until_stopped() as stopped:
            if config is not None:
                await asyncio.to_thread(config.write_text, farm_file(farm, apps), encoding="utf-8")
            if adb is not None:
                await _for_all(adb, serials, _connect)
            _announce(farm, serials, as_json)
            await stopped.wait()
    finally:
        if adb is not None:
            await _for_all(adb, serials, _disconnect)
        await farm.close()


def _announce(farm: Farm, serials: list[str], as_json: bool) -> None:
    if as_json:
        import json

        typer.echo(json.dumps({"phones": serials, "control_url": farm.control_url}))
    else:
        ports = f"{serials[0]}{'-' + serials[-1].rpartition(':')[2] if len(serials) > 1 else ''}"
        noun = "phone" if len(serials) == 1 else "phones"
        typer.echo(f"{len(serials)} virtual {noun} at {ports}, control API at {farm.control_url}")
    sys.stdout.flush()


@contextlib.contextmanager
def _until_stopped() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop(*_: Any) -> None:
        loop.call_soon_threadsafe(stopped.set)

    # Not add_signal_handler: Windows has none.
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _for_all(adb: AdbServer, serials: Sequence[str], action: Callable[[AdbServer, str], None]) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="adb-connect") as pool:
        await asyncio.gather(*(loop.run_in_executor(pool, action, adb, serial) for serial in serials))


def _connect(adb: AdbServer, serial: str) -> None:
    """Raises PhoneError when adb does not get it."""
    import adbutils

    from runner.errors import PhoneError

    try:
        answer = adbutils.AdbClient(port=adb.port).connect(serial, timeout=30)
    except (adbutils.AdbError, OSError) as error:
        raise PhoneError(f"adb can't connect {serial}: {error}.", serial=serial) from error
    if "connected to" not in answer:
        raise PhoneError(f"adb can't connect {serial}: {answer}.", serial=serial)


def _disconnect(adb: AdbServer, serial: str) -> None:
    """So that adb does not go on looking for a phone that no longer exists. It may be gone itself by now."""
    import adbutils

    with contextlib.suppress(adbutils.AdbError, OSError):
        if adb.listens():
            adbutils.AdbClient(port=adb.port).disconnect(serial)


def farm_file(farm: Farm, apps: Sequence[str]) -> str:
    """A devices.yaml for these phones, with the accounts of the named apps."""
    lines = ["# Written by `runner phones serve`.", "time_zone: UTC", "devices:"]
    for index, phone in enumerate(farm.phones, 1):
        lines += [f'  - serial: "{phone.serial}"', f"    name: Phone {index}"]
        named = [(app, name) for app, names in phone.settings.accounts if app in apps for name in names]
        if named:
            lines.append("    accounts:")
        for app_name, username in named:
            lines += [f"      - username: {username}", f"        app: {app_name}"]
    return "\n".join(lines) + "\n"
