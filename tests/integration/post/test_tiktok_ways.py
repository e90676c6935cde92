"""Posts on TikTok that go by its + button, from a sound's page, or consist of pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ControlMissing, StepFailed
from runner.script import Result
from runner.virtual.apps.tiktok import pages
from scripts.post import PostConfig
from support.media import files
from support.post_rig import CAPTION, PACKAGE, STARTS, Rig, RigFactory, after_step

LOOKS = [
    ("en", "43.1.4", "musically"),
    ("fr", "43.1.4", "musically"),
    ("en", "46.7.3", "musically"),
    ("fr", "47.0.3", "musically"),
    ("en", "43.1.4", "trill"),
]
GALLERIES = ["plain", "circles", "multi"]


def phone_like(make_rig: RigFactory, language: str, version: str, app: str, **settings: Any) -> Rig:
    if app == "trill":
        return make_rig(language=language, installed=("trill",), **settings)
    return make_rig(language=language, app_versions=(("tiktok", version),), **settings)


def post(rig: Rig, paths: list[Path], username: str = "demo_001_2", **fields: Any) -> Result:
    config = PostConfig(
        **{
            "captions": CAPTION,
            "material_list": [str(path) for path in paths],
            "upload_wait_time": 20,
            **fields,
        }
    )
    return rig.run(config, username)


def hashes(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def accepted(rig: Rig) -> tuple[Any, ...]:
    """The only post that the phone accepted: (account, kind, media hashes, title, caption, sound)."""
    (post,) = rig.posts
    media = [each["sha256"] for each in post["media"]]
    return post["account"], post["kind"], media, post["title"], post["caption"], post["sound"]


@pytest.mark.parametrize("gallery", GALLERIES)
@pytest.mark.parametrize(("language", "version", "app"), LOOKS)
def test_a_video_by_the_add_button(
    make_rig: RigFactory, tmp_path: Path, language: str, version: str, app: str, gallery: str
) -> None:
    rig = phone_like(make_rig, language, version, app)
    rig.app.manners.gallery = gallery
    paths = files(tmp_path, "clip.mp4")
    result = post(rig, paths, post_way="addButton")
    assert accepted(rig) == ("demo_001_2", "video", hashes(paths), "", CAPTION, "")
    assert result.post_url == rig.posts[0]["url"]
    assert rig.app.mistakes == []
    assert rig.media_files == []


@pytest.mark.parametrize("gallery", GALLERIES)
@pytest.mark.parametrize(("language", "version", "app"), LOOKS)
def test_pictures_in_the_given_order(
    make_rig: RigFactory, tmp_path: Path, language: str, version: str, app: str, gallery: str
) -> None:
    rig = phone_like(make_rig, language, version, app)
    rig.app.manners.gallery = gallery
    paths = files(tmp_path, "c.png", "a.jpg", "b.webp")
    result = post(rig, paths, content_type=1, captions=f"Título 🎉##{CAPTION}")
    account, kind, media, title, caption, _ = accepted(rig)
    assert (account, kind, media) == ("demo_001_2", "images", hashes(paths))
    assert (title, caption) == ("Título 🎉", CAPTION)
    assert result.post_url == rig.posts[0]["url"]
    assert rig.app.mistakes == []
    assert rig.media_files == []


@pytest.mark.parametrize("gallery", GALLERIES)
@pytest.mark.parametrize(
    ("captions", "title", "caption"), [("no title", "", "no title"), ("only ##", "only", ""), ("", "", "")]
)
def test_one_picture(rig: Rig, tmp_path: Path, gallery: str, captions: str, title: str, caption: str) -> None:
    rig.app.manners.gallery = gallery
    paths = files(tmp_path, "a.jpg")
    post(rig, paths, content_type=1, captions=captions)
    assert accepted(rig)[1:5] == ("images", hashes(paths), title, caption)


def test_more_pictures_than_the_gallery_shows_at_once(make_rig: RigFactory, tmp_path: Path) -> None:
    rig = make_rig(latency="none")
    rig.app.manners.gallery = "circles"
    paths = files(tmp_path, *(f"{number}.jpg" for number in range(35)))
    post(rig, paths, content_type=1)
    assert accepted(rig)[2] == hashes(paths)


# Sounds

MUSIC = "https://www.tiktok.com/music/Song-No-1-7012345678901234567"


@pytest.mark.parametrize("content_type", [0, 1])
@pytest.mark.parametrize(("language", "version", "app"), LOOKS)
def test_from_the_page_of_a_sound(
    make_rig: RigFactory, tmp_path: Path, language: str, version: str, app: str, content_type: int
) -> None:
    rig = phone_like(make_rig, language, version, app)
    paths = files(tmp_path, *(["2.jpg", "1.jpg"] if content_type else ["clip.mp4"]))
    result = post(rig, paths, content_type=content_type, post_way="useSound", sound_name=MUSIC)
    kind = "images" if content_type else "video"
    assert accepted(rig) == ("demo_001_2", kind, hashes(paths), "", CAPTION, "Song No 1")
    assert result.evidence["sound"] == "Song No 1"
    assert rig.app.mistakes == []


@pytest.mark.parametrize("link", ["https://www.tiktok.com/t/ZTabc123/", "https://vm.tiktok.com/ZMabc123/"])
def test_short_links_lead_to_sounds_too(rig: Rig, tmp_path: Path, link: str) -> None:
    post(rig, files(tmp_path, "clip.mp4"), post_way="useSound", sound_name=link)
    assert accepted(rig)[-1] == "Original sound"


def test_a_sound_that_is_lost_on_the_way_is_not_published_without(rig: Rig, tmp_path: Path) -> None:
    def lose_sound() -> None:
        for page in rig.app._pages:
            if isinstance(page, pages.Editor):
                page.composition.sound = ""
        rig.app.changed()

    with (
        after_step(rig, "pick_media", lose_sound),
        pytest.raises(StepFailed, match="lost the sound Song No 1"),
    ):
        post(rig, files(tmp_path, "clip.mp4"), post_way="useSound", sound_name=MUSIC)
    assert rig.posts == []
    assert rig.media_files == []


def test_a_link_that_leads_elsewhere_ends_it(rig: Rig, tmp_path: Path) -> None:
    rig.app._page_of = lambda url: pages.Inbox(rig.app)
    with pytest.raises(ControlMissing, match="the sound's page"):
        post(rig, files(tmp_path, "clip.mp4"), post_way="useSound", sound_name=MUSIC, sound_wait_time=1)
    assert rig.posts == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_pictures_without_a_sound(make_rig: RigFactory, tmp_path: Path, language: str) -> None:
    rig = make_rig(language=language)
    post(rig, files(tmp_path, "1.jpg"), content_type=1, add_sound=0)
    assert accepted(rig)[-1] == ""


def test_a_video_without_a_sound_of_the_app(rig: Rig, tmp_path: Path) -> None:
    post(rig, files(tmp_path, "clip.mp4"), add_sound=0)
    assert accepted(rig)[-1] == ""


# Whatever is in the way

WAYS: dict[str, dict[str, Any]] = {
    "addButton": {"post_way": "addButton"},
    "useSound": {"post_way": "useSound", "sound_name": MUSIC},
    "pictures": {"content_type": 1},
}


def material(folder: Path, way: str) -> list[Path]:
    return files(folder, *(["2.jpg", "1.jpg"] if way == "pictures" else ["clip.mp4"]))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("way", WAYS)
def test_permissions_that_adb_can_not_give_are_given_on_the_screen(
    make_rig: RigFactory, tmp_path: Path, way: str, language: str
) -> None:
    rig = make_rig(language=language)
    rig.on_phone(lambda: refuse_grants(rig))
    paths = material(tmp_path, way)
    post(rig, paths, **WAYS[way])
    assert accepted(rig)[2] == hashes(paths)
    assert sum(note.startswith("left permission by") for note in rig.last.notes) >= 3


def refuse_grants(rig: Rig) -> None:
    """As phones do whose maker ships the app."""
    rig.phones.farm.farm.phones[0].packages[rig.package].system = True


@pytest.mark.parametrize("way", WAYS)
def test_the_templates_beside_the_camera_are_left_again(rig: Rig, tmp_path: Path, way: str) -> None:
    """The camera opens on its CREATE tab, as it does when it was left there."""
    opened = rig.app.create

    def create(**more: Any) -> None:
        opened(**more)
        for page in rig.app._pages:
            if isinstance(page, pages.Camera):
                page.create_tab = True

    rig.app.create = create
    paths = material(tmp_path, way)
    post(rig, paths, **WAYS[way])
    assert accepted(rig)[2] == hashes(paths)
    assert rig.app.mistakes == []


@pytest.mark.parametrize("start", [*STARTS, "launcher"])
@pytest.mark.parametrize("way", WAYS)
def test_each_way_starts_from_any_screen(rig: Rig, tmp_path: Path, way: str, start: str) -> None:
    if start != "launcher":
        rig.phones.adb().shell(f"monkey -p {PACKAGE} -c android.intent.category.LAUNCHER 1")
        rig.on_phone(lambda: rig.app.show(pages.Home(rig.app), STARTS[start](rig.app)))
    paths = material(tmp_path, way)
    post(rig, paths, **WAYS[way])
    account, kind, media, title, caption, _ = accepted(rig)
    assert (account, kind) == ("demo_001_2", "images" if way == "pictures" else "video")
    assert (media, title, caption) == (hashes(paths), "", CAPTION)
    assert rig.app.mistakes == []


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("way", WAYS)
def test_popups_on_each_way(make_rig: RigFactory, tmp_path: Path, way: str, moment: str) -> None:
    rig = make_rig(language="fr")
    for step in ("launch", "switch_account", "pick_media", "edit", "caption", "publish", "upload"):
        rig.phones.fault("popup", f"{moment}:{step}")
    paths = material(tmp_path, way)
    post(rig, paths, **WAYS[way])
    assert accepted(rig)[2] == hashes(paths)
    assert rig.app.mistakes == []


@pytest.mark.parametrize("fault", ["app_crash", "ui_server_dies"])
@pytest.mark.parametrize("when", ["after:pick_media", "before:caption"])
@pytest.mark.parametrize("way", WAYS)
def test_failures_on_each_way(rig: Rig, tmp_path: Path, way: str, when: str, fault: str) -> None:
    rig.phones.fault(fault, when)
    paths = material(tmp_path, way)
    post(rig, paths, **WAYS[way])
    assert accepted(rig)[2] == hashes(paths)
    assert rig.last.fenced == 1


def test_an_album_that_holds_more_than_our_files_is_not_picked_from(rig: Rig, tmp_path: Path) -> None:
    """A file of somebody else in our album: which one is ours is no longer certain."""
    paths = files(tmp_path, "1.jpg")
    rig.phones.adb().sync.push(paths[0], "/sdcard/Pictures/FarmRunner/somebody.jpg")
    rig.phones.adb().shell(
        "content call --uri content://media --method scan_file --arg /sdcard/Pictures/FarmRunner/somebody.jpg"
    )
    with pytest.raises(ControlMissing, match="shows 2 files, and 1 were put there"):
        post(rig, paths, content_type=1)
    assert rig.posts == []
    assert rig.last.fenced == 0
