"""The operator's page at `/` and the API's documentation at `/docs`: static files, nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

_STATIC = Path(__file__).parent / "static"


def static_files() -> StaticFiles:
    """What the pages load."""
    return StaticFiles(directory=_STATIC)


def routes() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def page() -> FileResponse:
        return FileResponse(_STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    @router.get("/docs")
    def documentation() -> FileResponse:
        return FileResponse(_STATIC / "docs.html", headers={"Cache-Control": "no-cache"})

    return router
