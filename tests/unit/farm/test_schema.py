"""What editors are told about devices.yaml is what the loader checks."""

from __future__ import annotations

import json
from pathlib import Path

from runner.farm.loader import load
from runner.farm.schema import json_schema

ROOT = Path(__file__).parents[3]


def test_the_committed_schema_is_the_generated_one() -> None:
    committed = json.loads((ROOT / "docs/devices.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema(), "run: runner config schema > docs/devices.schema.json"


def test_the_example_names_the_schema_and_has_no_mistake() -> None:
    example = ROOT / "devices.yaml"
    first_line = example.read_text(encoding="utf-8").splitlines()[0]
    reference = first_line.removeprefix("# yaml-language-server: $schema=")
    assert (example.parent / reference).is_file()
    assert len(load(example).farm.devices) == 2


def test_every_key_is_described() -> None:
    schema = json_schema()
    sections = [schema, *schema["$defs"].values()]
    undescribed = [
        f"{section.get('title')}.{name}"
        for section in sections
        for name, field in section.get("properties", {}).items()
        if not field.get("description")
    ]
    assert undescribed == []
