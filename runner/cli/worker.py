"""`runner worker`: a host of a fleet without an API, driving the phones that it sees until told to stop."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
import typer

from runner import logs
from runner.cancel import CancelToken
from runner.cli.serve import SIGNALS
from runner.errors import Cancelled, ConfigError
from runner.farm.holder import FarmHolder
from runner.fleet.common import Common
from runner.fleet.farm import FarmFollower
from runner.service import Service
from runner.settings import DEFAULT_CONFIG, Settings, load_settings, settle
from runner.tasks.database import Database

log = structlog.get_logger(__name__)

FARM_FILE = "fleet-devices.yaml"
"""In the data directory: the fleet's devices.yaml as it was last published."""
LOOK_SECONDS = 1.0
"""How often Ctrl+C is looked for: on Windows it does not interrupt a wait."""


def run(**flags: Any) -> None:
    """Work until told to stop. Raises ConfigError and StoreError when that can't begin."""
    told = CancelToken()

    def end(_: int, __: FrameType | None) -> None:
        told.cancel()

    for sig in SIGNALS:
        signal.signal(sig, end)
    try:
        _work(told, flags)
    except Cancelled:
        log.info("told to stop")


def _work(told: CancelToken, flags: dict[str, Any]) -> None:
    logs.configure()
    own = settle(Path(DEFAULT_CONFIG), {}, **flags)
    own = own.model_copy(update={"name": own.host_name})
    if not own.is_fleet:
        raise ConfigError(
            "A worker needs the fleet's database.",
            remedy="Set RUNNER_DATABASE_URL to the one of `runner serve`: postgresql://user@host/name",
        )
    database = Database(own.database)
    try:
        follower = FarmFollower(Common(database), own.data_dir / FARM_FILE)
        follower.fetch_first(told)
        _serve_phones(told, own, follower, flags)
    finally:
        database.close()


def _serve_phones(told: CancelToken, own: Settings, follower: FarmFollower, flags: dict[str, Any]) -> None:
    farm_file = own.data_dir / FARM_FILE
    # What the fleet's file says of its own host (name, folders) is not said of this one.
    mine = {name: getattr(own, name) for name in ("name", "data_dir", "scripts_dir", "screens_dir")}
    settings, loaded = load_settings(**flags | {"config": farm_file} | mine)
    settings = settings.model_copy(update={name: value for name, value in mine.items() if value is None})
    service = Service(settings, FarmHolder(farm_file, loaded), follow=follower.follow)
    try:
        service.start()
        typer.echo(f"{settings.host_name} is a host of the fleet")
        log.info("ready", host=settings.host_name)
        while True:
            told.sleep(LOOK_SECONDS)
    finally:
        service.close()
