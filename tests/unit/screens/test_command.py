"""`runner screens check`, run as an operator runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support.command import runner
from support.dumps import DUMPS, EXPECTED


def check(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return runner("screens", "check", *arguments, folder=folder)


def test_every_dump_is_told_as_json(tmp_path: Path) -> None:
    files = {name: str(DUMPS / f"{name}.xml") for name in EXPECTED}
    done = check("--json", *files.values(), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    told = {each["file"]: (each["app"], each["screen"], each["kind"]) for each in json.loads(done.stdout)}
    assert told == {files[name]: expected for name, expected in EXPECTED.items()}


def test_people_read_which_rule_it_was_and_where_controls_are(tmp_path: Path) -> None:
    done = check(str(DUMPS / "reduced/tt4703_fr_post_page_bottom_row.xml"), folder=tmp_path)
    assert done.returncode == 0
    assert "tiktok post_page (step)" in done.stdout
    assert "word drafts" in done.stdout
    assert "publish at 799,2242" in done.stdout


def test_an_unknown_screen_ends_with_1(tmp_path: Path) -> None:
    xml = (DUMPS / "tiktok/tt43_en_post_page.xml").read_text("utf-8")
    (tmp_path / "other.xml").write_text(xml.replace("com.zhiliaoapp.musically", "com.example"), "utf-8")
    done = check("other.xml", folder=tmp_path)
    assert done.returncode == 1
    assert "foreign" in done.stdout


def test_files_of_ones_own_are_used_and_their_mistakes_told(tmp_path: Path) -> None:
    (tmp_path / "screens").mkdir()
    own = tmp_path / "screens" / "mine.yaml"
    own.write_text("app: tiktok\nscreens:\n  mine: {kind: step, when: {label: Cover}, before: post_page}\n")
    dump = str(DUMPS / "tiktok/tt43_en_post_page.xml")
    assert "tiktok mine (step)" in check(dump, folder=tmp_path).stdout
    own.write_text("app: tiktok\nscreens:\n  mine: {kind: step, wen: {label: Cover}}\n")
    done = check(dump, folder=tmp_path)
    assert done.returncode == 1
    assert "mine.yaml:3:" in done.stderr
    assert "'when'" in done.stderr


def test_what_is_no_dump_is_said(tmp_path: Path) -> None:
    (tmp_path / "not.xml").write_text("<html/>")
    for name, says in (("not.xml", "no UI hierarchy"), ("absent.xml", "No such file")):
        done = check(name, folder=tmp_path)
        assert done.returncode == 1
        assert says in done.stderr
