"""The farm as a worker: what it takes from an upstream, does once, and tells it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runner.errors import NotFound
from runner.tasks.types import CreateTasks, Outcome, Source, Status
from runner.worker_api.flow import WorkerStatus
from runner.worker_api.model import counts, links, reports, tasks
from runner.worker_api.types import Update
from runner.worker_api.upstream.client import UpstreamAway
from runner.worker_api.upstream.links import Links
from support.http_server import listening
from support.upstreams import Pair

PUBLISHED = ("step:publish", "publish:")


def test_a_task_is_done_once_and_both_sides_agree(pair: Pair) -> None:
    [task_id] = pair.give(*PUBLISHED, password="pass123")

    [task] = pair.finish()
    pair.poll()
    pair.restart()
    pair.poll()
    pair.report()

    assert (task.source, task.username, task.outcome) == (Source.WORKER, "ana", Outcome.PUBLISHED)
    assert pair.machine.done(task.id) == ["1 begin", "1 step publish", "1 published", "1 end"]
    known = pair.known()[task_id]
    assert (known.status, known.link_post) == ("completed", "https://example.invalid/p/1")
    assert known.started_at is not None
    assert len(pair.local()) == 1
    assert pair.refused() == []


def test_running_is_told_when_it_starts(pair: Pair) -> None:
    [task_id] = pair.give("wait:60")
    pair.poll()
    [task] = pair.local()
    pair.machine.reaches(task.id, "1 begin")

    pair.report()

    assert pair.statuses([task_id]) == ["running"]


def test_only_what_this_farm_can_do_is_taken(pair: Pair) -> None:
    mine = pair.give() + pair.give(username="@BO", site_name="https://www.TikTok.com/")
    others = [
        *pair.give(username="somebody"),
        *pair.give(site_name="example.com"),
        *pair.give(username="off"),
        *pair.give(username="bo", site_name="instagram.com"),
        *pair.give(service_type="entity"),
    ]

    tasks = pair.finish()

    assert [task.username for task in tasks] == ["ana", "bo"]
    assert pair.statuses(mine) == ["completed"] * 2
    assert pair.statuses(others) == ["pending"] * 5


@pytest.mark.parametrize("app", ["tiktok", "instagram"])
def test_the_site_decides_between_two_accounts_of_one_name(app: str, pair: Pair) -> None:
    pair.give(site_name=f"{app}.com")

    [task] = pair.finish()

    assert (task.username, task.app) == ("ana", app)


def test_the_cursor_is_walked_to_the_end(pair: Pair) -> None:
    pair.give(count=1100, site_name="example.com")
    pair.give()

    pair.finish()

    assert pair.door.calls[:3] == ["GET /api/v1/worker/tasks"] * 3  # two pages, and the canceled ones
    assert [task.source for task in pair.local()] == [Source.WORKER]


def test_more_reports_than_one_bulk_holds(pair: Pair) -> None:
    ids = pair.give(count=600, config={"nonsense": True})

    pair.poll()
    pair.report()

    assert set(pair.statuses(ids)) == {"failed"}
    assert pair.door.calls.count("PUT /api/v1/worker/tasks/bulk") == 4  # 600 running, then 600 failed
    assert pair.local() == []


def test_what_does_not_fit_is_failed_with_the_reason(pair: Pair) -> None:
    [unknown] = pair.give(config={"nonsense": True})
    [not_json] = pair.give(config={"do": "step:x"})

    pair.poll()
    pair.report()

    known = pair.known()
    assert known[unknown].status == known[not_json].status == "failed"
    assert "script_config.nonsense is not a known key" in known[unknown].error_message
    assert "script_config.do must be a list" in known[not_json].error_message


def test_a_failed_task_is_told_with_its_remark_and_retried_when_the_upstream_says_so(pair: Pair) -> None:
    [task_id] = pair.give("raise@1:StepFailed", max_retries=3)
    [failed] = pair.finish()
    assert (failed.status, pair.statuses([task_id])) == (Status.FAILED, ["failed"])
    assert "as asked" in pair.known()[task_id].error_message

    pair.retry()
    [task] = pair.finish()

    assert (task.id, task.attempt, task.status) == (failed.id, 2, Status.COMPLETED)
    known = pair.known()[task_id]
    assert (known.status, known.retry_count) == ("completed", 1)


def test_an_unknown_outcome_is_never_repeated_for_an_upstream(pair: Pair) -> None:
    [task_id] = pair.give("step:publish", "publish:", "raise:TransportLost", max_retries=2)
    [task] = pair.finish()
    assert task.outcome is Outcome.UNKNOWN

    for retries in (1, 2):
        pair.retry()
        assert (pair.known()[task_id].status, pair.known()[task_id].retry_count) == ("pending", retries)
        pair.finish()

    assert pair.machine.done(task.id).count("1 published") == 1
    assert pair.local()[0].attempt == 1
    assert pair.known()[task_id].status == "failed"
    assert "look" in pair.known()[task_id].error_message.lower()


def test_a_refused_task_is_looked_at_again_when_the_upstream_retries_it(pair: Pair) -> None:
    [task_id] = pair.give(config={"nonsense": True}, max_retries=1)
    pair.poll()
    pair.report()
    pair.restart(ignore=["nonsense"])  # the operator has mended the mapping
    pair.retry()

    [task] = pair.finish()

    assert task.status is Status.COMPLETED
    assert pair.statuses([task_id]) == ["completed"]


@pytest.mark.parametrize("how", ["stop", "delete"])
def test_a_withdrawn_task_is_told_as_canceled(how: str, pair: Pair) -> None:
    running, waiting = pair.give("wait:60", count=2)
    pair.poll()
    first, second = pair.local()
    pair.machine.reaches(first.id, "1 begin")
    pair.report()

    for task in (second, first):
        if how == "stop":
            pair.machine.service.stop(task.id)
        else:
            pair.machine.service.delete([task.id])
    pair.report()

    assert pair.statuses([running, waiting]) == ["canceled", "canceled"]
    assert pair.refused() == []


def test_what_the_upstream_cancels_is_stopped(pair: Pair) -> None:
    ids = pair.give("wait:60", count=2)
    pair.poll()
    running, waiting = pair.local()
    pair.machine.reaches(running.id, "1 begin")
    pair.report()
    pair.cancel_all()

    pair.poll()
    pair.report()

    assert [task.outcome for task in pair.local()] == [Outcome.STOPPED] * 2
    assert pair.machine.done(waiting.id) == []
    assert pair.statuses(ids) == ["canceled"] * 2
    assert pair.refused() == []


def test_reports_survive_an_outage_and_a_restart(pair: Pair) -> None:
    good, bad = [*pair.give(*PUBLISHED), *pair.give("raise:StepFailed")]
    pair.poll()
    pair.door.shut = True
    for task in pair.local():
        pair.machine.ended(task.id)
    for _ in range(3):
        with pytest.raises(UpstreamAway):
            pair.report()
    assert pair.statuses([good, bad]) == ["pending", "pending"]
    assert pair.upstream.now()["unsent_reports"] == 4

    pair.restart()
    pair.door.shut = False
    pair.report()

    assert pair.statuses([good, bad]) == ["completed", "failed"]
    assert pair.upstream.now()["unsent_reports"] == 0
    assert pair.refused() == []


def test_one_refused_report_blocks_no_other_and_is_shown(pair: Pair) -> None:
    lost, good = pair.give(*PUBLISHED, count=2)
    pair.poll()
    for task in pair.local():
        pair.machine.ended(task.id)
    pair.api.served.store.update(
        pair.server.server, [Update(lost, WorkerStatus.CANCELED, {})], datetime.now(UTC)
    )

    pair.report()

    assert pair.statuses([lost, good]) == ["canceled", "completed"]
    refused = pair.refused()
    assert [(one["upstream_task"], one["report"]["status"], one["reason"]) for one in refused] == [
        (lost, "completed", "invalid_transition"),
        (lost, "running", "invalid_transition"),
    ]


@pytest.mark.parametrize("status", [400, 404, 413])
def test_an_upstream_that_refuses_bulks_is_told_one_by_one(status: int, pair: Pair) -> None:
    ids = pair.give(*PUBLISHED, count=3)
    pair.door.refused["PUT /api/v1/worker/tasks/bulk"] = status
    pair.door.refused[f"PUT /api/v1/worker/tasks/{ids[1]}"] = 400

    pair.finish()

    assert pair.statuses(ids) == ["completed", "pending", "completed"]
    assert [one["reason"] for one in pair.refused()] == ["HTTP 400: refused by the door"] * 2


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_refusal_of_the_whole_upstream_loses_no_report(status: int, pair: Pair) -> None:
    [task_id] = pair.give(*PUBLISHED)
    pair.door.refused["PUT /api/v1/worker/tasks/bulk"] = status
    with pytest.raises(UpstreamAway, match=f"HTTP {status}"):
        pair.finish()
    pair.door.refused.clear()

    pair.report()

    assert pair.statuses([task_id]) == ["completed"]


def test_killed_between_the_claim_and_the_task_it_is_made_later(pair: Pair) -> None:
    [task_id] = pair.give(*PUBLISHED)
    request = {"usernames": ["ana"], "serials": [], "app": "tiktok", "script_name": "act"}
    config = {"do": [*PUBLISHED], "log": str(pair.machine.log_file)}
    store = Links(pair.machine.database, "campaigns")
    link = store.claim(task_id, 0, {**request, "script_config": config}, datetime.now(UTC))
    assert link is not None

    tasks = pair.finish()

    assert len(tasks) == 1
    assert pair.statuses([task_id]) == ["completed"]


def test_killed_between_the_task_and_its_link_no_second_one_is_made(pair: Pair) -> None:
    [task_id] = pair.give(*PUBLISHED)
    pair.poll()
    with pair.machine.database.write() as connection:
        connection.execute(links.update().values(task_id=None))
    pair.machine.store.forget_keys(datetime.now(UTC) + timedelta(days=30))

    tasks = pair.finish()

    assert len(tasks) == 1
    assert pair.statuses([task_id]) == ["completed"]


def test_two_pollers_at_once_take_a_task_once(pair: Pair) -> None:
    pair.give(count=20)
    with closing(pair.another_upstream()) as other, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda upstream: upstream.taker.poll(), (pair.upstream, other)))

    assert len(pair.local()) == 20


def test_what_the_upstream_gives_to_another_is_let_go_and_taken_up_again(pair: Pair) -> None:
    _, moved = pair.give("wait:60", count=2)
    other = pair.api.served.store.add_server("other", 0, datetime.now(UTC)).server
    pair.poll()
    running, waiting = pair.local()
    pair.machine.reaches(running.id, "1 begin")
    pair.report()

    move(pair, moved, other.id)
    pair.poll()
    assert pair.machine.task(waiting.id).status is Status.PENDING, "once not listed may be an accident"
    pair.poll()
    pair.report()
    assert pair.machine.task(waiting.id).outcome is Outcome.STOPPED
    assert pair.refused() == []

    move(pair, moved, pair.server.server.id)
    pair.poll()
    assert pair.machine.task(waiting.id).status is Status.PENDING
    assert len(pair.local()) == 2


def move(pair: Pair, task_id: str, server_id: str) -> None:
    """As the served side does for a silent server."""
    with pair.served_database.write() as connection:
        connection.execute(tasks.update().where(tasks.c.id == task_id).values(server_id=server_id))
        request_id = connection.scalar(select(tasks.c.request_id).where(tasks.c.id == task_id))
        connection.execute(
            counts.update().where(counts.c.request_id == request_id).values(server_id=server_id)
        )


def test_a_task_retried_by_hand_is_told_once_the_upstream_wants_it(pair: Pair) -> None:
    [task_id] = pair.give("raise@1:StepFailed", max_retries=1)
    [task] = pair.finish()
    pair.machine.service.retry(task.id)
    pair.machine.ended(task.id)
    pair.poll()
    pair.report()
    assert pair.statuses([task_id]) == ["failed"]
    assert [one["reason"] for one in pair.refused()] == ["invalid_transition"] * 2

    pair.retry()
    pair.finish()

    assert pair.statuses([task_id]) == ["completed"]
    assert pair.machine.done(task.id).count("2 end") == 1


def test_nothing_of_the_password_is_kept(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    pair.give(
        *PUBLISHED, password="correct-horse", email="ana@example.com", config={"password": "correct-horse"}
    )

    [task] = pair.finish()

    assert task.status is Status.COMPLETED
    kept = []
    with pair.machine.database.read() as connection:
        for table in links.metadata.sorted_tables:
            kept += [str(row) for row in connection.execute(select(table))]
        assert connection.execute(select(reports)).all() == []
    everything = "".join(kept) + "".join(capsys.readouterr())
    assert "ana" in everything
    assert "correct-horse" not in everything
    assert "ana@example.com" not in everything


def test_a_heartbeat_tells_what_the_farm_does(pair: Pair) -> None:
    pair.report()

    [server] = pair.api.served.store.servers()
    assert {"server_name", "disk_usage", "active_threads", "active_tasks"} <= server.server.health.keys()


def test_an_upstream_without_heartbeats_is_fine(pair: Pair) -> None:
    pair.door.refused["POST /api/v1/worker/health"] = 404

    pair.report()


def test_a_deleted_task_can_not_be_retried(pair: Pair) -> None:
    [task_id] = pair.give("raise:StepFailed", max_retries=3)
    [task] = pair.finish()
    pair.machine.service.delete([task.id])
    pair.retry()

    pair.poll()
    pair.report()

    with pytest.raises(NotFound):
        pair.machine.service.get(task.id)
    assert pair.statuses([task_id]) == ["canceled"]
    assert pair.local() == []


def test_the_request_that_a_link_keeps_is_one_that_can_be_made(pair: Pair) -> None:
    pair.give()
    pair.poll()
    with pair.machine.database.read() as connection:
        [request] = connection.scalars(select(links.c.request))
    assert CreateTasks(**request).usernames == ["ana"]


@pytest.fixture
def media() -> Iterator[dict[str, bytes]]:
    """What a server in the own network has, by path; its URL under "url"."""
    files: dict[str, bytes] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        content = files.get(scope["path"])
        await Response(content or b"", 200 if content else 503)(scope, receive, send)

    with listening(app) as url:
        files["url"] = url.encode()
        yield files


def test_media_by_url_is_on_this_computer_when_the_task_is_made(
    pair: Pair, media: dict[str, bytes], tmp_path: Path
) -> None:
    url = media["url"].decode()
    media["/clip.mp4"] = b"\0\0\0\x18ftypmp42" + b"v" * 100
    pair.restart(media_fields=["refuse"], private_media_hosts=["127.0.0.1"])
    pair.give(config={"refuse": f"{url}/clip.mp4"})

    [task] = pair.finish()

    assert Path(task.script_config["refuse"]).read_bytes() == media["/clip.mp4"]
    assert task.status is Status.COMPLETED


def test_media_that_does_not_come_is_asked_for_again_and_not_for_ever(
    pair: Pair, media: dict[str, bytes]
) -> None:
    pair.restart(media_fields=["refuse"], private_media_hosts=["127.0.0.1"])
    late, never, good = (
        *pair.give(config={"refuse": f"{media['url'].decode()}/late.png"}),
        *pair.give(config={"refuse": f"{media['url'].decode()}/never.png"}),
        *pair.give(),
    )

    pair.finish()
    assert pair.statuses([late, never, good]) == ["pending", "pending", "completed"]
    media["/late.png"] = b"\x89PNG" + b"v" * 100
    for _ in range(4):
        pair.finish()

    assert pair.statuses([late, never, good]) == ["completed", "failed", "completed"]
    assert "HTTP 503" in pair.known()[never].error_message


def test_media_that_is_not_allowed_fails_at_once(pair: Pair, media: dict[str, bytes]) -> None:
    pair.restart(media_fields=["refuse"])
    url = media["url"].decode().replace("http:", "https:")
    [task_id] = pair.give(config={"refuse": f"{url}/clip.mp4"})

    pair.finish()

    assert pair.statuses([task_id]) == ["failed"]
    assert "not a public address" in pair.known()[task_id].error_message
