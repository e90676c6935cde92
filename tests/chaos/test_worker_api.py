"""Two services of this project, one serving campaign tasks and one doing them, both killed on the way.

Ground truth: what the phones accepted. RUNNER_TEST_FULL=1 takes 500 tasks and an outage of 60 s.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from runner.tasks.database import Database
from runner.virtual.farm import free_ports
from runner.worker_api.model import links as link_table
from support.service import RunnerService, StartService, config_of
from support.virtual import Phones, StartPhones
from support.waiting import wait_for
from support.worker_tasks import StartWorkerService, Worker, WorkerService

pytestmark = pytest.mark.chaos

FULL = os.environ.get("RUNNER_TEST_FULL") == "1"
TASKS = 500 if FULL else 30
OUTAGE_SECONDS = 60 if FULL else 5
PHONES = 5
EVERY = "pending,queued,running,completed,failed,canceled"
ENDED = {"completed", "failed", "canceled"}


class Story:
    """What happens to the two services while the tasks are done."""

    def __init__(self, serving: WorkerService, worker: Worker, consuming: RunnerService) -> None:
        self.serving = serving
        self.worker = worker
        self.consuming = consuming

    def tasks(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        query: dict[str, Any] = {"status": EVERY, "limit": 1000}
        while True:
            page = self.worker.tasks(**query)
            found |= {task["id"]: task for task in page["data"]}
            if page["next_cursor"] is None:
                return found
            query["after"] = page["next_cursor"]

    def when_done(self, share: float) -> None:
        """Wait until this share of the tasks has ended on the serving side."""

        def look() -> bool:
            ended = sum(task["status"] in ENDED for task in self.tasks().values())
            return ended >= share * TASKS

        wait_for(look, seconds=1500 if FULL else 240, what=f"{share:.0%} of the tasks done")

    def serving_dies(self) -> None:
        self.serving.kill()
        self._serve_again()

    def serving_is_away(self) -> None:
        self.serving.kill()
        threading.Event().wait(OUTAGE_SECONDS)
        self._serve_again()

    def consuming_dies(self) -> None:
        self.consuming.kill()
        self.consuming.start()

    def _serve_again(self) -> None:
        self.serving.start()
        made = {"server_id": self.worker.id, "name": self.worker.name, "key": self.worker.key}
        self.worker = self.serving.as_worker(made)


@pytest.mark.timeout(3600 if FULL else 600)
def test_every_task_is_done_once_whoever_is_killed(
    start_phones: StartPhones,
    start_service: StartService,
    start_worker_service: StartWorkerService,
    video: Path,
    record_property: Callable[[str, object], None],
) -> None:
    phones = start_phones(count=PHONES, accounts=2)
    [port] = free_ports(1)
    serving = start_worker_service(arguments=["--port", str(port)], worker_api={"retry_delay_seconds": 1})
    worker = serving.worker()
    consuming = start_service(
        config_of(phones, more=upstream(serving.url)), environment={"CAMPAIGNS_KEY": worker.key}
    )
    consuming.phones_ready(*phones.serials)
    accounts = [name for phone in phones.farm.farm.phones for name in dict(phone.settings.accounts)["tiktok"]]
    captions = [f"campaign task {number}" for number in range(TASKS)]
    serving.request(
        *[
            {
                "site_name": "tiktok.com",
                "username": accounts[number % len(accounts)],
                "password": "correct-horse",
                "config": {"captions": caption, "material_list": [str(video)], "upload_wait_time": 60},
            }
            for number, caption in enumerate(captions)
        ],
        service_type="social",
    )
    story = Story(serving, worker, consuming)
    events: list[tuple[float, Callable[[], None]]] = [
        (0.05, story.serving_dies),
        (0.2, story.consuming_dies),
        (0.35, story.serving_dies),
        (0.5, story.serving_is_away),
        (0.7, story.consuming_dies),
        (0.8, story.serving_dies),
    ]

    for share, happens in events:
        story.when_done(share)
        happens()
    story.when_done(1)
    wait_for(lambda: not unsettled(story), seconds=120, what="both sides agree that everything has ended")

    served = story.tasks()
    local = {task["id"]: task for task in consuming.tasks(source="worker")}
    posts = published(phones)
    assert len(served) == len(local) == TASKS
    assert {post["caption"] for post in posts} <= set(captions)
    twice = [caption for caption, times in Counter(post["caption"] for post in posts).items() if times > 1]
    assert twice == []
    by_url = {post["url"]: post for post in posts}
    links = links_of(consuming)
    assert sorted(links) == sorted(served)
    for task_id, task in served.items():
        mine = local[links[task_id]]
        if task["status"] == "completed":
            assert mine["status_text"] == "completed"
            assert by_url[task["link_post"]]["caption"] == mine["script_config"]["captions"]
            assert by_url[task["link_post"]]["account"] == task["username"] == mine["username"]
        else:
            assert (task["status"], mine["status_text"]) == ("failed", "failed")
            assert task["details"] == mine["remark"]
    completed = [task["link_post"] for task in served.values() if task["status"] == "completed"]
    assert len(set(completed)) == len(completed)
    outcomes = Counter(task["outcome"] for task in local.values())
    record_property("outcomes", dict(outcomes))
    unknown = [task for task in local.values() if task["outcome"] == "unknown"]
    assert len(unknown) <= 2 * PHONES, "only what was at its tap when the runner was killed"
    assert outcomes["published"] == TASKS - len(unknown)
    assert "correct-horse" not in consuming.log + serving.log


def upstream(url: str) -> str:
    return f"""
upstreams:
  - name: campaigns
    base_url: {url}/api/v1
    key_env: CAMPAIGNS_KEY
    poll_seconds: 1
"""


def unsettled(story: Story) -> list[str]:
    """What has not come to its end on either side."""
    tasks = story.tasks().values()
    left = [task["id"] for task in tasks if task["status"] not in ENDED]
    left += [
        task["id"]
        for task in tasks
        if task["status"] == "failed" and task["retry_count"] < task["max_retries"]
    ]
    [upstream] = story.consuming.http.get("worker/upstreams").json()["data"]
    return [*left, *["report"] * (upstream["open_tasks"] + upstream["unsent_reports"])]


def published(phones: Phones) -> list[dict[str, Any]]:
    return [post for serial in phones.serials for post in phones.posts(serial)]


def links_of(service: RunnerService) -> dict[str, int]:
    """Upstream task → local task, from the consuming side's database."""
    database = Database(f"sqlite:///{service.data_dir / 'runner.db'}")
    with database.read() as connection:
        found = {row.upstream_id: row.task_id for row in connection.execute(select(link_table))}
    database.close()
    return found
