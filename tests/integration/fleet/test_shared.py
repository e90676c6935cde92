"""A host whose folders only look like the API host's does not start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.errors import ConfigError
from runner.execution.artifacts import Artifacts
from runner.fleet import shared
from runner.fleet.common import Common
from runner.tasks.database import Database
from runner.tasks.store import Store


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    yield database
    database.close()


def test_folders_are_known_by_their_newest_mark(tmp_path: Path, database: Database) -> None:
    common = Common(database)
    folders = [tmp_path / "api" / "artifacts", tmp_path / "library"]
    with pytest.raises(ConfigError, match="no API host has started with that setting yet"):
        shared.check(common, folders)
    shared.mark(common, folders)
    shared.check(common, folders)
    link = tmp_path / "link"
    link.symlink_to(folders[0], target_is_directory=True)
    shared.check(common, [link])

    for empty in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ConfigError, match=f"{empty} is not the folder that the API host uses"):
            shared.check(common, [folders[0], empty])
    shutil.copytree(folders[0], tmp_path / "copy")
    shared.mark(common, folders)
    shared.check(common, folders)
    assert [len(list(folder.iterdir())) for folder in folders] == [1, 1]
    with pytest.raises(ConfigError, match="copy is not the folder"):
        shared.check(common, [tmp_path / "copy"])
    Artifacts(folders[0], Store(database), keep_days=0, max_mb=0).clean(datetime.now(UTC) + timedelta(days=9))
    shared.check(common, folders)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path, database: Database) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file/library can't be used: .*All hosts must be able to write"):
        shared.mark(Common(database), [tmp_path / "file" / "library"])
