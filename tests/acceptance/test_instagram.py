"""Posts on Instagram over real HTTP: what the phones accepted is compared with what was asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from support.media import files
from support.service import RunnerService, StartService, config_of
from support.stage import refusal
from support.virtual import Phones, StartPhones

CAPTION = "¡Hola! 👋🏽 tiếng Việt 你好\nzweite Zeile “quoted” & <angled> #tag @someone"
FIRST, SECOND = "demo_001_1", "demo_001_2"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hashes_of(post: dict[str, Any]) -> list[str]:
    return [media["sha256"] for media in post["media"]]


def instagram_of(phones: Phones, serial: str = "") -> Any:
    phone = phones.farm.farm.phone(serial or phones.serial)
    assert phone is not None
    return phone.apps["com.instagram.android"]


def do(service: RunnerService, username: str, *media: Path, **config: Any) -> dict[str, Any]:
    """One post to its end: the task."""
    listed = {"material_list": [str(path) for path in media]} if media else {}
    ids = service.create(
        script_name="post", usernames=[username], script_config={"upload_wait_time": 60, **listed, **config}
    )
    [task] = service.ended(*ids, seconds=120)
    return task


@pytest.mark.parametrize(
    ("language", "version"),
    [("en", "410.0.0.53.71"), ("fr", "410.0.0.53.71"), ("en", "400.0"), ("fr", "400.0")],
)
def test_every_kind_of_post_arrives_as_asked_for(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path, language: str, version: str
) -> None:
    phones = start_phones(language=language, app_versions=(("instagram", version),))
    service = start_service(config_of(phones, apps=["instagram"]))
    videos = files(tmp_path / "v", "shared.mp4", "added.mov", "story.mp4")
    images = files(tmp_path / "i", "b.jpg", "a.png", "c.jpeg", "alone.webp", "story.jpg")
    wanted = [
        (SECOND, [videos[0]], {"captions": CAPTION}, "reel"),
        (FIRST, [videos[1]], {"captions": "", "post_way": "addButton", "ai_label": True}, "reel"),
        (SECOND, images[:3], {"captions": "{three}", "content_type": 1, "ai_label": True}, "images"),
        (FIRST, [images[3]], {"captions": "{one|one}\nof them", "content_type": "1"}, "images"),
        (SECOND, [videos[2]], {"placement": "story"}, "story"),
        (FIRST, [images[4]], {"placement": "story", "content_type": 1, "post_way": "addButton"}, "story"),
    ]
    captions = [CAPTION, "", "{three}", "one\nof them", "", ""]

    tasks = [do(service, username, *media, **config) for username, media, config, _ in wanted]

    assert [task["outcome"] for task in tasks] == ["published"] * 6, [task["remark"] for task in tasks]
    posts = phones.posts()
    for task, post, caption, (username, media, config, kind) in zip(
        tasks, posts, captions, wanted, strict=True
    ):
        assert (post["app"], post["account"], post["kind"]) == ("instagram", username, kind)
        assert post["caption"].encode() == caption.encode()
        assert hashes_of(post) == [sha256(path) for path in media]
        assert post["ai_label"] is bool(config.get("ai_label"))
        assert task["post_url"] == ("" if kind == "story" else post["url"])
        assert task["profile_url"] == f"https://www.instagram.com/{username}/"
    assert instagram_of(phones).mistakes == []
    assert [file for file in phones.control("/files") if "FarmRunner" in file["path"]] == []


def test_a_phone_with_both_apps_posts_on_each_from_every_account(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones, apps=["tiktok", "instagram"]))

    ids = service.post(
        video, serials=[phones.serial], enable_multi_account=True, config={"captions": CAPTION}
    )

    tasks = service.ended(*ids, seconds=120)
    assert [task["outcome"] for task in tasks] == ["published"] * 4, [task["remark"] for task in tasks]
    made = [(post["app"], post["account"], post["caption"]) for post in phones.posts()]
    assert made == [(app, user, CAPTION) for app in ("tiktok", "instagram") for user in (FIRST, SECOND)]
    assert [task["post_url"] for task in tasks] == [post["url"] for post in phones.posts()]


def test_pictures_from_a_folder_and_a_reel_from_the_library(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones, apps=["instagram"]))
    folder = tmp_path / "mine" / f"@{FIRST}"
    third, first, second = files(folder, "sort_3_a.jpg", "sort_1_z.jpg", "sort_2_b.png")
    (folder / "caption.txt").write_text("from the {folder|folder}", "utf-8")
    [reel] = files(tmp_path, "library.mp4")
    service.call("POST", "materials/import", json={"paths": [str(reel)], "caption": "from the library"})

    images = do(
        service,
        FIRST,
        content_type=1,
        image_count=3,
        material_source="localFolder",
        material_path=str(folder.parent),
    )
    video = do(service, SECOND)

    assert (images["outcome"], video["outcome"]) == ("published", "published"), (images, video)
    carousel, movie = phones.posts()
    assert (carousel["account"], carousel["caption"]) == (FIRST, "from the folder")
    assert hashes_of(carousel) == [sha256(path) for path in (first, second, third)]
    assert (movie["account"], movie["kind"], movie["caption"]) == (SECOND, "reel", "from the library")
    assert hashes_of(movie) == [sha256(reel)]


def test_what_instagram_can_not_do_is_refused_with_the_fields_name(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones, apps=["instagram"]))
    for field, config in (
        ("post_way", {"post_way": "useSound", "sound_name": "Song"}),
        ("add_sound", {"add_sound": "1"}),
        ("add_product_link", {"add_product_link": 1}),
        ("origin_sound_volume", {"origin_sound_volume": 0}),
        ("captions", {"captions": "title##description"}),
        ("captions", {"captions": "#tag " * 31}),
        ("captions", {"captions": "text", "placement": "story"}),
        ("placement", {"placement": "grid"}),
        ("material_list", {"content_type": 1}),
    ):
        body = {
            "script_name": "post",
            "usernames": [FIRST],
            "script_config": {"material_list": [str(video)], **config},
        }
        assert field in refusal(service.http.post("task", json=body), 40001), config
    assert service.tasks() == []


def test_an_account_that_must_be_verified_fails_its_tasks_only(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones, apps=["instagram"]))
    phones.control("/accounts", method="POST", username=FIRST, app="instagram", state="selfie")

    failed, published = do(service, FIRST, video), do(service, SECOND, video)

    assert (failed["outcome"], published["outcome"]) == ("failed", "published")
    assert "video selfie" in failed["remark"]
    assert "account" in {step["name"] for step in failed["steps"]}
    body = {"script_name": "post", "usernames": [FIRST], "script_config": {"material_list": [str(video)]}}
    assert FIRST in refusal(service.http.post("task", json=body), 40001), "it is known by now"
    assert [post["account"] for post in phones.posts()] == [SECOND]


def test_the_apps_refusal_is_the_tasks(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones, apps=["instagram"]))
    phones.fault("upload_fails")

    task = do(service, FIRST, video)

    assert (task["status"], task["outcome"]) == (3, "refused")
    assert "Instagram says: Video can't be posted" in task["remark"]
    assert phones.posts() == []
