"""Posts whose files come from the library and from folders, compared with what the phones accepted."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from support.media import files, movies
from support.service import RunnerService, StartService, config_of
from support.stage import StageService, refusal
from support.virtual import Phones, StartPhones

Farm = tuple[Phones, RunnerService]


@pytest.fixture
def farm(start_phones: StartPhones, start_service: StartService) -> Farm:
    """Two phones with two accounts each, demo_001_1 … demo_002_2."""
    phones = start_phones(count=2, accounts=2)
    service = start_service(config_of(phones))
    service.phones_ready(*phones.serials)
    return phones, service


def create(service: RunnerService, *usernames: str, **config: Any) -> list[int]:
    config = {"upload_wait_time": 60, **config}
    return service.create(script_name="post", usernames=list(usernames), script_config=config)


def refused(service: RunnerService, username: str, **config: Any) -> str:
    body = {"script_name": "post", "usernames": [username], "script_config": config}
    return refusal(service.http.post("task", json=body), 40001)


def add(service: RunnerService, *paths: Path, **said: Any) -> dict[str, int]:
    """Into the library; ids by name."""
    body = {"paths": [str(path) for path in paths], **said}
    done = service.call("POST", "materials/import", json=body)
    assert done["refused"] == []
    return {one["material"]["name"]: one["material"]["id"] for one in done["materials"]}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def accepted(phones: Phones) -> dict[str, tuple[str, str]]:
    """By account: the caption and the file of its only post."""
    posts = [post for serial in phones.serials for post in phones.posts(serial)]
    made = {post["account"]: (post["caption"], post["media"][0]["sha256"]) for post in posts}
    assert len(made) == len(posts)
    return made


def test_the_library_serves_tags_accounts_and_captions(farm: Farm, tmp_path: Path) -> None:
    phones, service = farm
    shared, own, other = files(tmp_path, "shared.mp4", "own.mp4", "other.mp4")
    ids = add(service, shared, tags=["cats"])
    ids |= add(service, own, tags=["cats"], username="@demo_001_2", caption="Hers, {literally} 🐈")
    ids |= add(service, other, tags=["dogs"])

    tasks = create(service, "demo_001_1", "demo_001_2", materials_tags="birds, CATS", captions="The task's")

    ended = service.ended(*tasks)
    assert [task["outcome"] for task in ended] == ["published", "published"], ended
    assert accepted(phones) == {
        "demo_001_1": ("The task's", sha256(shared)),
        "demo_001_2": ("Hers, {literally} 🐈", sha256(own)),
    }
    states = {item["name"]: item for item in service.call("GET", "materials")["materials"]}
    assert {name: item["state"] for name, item in states.items()} == {
        "shared.mp4": "used",
        "own.mp4": "used",
        "other.mp4": "unused",
    }
    assert states["own.mp4"]["task_id"] == tasks[1]
    assert "chose own.mp4" in [step["detail"] for step in ended[1]["steps"]]
    message = refused(service, "demo_001_1", materials_tags="cats")
    assert message.startswith("materials_tags: There is no unused video in the library with cats")
    assert "(1 used)" in message


def test_running_out_fails_the_task_with_a_word_on_it(farm: Farm, tmp_path: Path) -> None:
    phones, service = farm
    add(service, *movies(tmp_path, 1))
    tasks = service.ended(*create(service, "demo_001_1", "demo_001_2"))
    assert sorted(task["outcome"] for task in tasks) == ["failed", "published"]
    (failed,) = (task for task in tasks if task["outcome"] == "failed")
    assert "There is no unused video in the library" in failed["remark"]
    assert len(accepted(phones)) == 1


def test_a_task_that_fails_gives_its_file_back(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    phones = start_phones(accounts=1)
    (serial,) = phones.serials
    devices = (
        f"devices: [{{serial: '{serial}', accounts: [{{username: stranger}}, {{username: demo_001_1}}]}}]"
    )
    service = start_service(f"time_zone: UTC\n{devices}\n")
    service.phones_ready(serial)
    ids = add(service, *movies(tmp_path, 1))

    [failed] = service.ended(*create(service, "stranger"))

    assert failed["outcome"] == "failed"
    item = service.call("GET", f"materials/{ids['clip0001.mp4']}")
    assert (item["state"], item["task_id"]) == ("unused", failed["id"])
    [published] = service.ended(*create(service, "demo_001_1"))
    assert published["outcome"] == "published", published["remark"]
    message = service.http.post(f"task/{failed['id']}/retry").json()
    assert message["code"] == 0
    [again] = service.ended(failed["id"])
    assert "no unused video" in again["remark"]


def test_a_folder_serves_each_account_with_its_own(farm: Farm, tmp_path: Path) -> None:
    phones, service = farm
    folder = tmp_path / "videos"
    (shared,) = movies(folder, 1)
    (own,) = files(folder / "@demo_001_2", "own.mp4")
    (folder / "caption.txt").write_text("{Shared|Shared} caption", encoding="utf-8")
    (folder / "@demo_001_2" / "caption.txt").write_text("Mine\n¡Olé!", encoding="utf-8")

    tasks = create(
        service,
        *("demo_001_1", "demo_001_2"),
        material_source="localFolder",
        material_path=str(folder),
        captions="of the task",
    )

    assert [task["outcome"] for task in service.ended(*tasks)] == ["published", "published"]
    assert accepted(phones) == {
        "demo_001_1": ("Shared caption", sha256(shared)),
        "demo_001_2": ("Mine\n¡Olé!", sha256(own)),
    }
    listed = service.call("GET", "materials", params={"source": "folder"})["materials"]
    assert {item["path"]: item["state"] for item in listed} == {
        str(shared.resolve()): "used",
        str(own.resolve()): "used",
    }
    message = refused(service, "demo_001_2", material_source="localFolder", material_path=str(folder))
    assert "(1 used)" in message


def test_lines_of_a_caption_take_turns_over_a_restart(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    phones = start_phones(accounts=1)
    service = start_service(config_of(phones))
    service.phones_ready(phones.serial)
    clips = movies(tmp_path, 4)
    config = {"captions": "first\nsecond###line\n\nthird", "caption_format": "multiline"}

    def post(clip: Path) -> None:
        [task] = service.ended(*create(service, "demo_001_1", material_list=[str(clip)], **config))
        assert task["outcome"] == "published", task["remark"]

    post(clips[0])
    post(clips[1])
    service.stop()
    service.start()
    service.phones_ready(phones.serial)
    post(clips[2])
    post(clips[3])
    assert [post["caption"] for post in phones.posts()] == ["first", "second\nline", "third", "first"]


@pytest.mark.parametrize(
    ("field", "config", "why"),
    [
        ("materials_tags", {}, "no unused video in the library for @someone"),
        ("materials_tags", {"materials_tags": "a"}, "with a "),
        ("image_count", {"content_type": "1", "image_count": "36"}, "36 files, and tiktok takes 35"),
        ("material_path", {"material_path": "nowhere"}, "No such file"),
        ("material_path", {"material_path": "empty"}, "no unused video"),
        ("material_path", {"material_path": "broken"}, "caption.txt"),
        ("material_path", {"material_path": "encoded"}, "UTF-8"),
    ],
)
def test_what_can_not_be_had_is_refused_by_its_field(
    bare: StageService, tmp_path: Path, field: str, config: dict[str, str], why: str
) -> None:
    (tmp_path / "empty").mkdir()
    movies(tmp_path / "broken", 1)
    (tmp_path / "broken" / "caption.txt").write_text("{a|b")
    movies(tmp_path / "encoded", 1)
    (tmp_path / "encoded" / "caption.txt").write_bytes(b"\xff\xfe")
    if "material_path" in config:
        config = {"material_source": "localFolder", "material_path": str(tmp_path / config["material_path"])}
    message = refused(bare, "someone", **config)
    assert message.startswith(f"{field}: ")
    assert why in message
    assert bare.call("GET", "task/stats")["total"] == 0


def test_sounds_and_pictures_of_a_folder_are_used_in_their_order(
    start_phones: StartPhones, start_service: StartService, tmp_path: Path
) -> None:
    phones = start_phones(accounts=1)
    service = start_service(config_of(phones))
    service.phones_ready(phones.serial)
    folder = tmp_path / "pictures"
    pictures = files(folder, "b.jpg", "sort_1_z.jpg", "c.jpg", "a.jpg")
    links = [f"https://www.tiktok.com/music/Song-No-{number}-{7000 + number}" for number in (1, 2)]
    (folder / "sound_urls.txt").write_text("\n".join(links))
    config = {"material_source": "localFolder", "material_path": str(folder), "post_way": "useSound"}
    for _ in range(2):
        [task] = service.ended(*create(service, "demo_001_1", content_type=1, image_count=2, **config))
        assert task["outcome"] == "published", task["remark"]
    b, first, c, a = map(sha256, pictures)
    posts = phones.posts()
    assert [[media["sha256"] for media in post["media"]] for post in posts] == [[first, a], [b, c]]
    assert [post["sound"] for post in posts] == ["Song No 1", "Song No 2"]
    message = refused(service, "demo_001_1", content_type=1, image_count=1, **config)
    assert "(4 used)" in message
