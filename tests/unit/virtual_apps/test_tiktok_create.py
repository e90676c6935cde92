"""TikTok's own way to a post, by the + button: permissions, camera, gallery, albums, photos, and its
wrong turns.
"""

from __future__ import annotations

import pytest


def to_gallery(hand):
    hand.launch()
    hand.tap("Create")
    hand.tap(hand.by_id("ymg"))
    assert hand.app.screen == "gallery"


def cells(hand):
    return [n for n in hand.by_id("i8o") if n.get("class") == "android.widget.FrameLayout"]


def circle(cell):
    return next(n for n in cell.iter("node") if n.get("resource-id").endswith("/jh7"))


def photos(stage, count, bucket="Pictures"):
    return [stage.add_media(f"{n}.jpg", mime="image/jpeg", bucket=bucket) for n in range(count)]


def test_the_camera_asks_for_camera_then_microphone_and_the_gallery_for_media(stage, make_hand):
    hand = make_hand(stage, permitted=False)
    stage.add_media()
    to_gallery(hand)
    assert [each.rpartition(".")[2] for each in stage.asked] == ["CAMERA", "RECORD_AUDIO", "READ_MEDIA_VIDEO"]
    assert len(cells(hand)) == 1


def test_a_refused_gallery_is_empty(stage, make_hand):
    hand = make_hand(stage, permitted=False)
    stage.answers = [True, True, False]
    stage.add_media()
    to_gallery(hand)
    assert cells(hand) == []


def test_next_is_enabled_but_not_clickable_until_something_is_chosen(stage, hand):
    photos(stage, 2)
    to_gallery(hand)
    assert (hand.find("Next").get("enabled"), hand.find("Next").get("clickable")) == ("true", "false")
    hand.tap("Next")
    assert hand.app.screen == "gallery"
    hand.tap(circle(cells(hand)[1]))
    assert hand.find("Next (1)").get("clickable") == "true"


def test_photos_are_posted_in_the_order_of_the_taps_with_title_and_description(stage, hand):
    rows = photos(stage, 4)
    to_gallery(hand)
    for cell in (2, 0, 1):  # the grid is newest first
        hand.tap(circle(cells(hand)[cell]))
    hand.tap("Next (3)")
    assert hand.app.screen == "editor"
    hand.tap("Next")
    hand.tap("Add a catchy title")
    assert "0/4000" in hand.seen()
    hand.type("A title")
    hand.tap(hand.by_id("g19"))
    hand.type("A description")
    assert "13/4000" in hand.seen()
    hand.app.back()
    hand.tap("Post")
    stage.pass_time(5)
    (post,) = stage.posts
    assert (post.kind, post.title, post.caption) == ("images", "A title", "A description")
    assert [each["name"] for each in post.media] == [rows[n].display_name for n in (1, 3, 2)]
    assert post.sound == "Song 003"


def test_a_title_longer_than_90_is_cut(stage, hand):
    photos(stage, 1)
    to_gallery(hand)
    hand.tap(cells(hand)[0])
    hand.tap("Next")
    hand.tap("Add a catchy title")
    hand.type("x" * 100)
    assert len(hand.app.focused().text) == 90


def test_an_album_holds_its_folder_only(stage, hand):
    photos(stage, 3)
    own = stage.add_media("mine.mp4", bucket="runner")
    photos(stage, 3)
    to_gallery(hand)
    hand.tap("Recents")
    assert {"Recents", "Pictures", "runner", "6", "7", "1"} <= hand.seen()
    hand.tap("runner")
    assert len(cells(hand)) == 1
    hand.tap(cells(hand)[0])
    hand.tap("Next")
    hand.tap("Post")
    stage.pass_time(2)
    assert stage.posts[0].media[0]["sha256"] == own.sha256


def test_tabs_filter_and_swipes_scroll(stage, hand):
    photos(stage, 25)
    stage.add_media("one.mp4")
    to_gallery(hand)
    assert len(cells(hand)) == 15
    hand.app.swipe(540, 1800, 540, 800)
    assert len(cells(hand)) < 26
    hand.tap("Videos")
    assert len(cells(hand)) == 1
    assert "00:10" in hand.seen()
    hand.tap("Photos")
    assert "00:10" not in hand.seen()


@pytest.mark.parametrize("manner", ["plain", "multi"])
def test_galleries_differ_in_what_a_tap_on_a_cell_does(stage, hand, manner):
    photos(stage, 2)
    hand.app.manners.gallery = manner
    to_gallery(hand)
    assert ("Next" in hand.seen()) is (manner == "multi")
    assert hand.by_id("nbk").get("checked") == ("true" if manner == "multi" else "false")
    hand.tap(cells(hand)[0])
    assert hand.app.screen == ("editor" if manner == "plain" else "gallery")


def test_the_gallery_lets_no_touch_through_to_the_camera_behind(stage, hand):
    to_gallery(hand)
    assert {"PHOTO", "POST", "Flip"} <= hand.seen()
    hand.tap("CREATE")
    assert hand.app.screen == "gallery"
    assert "Templates" not in hand.seen()


def test_create_is_a_wrong_turn_and_post_the_way_back(stage, hand):
    hand.launch()
    hand.tap("Create")
    hand.tap("CREATE")
    assert "Templates" in hand.seen()
    hand.tap("POST")
    assert hand.app.screen == "camera"
    assert "PHOTO" in hand.seen()
    assert stage.posts == []


def test_a_sound_used_from_its_page_is_the_posts_sound(stage, hand):
    stage.add_media()
    assert hand.view("https://www.tiktok.com/music/some-song-7000000000000000001") is None
    assert hand.find("Use this sound").get("clickable") == "false"
    hand.tap("Use this sound")
    hand.tap(hand.by_id("ymg"))
    hand.tap(cells(hand)[0])
    assert "some song" in hand.seen()
    hand.tap("Next")
    hand.tap("Post")
    stage.pass_time(2)
    assert stage.posts[0].sound == "some song"


def test_profiles_open_by_link(stage, hand):
    hand.view("https://www.tiktok.com/@user_001")
    assert hand.app.screen == "profile"
    hand.view("https://www.tiktok.com/@somebody")
    assert {"@somebody"} <= hand.seen()
    assert "Profile menu" not in hand.seen()
    assert hand.view("https://example.com/") is not None
