"""Every dump is recognised as what it shows, and the controls are where they are."""

from __future__ import annotations

import json
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from runner.errors import ControlMissing
from runner.phones.hierarchy import Hierarchy
from runner.phones.screens import Catalog, Kind, Seen
from support.dumps import DUMPS, EXPECTED, POINTS


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def dump(name: str) -> str:
    return (DUMPS / f"{name}.xml").read_text("utf-8")


def seen(catalog: Catalog, xml: str, **driven: str) -> Seen:
    return catalog.recognise(Hierarchy.parse(xml), **driven)


def test_every_dump_has_an_expectation() -> None:
    found = {path.relative_to(DUMPS).with_suffix("").as_posix() for path in DUMPS.rglob("*.xml")}
    assert found == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_dump_is_recognised(catalog: Catalog, name: str) -> None:
    found = seen(catalog, dump(name))
    assert (found.app, found.screen, str(found.kind)) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name, (app, *_) in EXPECTED.items() if app == "tiktok"])
def test_dump_is_the_same_screen_when_its_app_is_being_driven(catalog: Catalog, name: str) -> None:
    package = "com.ss.android.ugc.trill" if name.startswith("trill") else "com.zhiliaoapp.musically"
    found = seen(catalog, dump(name), app="tiktok", package=package, version="43.1.4", language="fr-FR")
    assert (found.app, found.screen, str(found.kind)) == EXPECTED[name]


@pytest.mark.parametrize(("name", "control"), POINTS)
def test_control_is_tapped_where_it_is(catalog: Catalog, name: str, control: str) -> None:
    assert seen(catalog, dump(name)).point(control) == POINTS[name, control]


def test_an_empty_description_is_told_by_its_hint(catalog: Catalog) -> None:
    for name in ("tiktok/tt43_en_post_page", "reduced/tt4314_publish_post_screen"):
        empty = seen(catalog, dump(name))
        assert empty.need("description_hint").text == empty.need("description").text


def test_camera_modes_are_no_publish_button(catalog: Catalog) -> None:
    for name in ("tiktok/tt43_en_create_camera", "reduced/tt4314_fr_publish_camera"):
        with pytest.raises(ControlMissing, match="no Publish control recognised on camera"):
            seen(catalog, dump(name)).need("publish")


def test_next_of_the_gallery_counts_once_something_is_chosen(catalog: Catalog) -> None:
    xml = dump("tiktok/tt43_en_gallery_picker")
    assert seen(catalog, xml).control("next") is None
    before = 'text="Next" resource-id="com.zhiliaoapp.musically:id/uyb"'
    start = xml.index(before)
    chosen = xml[:start] + xml[start:].replace('clickable="false"', 'clickable="true"', 1).replace(
        'text="Next"', 'text="Next (2)"', 1
    )
    assert seen(catalog, chosen).need("next").text == "Next (2)"


@pytest.mark.parametrize(
    ("name", "percent"),
    [("reduced/tt4314_fr_publish_uploading", "91%"), ("reduced/tt4663_en_publish_uploading", "66%")],
)
def test_upload_badge_is_seen_before_and_after_the_main_window(
    catalog: Catalog, name: str, percent: str
) -> None:
    found = seen(catalog, dump(name)).sign("uploading")
    assert found is not None
    assert found.text == percent


def test_the_battery_is_no_upload(catalog: Catalog) -> None:
    assert seen(catalog, dump("reduced/tt4314_fr_launch_starting_window")).sign("uploading") is None


def test_the_upload_shows_on_the_own_profile(catalog: Catalog) -> None:
    profile = seen(catalog, dump("reduced/tt4314_fr_publish_posted"))
    assert profile.need("uploading").text == "94%"
    assert profile.need("handle").text == "@user_901"
    assert len(profile.all("cells")) == 4


def test_rows_of_the_account_switcher(catalog: Catalog) -> None:
    switcher = seen(catalog, dump("reduced/tt4673_en_account_switcher"))
    assert [row.description for row in switcher.all("rows")] == [
        "user_069",
        "user_070",
        "user_071",
        "Add account",
    ]
    assert switcher.need("active").description == "user_069"


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("tiktok/tt43_en_popup_contacts", ["refuse", "back"]),
        ("trill/trill_en_popup_sync_contacts", ["refuse", "back"]),
        ("reduced/tt46_en_save_login_prompt", ["refuse", "back"]),
        ("reduced/tt4314_fr_collections_popup", ["refuse", "back"]),
        ("reduced/tt4314_fr_update_prompt", ["back"]),
        ("reduced/android12_fr_permission_camera", ["while_using", "this_time", "deny", "back"]),
    ],
)
def test_popups_are_answered_in_order_of_preference(catalog: Catalog, name: str, ways: list[str]) -> None:
    assert [way for way, _ in seen(catalog, dump(name)).ways_out()] == ways


def test_an_unknown_dialog_is_refused_never_accepted(catalog: Catalog) -> None:
    xml = dump("tiktok/tt43_en_popup_contacts").replace(
        "To connect with people you know on TikTok, allow access to your contacts in your device settings.",
        "A question that nobody has seen before",
    )
    found = seen(catalog, xml)
    assert (found.screen, found.kind) == ("dialog", Kind.POPUP)
    assert next(found.ways_out()) == ("refuse", (355, 1410))
    accepting = seen(catalog, xml.replace("Don’t allow", "Allow"))
    assert [way for way, _ in accepting.ways_out()] == ["back"]


def test_a_changed_publish_label_is_missed_not_guessed(catalog: Catalog) -> None:
    for name, label in (
        ("tiktok/tt43_en_post_page", "Post"),
        ("reduced/tt4314_publish_post_screen", "Post"),
        ("reduced/tt4703_fr_post_page_bottom_row", "Publier"),
    ):
        found = seen(catalog, dump(name).replace(f'text="{label}"', 'text="Unheard of"'), language="en-US")
        assert found.screen == "post_page"
        with pytest.raises(ControlMissing, match="no Publish control recognised on post_page"):
            found.need("publish")


GERMAN = {
    "Home": "Startseite", "Friends": "Freunde", "Create": "Erstellen", "Inbox": "Postfach",
    "Profile": "Profil?", "Next": "Weiter", "Your Story": "Deine Story", "Post": "Posten",
    "Drafts": "Entwürfe", "Switch account": "Konto wechseln", "Add account": "Konto hinzufügen",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "controls"),
    [
        ("tiktok/tt43_en_home_feed", {"profile_tab": (972, 2272), "create": (540, 2272)}),
        ("tiktok/tt43_en_editor_next", {"next": (796, 2146)}),
        ("tiktok/tt43_en_post_page", {"publish": (799, 2242), "description": (540, 875)}),
        ("reduced/tt4314_en_account_switcher", {"active": (360, 1021)}),
    ],
)
def test_an_unknown_language_is_named_and_tried_by_structure(
    catalog: Catalog, name: str, controls: dict[str, tuple[int, int]]
) -> None:
    xml = dump(name)
    for english, german in GERMAN.items():
        xml = xml.replace(f'"{english}"', f'"{german}"')
    found = seen(catalog, xml, language="de-DE")
    assert found.screen == EXPECTED[name][1]
    assert "'de-DE' has no row in the word table (en, fr)" in found.why[0]
    assert {control: found.point(control) for control in controls} == controls


def test_system_bars_never_match_words_of_an_app(catalog: Catalog) -> None:
    xml = dump("tiktok/tt43_en_home_feed").replace("com.zhiliaoapp.musically", "com.android.systemui")
    assert seen(catalog, xml).kind is Kind.LOADING


def test_another_app_is_foreign_and_named(catalog: Catalog) -> None:
    xml = dump("tiktok/tt43_en_home_feed").replace("com.zhiliaoapp.musically", "com.example.launcher")
    found = seen(catalog, xml, app="tiktok", package="com.zhiliaoapp.musically")
    assert (found.kind, found.screen) == (Kind.FOREIGN, "com.example.launcher")


def test_a_cloned_app_is_driven_under_its_own_package(catalog: Catalog) -> None:
    xml = dump("tiktok/tt43_en_home_feed").replace("com.zhiliaoapp.musically", "com.example.clone")
    found = seen(catalog, xml, app="tiktok", package="com.example.clone")
    assert (found.app, found.screen) == ("tiktok", "home")


def test_a_screen_of_the_app_that_no_definition_fits_is_unknown(catalog: Catalog) -> None:
    xml = (
        '<hierarchy><node class="android.widget.FrameLayout" package="com.zhiliaoapp.musically" '
        'bounds="[0,0][1080,2400]"><node class="android.widget.TextView" text="Something new" '
        'package="com.zhiliaoapp.musically" bounds="[0,900][1080,1000]"/></node></hierarchy>'
    )
    found = seen(catalog, xml)
    assert (found.kind, found.app, found.screen) == (Kind.UNKNOWN, "tiktok", "")


# The flat lists have neither classes nor nesting: the classes come from the dumps of the same version.

FLAT = {
    "tt43_en_success_run_1_home": ("home", "step"),
    "tt43_en_success_run_2_camera": ("camera", "step"),
    "tt43_en_success_run_3_gallery": ("gallery", "step"),
    "tt43_en_success_run_4_photo_editor": ("editor", "step"),
    "tt43_en_success_run_5_post_page": ("post_page", "step"),
    "tt43_en_success_run_6_post_page_caption_focused": ("post_page", "step"),
    "tt43_en_success_run_7_after_post_connect_friends": ("friends", "step"),
    "tiktok_popup_turn_on_notifications_3": ("notifications", "popup"),
    "tt43_en_account_blocked_dialog": ("account_blocked", "blocked"),
    "tiktok_permission_1": ("permission", "popup"),
    "tiktok_permission_2": ("permission", "popup"),
}
SELECTED = {"1_home": "Home", "7_after": "Friends"}


def flat(name: str) -> str:
    classes = {"qr6": "android.widget.Button"}
    for path in (DUMPS / "tiktok").glob("tt43_*.xml"):
        for node in Hierarchy.parse(path.read_bytes()).nodes:
            classes.setdefault(node.id or node.text, node.class_name)
    package = (
        "com.google.android.permissioncontroller" if "permission" in name else "com.zhiliaoapp.musically"
    )
    tab = next((label for part, label in SELECTED.items() if part in name), None)
    elements = json.loads(Path(DUMPS / "elements" / f"{name}.json").read_text("utf-8"))["elements"]
    nodes = "".join(
        f"<node text={quoteattr(each['text'])} content-desc={quoteattr(each['desc'])} package='{package}' "
        f"resource-id={quoteattr('x:id/' + each['id'])} bounds='{each['bounds']}' "
        f"clickable='{str(each['clickable']).lower()}' selected='{str(each['desc'] == tab).lower()}' "
        f"class='{classes.get(each['id'] or each['text'], 'android.view.View')}'/>"
        for each in elements
    )
    return f"<hierarchy>{nodes}</hierarchy>"


@pytest.mark.parametrize("name", FLAT)
def test_flat_list_is_recognised(catalog: Catalog, name: str) -> None:
    found = seen(catalog, flat(name))
    assert (found.screen, str(found.kind)) == FLAT[name]


def test_post_moves_to_the_top_while_a_field_has_the_focus(catalog: Catalog) -> None:
    focused = seen(catalog, flat("tt43_en_success_run_6_post_page_caption_focused"))
    assert focused.point("publish") == (942, 194)
    assert focused.need("title").text == "Caption 010 #tag013"
    assert focused.need("description").text.startswith("Writing a long description")
