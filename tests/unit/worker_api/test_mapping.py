from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.errors import InvalidRequest
from runner.worker_api.settings import UpstreamSettings
from runner.worker_api.upstream.client import UpstreamTask
from runner.worker_api.upstream.mapping import account_for, request_for
from support import farms
from support.upstreams import two_apps


def settings(**fields: Any) -> UpstreamSettings:
    return UpstreamSettings(name="a", base_url="https://x/api/v1", key_env="K", **fields)


def task(**fields: Any) -> UpstreamTask:
    return UpstreamTask.model_validate({"id": "1", "site_name": "tiktok.com", "username": "ana", **fields})


def script_config(one: UpstreamTask, how: UpstreamSettings) -> dict[str, Any]:
    def fetch(url: str) -> Path:
        return Path("/cache") / url.rpartition("/")[2]

    config: dict[str, Any] = request_for(one, farms.account("ana"), how, fetch)["script_config"]
    return config


def test_config_keeps_its_names_and_the_settings_fill_the_gaps() -> None:
    one = task(config='{"captions": "Hi", "niche": "seo", "language": "en", "ai_label": true}')
    how = settings(script_config={"upload_wait_time": 60, "captions": "never used"})

    assert script_config(one, how) == {"captions": "Hi", "ai_label": True, "upload_wait_time": 60}


@pytest.mark.parametrize(
    ("config", "about", "captions"),
    [
        ({"caption": "Hi", "text": "no"}, "Bio", "Hi"),
        ({"caption": "", "text": "Hello"}, "Bio", "Hello"),
        ({}, "Bio", "Bio"),
    ],
)
def test_a_field_is_the_first_of_its_sources_that_says_something(
    config: dict[str, Any], about: str, captions: str
) -> None:
    how = settings(mapping={"captions": ["config.caption", "config.text", "about"]})

    assert script_config(task(config=config, about=about), how) == {"captions": captions}


def test_a_field_without_any_source_is_left_out() -> None:
    assert script_config(task(), settings(mapping={"captions": ["config.caption"]})) == {}


def test_media_by_url_is_fetched_and_local_paths_stay() -> None:
    one = task(config={"material_list": ["https://example.com/a.mp4", "/media/b.mp4", "C:\\media\\c.mp4", 5]})

    assert script_config(one, settings())["material_list"] == [
        str(Path("/cache/a.mp4")),
        "/media/b.mp4",
        "C:\\media\\c.mp4",
        5,
    ]


def test_only_media_fields_are_fetched() -> None:
    assert script_config(task(config={"sound_name": "https://x.com/s"}), settings()) == {
        "sound_name": "https://x.com/s"
    }
    assert script_config(task(config={"cover": "https://x.com/s"}), settings(media_fields=["cover"])) == {
        "cover": str(Path("/cache/s"))
    }


def test_local_paths_stay_inside_their_roots(tmp_path: Path) -> None:
    how = settings(media_roots=[str(tmp_path)])
    inside = str(tmp_path / "a.mp4")
    assert script_config(task(config={"material_list": [inside]}), how) == {"material_list": [inside]}

    for outside in (str(tmp_path.parent / "a.mp4"), str(tmp_path / ".." / "a.mp4"), "a.mp4"):
        with pytest.raises(InvalidRequest, match="not in a folder"):
            script_config(task(config={"material_list": [outside]}), how)


@pytest.mark.parametrize("config", ["not json", "[1]", '"text"', [1]])
def test_a_config_that_is_no_object_does_not_fit(config: Any) -> None:
    with pytest.raises(InvalidRequest, match="config is not"):
        script_config(task(config=config), settings())


@pytest.mark.parametrize("config", [None, "", "  ", "{}", "null", {}])
def test_no_config_is_an_empty_one(config: Any) -> None:
    assert script_config(task(config=config), settings()) == {}


def test_secrets_are_not_even_read() -> None:
    one = task(
        password="pw-1", email="e@x", config={"password": "pw-2", "Access_Token": "t", "captions": "Hi"}
    )

    assert "pw-" not in repr(one)
    assert "e@x" not in repr(one)
    assert one.config == {"captions": "Hi"}


@pytest.mark.parametrize(
    ("site", "username", "app"),
    [
        ("tiktok.com", "ana", "tiktok"),
        ("https://www.instagram.com/", "@Ana", "instagram"),
        ("TikTok", " ana ", "tiktok"),
        ("example.com", "ana", None),
        ("", "ana", None),
        ("instagram.com", "bo", None),
        ("tiktok.com", "off", None),
        ("tiktok.com", "", None),
    ],
)
def test_the_account_that_a_task_means(site: str, username: str, app: str | None) -> None:
    found = account_for(task(site_name=site, username=username), settings(), two_apps())

    assert (found.app if found else None) == app
