"""Every fault at every moment of a post, each on a phone of its own, all at the same time, on one service."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from support.service import StartService, config_of
from support.virtual import StartPhones
from support.waiting import wait_for

pytestmark = pytest.mark.chaos

FAULTS = ["unplug", "ui_server_dies", "ui_server_hangs", "popup", "app_crash", "freeze", "reboot"]
BEFORE_THE_TAP = ["launch", "pick_media", "edit", "caption"]
AFTER_THE_TAP = ["publish", "upload"]
UNDISTURBED = 3
SHORT = 4
"""Seconds that a freeze lasts."""


@pytest.mark.timeout(400)
def test_every_fault_at_every_moment_publishes_once_or_says_why_not(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    cases = list(itertools.product(FAULTS, BEFORE_THE_TAP + AFTER_THE_TAP))
    phones = start_phones(count=len(cases) + UNDISTURBED, accounts=1)
    service = start_service(
        config_of(phones, more="tasks: {auto_retry: 2, retry_delay_seconds: [0, 2], phone_wait_minutes: 1}")
    )
    service.phones_ready(*phones.serials, seconds=60)
    for serial, (fault, step) in zip(phones.serials, cases, strict=False):
        more = {"seconds": SHORT} if fault in ("freeze", "unplug", "reboot") else {}
        phones.fault(fault, f"before:{step}", serial=serial, **more)
    ids = service.post(video, serials=phones.serials, config={"captions": "under fault"})

    def replug_and_look() -> bool:
        for phone in phones.control_all():
            if not phone["connected"]:
                phones.fault("replug", serial=phone["serial"])
        return all(task["status"] in (2, 3) for task in service.tasks())

    wait_for(replug_and_look, seconds=300, what="the end of all tasks")

    wrong = []
    for serial, task_id, (fault, step) in itertools.zip_longest(
        phones.serials, ids, cases, fillvalue=("none", "undisturbed")
    ):
        task = service.task(task_id)
        posts = len(phones.posts(serial))
        outcome = task["outcome"]
        may_be_unknown = step in AFTER_THE_TAP
        right = (outcome == "published" and posts == 1) or (
            may_be_unknown and outcome in ("unknown", "refused") and posts <= 1
        )
        names_its_cause = outcome == "published" or "step" in task["remark"].lower()
        if not (right and names_its_cause):
            wrong.append(f"{fault} before {step}: {outcome}, {posts} posts, {task['remark']!r}")
    assert not wrong, "\n".join(wrong)
