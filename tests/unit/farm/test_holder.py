"""A changed devices.yaml is taken up; a broken one changes nothing and is told once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from runner.farm.holder import FarmHolder
from runner.farm.loader import load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "devices.yaml"
    write(path, "time_zone: UTC\ndevices: [{serial: A}]\n")
    return path


def write(path: Path, text: str) -> None:
    """Write with a modification time of its own, however coarse the file system's clock is."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


def serials(holder: FarmHolder) -> list[str]:
    return [device.serial for device in holder.farm.devices]


def test_a_changed_file_is_the_farm_after_the_next_refresh(file: Path) -> None:
    holder = FarmHolder(file, load(file))
    assert not holder.refresh()
    write(file, "time_zone: UTC\ndevices: [{serial: A}, {serial: B}]\n")
    assert holder.refresh()
    assert serials(holder) == ["A", "B"]
    assert not holder.refresh()


def test_the_text_is_that_of_the_farm_in_use(file: Path) -> None:
    holder = FarmHolder(file, load(file))
    valid = "time_zone: UTC  # ¡aquí!\ndevices: [{serial: A}]\n"
    write(file, valid)
    holder.refresh()
    assert holder.text == valid
    write(file, "devices: 1")
    holder.refresh()
    assert holder.text == valid


def test_a_new_comment_is_no_new_farm(file: Path) -> None:
    holder = FarmHolder(file, load(file))
    write(file, "# hello\ntime_zone: UTC\ndevices: [{serial: A}]\n")
    assert not holder.refresh()


def test_a_broken_file_keeps_the_farm_and_is_told_once(file: Path) -> None:
    holder = FarmHolder(file, load(file))
    write(file, "time_zone: UTC\ndevices: [{serail: B}]\n")
    with capture_logs() as logs:
        assert not holder.refresh()
        assert not holder.refresh()
    assert serials(holder) == ["A"]
    assert [(p.line, p.column) for p in holder.problems] == [(2, 11), (2, 12)]
    assert len(logs) == 1
    assert "did you mean 'serial'" in logs[0]["problem"]

    write(file, "time_zone: UTC\ndevices: [{serial: B}]\n")
    assert holder.refresh()
    assert serials(holder) == ["B"]
    assert holder.error is None


def test_a_removed_file_keeps_the_farm_until_it_is_back(file: Path) -> None:
    holder = FarmHolder(file, load(file))
    content = file.read_text(encoding="utf-8")
    file.unlink()
    assert not holder.refresh()
    assert serials(holder) == ["A"]
    assert "devices.yaml" in str(holder.error)
    write(file, content.replace("A", "B"))
    assert holder.refresh()


def test_a_changed_setting_is_said_to_need_a_restart(file: Path) -> None:
    holder = FarmHolder(file, load(file))
    write(file, "time_zone: UTC\ndevices: [{serial: A}]\nport: 1234\n")
    with capture_logs() as logs:
        assert not holder.refresh()
    assert any("after a restart" in entry["event"] for entry in logs)
