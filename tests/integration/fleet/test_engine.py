"""Rows, jobs, hosts and phones of a fleet agree, whatever comes in between. Without phones or processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text

from runner.cancel import CancelToken
from runner.errors import ConfigError, StoreError
from runner.fleet import engine as engines
from runner.fleet import model
from runner.fleet.engine import Engine
from runner.fleet.membership import Membership
from runner.fleet.reports import PhoneReports
from runner.fleet.sweep import Sweep
from runner.phones.status import PhoneState, PhoneStatus
from runner.tasks.database import Database
from runner.tasks.settings import TaskSettings
from runner.tasks.store import Store
from runner.tasks.types import Ending, NewTask, Outcome, Run, Source, Status

SILENCE = timedelta(seconds=30)
LEASE = timedelta(seconds=15)


class Rig:
    """The database of a fleet; hosts and engine workers are rows."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        engines.install(self.database)
        self.engine = Engine(order="due")
        self.store = Store(self.database, self.engine)

    def sql(self, statement: str, **values: Any) -> Sequence[Any]:
        with self.database.write() as connection:
            done = connection.execute(text(statement), values)
            return [tuple(row) for row in done] if done.returns_rows else []

    def host(self, name: str, instance: str = "i") -> None:
        self.sql(
            "INSERT INTO hosts (name, instance, home, version, started_at, seen_at, scripts)"
            """ VALUES (:name, :instance, 'h', '1', now(), now(), '{"post": true, "act": false}')""",
            name=name,
            instance=instance,
        )

    def evict(self, name: str) -> None:
        self.sql("UPDATE hosts SET instance = '' WHERE name = :name", name=name)

    def report(self, host: str, serial: str, state: PhoneState = PhoneState.READY) -> None:
        """As a host that has reported nothing before."""
        status = PhoneStatus(serial, serial, state, datetime.now(UTC), "", None)
        with self.database.write() as connection:
            PhoneReports(host, self.engine).tell(connection, [status])

    def create(self, serial: str = "A", *, after: float = -60, script: str = "post") -> int:
        """A task that is due so many seconds from now."""
        now = datetime.now(UTC)
        new = NewTask(serial, "anna", "tiktok", "com.app", now + timedelta(seconds=after), None)
        options = {"source": Source.API, "retry_limit": 0, "now": now}
        [task_id] = self.store.create([new], script_name=script, script_config={}, **options).task_ids  # type: ignore[arg-type]
        return task_id

    def job_of(self, task_id: int) -> int | None:
        [(job,)] = self.sql("SELECT job_id FROM tasks WHERE id = :task", task=task_id)
        return job  # type: ignore[no-any-return]

    def jobs(self) -> list[tuple[int, str, str, str]]:
        """The task, queue, lock and status of each."""
        columns = "(args->>'task_id')::int, queue_name, lock, status::text"
        return list(self.sql(f"SELECT {columns} FROM procrastinate_jobs ORDER BY id"))

    def worker(self) -> int:
        [(worker,)] = self.sql("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        return int(worker)

    def fetch(self, host: str, worker: int) -> int:
        """The engine gives this worker its next job; the job."""
        [(job,)] = self.sql(
            "SELECT id FROM procrastinate_fetch_job_v2(ARRAY[:host]::varchar[], :worker)",
            host=host,
            worker=worker,
        )
        assert job is not None, self.jobs()
        return int(job)

    def claim(self, serial: str, host: str, job: int, *, goes_on: bool = False) -> Run:
        run = self.store.claim_next(serial, datetime.now(UTC), host, job_id=job, goes_on=goes_on)
        assert run is not None
        return run

    def go_on(self, job: int) -> Run | None:
        """With the next task of phone A, if this turn may."""
        return self.store.claim_next("A", datetime.now(UTC), "left", job_id=job, goes_on=True)

    def finish(self, job: int) -> None:
        self.sql("SELECT procrastinate_finish_job_v1(:job, 'succeeded', true)", job=job)

    def mend(self) -> None:
        with self.database.write() as connection:
            self.engine.mend(connection, SILENCE)

    def host_of(self, serial: str) -> str:
        [(host,)] = self.sql("SELECT host FROM phones WHERE serial = :serial", serial=serial)
        return str(host)


@pytest.fixture
def rig(postgres_url: str) -> Iterator[Rig]:
    rig = Rig(postgres_url)
    yield rig
    rig.store.close()


@pytest.fixture
def ready(rig: Rig) -> Rig:
    """Host "left" drives the ready phone A; host "right" drives none."""
    rig.host("left")
    rig.host("right")
    rig.report("left", "A")
    return rig


# -- which tasks have jobs


def test_a_due_task_gets_its_job_with_its_row(ready: Rig) -> None:
    task = ready.create()
    assert ready.jobs() == [(task, "left", "A", "todo")]
    assert ready.job_of(task) is not None


def test_a_creation_that_is_rolled_back_leaves_neither_rows_nor_jobs(ready: Rig) -> None:
    ready.sql(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE 'refused beside % job(s)', (SELECT count(*) FROM procrastinate_jobs);
        END $$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse();
        """
    )
    with pytest.raises(StoreError, match=r"refused beside 1 job\(s\)"):
        ready.create()
    assert ready.jobs() == []
    assert ready.sql("SELECT id FROM tasks") == []


def test_a_future_task_has_no_job_and_blocks_none(ready: Rig) -> None:
    later = ready.create(after=3600)
    assert ready.jobs() == []
    now = ready.create()
    assert ready.jobs() == [(now, "left", "A", "todo")]
    job = ready.fetch("left", ready.worker())
    assert ready.claim("A", "left", job).task.id == now
    assert ready.job_of(later) is None


def test_a_task_gets_its_job_when_its_phone_is_reported_ready(rig: Rig) -> None:
    rig.host("left")
    task = rig.create()
    assert rig.jobs() == []
    rig.report("left", "A", PhoneState.PREPARING)
    rig.mend()
    assert rig.jobs() == []
    rig.report("left", "A")
    assert rig.jobs() == [(task, "left", "A", "todo")]


def test_a_phone_of_a_host_that_is_gone_gets_no_jobs(ready: Rig) -> None:
    ready.evict("left")
    ready.create()
    assert ready.jobs() == []


def test_a_script_that_needs_no_phone_goes_to_the_phones_host_whatever_its_state(ready: Rig) -> None:
    ready.report("left", "A", PhoneState.QUARANTINED)
    ready.create()
    task = ready.create(script="act")
    assert ready.jobs() == [(task, "left", "A", "todo")]


def test_tasks_that_ended_before_their_start_have_no_job(ready: Rig) -> None:
    withdrawn, missed, kept = ready.create(), ready.create(), ready.create(after=-1)
    now = datetime.now(UTC)
    assert ready.store.withdraw([withdrawn], now) == 1
    assert [task for task, *_ in ready.jobs()] == [missed, kept]
    assert ready.store.miss_overdue(now - timedelta(seconds=30), "too late", now) == 1
    assert [task for task, *_ in ready.jobs()] == [kept]


def test_a_task_tried_again_by_hand_gets_a_new_job(ready: Rig) -> None:
    task = ready.create()
    first = ready.job_of(task)
    ready.store.withdraw([task], datetime.now(UTC))
    assert ready.store.retry(task, force=False, retry_limit=0, now=datetime.now(UTC))
    assert ready.jobs() == [(task, "left", "A", "todo")]
    assert ready.job_of(task) != first


def test_a_job_begins_its_own_task_only(ready: Rig) -> None:
    first, second = ready.create(), ready.create()
    job = ready.fetch("left", ready.worker())
    assert job == ready.job_of(first)
    ready.store.withdraw([first], datetime.now(UTC))
    assert ready.store.claim_next("A", datetime.now(UTC), "left", job_id=job) is None
    assert ready.store.task(second).status is Status.PENDING  # type: ignore[union-attr]


def test_two_jobs_of_one_phone_are_never_given_at_once(ready: Rig) -> None:
    ready.create()
    ready.create()
    worker = ready.worker()
    ready.fetch("left", worker)
    assert ready.sql(
        "SELECT id FROM procrastinate_fetch_job_v2(ARRAY['left']::varchar[], :worker)", worker=worker
    ) == [(None,)]


# -- what a sweep puts right


def test_a_job_whose_worker_is_gone_ends_and_its_task_is_offered_again(ready: Rig) -> None:
    task = ready.create()
    job = ready.fetch("left", ready.worker())
    ready.mend()
    assert ready.job_of(task) == job, "its worker is alive"
    ready.sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '31 s'")
    ready.mend()
    assert ready.jobs() == [(task, "left", "A", "todo")]
    assert ready.job_of(task) not in (None, job)


def test_a_job_whose_worker_is_gone_stays_while_its_task_runs(ready: Rig) -> None:
    task, second = ready.create(), ready.create()
    job = ready.fetch("left", ready.worker())
    ready.claim("A", "left", job)
    ready.sql("DELETE FROM procrastinate_workers")
    ready.mend()
    assert ready.jobs() == [(task, "left", "A", "doing"), (second, "left", "A", "todo")]


def test_a_job_that_waits_at_another_host_is_moved(ready: Rig) -> None:
    task = ready.create()
    ready.evict("left")
    ready.report("right", "A")
    ready.mend()
    assert ready.jobs() == [(task, "right", "A", "todo")]


def test_a_job_of_a_phone_that_went_away_waits_no_longer(ready: Rig) -> None:
    task = ready.create()
    ready.report("left", "A", PhoneState.ABSENT)
    ready.mend()
    assert ready.jobs() == []
    assert ready.job_of(task) is None


def test_a_task_whose_job_vanished_is_offered_again(ready: Rig) -> None:
    task = ready.create()
    ready.sql("DELETE FROM procrastinate_jobs")
    ready.mend()
    assert ready.jobs() == [(task, "left", "A", "todo")]


def test_a_job_without_a_task_ends(ready: Rig) -> None:
    task = ready.create()
    ready.sql("DELETE FROM tasks WHERE id = :task", task=task)
    ready.mend()
    assert ready.jobs() == []


def test_mending_what_agrees_changes_nothing(ready: Rig) -> None:
    running, waiting = ready.create(), ready.create()
    ready.create(after=3600)
    ready.claim("A", "left", ready.fetch("left", ready.worker()))
    before = ready.jobs(), ready.job_of(running), ready.job_of(waiting)
    ready.mend()
    assert (ready.jobs(), ready.job_of(running), ready.job_of(waiting)) == before


def test_a_silent_host_is_evicted_by_one_that_has_itself_been_steady(ready: Rig) -> None:
    lease = timedelta(seconds=0.3)
    fenced, waiting = ready.create(), ready.create()
    run = ready.claim("A", "left", ready.fetch("left", ready.worker()))
    ready.store.fence(run, datetime.now(UTC))
    ready.sql("UPDATE hosts SET seen_at = now() - interval '1 h' WHERE name = 'left'")
    ready.sql("UPDATE hosts SET seen_at = now() + interval '1 h' WHERE name = 'right'")
    lapsed = [False]
    sweep = Sweep(
        ready.database, ready.store, ready.engine,
        settings=TaskSettings(), lease=lease, lapsed=lambda: lapsed[0], take_turn=lambda *_: True,
    )  # fmt: skip

    def is_evicted() -> bool:
        return ready.sql("SELECT name FROM hosts WHERE instance = ''") == [("left",)]

    sweep.sweep()
    assert not is_evicted(), "it may be the database that was away"
    time.sleep(0.4)
    lapsed[0] = True
    sweep.sweep()
    assert not is_evicted(), "the silent one is we"
    lapsed[0] = False
    sweep.sweep()
    assert is_evicted()
    ended = ready.store.task(fenced)
    assert ended
    assert (ended.status, ended.outcome) == (Status.FAILED, Outcome.UNKNOWN)
    assert ready.job_of(waiting) is None


PAUSED = """
import sys
import psycopg
from runner.tasks.database import CONNECTION

shorter = CONNECTION["options"].replace("=10s", "=1s")
connection = psycopg.connect(sys.argv[1], **{**CONNECTION, "options": shorter})
connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
connection.execute("UPDATE procrastinate_jobs SET attempts = attempts + 1")
connection.execute("UPDATE tasks SET step = 'caption'")
print("holds its locks", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGSTOP")
def test_a_sweep_waits_for_the_locks_of_a_paused_process_no_longer_than_the_database_leaves_them(
    ready: Rig,
) -> None:
    task, worker = ready.create(), ready.worker()
    ready.claim("A", "left", ready.fetch("left", worker))
    ready.evict("left")
    ready.sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 h'")
    sweep = Sweep(
        ready.database, ready.store, ready.engine,
        settings=TaskSettings(), lease=LEASE, lapsed=lambda: False, take_turn=lambda *_: True,
    )  # fmt: skip
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PAUSED, ready.database.conninfo]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "holds its locks\n"
            process.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            sweep.sweep()
            lasted = time.monotonic() - began
        finally:
            process.kill()
    assert 0.5 < lasted < 4, "as long as the locks were there, and no longer"
    ended = ready.store.task(task)
    assert ended
    assert (ended.status, ended.step) == (Status.FAILED, "")
    assert ready.sql("SELECT id FROM procrastinate_workers") == ready.jobs() == []
    assert ready.sql("SHOW idle_in_transaction_session_timeout") == [("10s",)], "where it is not shortened"


# -- the next turn of a phone


@pytest.mark.parametrize("ends", ["is deleted", "is kept as ended"])
def test_the_end_of_a_job_wakes_the_next_of_its_phone(ready: Rig, ends: str) -> None:
    ready.create()
    job = ready.fetch("left", ready.worker())
    ready.create()
    ready.evict("left")
    ready.report("right", "A")
    ready.mend()  # the second waits at the other host now
    with psycopg.connect(ready.database.conninfo, autocommit=True) as listener:
        listener.execute('LISTEN "procrastinate_queue_v1#right"')
        ready.sql(
            "SELECT procrastinate_finish_job_v1(:job, 'succeeded', :delete)",
            job=job,
            delete=ends == "is deleted",
        )
        notified = list(listener.notifies(timeout=5, stop_after=1))
    [(successor,)] = ready.sql("SELECT id FROM procrastinate_jobs WHERE status = 'todo'")
    assert [notice.payload for notice in notified] == [f'{{"type" : "job_inserted", "job_id" : {successor}}}']


def turn_after_its_first_task(rig: Rig) -> int:
    """The job of a turn on phone A that has done its first task and is about to go on."""
    job = rig.fetch("left", rig.worker())
    run = rig.claim("A", "left", job)
    rig.store.finish(run, Ending(Outcome.DONE, ""), datetime.now(UTC))
    return job


def test_a_turn_goes_on_with_its_phones_next_task_in_the_place_of_that_ones_job(ready: Rig) -> None:
    first, second, third = ready.create(), ready.create(), ready.create()
    job = turn_after_its_first_task(ready)
    run = ready.claim("A", "left", job, goes_on=True)
    assert (run.task.id, ready.job_of(second)) == (second, job)
    assert ready.jobs() == [(first, "left", "A", "doing"), (third, "left", "A", "todo")]
    ready.store.finish(run, Ending(Outcome.DONE, ""), datetime.now(UTC))
    run = ready.claim("A", "left", job, goes_on=True)
    assert run.task.id == third
    ready.mend()
    assert ready.jobs() == [(first, "left", "A", "doing")], "the job stays while a task of its turn runs"
    ready.store.finish(run, Ending(Outcome.DONE, ""), datetime.now(UTC))
    assert ready.go_on(job) is None


def test_a_turn_leaves_alone_what_is_not_due_or_another_phones_or_at_another_host(ready: Rig) -> None:
    ready.create()
    job = turn_after_its_first_task(ready)
    ready.create(after=3600)
    ready.report("left", "B")
    ready.create("B")
    assert ready.go_on(job) is None
    ready.report("right", "C")
    ready.sql("UPDATE procrastinate_jobs SET lock = 'A', queue_name = 'right' WHERE status = 'todo'")
    before = ready.jobs()
    assert ready.go_on(job) is None
    assert ready.jobs() == before


@pytest.mark.parametrize("how", ["asked to stop", "worker gone", "ended"])
def test_a_turn_that_is_over_does_not_go_on(ready: Rig, how: str) -> None:
    ready.create()
    second = ready.create()
    job = turn_after_its_first_task(ready)
    own = ready.job_of(second)
    match how:
        case "asked to stop":
            with ready.database.write() as connection:
                ready.engine.abort(connection, [job])
        case "worker gone":
            ready.sql("DELETE FROM procrastinate_workers")
        case "ended":
            ready.finish(job)
    assert ready.go_on(job) is None
    assert ready.job_of(second) == own
    ready.sql("DELETE FROM procrastinate_jobs WHERE id = :job", job=job)
    assert ready.fetch("left", ready.worker()) == own, "the next task begins by its own job"


# -- whose phone it is


@pytest.mark.parametrize(
    ("state", "evicted", "owner"),
    [
        (PhoneState.READY, False, "left"),
        (PhoneState.BUSY, False, "left"),
        (PhoneState.PREPARING, False, "left"),
        (PhoneState.UNAUTHORIZED, False, "left"),
        (PhoneState.QUARANTINED, False, "left"),
        (PhoneState.OFFLINE, False, "right"),
        (PhoneState.ABSENT, False, "right"),
        (PhoneState.READY, True, "right"),
        (PhoneState.BUSY, True, "right"),
    ],
)
def test_a_phone_is_taken_over_from_who_does_not_see_it_or_is_gone(
    ready: Rig, state: PhoneState, evicted: bool, owner: str
) -> None:
    ready.report("left", "A", state)
    if evicted:
        ready.evict("left")
    ready.report("right", "A")
    assert ready.host_of("A") == owner


@pytest.mark.parametrize("state", [PhoneState.ABSENT, PhoneState.OFFLINE])
def test_a_phone_that_nobody_sees_has_a_host_until_another_sees_it(ready: Rig, state: PhoneState) -> None:
    ready.report("right", "A", state)  # left sees it
    ready.report("right", "B", state)
    rows = "SELECT serial, host, state FROM phones ORDER BY serial"
    assert ready.sql(rows) == [("A", "left", "ready"), ("B", "right", state)]
    ready.report("left", "B")
    assert ready.host_of("B") == "left"


# -- being a host

Member = Callable[..., Membership]


@pytest.fixture
def member(rig: Rig, tmp_path: Path) -> Member:
    """`member("desk", folder="a")`: a process of that name with that data directory."""

    def make(name: str, folder: str = "", lease: timedelta = LEASE) -> Membership:
        data_dir = tmp_path / (folder or name)
        data_dir.mkdir(exist_ok=True)
        return Membership(rig.database, name=name, data_dir=data_dir, url="", lease=lease, scripts={})

    return make


def beat(rig: Rig, host: Membership) -> bool:
    sent = time.monotonic(), time.time()
    with rig.database.write() as connection:
        alive = host.beat(connection)
    if alive:
        host.heard(sent)
    return alive


def hold(rig: Rig, host: Membership, seconds: float) -> bool:
    with rig.database.write() as connection:
        return host.hold(connection, "clock", seconds)


def test_a_name_that_is_alive_elsewhere_is_refused(rig: Rig, member: Member) -> None:
    there = member("desk", "a")
    there.join()
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(0.1):
            beat(rig, there)

    alive = threading.Thread(target=live)
    alive.start()
    try:
        with pytest.raises(ConfigError, match="has the name desk"):
            member("desk", "b").take_name(CancelToken())
    finally:
        ended.set()
        alive.join()
    assert beat(rig, there), "it goes on"


def test_a_name_that_is_silent_for_a_lease_is_free(rig: Rig, member: Member) -> None:
    there = member("desk", "a")
    there.join()
    member("desk", "b", timedelta(seconds=0.2)).take_name(CancelToken())
    assert not beat(rig, there)


def test_the_same_data_directory_is_taken_over_at_once(rig: Rig, member: Member) -> None:
    killed = member("desk")
    killed.join()
    again = member("desk")
    began = time.monotonic()
    again.take_name(CancelToken())
    again.join()
    assert time.monotonic() - began < LEASE.total_seconds() / 3
    assert beat(rig, again)
    assert not beat(rig, killed)


def test_an_evicted_host_comes_back_as_somebody_new(rig: Rig, member: Member) -> None:
    host = member("desk")
    states = [host.lapsed]
    host.join()
    first = host.instance
    states.append(host.lapsed)
    rig.evict("desk")
    assert not beat(rig, host)
    host.lost()
    assert not beat(rig, host), "still not: its runs have not ended, it has not joined again"
    states.append(host.lapsed)
    host.join()
    states.append(host.lapsed)
    assert states == [True, False, True, False]
    assert host.instance != first
    assert beat(rig, host)


def test_a_host_gives_itself_up_before_the_others_do(rig: Rig, member: Member) -> None:
    host = member("desk", lease=timedelta(seconds=0.3))
    host.join()
    time.sleep(0.25)  # two thirds of the lease and more
    silent = host.lapsed
    assert beat(rig, host), "nobody has evicted it"
    assert (silent, host.lapsed) == (True, False)


def test_a_lease_has_one_holder_until_it_expires(rig: Rig, member: Member) -> None:
    one, two = member("one"), member("two")
    one.join()
    two.join()
    assert hold(rig, one, 60)
    assert not hold(rig, two, 60)
    assert hold(rig, one, 0.1), "renewed, and shortened"
    time.sleep(0.2)
    assert hold(rig, two, 60)
    assert not hold(rig, one, 60)
    two.leave()
    assert hold(rig, one, 60), "given back with the goodbye"


def test_a_turn_is_taken_once_in_its_time_by_whoever_comes_first(rig: Rig, member: Member) -> None:
    first, second = member("a", "a"), member("b", "b")
    first.join()
    second.join()

    def turn(host: Membership, seconds: float) -> bool:
        with rig.database.write() as connection:
            return host.take_turn(connection, "sweep", seconds)

    assert turn(first, 3600)
    assert not turn(first, 0.1)
    assert not turn(second, 0.1)
    rig.sql("UPDATE leases SET expires_at = now()")
    assert turn(second, 3600)
    assert not turn(first, 0.1)


def test_who_leaves_is_no_host_any_more(rig: Rig, member: Member) -> None:
    host = member("desk")
    host.join()
    rig.host("evicted", "")
    host.leave()
    host.leave()
    with rig.database.read() as connection:
        rows = connection.execute(
            select(model.hosts.c.name, model.hosts.c.instance, model.hosts.c.stopped).order_by("name")
        ).all()
    assert [tuple(row) for row in rows] == [("desk", "", True), ("evicted", "", False)]
    assert not beat(rig, host)
    host.join()
    assert rig.sql("SELECT stopped FROM hosts WHERE name = 'desk'") == [(False,)]


def test_many_processes_install_the_engine_at_once(postgres_url: str) -> None:
    database = Database(postgres_url)
    threads = [threading.Thread(target=engines.install, args=[database]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engines.install(database)
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0
    database.close()
