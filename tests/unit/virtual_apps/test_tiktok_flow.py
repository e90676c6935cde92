"""TikTok's flows on a virtual phone: what a runner has to walk through, and what it leaves behind."""

from __future__ import annotations

import pytest

CAPTION = "Olá 👋🏽 mañana — xin chào 你好\nsecond line #tag @user"


def post_video(hand, row, caption=CAPTION):
    hand.share(row, grant_read=True)
    hand.tap("Next")
    hand.tap("Add description...")
    hand.type(caption)
    hand.app.back()
    hand.tap("Post")


def test_share_way_publishes_exactly_what_was_given(stage, hand):
    row = stage.add_media(size=8_000_000)
    post_video(hand, row)

    assert hand.app.screen == "friends"
    assert stage.posts == []
    stage.pass_time(1.0)
    assert "50%" in hand.seen()
    stage.pass_time(1.01)
    (post,) = stage.posts
    assert (post.app, post.account, post.kind) == ("tiktok", "user_001", "video")
    assert post.caption == CAPTION
    assert post.media == [{"sha256": row.sha256, "size": row.size, "name": row.display_name}]
    assert post.url.startswith("https://www.tiktok.com/@user_001/video/7")
    assert len(post.url.rpartition("/")[2]) == 19
    assert not any("%" in text for text in hand.seen())
    assert stage.moments == [
        "before:launch", "before:pick_media", "after:launch", "after:pick_media", "before:edit", "after:edit",
        "before:caption", "after:caption", "before:publish", "before:upload", "after:publish", "after:upload",
    ]  # fmt: skip


def test_the_profile_shows_the_upload_then_the_post(stage, hand):
    post_video(hand, stage.add_media(size=8_000_000))
    hand.tap("Profile")
    stage.pass_time(1.5)
    assert "75%" in hand.seen()
    assert "@user_001" in hand.seen()
    assert [n for n in hand.nodes() if n.get("resource-id").endswith("/xxy")] == []
    stage.pass_time(1.0)
    assert "75%" not in hand.seen()
    hand.tap(hand.by_id("cover"))
    assert hand.app.screen == "video"
    assert {"@user_001", CAPTION} <= hand.seen()
    hand.tap(next(n for n in hand.nodes() if n.get("content-desc").startswith("Share video")))
    hand.tap("Copy link")
    assert stage.clipboard == stage.posts[0].url


def test_the_focused_post_page_has_no_bottom_row_but_a_post_at_the_top(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    assert {"Drafts", "Post"} <= hand.seen()
    hand.tap("Add description...")
    assert "Drafts" not in hand.seen()
    assert "0/2200" in hand.seen()
    hand.type("abc")
    assert "3/2200" in hand.seen()
    assert hand.find("abc").get("focused") == "true"
    hand.tap("Post")
    stage.pass_time(2)
    assert stage.posts[0].caption == "abc"


def test_switching_accounts_changes_who_publishes(stage, hand):
    hand.launch()
    hand.tap("Profile")
    hand.tap("User 001")
    assert hand.app.screen == "account_switcher"
    assert [n.get("selected") for n in hand.nodes() if n.get("content-desc") in ("user_001", "user_002")] == [
        "true",
        "false",
    ]
    hand.tap(next(n for n in hand.nodes() if n.get("content-desc") == "user_002"))
    assert hand.app.screen == "home"
    hand.tap("Profile")
    assert "@user_002" in hand.seen()
    hand.app.stop()
    post_video(hand, stage.add_media())
    stage.pass_time(2)
    assert stage.posts[0].account == "user_002"


@pytest.mark.parametrize("spoil", ["delete", "stop", "fails"])
def test_an_upload_that_does_not_end_well_leaves_a_draft_and_no_post(stage, hand, spoil):
    row = stage.add_media()
    stage.failure = "fails" if spoil == "fails" else ""
    post_video(hand, row)
    if spoil == "delete":
        stage.rows.clear()
    elif spoil == "stop":
        hand.app.stop()
        hand.launch()
    stage.pass_time(5)
    assert stage.posts == []
    if spoil != "stop":
        assert {"Something went wrong. Try again later.", "Retry"} <= hand.seen()
        hand.tap("Cancel")
    hand.tap("Profile")
    assert "Drafts: 1" in hand.seen()


def test_an_upload_that_never_ends_stays_where_it_is(stage, hand):
    stage.failure = "never_ends"
    post_video(hand, stage.add_media())
    stage.pass_time(600)
    assert "37%" in hand.seen()
    assert stage.posts == []


def test_a_crash_before_publish_publishes_nothing(stage, hand):
    stage.faults["before:publish"] = hand.app.stop
    post_video(hand, stage.add_media())
    stage.pass_time(10)
    assert stage.posts == []
    assert not hand.app.running


def test_your_story_posts_a_story(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Your Story")
    stage.pass_time(2)
    assert [post.kind for post in stage.posts] == ["story"]
    assert hand.app.mistakes == ["posted a story"]


def test_a_share_without_permission_or_file_lands_on_the_feed(stage, make_hand):
    hand = make_hand(stage, permitted=False)
    row = stage.add_media()
    hand.share(row)
    assert hand.app.screen == "home"
    assert stage.toasts == ["Something went wrong. Try again later."]
    hand.share(row, grant_read=True)
    assert hand.app.screen == "editor"
    hand.app.stop()
    stage.rows.clear()
    hand.share(row, grant_read=True)
    assert hand.app.screen == "home"


def test_launching_takes_time_and_shows_nothing_of_the_app(make_stage, make_hand):
    stage = make_stage(latency=0.6)
    hand = make_hand(stage)
    hand.launch()
    assert hand.nodes() == []
    stage.pass_time(0.4)
    assert hand.nodes() == []
    hand.app.tap(540, 2270)
    stage.pass_time(0.3)
    assert "For You" in hand.seen()


def test_drafts_publishes_nothing(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Drafts")
    stage.pass_time(5)
    assert stage.posts == []
    assert "Drafts: 1" in hand.seen()


def test_back_from_the_editor_asks_before_it_discards(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.app.back()
    assert "Discard edits?" in hand.seen()
    hand.tap("Keep editing")
    assert hand.app.screen == "editor"
    hand.app.back()
    hand.tap("Discard")
    assert stage.front is None
