"""What may stand in devices.yaml: one set of models, from which the JSON Schema for editors is generated.

Shapes and ranges are checked here; what needs a look across the whole file (a serial twice, a username on two
phones) is checked by `runner.farm.loader`, which also knows where in the file each value stands.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from runner.fleet.settings import FleetSettings
from runner.materials.settings import MaterialSettings
from runner.mistakes import nearest
from runner.tasks.settings import TaskSettings
from runner.worker_api.settings import UpstreamSettings, WorkerApiSettings, different_names

AppName = Literal["tiktok", "instagram"]
Plan = Literal["Starter", "Pro", "Team", "Business"]

ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):(?P<port>[0-9]{1,5})")


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        zones = available_timezones()
        by_city = {zone.rpartition("/")[2]: zone for zone in sorted(zones)}
        meant = nearest(name, zones) or by_city.get(nearest(name, by_city) or "")
        hint = f'did you mean "{meant}"?' if meant else 'write one like "Europe/Madrid".'
        raise ValueError(f'"{name}" is not an IANA time zone; {hint}') from None
    return name


def _serial(serial: str) -> str:
    if not serial or re.search(r"\s", serial):
        raise ValueError("a serial has no spaces; write it as `runner doctor` or `adb devices` shows it.")
    return serial


def is_address(text: str) -> bool:
    """Whether `text` is host:port."""
    match = ADDRESS.fullmatch(text)
    return match is not None and 1 <= int(match["port"]) <= 65535


def _address(address: str) -> str:
    if not is_address(address):
        raise ValueError(f'"{address}" is not host:port; write one like "192.168.1.20:5555".')
    return address


def _username(username: str) -> str:
    name = username.removeprefix("@")
    if not re.fullmatch(r"[^\s@/]+", name):
        raise ValueError(f'"{username}" is not a username; write the name only, like "my_account".')
    return name


def _host_name(name: str) -> str:
    # The engine listens on a channel of this name, and PostgreSQL cuts those at 63 bytes with their prefix.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{0,40}", name):
        raise ValueError(f'"{name}" is no host\'s name; write at most 40 letters, digits, "-", "_" and ".".')
    return name


HostName = Annotated[str, AfterValidator(_host_name)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountEntry(_Section):
    username: Annotated[str, AfterValidator(_username)] = Field(
        description="The account's name in the app. A leading @ is accepted.", examples=["my_account"]
    )
    app: AppName | None = Field(default=None, description="Default: defaults.app.")
    package: str = Field(
        default="",
        description="The app's Android package, for clones and regional builds. "
        "Default: the device's, then defaults.package, then the app's own.",
    )
    enabled: bool = Field(default=True, description="false: the account never joins a run.")


class DeviceEntry(_Section):
    serial: Annotated[str, AfterValidator(_serial)] = Field(
        default="",
        description="As `adb devices` shows it. May be left out for a TCP phone: then it is its address.",
        examples=["R58N1234567"],
    )
    name: str = Field(default="", description="A friendly name, shown instead of the number.")
    address: Annotated[str, AfterValidator(_address)] = Field(
        default="",
        description="host:port that the runner connects adb to. "
        "Leave it out for USB; a serial that is host:port is its own address.",
        examples=["192.168.1.20:5555"],
    )
    host: HostName = Field(
        default="",
        description="In a fleet: only the host of this name drives the phone. Default: whichever sees it. "
        "Needed for a TCP phone, which every host could connect to.",
        examples=["desk-1"],
    )
    group: str = Field(default="", description="Any word, for your own order.")
    tags: list[str] = Field(default=[], description="Any words, for your own order.")
    enabled: bool = Field(default=True, description="false: the phone gets no tasks and is left alone.")
    package: str = Field(
        default="",
        description="The package of this phone's accounts that name none: a package with "
        '"instagram" in its name goes to the Instagram accounts, any other to the TikTok accounts.',
    )
    accounts: list[AccountEntry] = Field(default=[], description="The accounts logged in on this phone.")


class Defaults(_Section):
    app: AppName = Field(default="tiktok", description="The app of accounts that name none.")
    package: str = Field(default="", description="As a device's package, for the whole farm.")


class ApiSettings(_Section):
    error_status: Literal["http", "envelope"] = Field(
        default="http",
        description="http: errors have an HTTP error status. envelope: every answer is 200, "
        "for clients that read the envelope's code only.",
    )
    plan: Plan = Field(default="Business", description="The licence plan; Starter has no API access.")
    device_limit: int = Field(
        default=0, ge=0, description="What /license/check tells as the plan's limit; 0: no limit."
    )
    max_request_bytes: int = Field(
        default=2 * 1024 * 1024, ge=1024, description="A larger request body is refused."
    )
    allowed_hosts: list[str] = Field(
        default=[], description="Host names, besides localhost, under which clients may call the service."
    )
    allowed_origins: list[str] = Field(
        default=[],
        description="Origins of other web pages that may call the service, like https://panel.example.com.",
    )


class AdbSettings(_Section):
    path: str = Field(
        default="", description="The adb program. Default: the one that adbutils ships, so that all agree."
    )


class FarmFile(_Section):
    """The phones of this computer and their accounts, and settings of the runner."""

    model_config = ConfigDict(title="devices.yaml")

    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        default="",
        validate_default=False,
        description="IANA name of the zone that start times are in. Default: this computer's.",
        examples=["Europe/Madrid"],
    )
    devices: list[DeviceEntry] = Field(default=[], description="The phones.")
    defaults: Defaults = Field(default=Defaults(), description="What devices and accounts leave out.")
    api: ApiSettings = Field(default=ApiSettings(), description="The HTTP API.")
    tasks: TaskSettings = Field(default=TaskSettings(), description="When and how often tasks run.")
    materials: MaterialSettings = Field(
        default=MaterialSettings(), description="The files that posts are made of."
    )
    adb: AdbSettings = Field(default=AdbSettings(), description="The connection to the phones.")
    worker_api: WorkerApiSettings = Field(
        default=WorkerApiSettings(), description="The Worker Tasks API that worker servers call."
    )
    upstreams: Annotated[list[UpstreamSettings], AfterValidator(different_names)] = Field(
        default=[], description="Servers of the Worker Tasks API whose tasks this farm takes."
    )
    fleet: FleetSettings = Field(
        default=FleetSettings(), description="Several hosts with one PostgreSQL database."
    )
    name: HostName = Field(default="", description="This host's name in a fleet. Default: the computer's.")
    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on. Any but loopback needs RUNNER_API_TOKEN.",
    )
    port: int = Field(default=50809, ge=0, le=65535, description="The port to listen on; 0: any free one.")
    data_dir: str = Field(
        default="", description="Database, artifacts, logs. Default: runner-data beside this file."
    )
    scripts_dir: str = Field(default="", description="A folder with scripts of your own.")
    screens_dir: str = Field(default="", description="A folder with screen definitions of your own.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of devices.yaml, for editors (docs/devices.schema.json is this)."""
    schema = FarmFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
