"""What covers Instagram, what it takes to get rid of it, the stray taps, and the states of accounts."""

from __future__ import annotations

import pytest

HARMLESS = {"rate": "No, thanks", "notifications": "Not now", "save_login": "Not now"}
HEADLINES = {
    "captcha": "Confirm you're human",
    "selfie": "Confirm you're a real person with a video selfie",
    "upload_id": "Upload your ID",
    "suspended": "We suspended your account, User 001",
    "disabled": "You no longer have access to user_001",
    "logged_out": "Log in",
}


@pytest.fixture
def hand(stage, make_hand):
    return make_hand(stage, "instagram")


@pytest.fixture
def running(hand):
    hand.launch()
    return hand


def open_composer(stage, hand):
    stage.add_media()
    hand.launch()
    hand.app.create("reel")
    hand.tap(hand.by_id("gallery_grid_item_thumbnail"))
    hand.tap("Next")


@pytest.mark.parametrize(("name", "answer"), [*HARMLESS.items(), ("rate", "Remind me later")])
def test_a_popup_covers_the_app_until_it_is_dismissed(running, name, answer):
    running.app.show_popup(name)
    assert running.app.screen == f"popup:{name}"
    assert "For you" not in running.seen()
    running.app.tap(1000, 2230)
    running.app.tap(540, 60)
    assert running.app.screen == f"popup:{name}"
    running.tap(answer)
    assert running.app.screen == "home"
    assert running.app.mistakes == []


@pytest.mark.parametrize("name", HARMLESS)
def test_back_dismisses_every_popup(running, name):
    running.app.show_popup(name)
    running.app.back()
    assert running.app.screen == "home"
    assert running.app.mistakes == []


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("rate", "Rate Instagram", "rated the app"),
        ("notifications", "Turn on", "turned on notifications"),
        ("save_login", "Save", "saved the login"),
        ("survey", "Start", "began a survey"),
    ],
)
def test_a_positive_answer_is_remembered(running, name, answer, mistake):
    running.app.show_popup(name)
    running.tap(answer)
    assert running.app.screen == "home"
    assert running.app.mistakes == [mistake]


def test_the_popups_come_one_after_the_other(running):
    names = set()
    for _ in HARMLESS:
        running.app.popup()
        names.add(running.app.screen.removeprefix("popup:"))
        running.app.back()
    assert names == set(HARMLESS)
    assert set(running.app.popup_names()) == {*HARMLESS, "download_nux", "story_information", "survey"}
    with pytest.raises(KeyError):
        running.app.show_popup("contacts")


def test_a_popup_in_the_middle_of_a_flow_changes_nothing_behind_it(stage, hand):
    open_composer(stage, hand)
    hand.tap("Write a caption and add hashtags…")
    hand.type("abc")
    hand.app.show_popup("rate")
    assert hand.app.focused() is None
    hand.tap("Remind me later")
    assert hand.app.screen == "composer"
    assert hand.app.focused().text == "abc"


def test_stray_taps_are_remembered(stage, running):
    running.tap(next(n for n in running.nodes() if n.get("text") == "Follow"))
    running.tap("Reels")
    running.tap("Like")
    running.tap("Create a reel")
    assert running.app.screen == "gallery_reel"
    running.tap("Open camera")
    assert running.app.screen == "camera"
    running.tap(running.by_id("camera_shutter_button"))
    running.app.show_home()
    running.tap("Profile")
    running.tap("Create New")
    running.tap("Ad")
    assert running.app.mistakes == ["followed somebody", "liked a post", "took a picture", "chose ad"]
    assert running.app.screen == "profile"


def test_a_comment_is_posted_by_an_icon_that_comes_with_the_text(stage, hand):
    stage.add_media("a.jpg", mime="image/jpeg")
    hand.launch()
    hand.app.create("post")
    hand.tap("Next")
    hand.tap("Next")
    hand.tap("Share")
    stage.pass_time(2)
    hand.view(stage.posts[0].url)
    hand.tap("Comment")
    assert "Add a comment for user_001" in hand.seen()
    assert not any(
        n.get("resource-id").endswith("/layout_comment_thread_post_button_icon") for n in hand.nodes()
    )
    hand.type("hello")
    hand.tap(hand.by_id("layout_comment_thread_post_button_icon"))
    assert hand.app.mistakes == ["posted a comment"]
    assert hand.app.screen == "post"


def test_sharing_elsewhere_is_remembered(stage, hand):
    open_composer(stage, hand)
    hand.app.swipe(500, 1500, 500, 500)
    hand.tap("Threads · Public")
    assert hand.app.mistakes == ["shared on Threads"]


@pytest.mark.parametrize("state", HEADLINES)
def test_a_stopped_account_shows_nothing_but_that(stage, hand, state):
    stage.add_media()
    hand.app.set_account_state("user_001", state)
    hand.launch()
    assert HEADLINES[state] in hand.seen()
    hand.app.show_profile()
    assert HEADLINES[state] in hand.seen()
    hand.view("https://www.instagram.com/user_009/")
    assert HEADLINES[state] in hand.seen()
    assert not any(n.get("resource-id").endswith("/tab_bar") for n in hand.nodes())


def test_a_state_that_comes_while_composing_publishes_nothing(stage, hand):
    open_composer(stage, hand)
    hand.app.set_account_state("user_001", "suspended")
    hand.tap("Share")
    stage.pass_time(5)
    assert stage.posts == []
    assert hand.app.screen == "suspended"


def test_the_other_accounts_of_the_phone_stay_usable(stage, hand):
    hand.app.set_account_state("user_001", "suspended")
    hand.launch()
    hand.tap("Menu")
    hand.tap("user_002")
    assert hand.app.screen == "home"
    hand.tap("Profile")
    hand.tap(hand.by_id("action_bar_username_container"))
    hand.tap("user_001")
    assert hand.app.screen == "suspended"


def test_back_from_the_login_of_one_account_leads_to_another(stage, hand):
    hand.app.set_account_state("user_001", "logged_out")
    hand.launch()
    assert hand.app.screen == "login"
    username, password = (n for n in hand.nodes() if n.get("class").endswith("EditText"))
    hand.tap(username)
    hand.type("someone")
    hand.tap(password)
    hand.type("secret")
    assert "someone" in hand.seen()
    assert "••••••" in hand.seen()
    hand.app.back()
    hand.app.back()
    assert (hand.app.screen, hand.app.active) == ("home", "user_002")


def test_log_out_is_a_mistake_that_costs_the_account(stage, hand):
    hand.app.set_account_state("user_001", "disabled")
    hand.launch()
    hand.tap("Log out")
    assert hand.app.mistakes == ["answered the disabled screen"]
    assert hand.app.accounts == ["user_002"]
    assert hand.app.active == "user_002"


def test_what_the_platform_does_not_know(hand):
    with pytest.raises(LookupError, match="cannot be blocked"):
        hand.app.set_account_state("user_001", "blocked")
    with pytest.raises(LookupError):
        hand.app.set_account_state("user_009", "suspended")


def test_clear_is_a_fresh_installation(stage, hand):
    open_composer(stage, hand)
    hand.app.clear()
    hand.launch()
    assert hand.app.screen == "login"
    hand.app.back()
    assert stage.front is None
