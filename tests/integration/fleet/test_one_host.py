"""On one host nothing of a fleet is needed or started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
from runner.farm.holder import FarmHolder
from runner.service import Service
from runner.settings import load_settings

folder = Path(sys.argv[1])
settings, loaded = load_settings(config=folder / "devices.yaml", data_dir=folder / "data")
service = Service(settings, FarmHolder(settings.config, loaded))
service.start()
service.close()
engines = {"procrastinate", "psycopg", "psycopg_pool"}
print(*sorted({name.partition(".")[0] for name in sys.modules} & engines))
print(*sorted(name for name in sys.modules if name.startswith("runner.fleet.")))
"""


@pytest.mark.usefixtures("adb_server")
def test_no_engine_is_imported_with_sqlite(tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_text("devices: []\n", encoding="utf-8")
    program = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    engines, ours = ran.stdout.splitlines()[-2:]
    assert engines == ""
    assert set(ours.split()) <= {"runner.fleet.settings", "runner.fleet.model"}
