"""Who may call: the two ASGI layers that every request passes before any endpoint sees it.

`RequestContext` names the request, turns a bug into a 50001 that says nothing secret, and writes one log
line. `Guard` refuses strangers: other host names (DNS rebinding), other web pages, a missing token, oversized
bodies. What a caller asks for is not judged here.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.api.envelope import Code, failure, internal_error
from runner.fleet import is_fleet_call
from runner.materials.settings import MB
from runner.settings import Settings, is_loopback
from runner.worker_api import has_own_key, is_worker_call
from runner.worker_api.routes import failure as worker_failure

log = structlog.get_logger(__name__)

LARGEST_DISCARDED = 64 * 1024 * 1024
"""Bytes of a refused body that are read only so that its sender hears why."""

UPLOADS = "/api/v1/materials"
"""The one call whose body is a file (POST), with a limit of its own."""
LARGEST_ARTIFACT = 64 * MB
"""Of a PUT by another host of the fleet: a screenshot."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_READING = {"GET", "HEAD", "OPTIONS"}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class RequestContext:
    """Gives each request an id (or takes the client's), on every log line and in the answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._mode = settings.api.error_status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent_id = Headers(scope=scope).get("x-request-id", "")
        request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_named)
            except Exception:
                log.exception("request failed", method=scope["method"], path=scope["path"])
                if status:
                    raise
                await internal_error(request_id, self._mode)(scope, receive, send_named)
            tell = log.debug if scope["method"] in _READING else log.info
            milliseconds = round((time.perf_counter() - began) * 1000, 1)
            tell("request", method=scope["method"], path=scope["path"], status=status, ms=milliseconds)


class Guard:
    """Refuses a request that comes from the wrong place, in the shape of the API that it calls."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._hosts = {host.casefold() for host in settings.api.allowed_hosts}
        self._origins = {origin.rstrip("/").casefold() for origin in settings.api.allowed_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, self._limited(receive, scope["method"], scope["path"]), send)

    def _refusal(self, method: str, path: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        # Other hosts of the fleet call by any name that finds this one; a rebound page has not their key.
        if not (is_fleet_call(path) or self._is_known(host)):
            return self._cross_site(
                path,
                f'This service does not answer under the host name "{host}". '
                "Call it by localhost, or add the name to api.allowed_hosts.",
            )
        if method not in _READING and not self._is_same_site(headers, host):
            return self._cross_site(
                path,
                "Another web page may not change anything here. "
                "If it is yours, add its origin to api.allowed_origins.",
            )
        has_other_key = has_own_key(path) or is_fleet_call(path)
        needs_token = path.startswith("/api/") and method != "OPTIONS" and not has_other_key
        if needs_token and not self._has_token(headers):
            message = 'This service needs "Authorization: Bearer <RUNNER_API_TOKEN>".'
            answer = self._failure(path, Code.TOKEN_REQUIRED, message)
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return None

    def _is_known(self, host: str) -> bool:
        """Only an attacker's page has a reason to call loopback under another name (DNS rebinding).

        On a service that is meant for the network, an address is as good as a name: it can't be rebound.
        """
        name = re.sub(r":\d+$", "", host).casefold()
        if is_loopback(name) or name in self._hosts:
            return True
        return not is_loopback(self._settings.host) and _is_address(name)

    def _is_same_site(self, headers: Headers, host: str) -> bool:
        origin = headers.get("origin", "").casefold()
        if origin:
            return origin in self._origins or origin.partition("://")[2] == host.casefold()
        return headers.get("sec-fetch-site", "none") in {"none", "same-origin"}

    def _has_token(self, headers: Headers) -> bool:
        if not self._settings.token:
            return True
        kind, _, token = headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(token.strip().encode("latin-1"), self._settings.token.encode())
        return kind.casefold() == "bearer" and same

    def _limited(self, receive: Receive, method: str, path: str) -> Receive:
        """Count a body while it comes; one that is too large is thrown away and refused.

        It is read to its end (within reason), because a client that is still sending when the connection
        closes never sees the answer.
        """
        limit, setting = self._settings.api.max_request_bytes, "api.max_request_bytes"
        if (method, path) == ("POST", UPLOADS):
            limit, setting = self._settings.materials.max_upload_mb * MB, "materials.max_upload_mb"
        elif method == "PUT" and is_fleet_call(path):
            limit, setting = LARGEST_ARTIFACT, "that of a screenshot"
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received <= limit:
                return message
            while message.get("more_body") and received < limit + LARGEST_DISCARDED:
                message = await receive()
                received += len(message.get("body", b""))
            raise HTTPException(413, f"The body is larger than {limit} bytes ({setting}).")

        return receive_limited

    def _cross_site(self, path: str, message: str) -> JSONResponse:
        return self._failure(path, Code.CROSS_SITE, message)

    def _failure(self, path: str, code: Code, message: str) -> JSONResponse:
        if is_worker_call(path):
            return worker_failure(code.http_status, message)
        return failure(code, message, self._settings.api.error_status)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
