"""Tasks that need no phone, and that their phone's host can't begin: they say so, and don't wait for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from runner.farm.loader import parse
from runner.fleet import engine as engines
from runner.fleet.engine import Engine
from runner.fleet.lacking import Lacking, without_phone
from runner.tasks.store import Store
from runner.tasks.types import NewTask, Outcome, Source, Status, Task
from support.fleet_tables import FleetTables

FARM = parse(b"devices: [{serial: A}, {serial: B}]", Path("devices.yaml")).farm
HERE = {"post": True, "act": False}
MINUTES = timedelta(minutes=15)


class Rig:
    def __init__(self, url: str) -> None:
        self.tables = FleetTables(url, FARM)
        self.database = self.tables.database
        engines.install(self.database)
        self.engine = Engine(order="due")
        self.store = Store(self.database, self.engine)
        self.lacking = Lacking(self.database, self.store, MINUTES)

    def create(self, serial: str = "A", script: str = "act") -> int:
        now = datetime.now(UTC)
        new = NewTask(serial, "", "", "", now - timedelta(hours=1), None)
        [task_id] = self.store.create(
            [new], script_name=script, script_config={}, source=Source.API, retry_limit=0, now=now
        ).task_ids
        return task_id

    def told(self, task_id: int, lacking: Lacking | None = None) -> Task:
        (lacking or self.lacking).tell()
        task = self.store.task(task_id)
        assert task
        return task

    def is_offered(self, task_id: int) -> bool:
        with self.database.write() as connection:
            self.engine.mend(connection, MINUTES)
            job = text("SELECT job_id FROM tasks WHERE id = :task")
            return connection.scalar(job, {"task": task_id}) is not None


@pytest.fixture
def rig(postgres_url: str) -> Iterator[Rig]:
    rig = Rig(postgres_url)
    yield rig
    rig.store.close()


def test_the_host_of_the_phone_needs_the_script(rig: Rig) -> None:
    rig.tables.host("office", scripts=HERE)
    rig.tables.host("desk", scripts={"post": True})
    rig.tables.phone("A", "desk", "absent")
    task, other = rig.create(), rig.create(script="post")
    assert not rig.is_offered(task)
    assert rig.told(task).remark == (
        'waiting: host desk has no script "act". '
        "Install it there too (--scripts-dir), and start that host again."
    )
    assert rig.told(other).remark == "", "that it needs its phone is told by the clock"
    with rig.database.write() as connection:
        connection.execute(text("UPDATE hosts SET scripts = '{\"act\": false}' WHERE name = 'desk'"))
    assert rig.is_offered(task)
    assert list(without_phone(rig.database)) == ["act"]


def test_a_wait_ends_as_every_other(rig: Rig) -> None:
    rig.tables.host("office", scripts=HERE)
    rig.tables.host("desk")
    rig.tables.phone("A", "desk", "absent")
    task, other = rig.create(), rig.create(script="post")
    impatient = Lacking(rig.database, rig.store, timedelta(0))
    ended = rig.told(task, impatient)
    assert (ended.status, ended.outcome) == (Status.FAILED, Outcome.MISSED)
    assert ended.remark.startswith('Not started within 0 min: host desk has no script "act".')
    assert rig.told(other, impatient).status is Status.PENDING


@pytest.mark.parametrize(
    ("host", "why"), [("", "no host has phone A."), ("gone", "host gone is not up.")], ids=["none", "gone"]
)
def test_the_phone_needs_a_live_host(rig: Rig, host: str, why: str) -> None:
    rig.tables.host("office", scripts=HERE)
    if host:
        rig.tables.host(host, instance="", scripts=HERE)
        rig.tables.phone("A", host, "ready")
    task = rig.create()
    assert not rig.is_offered(task)
    assert rig.told(task).remark == f"waiting: {why}"


def test_whoever_can_begin_a_task_is_not_waited_for(rig: Rig) -> None:
    rig.tables.host("office", scripts=HERE)
    rig.tables.host("desk", scripts={"post": True})
    rig.tables.phone("A", "desk", "ready")
    rig.tables.phone("B", "office", "absent")
    unknown, known = rig.create(), rig.create("B")
    assert rig.is_offered(unknown), "its host fails it at once"
    assert rig.is_offered(known)
    assert [rig.told(task).remark for task in (unknown, known)] == ["", ""]
    with rig.database.write() as connection:
        connection.execute(text("UPDATE phones SET state = 'absent'"))
    assert not rig.is_offered(unknown)
    assert rig.is_offered(known)
    assert "desk has no script" in rig.told(unknown).remark
