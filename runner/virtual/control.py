"""The control API of the virtual phones: what tests and curious operators ask and do from outside.

HTTP on loopback, without authentication; it controls pretend phones only. The calls are those of the docs'
"Control API of the virtual phones"; more than there: `seconds` of a fault, DELETE on faults, account states.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast, get_args

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.virtual.app import App
from runner.virtual.apps.pages import PagedApp
from runner.virtual.apps.social import AccountState, SocialApp
from runner.virtual.faults import NAMES, STEPS, UnknownFault
from runner.virtual.hierarchy import dump
from runner.virtual.phone import VirtualPhone

if TYPE_CHECKING:
    from runner.virtual.farm import Farm


class ControlServer:
    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.url = ""

    async def open(self, port: int) -> None:
        """Raises OSError when the port is taken."""
        config = uvicorn.Config(
            _application(self._farm),
            host="127.0.0.1",
            port=port,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
        )
        self._server = _Server(config)
        listener = _listen(port)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._serving = asyncio.create_task(self._server.serve([listener]))

    async def close(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving


def _listen(port: int) -> Any:
    import socket

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """Signals belong to whoever runs the farm."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _application(farm: Farm) -> Starlette:
    def phone_of(request: Request) -> VirtualPhone:
        phone = farm.phone(request.path_params["serial"])
        if phone is None:
            raise HTTPException(404, f"no phone {request.path_params['serial']}")
        return phone

    async def phones(request: Request) -> Response:
        return JSONResponse([describe(phone) for phone in farm.phones])

    async def one(request: Request) -> Response:
        return JSONResponse(describe(phone_of(request)))

    async def posts(request: Request) -> Response:
        return JSONResponse([vars(post) for post in phone_of(request).posts])

    async def files(request: Request) -> Response:
        return JSONResponse(
            [
                {
                    "path": path,
                    "size": file.content.size,
                    "sha256": file.content.sha256,
                    "modified": file.modified,
                }
                for path, file in sorted(phone_of(request).storage.files())
            ]
        )

    async def media(request: Request) -> Response:
        return JSONResponse([vars(row) for row in phone_of(request).media()])

    async def faults(request: Request) -> Response:
        return JSONResponse({"planted": phone_of(request).faults.planted(), "faults": NAMES, "steps": STEPS})

    async def plant(request: Request) -> Response:
        phone = phone_of(request)
        body = await _body(request)
        seconds = body.get("seconds")
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float)):
            raise HTTPException(400, "seconds must be a number")
        try:
            phone.faults.plant(str(body.get("fault", "")), str(body.get("when", "now")), seconds)
        except UnknownFault as error:
            return JSONResponse({"error": str(error), "faults": NAMES, "steps": STEPS}, 400)
        return JSONResponse({"fault": body["fault"], "when": body.get("when", "now")})

    async def heal(request: Request) -> Response:
        phone_of(request).faults.heal()
        return Response(status_code=204)

    async def account_state(request: Request) -> Response:
        phone = phone_of(request)
        body = await _body(request)
        state = str(body.get("state", "ok"))
        if state not in get_args(AccountState):
            raise HTTPException(400, f"unknown state {state!r}; one of: {', '.join(get_args(AccountState))}")
        app = dict(_named_apps(phone)).get(body.get("app", "tiktok"))
        if not isinstance(app, SocialApp):
            raise HTTPException(404, f"no app {body.get('app', 'tiktok')!r} on this phone")
        try:
            app.set_account_state(str(body.get("username", "")), cast(AccountState, state))
        except LookupError as error:
            raise HTTPException(404, str(error)) from error
        return JSONResponse(describe(phone))

    async def screenshot(request: Request) -> Response:
        return Response(await phone_of(request).screenshot("PNG"), media_type="image/png")

    async def hierarchy(request: Request) -> Response:
        return Response(dump(phone_of(request).windows()), media_type="application/xml")

    async def log(request: Request) -> Response:
        return JSONResponse(phone_of(request).log.as_json())

    async def failed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"error": error.detail}, error.status_code)

    path = "/phones/{serial}"
    return Starlette(
        routes=[
            Route("/phones", phones),
            Route(path, one),
            Route(f"{path}/posts", posts),
            Route(f"{path}/files", files),
            Route(f"{path}/media", media),
            Route(f"{path}/faults", faults, methods=["GET"]),
            Route(f"{path}/faults", plant, methods=["POST"]),
            Route(f"{path}/faults", heal, methods=["DELETE"]),
            Route(f"{path}/accounts", account_state, methods=["POST"]),
            Route(f"{path}/screenshot", screenshot),
            Route(f"{path}/hierarchy", hierarchy),
            Route(f"{path}/log", log),
        ],
        exception_handlers={HTTPException: failed},
    )


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return body


def _named_apps(phone: VirtualPhone) -> Iterator[tuple[str, App]]:
    """The apps that hold accounts, by the name that devices.yaml gives them."""
    names = {
        "com.zhiliaoapp.musically": "tiktok",
        "com.ss.android.ugc.trill": "trill",
        "com.instagram.android": "instagram",
    }
    for app in phone.apps.values():
        if app is not phone.launcher:
            yield names.get(app.package, app.package), app


def describe(phone: VirtualPhone) -> dict[str, Any]:
    apps = dict(_named_apps(phone))
    return {
        "serial": phone.serial,
        "app_versions": {name: app.version for name, app in apps.items()},
        "language": phone.language,
        "accounts": {name: list(app.accounts) for name, app in apps.items()},
        "active": {name: app.active for name, app in apps.items()},
        "screen": phone.screen,
        "mistakes": {name: list(app.mistakes) for name, app in apps.items() if isinstance(app, PagedApp)},
        "connected": phone.adbd.is_connected,
    }
