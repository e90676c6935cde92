"""/api/v1/events: what changes, as server-sent events, for the page and for anyone who would otherwise poll.

The stream looks twice a second and sends what is different from what it sent last. So a reader that comes
back after a loss simply gets the present state; there is no history to replay.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from runner.api.devices import device_list
from runner.api.shapes import TaskStats
from runner.api.tasks import Criteria, task_list
from runner.tasks.types import TaskFilter

if TYPE_CHECKING:
    from runner.service import Service

LOOK_SECONDS = 0.5
PING_SECONDS = 15.0


def routes(service: Service, closing: threading.Event) -> APIRouter:
    """The streams end when `closing` is set: the server would wait for them otherwise."""
    router = APIRouter(prefix="/events", tags=["events"])

    @router.get(
        "",
        summary="Follow phones and tasks",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    def follow(criteria: Criteria) -> StreamingResponse:
        """Events `stats`, `tasks` (one page, by the same filters as GET /task) and `devices`.

        Each one's data is that of the call of the same name.
        """
        return StreamingResponse(_stream(service, criteria, closing), media_type="text/event-stream")

    return router


async def _stream(service: Service, criteria: TaskFilter, closing: threading.Event) -> AsyncIterator[str]:
    sent: dict[str, str] = {}
    wrote_at = time.monotonic()
    yield "retry: 2000\n\n"
    while not closing.is_set():
        for name, data in (await run_in_threadpool(_look, service, criteria)).items():
            if sent.get(name) != data:
                sent[name] = data
                wrote_at = time.monotonic()
                yield f"event: {name}\ndata: {data}\n\n"
        if time.monotonic() - wrote_at > PING_SECONDS:
            wrote_at = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_SECONDS)


def _look(service: Service, criteria: TaskFilter) -> dict[str, str]:
    return {
        "stats": TaskStats(**vars(service.tasks.stats())).model_dump_json(),
        "tasks": task_list(service, criteria).model_dump_json(),
        "devices": device_list(service).model_dump_json(),
    }
