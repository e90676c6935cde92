"""Many phones draw on one library while the service is killed and phones fail: each file is published once.

RUNNER_LIBRARY_TASKS and RUNNER_LIBRARY_PHONES set the size; 1000 and 50 take about ten minutes on two cores.
"""

from __future__ import annotations

import logging
import os
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.media import movies
from support.service import RunnerService, StartService, config_of
from support.virtual import LEAKS_SOCKETS, Phones, StartPhones
from support.waiting import wait_for

TASKS = int(os.environ.get("RUNNER_LIBRARY_TASKS", "60"))
PHONES = int(os.environ.get("RUNNER_LIBRARY_PHONES", "10"))
SECONDS = 60 + 6 * TASKS
KILLS = 3
FAULTS: list[dict[str, Any]] = [
    {"fault": "app_crash"},
    {"fault": "ui_server_dies"},
    {"fault": "unplug", "seconds": 2},
    {"fault": "upload_fails"},
    {"fault": "popup"},
]
MOMENTS = ["before:pick_media", "before:edit", "before:caption", "before:publish", "after:publish"]

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS * 2), LEAKS_SOCKETS]


def test_each_file_is_published_exactly_once(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    seed = random.randrange(1_000_000)
    log.info("seed %d", seed)
    chance = random.Random(seed)
    phones = start_phones(count=PHONES, accounts=1)
    service = start_service(
        config_of(phones, more="tasks: {auto_retry: 2, retry_delay_seconds: [0, 1], phone_wait_minutes: 60}")
    )
    captions = fill(service, tmp_path)
    service.phones_ready(*phones.serials, seconds=120)
    usernames = [account for phone in phones.farm.farm.phones for account in tiktok_accounts(phone)]
    config = {"upload_wait_time": 60}
    for _ in range(TASKS // PHONES):
        service.create(script_name="post", usernames=usernames, script_config=config)

    for kill in range(1, KILLS + 1):
        plant(phones, chance)
        share = TASKS * kill // (KILLS + 1)
        until_ended(service, share)
        service.kill()
        service.start()
    until_ended(service, TASKS)
    tries = Counter(task["outcome"] for task in service.tasks())
    while again := to_try_again(service, phones, captions):
        for task_id, force in again:
            service.call("POST", f"task/{task_id}/retry", json={"force": force})
        until_ended(service, TASKS)

    posts = [post for serial in phones.serials for post in phones.posts(serial)]
    published = Counter(media["sha256"] for post in posts for media in post["media"])
    assert published == Counter(captions.keys()), f"seed {seed}"
    assert all(post["caption"] == captions[post["media"][0]["sha256"]] for post in posts)
    states = Counter(item["state"] for item in materials(service))
    assert states == {"used": TASKS}
    log.info("%d files, %d phones, %d kills; outcomes before retries: %s", TASKS, PHONES, KILLS, dict(tries))


def fill(service: RunnerService, folder: Path) -> dict[str, str]:
    """A library with a file for each task; its captions by content."""
    captions = {}
    for number, path in enumerate(movies(folder, TASKS), 1):
        query = {"filename": path.name, "caption": f"This is clip number {number:04}"}
        item = service.call("POST", "materials", params=query, content=path.read_bytes())["material"]
        captions[item["sha256"]] = item["caption"]
    return captions


def tiktok_accounts(phone: Any) -> tuple[str, ...]:
    accounts: tuple[str, ...] = dict(phone.settings.accounts)["tiktok"]
    return accounts


def plant(phones: Phones, chance: random.Random) -> None:
    """One fault each on half of the phones, at a random step of whatever they do next."""
    for serial in chance.sample(phones.serials, PHONES // 2):
        fault = chance.choice(FAULTS)
        when = "now" if fault["fault"] == "upload_fails" else chance.choice(MOMENTS)
        phones.fault(when=when, serial=serial, **fault)


def until_ended(service: RunnerService, count: int) -> None:
    """Asks rarely: a machine that is busy with asking does not post."""

    def look() -> bool:
        threading.Event().wait(0.2)
        stats = service.call("GET", "task/stats")
        return bool(stats["completed"] + stats["failed"] >= count)

    wait_for(look, seconds=SECONDS, what=f"the end of {count} tasks")


def to_try_again(service: RunnerService, phones: Phones, captions: dict[str, str]) -> list[tuple[int, bool]]:
    """Failed tasks and whether to force: where nobody knows, the operator looks at the account first."""
    there = {
        media["sha256"]
        for serial in phones.serials
        for post in phones.posts(serial)
        for media in post["media"]
    }
    file_of = {item["task_id"]: item["sha256"] for item in materials(service)}
    return [
        (task["id"], task["outcome"] == "unknown")
        for task in service.tasks(status=3)
        if not (task["outcome"] == "unknown" and file_of[task["id"]] in there)
    ]


def materials(service: RunnerService) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < TASKS:
        query = {"page": len(found) // 100 + 1, "page_size": 100}
        found += service.call("GET", "materials", params=query)["materials"]
    return found
