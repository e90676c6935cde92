"""`runner …` as a user types it, without the settings that this process was started with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def clean_environment(**variables: str) -> dict[str, str]:
    """This process' environment without RUNNER_…, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNNER_")}
    return kept | variables


def runner(*arguments: str, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end, in this folder, with these environment variables."""
    return subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        cwd=folder,
        env=clean_environment(**variables),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
