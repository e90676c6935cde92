"""Three hosts of phones work through many tasks while each of them dies or sleeps once: each task once.

The phones' own records are the ground truth. With RUNNER_TEST_FULL=1 it is 1,000 tasks on 3 x 20 phones, and
PostgreSQL is restarted, the API host killed and a phone moved in the same run; `test_fleet_parts` does these
one by one. RUNNER_FLEET_TASKS and RUNNER_FLEET_PHONES (of each host) set any other size.
"""

from __future__ import annotations

import logging
import os
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, func, select, text

from runner.farm.model import PACKAGES
from runner.tasks.database import Database
from runner.tasks.model import status_changes, tasks
from runner.tasks.store import Store
from runner.tasks.types import NewTask, Source, Status
from support.databases import OwnServer
from support.fleet import Fleet, Worker, driven_by
from support.service import RunnerService, config_of
from support.virtual import LEAKS_SOCKETS, Phones, StartPhones
from support.waiting import wait_for

FULL = os.environ.get("RUNNER_TEST_FULL") == "1"
TASKS = int(os.environ.get("RUNNER_FLEET_TASKS", "1000" if FULL else "24"))
PHONES = int(os.environ.get("RUNNER_FLEET_PHONES", "20" if FULL else "2"))
HOSTS = ("left", "middle", "right")
SPREAD = TASKS / 3
"""Seconds within which the tasks that do not start at once are due."""
SECONDS = 120 + 2 * TASKS
QUICK = "tasks: {auto_retry: 3, retry_delay_seconds: [0, 1], phone_wait_minutes: 60}"

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(2 * SECONDS), LEAKS_SOCKETS]


@dataclass(frozen=True)
class Wanted:
    """What one task is to publish, and where. Its caption is told by its number only."""

    serial: str
    account: str
    caption: str


@pytest.fixture
def fleet(own_fleet: Fleet) -> Fleet:
    return own_fleet


@pytest.fixture
def database(fleet: Fleet) -> Iterator[Database]:
    """The fleet's, to look into."""
    opened = Database(fleet.url)
    yield opened
    opened.close()


def test_each_task_is_published_once_while_hosts_die_and_sleep(
    fleet: Fleet,
    own_postgres: OwnServer,
    database: Database,
    start_phones: StartPhones,
    video: Path,
) -> None:
    seed = random.randrange(1_000_000)
    log.info("seed %d", seed)
    chance = random.Random(seed)
    phones = start_phones(count=PHONES * len(HOSTS), accounts=2, connect=False)
    host_of = {serial: HOSTS[index // PHONES] for index, serial in enumerate(phones.serials)}
    api = fleet.api(config_of(phones, more=QUICK, host_of=host_of))
    left, middle, right = (fleet.worker(name, fleet.other_adb()) for name in HOSTS)
    api.phones_ready(*phones.serials, seconds=120)

    wanted = create(api, database, phones, video, chance)
    with ThreadPoolExecutor(len(HOSTS)) as pool:
        before = pool.submit(kill, left, database, fenced=False)
        after = pool.submit(kill, middle, database, fenced=True)
        pool.submit(sleep, right, database, api).result()
    moved: set[int] = set()
    if FULL:
        restart(own_postgres, database)
        api.kill()
        api.start()
        moved = move(phones.serials[0], "right", api, phones, host_of, database)
        assert moved
    until_quiet(database)

    assert all(rows(database)[task_id].host == "right" for task_id in moved)
    assert before.result() <= changed(database, "auto-retry")
    unknown = {task_id for task_id, task in rows(database).items() if task.outcome == "unknown"}
    assert after.result() <= unknown <= changed(database, "recover")
    published_once(database, phones, wanted)
    never_two_at_once(database)
    hosts = {host["name"]: host["live"] for host in api.call("GET", "hosts")["hosts"]}
    assert hosts == dict.fromkeys(("office", *HOSTS), True)
    log.info("%d tasks on %d phones, %d unknown", TASKS, len(phones.serials), len(unknown))


def create(
    api: RunnerService, database: Database, phones: Phones, video: Path, chance: random.Random
) -> dict[int, Wanted]:
    """Half of the tasks at once by the API, half at random moments by a process that is no host; by id."""
    targets = [
        (phone.serial, account)
        for phone in phones.farm.farm.phones
        for account in dict(phone.settings.accounts)["tiktok"]
    ]
    wanted = {}
    store = Store(database)
    for number in range(TASKS):
        serial, account = targets[number % len(targets)]
        config = {"captions": f"task {number:04}"}
        if chance.random() < 0.5:
            [task_id] = api.post(video, usernames=[account], config=config)
        else:
            now = datetime.now(UTC)
            due_at = now + timedelta(seconds=chance.uniform(0, SPREAD))
            [task_id] = store.create(
                [NewTask(serial, account, "tiktok", PACKAGES["tiktok"], due_at, due_at)],
                script_name="post",
                script_config={"material_list": [str(video)], "upload_wait_time": 60, **config},
                source=Source.API,
                retry_limit=3,
                now=now,
            ).task_ids
        wanted[task_id] = Wanted(serial, account, config["captions"])
    return wanted


def kill(worker: Worker, database: Database, *, fenced: bool) -> set[int]:
    """kill -9 while a run is on this side of its publish tap, then start again; the runs on that side."""
    pause_at(worker, database, fenced=fenced)
    worker.kill()
    caught = {run.id for run in running(database, worker.name) if bool(run.fenced_at) is fenced}
    worker.start()
    return caught


def sleep(worker: Worker, database: Database, api: RunnerService) -> None:
    """SIGSTOP in the middle of a run until the others have gone on without it, then SIGCONT."""

    def live() -> bool:
        hosts = {host["name"]: host for host in api.call("GET", "hosts")["hosts"]}
        return bool(hosts[worker.name]["live"])

    pause_at(worker, database, fenced=False)
    wait_for(lambda: not live(), seconds=60, what=f"the eviction of {worker.name}")
    wait_for(lambda: not running(database, worker.name), seconds=60, what="the end of what it ran")
    worker.resume()
    wait_for(live, seconds=90, what=f"the return of {worker.name}")


def restart(postgres: OwnServer, database: Database) -> None:
    """While tasks run."""
    wait_for(lambda: any(running(database, host) for host in HOSTS), what="a run")
    postgres.stop()
    threading.Event().wait(2)
    postgres.start()


def move(
    serial: str,
    host: str,
    api: RunnerService,
    phones: Phones,
    host_of: dict[str, str],
    database: Database,
) -> set[int]:
    """Plug the phone into another host, with its queue; the tasks that wait for it then."""
    more = config_of(phones, more=QUICK, host_of=host_of | {serial: host})
    api.config.write_text(more, encoding="utf-8")
    driven_by(api, serial, host, seconds=120)
    of_phone = (tasks.c.serial == serial, tasks.c.status == Status.PENDING)
    with database.read() as connection:
        return set(connection.scalars(select(tasks.c.id).where(*of_phone)))


def pause_at(worker: Worker, database: Database, *, fenced: bool) -> None:
    """SIGSTOP while a run of this host has passed its fence, or has begun its steps and has not."""

    def there() -> bool:
        runs = running(database, worker.name)
        return any(run.step and bool(run.fenced_at) is fenced for run in runs)

    def paused_there() -> bool:
        if not there():
            return False
        worker.pause()
        if not there():  # it went on before it stood still
            worker.resume()
            return False
        return True

    wait_for(paused_there, seconds=SECONDS, what=f"a run on {worker.name}")


def running(database: Database, host: str) -> Sequence[Row[Any]]:
    mine = select(tasks.c.id, tasks.c.step, tasks.c.fenced_at)
    with database.read() as connection:
        return connection.execute(mine.where(tasks.c.host == host, tasks.c.status == Status.RUNNING)).all()


def rows(database: Database) -> dict[int, Row[Any]]:
    with database.read() as connection:
        return {row.id: row for row in connection.execute(select(tasks))}


def changed(database: Database, change: str) -> set[int]:
    """Tasks that went through this change of status."""
    with database.read() as connection:
        which = select(status_changes.c.task_id).where(status_changes.c.change == change)
        return set(connection.scalars(which))


def until_quiet(database: Database) -> None:
    """Every task has ended, and the engine has no job left."""
    open_tasks = select(func.count()).where(tasks.c.status.in_([Status.PENDING, Status.RUNNING]))
    left = text("SELECT (SELECT count(*) FROM procrastinate_jobs) + count(job_id) FROM tasks")

    def look() -> bool:
        threading.Event().wait(0.2)
        with database.read() as connection:
            return not connection.scalar(open_tasks) and not connection.scalar(left)

    wait_for(look, seconds=SECONDS, what="the end of every task and job")


def published_once(database: Database, phones: Phones, wanted: dict[int, Wanted]) -> None:
    posts = Counter(
        Wanted(serial, post["account"], post["caption"])
        for serial in phones.serials
        for post in phones.posts(serial)
    )
    assert set(posts) <= set(wanted.values())
    ended = rows(database)
    assert set(ended) == set(wanted)
    for task_id, task in ended.items():
        assert task.outcome in ("published", "unknown"), (wanted[task_id], task.remark)
        assert posts[wanted[task_id]] in ({1} if task.outcome == "published" else {0, 1}), wanted[task_id]


def never_two_at_once(database: Database) -> None:
    """By the moments at which runs began and ended, each phone's one after the other."""
    moves = select(tasks.c.serial, status_changes).join(tasks, tasks.c.id == status_changes.c.task_id)
    by_phone: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    with database.read() as connection:
        for move in connection.execute(moves.order_by(status_changes.c.at, status_changes.c.id)):
            if Status.RUNNING in (move.source, move.target):
                by_phone[move.serial].append(move)
    for serial, those in by_phone.items():
        starts, ends = those[::2], those[1::2]
        assert all(start.target == Status.RUNNING for start in starts), serial
        assert [(run.task_id, run.attempt) for run in starts] == [(run.task_id, run.attempt) for run in ends]
