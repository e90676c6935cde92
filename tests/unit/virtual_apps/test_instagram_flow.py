"""Instagram's flows on a virtual phone: what a runner has to walk through, and what it leaves behind."""

from __future__ import annotations

import pytest

from runner.virtual.app import Intent

CAPTION = "Olá 👋🏽 mañana — xin chào 你好\nsecond line #tag @user"
HINT = "Write a caption and add hashtags…"


@pytest.fixture
def hand(stage, make_hand):
    return make_hand(stage, "instagram")


def thumbnails(hand):
    return [n for n in hand.nodes() if n.get("resource-id").endswith("/gallery_grid_item_thumbnail")]


def open_reels(hand):
    hand.launch()
    hand.tap("Profile")
    hand.tap("Create New")
    hand.tap("Create new reel")


def compose_reel(hand):
    open_reels(hand)
    hand.tap(thumbnails(hand)[0])
    hand.tap("Next")


def post_reel(hand, caption=CAPTION):
    compose_reel(hand)
    hand.tap(HINT)
    hand.type(caption)
    hand.tap("OK")
    hand.tap("Share")


def open_new_post(hand):
    hand.launch()
    hand.tap(hand.by_id("action_bar_buttons_container_left"))


def add_to(hand, where, row, **extras):
    uri = f"content://media/external/video/media/{row.id}"
    return hand.app.start(
        Intent(
            action=f"com.instagram.share.{where}",
            mime_type=row.mime_type,
            extras={"android.intent.extra.STREAM": uri, **extras},
            grant_read=True,
        )
    )


def test_a_reel_is_published_exactly_as_given(stage, hand):
    row = stage.add_media(size=8_000_000)
    post_reel(hand)
    assert hand.app.screen == "home"
    assert stage.posts == []
    assert "Keep Instagram open to finish posting…" in hand.seen()
    stage.pass_time(1.0)
    assert hand.by_id("row_pending_media_progress_bar").get("text") == "50.0"
    stage.pass_time(1.01)
    (post,) = stage.posts
    assert (post.app, post.account, post.kind) == ("instagram", "user_001", "reel")
    assert post.caption == CAPTION
    assert post.media == [{"sha256": row.sha256, "size": row.size, "name": row.display_name}]
    assert post.url.startswith("https://www.instagram.com/reel/")
    assert len(post.url.split("/")[4]) == 11
    assert not post.ai_label
    assert {"Posted! All set.", "user_001 posted a video 0 seconds ago"} <= hand.seen()
    stage.pass_time(8)
    assert "user_001 posted a video 8 seconds ago" in hand.seen()
    stage.pass_time(60)
    assert "Posted! All set." not in hand.seen()
    assert hand.app.mistakes == []
    assert stage.moments == [
        "before:launch", "after:launch", "before:pick_media", "after:pick_media", "before:edit", "after:edit",
        "before:caption", "after:caption", "before:publish", "before:upload", "after:publish", "after:upload",
    ]  # fmt: skip


def test_the_profile_counts_and_shows_the_posts_newest_first(stage, hand):
    for caption in ("first", "second", "third", "fourth"):
        stage.add_media()
        post_reel(hand, caption)
        stage.pass_time(5)
    hand.tap("Profile")
    assert hand.by_id("action_bar_title").get("text") == "user_001"
    assert hand.by_id("profile_header_familiar_post_count_value").get("text") == "4"
    assert "4posts" in hand.seen()
    cells = [n for n in hand.nodes() if n.get("resource-id").endswith("/image_button")]
    assert [n.get("content-desc") for n in cells] == [
        "Reel by User 001 at row 1, column 1",
        "Reel by User 001 at row 1, column 2",
        "Reel by User 001 at row 1, column 3",
        "Reel by User 001 at row 2, column 1",
    ]
    hand.tap(cells[0])
    assert hand.app.screen == "reel"
    assert {"fourth", "user_001"} <= hand.seen()
    hand.tap(hand.by_id("direct_share_button"))
    hand.tap("Copy link")
    assert stage.clipboard == stage.posts[3].url
    assert hand.app.screen == "reel"
    hand.view(stage.posts[0].url)
    assert "first" in hand.seen()


def test_while_the_caption_is_edited_there_is_ok_instead_of_share(stage, hand):
    stage.add_media()
    compose_reel(hand)
    assert {"Share", "Save draft"} <= hand.seen()
    assert hand.by_id("caption_input_text_view").get("text") == HINT
    hand.tap(HINT)
    assert hand.by_id("caption_input_text_view").get("focused") == "true"
    assert not {"Share", "Save draft"} & hand.seen()
    hand.type("abc")
    assert hand.by_id("caption_input_text_view").get("text") == "abc"
    hand.tap("OK")
    assert {"Share", "abc"} <= hand.seen()
    assert "OK" not in hand.seen()
    hand.tap("abc")
    hand.app.back()
    assert hand.app.screen == "composer"
    assert "Share" in hand.seen()


def test_the_ai_label_is_below_the_fold(stage, hand):
    stage.add_media()
    compose_reel(hand)
    assert "Add AI label" not in hand.seen()
    hand.app.swipe(500, 1500, 500, 500)
    toggles = [n for n in hand.nodes() if n.get("resource-id").endswith("/toggle")]
    assert len(toggles) == 3
    hand.tap(toggles[0])
    assert hand.by_id("toggle").get("checked") == "true"
    hand.tap("Share")
    stage.pass_time(2)
    assert stage.posts[0].ai_label
    assert stage.posts[0].caption == ""


@pytest.mark.parametrize("place", ["Save draft", "middle"])
def test_save_draft_publishes_nothing(stage, hand, place):
    stage.add_media()
    compose_reel(hand)
    hand.tap(hand.by_id("share_button_container") if place == "middle" else place)
    stage.pass_time(5)
    assert stage.posts == []
    open_reels(hand)
    assert "Drafts · 1" in hand.seen()
    assert "POST" not in hand.seen()


def test_leaving_the_editor_asks_about_the_draft(stage, hand):
    stage.add_media()
    open_reels(hand)
    hand.tap(thumbnails(hand)[0])
    hand.app.back()
    assert hand.app.screen == "save_draft_sheet"
    rows = [n for n in hand.nodes() if n.get("resource-id").endswith("/action_sheet_row_text_view")]
    assert [n.get("text") for n in rows] == ["Start over", "Save draft", "Keep editing"]
    hand.by_id("clips_right_action_button")
    hand.tap("Keep editing")
    assert hand.app.screen == "reel_editor"
    hand.app.back()
    hand.tap(hand.by_id("clips_right_action_button"))
    assert hand.app.screen in ("save_draft_sheet", "reel_editor")
    hand.app.tap(540, 400)
    hand.app.back()
    hand.tap("Start over")
    assert hand.app.screen == "gallery_reel"


def test_a_carousel_has_the_order_of_taps(stage, hand):
    rows = [stage.add_media(f"{n}.jpg", mime="image/jpeg") for n in range(4)]
    open_new_post(hand)
    hand.tap("Select multiple button")
    assert not [n for n in thumbnails(hand) if n.get("content-desc").startswith("Selected")]
    for at in (2, 0, 3):
        hand.tap(thumbnails(hand)[at])
    assert [n.get("content-desc").partition(" Photo")[0] for n in thumbnails(hand)] == [
        "Selected media number 2",
        "Unselected",
        "Selected media number 1",
        "Selected media number 3",
    ]
    hand.tap("Next")
    assert hand.app.screen == "post_editor"
    hand.tap(hand.by_id("creation_next_button"))
    assert hand.by_id("action_bar_title").get("text") == "New post"
    hand.tap(HINT)
    hand.type("three")
    hand.tap("OK")
    hand.tap("Share")
    stage.pass_time(3)
    (post,) = stage.posts
    newest_first = rows[::-1]
    assert post.kind == "images"
    assert [m["sha256"] for m in post.media] == [newest_first[at].sha256 for at in (2, 0, 3)]
    assert post.url.startswith("https://www.instagram.com/p/")
    assert "user_001 posted a photo 2 seconds ago" in hand.seen()
    hand.tap("Profile")
    hand.tap(hand.by_id("image_button"))
    assert hand.app.screen == "post"
    assert "user_001 three" in hand.seen()


def test_select_multiple_may_begin_with_a_stale_item(stage, hand):
    for n in range(3):
        stage.add_media(f"{n}.jpg", mime="image/jpeg")
    hand.app.manners.stale_selection = True
    open_new_post(hand)
    assert thumbnails(hand)[0].get("content-desc").startswith("Selected Photo")
    hand.tap("Select multiple button")
    assert thumbnails(hand)[0].get("content-desc").startswith("Selected media number 1 Photo")
    hand.tap(thumbnails(hand)[0])
    assert thumbnails(hand)[0].get("content-desc").startswith("Unselected")


def test_one_video_of_new_post_becomes_a_reel(stage, hand):
    stage.add_media("a.mp4")
    stage.add_media("b.mp4")
    open_new_post(hand)
    hand.tap(thumbnails(hand)[1])
    hand.tap("Next")
    assert hand.app.screen == "reel_editor"
    hand.tap("Next")
    assert hand.by_id("action_bar_title").get("text") == "New post"
    hand.tap("Share")
    stage.pass_time(2)
    assert [(p.kind, p.media[0]["name"]) for p in stage.posts] == [("reel", "a.mp4")]


def test_the_strip_leads_from_one_destination_to_another(stage, hand):
    stage.add_media()
    open_new_post(hand)
    hand.tap("REEL")
    assert hand.app.screen == "gallery_reel"
    assert "New reel" in hand.seen()
    hand.tap("STORY")
    assert hand.app.screen == "camera"
    hand.tap("Gallery")
    assert "Add to story" in hand.seen()
    hand.app.back()
    hand.tap("POST")
    assert hand.app.screen == "gallery_post"
    hand.app.back()
    assert hand.app.screen == "home"
    assert stage.moments.count("before:pick_media") == 1


def test_albums_are_the_folders(stage, hand):
    stage.add_media("a.mp4", bucket="Movies")
    stage.add_media("b.jpg", mime="image/jpeg", bucket="Mine")
    open_reels(hand)
    assert len(thumbnails(hand)) == 2
    hand.tap("Album switcher, Recents, button, double tap to change album")
    assert {"Recents", "Movies", "Mine"} <= hand.seen()
    hand.tap("Mine")
    (cell,) = thumbnails(hand)
    assert cell.get("content-desc") == "Unselected Photo thumbnail created on January 1, 1970 12:00 AM"
    assert "Album switcher, Mine, button, double tap to change album" in hand.seen()


def test_a_gallery_scrolls_through_everything(stage, hand):
    for n in range(40):
        stage.add_media(f"{n}.mp4")
    open_reels(hand)
    picked = []
    for _ in range(10):
        hand.tap(thumbnails(hand)[0])
        picked.append(hand.app.page.composition.media[0].display_name)
        hand.app.back()
        hand.tap("Start over")
        hand.app.swipe(500, 1500, 500, 1100)
    assert picked == ["39.mp4", "37.mp4", *(f"{n}.mp4" for n in range(34, 12, -3))]
    for _ in range(10):
        hand.app.swipe(500, 1500, 500, 900)
    assert thumbnails(hand)[-1].get("bounds").startswith("[363,")
    hand.tap(thumbnails(hand)[-1])
    assert hand.app.page.composition.media[0].display_name == "0.mp4"


def test_only_what_media_store_shows_and_permission_allows(stage, make_hand):
    hand = make_hand(stage, "instagram", permitted=False)
    stage.answers = [True, True, False]
    stage.add_media()
    open_reels(hand)
    assert [each.rpartition(".")[2] for each in stage.asked] == ["CAMERA", "RECORD_AUDIO", "READ_MEDIA_VIDEO"]
    assert thumbnails(hand) == []
    stage.permissions.add("android.permission.READ_MEDIA_VIDEO")
    assert len(thumbnails(hand)) == 1


@pytest.mark.parametrize("version", ["400.0", "410.0.0.53.71"])
def test_a_story_goes_by_your_story_and_not_by_the_middle_of_its_bar(make_stage, make_hand, version):
    for label, mistakes in (("Your story", []), ("bar", ["shared with close friends only"])):
        stage = make_stage()
        hand = make_hand(stage, "instagram", version=version)
        row = stage.add_media()
        hand.launch()
        hand.tap(next(n for n in hand.nodes() if n.get("content-desc") == "Add to story"))
        if hand.app.screen == "camera":
            hand.tap("Gallery")
        hand.tap(thumbnails(hand)[0])
        assert hand.app.screen == "story_editor"
        hand.tap(hand.by_id("story_share_controls_action_bar") if label == "bar" else label)
        assert hand.app.mistakes == mistakes
        stage.pass_time(2)
        (post,) = stage.posts
        assert (post.kind, post.media[0]["sha256"]) == ("story", row.sha256)
        assert hand.app.screen == "home"
        assert "Add to story" not in hand.seen()
        hand.tap("Profile")
        assert hand.by_id("profile_header_familiar_post_count_value").get("text") == "0"
        assert "Your profile. No story" not in hand.seen()


def test_the_first_story_is_followed_by_an_information(stage, hand):
    stage.add_media()
    hand.app.show_popup("story_information")
    add_to(hand, "ADD_TO_STORY", stage.rows[0], source_application="1")
    hand.tap("Your story")
    assert hand.app.screen == "popup:story_information"
    hand.tap("OK")
    assert hand.app.screen == "home"
    assert hand.app.mistakes == []


def test_the_first_reels_composer_may_lie_under_a_sheet(stage, hand):
    stage.add_media()
    hand.app.show_popup("download_nux")
    compose_reel(hand)
    assert hand.by_id("share_button").get("content-desc") == "Next"
    hand.tap(hand.by_id("share_button"))
    stage.pass_time(3)
    assert stage.posts == []
    hand.tap("Continue")
    assert hand.by_id("share_button").get("content-desc") == "Share"
    hand.tap("Share")
    stage.pass_time(3)
    assert len(stage.posts) == 1
    compose_reel(hand)
    assert "Continue" not in hand.seen()


def test_the_way_through_the_reels_tab(stage, hand):
    hand.app.manners.landing = "reels"
    stage.add_media(size=8_000_000)
    post_reel(hand)
    assert hand.app.screen == "reels"
    stage.pass_time(1)
    assert "Sharing to Reels…" in hand.seen()
    assert hand.by_id("progress_bar").get("text") == "50.0"
    hand.app.manners.reel_unavailable = True
    hand.app.changed()
    assert {"Sharing to Reels…", "This reel is unavailable."} <= hand.seen()
    stage.pass_time(2)
    assert "Done posting. Want to send it directly to friends?" in hand.seen()
    stage.pass_time(70)
    assert not any(n.get("resource-id").endswith("/igds_upload_snackbar") for n in hand.nodes())


def test_the_row_may_name_the_account_instead_of_progress(stage, hand):
    hand.app.manners.pending, hand.app.manners.done = "account", "nicely_done"
    stage.add_media()
    post_reel(hand)
    assert "Posting to user_001…" in hand.seen()
    assert not any(n.get("resource-id").endswith("/row_pending_media_progress_bar") for n in hand.nodes())
    stage.pass_time(2)
    assert "Posted! Nicely done." in hand.seen()


@pytest.mark.parametrize("spoil", ["delete", "stop", "fails"])
def test_an_upload_that_fails_says_so_until_it_is_discarded(stage, hand, spoil):
    stage.add_media()
    stage.failure = "fails" if spoil == "fails" else ""
    post_reel(hand)
    if spoil == "delete":
        stage.rows.clear()
    elif spoil == "stop":
        hand.app.stop()
        hand.launch()
    stage.pass_time(5)
    assert stage.posts == []
    assert "Video can't be posted" in hand.seen()
    hand.tap(hand.by_id("row_pending_media_discard_button"))
    assert "Video can't be posted" not in hand.seen()
    hand.tap("Profile")
    assert hand.by_id("profile_header_familiar_post_count_value").get("text") == "0"


def test_an_upload_that_never_ends_stays_where_it_is(stage, hand):
    stage.failure = "never_ends"
    stage.add_media()
    post_reel(hand)
    stage.pass_time(600)
    assert hand.by_id("row_pending_media_progress_bar").get("text") == "37.0"
    assert stage.posts == []


def test_switching_accounts_changes_who_publishes(stage, hand):
    hand.launch()
    hand.tap("Profile")
    hand.tap(hand.by_id("action_bar_username_container"))
    assert hand.app.screen == "account_switcher"
    assert len(hand.app.windows()) == 1
    rows = [n for n in hand.nodes() if n.get("content-desc") in ("user_001", "user_002")]
    assert [n.get("selected") for n in rows] == ["true", "false"]
    hand.tap(rows[1])
    assert hand.app.screen == "home"
    hand.tap("Profile")
    assert hand.by_id("action_bar_title").get("text") == "user_002"
    hand.app.stop()
    stage.add_media()
    post_reel(hand)
    stage.pass_time(2)
    assert stage.posts[0].account == "user_002"
    assert "after:switch_account" in stage.moments


def test_switching_may_land_on_the_profile_and_ask_about_the_login(stage, hand):
    hand.app.manners.after_switch, hand.app.manners.asks_save_login = "profile", True
    hand.launch()
    hand.tap("Profile")
    hand.tap(hand.by_id("action_bar_username_container"))
    hand.tap("user_002")
    assert hand.app.screen == "popup:save_login"
    hand.tap("Not now")
    assert hand.app.screen == "profile"
    assert "user_002" in hand.seen()


def test_many_accounts_scroll(stage, make_hand):
    accounts = [f"user_{n:03}" for n in range(12)]
    hand = make_hand(stage, "instagram", accounts=accounts)
    hand.launch()
    hand.tap("Profile")
    hand.tap(hand.by_id("action_bar_username_container"))
    for _ in range(9):
        hand.app.swipe(500, 1500, 500, 900)
    hand.tap("user_011")
    assert hand.app.active == "user_011"


@pytest.mark.parametrize("where", ["editor", "composer"])
@pytest.mark.parametrize("answer", ["Start new video", "Keep editing"])
def test_an_interrupted_reel_comes_up_again(stage, hand, where, answer):
    old = stage.add_media("old.mp4")
    compose_reel(hand)
    if where == "editor":
        hand.app.back()
    hand.app.stop()
    new = stage.add_media("new.mp4")
    open_reels(hand)
    assert hand.app.screen == "popup:keep_draft"
    hand.tap(answer)
    if answer == "Keep editing":
        assert hand.app.mistakes == ["went on with an old draft"]
        assert hand.app.page.composition.media == [old]
        return
    assert hand.app.mistakes == []
    assert "Drafts · 1" in hand.seen()
    hand.tap(thumbnails(hand)[0])
    hand.tap("Next")
    hand.tap("Share")
    stage.pass_time(2)
    assert [post.media[0]["sha256"] for post in stage.posts] == [new.sha256]
    open_reels(hand)
    assert hand.app.screen == "gallery_reel"


def test_a_crash_before_publish_publishes_nothing(stage, hand):
    stage.faults["before:publish"] = hand.app.stop
    stage.add_media()
    post_reel(hand)
    stage.pass_time(10)
    assert stage.posts == []
    assert not hand.app.running


def test_share_intents(stage, hand):
    video = stage.add_media()
    image = stage.add_media("b.jpg", mime="image/jpeg")
    for where, row, extras, screen in (
        ("ADD_TO_FEED", video, {}, "reel_editor"),
        ("ADD_TO_FEED", image, {}, "post_editor"),
        ("ADD_TO_REEL", video, {}, "home"),
        ("ADD_TO_REEL", video, {"com.instagram.platform.extra.APPLICATION_ID": "1"}, "reel_editor"),
        ("ADD_TO_STORY", image, {"source_application": "1"}, "story_editor"),
    ):
        assert add_to(hand, where, row, **extras) is None
        assert hand.app.screen == screen, where
    stage.rows.clear()
    add_to(hand, "ADD_TO_FEED", video)
    assert hand.app.screen == "home"
    assert "unable to resolve" in hand.app.start(Intent(action="android.intent.action.SEND"))
    assert "unable to resolve" in hand.view("https://www.tiktok.com/@user")


def test_links_open_profiles_and_posts(stage, hand):
    hand.view("https://www.instagram.com/user_001/")
    assert hand.app.screen == "profile"
    hand.view("https://www.instagram.com/user_009/")
    assert hand.app.screen == "other_profile"
    assert hand.by_id("action_bar_title").get("text") == "user_009"
    hand.view("https://www.instagram.com/reel/unknown/")
    assert hand.app.screen == "home"


def test_launching_takes_time_and_shows_nothing_of_the_app(make_stage, make_hand):
    stage = make_stage(latency=0.6)
    hand = make_hand(stage, "instagram")
    hand.launch()
    assert hand.nodes() == []
    stage.pass_time(0.7)
    assert hand.app.screen == "home"
    hand.tap("Profile")
    assert hand.app.screen == "home"
    stage.pass_time(0.7)
    assert hand.app.screen == "profile"
