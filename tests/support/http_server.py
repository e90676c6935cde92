"""An ASGI application on a free port of this computer, served by uvicorn in a thread of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from support.waiting import wait_for


@contextmanager
def listening(app: ASGIApp, **options: str) -> Iterator[str]:
    """Its URL. `options` are uvicorn's, for example `ssl_certfile`."""
    # Not socket.create_server's: see runner.cli.serve.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", **options)  # type: ignore[arg-type]
        )
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        wait_for(lambda: server.started, what="uvicorn")
        scheme = "https" if options.get("ssl_certfile") else "http"
        try:
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
