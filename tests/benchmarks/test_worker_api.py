"""The served side of the Worker Tasks API with a million tasks: pages of 1,000, bulks of 500."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from runner import logs
from runner.tasks.database import Database
from runner.worker_api.flow import ServiceType
from runner.worker_api.routes import router
from runner.worker_api.service import WorkerApi
from runner.worker_api.settings import WorkerApiSettings
from runner.worker_api.types import NewRequest, NewWorkerTask, Server
from support.http_server import listening

TASKS = 1_000_000
PAGE_SECONDS = 0.1
BULK_SECONDS = 0.3

NUMBERS = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < :count) ",
    "postgresql": "WITH n AS (SELECT generate_series(1, :count) AS x) ",
}
UUID = {"sqlite": "lower(hex(randomblob(18)))", "postgresql": "gen_random_uuid()::text"}
"""36 characters."""
COLUMNS = (
    "request_id, server_id, service_type, site_name, email, username, sealed_password, about, config, "
    "auction_price, max_retries, created_at, named"
)


@pytest.fixture
def million(database_url: str, tmp_path: Path) -> Iterator[tuple[str, httpx.Client]]:
    """A served API whose server has a million tasks, seven of ten of them pending; its kind and a client."""
    logs.configure(level="WARNING")
    database = Database(database_url)
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    api = WorkerApi(
        database,
        tasks=None,  # type: ignore[arg-type]  # only upstreams create local tasks, and there are none
        farm=lambda: None,  # type: ignore[arg-type,return-value]
        settings=WorkerApiSettings(),
        upstreams=[],
        data_dir=tmp_path,
        key_folder=tmp_path,
    )
    made = api.served.store.add_server("server-01", 0, datetime.now(UTC))
    other = api.served.store.add_server("server-02", 0, datetime.now(UTC))
    for server, count in ((made.server, TASKS), (other.server, TASKS // 10)):
        fill(database, kind, api, server, count)
    app = FastAPI()
    app.include_router(router(SimpleNamespace(worker_api=api)))  # type: ignore[arg-type]
    with (
        listening(app) as url,
        httpx.Client(base_url=url, headers={"X-API-Key": made.key}, timeout=60) as http,
    ):
        yield kind, http
    database.close()


def fill(database: Database, kind: str, api: WorkerApi, server: Server, count: int) -> None:
    """One real task, copied a million times with the statuses that a busy server has."""
    task = NewWorkerTask(
        "tiktok.com", "user123", "user@gmail.com", "pass123", "Bio", 100, 3, '{"captions":"Hi"}', server.name
    )
    new = NewRequest("Campaign A", "https://target.com", "normal", ServiceType.SOCIAL, [task])
    request_id = api.served.store.create_request(new, api.served.seal(), datetime.now(UTC))
    status = "CASE WHEN x % 10 < 7 THEN 'pending' WHEN x % 10 < 9 THEN 'completed' ELSE 'failed' END"
    with database.write() as connection:
        values = {"count": count, "request": request_id}
        # SQLite wants the WITH behind the INSERT; PostgreSQL takes it there too.
        connection.execute(
            text(
                f"INSERT INTO worker_tasks (id, status, {COLUMNS}) {NUMBERS[kind]}"
                f"SELECT {UUID[kind]}, {status}, {COLUMNS} FROM n, worker_tasks WHERE request_id = :request"
            ),
            values,
        )
        connection.execute(
            text("DELETE FROM worker_counts WHERE request_id = :request"), {"request": request_id}
        )
        connection.execute(
            text(
                "INSERT INTO worker_counts (server_id, request_id, status, service_type, tasks) "
                "SELECT server_id, request_id, status, service_type, count(*) FROM worker_tasks "
                "WHERE request_id = :request GROUP BY server_id, request_id, status, service_type"
            ),
            {"request": request_id},
        )
        if kind == "postgresql":
            connection.execute(text("ANALYZE"))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@pytest.mark.timeout(900)
def test_pages_and_bulks_of_a_million_tasks(million: tuple[str, httpx.Client]) -> None:
    kind, http = million

    def page(**query: Any) -> dict[str, Any]:
        answer = http.get("/worker/tasks", params={"limit": 1000, **query})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        assert len(body["data"]) == 1000
        return body

    cursors = itertools.accumulate(
        range(200), lambda cursor, _: page(after=cursor)["next_cursor"], initial=page()["next_cursor"]
    )
    deep = list(cursors)[-1]
    measured = {
        "first page": lambda: page(),
        "page by cursor, 200 pages deep": lambda: page(after=deep),
        "page of one status and type": lambda: page(status="failed", service_type="social"),
        "page of every status": lambda: page(status="pending,queued,running,completed,failed,canceled"),
    }
    print(f"\n{kind}: {page()['total']} of {TASKS} tasks pending")
    for name, work in measured.items():
        times = [seconds(work) for _ in range(9)]
        print(
            f"{kind}: {name}: {statistics.median(times) * 1000:.0f} ms median, "
            f"{max(times) * 1000:.0f} ms worst"
        )
        assert statistics.median(times) <= PAGE_SECONDS
    times = [seconds(lambda: page(page=600)) for _ in range(3)]
    print(f"{kind}: page 600 by number, nobody having led up to it: {statistics.median(times) * 1000:.0f} ms")

    ids = [task["id"] for task in page()["data"]][:500]
    for status in ("running", "completed"):
        items = [{"link_id": one, "status": status, "link_post": f"https://e.com/{one}"} for one in ids]
        began = time.perf_counter()
        answer = http.put("/worker/tasks/bulk", json={"items": items})
        took = time.perf_counter() - began
        assert answer.json()["success"] == 500, answer.text
        print(f"{kind}: bulk of 500 to {status}: {took * 1000:.0f} ms")
        assert took <= BULK_SECONDS
