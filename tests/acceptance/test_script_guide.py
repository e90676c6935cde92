"""The script in docs/scripts.md works as its reader would try it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from support.service import StartService, config_of
from support.virtual import StartPhones

GUIDE = Path(__file__).parents[2] / "docs" / "scripts.md"


def test_the_guides_script_tells_the_active_account(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    folder = tmp_path / "my-scripts"
    folder.mkdir()
    (folder / "who_am_i.py").write_text(example, encoding="utf-8")
    phones = start_phones()
    service = start_service(config_of(phones), arguments=["--scripts-dir", str(folder)])
    service.phones_ready(phones.serial)

    [task] = service.ended(*service.create(serials=[phones.serial], script_name="who_am_i", script_config={}))

    [phone] = phones.control_all()
    active = phone["active"]["tiktok"]
    assert (task["status"], task["outcome"]) == (2, "done"), task["remark"]
    assert task["remark"] == f"The active account is @{active}."
    assert len(example.strip().splitlines()) <= 40


def test_a_broken_script_is_told_by_file_and_line_and_stops_nothing(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    folder = tmp_path / "my-scripts"
    folder.mkdir()
    (folder / "broken.py").write_text("import os\n\ndef run(:\n", encoding="utf-8")
    phones = start_phones()

    service = start_service(config_of(phones), arguments=["--scripts-dir", str(folder)])

    told = [line for line in service.log.splitlines() if "broken.py" in line]
    assert len(told) == 1
    assert json.loads(told[0])["line"] == 3
    answer = service.http.post(
        "task", json={"serials": [phones.serial], "script_name": "broken", "script_config": {}}
    ).json()
    assert answer["code"] == 40003
    assert "post" in answer["message"]
