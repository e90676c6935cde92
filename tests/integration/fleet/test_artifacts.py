"""Screens that a run on another host kept reach the API host, sooner or later, and nothing else does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

from runner.errors import LostRun
from support.waiting import wait_for

from .conftest import KEY, Fleet

PNG = b"\x89PNG\r\n" + bytes(1000)


def there(hosts: Fleet) -> dict[str, bytes]:
    """The files that the API host has of its rows."""
    folder = hosts.api.artifacts.folder
    paths = [artifact.path for artifact in hosts.api.tasks.artifacts()]
    return {path: (folder / path).read_bytes() for path in paths if (folder / path).exists()}


def waiting(folder: Path) -> list[str]:
    return [file.name for file in (folder / "artifacts").rglob("*") if file.is_file() and file.stat().st_size]


def test_what_is_kept_is_handed_over(hosts: Fleet) -> None:
    worker, run = hosts.worker(), hosts.api.run()
    artifacts = worker.artifacts()
    artifacts.start()
    artifacts.keep(run, 3, "välj & post", "screenshot", PNG)
    path = f"{run.task.id}/1-03-välj-post.png"
    wait_for(lambda: there(hosts) == {path: PNG}, what="the upload")
    wait_for(lambda: waiting(worker.folder) == [], what="the end of the upload")
    # The name stays taken, because the row of the first still has it.
    artifacts.keep(run, 3, "välj & post", "screenshot", PNG + b"2")
    wait_for(lambda: len(there(hosts)) == 2, what="the second upload")
    assert there(hosts)[path] == PNG
    artifacts.close()


def test_what_was_kept_while_the_api_host_was_away_comes_later_also_after_a_restart(hosts: Fleet) -> None:
    worker, run = hosts.worker(), hosts.api.run()
    url, hosts.url = hosts.url, None
    first = worker.artifacts()
    first.start()
    first.keep(run, 1, "post", "screenshot", PNG)
    first.keep(run, 1, "post", "hierarchy", b"<?xml?>")
    first.close()
    assert sorted(waiting(worker.folder)) == ["1-01-post.png", "1-01-post.xml"]
    assert there(hosts) == {}
    second = worker.artifacts()
    second.start()
    hosts.url = url
    wait_for(lambda: len(there(hosts)) == 2, what="the upload")
    second.close()
    assert there(hosts) == {f"{run.task.id}/1-01-post.png": PNG, f"{run.task.id}/1-01-post.xml": b"<?xml?>"}


def test_what_has_no_row_any_more_is_dropped(hosts: Fleet) -> None:
    worker, run, kept = hosts.worker(), hosts.api.run(), hosts.api.run()
    artifacts = worker.artifacts()
    artifacts.keep(run, 1, "post", "screenshot", PNG)
    artifacts.keep(kept, 1, "post", "screenshot", PNG)
    hosts.api.end(run)
    hosts.api.tasks.delete([run.task.id])
    artifacts.start()
    wait_for(lambda: waiting(worker.folder) == [], what="the end of the uploads")
    artifacts.close()
    assert list(there(hosts)) == [f"{kept.task.id}/1-01-post.png"]
    assert [file.name for file in hosts.api.artifacts.folder.rglob("*.png")] == ["1-01-post.png"]


def test_a_run_that_lost_its_task_keeps_nothing(hosts: Fleet) -> None:
    worker, run = hosts.worker(), hosts.api.run()
    hosts.api.end(run)
    with pytest.raises(LostRun):
        worker.artifacts().keep(run, 1, "post", "screenshot", PNG)
    assert waiting(worker.folder) == []


def test_only_what_has_a_row_is_taken_and_only_as_it_was_sent(hosts: Fleet) -> None:
    run = hosts.api.run()
    worker = hosts.worker()
    worker.artifacts().keep(run, 1, "post", "screenshot", PNG)
    path = f"{run.task.id}/1-01-post.png"
    with httpx.Client(
        headers={"Authorization": f"Bearer {KEY}"}, base_url=f"{hosts.url}/api/v1/fleet"
    ) as http:

        def put(path: str, data: bytes, sha256: str = "") -> int:
            given = {"sha256": sha256 or hashlib.sha256(data).hexdigest()}
            return http.put(f"/artifacts/{path}", content=data, params=given).status_code

        for other in (
            f"{run.task.id}/other.png",
            "99999/1-01-post.png",
            "x/1-01-post.png",
            "1234567890123/1.png",
        ):
            assert put(other, PNG) == 404, other
        assert put(f"{run.task.id}/%2E%2E/{path}", PNG) == 404
        assert put(path, PNG, sha256="0" * 64) == 400
        assert put(path, PNG + b"more") == 413
        assert there(hosts) == {}
        assert put(path, PNG) == 200
    assert there(hosts) == {path: PNG}
    assert [file.name for file in hosts.api.artifacts.folder.rglob("*") if file.is_file()] == [
        "1-01-post.png"
    ]
    assert httpx.put(f"{hosts.url}/api/v1/fleet/artifacts/{path}", content=PNG).status_code == 401
