from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runner.errors import ScriptUnknown
from runner.execution.scripts import Scripts, folders
from support.machine import SCRIPTS

GOOD = """
from runner.script import Script, ScriptConfig, Result

class Hello(Script[ScriptConfig]):
    name = "{name}"
    Config = ScriptConfig

    def run(self, context):
        return Result()
"""


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def names(scripts: Scripts) -> list[str]:
    return [script.name for script in scripts.all()]


def test_files_and_folders_are_scripts_and_helpers_are_not(tmp_path: Path) -> None:
    write(tmp_path, "hello.py", GOOD.format(name="hello"))
    write(tmp_path, "_helper.py", "raise RuntimeError")
    write(tmp_path, "notes.txt", "")
    write(tmp_path, "data/readme.md", "")
    write(tmp_path, "greet/words.py", "WORD = 'hi'")
    write(
        tmp_path,
        "greet/__init__.py",
        "from .words import WORD\n" + GOOD.format(name="greet") + "    description = WORD\n",
    )
    scripts = Scripts([tmp_path])
    assert names(scripts) == ["greet", "hello"]
    assert scripts.problems == []
    assert scripts.get("greet").description == "hi"


def test_scripts_do_not_shadow_modules_or_each_other(tmp_path: Path) -> None:
    write(tmp_path / "a", "json.py", GOOD.format(name="one"))
    write(tmp_path / "b", "json.py", GOOD.format(name="two"))
    import json

    assert names(Scripts([tmp_path / "a", tmp_path / "b"])) == ["one", "two"]
    assert sys.modules["json"] is json


def test_the_bundled_scripts_load_and_name_the_unknown(tmp_path: Path) -> None:
    scripts = Scripts(folders([SCRIPTS]))
    assert {"post", "act"} <= set(names(scripts))
    assert scripts.problems == []
    assert "act" in scripts.without_phone
    assert "post" not in scripts.without_phone
    with pytest.raises(ScriptUnknown) as refusal:
        scripts.get("pst")
    assert (refusal.value.field, refusal.value.value) == ("script_name", "pst")
    assert 'Did you mean "post"?' in str(refusal.value)
    assert "act" in refusal.value.remedy


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = 1\ndef broken(:\n    pass\n", 2, "syntax: "),
        ("import os\n\nimport no_such_module\n", 3, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("\n\n1 / 0\n", 3, "ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        ("x = 1\n", 1, "no class derives from runner.script.Script"),
        (GOOD.format(name="Has Space"), 4, "name must be"),
        (GOOD.format(name="x").replace('    name = "x"\n', ""), 4, "name must be"),
        (GOOD.format(name="x").replace("    Config = ScriptConfig\n", ""), 4, "Config must be"),
        (GOOD.format(name="x").replace("def run", "def ran"), 4, "run is not implemented"),
        (
            GOOD.format(name="x") + "\n    def __init__(self):\n        self.x = self.y\n",
            12,
            "AttributeError",
        ),
    ],
)
def test_a_mistake_is_reported_by_file_and_line_and_stops_no_other(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    file = write(tmp_path, "bad.py", text)
    write(tmp_path, "good.py", GOOD.format(name="good"))
    scripts = Scripts([tmp_path])
    assert names(scripts) == ["good"]
    (problem,) = scripts.problems
    assert (problem.file, problem.line) == (file, line)
    assert said in problem.message
    assert str(problem).startswith(f"{file}:{line}: ")


def test_a_mistake_in_a_part_of_a_script_is_reported_there(tmp_path: Path) -> None:
    write(tmp_path, "big/__init__.py", "from .part import x\n" + GOOD.format(name="big"))
    part = write(tmp_path, "big/part.py", "y = 1\nx = y.nothing\n")
    (problem,) = Scripts([tmp_path]).problems
    assert (problem.file, problem.line) == (part, 2)
    assert not any("big" in name and name.startswith("_runner_scripts") for name in sys.modules)


def test_a_folder_without_init_and_a_folder_that_is_missing_are_told(tmp_path: Path) -> None:
    write(tmp_path, "big/part.py", "")
    folder, missing = Scripts([tmp_path, tmp_path / "nowhere"]).problems
    assert folder.file == tmp_path / "big" / "__init__.py"
    assert "needs an __init__.py" in folder.message
    assert (missing.file, missing.message) == (tmp_path / "nowhere", "there is no such folder of scripts")


def test_of_two_scripts_with_one_name_the_first_stays(tmp_path: Path) -> None:
    first = write(tmp_path / "a", "hello.py", GOOD.format(name="hello"))
    second = write(tmp_path / "b", "other.py", GOOD.format(name="hello"))
    scripts = Scripts([tmp_path / "a", tmp_path / "b"])
    assert names(scripts) == ["hello"]
    (problem,) = scripts.problems
    assert (problem.file, problem.line) == (second, 4)
    assert str(first) in problem.message
