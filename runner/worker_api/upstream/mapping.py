"""From an upstream's task to the request for one local task, by the upstream's settings. Pure but for media.

What does not fit raises InvalidRequest, and is then reported as failed with its words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runner.errors import InvalidRequest
from runner.farm.model import Farm, FarmAccount
from runner.worker_api.settings import UpstreamSettings
from runner.worker_api.upstream.client import UpstreamTask


def account_for(task: UpstreamTask, settings: UpstreamSettings, farm: Farm) -> FarmAccount | None:
    """The enabled account of this farm that the task means; None for a task that is not for us."""
    apps = {_site(site): app for site, app in settings.sites.items()}
    app = apps.get(_site(task.site_name))
    return next(
        (
            account
            for device, account in farm.accounts_of(task.username.strip())
            if account.app == app and account.enabled and device.enabled
        ),
        None,
    )


def request_for(
    task: UpstreamTask, account: FarmAccount, settings: UpstreamSettings, fetch: Callable[[str], Path]
) -> dict[str, Any]:
    """The fields of a CreateTasks; `fetch` gives the local file of an https URL."""
    return {
        "serials": [],
        "usernames": [account.username],
        "app": account.app,
        "script_name": settings.script,
        "script_config": _with_files(_script_config(task, settings), settings, fetch),
    }


def _site(name: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?", "", name.strip().casefold()).rstrip("/")


def _script_config(task: UpstreamTask, settings: UpstreamSettings) -> dict[str, Any]:
    if isinstance(task.config, str):
        raise InvalidRequest(f"config is {task.config}.", field="config")
    mapped = {source for sources in settings.mapping.values() for source in sources}
    kept = {
        key: value
        for key, value in task.config.items()
        if f"config.{key}" not in mapped and key not in settings.ignore
    }
    found = {
        field: value
        for field, sources in settings.mapping.items()
        if (value := _first(task, task.config, sources)) is not None
    }
    return {**settings.script_config, **kept, **found}


def _first(task: UpstreamTask, config: Mapping[str, Any], sources: list[str]) -> Any:
    for source in sources:
        key = source.removeprefix("config.")
        value = config.get(key) if key != source else getattr(task, source)
        if value not in (None, "", []):
            return value
    return None


def _with_files(
    config: dict[str, Any], settings: UpstreamSettings, fetch: Callable[[str], Path]
) -> dict[str, Any]:
    def file(field: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value  # the script says what is wrong with it
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", value):
            return str(fetch(value))
        _refuse_outside(field, value, settings.media_roots)
        return value

    return {
        field: (
            ([file(field, one) for one in value] if isinstance(value, list) else file(field, value))
            if field in settings.media_fields
            else value
        )
        for field, value in config.items()
    }


def _refuse_outside(field: str, path: str, roots: list[str]) -> None:
    if roots and not any(Path(path).resolve().is_relative_to(Path(root).resolve()) for root in roots):
        raise InvalidRequest(
            f"{field}: {path} is not in a folder that this upstream may use.",
            field=field,
            value=path,
            remedy="Such folders stand in media_roots.",
        )
