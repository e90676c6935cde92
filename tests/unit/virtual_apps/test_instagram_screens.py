"""Instagram's screens against the dumps they are made from: nothing invented, nothing lost, in each language
and in the versions before and from 410 on.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree

from runner.virtual.apps import words
from runner.virtual.apps.instagram import screens
from runner.virtual.apps.templates import Look, Rect

SHIPPED = files("runner.virtual.apps") / "screens" / "instagram"
# Dumps that no screen is made from, which the screens agree with.
OTHERS = Path(__file__).parent / "dumps"
OLDER = "400.0"
NEWER = "410.0.0.53.71"


def app_nodes(nodes):
    return [n for n in nodes if "instagram" in n.get("package", "")]


def dump_nodes(name):
    where = OTHERS if (OTHERS / name).exists() else SHIPPED
    return app_nodes(etree.fromstring((where / name).read_bytes()).iter("node"))


def ids(nodes):
    return {n.get("resource-id").partition(":id/")[2] for n in app_nodes(nodes)} - {""}


def thumbnail(hand, at=0):
    found = [n for n in hand.nodes() if n.get("resource-id").endswith("/gallery_grid_item_thumbnail")]
    return found[at]


def home(stage, hand):
    hand.launch()


def reels(stage, hand):
    hand.launch()
    hand.tap(hand.by_id("clips_tab"))


def posts(stage, hand):
    for _ in range(4):
        share(stage, hand)
        stage.pass_time(5)


def profile(stage, hand):
    posts(stage, hand)
    hand.tap(hand.by_id("profile_tab"))


def other_profile(stage, hand):
    posts(stage, hand)
    hand.app.active = "user_002"
    hand.view("https://www.instagram.com/user_001/")


def switcher(stage, hand):
    hand.launch()
    hand.tap(hand.by_id("profile_tab"))
    hand.tap(hand.by_id("action_bar_username_container"))


def create_sheet(stage, hand):
    profile(stage, hand)
    hand.tap(next(n for n in hand.by_id("left_action_bar_buttons")))


def row(hand, at):
    return [n for n in hand.nodes() if n.get("class") == "android.widget.Button" and len(n) == 2][at]


def reel_gallery(stage, hand):
    stage.add_media()
    create_sheet(stage, hand)
    hand.tap(next(n for n in hand.nodes() if n.get("content-desc") in ("Create new reel", "Créer un reel")))


def reel_gallery_drafts(stage, hand):
    editor(stage, hand)
    hand.app.keep_draft(hand.app.page.composition)
    hand.app.create("reel")


def new_post(stage, hand):
    stage.add_media()
    hand.launch()
    hand.tap(next(iter(hand.by_id("action_bar_buttons_container_left"))))


def add_to_story(stage, hand):
    stage.add_media()
    hand.launch()
    hand.app.create("story")


def editor(stage, hand):
    reel_gallery(stage, hand)
    hand.tap(thumbnail(hand))


def editor_hints(stage, hand):
    hand.app.manners.editor_hints = True
    editor(stage, hand)


def save_draft(stage, hand):
    editor(stage, hand)
    hand.app.back()


def composer(stage, hand):
    stage.add_media()
    hand.launch()
    hand.app.create("reel")
    hand.tap(thumbnail(hand))
    hand.tap(hand.by_id("clips_right_action_button"))


def composer_editing(stage, hand):
    composer(stage, hand)
    hand.tap(hand.by_id("caption_input_text_view"))


def composer_scrolled(stage, hand):
    composer_editing(stage, hand)
    hand.tap(hand.by_id("action_bar_button_text"))


def composer_nux(stage, hand):
    hand.app.show_popup("download_nux")
    composer(stage, hand)


def share(stage, hand):
    composer(stage, hand)
    hand.tap(hand.by_id("share_button"))


def share_to_account(stage, hand):
    hand.app.manners.pending = "account"
    share(stage, hand)


def posted(stage, hand):
    share(stage, hand)
    stage.pass_time(3)


def posted_nicely(stage, hand):
    hand.app.manners.done = "nicely_done"
    posted(stage, hand)


def failed(stage, hand):
    stage.failure = "fails"
    posted(stage, hand)


def share_on_reels(stage, hand):
    hand.app.manners.landing = "reels"
    share(stage, hand)


def share_unavailable(stage, hand):
    hand.app.manners.reel_unavailable = True
    share_on_reels(stage, hand)


def posted_on_reels(stage, hand):
    share_on_reels(stage, hand)
    stage.pass_time(3)


def reel(stage, hand):
    profile(stage, hand)
    hand.tap(hand.by_id("image_button"))


def picture(stage, hand):
    stage.add_media("a.jpg", mime="image/jpeg")
    new_post(stage, hand)
    hand.tap(thumbnail(hand, 1))
    hand.tap(hand.by_id("next_button_textview"))
    hand.tap(hand.by_id("creation_next_button"))
    hand.tap(hand.by_id("share_button"))
    stage.pass_time(3)
    hand.view(stage.posts[0].url)


def comments(stage, hand):
    picture(stage, hand)
    hand.tap(hand.by_id("row_feed_button_comment"))
    hand.type("a")


def story_camera(stage, hand):
    add_to_story(stage, hand)


def story_editor(stage, hand):
    add_to_story(stage, hand)
    if hand.app.screen == "camera":
        hand.tap(hand.by_id("gallery_preview_button"))
    hand.tap(thumbnail(hand))


def story_information(stage, hand):
    hand.app.show_popup("story_information")
    story_editor(stage, hand)
    hand.tap(next(iter(hand.by_id("story_share_controls_action_bar"))))


def rate(stage, hand):
    hand.launch()
    hand.app.show_popup("rate")


def state(name):
    def show(stage, hand):
        hand.app.set_account_state("user_001", name)
        hand.launch()

    return show


GONE_WITH_PROFILE_TEXTS = {
    "pog_note_bubble_container", "pog_note_bubble_view", "pog_note_bubble_root_view", "pog_bubble_text",
    "pog_note_bubble_card_view", "pog_bubble_text_container", "profile_declarative_ui_bio", "bloks_container",
    "outer_container", "avatar_view", "avatar_container", "avatar_image_view", "seen_state", "username",
    "title_container",
}  # fmt: skip
FOLLOWED_BY = {f"profile_header_follow_context{more}" for more in ("", "_facepile", "_text")}
PRIVACY = {"clips_download_privacy_nux_button", "clips_download_privacy_nux_link"}

# How to come to what a dump shows, in the versions before 410, and which ids of the dump are missing there.
ROUTES = {
    "ig_en_home_feed_own_story.xml": (home, set()),
    "ig_en_feed_pending_posting.xml": (share, set()),
    "ig_en_feed_pending_posting_to_account.xml": (share_to_account, set()),
    "ig_en_feed_posted_all_set.xml": (posted, set()),
    "ig_en_feed_posted_nicely_done.xml": (posted_nicely, set()),
    "ig_en_feed_video_cant_be_posted.xml": (failed, set()),
    "ig_en_reels_sharing_to_reels.xml": (share_on_reels, set()),
    "ig_en_reel_unavailable_sharing.xml": (share_unavailable, set()),
    "ig_en_reels_done_posting.xml": (posted_on_reels, set()),
    "ig_en_reels_viewer.xml": (reel, set()),
    "ig_en_own_profile.xml": (profile, GONE_WITH_PROFILE_TEXTS),
    "ig_en_own_profile_create_sheet.xml": (create_sheet, {*GONE_WITH_PROFILE_TEXTS, "statusBarBackground"}),
    "ig_en_other_profile.xml": (other_profile, FOLLOWED_BY),
    "ig_en_post_from_link.xml": (picture, set()),
    "ig_en_comment_sheet_typed.xml": (comments, set()),
    "ig_en_gallery_new_reel.xml": (reel_gallery, set()),
    "ig_en_gallery_new_reel_drafts1.xml": (reel_gallery_drafts, set()),
    "ig_en_gallery_new_post.xml": (new_post, set()),
    "ig_en_gallery_add_to_story.xml": (add_to_story, set()),
    "ig_en_reel_editor_edit_video_next.xml": (editor, set()),
    "ig_en_reel_editor_swipe_up_to_edit.xml": (editor_hints, set()),
    "ig_en_composer_empty_caption.xml": (composer, set()),
    "ig_en_composer_caption_editing_ok.xml": (composer_editing, set()),
    "ig_en_composer_caption_filled_share.xml": (composer_scrolled, set()),
    "ig_en_rate_dialog.xml": (rate, set()),
    "ig_en_login.xml": (state("logged_out"), set()),
    "ig_en_captcha.xml": (state("captcha"), set()),
    "ig_en_selfie.xml": (state("selfie"), set()),
    "ig_en_upload_your_id.xml": (state("upload_id"), set()),
    "ig_en_account_suspended.xml": (state("suspended"), set()),
    "ig_en_account_disabled.xml": (state("disabled"), set()),
    "ig_clone_en_story_editor.xml": (story_editor, set()),
}
# The same for 410; sheets are the dump's, what lies behind them is an older dump's.
ROUTES_410 = {
    "ig410_en_account_switcher.xml": (switcher, set()),
    "ig410_en_story_camera.xml": (story_camera, set()),
    "ig410_en_story_editor.xml": (story_editor, set()),
    "ig410_en_story_share_information_window.xml": (story_information, set()),
}


def walk(make_stage, make_hand, name, language="en"):
    older = name in ROUTES
    route, missing = (ROUTES if older else ROUTES_410)[name]
    stage = make_stage(language=language)
    hand = make_hand(stage, "instagram", version=OLDER if older else NEWER)
    route(stage, hand)
    return hand, missing


@pytest.mark.parametrize("name", [*ROUTES, *ROUTES_410])
def test_a_page_has_the_nodes_of_its_dump(make_stage, make_hand, name):
    hand, missing = walk(make_stage, make_hand, name)
    expected, found = ids(dump_nodes(name)), ids(hand.nodes())
    assert (expected - found, found - expected) == (missing, set())


def test_every_shipped_dump_is_a_page():
    named = {template.file.rpartition("/")[2] for template in screens.ALL.values()}
    assert named == {file.name for file in SHIPPED.iterdir()}
    assert named - {*ROUTES, *ROUTES_410} == {
        "ig_en_reel_editor_save_draft_sheet.xml",
        "ig410_en_new_reel_composer_download_nux.xml",
    }


@pytest.mark.parametrize(
    ("route", "dump"),
    [
        (save_draft, "ig_en_reel_editor_save_draft_sheet.xml"),
        (composer_nux, "ig410_en_new_reel_composer_download_nux.xml"),
    ],
)
def test_a_sheet_lies_over_a_page_that_stays_in_the_tree(make_stage, make_hand, route, dump):
    hand = make_hand(make_stage(), "instagram", version=OLDER)
    route(hand.stage, hand)
    # The dump's editor has one tool more, its composer shows the AI label without scrolling.
    assert ids(dump_nodes(dump)) - ids(hand.nodes()) <= {"clips_action_bar_overlay_button", "toggle"}


@pytest.mark.parametrize(
    ("dump", "route", "missing"),
    [
        # Of a reduced dump of 410 everything that an older, complete one has been made to show.
        ("ig410_en_feed_pending_post.xml", share_to_account, {"inline_follow_button", "title_chevron"}),
        ("ig410_en_own_profile.xml", profile, {"pog_note_bubble_view", "action_bar_title_red_dot"}),
        ("ig410_en_new_post_gallery_video_selected.xml", new_post, set()),
        ("ig410_en_reel_editor.xml", editor, set()),
    ],
)
def test_from_410_on_the_pages_agree_with_its_dumps(make_stage, make_hand, dump, route, missing):
    hand = make_hand(make_stage(), "instagram", version=NEWER)
    route(hand.stage, hand)
    assert ids(dump_nodes(dump)) - ids(hand.nodes()) == missing
    flags = {
        n.get("resource-id"): n.get("selected") for n in dump_nodes(dump) if "_tab" in n.get("resource-id")
    }
    flags |= {
        n.get("resource-id"): n.get("selected")
        for n in dump_nodes(dump)
        if "cam_dest" in n.get("resource-id")
    }
    assert flags.items() <= {n.get("resource-id"): n.get("selected") for n in hand.nodes()}.items()


def test_before_410_no_tab_and_no_destination_is_selected(make_stage, make_hand):
    for route, what in ((share, "_tab"), (new_post, "cam_dest")):
        hand = make_hand(make_stage(), "instagram", version=OLDER)
        route(hand.stage, hand)
        marked = [n for n in hand.nodes() if what in n.get("resource-id") and n.get("selected") == "true"]
        assert marked == []


@pytest.mark.parametrize("name", [*ROUTES, *ROUTES_410])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_word_of_the_other_language_is_left(make_stage, make_hand, name, language):
    hand, _ = walk(make_stage, make_hand, name, language)
    table = words.french("instagram")
    english, french = set(table), set(table.values())
    foreign = (french - english) if language == "en" else (english - french)
    assert hand.seen() & foreign == set()


@pytest.mark.parametrize("size", [(1080, 2400), (720, 1600), (1080, 2220), (480, 800)])
@pytest.mark.parametrize("name", screens.ALL)
def test_every_key_can_be_reached_by_a_touch(name, size):
    """Each keyed node's middle hits it, or another key that lies inside of it or over it in the dump."""
    template = screens.ALL[name]
    sheet = template.sheet(Look(*size, template.package, NEWER, template.language))
    keyed = [(n.get("key"), n) for n in sheet.root.iter("node") if n.get("key")]
    sheet.seal()
    covered = {"dim", "sheet", "bar"}
    unreached = {
        key for key, node in keyed if (hit := sheet.hit(*Rect.of(node).middle)) is None or hit.key != key
    }
    assert unreached <= covered
