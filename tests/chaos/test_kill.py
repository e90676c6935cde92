"""kill -9 of the service in each step of a post, then a new start on the same data directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.service import RunnerService, StartService, config_of
from support.virtual import Phones, StartPhones
from support.waiting import wait_for

pytestmark = pytest.mark.chaos

BEFORE_THE_TAP = ["media", "account", "share", "editor", "caption"]


def kill_in(step: str, service: RunnerService, phones: Phones, video: Path) -> int:
    """A task whose service was killed while the phone stood still in this step."""
    [task_id] = service.post(video, serials=[phones.serial], config={"captions": f"killed in {step}"})
    service.reaches(task_id, step)
    service.kill()
    return task_id


@pytest.mark.parametrize("step", BEFORE_THE_TAP)
def test_killed_before_the_tap_the_task_can_be_retried_and_publishes_once(
    step: str, start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones(latency="real")
    service = start_service(config_of(phones))
    task_id = kill_in(step, service, phones, video)

    service.start()

    [task] = service.ended(task_id)
    assert (task["status"], task["outcome"]) == (3, "failed"), task["remark"]
    assert "nothing was published" in task["remark"].lower()
    assert phones.posts() == []
    service.phones_ready(phones.serial)
    service.call("POST", f"task/{task_id}/retry")
    [again] = service.ended(task_id, seconds=90)
    assert again["outcome"] == "published", again["remark"]
    assert [post["caption"] for post in phones.posts()] == [f"killed in {step}"]


def test_killed_before_the_tap_with_automatic_retry_it_publishes_by_itself(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones(latency="real")
    more = "tasks: {auto_retry: 2, retry_delay_seconds: [0, 1]}"
    service = start_service(config_of(phones, more=more))
    task_id = kill_in("caption", service, phones, video)

    service.start()

    wait_for(lambda: service.task(task_id)["status"] == 2, seconds=90, what="the retry")
    assert len(phones.posts()) == 1


@pytest.mark.parametrize("step", ["publish", "upload", "evidence"])
def test_killed_after_the_tap_the_outcome_is_unknown_and_only_force_repeats_it(
    step: str, start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones(latency="real")
    service = start_service(config_of(phones, more="tasks: {auto_retry: 3, retry_delay_seconds: [0, 1]}"))
    if step == "publish":
        [task_id] = service.post(video, serials=[phones.serial], config={"captions": "killed at the tap"})
        wait_for(lambda: "publish fence committed" in service.log, seconds=30, what="the fence")
        service.kill()
    else:
        task_id = kill_in(step, service, phones, video)

    service.start()

    [task] = service.ended(task_id)
    assert (task["status"], task["outcome"]) == (3, "unknown"), task
    assert "look" in task["remark"].lower()
    if step != "publish":  # killed between the fence and the tap, there is no upload
        wait_for(lambda: phones.posts(), seconds=30, what="the upload, which goes on without us")
    service.phones_ready(phones.serial)
    assert service.call("POST", "task/retry-all")["retried_count"] == 0
    refused = service.http.post(f"task/{task_id}/retry")
    assert (refused.status_code, refused.json()["code"]) == (400, 40001)
    assert "force" in refused.json()["message"]

    service.call("POST", f"task/{task_id}/retry", json={"force": True})

    [found] = service.ended(task_id, seconds=90)
    assert found["outcome"] == "published", found["remark"]
    assert len(phones.posts()) == 1, "it was published a second time"


def test_a_pending_task_survives_a_kill_and_starts(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones))
    first = service.post(video, serials=[phones.serial], config={"captions": "first"})
    queued = service.post(video, serials=[phones.serial], config={"captions": "queued"})
    service.kill()

    service.start()

    tasks = service.ended(*first, *queued, seconds=90)
    assert tasks[1]["outcome"] == "published", tasks[1]["remark"]
    assert [post["caption"] for post in phones.posts()].count("queued") == 1
