"""Random sequences of calls against a model of the status flow, through the routes, on both databases.

Each run tries other sequences; RUNNER_TEST_FULL=1 tries ten times as many.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from runner.tasks.database import Database
from runner.worker_api.routes import router
from runner.worker_api.service import WorkerApi
from runner.worker_api.settings import WorkerApiSettings
from support.http import PlainClient
from support.http_server import listening

FLOW = {
    "pending": {"running", "canceled"},
    "running": {"completed", "failed", "canceled"},
    "completed": set(),
    "failed": set(),
    "canceled": set(),
}
"""What a worker may ask for, written down a second time."""
SAYABLE = {"running", "completed", "failed", "canceled"}
WORDS = st.sampled_from([*sorted(SAYABLE), "pending", "queued", "done"])
EVERY = "pending,queued,running,completed,failed,canceled"
EXAMPLES = 120 if os.environ.get("RUNNER_TEST_FULL") == "1" else 12
_names = itertools.count(1)


@dataclass
class Modelled:
    id: str
    request: str
    server: str
    max_retries: int
    status: str = "pending"
    retry_count: int = 0
    retries: bool = True
    link_post: str = ""
    error: str = ""
    started: bool = False

    def become(self, status: str) -> None:
        if status != self.status:
            self.status = status
            self.started = self.started or status == "running"

    def retry(self) -> None:
        if self.status == "failed" and self.retries and self.retry_count < self.max_retries:
            self.status, self.started = "pending", False
            self.retry_count += 1


class Calls(RuleBasedStateMachine):
    """Two servers and their tasks; `http` and `api` belong to the test, which all examples share."""

    http: httpx.Client
    api: WorkerApi

    tasks = Bundle("tasks")
    servers = st.sampled_from(["A", "B"])

    @initialize()
    def register(self) -> None:
        self.model: dict[str, Modelled] = {}
        self.requests: dict[str, list[str]] = {}
        self.keys: dict[str, str] = {}
        self.names: dict[str, str] = {}
        for server in ("A", "B"):
            made = self.api.served.store.add_server(f"{server}{next(_names)}", 0, datetime.now(UTC))
            self.keys[server], self.names[server] = made.key, made.server.name

    @rule(target=tasks, server=servers, count=st.integers(1, 3), max_retries=st.integers(0, 2))
    def create(self, server: str, count: int, max_retries: int) -> Any:
        task = {"site_name": "example.com", "server": self.names[server], "max_retries": max_retries}
        answer = self.http.post("/worker/requests", json={"request_name": "A", "tasks": [task] * count})
        assert answer.status_code == 201
        request_id = answer.json()["data"]["request_id"]
        new = [one["id"] for one in self._listed(server) if one["request_id"] == request_id]
        assert len(new) == count
        self.requests[request_id] = new
        self.model |= {one: Modelled(one, request_id, server, max_retries) for one in new}
        return multiple(*new)

    @rule(server=servers, task=tasks, status=WORDS, link=st.sampled_from(["", "https://example.com/1"]))
    def put(self, server: str, task: str, status: str, link: str) -> None:
        expected = self._say(server, task, status, link)
        answer = self._call(server, "PUT", f"/worker/tasks/{task}", {"status": status, "link_post": link})
        codes = {"": 200, "invalid_status": 400, "invalid_transition": 400, "not_your_task": 403}
        assert answer.status_code == codes[expected], (expected, answer.text)

    @rule(
        server=servers,
        said=st.lists(st.tuples(tasks | st.just("no-such-task"), WORDS), max_size=6),
    )
    def bulk(self, server: str, said: list[tuple[str, str]]) -> None:
        items = [{"link_id": task, "status": status} for task, status in said]
        expected = [self._say(server, task, status) for task, status in said]
        answer = self._call(server, "PUT", "/worker/tasks/bulk", {"items": items}).json()
        assert [result.get("error", "") for result in answer["results"]] == expected
        assert [result["link_id"] for result in answer["results"]] == [task for task, _ in said]
        assert (answer["success"], answer["failed"]) == (expected.count(""), len(said) - expected.count(""))

    @rule(server=servers, task=tasks)
    def callback(self, server: str, task: str) -> None:
        known = self.model[task]
        answer = self._call(server, "POST", "/worker/callback/link/complete", {"link_id": task})
        if known.server != server:
            assert answer.status_code == 403
        elif known.status in ("pending", "running", "completed"):
            assert answer.status_code == 200
            known.become("running") if known.status == "pending" else None
            known.become("completed")
        else:
            assert answer.status_code == 400

    @rule(server=servers, task=tasks)
    def note(self, server: str, task: str) -> None:
        known = self.model[task]
        answer = self._call(server, "PUT", f"/worker/tasks/{task}", {"error_message": "noted"})
        assert answer.status_code == (200 if known.server == server else 403)
        if known.server == server:
            known.error = "noted"

    @rule(task=tasks)
    def cancel_its_request(self, task: str) -> None:
        request_id = self.model[task].request
        mine = [self.model[one] for one in self.requests[request_id]]
        unended = [one for one in mine if one.status in ("pending", "running")]
        answer = self.http.post(f"/worker/requests/{request_id}/cancel")
        assert answer.json()["data"] == {"canceled": len(unended)}
        for one in unended:
            one.become("canceled")
        for one in mine:
            one.retries = one.retries and one.status != "failed"

    @rule()
    def clock(self) -> None:
        self.api.served.tick(datetime.now(UTC) + timedelta(seconds=1))
        for one in self.model.values():
            one.retry()

    @rule(
        server=servers,
        statuses=st.sets(st.sampled_from(EVERY.split(",")), min_size=1),
        limit=st.integers(1, 4),
        by_cursor=st.booleans(),
    )
    def walk(self, server: str, statuses: set[str], limit: int, by_cursor: bool) -> None:
        expected = [one.id for one in self.model.values() if one.server == server and one.status in statuses]
        seen: list[str] = []
        place: dict[str, Any] = {"page": 1}
        while place:
            query = {"status": ",".join(sorted(statuses)), "limit": limit, **place}
            page = self._call(server, "GET", "/worker/tasks", params=query).json()
            assert page["total"] == len(expected)
            seen += [task["id"] for task in page["data"]]
            cursor = page["next_cursor"]
            following = {"after": cursor} if by_cursor else {"page": place.get("page", 0) + 1}
            place = following if cursor else {}
        assert seen == expected

    @invariant()
    def everything_is_as_modelled(self) -> None:
        if not self.requests:
            return
        for server in ("A", "B"):
            shown = {
                task["id"]: (
                    task["status"],
                    task["retry_count"],
                    task["link_post"],
                    task["details"],
                    task["started_at"] is not None,
                )
                for task in self._listed(server)
            }
            assert shown == {
                one.id: (one.status, one.retry_count, one.link_post, one.error or None, one.started)
                for one in self.model.values()
                if one.server == server
            }
        listed = self.http.get("/worker/requests", params={"limit": 1000}).json()["data"]
        counts = {one["request_id"]: one["counts"] for one in listed}
        for request_id, ids in self.requests.items():
            statuses = [self.model[one].status for one in ids]
            assert counts[request_id] == {status: statuses.count(status) for status in EVERY.split(",")}

    def teardown(self) -> None:
        for name in getattr(self, "names", {}).values():
            self.api.served.store.revoke(name, datetime.now(UTC))
        for request_id in getattr(self, "requests", {}):
            self.http.post(f"/worker/requests/{request_id}/cancel")

    def _say(self, server: str, task: str, status: str, link: str | None = None) -> str:
        """The error that is expected; "" when it is done, in the model too."""
        if status not in SAYABLE:
            return "invalid_status"
        known = self.model.get(task)
        if known is None:
            return "not_found"
        if known.server != server:
            return "not_your_task"
        if status != known.status and status not in FLOW[known.status]:
            return "invalid_transition"
        known.become(status)
        known.link_post = known.link_post if link is None else link
        return ""

    def _listed(self, server: str) -> list[dict[str, Any]]:
        query = {"status": EVERY, "limit": 1000}
        data: list[dict[str, Any]] = self._call(server, "GET", "/worker/tasks", params=query).json()["data"]
        return data

    def _call(self, server: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        headers = {"X-API-Key": self.keys[server]}
        return self.http.request(method, path, json=body, headers=headers, **options)


def test_random_calls_do_what_the_model_says(database: Database, tmp_path: Path) -> None:
    api = WorkerApi(
        database,
        tasks=None,  # type: ignore[arg-type]  # only upstreams create local tasks, and there are none
        farm=lambda: None,  # type: ignore[arg-type,return-value]
        settings=WorkerApiSettings(retry_delay_seconds=0),
        upstreams=[],
        data_dir=tmp_path,
        key_folder=tmp_path,
    )
    app = FastAPI()
    app.include_router(router(SimpleNamespace(worker_api=api)))  # type: ignore[arg-type]
    with listening(app) as url, PlainClient(base_url=url, timeout=30) as http:
        machine = type("Machine", (Calls,), {"http": http, "api": api})
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
