"""`runner worker`, as an operator types it wrongly."""

from __future__ import annotations

from pathlib import Path

from support.command import runner


def test_a_worker_without_the_fleets_database_says_what_to_set(tmp_path: Path) -> None:
    ran = runner("worker", "--name", "shelf-1", folder=tmp_path)
    assert ran.returncode == 1
    assert "RUNNER_DATABASE_URL" in ran.stderr
    assert list(tmp_path.iterdir()) == []
