"""/api/v1/fleet: what other hosts of the fleet get from this one and hand over to it. Not for clients.

The shapes are `runner.fleet.shapes`. Every call needs the fleet's key, and nothing else; files are claimed as
on this host, for a run that proves itself by its token.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from runner.api.envelope import Code, Envelope
from runner.cancel import CancelToken
from runner.errors import InvalidRequest, LostRun, MediaUnusable, NotFound, RunnerError, StoreError
from runner.fleet import PREFIX
from runner.fleet.shapes import (
    SUFFIX,
    AskClaim,
    AskGiven,
    AskNotes,
    Claimed,
    ClaimedFile,
    Content,
    Given,
    Notes,
    Refusal,
    RunProof,
)
from runner.materials.supply import Supply
from runner.script import Material
from runner.tasks.store import Store
from runner.tasks.types import Artifact, Run, Task

_STATUS: dict[type[RunnerError], int] = {
    InvalidRequest: 400,
    NotFound: 404,
    LostRun: 409,
    MediaUnusable: 422,
    StoreError: 503,
}
_hashing = threading.Lock()
"""Many hosts may ask for one large file at once; it is read once."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Id = Annotated[int, InPath(ge=1, le=2**31 - 1)]


def routes(supply: Supply, store: Store, artifacts: Path, key: str) -> APIRouter:
    """`artifacts` is the folder to which their paths are relative; `key` the fleet's."""
    router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=_for_hosts(key))
    settings, library = supply.settings, supply.library

    def proved(proof: RunProof) -> Run:
        task = store.task(proof.task_id)
        if task is None:
            raise LostRun
        # How often it may be repeated is not asked here.
        run = Run(replace(task, attempt=proof.attempt), proof.token, retries_used=0, retry_limit=0)
        with store.as_run(run):
            return run

    def named_file(task: Task, number: int) -> Path:
        return settings.inside(_named(task)[number])

    @router.post("/claim")
    def claim(body: AskClaim) -> Envelope[Claimed]:
        materials = supply.for_run(proved(body.run), CancelToken()).claim(body.wanted)
        return Envelope(data=Claimed(files=[_claimed(material) for material in materials]))

    @router.post("/notes")
    def notes(body: AskNotes) -> Envelope[Notes]:
        return Envelope(data=Notes(notes=supply.for_run(proved(body.run), CancelToken()).notes(body.folder)))

    @router.post("/given")
    def given(body: AskGiven) -> Envelope[Given]:
        task = proved(body.run).task
        named = _named(task)
        files = []
        for path in body.paths:
            if path not in named:
                raise MediaUnusable(f"{path} is not among the files that task {task.id} names.")
            number = named.index(path)
            url = f"/tasks/{task.id}/files/{number}"
            files.append(_content(url, named_file(task, number)))
        return Envelope(data=Given(files=files))

    @router.get("/tasks/{task_id}/files/{number}")
    def task_file(task_id: Id, number: int) -> FileResponse:
        task = store.task(task_id)
        if task is None or not 0 <= number < len(_named(task)):
            raise NotFound(f"Task {task_id} names no file {number}.")
        path = named_file(task, number)
        return _file(path, _content("", path).sha256)

    @router.get("/materials/{material_id}/content")
    def material_file(material_id: Id) -> FileResponse:
        item = library.item(material_id)
        if not library.holds(item):
            raise NotFound(f"{item.name} (material {item.id}) is not on the API host any more.")
        return _file(library.path(item), item.sha256)

    @router.put("/artifacts/{path:path}")
    async def keep_artifact(path: str, sha256: str, request: Request) -> Envelope[None]:
        artifact = await run_in_threadpool(artifact_at, path)
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > artifact.size:
                raise HTTPException(413, f"{path} has {artifact.size} bytes.")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise InvalidRequest(f"{path} did not arrive as it was sent.", field="sha256", value=sha256)
        await run_in_threadpool(_write, artifacts / artifact.path, bytes(data))
        return Envelope(data=None)

    def artifact_at(path: str) -> Artifact:
        number = path.partition("/")[0]
        detail = store.detail(int(number)) if re.fullmatch("[0-9]{1,9}", number) else None
        found = [each for each in detail.artifacts if each.path == path] if detail else []
        if not found:
            raise NotFound(f"No task has an artifact {path}.")
        return found[0]

    return router


def _for_hosts(key: str) -> type[APIRoute]:
    """Routes that ask for the key before anything else, and say which error they met."""

    class HostRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                kind, _, given = request.headers.get("authorization", "").partition(" ")
                same = hmac.compare_digest(given.strip().encode("latin-1"), key.encode())
                if kind.casefold() != "bearer" or not same:
                    return _failure(Code.TOKEN_REQUIRED, "This call needs the fleet's key.")
                try:
                    return await handle(request)
                except RunnerError as error:
                    for known, status in _STATUS.items():
                        if isinstance(error, known):
                            refusal = Refusal(error=known.__name__, remedy=error.remedy)
                            return _failure(status * 100 + 1, error.message, refusal)
                    raise

            return guarded

    return HostRoute


def _failure(code: int, message: str, refusal: Refusal | None = None) -> JSONResponse:
    """Whatever api.error_status says: the hosts are our own."""
    data = refusal.model_dump() if refusal else None
    return JSONResponse({"code": int(code), "message": message, "data": data}, code // 100)


def _named(task: Task) -> list[str]:
    """The files that a task names, as `material_list` of the post script has them."""
    named = task.script_config.get("material_list")
    return [path for path in named if isinstance(path, str)] if isinstance(named, list) else []


def _claimed(material: Material) -> ClaimedFile:
    return ClaimedFile(
        content=Content(
            url=f"/materials/{material.id}/content",
            sha256=material.sha256,
            size=material.size,
            suffix=_suffix(material.path),
        ),
        id=material.id,
        kind=material.kind,
        media_type=material.media_type,
        source=material.source,
        name=material.name,
        caption=material.caption,
    )


def _content(url: str, path: Path) -> Content:
    """Of a file as it is now. Raises MediaUnusable."""
    try:
        with _hashing:
            before = path.stat()
            sha256 = _sha256(path, before.st_size, before.st_mtime_ns)
            if path.stat().st_mtime_ns != before.st_mtime_ns:
                raise MediaUnusable(f"{path}: it is being written.")
    except OSError as error:
        raise MediaUnusable(f"{path} on the API host: {error.strerror or error}.") from None
    return Content(url=url, sha256=sha256, size=before.st_size, suffix=_suffix(path))


@lru_cache(maxsize=10_000)
def _sha256(path: Path, size: int, modified_ns: int) -> str:
    """Size and time of modification (ns) tell whether a file is still the one that was read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    return suffix if re.fullmatch(SUFFIX, suffix) else ""


def _file(path: Path, sha256: str) -> FileResponse:
    """With Range and If-Range, by which a broken transfer is taken up."""
    return FileResponse(
        path,
        headers={"ETag": f'"{sha256}"'},
        media_type="application/octet-stream",
        stat_result=path.stat(),
    )


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(data)
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
