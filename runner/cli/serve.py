"""`runner serve`: the service in the foreground, until Ctrl+C or SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import structlog
import typer
import uvicorn
from fastapi import FastAPI

from runner import logs
from runner.api.app import create_app
from runner.cli.client import service_url
from runner.errors import ConfigError
from runner.farm.holder import FarmHolder
from runner.service import Service
from runner.settings import Settings, load_settings

log = structlog.get_logger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LAST_ANSWERS_SECONDS = 5
"""How long requests under way may take to end when the service ends."""


def run(*, api_only: bool = False, **flags: Any) -> None:
    """Serve until told to stop. Raises ConfigError and StoreError when that can't begin.

    With `api_only` the phones are left to other hosts of the fleet.
    """
    settings, loaded = load_settings(**flags)
    settings.refuse_open_bind()
    logs.configure(secrets=[settings.token])
    sockets = listen(settings)
    settings = settings.model_copy(update={"port": sockets[0].getsockname()[1]})
    url = service_url(settings)
    farm = FarmHolder(settings.config, loaded)
    service = Service(settings, farm, url=fleet_url(settings), drives_phones=not api_only)
    try:
        service.start()
        _Server(create_app(service, settings, fleet=service.fleet_routes()), url).run(sockets)
    finally:
        service.close()
        for listener in sockets:
            listener.close()


def fleet_url(settings: Settings) -> str:
    """Where other hosts reach the API; only this computer's processes do when it listens on loopback."""
    host = socket.gethostname() if settings.host in ("0.0.0.0", "::", "") else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def listen(settings: Settings) -> list[socket.socket]:
    """Take the port before anything else begins. Raises ConfigError when it can't be had.

    On 127.0.0.1 also on ::1, if there is one: Windows tries that first for "localhost", and waits for it.
    """
    host, port = settings.host, settings.port
    try:
        sockets = [_listener(host, port)]
    except OSError as error:
        raise ConfigError(
            f"Can't listen on {host} port {port}: {error.strerror or error}.",
            remedy="Is the service running already? `runner doctor` says; else name another --port.",
        ) from error
    if host in ("127.0.0.1", "localhost"):
        with contextlib.suppress(OSError):
            sockets.append(_listener("::1", sockets[0].getsockname()[1]))
    return sockets


def _listener(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.create_server((str(address[0]), port), family=family, backlog=2048)
    # asyncio turns Nagle's delay off only for sockets that say they are TCP; create_server's don't, and then
    # every answer comes 40 ms late.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, listener.detach())


class _Server(uvicorn.Server):
    """Says when it is ready, ends event streams when it is to stop, and lets the caller clean up after it."""

    def __init__(self, app: FastAPI, url: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
            )
        )
        self._app = app
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        typer.echo(self._url)
        sys.stdout.flush()
        log.info("ready", url=self._url)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.closing.set()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Like uvicorn's, but does not raise the signal again: what follows is an orderly end."""
        before = {sig: signal.signal(sig, self.handle_exit) for sig in SIGNALS}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)
