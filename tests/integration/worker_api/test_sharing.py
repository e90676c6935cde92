"""Who gets which task, on both databases, at times that the test decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from runner.tasks.database import Database
from runner.worker_api.flow import ServiceType, WorkerStatus
from runner.worker_api.served import Served
from runner.worker_api.settings import WorkerApiSettings
from runner.worker_api.types import NewRequest, NewWorkerTask, Server, TaskQuery, Update

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
SILENCE = timedelta(seconds=180)
LATER = START + timedelta(hours=2)
OPEN = (WorkerStatus.PENDING, WorkerStatus.QUEUED, WorkerStatus.RUNNING)


@pytest.fixture
def served(database: Database, tmp_path: Path) -> Served:
    return Served(database, WorkerApiSettings(), tmp_path, now=START)


def tasks(count: int, *, server: str | None = None) -> NewRequest:
    task = NewWorkerTask("tiktok.com", "someone", "", "", "", 0, 3, "{}", server)
    return NewRequest("A", "", "normal", ServiceType.SOCIAL, [task] * count)


def add(served: Served, name: str, *, max_tasks: int = 0, at: datetime = START) -> Server:
    return served.store.add_server(name, max_tasks, at).server


def create(served: Served, new: NewRequest, at: datetime = START) -> str:
    request_id = served.store.create_request(new, served.seal(), at)
    served.share_out(at)
    return request_id


def held(served: Served, server: Server) -> list[str]:
    page = served.store.tasks(server.id, TaskQuery(OPEN, None, 1000, 1, None))
    assert page.total == len(page.tasks)
    return [task.id for task in page.tasks]


def begin(served: Served, server: Server, *task_ids: str) -> None:
    updates = [Update(task_id, WorkerStatus.RUNNING, {}) for task_id in task_ids]
    assert served.store.update(server, updates, START) == [None] * len(updates)


def test_new_tasks_go_where_the_fewest_are(served: Served) -> None:
    busy, idle = add(served, "busy"), add(served, "idle")
    create(served, tasks(4, server="busy"))

    create(served, tasks(6))

    assert (len(held(served, busy)), len(held(served, idle))) == (5, 5)


def test_room_is_never_exceeded_and_the_rest_waits(served: Served) -> None:
    small, smaller = add(served, "small", max_tasks=3), add(served, "smaller", max_tasks=1)

    create(served, tasks(10))

    assert (len(held(served, small)), len(held(served, smaller))) == (3, 1)
    assert served.share_out(START) == 0
    task_id = held(served, small)[0]
    begin(served, small, task_id)
    assert served.share_out(START) == 0, "a running task takes up room"
    served.store.update(small, [Update(task_id, WorkerStatus.COMPLETED, {})], START)
    assert served.share_out(START) == 1


def test_a_silent_servers_waiting_tasks_go_to_others_and_its_running_ones_stay(served: Served) -> None:
    silent, alive = add(served, "silent"), add(served, "alive")
    create(served, tasks(10))
    running, *waiting = held(served, silent)
    begin(served, silent, running)
    served.store.seen(alive.id, LATER)

    served.tick(LATER)

    assert held(served, silent) == [running]
    assert set(waiting) < set(held(served, alive))
    assert len(held(served, alive)) == 9


def test_with_nobody_else_there_a_silent_server_keeps_its_tasks(served: Served) -> None:
    silent = add(served, "silent")
    create(served, tasks(3))

    served.tick(LATER)

    assert len(held(served, silent)) == 3


def test_tasks_of_a_named_server_wait_for_it_until_it_is_revoked(served: Served) -> None:
    named, other = add(served, "named"), add(served, "other")
    create(served, tasks(3, server="named"))
    served.store.seen(other.id, LATER)
    served.tick(LATER)
    assert (len(held(served, named)), len(held(served, other))) == (3, 0)

    served.store.revoke("named", LATER)
    served.tick(LATER)

    assert len(held(served, other)) == 3


def test_a_restart_of_the_service_is_no_silence_of_its_servers(database: Database, tmp_path: Path) -> None:
    before = Served(database, WorkerApiSettings(), tmp_path, now=START)
    first, second = add(before, "first"), add(before, "second")
    create(before, tasks(10))

    after = Served(database, WorkerApiSettings(), tmp_path, now=LATER)
    after.store.seen(second.id, LATER)
    after.tick(LATER + SILENCE / 2)

    assert (len(held(after, first)), len(held(after, second))) == (5, 5)
    after.store.seen(second.id, LATER + SILENCE)
    after.tick(LATER + SILENCE)
    assert (len(held(after, first)), len(held(after, second))) == (0, 10)


def test_several_who_share_out_at_once_give_each_task_once(served: Served) -> None:
    servers = [add(served, f"server {number}", max_tasks=40) for number in range(3)]
    served.store.create_request(tasks(150), served.seal(), START)

    threads = [Thread(target=served.share_out, args=(START,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    everything = [task_id for server in servers for task_id in held(served, server)]
    assert len(everything) == len(set(everything)) == 120


def test_counts_are_what_the_rows_say_whatever_happens(served: Served) -> None:
    first = add(served, "first")
    request_id = create(served, tasks(20))
    ids = held(served, first)
    begin(served, first, *ids[:10])
    ends = [WorkerStatus.COMPLETED, WorkerStatus.FAILED, WorkerStatus.CANCELED]
    served.store.update(
        first, [Update(task_id, ends[number % 3], {}) for number, task_id in enumerate(ids[:9])], START
    )
    served.store.forget_empty_counts()
    served.tick(START + timedelta(minutes=2))  # retries the failed ones

    [request] = served.store.requests(1, 10).requests
    assert request.id == request_id
    assert {status.value: number for status, number in request.counts.items()} == {
        "pending": 13,
        "queued": 0,
        "running": 1,
        "completed": 3,
        "failed": 0,
        "canceled": 3,
    }
    [shown] = served.store.servers()
    assert shown.counts == request.counts
