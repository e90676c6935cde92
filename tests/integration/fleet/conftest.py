"""An API host and workers of one fleet: one PostgreSQL, real HTTP, and a folder for each."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.api import fleet
from runner.api.envelope import install_error_answers
from runner.api.security import Guard, RequestContext
from runner.cancel import CancelToken
from runner.execution.artifacts import Artifacts
from runner.fleet.api_host import ApiHost
from runner.fleet.files import FileCache, RemoteArtifacts, RemoteMaterials, RemoteSupply
from runner.materials.settings import MaterialSettings
from runner.materials.store import MaterialStore
from runner.materials.supply import Supply
from runner.materials.types import Details, Item
from runner.settings import Settings
from runner.tasks.database import Database
from runner.tasks.store import Store
from runner.tasks.types import Ending, NewTask, Outcome, Run, Source
from support.http_server import listening

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = "the-key-of-the-fleet"


@dataclass
class Passed:
    """A request: method, path below the prefix, Range, and how many bytes of its answer were sent so far."""

    method: str
    path: str
    part: str
    size: int = 0


class Line:
    """The network in front of the API host: remembers what passes, and can break."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: list[Passed] = []
        """In the order in which the requests came."""
        self.cuts: list[int] = []
        """After so many bytes the next answers with a file are cut."""
        self.spoil = False
        """One bit of each file changes on its way."""
        self.flows = threading.Event()
        """While cleared, a file stands still after its first bytes."""
        self.flows.set()

    @property
    def transfers(self) -> list[tuple[str, int]]:
        """Range and bytes of each answer with a file."""
        return [(passed.part, passed.size) for passed in self.seen if passed.method == "GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix("/api/v1/fleet")
        passed = Passed(scope["method"], path, Headers(scope=scope).get("range", ""))
        self.seen.append(passed)
        is_file = passed.method == "GET"
        cut = self.cuts.pop(0) if is_file and self.cuts else None
        is_cut = False

        async def through(message: Message) -> None:
            nonlocal is_cut
            if message["type"] == "http.response.body":
                body = message["body"]
                if is_file and self.spoil and not passed.size and body:
                    message = message | {"body": bytes([body[0] ^ 1]) + body[1:]}
                is_cut = is_cut or (cut is not None and passed.size + len(body) > cut)
                if is_cut:
                    return  # uvicorn closes the connection after an answer that has no end
                passed.size += len(body)  # before it is sent: whoever has it finds it counted
            await send(message)
            if is_file and passed.size:
                await asyncio.to_thread(self.flows.wait, 10)

        await self._app(scope, receive, through)


class Api:
    """The API host's side: library, artifacts, tasks."""

    def __init__(self, folder: Path, url: str, **settings: Any) -> None:
        self.folder = folder
        database = Database(url)
        self.tasks = Store(database)
        self.supply = Supply(folder / "library", database, self.tasks, MaterialSettings())
        self.artifacts = Artifacts(folder / "artifacts", self.tasks, keep_days=1, max_mb=1)
        self.line = Line(self._app(Settings(config=folder / "devices.yaml", data_dir=folder, **settings)))
        self._phones = 0

    def _app(self, settings: Settings) -> FastAPI:
        """As `runner.api.app` puts it together."""
        app = FastAPI()
        install_error_answers(app, settings.api.error_status)
        api = APIRouter(prefix="/api/v1")
        api.include_router(fleet.routes(self.supply, self.tasks, self.artifacts.folder, KEY))
        app.include_router(api)
        app.add_middleware(Guard, settings=settings)
        app.add_middleware(RequestContext, settings=settings)
        return app

    def add(self, path: Path, **details: Any) -> Item:
        done = self.supply.library.add_paths([str(path)], "copy", Details(**details))
        assert not done.refused, done.refused
        return done.added[0].item

    def run(self, *files: Path, username: str = "anna") -> Run:
        """Of a task that names these files, on a phone of its own."""
        self._phones += 1
        phone = NewTask(f"phone {self._phones}", username, "tiktok", "com.app", NOW, None)
        self.tasks.create(
            [phone],
            script_name="post",
            script_config={"material_list": [str(file) for file in files]},
            source=Source.API,
            retry_limit=0,
            now=NOW,
        )
        run = self.tasks.claim_next(phone.serial, NOW, "here")
        assert run
        return run

    def end(self, run: Run) -> None:
        self.tasks.finish(run, Ending(Outcome.FAILED, "because"), NOW)


class Worker:
    """Another host: its own folder and connection to the database."""

    def __init__(
        self, folder: Path, database_url: str, url: Callable[[], str | None], key: str, patience: float
    ) -> None:
        self.folder = folder
        database = Database(database_url)
        self.tasks = Store(database)
        self.host = ApiHost(url, key, patience=patience)
        self.cache = folder / "cache"
        store = MaterialStore(database, self.tasks)
        self.supply = RemoteSupply(store, FileCache(self.cache, max_mb=100), self.host)

    def of(self, run: Run, cancel: CancelToken | None = None) -> RemoteMaterials:
        return self.supply.for_run(run, cancel or CancelToken())

    def artifacts(self) -> RemoteArtifacts:
        return RemoteArtifacts(self.folder / "artifacts", self.tasks, self.host)

    @property
    def cached(self) -> set[str]:
        return {file.name for file in self.cache.iterdir()}

    def close(self) -> None:
        self.host.close()
        self.tasks.close()


class Fleet:
    """`url` is where the workers look for the API host."""

    def __init__(self, folder: Path, database_url: str, api: Api, url: str) -> None:
        self.folder = folder
        self.api = api
        self.url: str | None = url
        self.workers: list[Worker] = []
        self._database_url = database_url

    def worker(self, *, key: str = KEY, patience: float = 10.0) -> Worker:
        folder = self.folder / f"worker{len(self.workers)}"
        self.workers.append(Worker(folder, self._database_url, lambda: self.url, key, patience))
        return self.workers[-1]

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path


OpenFleet = Callable[..., Fleet]


@pytest.fixture
def open_fleet(tmp_path: Path, postgres_url: str) -> Iterator[OpenFleet]:
    with ExitStack() as closing:

        def open_one(**settings: Any) -> Fleet:
            api = Api(tmp_path / "api", postgres_url, **settings)
            closing.callback(api.tasks.close)
            opened = Fleet(tmp_path, postgres_url, api, closing.enter_context(listening(api.line)))
            closing.callback(lambda: [worker.close() for worker in opened.workers])
            return opened

        yield open_one


@pytest.fixture
def hosts(open_fleet: OpenFleet) -> Fleet:
    return open_fleet()


def named(data: bytes, suffix: str) -> str:
    return hashlib.sha256(data).hexdigest() + suffix


def contents(paths: Sequence[Path]) -> list[bytes]:
    return [path.read_bytes() for path in paths]
