"""`runner db copy`, as an operator types it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from runner.tasks.database import Database
from runner.tasks.store import Store
from support.command import runner
from support.stage import StartBare


def copy(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return runner("db", "copy", *arguments, folder=folder, **variables)


def test_a_services_database_moves_once_it_is_stopped(
    start_bare: StartBare, tmp_path: Path, postgres_url: str
) -> None:
    service = start_bare()
    task_id = service.later()
    file = service.data_dir / "runner.db"
    of_service = ("--config", str(service.config), "--data-dir", str(service.data_dir))

    early = copy(*of_service, "--to", postgres_url, folder=tmp_path)
    assert (early.returncode, early.stdout) == (1, "")
    assert "Another runner uses the data directory" in early.stderr

    assert service.stop() == 0
    nowhere = copy(*of_service, folder=tmp_path)
    assert nowhere.returncode == 1
    assert "RUNNER_DATABASE_URL" in nowhere.stderr

    done = copy(*of_service, "--json", folder=tmp_path, RUNNER_DATABASE_URL=postgres_url)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"]["tasks"] == 1
    assert not file.exists()
    assert Path(told["set_aside"]).is_file()
    store = Store(Database(postgres_url))
    assert store.stats().pending == 1
    assert store.task(task_id)
    store.close()

    again = copy(*of_service, "--from", told["set_aside"], "--to", postgres_url, folder=tmp_path)
    assert again.returncode == 1
    assert "is not empty" in again.stderr


def test_a_folder_or_an_url_is_a_source_without_any_devices_yaml(tmp_path: Path, postgres_url: str) -> None:
    Database(f"sqlite:///{tmp_path / 'runner.db'}").close()
    done = copy("--from", str(tmp_path), "--to", postgres_url, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Copied 0 rows of" in done.stdout
    [aside] = tmp_path.glob("runner-copied-*.db")
    assert aside.name in done.stdout
    assert copy("--from", f"sqlite:///{aside}", "--to", postgres_url, folder=tmp_path).returncode == 0
