"""The configuration of a post: the vendor's fields, and refusals by name before a phone is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runner.errors import InvalidRequest
from runner.materials.settings import MaterialSettings
from runner.materials.supply import Supply
from runner.script import Account, Planned
from runner.tasks.database import Database
from runner.tasks.store import Store
from scripts.post import Post, PostConfig
from support.media import files, movie

ACCOUNT = Account("user", "tiktok", "com.zhiliaoapp.musically")
VIDEO = movie()

Check = Callable[..., None]


@pytest.fixture
def check(tmp_path: Path) -> Iterator[Check]:
    database = Database(f"sqlite:///{tmp_path / 'runner.db'}")
    supply = Supply(tmp_path / "materials", database, Store(database), MaterialSettings())
    planned = Planned("serial", ACCOUNT, "api", supply.for_request())

    def checked(**fields: Any) -> None:
        Post().check(PostConfig.model_validate(fields), planned)

    yield checked
    database.close()


@pytest.fixture
def video(tmp_path: Path) -> str:
    path = tmp_path / "clip.MP4"
    path.write_bytes(VIDEO)
    return str(path)


def test_the_defaults_are_the_vendors() -> None:
    assert PostConfig().model_dump() == {
        "content_type": 0,
        "image_count": 1,
        "captions": "",
        "caption_format": None,
        "post_way": "share",
        "material_source": "materialLibrary",
        "material_path": "",
        "material_list": [],
        "materials_tags": "",
        "upload_wait_time": 30,
        "sound_wait_time": 10,
        "add_sound": "-1",
        "sound_name": "",
        "custom_sound_keyword": "",
        "origin_sound_volume": 50,
        "add_sound_volume": 50,
        "add_product_link": 0,
        "ai_label": False,
        "placement": "reel",
    }


def test_numbers_may_be_text_as_the_vendors_forms_send_them(check: Check, video: str) -> None:
    fields = {
        "content_type": "0",
        "image_count": "3",
        "upload_wait_time": "60",
        "add_sound": -1,
        "add_product_link": "0",
        "origin_sound_volume": "50",
        "material_list": [video],
    }
    config = PostConfig.model_validate(fields)
    assert (config.image_count, config.upload_wait_time, config.add_sound) == (3, 60, "-1")
    check(**fields)


def test_what_the_vendors_example_sends_is_accepted(check: Check, video: str) -> None:
    check(
        content_type=0,
        captions="¡Mira mi nuevo video! #viral #trending",
        material_list=[video],
        upload_wait_time=60,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content_type", 2),
        ("image_count", 0),
        ("caption_format", "poem"),
        ("post_way", "fax"),
        ("upload_wait_time", 0),
        ("upload_wait_time", "soon"),
        ("add_sound", "2"),
        ("add_sound_volume", 101),
        ("ai_label", "perhaps"),
        ("material_list", "clip.mp4"),
        ("captoins", "x"),
    ],
)
def test_a_wrong_value_is_refused_by_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        PostConfig.model_validate({field: value})
    assert caught.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("material_list", {"content_type": 1}),
        ("image_count", {"content_type": 1, "material_list": [], "image_count": 36}),
        ("captions", {"content_type": 1, "captions": "x" * 91 + "##text"}),
        ("sound_name", {"post_way": "useSound", "sound_name": "https://example.com/music/a-1"}),
        ("sound_name", {"post_way": "useSound", "sound_name": "https://www.tiktok.com/@user/video/1"}),
        ("add_sound", {"post_way": "useSound", "sound_name": "https://vm.tiktok.com/a/", "add_sound": 0}),
        ("sound_name", {"post_way": "useSound"}),
        ("add_sound", {"post_way": "useSound", "sound_name": "a song", "add_sound": 1}),
        ("custom_sound_keyword", {"add_sound": "custom"}),
        ("origin_sound_volume", {"content_type": 1, "origin_sound_volume": 0}),
        ("add_sound_volume", {"add_sound_volume": 80}),
        ("add_sound_volume", {"add_sound": 0, "add_sound_volume": 80}),
        ("add_sound_volume", {"content_type": 1, "add_sound": 0, "add_sound_volume": 80}),
        ("placement", {"placement": "story"}),
        ("captions", {"captions": "{a|b"}),
        ("captions", {"captions": "x" * 2201}),
        ("captions", {"captions": "title##text"}),
        ("captions", {"captions": "one\n" + "x" * 2201, "caption_format": "multiline"}),
        ("materials_tags", {"material_list": []}),
        ("material_path", {"material_list": [], "material_source": "localFolder"}),
        ("material_path", {"material_list": [], "material_source": "localFolder", "material_path": "x"}),
    ],
)
def test_what_can_not_be_done_is_refused_by_its_field(
    check: Check, video: str, field: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(**{"material_list": [video], "captions": "{a|b}", **fields})
    assert caught.value.field == field
    assert field in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"add_sound": 1, "add_sound_volume": "80", "origin_sound_volume": 0},
        {"add_sound": "custom", "custom_sound_keyword": "song"},
        {"post_way": "useSound", "sound_name": "a song", "add_sound_volume": 100},
        {"add_sound": 0, "origin_sound_volume": 20},
        {"add_product_link": "1", "ai_label": True},
    ],
)
def test_the_options_of_tiktok_are_taken(check: Check, video: str, fields: dict[str, Any]) -> None:
    check(material_list=[video], **fields)


def test_files_are_looked_at(check: Check, tmp_path: Path, video: str) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "notes.txt").write_bytes(b"x")
    for names in (["absent.mp4"], ["empty.mp4"], ["picture.jpg"], ["notes.txt"], ["clip.MP4", "clip.MP4"]):
        with pytest.raises(InvalidRequest, match=names[0]) as caught:
            check(material_list=[str(tmp_path / name) for name in names])
        assert caught.value.field == "material_list"


def test_pictures_are_taken_as_given_and_each_once(check: Check, tmp_path: Path) -> None:
    names = [str(path) for path in files(tmp_path, *(f"{number}.png" for number in range(36)))]
    check(content_type=1, material_list=names[:35], captions="title##text")
    check(content_type=1, material_list=names[:1], post_way="addButton")
    for wrong in (names, [*names[:3], names[0]], [*names[:2], str(files(tmp_path, "clip.mp4")[0])]):
        with pytest.raises(InvalidRequest) as caught:
            check(content_type=1, material_list=wrong)
        assert caught.value.field == "material_list"


@pytest.mark.parametrize(
    "link",
    [
        "https://www.tiktok.com/music/Song-No-1-7012345678901234567",
        "https://www.tiktok.com/music/%E6%AD%8C-7012345678901234567?lang=en",
        "https://www.tiktok.com/t/ZTabc123/",
        "https://vm.tiktok.com/ZMabc-12",
    ],
)
def test_links_to_sounds_are_taken(check: Check, video: str, link: str) -> None:
    check(post_way="useSound", sound_name=link, material_list=[video])


def test_the_sounds_of_a_folder_are_looked_at(check: Check, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    files(folder, "clip.mp4")
    fields = {"post_way": "useSound", "material_source": "localFolder", "material_path": str(folder)}
    (folder / "sound_urls.txt").write_text("https://vm.tiktok.com/ZMabc/\n", "utf-8")
    check(**fields)
    (folder / "sound_urls.txt").write_text("https://vm.tiktok.com/ZMabc/\nhttps://example.com/\n", "utf-8")
    with pytest.raises(InvalidRequest, match=r"example\.com") as caught:
        check(**fields)
    assert caught.value.field == "material_path"


def test_a_file_over_the_apps_limit_is_refused(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    with path.open("wb") as file:
        file.write(VIDEO)
        file.truncate(4 * 2**30 + 1)  # sparse: takes no room
    with pytest.raises(InvalidRequest, match=r"long\.mp4"):
        check(material_list=[str(path)])


def test_a_longer_wait_allows_a_longer_run() -> None:
    assert Post().time_limit(PostConfig(upload_wait_time=600)) - Post().time_limit(PostConfig()) == 570
