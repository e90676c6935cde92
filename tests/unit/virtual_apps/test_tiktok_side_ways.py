"""Places in TikTok where a runner ends up by mistake, and what follows from staying there."""

from __future__ import annotations


def test_a_draft_opens_from_the_profile_and_is_gone_once_posted(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Add description...")
    hand.type("kept words")
    hand.app.back()
    hand.tap("Drafts")
    hand.tap("Drafts: 1")
    assert "kept words" in hand.seen()
    hand.tap("Post")
    hand.tap("Profile")
    assert "Drafts: 1" not in hand.seen()
    stage.pass_time(2)
    assert [post.caption for post in stage.posts] == ["kept words"]


def test_an_old_draft_comes_up_for_who_wants_to_edit_it(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Drafts")
    hand.app.show_popup("keep_editing")
    hand.tap("Edit")
    assert hand.app.screen == "post_page"
    assert hand.app.mistakes == ["went on with an old draft"]


def test_retry_after_a_failure_uploads_again(stage, hand):
    stage.failure = "fails"
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Post")
    stage.pass_time(2)
    stage.failure = ""
    hand.tap("Retry")
    stage.pass_time(2)
    assert len(stage.posts) == 1
    hand.tap("Profile")
    assert "Drafts: 1" not in hand.seen()


def test_buttons_of_the_post_page_write_into_the_caption(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Hashtags")
    hand.tap("Mention")
    assert hand.app.focused().text == "#@"
    hand.app.back()
    assert "Drafts" in hand.seen()
    hand.app.back()
    assert hand.app.screen == "editor"


def test_the_shutter_takes_a_picture_that_nobody_wanted(stage, hand):
    hand.launch()
    hand.tap("Create")
    hand.tap(hand.by_id("r3r"))
    assert hand.app.screen == "editor"
    assert hand.app.mistakes == ["took a picture"]


def test_a_newer_share_asks_what_the_file_becomes(stage, hand):
    hand.app.manners.share_chooser = True
    hand.share(stage.add_media(), grant_read=True)
    assert {"Video", "Photo", "Message"} <= hand.seen()
    hand.tap("Video")
    assert hand.app.screen == "editor"


def test_comments_keep_what_is_typed_into_them(hand):
    hand.launch()
    hand.tap(hand.by_id("dtv"))
    hand.tap("Add comment...")
    hand.type("oops")
    assert "oops" in hand.seen()
    hand.app.back()
    hand.tap("Close")
    assert hand.app.screen == "home"


def test_the_feeds_widget_closes_for_good(hand):
    hand.launch()
    hand.tap("@2131892834")
    assert "@2131892834" not in hand.seen()
    hand.app.stop()
    hand.launch()
    assert "@2131892834" not in hand.seen()


def test_posts_open_by_link_and_unknown_links_do_not(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Post")
    stage.pass_time(2)
    assert hand.view(stage.posts[0].url) is None
    assert hand.app.screen == "video"
    assert "unable to resolve" in hand.view("https://www.tiktok.com/@user_001/video/1")


def test_many_posts_fill_the_grid_newest_first_and_scroll(stage, hand):
    for number in range(14):
        hand.share(stage.add_media(f"{number}.mp4"), grant_read=True)
        hand.tap("Next")
        hand.tap("Add description...")
        hand.type(f"post {number}")
        hand.app.back()
        hand.tap("Post")
        stage.pass_time(2)
    hand.tap("Profile")
    grid = hand.by_id("gxd")
    assert len(grid) == 9
    # The third row lies under the bottom bar.
    bottom = max(int(cell.get("bounds").rpartition(",")[2][:-1]) for cell in grid)
    assert bottom == 2337
    hand.tap(grid[1])
    assert "post 12" in hand.seen()
    hand.app.back()
    hand.app.swipe(540, 1900, 540, 900)
    hand.tap(hand.by_id("gxd")[0])
    assert "post 7" in hand.seen()


def test_a_blocked_account_is_told_so_at_the_start(hand):
    hand.app.set_account_state("user_001", "blocked")
    hand.launch()
    assert {"Account status", "The account has been blocked"} <= hand.seen()
    hand.tap("OK")
    assert hand.app.screen == "home"


def test_opening_the_settings_leaves_the_app(stage, hand):
    hand.launch()
    hand.app.show_popup("contacts")
    hand.tap("Open settings")
    assert stage.front is None
    hand.launch()
    assert hand.app.screen == "home"


def test_a_caption_that_ends_in_a_hashtag_brings_up_suggestions(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Add description...")
    hand.type("at the #end")
    stage.pass_time(0)
    assert "#end_daily" in hand.seen()
    hand.tap("Post")
    assert hand.app.screen == "post_page"
    assert "#end_daily" not in hand.seen()
    hand.type(" of @some_one")
    stage.pass_time(0)
    hand.app.back()
    assert "@some_one_daily" not in hand.seen()
    assert hand.app.focused().text == "at the #end of @some_one"
    hand.type("2")
    stage.pass_time(0)
    hand.tap("@some_one2_daily")
    assert hand.app.focused().text == "at the #end of @some_one2_daily "
    stage.pass_time(0)
    assert hand.app.mistakes == ["took a suggestion into the caption"]
    hand.app.back()
    assert hand.app.focused() is None


def test_suggestions_go_with_the_keyboard(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Add description...")
    hand.type("#end")
    stage.pass_time(0)
    hand.app.keyboard_hidden()
    assert "#end_daily" not in hand.seen()
