from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runner.errors import ConfigError
from runner.farm.loader import parse
from runner.settings import settle
from runner.worker_api.settings import UpstreamSettings
from runner.worker_api.upstream.upstream import key_of

GOOD: dict[str, Any] = {"name": "a", "base_url": "https://tasks.example.com/api/v1/", "key_env": "A_KEY"}


def test_an_upstream_of_devices_yaml_arrives_with_its_defaults(tmp_path: Path) -> None:
    text = """
worker_api: {silent_seconds: 60}
upstreams:
  - name: campaigns
    base_url: https://tasks.example.com/api/v1/
    key_env: CAMPAIGNS_KEY
    poll_seconds: 10
    mapping:
      captions: [config.caption, about]
"""
    path = tmp_path / "devices.yaml"

    settings = settle(path, parse(text.encode(), path).settings)

    [upstream] = settings.upstreams
    assert settings.worker_api.silent_seconds == 60
    assert upstream.base_url == "https://tasks.example.com/api/v1"
    assert (upstream.service_types, upstream.script, upstream.poll_seconds) == (["social"], "post", 10)
    assert upstream.mapping == {"captions": ["config.caption", "about"]}
    assert upstream.ignore == ["niche", "language"]


KNOWN = "name: a, base_url: 'https://x/api/v1', key_env: K"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- {name: a b}", "name"),
        ("- {name: a, base_url: tasks.example.com, key_env: K}", "is not a base URL"),
        ("- {name: a, base_url: 'https://user:pw@tasks.example.com', key_env: K}", "is not a base URL"),
        ("- {name: a, base_url: 'https://x/api/v1'}", "either key_env or key_file"),
        ("- {name: a, base_url: 'https://x/api/v1', key: abc}", "key is not a known key"),
        (f"- {{{KNOWN}, sevice_types: []}}", "did you mean 'service_types'"),
        (f"- {{{KNOWN}, mapping: {{x: [password]}}}}", "can't be mapped"),
        (f"- {{{KNOWN}, mapping: {{x: [config.password]}}}}", "can't be mapped"),
        (f"- {{{KNOWN}, mapping: {{x: [email]}}}}", "can't be mapped"),
        (f"- {{{KNOWN}}}\n  - {{{KNOWN}}}", 'two upstreams have the name "a"'),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(f"upstreams:\n  {text}\n".encode(), tmp_path / "devices.yaml")

    assert problem in str(raised.value)
    assert all(one.line == 2 for one in raised.value.problems)


@pytest.mark.parametrize("more", [{"key_file": "also.txt"}, {"key_env": ""}, {"poll_seconds": 0}])
def test_what_an_upstream_can_not_be(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UpstreamSettings(**{**GOOD, **more})


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_KEY", "  the-key\n")
    assert key_of(UpstreamSettings(**GOOD), tmp_path) == "the-key"


def test_or_from_a_file_beside_devices_yaml(tmp_path: Path) -> None:
    settings = UpstreamSettings(**{**GOOD, "key_env": "", "key_file": "a.key"})
    (tmp_path / "a.key").write_text("the-key\n")
    assert key_of(settings, tmp_path) == "the-key"
    (tmp_path / "a.key").write_text("\n")
    with pytest.raises(ConfigError, match="has no key"):
        key_of(settings, tmp_path)
    (tmp_path / "a.key").unlink()
    with pytest.raises(ConfigError, match="can't be read"):
        key_of(settings, tmp_path)


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(ConfigError, match="the environment variable A_KEY"):
        key_of(UpstreamSettings(**GOOD), tmp_path)
