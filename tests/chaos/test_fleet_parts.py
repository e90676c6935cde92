"""What is not a phone's host dies or moves: the database, the API, the clock, a phone."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.farm.model import PACKAGES
from runner.tasks.database import Database
from runner.tasks.store import Store
from runner.tasks.types import NewTask, Source
from support.databases import OwnServer
from support.fleet import LEASE_SECONDS, Fleet, driven_by
from support.service import RunnerService, config_of
from support.virtual import LEAKS_SOCKETS, Phones, StartPhones
from support.waiting import wait_for

pytestmark = [pytest.mark.chaos, LEAKS_SOCKETS]

QUICK = "tasks: {auto_retry: 3, retry_delay_seconds: [0, 1]}"


@pytest.mark.parametrize("seconds", [2, 12], ids=["is hardly noticed", "outlasts the patience of a write"])
def test_a_restart_of_the_database_loses_and_doubles_nothing(
    own_fleet: Fleet, own_postgres: OwnServer, start_phones: StartPhones, video: Path, seconds: float
) -> None:
    phones = start_phones(count=3, accounts=2)
    api = own_fleet.api(config_of(phones, more=QUICK, host_of=dict.fromkeys(phones.serials, "shelf")))
    own_fleet.worker("shelf")
    api.phones_ready(*phones.serials)
    ids = api.post(video, serials=phones.serials, enable_multi_account=True)
    api.reaches(ids[0], "caption")

    own_postgres.stop()
    threading.Event().wait(seconds)
    own_postgres.start()

    tasks = api.ended(*ids, seconds=120)
    assert [(task["outcome"], task["retry_count"]) for task in tasks] == [("published", 0)] * len(ids), tasks
    posts = Counter(post["account"] for serial in phones.serials for post in phones.posts(serial))
    assert posts == Counter(task["username"] for task in tasks)
    again = api.post(video, serials=phones.serials[:1])
    assert api.ended(*again)[0]["outcome"] == "published"


def test_tasks_start_on_time_while_the_api_is_dead_and_another_host_becomes_the_clock(
    fleet: Fleet, start_phones: StartPhones, video: Path
) -> None:
    phones = start_phones(count=2, accounts=1)
    api = fleet.api(config_of(phones, host_of=dict.fromkeys(phones.serials, "shelf")))
    fleet.worker("shelf")
    api.phones_ready(*phones.serials)
    wait_for(lambda: clock_of(api) == "office", what="the API host to be the clock")
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=15)
    ids = due(fleet, phones, video, moment)
    assert {api.task(task_id)["status"] for task_id in ids} == {0}

    api.kill()

    def posted() -> bool:
        return all(len(phones.posts(serial)) == 1 for serial in phones.serials)

    # By HTTP the files come from the API host, which comes back only after the tasks have begun.
    wait_for(lambda: datetime.now(UTC) > moment + timedelta(seconds=3), seconds=30, what="the start time")
    api.start()
    wait_for(posted, seconds=60, what="a post on each phone")
    tasks = api.ended(*ids)
    assert {task["outcome"] for task in tasks} == {"published"}
    for task in tasks:
        started = datetime.fromisoformat(task["started_at"])
        assert moment <= started <= moment + timedelta(seconds=15), task
    assert clock_of(api) == "shelf"


def test_a_phone_that_moves_to_another_host_takes_its_queue_along(
    fleet: Fleet, start_phones: StartPhones, video: Path
) -> None:
    phones = start_phones(count=1, accounts=3)
    config = config_of(phones, more=QUICK, host_of=dict.fromkeys(phones.serials, "left"))
    api = fleet.api(config)
    fleet.worker("left")
    fleet.worker("right", fleet.other_adb())
    driven_by(api, phones.serial, "left")
    ids = api.post(video, serials=[phones.serial], enable_multi_account=True)
    api.reaches(ids[0], "caption")

    api.config.write_text(config.replace("host: left", "host: right"), encoding="utf-8")
    tasks = api.ended(*ids, seconds=120)

    assert {task["outcome"] for task in tasks} == {"published"}, tasks
    accounts = [post["account"] for post in phones.posts()]
    assert len(accounts) == len(set(accounts)) == 3
    driven_by(api, phones.serial, "right")
    assert not overlapping(tasks)


def test_a_future_task_does_not_block_an_immediate_one(
    fleet: Fleet, start_phones: StartPhones, video: Path
) -> None:
    phones = start_phones(count=1, accounts=1)
    api = fleet.api(config_of(phones), arguments=())  # one process that does everything
    api.phones_ready(phones.serial)
    later = (datetime.now(UTC) + timedelta(hours=2)).strftime("%H:%M")
    (future,) = api.post(video, serials=[phones.serial], start_time=later)
    (now,) = api.post(video, serials=[phones.serial])
    assert api.ended(now)[0]["outcome"] == "published"
    assert api.task(future)["status"] == 0
    assert len(phones.posts()) == 1


def test_a_worker_that_is_told_to_stop_hands_its_task_back_and_its_phone_over(
    fleet: Fleet, start_phones: StartPhones, video: Path
) -> None:
    phones = start_phones(count=1, accounts=1)
    api = fleet.api(config_of(phones))  # no pin: whichever host sees the phone
    first = fleet.worker("first")
    driven_by(api, phones.serial, "first")
    fleet.worker("second")
    phones.fault("slow", seconds=2)
    (task_id,) = api.post(video, serials=[phones.serial])
    api.reaches(task_id, "account")

    assert first.stop() == 0

    driven_by(api, phones.serial, "second")
    task = api.ended(task_id)[0]
    assert task["outcome"] == "published", task
    assert len(phones.posts()) == 1
    assert "shut" not in task["remark"]


def test_a_worker_that_is_told_to_stop_has_the_time_to_find_its_evidence(
    fleet: Fleet, start_phones: StartPhones, video: Path
) -> None:
    phones = start_phones(count=1, accounts=1)
    api = fleet.api(config_of(phones))
    worker = fleet.worker("shelf")
    api.phones_ready(phones.serial)
    fleet.worker("other")  # would sweep a host that is silent for longer than its lease
    phones.fault("slow", "after:publish", seconds=LEASE_SECONDS + 2)
    (task_id,) = api.post(video, serials=[phones.serial])
    api.reaches(task_id, "upload")

    assert worker.stop() == 0

    task = api.task(task_id)
    assert (task["outcome"], len(phones.posts())) == ("published", 1), task


def test_only_the_task_that_was_meant_is_stopped_on_another_host(
    fleet: Fleet, start_phones: StartPhones, video: Path
) -> None:
    phones: Phones = start_phones(count=1, accounts=3)
    api = fleet.api(config_of(phones, host_of={phones.serial: "shelf"}))
    fleet.worker("shelf")
    api.phones_ready(phones.serial)
    phones.fault("slow", "after:switch_account", seconds=3)  # the first task's account is in use already
    ids = api.post(video, serials=[phones.serial], enable_multi_account=True)
    api.reaches(ids[1], "account")  # its turn began with the first task

    stopped: dict[str, Any] = api.call("POST", f"task/{ids[1]}/stop")

    assert (stopped["status"], stopped["remark"]) == (3, "stopped")
    others = api.ended(ids[0], ids[2])
    assert {task["outcome"] for task in others} == {"published"}, others
    assert Counter(post["account"] for post in phones.posts()) == {task["username"]: 1 for task in others}


def due(fleet: Fleet, phones: Phones, video: Path, moment: datetime) -> list[int]:
    """A task of each phone's first account, made by a process that is no host: the API knows only minutes."""
    database = Database(fleet.url)
    created = Store(database).create(
        [
            NewTask(
                phone.serial,
                dict(phone.settings.accounts)["tiktok"][0],
                "tiktok",
                PACKAGES["tiktok"],
                moment,
                moment,
            )
            for phone in phones.farm.farm.phones
        ],
        script_name="post",
        script_config={"material_list": [str(video)], "upload_wait_time": 60},
        source=Source.API,
        retry_limit=0,
        now=datetime.now(UTC),
    )
    database.close()
    return created.task_ids


def clock_of(api: RunnerService) -> str:
    hosts = api.call("GET", "hosts")["hosts"]
    return next((host["name"] for host in hosts if host["is_clock"]), "")


def overlapping(tasks: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    spans = sorted(
        (min(step["started_at"] for step in task["steps"]), max(step["ended_at"] for step in task["steps"]))
        for task in tasks
    )
    return [(first, second) for first, second in itertools.pairwise(spans) if first[1] > second[0]]
