"""`runner worker`, as an operator types it wrongly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_a_worker_without_the_fleets_database_says_what_to_set(tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RUNNER_")}
    ran = subprocess.run(
        [sys.executable, "-m", "runner", "worker", "--name", "shelf-1"],
        cwd=tmp_path,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert "RUNNER_DATABASE_URL" in ran.stderr
    assert list(tmp_path.iterdir()) == []
