"""The post script on Instagram, on virtual phones through a real adb server."""

from __future__ import annotations

import copy
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runner.cancel import CancelToken
from runner.errors import (
    AccountUnusable,
    AppRefused,
    Cancelled,
    ControlMissing,
    StepFailed,
    WrongAccount,
)
from runner.phones.screens import Catalog
from runner.script import Result
from runner.virtual.app import AcceptedPost
from runner.virtual.apps import words
from runner.virtual.apps.instagram import pages, posting
from runner.virtual.apps.posts import Composition, Upload
from scripts.post import Post, PostConfig
from support.post_rig import CAPTION, VIDEO, InstagramFactory, InstagramRig, after_step

PACKAGE = "com.instagram.android"
NEWER, OLDER = "410.0.0.53.71", "400.0"
LOOKS = [("en", NEWER), ("fr", NEWER), ("en", OLDER), ("fr", OLDER)]
FIRST, SECOND = "demo_001_1", "demo_001_2"


def post(
    rig: InstagramRig,
    username: str = FIRST,
    *files: Path,
    caption: str = CAPTION,
    wait: int = 20,
    run: dict[str, Any] | None = None,
    **fields: Any,
) -> Result:
    """A reel of a video unless `files` and `fields` say something else."""
    media = [str(path) for path in files or [rig.video()]]
    config = PostConfig(captions=caption, material_list=media, upload_wait_time=wait, **fields)
    return rig.run(config, username, **(run or {}))


def pictures(rig: InstagramRig, username: str, *files: Path, **fields: Any) -> Result:
    return post(rig, username, *files, content_type=1, **fields)


def hashes_of(post: dict[str, Any]) -> list[str]:
    return [media["sha256"] for media in post["media"]]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def launch(rig: InstagramRig) -> None:
    rig.phones.adb().shell(f"monkey -p {PACKAGE} -c android.intent.category.LAUNCHER 1")


def other_file(rig: InstagramRig, path: str = "/sdcard/DCIM/holiday.jpg") -> None:
    """A file that is none of ours, and newer than ours will be."""
    adb = rig.phones.adb()
    adb.shell(f"mkdir -p {path.rpartition('/')[0]} && echo private > {path} && touch -d @4000000000 {path}")
    adb.shell(f"content call --uri content://media --method scan_file --arg {path}")


def change_nodes(rig: InstagramRig, change: Callable[[Any], None]) -> None:
    """Show everything of the app as another build of it would."""
    drawn = rig.app.windows

    def windows() -> list[Any]:
        copies = copy.deepcopy(drawn())
        for window in copies:
            for node in window.iter("node"):
                change(node)
        return copies

    rig.app.windows = windows


def redraw(rig: InstagramRig, say: Callable[[str], str]) -> None:
    """Let the app say something else for each text."""

    def change(node: Any) -> None:
        for attribute in ("text", "content-desc"):
            node.set(attribute, say(node.get(attribute)))

    change_nodes(rig, change)


# What is published


@pytest.mark.parametrize("way", ["share", "addButton"])
@pytest.mark.parametrize(("language", "version"), LOOKS)
def test_a_reel(make_instagram: InstagramFactory, language: str, version: str, way: str) -> None:
    rig = make_instagram(language=language, app_versions=(("instagram", version),))
    other_file(rig)
    result = post(rig, SECOND, post_way=way)
    [accepted] = rig.posts
    assert (accepted["app"], accepted["account"], accepted["kind"]) == ("instagram", SECOND, "reel")
    assert (accepted["caption"], hashes_of(accepted)) == (CAPTION, [hashlib.sha256(VIDEO).hexdigest()])
    assert not accepted["ai_label"]
    assert result.post_url == accepted["url"]
    assert result.profile_url == f"https://www.instagram.com/{SECOND}/"
    assert rig.last.fenced == 1
    assert rig.app.mistakes == []
    assert rig.media_files == []
    assert rig.last.steps == list(Post.steps)
    assert rig.app.drafts.count(SECOND) == 0


@pytest.mark.parametrize(("language", "version"), LOOKS)
def test_a_story(make_instagram: InstagramFactory, language: str, version: str) -> None:
    rig = make_instagram(language=language, app_versions=(("instagram", version),))
    other_file(rig)
    rig.on_phone(lambda: rig.app.show_popup("story_information"))
    result = post(rig, SECOND, caption="", placement="story")
    [accepted] = rig.posts
    assert (accepted["account"], accepted["kind"]) == (SECOND, "story")
    assert hashes_of(accepted) == [hashlib.sha256(VIDEO).hexdigest()]
    assert (result.post_url, result.evidence["placement"]) == ("", "story")
    assert rig.app.mistakes == [], "neither close friends nor settings"
    assert "left story_reach_notice by ok" in rig.last.notes
    assert rig.media_files == []


def test_a_story_of_a_picture(instagram: InstagramRig) -> None:
    [image] = instagram.images("a.jpg")
    pictures(instagram, FIRST, image, caption="", placement="story")
    [accepted] = instagram.posts
    assert (accepted["kind"], hashes_of(accepted)) == ("story", [sha256(image)])


def test_a_second_story_cant_be_proved_and_is_not_called_published(instagram: InstagramRig) -> None:
    post(instagram, FIRST, caption="", placement="story")
    with pytest.raises(StepFailed, match="had a story already"):
        post(instagram, FIRST, caption="", placement="story", wait=4)
    assert instagram.last.fenced == 1


@pytest.mark.parametrize(("language", "version"), LOOKS)
def test_a_carousel_keeps_the_given_order(
    make_instagram: InstagramFactory, language: str, version: str
) -> None:
    rig = make_instagram(language=language, app_versions=(("instagram", version),))
    rig.app.manners.stale_selection = True
    other_file(rig)
    files = rig.images("c.jpg", "a.jpeg", "b.jpg", "0.jpg")
    result = pictures(rig, SECOND, *files)
    [accepted] = rig.posts
    assert (accepted["account"], accepted["kind"], accepted["caption"]) == (SECOND, "images", CAPTION)
    assert hashes_of(accepted) == [sha256(file) for file in files]
    assert result.post_url == accepted["url"]
    assert rig.app.mistakes == []
    assert rig.media_files == []


def test_a_carousel_that_needs_scrolling(instagram: InstagramRig) -> None:
    instagram.app.manners.stale_selection = False
    files = instagram.images(*(f"{number}.jpg" for number in range(20)))
    pictures(instagram, FIRST, *files)
    [accepted] = instagram.posts
    assert hashes_of(accepted) == [sha256(file) for file in files]


def test_an_older_build_that_takes_fewer_pictures_says_so(make_instagram: InstagramFactory) -> None:
    rig = make_instagram(app_versions=(("instagram", OLDER),))
    with pytest.raises(StepFailed, match="picture 11 of 11"):
        pictures(rig, FIRST, *rig.images(*(f"{number}.jpg" for number in range(11))))
    assert rig.last.fenced == 0
    assert rig.posts == []


@pytest.mark.parametrize("way", ["share", "addButton"])
def test_one_picture(instagram: InstagramRig, way: str) -> None:
    other_file(instagram)
    [image] = instagram.images("only.jpg")
    result = pictures(instagram, FIRST, image, post_way=way)
    [accepted] = instagram.posts
    assert (accepted["kind"], accepted["caption"], hashes_of(accepted)) == (
        "images",
        CAPTION,
        [sha256(image)],
    )
    assert result.post_url == accepted["url"]


@pytest.mark.parametrize(("language", "version"), LOOKS)
def test_the_ai_label(make_instagram: InstagramFactory, language: str, version: str) -> None:
    rig = make_instagram(language=language, app_versions=(("instagram", version),))
    post(rig, ai_label=True)
    pictures(rig, FIRST, *rig.images("a.jpg"), ai_label=True)
    assert [accepted["ai_label"] for accepted in rig.posts] == [True, True]
    assert [accepted["caption"] for accepted in rig.posts] == [CAPTION, CAPTION]
    assert rig.app.mistakes == []


@pytest.mark.parametrize("caption", ["", "x" * 2200, "Hi\nthere", "one …", "#a #b @someone"])
def test_captions(instagram: InstagramRig, caption: str) -> None:
    result = post(instagram, FIRST, caption=caption)
    assert [accepted["caption"] for accepted in instagram.posts] == [caption]
    assert result.post_url == instagram.posts[0]["url"]


# The app's manners


@pytest.mark.parametrize(
    ("landing", "pending", "is_odd"),
    [
        ("feed", "progress", False),
        ("feed", "account", True),
        ("reels", "progress", True),
        ("reels", "account", False),
    ],
)
def test_wherever_the_app_goes_after_share(
    instagram: InstagramRig, landing: str, pending: str, is_odd: bool
) -> None:
    manners = instagram.app.manners
    manners.landing, manners.pending = landing, pending
    manners.done = "nicely_done" if is_odd else "all_set"
    manners.reel_unavailable = manners.editor_hints = manners.asks_save_login = manners.download_nux = is_odd
    manners.after_switch = "profile" if is_odd else "home"
    instagram.app.shortest_upload = 1.5
    result = post(instagram, SECOND)
    assert [(each["account"], each["caption"]) for each in instagram.posts] == [(SECOND, CAPTION)]
    assert result.post_url == instagram.posts[0]["url"]
    assert result.evidence["progress_seen"]
    assert instagram.app.mistakes == []


def test_a_shared_file_that_the_app_does_not_take_goes_by_its_own_button(instagram: InstagramRig) -> None:
    instagram.app._receive = lambda what, intent: instagram.app.show_home()
    post(instagram, FIRST)
    assert [accepted["caption"] for accepted in instagram.posts] == [CAPTION]
    assert any(note.startswith("the shared file was not taken") for note in instagram.last.notes)


def test_a_build_without_the_share_intent(instagram: InstagramRig) -> None:
    start = instagram.app.start
    instagram.app.start = lambda intent: (
        "Error: Activity not started, unable to resolve Intent"
        if intent.action.startswith("com.instagram.share")
        else start(intent)
    )
    post(instagram, FIRST)
    assert [accepted["caption"] for accepted in instagram.posts] == [CAPTION]


def test_what_is_selected_out_of_sight_is_not_published(instagram: InstagramRig) -> None:
    """ "Select multiple" goes on with a picture of another album."""
    other_file(instagram)
    toggle = posting.PostGallery._toggle_multi

    def with_another(gallery: posting.PostGallery) -> None:
        toggle(gallery)
        gallery._chosen = [gallery.app.visible_media()[0].id]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(posting.PostGallery, "_toggle_multi", with_another)
        with pytest.raises(StepFailed, match="counts picture 1 as number 2"):
            pictures(instagram, FIRST, *instagram.images("a.jpg", "b.jpg"))
    assert instagram.last.fenced == 0
    assert instagram.posts == []


def test_a_language_without_words_is_tried_by_ids(make_instagram: InstagramFactory) -> None:
    """Reels and single pictures by the share intent need no word; the link does, and stays unknown."""
    rig = make_instagram(language="de")
    fixed = words.french("instagram").keys()
    redraw(rig, lambda text: f"¤{text[::-1]}" if text in fixed else text)
    result = post(rig, SECOND)
    pictures(rig, FIRST, *rig.images("a.jpg"))
    assert [(each["account"], each["kind"]) for each in rig.posts] == [(SECOND, "reel"), (FIRST, "images")]
    assert [each["caption"] for each in rig.posts] == [CAPTION, CAPTION]
    assert result.post_url == ""
    assert rig.app.mistakes == []


# Evidence


def test_a_caption_of_before_is_no_evidence(instagram: InstagramRig) -> None:
    first = post(instagram)
    second = post(instagram)
    urls = [accepted["url"] for accepted in instagram.posts]
    assert [first.post_url, second.post_url] == urls
    instagram.phones.fault("upload_never_ends")
    with pytest.raises(StepFailed, match=r"did not end within 3 s; the last .*: (37%|Posting to)"):
        post(instagram, wait=3)


def without_count(rig: InstagramRig) -> None:
    """As a dump of version 410 shows it: the number of posts is empty."""

    def empty(node: Any) -> None:
        if node.get("resource-id").endswith("/profile_header_familiar_post_count_value"):
            node.set("text", "")

    change_nodes(rig, empty)


def fill_profile(rig: InstagramRig, caption: str, count: int) -> None:
    for number in range(count):
        url = f"https://www.instagram.com/reel/old{number}/"
        rig.app.android.posts.append(
            AcceptedPost("instagram", FIRST, "reel", caption, "", [], "2026-01-01T00:00:00+00:00", url)
        )


@pytest.mark.parametrize(("before", "caption"), [(0, ""), (14, CAPTION), (14, "something else")])
def test_a_profile_that_counts_nothing(instagram: InstagramRig, before: int, caption: str) -> None:
    without_count(instagram)
    instagram.on_phone(lambda: fill_profile(instagram, caption, before))
    result = post(instagram)
    assert len(instagram.posts) == before + 1
    assert result.post_url == instagram.posts[-1]["url"]


def test_what_the_app_still_says_of_an_earlier_post_is_no_evidence(instagram: InstagramRig) -> None:
    without_count(instagram)
    instagram.on_phone(lambda: fill_profile(instagram, CAPTION, 14))
    instagram.app.manners.landing = "feed"
    post(instagram)
    instagram.phones.fault("upload_never_ends")
    with pytest.raises(StepFailed, match="did not end"):
        post(instagram, wait=5)
    assert len(instagram.posts) == 15


def test_an_earlier_upload_is_waited_for(instagram: InstagramRig) -> None:
    instagram.app.shortest_upload = 6.0
    with pytest.raises(StepFailed, match="did not end within 2 s"):
        post(instagram, wait=2)
    instagram.app.shortest_upload = 0.5
    result = post(instagram)
    assert len(instagram.posts) == 2
    assert result.post_url == instagram.posts[1]["url"]


# Accounts


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("state", "says", "marked"),
    [
        ("logged_out", "log in", "logged_out"),
        ("captcha", "captcha", "captcha"),
        ("selfie", "video selfie", "verification"),
        ("upload_id", "identity document", "verification"),
        ("suspended", "suspended", "suspended"),
        ("disabled", "disabled", "disabled"),
    ],
)
def test_an_unusable_account_is_said_so_and_leaves_the_others_alone(
    make_instagram: InstagramFactory, language: str, state: str, says: str, marked: str
) -> None:
    rig = make_instagram(language=language)
    rig.on_phone(lambda: rig.app.set_account_state(FIRST, state))
    with pytest.raises(AccountUnusable, match=says) as caught:
        post(rig, FIRST)
    assert caught.value.state == marked
    assert (rig.last.fenced, rig.posts, rig.media_files) == (0, [], [])
    post(rig, SECOND)
    assert [accepted["account"] for accepted in rig.posts] == [SECOND]
    assert rig.app.mistakes == []


def test_an_account_that_is_not_logged_in(instagram: InstagramRig) -> None:
    with pytest.raises(WrongAccount, match=f"Instagram has @{FIRST}, @{SECOND}"):
        post(instagram, "somebody_else")
    assert instagram.last.fenced == 0
    assert instagram.posts == []
    assert instagram.media_files == []


def test_an_account_that_is_suspended_at_the_tap_is_refused(instagram: InstagramRig) -> None:
    with (
        after_step(instagram, "caption", lambda: instagram.app.set_account_state(FIRST, "suspended")),
        pytest.raises(AppRefused, match="suspended"),
    ):
        post(instagram)
    assert instagram.last.fenced == 1
    assert instagram.posts == []


# Popups


@pytest.mark.parametrize(("language", "version"), LOOKS)
def test_popups_at_every_step_are_dismissed_and_named(
    make_instagram: InstagramFactory, language: str, version: str
) -> None:
    rig = make_instagram(language=language, app_versions=(("instagram", version),))
    popups: set[str] = set()
    steps = ("launch", "switch_account", "pick_media", "edit", "caption", "publish", "upload")
    for moment in ("before", "after"):
        for step in steps:
            rig.phones.fault("popup", f"{moment}:{step}")
        user = SECOND if moment == "before" else FIRST
        post(rig, user, post_way="addButton")
        found = [note for note in rig.last.notes if note.startswith("left ")]
        assert len(found) >= len(steps) - 1, rig.last.notes
        popups.update(note.split()[1] for note in found)
    assert popups >= {"rate_app", "notifications", "save_login"}
    assert [accepted["account"] for accepted in rig.posts] == [SECOND, FIRST]
    assert rig.app.mistakes == []


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("what", ["story", "carousel"])
def test_a_popup_on_the_other_ways(make_instagram: InstagramFactory, language: str, what: str) -> None:
    rig = make_instagram(language=language)
    for popup, when, step in (
        ("rate", "after", "launch"),
        ("notifications", "before", "edit"),
        ("save_login", "after", "publish"),
    ):
        with popup_at(rig, popup, when, step):
            if what == "story":
                rig.on_phone(rig.app.android.posts.clear)
                post(rig, caption="", placement="story")
            else:
                pictures(rig, FIRST, *rig.images("a.jpg", "b.jpg"), caption=popup)
                assert rig.posts[-1]["caption"] == popup
    assert rig.app.mistakes == []


@contextmanager
def popup_at(rig: InstagramRig, popup: str, when: str, step: str) -> Iterator[None]:
    reached = rig.app.android.reached

    def watching(at: str, name: str) -> None:
        reached(at, name)
        if (at, name) == (when, step):
            rig.app.show_popup(popup)

    rig.app.android.reached = watching
    try:
        yield
    finally:
        rig.app.android.reached = reached


def test_an_unknown_sheet_is_never_answered_by_its_positive_button(instagram: InstagramRig) -> None:
    """The rate dialog under ids that nobody knows."""

    def rename(node: Any) -> None:
        if "appirater" in node.get("resource-id"):
            node.set("resource-id", f"{PACKAGE}:id/dialog_container")

    change_nodes(instagram, rename)
    instagram.on_phone(lambda: instagram.app.show_popup("rate"))
    post(instagram)
    assert any(note.startswith("left dialog by ") for note in instagram.last.notes)
    assert instagram.app.mistakes == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_dialog_that_nobody_knows_is_refused_and_kept(
    make_instagram: InstagramFactory, language: str
) -> None:
    rig = make_instagram(language=language)
    with popup_at(rig, "survey", "after", "edit"):
        post(rig)
    assert len(rig.posts) == 1
    assert rig.app.mistakes == []
    ((why, (hierarchy, _)),) = rig.last.kept.items()
    assert why == "dialog, which is left by refuse"
    assert rig.app.say("How do you like the app?").encode() in hierarchy


def test_permission_dialogs(make_instagram: InstagramFactory) -> None:
    rig = make_instagram()
    for permission in ("CAMERA", "RECORD_AUDIO"):
        rig.phones.adb().shell(f"pm revoke {PACKAGE} android.permission.{permission}")
    post(rig, post_way="addButton")
    assert len(rig.posts) == 1
    assert rig.last.notes.count("left permission by while_using") == 2


# A screen to start from

STARTS: dict[str, Callable[[Any], Any]] = {
    "home": pages.Home,
    "reels": pages.Reels,
    "inbox": lambda app: pages.Blank(app, "tab.inbox"),
    "switcher": pages.Switcher,
    "create_sheet": lambda app: pages.CreateSheet(app, pages.Profile(app)),
    "other_profile": lambda app: pages.OtherProfile(app, "demo_009_9"),
    "camera": posting.Camera,
    "reel_gallery": posting.ReelGallery,
    "story_gallery": posting.StoryGallery,
    "post_gallery": posting.PostGallery,
    "login": pages.Login,
}


@pytest.mark.parametrize("start", STARTS)
def test_it_starts_from_any_screen(instagram: InstagramRig, start: str) -> None:
    launch(instagram)
    app = instagram.app
    instagram.on_phone(lambda: app.show(pages.Home(app), STARTS[start](app)))
    post(instagram, SECOND)
    assert [(each["account"], each["kind"]) for each in instagram.posts] == [(SECOND, "reel")]
    assert instagram.app.mistakes == []


def half_done(app: Any, name: str) -> list[Any]:
    composition = Composition([app.android.media()[0]], caption="half finished")
    editor = posting.ReelEditor(app, composition, "New reel")
    match name:
        case "composer":
            return [editor, posting.Composer(app, composition, "reel", "New reel")]
        case "composer_editing":
            composer = posting.Composer(app, composition, "reel", "New reel")
            composer.focus = "caption"
            return [editor, composer]
        case "reel_editor":
            return [editor]
        case "save_draft":
            return [editor, posting.SaveDraft(app, editor, composition)]
        case "post_editor":
            return [posting.PostEditor(app, composition)]
        case _:
            return [posting.StoryEditor(app, composition)]


@pytest.mark.parametrize(
    "name", ["composer", "composer_editing", "reel_editor", "save_draft", "post_editor", "story_editor"]
)
def test_a_half_finished_post_is_given_up_and_leaves_no_draft(instagram: InstagramRig, name: str) -> None:
    other_file(instagram)
    launch(instagram)
    app = instagram.app
    instagram.on_phone(lambda: app.show(pages.Home(app), posting.ReelGallery(app), *half_done(app, name)))
    post(instagram)
    assert [accepted["caption"] for accepted in instagram.posts] == [CAPTION]
    assert app.drafts.count(FIRST) == 0
    assert app.mistakes == []


def test_a_draft_that_comes_up_again_is_not_gone_on_with(instagram: InstagramRig) -> None:
    other_file(instagram)
    launch(instagram)
    app = instagram.app
    instagram.on_phone(lambda: app.show(pages.Home(app), *half_done(app, "reel_editor")))
    instagram.on_phone(app.stop)
    post(instagram, post_way="addButton")
    assert [hashes_of(accepted) for accepted in instagram.posts] == [[hashlib.sha256(VIDEO).hexdigest()]]
    assert "left keep_draft by start_new_video" in instagram.last.notes
    assert app.mistakes == []


# Failures


@pytest.mark.parametrize("what", ["reel", "pictures", "story"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_apps_own_refusal_ends_it(make_instagram: InstagramFactory, language: str, what: str) -> None:
    rig = make_instagram(language=language)
    rig.phones.fault("upload_fails")
    rig.app.shortest_upload = 2.0
    story = {"caption": "", "placement": "story"} if what == "story" else {}
    files = rig.images("a.jpg") if what == "pictures" else []
    with pytest.raises(AppRefused, match=r"Instagram says: (Video|Photo|Impossible)"):
        post(rig, FIRST, *files, content_type=len(files), **story)
    assert rig.last.fenced == 1
    assert rig.posts == []
    assert rig.app.failed_by(FIRST) is None, "the app would try again by itself"
    assert rig.media_files == []


def test_a_post_that_failed_before_is_discarded_and_not_taken_for_ours(instagram: InstagramRig) -> None:
    app = instagram.app
    instagram.on_phone(lambda: app.failed(Upload(Composition([]), FIRST, "reel", 0.0, 1.0)))
    post(instagram)
    assert [accepted["caption"] for accepted in instagram.posts] == [CAPTION]
    assert "discarded an earlier post that Instagram could not publish" in instagram.last.notes
    assert app.failed_by(FIRST) is None


def test_a_crash_after_the_tap_is_never_repeated(instagram: InstagramRig) -> None:
    instagram.phones.fault("app_crash", "after:publish")
    instagram.app.shortest_upload = 30.0
    with pytest.raises(AppRefused, match="Instagram says"):
        post(instagram)
    assert instagram.last.fenced == 1
    assert instagram.posts == []


def test_an_upload_without_end_leaves_the_file_until_the_next_task(instagram: InstagramRig) -> None:
    instagram.phones.fault("upload_never_ends")
    with pytest.raises(StepFailed, match="did not end within 2 s"):
        post(instagram, wait=2)
    assert instagram.last.fenced == 1
    assert len(instagram.media_files) == 1
    instagram.on_phone(instagram.app.uploads.clear)
    post(instagram, FIRST, instagram.video(VIDEO[::-1], "next.mp4"), caption="the next")
    assert [accepted["caption"] for accepted in instagram.posts] == ["the next"]
    assert instagram.media_files == []


@pytest.mark.parametrize("way", ["share", "addButton"])
@pytest.mark.parametrize("when", ["before:pick_media", "after:pick_media", "after:edit", "before:caption"])
def test_a_crash_before_the_tap_is_recovered_with_a_new_proof(
    instagram: InstagramRig, when: str, way: str
) -> None:
    instagram.phones.fault("app_crash", when)
    post(instagram, SECOND, post_way=way)
    assert instagram.last.steps.count("account") == 2
    assert [accepted["account"] for accepted in instagram.posts] == [SECOND]
    assert instagram.app.mistakes == []


def test_an_unplugged_phone_that_comes_back_shows_the_evidence(instagram: InstagramRig) -> None:
    instagram.phones.fault("unplug", "after:publish", seconds=1)
    result = post(instagram)
    assert result.post_url == instagram.posts[0]["url"]
    assert len(instagram.posts) == 1


def test_a_stop_ends_it_at_once_and_takes_the_file_away(instagram: InstagramRig) -> None:
    cancel = CancelToken()
    with after_step(instagram, "edit", lambda: cancel.cancel("stopped")), pytest.raises(Cancelled):
        post(instagram, run={"cancel": cancel})
    assert instagram.last.fenced == 0
    assert instagram.posts == []
    assert instagram.media_files == []


def test_stop_is_felt_within_two_seconds_while_the_upload_is_watched(instagram: InstagramRig) -> None:
    instagram.phones.fault("upload_never_ends")
    cancel = CancelToken()
    stopped_at: list[float] = []

    def stop() -> None:
        stopped_at.append(time.monotonic())
        cancel.cancel("stopped")

    with (
        after_step(instagram, "publish", lambda: threading.Timer(1.0, stop).start()),
        pytest.raises(Cancelled),
    ):
        post(instagram, wait=60, run={"cancel": cancel})
    assert time.monotonic() - stopped_at[0] < 2
    assert len(instagram.media_files) == 1, "an upload may still need it"


# The label of the publishing button changes


@pytest.mark.parametrize(
    ("fields", "old", "screen", "word"),
    [
        ({}, "Share", "composer", "share_post"),
        ({"placement": "story"}, "Your story", "story_editor", "story_button"),
    ],
)
def test_an_unknown_label_is_said_in_plain_words_and_repaired_by_one_line(
    instagram: InstagramRig, tmp_path: Path, fields: dict[str, Any], old: str, screen: str, word: str
) -> None:
    redraw(instagram, lambda text: "Publish it" if text == old else text)
    folder = tmp_path / "screens"
    instagram.bench.catalog = Catalog.load(folder)
    caption = "" if fields else CAPTION
    with pytest.raises(ControlMissing, match=f"no Publish control recognised on {screen}"):
        post(instagram, caption=caption, **fields)
    assert instagram.last.fenced == 0
    assert instagram.posts == []
    folder.mkdir()
    (folder / "mine.yaml").write_text(f"words: {{en: {{{word}: [Publish it]}}}}\n", "utf-8")
    time.sleep(0.6)  # the catalog looks at its files twice a second
    post(instagram, caption=caption, **fields)
    assert [accepted["caption"] for accepted in instagram.posts] == [caption]


# Retries of an unknown outcome


def test_a_forced_retry_finds_the_post_of_the_attempt_before(instagram: InstagramRig) -> None:
    post(instagram)
    result = post(instagram, run={"check_published_first": True})
    assert len(instagram.posts) == 1
    assert instagram.last.fenced == 0
    assert result.post_url == instagram.posts[0]["url"]
    assert "on the profile already" in result.remark


def test_a_forced_retry_publishes_what_is_not_there(instagram: InstagramRig) -> None:
    post(instagram, caption="another")
    post(instagram, run={"check_published_first": True})
    assert [accepted["caption"] for accepted in instagram.posts] == ["another", CAPTION]


def test_a_forced_retry_of_a_story_publishes_no_second_one(instagram: InstagramRig) -> None:
    story = {"caption": "", "placement": "story", "run": {"check_published_first": True}}
    post(instagram, **story)
    with pytest.raises(StepFailed, match="has a story, which may be this task's"):
        post(instagram, **story)
    assert len(instagram.posts) == 1
    assert instagram.last.fenced == 0
