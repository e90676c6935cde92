"""The post script on virtual phones through a real adb server; what the phone accepted is the truth."""

from __future__ import annotations

import copy
import hashlib
import threading
import time
from collections import Counter
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
    StorageFull,
    WrongAccount,
)
from runner.phones.screens import Catalog
from runner.virtual.app import AcceptedPost
from runner.virtual.apps.tiktok import pages
from scripts.post import Post, PostConfig
from support.post_rig import (
    CAPTION,
    PACKAGE,
    STARTS,
    VIDEO,
    InstagramFactory,
    Rig,
    RigFactory,
    after_step,
)


def test_each_account_publishes_what_it_was_given(make_rig: RigFactory) -> None:
    rig = make_rig(accounts=4)
    sha256 = hashlib.sha256(VIDEO).hexdigest()
    for number in (3, 1, 4, 4):
        user = f"demo_001_{number}"
        result = rig.post(user, CAPTION + str(number))
        post = rig.posts[-1]
        assert (post["account"], post["kind"], post["caption"]) == (user, "video", CAPTION + str(number))
        assert [media["sha256"] for media in post["media"]] == [sha256]
        assert result.post_url == post["url"]
        assert rig.last.fenced == 1
    assert len(rig.posts) == 4
    assert rig.app.mistakes == []
    assert rig.media_files == []
    assert rig.last.steps == list(Post.steps)


@pytest.mark.parametrize("app", ["tiktok", "instagram"])
def test_no_screen_is_asked_for_twice(
    make_rig: RigFactory, make_instagram: InstagramFactory, app: str
) -> None:
    """Where each tap shows at once: 39 calls, of which 20 ask for the screen."""
    rig = make_rig() if app == "tiktok" else make_instagram()
    rig.app.manners = type(rig.app.manners)()  # the plainest
    rig.post("demo_001_2")
    calls = Counter(call["name"] for call in rig.phones.control("/log") if call["kind"] == "rpc")
    del calls["ping"]
    assert calls.total() < 45, calls


@pytest.mark.parametrize(
    ("language", "version"), [("fr", "43.1.4"), ("en", "46.7.3"), ("fr", "47.0.3"), ("en", "44.3.3")]
)
def test_other_languages_and_versions(make_rig: RigFactory, language: str, version: str) -> None:
    rig = make_rig(language=language, app_versions=(("tiktok", version),))
    rig.app.manners.asks_save_login = True
    rig.app.manners.editor_hint = True
    result = rig.post("demo_001_2")
    assert [(post["account"], post["caption"]) for post in rig.posts] == [("demo_001_2", CAPTION)]
    assert result.post_url == rig.posts[0]["url"]
    assert "left save_login by refuse" in rig.last.notes
    assert rig.app.mistakes == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_tiktok_asia(make_rig: RigFactory, language: str) -> None:
    rig = make_rig(installed=("trill",), language=language)
    result = rig.post("demo_001_2")
    assert [(post["account"], post["caption"]) for post in rig.posts] == [("demo_001_2", CAPTION)]
    assert result.post_url == rig.posts[0]["url"]
    assert rig.app.mistakes == []


def test_spintax_is_chosen_by_the_seed_of_the_task(rig: Rig) -> None:
    config = PostConfig(captions="{a|b|c|d|e|f|g|h} {1|2|3|4}", material_list=[str(rig.video())])
    rig.run(config, "demo_001_1", rng_seed=11)
    rig.run(config, "demo_001_1", rng_seed=11)
    first, second = [post["caption"] for post in rig.posts]
    assert first == second
    assert first in {f"{letter} {digit}" for letter in "abcdefgh" for digit in "1234"}


def test_no_caption(rig: Rig) -> None:
    rig.post(caption="")
    assert [post["caption"] for post in rig.posts] == [""]


def test_a_caption_of_before_is_no_evidence(make_rig: RigFactory) -> None:
    """Profile full of posts that all read the same, with the same caption: only our upload tells."""
    rig = make_rig(latency="none")
    rig.on_phone(lambda: fill_profile(rig, "demo_001_1", CAPTION, 14))
    result = rig.post()
    assert len(rig.posts) == 15
    assert result.post_url == rig.posts[-1]["url"]


def test_a_full_profile_whose_upload_went_unseen(rig: Rig) -> None:
    rig.app.shortest_upload = 0.0
    rig.app.upload_bytes_per_second = 1e12
    rig.on_phone(lambda: fill_profile(rig, "demo_001_1", "something else", 14))
    result = rig.post()
    assert result.post_url == rig.posts[-1]["url"]


def fill_profile(rig: Rig, account: str, caption: str, count: int) -> None:
    for number in range(count):
        url = f"https://www.tiktok.com/@{account}/video/{number}"
        rig.app.android.posts.append(
            AcceptedPost("tiktok", account, "video", caption, "", [], "2026-01-01T00:00:00+00:00", url)
        )


# Accounts


def test_an_account_that_is_not_logged_in_fails_before_anything_is_shared(rig: Rig) -> None:
    with pytest.raises(WrongAccount, match="TikTok has @demo_001_1, @demo_001_2"):
        rig.post("somebody_else")
    assert rig.last.fenced == 0
    assert rig.last.steps == ["media", "account"]
    assert rig.posts == []
    assert rig.media_files == []


def test_an_account_far_down_the_list_is_found(make_rig: RigFactory) -> None:
    rig = make_rig(accounts=8)
    rig.post("demo_001_8")
    assert [post["account"] for post in rig.posts] == ["demo_001_8"]


@pytest.mark.parametrize(("state", "says"), [("logged_out", "log in"), ("blocked", "blocked")])
def test_an_unusable_account_is_said_so(rig: Rig, state: str, says: str) -> None:
    rig.phones.control("/accounts", method="POST", username="demo_001_1", state=state)
    with pytest.raises(AccountUnusable, match=says):
        rig.post()
    assert rig.last.fenced == 0
    assert rig.posts == []


def test_an_account_that_is_blocked_at_the_tap_is_refused(rig: Rig) -> None:
    with (
        after_step(rig, "caption", lambda: rig.app.set_account_state("demo_001_1", "blocked")),
        pytest.raises(AppRefused, match="blocked"),
    ):
        rig.post()
    assert rig.last.fenced == 1
    assert rig.posts == []
    assert rig.media_files == []


# Popups


@pytest.mark.parametrize("language", ["en", "fr"])
def test_popups_at_every_step_are_dismissed_and_named(make_rig: RigFactory, language: str) -> None:
    rig = make_rig(language=language)
    popups: set[str] = set()
    steps = ("launch", "switch_account", "pick_media", "edit", "caption", "publish", "upload")
    for moment in ("before", "after"):
        for step in steps:
            rig.phones.fault("popup", f"{moment}:{step}")
        rig.post("demo_001_2" if moment == "before" else "demo_001_1")
        found = [note for note in rig.last.notes if note.startswith("left ")]
        assert len(found) >= len(steps) - 1, rig.last.notes
        popups.update(note.split()[1] for note in found)
    assert len(popups) >= 8
    assert len(rig.posts) == 2
    assert rig.app.mistakes == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_dialog_that_nobody_knows_is_refused_and_kept(make_rig: RigFactory, language: str) -> None:
    rig = make_rig(language=language)
    question = rig.app.say("How do you like the app?")
    with after_step(rig, "launch", lambda: rig.app.show_popup("survey")):
        rig.post("demo_001_2")
    assert len(rig.posts) == 1
    assert rig.app.mistakes == []
    ((why, (hierarchy, screenshot)),) = rig.last.kept.items()
    assert why == "dialog, which is left by refuse"
    assert question.encode() in hierarchy
    assert screenshot.startswith(b"\xff\xd8")


def test_publishing_publicly_is_confirmed_after_the_fence(rig: Rig) -> None:
    rig.on_phone(lambda: rig.app.show_popup("publish_publicly"))
    rig.post()
    assert len(rig.posts) == 1
    assert "confirmed that the video is published publicly" in rig.last.notes


def test_the_share_chooser_of_newer_builds(rig: Rig) -> None:
    rig.app.manners.share_chooser = True
    rig.post()
    assert [post["caption"] for post in rig.posts] == [CAPTION]


# A screen to start from


@pytest.mark.parametrize("start", STARTS)
def test_it_starts_from_any_screen(rig: Rig, start: str) -> None:
    rig.phones.adb().shell(f"monkey -p {PACKAGE} -c android.intent.category.LAUNCHER 1")
    rig.on_phone(lambda: rig.app.show(pages.Home(rig.app), STARTS[start](rig.app)))
    rig.post("demo_001_2")
    assert [(post["account"], post["kind"]) for post in rig.posts] == [("demo_001_2", "video")]
    assert rig.app.mistakes == []


def test_a_half_finished_post_is_left_unpublished(rig: Rig) -> None:
    def leave_editor_open() -> None:
        composition = pages.Composition([rig.app.snapshot()], caption="half finished")
        rig.app.show(
            pages.Home(rig.app), pages.Editor(rig.app, composition), pages.PostPage(rig.app, composition)
        )

    rig.phones.adb().shell(f"monkey -p {PACKAGE} -c android.intent.category.LAUNCHER 1")
    rig.on_phone(leave_editor_open)
    rig.post()
    assert [post["caption"] for post in rig.posts] == [CAPTION]
    assert "restarted the app, which was on post_page" in rig.last.notes


# Failures


def test_the_apps_own_refusal_ends_it(rig: Rig) -> None:
    rig.phones.fault("upload_fails")
    with pytest.raises(AppRefused, match="TikTok says: Something went wrong"):
        rig.post()
    assert rig.last.fenced == 1
    assert rig.posts == []
    assert rig.app.uploads == []
    assert rig.media_files == []


def test_an_upload_without_end_leaves_the_file_until_the_next_task(rig: Rig) -> None:
    rig.phones.fault("upload_never_ends")
    with pytest.raises(StepFailed, match="did not end within 2 s; the last progress was 37%"):
        rig.post(wait=2)
    assert rig.last.fenced == 1
    assert len(rig.media_files) == 1
    rig.on_phone(rig.app.uploads.clear)
    config = PostConfig(captions="the next", material_list=[str(rig.video(VIDEO[::-1], "next.mp4"))])
    rig.run(config, "demo_001_1")
    assert [post["caption"] for post in rig.posts] == ["the next"]
    assert rig.media_files == []


@pytest.mark.parametrize("when", ["before:pick_media", "after:edit"])
def test_a_crash_before_the_tap_is_recovered_with_a_new_proof(rig: Rig, when: str) -> None:
    rig.phones.fault("app_crash", when)
    rig.post("demo_001_2")
    assert rig.last.steps.count("account") == 2
    assert [post["account"] for post in rig.posts] == ["demo_001_2"]


def test_a_crash_after_the_tap_is_never_repeated(rig: Rig) -> None:
    rig.phones.fault("app_crash", "after:publish")
    with pytest.raises(StepFailed, match="The upload did not end"):
        rig.post(wait=6)
    assert rig.last.fenced == 1
    assert rig.posts == []
    assert len(rig.media_files) == 1


def test_an_unplugged_phone_that_comes_back_shows_the_evidence(rig: Rig) -> None:
    rig.phones.fault("unplug", "after:publish", seconds=1)
    result = rig.post()
    assert result.post_url == rig.posts[0]["url"]
    assert len(rig.posts) == 1


@pytest.mark.parametrize("when", ["before:caption", "before:publish"])
def test_a_dead_ui_server_is_recovered(rig: Rig, when: str) -> None:
    rig.phones.fault("ui_server_dies", when)
    rig.post()
    assert len(rig.posts) == 1
    assert rig.last.fenced == 1


def test_a_full_phone_says_so(rig: Rig) -> None:
    rig.post(caption="first")
    rig.phones.fault("storage_full")
    with pytest.raises(StorageFull):
        rig.run(PostConfig(material_list=[str(rig.video(VIDEO * 2, "other.mp4"))]), "demo_001_1")
    assert len(rig.posts) == 1


def test_a_stop_ends_it_at_once_and_takes_the_file_away(rig: Rig) -> None:
    cancel = CancelToken()
    with after_step(rig, "edit", lambda: cancel.cancel("stopped")), pytest.raises(Cancelled):
        rig.post(cancel=cancel)
    assert rig.last.fenced == 0
    assert rig.posts == []
    assert rig.media_files == []


def test_stop_is_felt_within_two_seconds_while_the_upload_is_watched(rig: Rig) -> None:
    rig.phones.fault("upload_never_ends")
    cancel = CancelToken()
    stopped_at: list[float] = []

    def stop() -> None:
        stopped_at.append(time.monotonic())
        cancel.cancel("stopped")

    timer = threading.Timer(3.0, stop)
    timer.start()
    with pytest.raises(Cancelled):
        rig.post(wait=60, cancel=cancel)
    assert time.monotonic() - stopped_at[0] < 2
    assert len(rig.media_files) == 1, "an upload may still need it"


# The label of Publish changes


def test_an_unknown_publish_label_is_said_in_plain_words_and_repaired_by_one_line(
    rig: Rig, tmp_path: Path
) -> None:
    relabel(rig, "Post", "Share now")
    folder = tmp_path / "screens"
    rig.bench.catalog = Catalog.load(folder)
    with pytest.raises(ControlMissing, match="no Publish control recognised on post_page"):
        rig.post()
    assert rig.last.fenced == 0
    assert rig.posts == []
    folder.mkdir()
    (folder / "mine.yaml").write_text("words: {en: {post: [Post, Share now]}}\n", "utf-8")
    time.sleep(0.6)  # the catalog looks at its files twice a second
    rig.post()
    assert [post["caption"] for post in rig.posts] == [CAPTION]


def relabel(rig: Rig, old: str, new: str) -> None:
    """Give the Buttons of the app another text, as an update of the app would."""
    drawn = rig.app.windows

    def windows() -> list[Any]:
        copies = copy.deepcopy(drawn())
        for window in copies:
            for node in window.iter("node"):
                if node.get("text") == old and node.get("class") == "android.widget.Button":
                    node.set("text", new)
        return copies

    rig.app.windows = windows


# Retries of an unknown outcome


def test_a_forced_retry_finds_the_post_of_the_attempt_before(rig: Rig) -> None:
    rig.post()
    result = rig.post(check_published_first=True)
    assert len(rig.posts) == 1
    assert rig.last.fenced == 0
    assert result.post_url == rig.posts[0]["url"]
    assert "on the profile already" in result.remark


def test_a_forced_retry_finds_the_post_behind_those_that_came_after_it(rig: Rig) -> None:
    rig.post()
    for number in range(4):
        rig.post(caption=f"later {number}")
    rig.post(check_published_first=True)
    assert len(rig.posts) == 5
    assert rig.last.fenced == 0


def test_a_forced_retry_publishes_what_is_not_there(rig: Rig) -> None:
    rig.post(caption="another")
    rig.post(check_published_first=True)
    assert [post["caption"] for post in rig.posts] == ["another", CAPTION]
