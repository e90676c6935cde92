"""The operator's choices for the Worker Tasks API: sections `worker_api` and `upstreams` of devices.yaml."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from runner.worker_api.flow import ServiceType

SECRET = re.compile(r"password|passwd|secret|token|e-?mail", re.IGNORECASE)
"""Keys of an upstream's task that are never read."""
FIELDS = ("about", "username", "site_name", "request_name", "request_website", "type_request")
"""What a mapping may read of a task besides its config."""


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ValueError(f'"{url}" is not a base URL; write one like "https://tasks.example.com/api/v1".')
    return url.rstrip("/")


def _source(source: str) -> str:
    path = source.removeprefix("config.")
    if SECRET.search(path) or not (path != source or source in FIELDS):
        raise ValueError(f'"{source}" can\'t be mapped; write "config.<key>" or one of {", ".join(FIELDS)}.')
    return source


class WorkerApiSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    silent_seconds: int = Field(
        default=180,
        ge=1,
        description="A worker server not heard of for this long gets no tasks and loses those not begun.",
    )
    retry_delay_seconds: int = Field(
        default=60, ge=0, description="How long a failed worker task waits before it is pending again."
    )
    failed_keys_per_minute: int = Field(
        default=20, ge=1, description="Wrong keys from one address before it has to wait."
    )

    @property
    def silence(self) -> timedelta:
        return timedelta(seconds=self.silent_seconds)


class UpstreamSettings(BaseModel):
    """A server of the Worker Tasks API whose tasks this farm takes."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Your name for it; never change it.")
    base_url: Annotated[str, AfterValidator(_base_url)] = Field(
        description="Up to and including /api/v1.", examples=["https://tasks.example.com/api/v1"]
    )
    key_env: str = Field(default="", description="The environment variable that holds the key.")
    key_file: str = Field(default="", description="Or the file that holds it; relative to this one.")
    service_types: list[Literal["entity", "social", "blog20", "podcast", "stacking", "indexing"]] = Field(
        default=["social"], min_length=1, description="The kinds of tasks to take."
    )
    poll_seconds: float = Field(default=30.0, ge=1, description="How often it is asked for tasks.")
    script: str = Field(default="post", description="The script that does its tasks.")
    sites: dict[str, Literal["tiktok", "instagram"]] = Field(
        default={
            "tiktok": "tiktok",
            "tiktok.com": "tiktok",
            "instagram": "instagram",
            "instagram.com": "instagram",
        },
        description="A task's site_name → the app it means. Tasks of other sites are left alone.",
    )
    mapping: dict[str, list[Annotated[str, AfterValidator(_source)]]] = Field(
        default={},
        description="A field of the script's configuration → where it is taken from, first found wins: "
        '"config.<key>", or a field of the task like "about". '
        "Keys of config that are not named here keep their names.",
        examples=[{"captions": ["config.caption", "about"], "material_list": ["config.media"]}],
    )
    ignore: list[str] = Field(
        default=["niche", "language"], description="Keys of config that mean nothing to the script."
    )
    script_config: dict[str, Any] = Field(
        default={}, description="Fields of the script's configuration that a task does not give."
    )
    media_fields: list[str] = Field(
        default=["material_list"], description="Fields that hold files: local paths or https URLs."
    )
    media_roots: list[str] = Field(
        default=[], description="Folders that local paths must lie in. Default: any folder."
    )
    max_media_mb: int = Field(default=500, ge=1, description="A larger file is not downloaded.")
    private_media_hosts: list[str] = Field(
        default=[],
        description="Hosts of your own network, or this computer, that media may come from, by http too.",
        examples=[["nas.lan"]],
    )

    @model_validator(mode="after")
    def _one_key(self) -> UpstreamSettings:
        if bool(self.key_env) == bool(self.key_file):
            raise ValueError("write where its key is: either key_env or key_file.")
        return self

    @property
    def types(self) -> tuple[ServiceType, ...]:
        return tuple(map(ServiceType, dict.fromkeys(self.service_types)))


def different_names(upstreams: list[UpstreamSettings]) -> list[UpstreamSettings]:
    names = [upstream.name for upstream in upstreams]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f'two upstreams have the name "{twice[0]}"; their tasks could not be told apart.')
    return upstreams
