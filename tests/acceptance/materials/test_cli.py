"""`runner materials`, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from support.command import runner
from support.media import files
from support.stage import StageService


def run(service: StageService, *arguments: str) -> subprocess.CompletedProcess[str]:
    return runner("materials", *arguments, RUNNER_URL=service.url)


def read(service: StageService, *arguments: str) -> Any:
    done = run(service, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_files_from_adding_to_deleting(service: StageService, tmp_path: Path) -> None:
    folder = tmp_path / "spring"
    clip, _ = files(folder, "clip.mp4", "sort_2_picture.png")
    files(folder / "@someone", "own.mp4")
    added = read(service, "add", str(folder), "--tag", "Spring", "--tag", "2026", "--link")
    assert added["refused"] == []
    ids = {one["material"]["name"]: str(one["material"]["id"]) for one in added["materials"]}
    assert os.stat(clip).st_nlink == 2

    listed = read(service, "list", "--tag", "spring", "--kind", "video")
    assert {item["name"] for item in listed["materials"]} == {"clip.mp4", "own.mp4"}
    shown = run(service, "list", "--username", "someone").stdout.splitlines()
    assert shown[1].split()[:5] == [ids["own.mp4"], "own.mp4", "video", "unused", "@someone"]
    assert shown[-1] == "1 in all, page 1."

    tagged = read(service, "tag", ids["clip.mp4"], ids["own.mp4"], "--add", "cats", "--remove", "2026")
    assert [item["tags"] for item in tagged["materials"]] == [["cats", "spring"]] * 2
    assert run(service, "tags").stdout.splitlines()[2].split() == ["cats", "2", "2"]
    edited = read(service, "edit", ids["clip.mp4"], "--caption", "¡Hola!", "--sort-number", "-3")
    assert (edited["materials"][0]["caption"], edited["materials"][0]["sort_number"]) == ("¡Hola!", -3)
    assert read(service, "show", ids["clip.mp4"]) == edited["materials"][0]
    assert "¡Hola!" in run(service, "show", ids["clip.mp4"]).stdout

    assert read(service, "delete", *ids.values()) == {"deleted": [int(one) for one in ids.values()]}
    assert service.call("GET", "materials")["total"] == 0
    gone = run(service, "show", ids["clip.mp4"])
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr.startswith(f"runner: There is no material {ids['clip.mp4']}.")


def test_what_is_refused_is_told_and_the_rest_is_added(service: StageService, tmp_path: Path) -> None:
    good, bad = files(tmp_path, "good.mp4", "bad.mp4")
    bad.write_text("hello")
    done = run(service, "add", str(bad), str(good))
    assert done.returncode == 1
    assert f"{bad}: by its content neither" in done.stderr
    assert "good.mp4" in done.stdout
    assert "was there" in run(service, "add", str(good)).stdout


def test_a_file_is_sent_to_a_service_elsewhere(service: StageService, tmp_path: Path) -> None:
    clip, *_ = files(tmp_path, "clip.mp4", "link.mp4")
    sent = read(service, "add", "--upload", str(clip), "--caption", "hi", "--username", "@someone")
    [one] = sent["materials"]
    assert (one["created"], one["material"]["caption"]) == (True, "hi")
    assert run(service, "add", "--upload", str(tmp_path)).returncode == 2
    assert run(service, "add", "--upload", "--link", str(clip)).returncode == 2
