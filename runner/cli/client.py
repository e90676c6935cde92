"""Calls the running service over HTTP, as any other client does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from runner.errors import ConfigError, RunnerError
from runner.settings import Settings, config_path, load_settings, settle


class NoService(RunnerError):
    """Nothing answers where the service should be."""


class Client:
    """One service. Every method raises RunnerError with the service's own message."""

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1", headers=headers, timeout=30.0, trust_env=False
        )

    def get(self, path: str, **query: Any) -> Any:
        return self._call(
            "GET", path, params={key: value for key, value in query.items() if value is not None}
        )

    def post(self, path: str, body: Any = None, *, timeout: float | None = 30.0, **headers: str) -> Any:
        return self._call("POST", path, json=body, headers=headers, timeout=timeout)

    def upload(self, path: str, file: Path, **query: Any) -> Any:
        """POST the file as it is, for as long as that takes."""
        given = {key: value for key, value in query.items() if value is not None}
        with file.open("rb") as content:
            return self._call("POST", path, content=content, params=given, timeout=None)

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, json=body)

    def delete(self, path: str, body: Any = None) -> Any:
        return self._call("DELETE", path, json=body)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        """The answer's `data`."""
        try:
            answer = self._http.request(method, path, **options)
        except httpx.ConnectError:
            raise NoService(f"No service answers at {self.url}.", remedy="Start it: runner serve") from None
        except httpx.TimeoutException:
            raise NoService(
                f"The service at {self.url} did not answer within 30 s.", remedy="Its log says more."
            ) from None
        except httpx.TransportError as error:
            raise NoService(f"The call to {self.url} broke off: {error}.") from None
        try:
            envelope = answer.json()
            code, message = envelope["code"], envelope["message"]
        except (ValueError, TypeError, KeyError):
            raise NoService(f"What answers at {self.url} is not this service.") from None
        if code:
            raise RunnerError(message)
        return envelope["data"]


def connect(url: str | None, config: Path | None = None) -> Client:
    """The service at `url`, else the one that this folder's settings describe."""
    settings = client_settings(config)
    return Client(url or service_url(settings), settings.token)


def client_settings(config: Path | None = None) -> Settings:
    """Settings for a caller of the service, who needs no valid devices.yaml."""
    try:
        return load_settings(config=config)[0]
    except ConfigError:
        return settle(config_path({"config": config}), {})


def service_url(settings: Settings) -> str:
    """How this computer reaches the service."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(settings.host, settings.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{settings.port}"
