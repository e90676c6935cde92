"""What covers TikTok, what it takes to get rid of it, and the states of accounts."""

from __future__ import annotations

import pytest

HARMLESS = {
    "contacts": "Don’t allow",
    "notifications": "Not now",
    "collections": "Not now",
    "save_login": "Not now",
    "follow_friends": "Not now",
    "keep_editing": "Cancel",
    "community_guidelines": "Got it",
    "privacy_policy": "Got it",
    "camera_shortcut": "Not now",
    "link_email": "Not now",
}


@pytest.fixture
def running(hand):
    hand.launch()
    return hand


@pytest.mark.parametrize(("name", "answer"), HARMLESS.items())
def test_a_popup_covers_the_app_until_it_is_dismissed(running, name, answer):
    running.app.show_popup(name)
    assert running.app.screen == f"popup:{name}"
    assert "For You" not in running.seen()
    running.app.tap(1000, 2270)
    running.app.tap(540, 60)
    assert running.app.screen == f"popup:{name}"
    running.tap(answer)
    assert running.app.screen == "home"
    assert running.app.mistakes == []


@pytest.mark.parametrize("name", [*HARMLESS, "update"])
def test_back_dismisses_every_popup(running, name):
    running.app.show_popup(name)
    running.app.back()
    assert running.app.screen == "home"
    assert running.app.mistakes == []


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("contacts", "Open settings", "opened the settings"),
        ("notifications", "Turn on", "turned on notifications"),
        ("save_login", "Save login", "saved the login"),
        ("collections", "Try it", "made a collection"),
        ("link_email", "Link email", "linked an email"),
        ("survey", "Start", "began a survey"),
    ],
)
def test_a_positive_answer_is_remembered(running, name, answer, mistake):
    running.app.show_popup(name)
    running.tap(next(n for n in running.nodes() if n.get("text") == answer and n.get("clickable") == "true"))
    assert running.app.mistakes == [mistake]


def test_the_update_prompt_has_nothing_to_tap(running):
    running.app.show_popup("update")
    assert running.seen() == set()
    assert not [n for n in running.nodes() if n.get("clickable") == "true"]
    running.app.tap(540, 1200)
    assert running.app.screen == "popup:update"


def test_popups_rotate_in_a_seeded_order(make_stage, make_hand):
    orders = []
    for seed in (1, 1, 2):
        hand = make_hand(make_stage(seed=seed))
        hand.launch()
        order = []
        for _ in range(12):
            hand.app.popup()
            order.append(hand.app.screen)
            hand.app.back()
        orders.append(order)
    assert orders[0] == orders[1] != orders[2]
    assert len(set(orders[0][:11])) == 11
    assert orders[0][11] == orders[0][0]


def test_trill_asks_for_contacts_in_its_own_words(stage, make_hand):
    hand = make_hand(stage, "trill")
    assert "sync_contacts" in hand.app.popup_names()
    hand.launch()
    assert "Shop" in hand.seen()
    hand.app.show_popup("sync_contacts")
    hand.tap("OK")
    assert hand.app.mistakes == ["synced contacts"]


def test_publish_publicly_stands_between_post_and_publishing(stage, hand):
    hand.app.show_popup("publish_publicly")
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Post")
    stage.pass_time(5)
    assert stage.posts == []
    hand.tap("Publish now")
    stage.pass_time(5)
    assert len(stage.posts) == 1
    assert hand.app.mistakes == []


def test_a_popup_planted_before_the_launch_waits_for_the_first_page(make_stage, make_hand):
    stage = make_stage(latency=0.5)
    hand = make_hand(stage)
    stage.faults["before:launch"] = hand.app.popup
    hand.launch()
    assert hand.app.screen == "starting"
    stage.pass_time(2)
    assert hand.app.screen.startswith("popup:")


def test_switching_may_ask_to_save_the_login(running):
    running.app.manners.asks_save_login = True
    running.tap("Profile")
    running.tap("User 001")
    running.tap("user_002")
    assert "Save login for next time?" in running.seen()
    running.tap("Not now")
    assert running.app.active == "user_002"


def test_a_session_that_ended_gives_way_to_another_account(stage, hand):
    hand.app.set_account_state("user_001", "logged_out")
    hand.launch()
    assert hand.app.active == "user_002"
    hand.tap("Profile")
    hand.tap("User 002")
    hand.tap("user_001")
    assert hand.app.screen == "login"
    assert hand.app.active == "user_002"
    hand.app.back()
    hand.app.back()
    assert hand.app.screen == "account_switcher"


def test_without_a_session_there_is_the_login_and_no_bottom_bar(hand):
    for account in hand.app.accounts:
        hand.app.set_account_state(account, "logged_out")
    hand.launch()
    assert hand.app.screen == "login"
    assert "Phone number" in hand.seen()
    assert "Profile" not in hand.seen()
    assert hand.app.focused() is not None


def test_clearing_the_app_logs_everybody_out(running):
    running.app.clear()
    running.launch()
    assert running.app.screen == "login"


def test_a_blocked_account_publishes_nothing(stage, hand):
    hand.app.set_account_state("user_001", "blocked")
    hand.share(stage.add_media(), grant_read=True)
    hand.tap("Next")
    hand.tap("Post")
    stage.pass_time(5)
    assert "The account has been blocked" in hand.seen()
    assert stage.posts == []
    hand.tap("OK")
    assert hand.app.screen == "post_page"
    with pytest.raises(LookupError):
        hand.app.set_account_state("nobody", "ok")
