"""The calls to an upstream, as its public documentation describes them. Knows no local task.

Two kinds of failure: `UpstreamAway` concerns the upstream as a whole and passes (an outage, a wrong key);
`Refused` is a 4xx answer to what was said, which saying it again would not change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from runner.errors import RunnerError
from runner.worker_api.flow import WAITING, ServiceType, WorkerStatus
from runner.worker_api.settings import SECRET

log = structlog.get_logger(__name__)

PAGE = 1000
MOST_ITEMS = 500
"""Per bulk."""
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_LATER = {401, 403, 408, 425, 429}
"""Answers that say nothing about the content of a call."""


class UpstreamAway(RunnerError):
    """The upstream can't be used now."""


class Refused(RunnerError):
    """The upstream refused what it was told."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class UpstreamTask(BaseModel):
    """What is read of an upstream's task; its password and e-mail address never are."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, coerce_numbers_to_str=True)

    id: str = Field(min_length=1, max_length=255)
    service_type: str = ""
    site_name: str = ""
    username: str = ""
    about: str = ""
    retry_count: int = 0
    request_name: str = ""
    request_website: str = ""
    type_request: str = ""
    config: dict[str, Any] | str = {}
    """Without keys that look like a secret; a text when it isn't a JSON object."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_nothing(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}

    @field_validator("config", mode="before")
    @classmethod
    def _parsed(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = json.loads(value.strip() or "{}")
            except ValueError:
                return "not JSON"
        if not value:
            return {}
        if not isinstance(value, dict):
            return "not a JSON object"
        return {key: item for key, item in value.items() if not SECRET.search(key)}


class UpstreamClient:
    """Thread-safe. Every method raises UpstreamAway."""

    def __init__(self, base_url: str, key: str) -> None:
        self._http = httpx.Client(
            base_url=base_url, headers={"X-API-Key": key}, timeout=TIMEOUT, follow_redirects=False
        )

    def close(self) -> None:
        self._http.close()

    def waiting(self, service_type: ServiceType) -> Iterator[list[UpstreamTask]]:
        """The tasks that have not begun, page by page."""
        return self._walk(WAITING, service_type)

    def canceled(self, service_type: ServiceType) -> Iterator[list[UpstreamTask]]:
        return self._walk((WorkerStatus.CANCELED,), service_type)

    def report(self, task_id: str, body: Mapping[str, Any]) -> None:
        """Raises Refused."""
        self._call("PUT", f"/worker/tasks/{quote(task_id, safe='')}", json=dict(body), own=True)

    def report_all(self, items: Sequence[Mapping[str, Any]]) -> list[str | None]:
        """At most 500, each with its `link_id`; per item None, or the upstream's word for why not.

        Raises Refused when the bulk as a whole was refused.
        """
        answer = self._call("PUT", "/worker/tasks/bulk", json={"items": list(items)})
        results = answer.get("results", answer.get("data", {}))
        if isinstance(results, dict):
            results = results.get("results")
        if not isinstance(results, list) or len(results) != len(items):
            raise UpstreamAway("The upstream's answer to a bulk has not one result per item.")
        return [
            None if result.get("success") else str(result.get("error") or "refused without a reason")
            for result in results
        ]

    def beat(self, health: Mapping[str, Any]) -> None:
        """Raises Refused by an upstream that knows no heartbeats."""
        self._call("POST", "/worker/health", json=dict(health))

    def _walk(
        self, statuses: Sequence[WorkerStatus], service_type: ServiceType
    ) -> Iterator[list[UpstreamTask]]:
        query: dict[str, Any] = {"status": ",".join(statuses), "service_type": service_type, "limit": PAGE}
        cursors: set[str] = set()
        while True:
            answer = self._call("GET", "/worker/tasks", params=query)
            items = answer.get("data")
            if not isinstance(items, list):
                raise UpstreamAway("The upstream's list of tasks has no data.")
            yield [task for item in items if (task := _task(item)) is not None]
            cursor = answer.get("next_cursor")
            if not cursor:
                return
            if cursor in cursors:
                raise UpstreamAway("The upstream's cursors go round in a circle.")
            cursors.add(cursor)
            query["after"] = cursor

    def _call(self, method: str, path: str, *, own: bool = False, **options: Any) -> dict[str, Any]:
        """The answer's JSON object. With `own`, 403 is an answer about the one task that the call names."""
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise UpstreamAway(f"{type(error).__name__}: {error}") from None
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.is_success and isinstance(body, dict):
            return body
        said = body.get("message") if isinstance(body, dict) else None
        message = f"HTTP {answer.status_code}" + (f": {said}" if said else "")
        later = _LATER - {403} if own else _LATER
        if answer.is_client_error and answer.status_code not in later:
            raise Refused(answer.status_code, message)
        raise UpstreamAway(message)


def _task(item: Any) -> UpstreamTask | None:
    try:
        return UpstreamTask.model_validate(item)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, mistake["loc"])) for mistake in error.errors())
        log.warning("a task of an upstream can't be read", fields=fields)
        return None
