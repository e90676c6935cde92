"""The settings of one runner process: flags, then RUNNER_* variables, then devices.yaml, then defaults.

This module decides who wins and where files lie. What the settings mean is said where they are used.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from runner.errors import ConfigError
from runner.farm.loader import Loaded, load
from runner.farm.schema import AdbSettings, ApiSettings, HostName
from runner.fleet.settings import FleetSettings
from runner.materials.settings import MaterialSettings
from runner.mistakes import sentence
from runner.tasks.settings import TaskSettings
from runner.worker_api.settings import UpstreamSettings, WorkerApiSettings

DEFAULT_CONFIG = "devices.yaml"


class Settings(BaseSettings):
    """Read with `load_settings`. A nested one is written with two underscores: RUNNER_API__PLAN=Pro."""

    model_config = SettingsConfigDict(
        env_prefix="RUNNER_", env_nested_delimiter="__", env_ignore_empty=True, extra="ignore"
    )

    config: Path
    data_dir: Path
    """Database, artifacts, logs."""
    database_url: str = Field(default="", repr=False)
    """SQLAlchemy URL; empty: SQLite in data_dir. May hold a password."""
    name: HostName = ""
    """This host's name in a fleet; empty: the computer's, see `host_name`."""
    host: str = "127.0.0.1"
    port: int = Field(default=50809, ge=0, le=65535)
    """0: any free one."""
    api_token: SecretStr | None = None
    scripts_dir: Path | None = None
    screens_dir: Path | None = None
    api: ApiSettings = ApiSettings()
    tasks: TaskSettings = TaskSettings()
    adb: AdbSettings = AdbSettings()
    materials: MaterialSettings = MaterialSettings()
    worker_api: WorkerApiSettings = WorkerApiSettings()
    upstreams: list[UpstreamSettings] = []
    fleet: FleetSettings = FleetSettings()

    @property
    def token(self) -> str:
        """The API token; empty when none is set."""
        return self.api_token.get_secret_value() if self.api_token else ""

    @property
    def host_name(self) -> str:
        """Under which the other hosts of a fleet know this one."""
        return self.name or re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:40]

    @property
    def is_fleet(self) -> bool:
        """Whether hosts share one PostgreSQL database."""
        return self.database_url.startswith("postgres")

    @property
    def screens_folder(self) -> Path:
        """Where the operator's own screen definitions are; need not exist."""
        return self.screens_dir or self.config.parent / "screens"

    @property
    def database_file(self) -> Path:
        """Where SQLite's file is when no database_url is set."""
        return self.data_dir / "runner.db"

    @property
    def database(self) -> str:
        """SQLAlchemy URL. May hold a password."""
        return self.database_url or f"sqlite:///{self.database_file.absolute().as_posix()}"

    def refuse_open_bind(self) -> None:
        """Raise ConfigError when other computers could reach the service without a token."""
        if not self.token and not is_loopback(self.host):
            raise ConfigError(
                f"Listening on {self.host} would let anyone on the network post with your accounts.",
                remedy="Set RUNNER_API_TOKEN to a long random text, or listen on 127.0.0.1.",
            )


def config_path(flags: dict[str, Any]) -> Path:
    """Where devices.yaml is looked for."""
    return Path(flags.get("config") or os.environ.get("RUNNER_CONFIG") or DEFAULT_CONFIG)


def load_settings(**flags: Any) -> tuple[Settings, Loaded]:
    """Read devices.yaml and settle every setting; a flag that is None was not given.

    Raises ConfigError naming the file's mistakes, or the variable that is wrong.
    """
    path = config_path(flags)
    loaded = load(path)
    return settle(path, loaded.settings, **flags), loaded


def settle(path: Path, from_file: dict[str, Any], **flags: Any) -> Settings:
    """The settings of a devices.yaml that names `from_file`."""

    class WithFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            base = {"data_dir": path.parent / "runner-data"}
            return init_settings, env_settings, InitSettingsSource(settings_cls, base | from_file)

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = WithFile(**(given | {"config": path}))
    except SettingsError as error:
        section = str(error).split('"')[1].upper()
        raise ConfigError(
            f"A variable that begins with RUNNER_{section} is not valid JSON.",
            remedy='A list is written like ["runner.lan"].',
        ) from error
    except ValidationError as error:
        raise ConfigError("\n".join(_wording(details, given) for details in error.errors())) from None
    return settings


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach a service that listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def _wording(details: Any, flags: dict[str, Any]) -> str:
    location = details["loc"]
    is_flag = location[0] in flags
    name = f"--{location[0]}" if is_flag else "RUNNER_" + "__".join(map(str, location)).upper()
    return sentence(details, name, Settings)
