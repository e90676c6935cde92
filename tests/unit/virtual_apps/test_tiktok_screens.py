"""TikTok's screens against the dumps they are made from: nothing invented, nothing lost, in each
language and version.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree

from runner.virtual.apps import words
from runner.virtual.apps.templates import Look, Rect
from runner.virtual.apps.tiktok import screens

SHIPPED = files("runner.virtual.apps") / "screens" / "tiktok"
# Dumps that no screen is made from, which the screens agree with.
OTHERS = Path(__file__).parent / "dumps"


def dump_nodes(name):
    where = OTHERS if (OTHERS / name).exists() else SHIPPED
    return list(etree.fromstring((where / name).read_bytes()).iter("node"))


def ids(nodes):
    return {
        n.get("resource-id").partition(":id/")[2] for n in nodes if n.get("package", "").endswith("musically")
    }


def home(stage, hand):
    hand.launch()


def live_photo(stage, hand):
    hand.launch()
    hand.app.swipe(540, 1800, 540, 600)


def comments(stage, hand):
    hand.launch()
    hand.tap(hand.by_id("dtv"))


def profile(stage, hand):
    upload(stage, hand)
    stage.pass_time(9)
    upload(stage, hand)
    hand.tap(hand.by_id("mks"))


def switcher(stage, hand):
    hand.launch()
    hand.tap(hand.by_id("mks"))
    hand.tap(hand.by_id("qf8"))


def camera(stage, hand):
    hand.launch()
    hand.tap(hand.by_id("mkn"))


def create_tab(stage, hand):
    camera(stage, hand)
    hand.tap(next(n for n in hand.nodes() if n.get("text") in ("CREATE", "CRÉER")))


def gallery(stage, hand):
    for n in range(17):
        stage.add_media(f"{n}.jpg", mime="image/jpeg")
    camera(stage, hand)
    hand.tap(hand.by_id("ymg"))


def editor(stage, hand):
    gallery(stage, hand)
    hand.tap(next(iter(hand.by_id("i8o"))))


def editor_hint(stage, hand):
    hand.app.manners.editor_hint = True
    editor(stage, hand)


def post_photos(stage, hand):
    editor(stage, hand)
    hand.tap(hand.by_id("ntn"))


def post_photos_focused(stage, hand):
    post_photos(stage, hand)
    hand.tap(hand.by_id("g1c"))


def post_video(stage, hand):
    hand.share(stage.add_media(), grant_read=True)
    hand.tap(hand.by_id("ntn"))


def upload(stage, hand):
    post_video(stage, hand)
    hand.tap(hand.by_id("qrb"))


def sound(stage, hand):
    hand.view("https://www.tiktok.com/t/abc/")


def login(stage, hand):
    hand.app.clear()
    hand.launch()


def popup(name):
    def show(stage, hand):
        hand.launch()
        hand.app.show_popup(name)

    return show


# What a page lacks of its dump and has beyond it, by resource id.
ROUTES = {
    "tt43_en_home_feed.xml": (home, set(), set()),
    "tt43_en_home_feed_live_photo.xml": (live_photo, set(), set()),
    "tt43_en_comments_sheet.xml": (comments, set(), set()),
    "tt4314_fr_publish_posted.xml": (profile, set(), set()),
    "tt4314_en_account_switcher.xml": (switcher, set(), set()),
    "tt43_en_create_camera.xml": (camera, set(), set()),
    "tt43_en_create_tab_templates.xml": (create_tab, set(), set()),
    "tt43_en_gallery_picker.xml": (gallery, set(), set()),
    "tt43_en_editor_next.xml": (editor, set(), set()),
    "tt43_en_editor_next_b.xml": (editor_hint, set(), set()),
    "tt43_en_post_page.xml": (post_photos, set(), set()),
    "tt4314_publish_post_screen.xml": (post_video, set(), set()),
    "tt4314_fr_publish_uploading.xml": (upload, set(), set()),
    "tt4314_fr_sound_page.xml": (sound, set(), set()),
    "tt4314_fr_login_phone.xml": (login, set(), set()),
    "tt43_en_popup_contacts.xml": (popup("contacts"), set(), set()),
    "tt4314_fr_collections_popup.xml": (popup("collections"), set(), set()),
    "tt4314_fr_update_prompt.xml": (popup("update"), set(), set()),
    "tt46_en_save_login_prompt.xml": (popup("save_login"), set(), set()),
}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", ROUTES)
def test_a_page_has_the_nodes_of_its_dump(make_stage, make_hand, name, language):
    route, missing, extra = ROUTES[name]
    stage = make_stage(language=language)
    hand = make_hand(stage)
    route(stage, hand)
    expected, found = ids(dump_nodes(name)), ids(hand.nodes())
    assert (expected - found, found - expected) == (missing, extra)
    kinds = {n.get("class") for n in dump_nodes(name) if n.get("package").endswith("musically")}
    assert kinds == {n.get("class") for n in hand.nodes() if n.get("package").endswith("musically")}


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("tt4314_fr_home.xml", home),
        ("tt4314_fr_publish_camera.xml", camera),
        ("tt4314_fr_publish_gallery.xml", gallery),
        ("tt4314_fr_own_profile.xml", profile),
        ("tt4314_fr_publish_uploading.xml", upload),
        ("tt4314_fr_sound_page.xml", sound),
    ],
)
def test_french_screens_say_what_the_french_dumps_say(make_stage, make_hand, name, route):
    stage = make_stage(language="fr")
    hand = make_hand(stage)
    route(stage, hand)
    said = {v for n in dump_nodes(name) for v in (n.get("text"), n.get("content-desc")) if v}
    fixed = {v for v in said if v in set(words.french("tiktok").values())}
    assert fixed - hand.seen() == set()
    assert len(fixed) > 3


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_word_of_the_other_language_is_left(make_stage, make_hand, name, language):
    stage = make_stage(language=language)
    hand = make_hand(stage)
    ROUTES[name][0](stage, hand)
    english, french = set(words.french("tiktok")), set(words.french("tiktok").values())
    foreign = (french - english) if language == "en" else (english - french)
    assert hand.seen() & foreign == set()


def test_the_focused_page_has_the_places_of_the_recorded_run(stage, hand):
    post_photos_focused(stage, hand)
    recorded = json.loads((OTHERS / "tt43_en_success_run_6_post_page_caption_focused.json").read_text())
    places = {e["id"]: e["bounds"] for e in recorded["elements"]}
    for name in ("qr6", "g1c", "g19", "ey5", "awo", "awn", "fvu", "ji6", "b98"):
        assert hand.by_id(name).get("bounds") == places[name], name
    assert not {"Drafts"} & hand.seen()


@pytest.mark.parametrize(
    ("version", "route", "dump"),
    [
        ("46.7.3", switcher, "tt4673_en_account_switcher.xml"),
        ("46.7.3", profile, "tt4673_en_own_profile_header.xml"),
        ("47.0.3", post_video, "tt4703_fr_post_page_bottom_row.xml"),
        ("46.6.3", upload, "tt4663_en_publish_uploading.xml"),
    ],
)
def test_newer_versions_have_their_own_ids(make_stage, make_hand, version, route, dump):
    stage = make_stage()
    hand = make_hand(stage, version=version)

    def by_old_id(name):
        return next(n for n in hand.nodes() if n.get("resource-id") == hand.app.resource_id(name))

    hand.by_id = by_old_id
    route(stage, hand)
    found, seen = ids(hand.nodes()), ids(dump_nodes(dump))
    assert seen - {""} <= found
    assert not {"mkn", "mks", "qrb", "fex", "x44", "k5o", "g19", "ymg", "uyb"} & found


def test_the_badge_floats_after_the_page_in_43_and_before_it_in_46(make_stage, make_hand):
    for version, first in (("43.1.4", False), ("46.6.3", True)):
        stage = make_stage()
        hand = make_hand(stage, version=version)
        hand.share(stage.add_media(), grant_read=True)
        for key in ("ntn", "qrb"):
            hand.tap(next(n for n in hand.nodes() if n.get("resource-id") == hand.app.resource_id(key)))
        windows = hand.app.windows()
        assert len(windows) == 2
        badge = windows[0 if first else 1]
        assert Rect.of(badge)[2:] == ((150, 442) if first else (160, 807))


@pytest.mark.parametrize("size", [(1080, 2400), (720, 1600), (1080, 2220), (480, 800)])
@pytest.mark.parametrize("name", screens.ALL)
def test_every_key_can_be_reached_by_a_touch(name, size):
    """Each keyed node's middle hits it, or another node that lies over it in the dump."""
    template = screens.ALL[name]
    sheet = template.sheet(Look(*size, template.package, "43.1.4", template.language))
    keyed = [(n.get("key"), n) for n in sheet.root.iter("node") if n.get("key")]
    sheet.seal()
    # Circles lie over their cells, the bar over the grid, the gallery over the camera.
    covered = {"GALLERY": {"overlay", *screens._CAMERA}}.get(name, set())
    unreached = {
        key for key, node in keyed if (hit := sheet.hit(*Rect.of(node).middle)) is None or hit.key != key
    }
    assert unreached <= covered | {"dim"}
