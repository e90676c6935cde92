"""TikTok under pressure: faults at every moment of a post, and a monkey that touches whatever it sees."""

from __future__ import annotations

import random

import pytest
from lxml import etree

MOMENTS = [
    f"{when}:{step}"
    for step in ("launch", "pick_media", "edit", "caption", "publish", "upload")
    for when in ("before", "after")
]


def post(stage, hand, row):
    """Share, caption, Post; popups are sent away by Back."""

    def tap(label):
        stage.pass_time(0)
        while hand.app.screen.startswith("popup:"):
            hand.app.back()
        hand.tap(label)

    hand.share(row, grant_read=True)
    tap("Next")
    tap("Add description...")
    hand.type("words")
    tap("Post")
    stage.pass_time(0)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_popup_at_any_moment_costs_a_tap_and_nothing_else(stage, hand, moment):
    stage.faults[moment] = lambda: stage.call_later(0, hand.app.popup)
    post(stage, hand, stage.add_media())
    stage.pass_time(5)
    assert [each.caption for each in stage.posts] == ["words"]
    assert hand.app.mistakes == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_at_any_moment_loses_the_post_or_keeps_it_but_never_doubles_it(stage, hand, moment):
    crashed = []

    def crash():
        hand.app.stop()
        crashed.append(moment)

    stage.faults[moment] = crash
    row = stage.add_media()
    try:
        post(stage, hand, row)
    except (RuntimeError, AssertionError, AttributeError):
        assert crashed == [moment]
    stage.pass_time(5)
    assert crashed == [moment]
    assert len(stage.posts) == (1 if moment == "after:upload" else 0)
    hand.launch()
    assert hand.app.screen == "home"
    hand.tap("Profile")
    uploading = ("before:upload", "after:publish")
    assert ("Drafts: 1" in hand.seen()) is (moment in uploading)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("app", ["tiktok", "trill"])
def test_whatever_is_touched_every_screen_can_be_drawn(make_stage, make_hand, app, seed):
    rng = random.Random(seed)
    stage = make_stage(language=rng.choice(["en", "fr"]), latency=rng.choice([0.0, 0.3]), seed=seed)
    version = rng.choice(["43.1.4", "46.6.3", "46.7.3", "47.0.3"])
    hand = make_hand(stage, app, accounts=("user_001", "user_002", "user_003"), version=version)
    hand.app.manners = type(hand.app.manners).drawn(rng)
    for number in range(40):
        stage.add_media(
            f"{number}.mp4" if number % 3 else f"{number}.jpg",
            mime="video/mp4" if number % 3 else "image/jpeg",
        )
    screens = set()
    for _ in range(400):
        if stage.front is None or not hand.app.running:
            hand.launch()
        nodes = [n for n in hand.nodes() if n.get("clickable") == "true"] or hand.nodes()
        match rng.random():
            case chance if chance < 0.7 and nodes:
                hand.tap(rng.choice(nodes), seconds=rng.choice([0.0, 0.6]))
            case chance if chance < 0.75:
                hand.app.back()
            case chance if chance < 0.8:
                hand.app.swipe(540, 1800, 540, rng.choice([300, 2300]))
            case chance if chance < 0.85:
                hand.app.popup()
            case chance if chance < 0.88:
                stage.failure = rng.choice(["", "fails", "never_ends"])
            case _ if (field := hand.app.focused()) is not None:
                field.replace(field.text + rng.choice(["x", "👋🏽\x00\n", "#tag "]))
        stage.pass_time(rng.choice([0.0, 0.4, 3.0]))
        if hand.app.running:
            screens.add(hand.app.screen)
            for window in hand.app.windows():
                etree.tostring(window)
                assert not {"key", "part", "number"} & {name for n in window.iter() for name in n.attrib}
    assert len(screens) > 12
