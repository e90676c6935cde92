"""The store's contract: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runner.errors import InvalidRequest, LostRun
from runner.tasks.store import IdempotencyKey, Pending, Store
from runner.tasks.types import Ending, NewTask, Outcome, Run, Source, Stats, Status, Task, TaskFilter

NOW = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def new(serial: str = "phone1", *, due: datetime = NOW, username: str = "anna") -> NewTask:
    return NewTask(serial, username, "tiktok", "com.app", due, None)


def create(
    store: Store,
    *planned: NewTask,
    script: str = "post",
    key: IdempotencyKey | None = None,
    retry_limit: int = 0,
) -> list[int]:
    return store.create(
        planned or [new()],
        script_name=script,
        script_config={"captions": "¡Olé! 🎉", "n": 1},
        source=Source.API,
        retry_limit=retry_limit,
        now=NOW,
        idempotency=key,
    ).task_ids


def claim(store: Store, serial: str = "phone1", *, at: datetime = NOW) -> Run:
    run = store.claim_next(serial, at, "here")
    assert run
    return run


def task(store: Store, task_id: int) -> Task:
    found = store.task(task_id)
    assert found
    return found


def history(store: Store, task_id: int) -> list[tuple[str, str]]:
    return [(change.change, change.cause) for change in store.changes(task_id)]


def fail(store: Store, task_id: int, outcome: Outcome = Outcome.FAILED) -> None:
    run = claim(store, task(store, task_id).serial)
    assert run.task.id == task_id
    store.finish(run, Ending(outcome, "because"), NOW)


# Creation


def test_what_is_created_can_be_read_back(store: Store) -> None:
    first, second = create(store, new("phone2", due=NOW + HOUR), new("phone1", username=""))
    stored = task(store, first)
    assert (stored.serial, stored.username, stored.app, stored.package) == (
        "phone2",
        "anna",
        "tiktok",
        "com.app",
    )
    assert stored.script_config == {"captions": "¡Olé! 🎉", "n": 1}
    assert (stored.status, stored.outcome, stored.source) == (Status.PENDING, None, Source.API)
    assert (stored.due_at, stored.created_at, stored.scheduled_at) == (NOW + HOUR, NOW, None)
    assert (stored.retry_count, stored.attempt, stored.force, stored.evidence) == (0, 0, False, {})
    assert stored.batch == task(store, second).batch
    assert task(store, second).username == ""


def test_an_instant_keeps_its_meaning_whatever_zone_it_came_in(store: Store) -> None:
    from zoneinfo import ZoneInfo

    (task_id,) = create(store, new(due=NOW.astimezone(ZoneInfo("Asia/Tokyo"))))
    assert task(store, task_id).due_at == NOW
    assert task(store, task_id).due_at.utcoffset() == timedelta(0)
    assert store.due_serials(NOW) == ["phone1"]


def test_a_thousand_ids_come_in_the_order_of_the_request(store: Store) -> None:
    ids = create(store, *(new(f"phone{number}") for number in range(1000)))
    page = store.list(TaskFilter(page_size=1000))
    assert [task.serial for task in reversed(page.tasks)] == [f"phone{number}" for number in range(1000)]
    assert ids == [task.id for task in reversed(page.tasks)]


def test_ids_are_never_used_again(store: Store) -> None:
    ids = create(store, new(), new())
    store.delete(ids)
    assert min(create(store)) > max(ids)


def test_a_creation_that_fails_leaves_nothing(store: Store) -> None:
    broken = replace(new(), due_at=None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)null"):
        create(store, new(), broken)
    assert store.stats().total == 0


# Idempotency


def test_the_same_key_and_body_creates_once(store: Store) -> None:
    key = IdempotencyKey("k", "a" * 64)
    ids = create(store, new(), new("phone2"), key=key)
    assert create(store, new("phone3"), key=key) == ids
    assert store.recall(key) == store.recall(key)
    recalled = store.recall(key)
    assert recalled
    assert (recalled.task_ids, recalled.replayed) == (ids, True)
    assert store.stats().total == 2


def test_the_same_key_with_another_body_is_refused(store: Store) -> None:
    create(store, key=IdempotencyKey("k", "a" * 64))
    other = IdempotencyKey("k", "b" * 64)
    for refused in (lambda: create(store, key=other), lambda: store.recall(other)):
        with pytest.raises(InvalidRequest) as refusal:
            refused()
        assert (refusal.value.field, refusal.value.value) == ("Idempotency-Key", "k")
    assert store.stats().total == 1


def test_equal_requests_that_race_create_once(store: Store) -> None:
    key = IdempotencyKey("k", "a" * 64)
    together = threading.Barrier(8)

    def send(_: int) -> list[int]:
        together.wait()
        return create(store, new(), new("phone2"), key=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert store.stats().total == 2


def test_old_keys_are_forgotten(store: Store) -> None:
    key = IdempotencyKey("k", "a" * 64)
    create(store, key=key)
    assert store.forget_keys(NOW) == 0
    assert store.forget_keys(NOW + SECOND) == 1
    assert store.recall(key) is None


# Claiming


def test_the_first_due_task_of_the_phone_is_claimed(store: Store) -> None:
    ids = create(
        store, new(due=NOW + HOUR), new(due=NOW), new(due=NOW - HOUR), new(due=NOW - HOUR), new("phone2")
    )
    run = claim(store)
    assert run.task.id == ids[2]
    assert (run.task.status, run.task.attempt, run.task.started_at) == (Status.RUNNING, 1, NOW)
    assert len(run.token) == 32
    order = []
    for _ in range(2):
        store.finish(run, Ending(Outcome.DONE, ""), NOW)
        run = claim(store)
        order.append(run.task.id)
    assert order == [ids[3], ids[1]]
    store.finish(run, Ending(Outcome.DONE, ""), NOW)
    assert store.claim_next("phone1", NOW, "here") is None  # the last one is not due yet


def test_a_phone_never_has_two_runs(store: Store) -> None:
    create(store, new(), new(), new("phone2"))
    claim(store)
    assert store.claim_next("phone1", NOW, "elsewhere") is None
    assert claim(store, "phone2")


def test_claims_that_race_give_one_run_per_phone(store: Store) -> None:
    phones = [f"phone{number}" for number in range(4)]
    create(store, *(new(phone) for phone in phones for _ in range(3)))
    together = threading.Barrier(8)

    def take(number: int) -> Run | None:
        together.wait()
        return store.claim_next(phones[number % 4], NOW, "here")

    with ThreadPoolExecutor(8) as pool:
        runs = [run for run in pool.map(take, range(8)) if run]
    assert sorted(run.task.serial for run in runs) == phones
    assert store.stats().running == 4


def test_random_order_takes_any_due_task_and_no_other(store: Store) -> None:
    first = set()
    for _ in range(30):
        ids = create(store, *(new() for _ in range(4)), new(due=NOW + HOUR))
        run = store.claim_next("phone1", NOW, "here", order="random")
        assert run
        assert run.task.id != ids[4]
        first.add(ids.index(run.task.id))
        store.delete(ids)
    assert len(first) > 1


def test_only_the_named_scripts_are_claimed_if_any_are_named(store: Store) -> None:
    create(store)
    (wanted,) = create(store, script="other")
    assert store.claim_next("phone1", NOW, "here", scripts=[]) is None
    run = store.claim_next("phone1", NOW, "here", scripts=["other", "third"])
    assert run
    assert run.task.id == wanted


# The writes of a run


def test_the_journal_of_a_run(store: Store) -> None:
    (task_id,) = create(store)
    run = claim(store)
    first = store.open_step(run, "prepare", 1, 4, "cold", NOW)
    assert (task(store, task_id).step, task(store, task_id).step_number) == ("prepare", 1)
    store.write_step(run, first, {"notes": [{"at": "t", "message": "popup", "n": 1}]})
    store.write_step(run, first, {"outcome": "ok", "detail": "warm", "ended_at": NOW + SECOND})
    store.open_step(run, "caption", 2, 4, "", NOW + SECOND)
    store.add_artifact(
        run, step="caption", kind="screenshot", path="1/x.png", media_type="image/png", size=9, now=NOW
    )
    store.finish(run, Ending(Outcome.FAILED, "x"), NOW + 2 * SECOND)
    detail = store.detail(task_id)
    assert detail
    assert [(step.name, step.number, step.outcome, step.detail) for step in detail.steps] == [
        ("prepare", 1, "ok", "warm"),
        ("caption", 2, "stopped", ""),
    ]
    assert detail.steps[0].notes == [{"at": "t", "message": "popup", "n": 1}]
    assert (detail.steps[0].started_at, detail.steps[0].ended_at) == (NOW, NOW + SECOND)
    assert detail.steps[1].ended_at == NOW + 2 * SECOND
    (artifact,) = detail.artifacts
    assert (artifact.task_id, artifact.attempt, artifact.path, artifact.size) == (task_id, 1, "1/x.png", 9)
    assert store.list(TaskFilter()).artifacts == {task_id: [artifact]}
    assert detail.task.step_count == 4


def test_a_finished_run_shows_its_result(store: Store) -> None:
    (task_id,) = create(store)
    run = claim(store)
    store.fence(run, NOW + SECOND)
    assert task(store, task_id).fenced_at == NOW + SECOND
    store.finish(
        run,
        Ending(Outcome.PUBLISHED, "fine", False, "post", "profile", {"badge": "Posted"}),
        NOW + 2 * SECOND,
    )
    ended = task(store, task_id)
    assert (ended.status, ended.outcome, ended.remark) == (Status.COMPLETED, Outcome.PUBLISHED, "fine")
    assert (ended.post_url, ended.profile_url, ended.evidence) == ("post", "profile", {"badge": "Posted"})
    assert (ended.ended_at, ended.fenced_at) == (NOW + 2 * SECOND, NOW + SECOND)
    assert history(store, task_id) == [("start", "by here"), ("complete", "fine")]


WRITES: list[Callable[[Store, Run], object]] = [
    lambda store, run: store.fence(run, NOW),
    lambda store, run: store.open_step(run, "s", 1, 1, "", NOW),
    lambda store, run: store.write_step(run, 1, {"detail": "x"}),
    lambda store, run: store.add_artifact(
        run, step="s", kind="hierarchy", path="p", media_type="m", size=1, now=NOW
    ),
    lambda store, run: store.finish(run, Ending(Outcome.DONE, ""), NOW),
    lambda store, run: store.finish(run, Ending(Outcome.FAILED, ""), NOW, retry_at=NOW),
    lambda store, run: store.hand_back(run, "", NOW),
]


@pytest.mark.parametrize("write", WRITES)
def test_a_run_that_lost_its_task_writes_nothing(store: Store, write: Callable[[Store, Run], object]) -> None:
    (task_id,) = create(store)
    stale = claim(store)
    store.hand_back(stale, "", NOW)
    current = claim(store)
    before = store.detail(task_id)
    impostors = [stale, replace(current, token="guessed"), replace(stale, token=current.token)]
    for impostor in impostors:
        with pytest.raises(LostRun):
            write(store, impostor)
    assert store.detail(task_id) == before
    store.delete([task_id])
    with pytest.raises(LostRun):
        write(store, current)


def test_an_attempt_passes_the_fence_once(store: Store) -> None:
    create(store)
    run = claim(store)
    store.fence(run, NOW)
    with pytest.raises(LostRun):
        store.fence(run, NOW)


def test_an_automatic_retry_puts_the_task_off(store: Store) -> None:
    (task_id,) = create(store, retry_limit=2)
    run = claim(store)
    assert (run.retries_used, run.retry_limit, run.retries_left) == (0, 2, 2)
    store.open_step(run, "caption", 2, 4, "", NOW)
    store.finish(run, Ending(Outcome.FAILED, "again soon"), NOW, retry_at=NOW + 5 * SECOND)
    waiting = task(store, task_id)
    assert (waiting.status, waiting.outcome, waiting.remark) == (Status.PENDING, None, "again soon")
    assert (waiting.retry_count, waiting.due_at, waiting.ended_at) == (1, NOW + 5 * SECOND, None)
    assert store.claim_next("phone1", NOW, "here") is None
    again = claim(store, at=NOW + 5 * SECOND)
    assert (again.task.attempt, again.retries_used, again.retries_left) == (2, 1, 1)
    assert (again.task.remark, again.task.step) == ("", "")
    assert history(store, task_id)[1] == ("auto-retry", "again soon")


def test_a_turn_that_was_given_back_is_due_as_before(store: Store) -> None:
    (task_id,) = create(store)
    store.hand_back(claim(store), "waiting for phone1", NOW)
    waiting = task(store, task_id)
    assert (waiting.status, waiting.remark, waiting.due_at) == (Status.PENDING, "waiting for phone1", NOW)
    assert (waiting.retry_count, waiting.started_at) == (0, None)
    assert claim(store).task.attempt == 2


def test_a_failure_without_tap_leaves_no_fence(store: Store) -> None:
    (task_id,) = create(store)
    run = claim(store)
    store.fence(run, NOW)
    store.finish(run, Ending(Outcome.FAILED, "the commit failed, so nothing was tapped"), NOW)
    assert task(store, task_id).fenced_at is None


def test_a_remark_may_hold_anything(store: Store) -> None:
    (task_id,) = create(store)
    store.finish(claim(store), Ending(Outcome.FAILED, "\ud800 \0 " + "x" * 5000), NOW)
    remark = task(store, task_id).remark
    assert remark.startswith("? � x")
    assert len(remark) == 2000


def test_running_names_the_runs_of_one_host(store: Store) -> None:
    create(store, new("phone1"), new("phone2"))
    mine = claim(store)
    store.claim_next("phone2", NOW, "there")
    assert store.running("here") == [mine]


# The operator


def test_a_pending_task_is_withdrawn_and_no_other(store: Store) -> None:
    pending, running = create(store, new("phone1"), new("phone2"))
    claim(store, "phone2")
    assert store.withdraw([pending, running, 999], NOW) == 1
    assert (task(store, pending).status, task(store, pending).outcome) == (Status.FAILED, Outcome.STOPPED)
    assert (task(store, pending).remark, task(store, pending).ended_at) == ("stopped", NOW)
    assert task(store, running).status is Status.RUNNING
    assert history(store, pending) == [("withdraw", "stopped")]


def test_a_failed_task_is_retried_by_hand(store: Store) -> None:
    (task_id,) = create(store, retry_limit=1)
    fail(store, task_id)
    assert store.retry(task_id, force=False, retry_limit=3, now=NOW + HOUR)
    again = task(store, task_id)
    assert (again.status, again.outcome, again.remark) == (Status.PENDING, None, "")
    assert (again.retry_count, again.due_at, again.ended_at, again.force) == (1, NOW + HOUR, None, False)
    assert claim(store, at=NOW + HOUR).retries_left == 3
    assert not store.retry(task_id, force=False, retry_limit=0, now=NOW)  # it runs


def test_an_unknown_outcome_is_retried_by_force_only_and_remembers_it(store: Store) -> None:
    (task_id,) = create(store)
    fail(store, task_id, Outcome.UNKNOWN)
    assert not store.retry(task_id, force=False, retry_limit=0, now=NOW)
    assert task(store, task_id).outcome is Outcome.UNKNOWN
    assert store.retry(task_id, force=True, retry_limit=0, now=NOW)
    fail(store, task_id, Outcome.FAILED)  # before it could look
    assert store.retry(task_id, force=False, retry_limit=0, now=NOW)
    assert claim(store).task.force


def test_retry_all_leaves_unknown_outcomes_alone(store: Store) -> None:
    ids = create(store, *(new(f"phone{number}") for number in range(4)))
    for task_id, outcome in zip(
        ids, [Outcome.FAILED, Outcome.UNKNOWN, Outcome.REFUSED, Outcome.DONE], strict=True
    ):
        fail(store, task_id, outcome)
    assert store.retry_all(retry_limit=0, now=NOW) == (2, 1, 0)
    assert [task(store, task_id).status for task_id in ids] == [
        Status.PENDING,
        Status.FAILED,
        Status.PENDING,
        Status.COMPLETED,
    ]


def test_deleting_takes_the_journal_along_and_names_the_files(store: Store) -> None:
    first, second = create(store, new("phone1"), new("phone2"))
    run = claim(store)
    store.open_step(run, "s", 1, 1, "", NOW)
    store.add_artifact(run, step="s", kind="hierarchy", path="1/a.xml", media_type="m", size=1, now=NOW)
    deleted, paths = store.delete([first, 999])
    assert (deleted, list(paths)) == ({first}, ["1/a.xml"])
    assert store.detail(first) is None
    assert store.changes(first) == []
    assert store.artifacts() == []
    assert task(store, second)


# Lists


def test_a_page_holds_what_fits_the_filter_newest_first(store: Store) -> None:
    ids = create(store, *(new(f"phone{number % 2}") for number in range(5)))
    (other,) = create(store, new("phone0"), script="other")
    fail(store, ids[1])

    def found(**wanted: object) -> list[int]:
        return [task.id for task in store.list(TaskFilter(**wanted)).tasks]  # type: ignore[arg-type]

    assert found() == [other, *reversed(ids)]
    assert found(status=Status.FAILED) == [ids[1]]
    assert found(serial="phone0") == [other, ids[4], ids[2], ids[0]]
    assert found(serial="phone0", script_name="post", source=Source.API) == [ids[4], ids[2], ids[0]]
    assert found(source=Source.UI) == []
    page = store.list(TaskFilter(page=2, page_size=4))
    assert ([task.id for task in page.tasks], page.total, page.page, page.page_size) == (
        [ids[1], ids[0]],
        6,
        2,
        4,
    )
    assert store.stats() == Stats(total=6, pending=5, running=0, completed=0, failed=1)


# Lateness


def test_due_phones_and_future_instants(store: Store) -> None:
    create(
        store,
        new("phone1"),
        new("phone1", due=NOW - HOUR),
        new("phone2", due=NOW + HOUR),
        new("phone3", due=NOW + HOUR),
        new("phone3", due=NOW + 2 * HOUR),
    )
    assert store.due_serials(NOW) == ["phone1"]
    assert sorted(store.due_instants(NOW)) == [NOW + HOUR, NOW + 2 * HOUR]
    claim(store)
    store.withdraw([1, 2, 3, 4, 5], NOW)
    assert store.due_serials(NOW) == []


def test_what_is_overdue_is_missed(store: Store) -> None:
    late, fresh, running = create(store, new(due=NOW - HOUR), new(), new("phone2", due=NOW - HOUR))
    claim(store, "phone2")
    assert store.miss_overdue(NOW - SECOND, "too late", NOW) == 1
    assert (task(store, late).status, task(store, late).outcome) == (Status.FAILED, Outcome.MISSED)
    assert (task(store, late).remark, task(store, late).ended_at) == ("too late", NOW)
    assert task(store, fresh).status is Status.PENDING
    assert task(store, running).status is Status.RUNNING
    assert history(store, late) == [("miss", "too late")]


def test_waiting_for_a_phone_is_told_and_ends(store: Store) -> None:
    waiting, later, elsewhere = create(store, new(due=NOW - HOUR), new(due=NOW + HOUR), new("phone2"))
    (spared,) = create(store, new(due=NOW - HOUR), script="no_phone")
    store.say_waiting({"phone1": "waiting: phone1 is absent"}, NOW, spare=["no_phone"])
    assert task(store, waiting).remark == "waiting: phone1 is absent"
    assert {task(store, task_id).remark for task_id in (later, elsewhere, spared)} == {""}
    did_not_come = {"phone1": "phone1 did not come", "phone3": "nor did phone3"}
    assert store.miss_waiting(did_not_come, NOW - SECOND, NOW, spare=["no_phone"]) == 1
    assert task(store, waiting).remark == "phone1 did not come"
    assert task(store, waiting).outcome is Outcome.MISSED
    assert store.stats().pending == 3


def test_a_host_is_remembered_by_its_last_beat(store: Store) -> None:
    assert store.beat("here", NOW) is None
    assert store.beat("here", NOW + HOUR) == NOW
    assert store.beat("there", NOW) is None
    assert store.beat("here", NOW + HOUR) == NOW + HOUR


def test_artifacts_are_listed_newest_first_and_forgotten(store: Store) -> None:
    create(store)
    run = claim(store)
    for number in range(3):
        store.add_artifact(
            run,
            step="s",
            kind="hierarchy",
            path=f"{number}",
            media_type="m",
            size=1,
            now=NOW + number * SECOND,
        )
    listed = store.artifacts()
    assert [artifact.path for artifact in listed] == ["2", "1", "0"]
    store.forget_artifacts([listed[0].id, listed[2].id])
    assert [artifact.path for artifact in store.artifacts()] == ["1"]


# Who is told


def test_subscribers_hear_of_every_task_that_became_pending_after_the_commit(store: Store) -> None:
    heard: list[Pending] = []

    def on_pending(pending: object) -> None:
        heard.extend(pending)  # type: ignore[arg-type]
        assert store.stats().pending  # it is committed

    store.subscribe(on_pending)
    (task_id,) = create(store, new(due=NOW), retry_limit=1)
    assert heard == [("phone1", NOW)]
    store.finish(claim(store), Ending(Outcome.FAILED, ""), NOW, retry_at=NOW + SECOND)
    assert heard[1:] == [("phone1", NOW + SECOND)]
    store.finish(claim(store, at=NOW + SECOND), Ending(Outcome.FAILED, ""), NOW)
    store.retry(task_id, force=False, retry_limit=0, now=NOW + HOUR)
    assert heard[2:] == [("phone1", NOW + HOUR)]
