from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.errors import LostRun
from runner.execution.artifacts import Artifacts
from runner.tasks.database import Database
from runner.tasks.store import Store
from runner.tasks.types import NewTask, Run, Source

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(Database(f"sqlite:///{tmp_path / 'runner.db'}"))
    yield store
    store.close()


@pytest.fixture
def run(store: Store) -> Run:
    store.create(
        [NewTask("phone1", "", "", "", NOW, None)],
        script_name="act",
        script_config={},
        source=Source.API,
        retry_limit=0,
        now=NOW,
    )
    run = store.claim_next("phone1", NOW, "here")
    assert run
    return run


def artifacts_of(folder: Path, store: Store, *, keep_days: int = 14, max_mb: int = 500) -> Artifacts:
    return Artifacts(folder / "artifacts", store, keep_days=keep_days, max_mb=max_mb)


def files(artifacts: Artifacts) -> set[str]:
    return {file.name for file in artifacts.folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("data", "suffix", "media_type"),
    [
        (b"\x89PNG\r\n", "png", "image/png"),
        (b"\xff\xd8\xff\xe0", "jpg", "image/jpeg"),
        (b"<?xml version='1.0'?>", "xml", "application/xml"),
    ],
)
def test_a_file_is_named_after_its_step_and_told_by_its_content(
    tmp_path: Path, store: Store, run: Run, data: bytes, suffix: str, media_type: str
) -> None:
    artifacts = artifacts_of(tmp_path, store)
    artifacts.keep(run, 3, "../post & pray", "screenshot", data)
    (artifact,) = store.artifacts()
    assert artifact.path == f"{run.task.id}/1-03--post-pray.{suffix}"
    assert (artifact.media_type, artifact.size) == (media_type, len(data))
    assert (artifacts.folder / artifact.path).read_bytes() == data


def test_a_step_may_keep_several_screens(tmp_path: Path, store: Store, run: Run) -> None:
    artifacts = artifacts_of(tmp_path, store)
    for content in (b"<?first", b"<?second", b"<?third"):
        artifacts.keep(run, 1, "s", "hierarchy", content)
    kept = [(artifacts.folder / each.path).read_bytes() for each in reversed(store.artifacts())]
    assert kept == [b"<?first", b"<?second", b"<?third"]
    assert files(artifacts) == {"1-01-s.xml", "1-01-s-2.xml", "1-01-s-3.xml"}


def test_a_run_that_lost_its_task_leaves_no_file(tmp_path: Path, store: Store, run: Run) -> None:
    store.hand_back(run, "", NOW)
    artifacts = artifacts_of(tmp_path, store)
    with pytest.raises(LostRun):
        artifacts.keep(run, 1, "s", "screenshot", b"\x89PNG")
    assert files(artifacts) == set()


def test_the_old_go_first_then_the_oldest_beyond_the_size(tmp_path: Path, store: Store, run: Run) -> None:
    artifacts = artifacts_of(tmp_path, store, keep_days=2, max_mb=1)
    for number in range(1, 4):
        artifacts.keep(run, number, "s", "screenshot", b"\x89P" + bytes(400_000))
    assert artifacts.clean(NOW) == 1
    assert files(artifacts) == {"1-02-s.png", "1-03-s.png"}
    assert len(store.artifacts()) == 2
    assert artifacts.clean(NOW + 3 * DAY) == 2
    assert files(artifacts) == set()
    assert store.artifacts() == []
    assert list(artifacts.folder.iterdir()) == []


def test_a_file_without_a_row_goes_after_a_day(tmp_path: Path, store: Store, run: Run) -> None:
    artifacts = artifacts_of(tmp_path, store)
    artifacts.keep(run, 1, "kept", "screenshot", b"\x89PNG")
    for name, age in (("old.png", 2 * DAY), ("new.png", DAY / 2)):
        orphan = artifacts.folder / "99" / name
        orphan.parent.mkdir(exist_ok=True)
        orphan.write_bytes(b"x")
        then = (NOW - age).timestamp()
        os.utime(orphan, (then, then))
    assert artifacts.clean(NOW) == 1
    assert files(artifacts) == {"1-01-kept.png", "new.png"}


def test_cleaning_nothing_is_fine(tmp_path: Path, store: Store) -> None:
    assert artifacts_of(tmp_path, store).clean(NOW) == 0
