"""The main job over real HTTP: what the phones accepted is compared with what was asked for."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from support.service import StartService, config_of
from support.virtual import StartPhones


def test_the_seeds_curl_example_publishes(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones))
    body = {
        "serials": [phones.serial],
        "script_name": "post",
        "script_config": {
            "content_type": 0,
            "captions": "¡Mira mi nuevo video! #viral #trending",
            "material_list": [str(video)],
            "upload_wait_time": 60,
        },
    }

    answer = service.http.post(
        "task", content=json.dumps(body), headers={"Content-Type": "application/json"}
    ).json()

    assert answer == {"code": 0, "message": "success", "data": {"task_ids": [1], "created_count": 1}}
    [task] = service.ended(1)
    assert (task["status"], task["outcome"]) == (2, "published"), task
    [post] = phones.posts()
    assert post["account"] == "demo_001_1"
    assert post["kind"] == "video"
    assert post["caption"] == "¡Mira mi nuevo video! #viral #trending"
    assert [media["sha256"] for media in post["media"]] == [hashlib.sha256(video.read_bytes()).hexdigest()]
    assert task["post_url"] == post["url"]
    left = phones.control("/files")
    assert not [file for file in left if "clip" in json.dumps(file)], "the video stayed on the phone"


CAPTIONS = [
    "Nuevo vídeo 🎉🔥 ¿qué tal? ñandú",
    "Buổi sáng ở Đà Lạt, trời lạnh lắm ☕️",
    "新视频上线了！你好世界 👋🏽",
    "Two lines\nand a family 👨‍👩‍👧‍👦 with joiners",
    "Quotes ' \" ` $HOME $(reboot) ; && | \\ % and <tags>",
    "",
]


def test_a_caption_arrives_byte_for_byte(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones(count=len(CAPTIONS), accounts=1)
    service = start_service(config_of(phones))
    ids = [
        task_id
        for serial, caption in zip(phones.serials, CAPTIONS, strict=True)
        for task_id in service.post(video, serials=[serial], config={"captions": caption})
    ]

    tasks = service.ended(*ids)

    assert [task["outcome"] for task in tasks] == ["published"] * len(CAPTIONS), tasks
    for serial, caption in zip(phones.serials, CAPTIONS, strict=True):
        assert [post["caption"].encode() for post in phones.posts(serial)] == [caption.encode()]


def test_multi_account_publishes_once_from_each_enabled_account_in_order(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones(accounts=5)
    service = start_service(config_of(phones, disabled=["demo_001_3"]))

    ids = service.post(
        video, serials=[phones.serial], enable_multi_account=True, config={"captions": "once from each"}
    )

    tasks = service.ended(*ids, seconds=120)
    wanted = ["demo_001_1", "demo_001_2", "demo_001_4", "demo_001_5"]
    assert [task["username"] for task in tasks] == wanted
    assert [task["outcome"] for task in tasks] == ["published"] * 4
    assert [post["account"] for post in phones.posts()] == wanted


def test_a_task_for_an_account_that_is_not_on_the_phone_publishes_nothing(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones).replace("demo_001_2", "not_logged_in"))

    [task] = service.ended(*service.post(video, usernames=["@not_logged_in"]))

    assert (task["status"], task["outcome"]) == (3, "failed")
    assert "not_logged_in" in task["remark"]
    assert "account" in task["remark"]
    assert phones.posts() == []
    assert {artifact["kind"] for artifact in task["artifacts"]} == {"screenshot", "hierarchy"}


def test_a_file_that_only_its_name_calls_a_video_is_left_to_the_app(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones))
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(os.urandom(50_000))

    [task] = service.ended(*service.post(noise, serials=[phones.serial]))

    assert task["outcome"] == "published", task["remark"]
    [post] = phones.posts()
    assert [media["sha256"] for media in post["media"]] == [hashlib.sha256(noise.read_bytes()).hexdigest()]


def test_the_screen_of_a_dialog_that_nobody_knows_is_kept_with_its_step(
    start_phones: StartPhones, start_service: StartService, video: Path
) -> None:
    phones = start_phones()
    service = start_service(config_of(phones))
    app = phones.farm.farm.phones[0].apps["com.zhiliaoapp.musically"]
    phones.farm.call(lambda: app.show_popup("survey"))  # type: ignore[attr-defined]

    [task] = service.ended(*service.post(video, serials=[phones.serial]))

    assert task["outcome"] == "published", task["remark"]
    hierarchy, screenshot = task["artifacts"]
    [step] = {artifact["step"] for artifact in task["artifacts"]}
    [entry] = [entry for entry in task["steps"] if entry["name"] == step]
    told = [note["message"] for note in entry["notes"]]
    assert (
        told.index("kept the screen: dialog, which is left by refuse")
        == told.index("left dialog by refuse") - 1
    )
    kept = [service.http.get(f"{service.url}{each['url']}").content for each in (hierarchy, screenshot)]
    assert b"How do you like the app?" in kept[0]
    assert kept[1].startswith(b"\xff\xd8")
