"""What deploy/ says of commands, variables and files is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from runner.cli.main import app
from runner.settings import Settings

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def lines(file: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)


def commands() -> list[list[str]]:
    by_systemd = [shlex.split(line)[1:] for unit in UNITS for line in lines(unit, "ExecStart")]
    [by_docker] = re.findall(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    return [*by_systemd, COMPOSE["services"]["api"]["command"], re.findall('"(.*?)"', by_docker)]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_commands_are_the_command_lines(command: list[str]) -> None:
    group: Any = typer.main.get_command(app)
    name, *arguments = command
    group.commands[name].make_context(name, arguments)  # raises for an option that there is not


def test_variables_are_settings_and_each_is_explained() -> None:
    example = (DEPLOY / "systemd" / "runner.env.example").read_text(encoding="utf-8")
    named = {
        *re.findall(r"^#?(RUNNER_\w+)=", example, re.MULTILINE),
        *COMPOSE["services"]["api"]["environment"],
    }
    assert {name.removeprefix("RUNNER_").lower() for name in named} <= set(Settings.model_fields)
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    assert used == set(re.findall(r"^(\w+)=", (DEPLOY / "fleet.env.example").read_text(), re.MULTILINE))


def test_the_image_has_its_files_and_services_stay_in_their_folders() -> None:
    copied = {
        path for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]
    }
    assert all((ROOT / path).exists() for path in copied)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert copied == set(re.findall(r"^!(.*)$", ignored, re.MULTILINE))
    for unit in UNITS:
        [state, *_] = lines(unit, "WorkingDirectory")
        assert Path(state).relative_to("/var/lib").as_posix() in lines(unit, "StateDirectory")[0].split()
