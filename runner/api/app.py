"""Puts the HTTP side together: guards, the calls under /api/v1, the documentation and the operator's page.

The endpoints are plain functions that run in the server's thread pool, because everything below them blocks.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

import runner
from runner.api import accounts, devices, events, hosts, license, materials, tasks
from runner.api.envelope import install_error_answers
from runner.api.security import Guard, RequestContext
from runner.web import pages
from runner.worker_api import routes as worker_tasks

if TYPE_CHECKING:
    from runner.service import Service
    from runner.settings import Settings

API = "/api/v1"


def create_app(service: Service, settings: Settings, *, fleet: APIRouter | None = None) -> FastAPI:
    """The ASGI application of a service; starting and closing the service is the caller's.

    `fleet` are the routes of `runner.api.fleet`, for a service that has a fleet.
    Set `app.state.closing` (a threading.Event) before the server stops, so that event streams end.
    """
    app = FastAPI(
        title="runner",
        version=runner.__version__,
        description="Publishes your own videos and pictures from a farm of Android phones. Every answer is "
        '{"code": int, "message": str, "data": any}; code 0 is success.',
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.closing = threading.Event()
    install_error_answers(app, settings.api.error_status)

    api = APIRouter(prefix=API)
    licensed = [Depends(lambda: license.require_api_access(settings))]
    api.include_router(tasks.routes(service), dependencies=licensed)
    api.include_router(license.routes(settings))
    api.include_router(accounts.routes(service))
    api.include_router(devices.routes(service))
    api.include_router(hosts.routes(service))
    api.include_router(materials.routes(service))
    api.include_router(materials.tag_routes(service))
    api.include_router(events.routes(service, app.state.closing), dependencies=licensed)
    api.include_router(worker_tasks.router(service))
    if fleet is not None:
        api.include_router(fleet)
    app.include_router(api)
    app.include_router(pages.routes())
    app.mount("/static", pages.static_files())

    app.add_middleware(Guard, settings=settings)
    if settings.api.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[origin.rstrip("/") for origin in settings.api.allowed_origins],
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
        )
    app.add_middleware(RequestContext, settings=settings)
    return app
