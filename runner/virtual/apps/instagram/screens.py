"""Instagram's screens: which dump each is made from and which of its nodes change or react.

The `ig_en_*` dumps are complete but of an unknown version; those of version 410 are reduced, so they are used
for screens that exist nowhere else, and for what `pages` changes from 410 on. What has no dump of its own is
derived from the nearest one; each such place says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..templates import Sheet, Template, remove, write

PACKAGE = "com.instagram.android"
_SMALL = (720, 1440)
_BUTTONS = (1080, 2220)
_TINY = (576, 1280)
_LONG = (1080, 2412)


def _is(name: str) -> str:
    return f"substring-after(@resource-id, ':id/') = '{name}'"


def _id(name: str) -> str:
    return f"//node[{_is(name)}]"


def _row_with(text: str) -> str:
    return f"//node[@text = '{text}']/ancestor::node[@clickable = 'true'][1]"


def _dump(
    name: str,
    keys: Mapping[str, str],
    parts: Mapping[str, str] | None = None,
    *,
    size: tuple[int, int] = _SMALL,
    package: str = PACKAGE,
    drop: tuple[str, ...] = (),
    derive: Callable[[Sheet], None] | None = None,
) -> Template:
    return Template(
        f"instagram/{name}.xml", keys, parts, size=size, package=package, drop=drop, derive=derive
    )


TABS = {
    "tab.home": "#feed_tab",
    "tab.reels": "#clips_tab",
    "tab.inbox": "#direct_tab",
    "tab.search": "#search_tab",
    "tab.profile": "#profile_tab",
}
# Sheets open inside of this node, or of `layout_container_parent` in an activity of its own.
_MAIN = {"host": "#layout_container_center_right_coordinator_layout"}
_ACTIVITY = {"host": "#layout_container_parent"}

# The feed and its upload row

_FEED = {
    **TABS,
    "create": f"{_id('action_bar_buttons_container_left')}/node",
    "story.add": f"({_id('outer_container')})[1]",
}
_FEED_PARTS = {
    **_MAIN,
    "logo": "#title_logo",
    "story.label": '//node[contains(@content-desc, "\'s story, ")]',
    "story.badge": "#reel_empty_badge",
}
_POSTED_PARTS = {
    **_FEED_PARTS,
    "post.header": "#row_feed_profile_header",
    "post.photo": "#row_feed_photo_profile_imageview",
    "post.name": "#row_feed_photo_profile_name",
    "post.audio": "#secondary_label",
}
_STATUS = "#row_pending_media_status_textview"
_SUB_STATUS = "#row_pending_media_sub_status_textview"
_SEND = "#row_pending_media_reshare_button"

HOME = _dump(
    "ig_en_home_feed_own_story",
    {**_FEED, "follow": "//node[@text = 'Follow']"},
    _FEED_PARTS,
)
PENDING_PROGRESS = _dump(
    "ig_en_feed_pending_posting", _FEED, {**_FEED_PARTS, "progress": "#row_pending_media_progress_bar"}
)
PENDING_ACCOUNT = _dump(
    "ig_en_feed_pending_posting_to_account", _FEED, {**_FEED_PARTS, "status": _SUB_STATUS}
)
POSTED_ALL_SET = _dump("ig_en_feed_posted_all_set", {**_FEED, "send": _SEND}, _POSTED_PARTS)
POSTED_NICELY_DONE = _dump("ig_en_feed_posted_nicely_done", {**_FEED, "send": _SEND}, _POSTED_PARTS)
FAILED = _dump(
    "ig_en_feed_video_cant_be_posted",
    {**_FEED, "discard": "#row_pending_media_discard_button"},
    {**_FEED_PARTS, "status": _STATUS},
)

# Reels

_REELS = {**TABS, "create": "@Create a reel"}
_SNACKBAR = {"snackbar": "#igds_upload_snackbar"}
REELS = _dump(
    "ig_en_reels_sharing_to_reels",
    {**_REELS, "like": "#like_button", "follow": "#inline_follow_button"},
    {**_MAIN, **_SNACKBAR, "progress": "#progress_bar"},
)
REELS_UNAVAILABLE = _dump(
    "ig_en_reel_unavailable_sharing", _REELS, {**_MAIN, **_SNACKBAR, "progress": "#progress_bar"}
)
REELS_DONE = _dump("ig_en_reels_done_posting", {**_REELS, "send": "#upload_snackbar_button"}, _MAIN)
# An own reel that was opened from the profile has no dump: the one of the Reels tab, with Back for its
# "Create a reel".
REEL = _dump(
    "ig_en_reels_viewer",
    {**TABS, "back": "@Create a reel", "share": "#direct_share_button", "more": "@More"},
    {
        **_MAIN,
        "described": "//node[starts-with(@content-desc, 'Reel by ')]",
        "author": "#clips_author_username",
        "photo": "#clips_author_profile_pic",
        "caption": f"{_id('clips_caption_component')}//node[@content-desc != '']",
    },
)

# Profiles

_PROFILE_PARTS = {
    **_MAIN,
    "handle": "#action_bar_title",
    "name": "#profile_header_full_name_above_vanity",
    "count": "#profile_header_familiar_post_count_value",
    "count.all": "#profile_header_post_count_front_familiar",
    "followers.all": "#profile_header_followers_stacked_familiar",
    "followers": "#profile_header_familiar_followers_value",
    "following.all": "#profile_header_following_stacked_familiar",
    "following": "#profile_header_familiar_following_value",
    "list": f"{_id('profile_viewpager')}/node",
    "row": "#media_set_row_content_identifier",
}
PROFILE = _dump(
    "ig_en_own_profile",
    {
        **TABS,
        "create": "@Create New",
        "switcher": "#action_bar_username_container",
        "story.add": "#reel_empty_badge",
        "cell": "#image_button",
    },
    {
        **_PROFILE_PARTS,
        "page": "#swipeable_tab_view_pager",
        "picture": "#row_profile_header_imageview",
        "note": "#pog_note_bubble_container",
        "bio": "#profile_declarative_ui_bio",
        "dashboard": "#bloks_container",
        "highlight": f"{_id('highlights_reel_tray_recycler_view')}/node[node[{_is('avatar_view')}]]",
    },
)
OTHER_PROFILE = _dump(
    "ig_en_other_profile",
    {"back": "@Back", "follow": "#profile_header_follow_button", "cell": "#image_button"},
    {**_PROFILE_PARTS, "followed_by": "#profile_header_follow_context"},
)
SWITCHER = _dump(
    "ig410_en_account_switcher",
    {
        "account": "@user_072",
        "add": "//node[@content-desc = 'Add Instagram account']",
        "center": "//node[@content-desc = 'Go to Accounts Center']",
    },
    {"sheet": "#recycler_view_container_id", "label": "//node[@text = 'user_072']"},
    size=_BUTTONS,
)

# A post of pictures

_POST = {
    "back": "#action_bar_button_back",
    "share": "#row_feed_button_share",
    "comment": "#row_feed_button_comment",
    "like": "#row_feed_button_like",
}
_POST_PARTS = {
    **_ACTIVITY,
    "post.header": "#row_feed_profile_header",
    "post.photo": "#row_feed_photo_profile_imageview",
    "post.name": "#row_feed_photo_profile_name",
    "post.when": "#secondary_label",
    "picture": "//node[starts-with(@content-desc, 'Photo by ')]",
    "caption": "//node[contains(@class, 'IgTextLayoutView')]",
    "author": "//node[contains(@class, 'IgTextLayoutView')]/node",
}
POST = _dump(
    "ig_en_post_from_link",
    _POST,
    {**_POST_PARTS, "comments": "//node[@text = '38']"},
    size=(1080, 2160),
)
COMMENTS = _dump(
    "ig_en_comment_sheet_typed",
    {
        "dim": "#background_dimmer",
        "sheet": "#layout_container_bottom_sheet",
        "comment": "#layout_comment_thread_edittext",
        "send": "#layout_comment_thread_post_button_icon",
    },
    _POST_PARTS,
    size=(1080, 2160),
)

# Sheets over other pages


def _alone(sheet: Sheet) -> None:
    """Keep nothing of the dump but its overlay."""
    overlay = sheet.node("overlay")
    for window in list(sheet.root):
        sheet.root.remove(window)
    sheet.root.append(overlay)


_SHEET = {"dim": "#background_dimmer", "sheet": "#layout_container_bottom_sheet"}
CREATE_SHEET = _dump(
    "ig_en_own_profile_create_sheet",
    {**_SHEET, "row": f"{_id('recycler_view')}/node"},
    {
        "overlay": f"{_id('activity_and_camera_shared_views_main_container')}[node]",
        "title": "#title_text_view",
        "label": f"{_id('recycler_view')}//node[@text != '']",
    },
    derive=_alone,
)
SAVE_DRAFT = _dump(
    "ig_en_reel_editor_save_draft_sheet",
    {**_SHEET, "start_over": "=Start over", "save_draft": "=Save draft", "keep_editing": "=Keep editing"},
    {"overlay": f"({_id('bottom_sheet_container')})[1]"},
    derive=_alone,
)
DOWNLOAD_NUX = _dump(
    "ig410_en_new_reel_composer_download_nux",
    {
        **_SHEET,
        "continue": "#clips_download_privacy_nux_button",
        "settings": "#clips_download_privacy_nux_link",
    },
    {"overlay": "#bottom_sheet_container"},
    size=_BUTTONS,
    derive=_alone,
)

# Creating

_STRIP = {
    "dest.feed": "#cam_dest_feed",
    "dest.story": "#cam_dest_story",
    "dest.clips": "#cam_dest_clips",
}
_GALLERY = {
    "close": "#gallery_cancel_button",
    "album": "#gallery_folder_menu_button",
    "camera": "@Open camera",
    "cell": f"{_id('gallery_recycler_view')}/node[node[{_is('gallery_grid_item_thumbnail')}]]",
}
_GRID_PARTS = {
    "thumbnail": "#gallery_grid_item_thumbnail",
    "length": "#gallery_grid_item_label",
    "album.name": "#gallery_folder_menu_tv",
}
_GALLERY_PARTS = {**_GRID_PARTS, "grid": "#gallery_recycler_view", "box": "#gallery_container"}
REEL_GALLERY = _dump("ig_en_gallery_new_reel", {**_GALLERY, **_STRIP}, {**_ACTIVITY, **_GALLERY_PARTS})
REEL_GALLERY_DRAFTS = _dump(
    "ig_en_gallery_new_reel_drafts1",
    {**_GALLERY, "dest.clips": "#cam_dest_clips"},
    {**_ACTIVITY, **_GALLERY_PARTS, "drafts": "=Drafts · 1"},
)
STORY_GALLERY = _dump(
    "ig_en_gallery_add_to_story", _GALLERY, {"host": "#swipe_navigation_container", **_GALLERY_PARTS}
)
_NEW_POST = {"close": "#action_bar_cancel", "next": "#next_button_textview"}
POST_GALLERY = _dump(
    "ig_en_gallery_new_post",
    {
        **_NEW_POST,
        **_STRIP,
        "album": "#gallery_folder_menu_container",
        "multi": "#multi_select_slide_button_alt",
        "camera": "#gallery_picker_grid_item_container",
        "cell": f"{_id('media_picker_grid_view')}/node[node[{_is('gallery_grid_item_thumbnail')}]]",
    },
    {
        **_GRID_PARTS,
        "host": "#swipe_navigation_container",
        "grid": "#media_picker_grid_view",
        "box": "#media_picker_container",
        "overlay": "#gallery_grid_item_selection_overlay",
        "preview": "#video_preview_view",
    },
)


def _to_post_editor(sheet: Sheet) -> None:
    """Of the step between the gallery and the composer only Next's id is known, from public automation
    code: the gallery without its grid, strip and title.
    """
    sheet.drop("title", "options", "picker", "strip")
    write(sheet.node("next"), resource_id=f"{PACKAGE}:id/creation_next_button")
    write(sheet.node("close"), content_desc="Back")
    write(sheet.node("preview"), content_desc="")


POST_EDITOR = _dump(
    "ig_en_gallery_new_post",
    _NEW_POST,
    {
        "host": "#swipe_navigation_container",
        "title": "#new_post_title",
        "options": "#unified_camera_options_holder_horizontal_scroll_view",
        "picker": "#media_picker_container",
        "strip": "#multi_destination_scroll_view",
        "preview": "#video_preview_view",
    },
    derive=_to_post_editor,
)
STORY_CAMERA = _dump(
    "ig410_en_story_camera",
    {
        **_STRIP,
        "dest.live": "#cam_dest_live",
        "close": "#camera_home_button",
        "gallery": "#gallery_preview_button",
        "shutter": "#camera_shutter_button",
    },
    size=_TINY,
)

_EDITOR = {
    "cancel": "#cancel_button",
    "edit": "#clips_left_action_button",
    "next": "#clips_right_action_button",
}
REEL_EDITOR = _dump("ig_en_reel_editor_edit_video_next", _EDITOR, _ACTIVITY)
REEL_EDITOR_HINTS = _dump("ig_en_reel_editor_swipe_up_to_edit", _EDITOR, _ACTIVITY)

_STORY_EDITOR = {"cancel": "#cancel_button", "story": "@Your story", "close_friends": "@Close Friends"}
STORY_EDITOR_410 = _dump(
    "ig410_en_story_editor", _STORY_EDITOR, {"host": "#multi_destination_container"}, size=_TINY
)
STORY_EDITOR = _dump(
    "ig_clone_en_story_editor",
    _STORY_EDITOR,
    _ACTIVITY,
    size=(1080, 1920),
    package="com.instagram.androim",
    drop=("/hierarchy/node[@package != 'com.instagram.androim']",),
)

_COMPOSER = {
    "back": "#action_bar_button_back",
    "caption": "#caption_input_text_view",
    "hashtags": _row_with("Hashtags"),
}
_SHARE = {"bar": "#share_button_container", "draft": "#save_draft_button", "share": "#share_button"}
_AI = {"ai": _row_with("Add AI label")}
_COMPOSER_PARTS = {
    **_ACTIVITY,
    "title": "#action_bar_title",
    "audio": _row_with("Rename audio"),
}
_AI_PARTS = {"ai.toggle": f"{_row_with('Add AI label')}//node[{_is('toggle')}]"}
COMPOSER = _dump(
    "ig_en_composer_empty_caption",
    {**_COMPOSER, **_SHARE},
    {**_COMPOSER_PARTS, "cover": "#cover_photo_preview", "share.label": f"{_id('share_button')}/node"},
)
COMPOSER_EDITING = _dump(
    "ig_en_composer_caption_editing_ok",
    {**_COMPOSER, **_AI, "ok": "#action_bar_button_text"},
    {**_COMPOSER_PARTS, **_AI_PARTS},
)
# Scrolled down, as it stays after editing.
COMPOSER_SCROLLED = _dump(
    "ig_en_composer_caption_filled_share",
    {**_COMPOSER, **_SHARE, **_AI, "threads": _row_with("Threads · Public")},
    {
        **_COMPOSER_PARTS,
        **_AI_PARTS,
        "threads.name": f"{_row_with('Threads · Public')}//node[starts-with(@text, 'user_')]",
        "share.label": f"{_id('share_button')}/node",
    },
)

# Popups

RATE = _dump(
    "ig_en_rate_dialog",
    {
        "yes": "#appirater_rate_button",
        "later": "#appirater_rate_later_button",
        "no": "#appirater_cancel_button",
    },
)
_HEADLINE_DIALOG = {
    "no": "#igds_headline_primary_action_button",
    "yes": "#igds_headline_secondary_action_text_button",
}
INFORMATION = _dump("ig410_en_story_share_information_window", _HEADLINE_DIALOG, size=_BUTTONS)


def _question(headline: str, body: str, *, yes: str, no: str, no_id: str) -> Template:
    """Dialogs that only public automation code names, with ids that it names: the story information's
    markup, with plain buttons.
    """

    def derive(sheet: Sheet) -> None:
        sheet.text("headline", headline)
        sheet.text("body", body)
        for key, name, label in (("yes", "primary_button", yes), ("no", no_id, no)):
            button = sheet.node(key)
            remove(button[0])
            button.set("class", "android.widget.Button")
            write(button, text=label, content_desc="", resource_id=f"{PACKAGE}:id/{name}")

    return _dump(
        "ig410_en_story_share_information_window",
        {"yes": _HEADLINE_DIALOG["no"], "no": _HEADLINE_DIALOG["yes"]},
        {"headline": "#igds_headline_headline", "body": "#igds_headline_body"},
        size=_BUTTONS,
        derive=derive,
    )


KEEP_DRAFT = _question(
    "Keep editing your draft?",
    "If you start a new video, this draft will be saved.",
    yes="Keep editing",
    no="Start new video",
    no_id="auxiliary_button",
)
SAVE_LOGIN = _question(
    "Save your login info?",
    "We'll save the login info for this account, so you won't need to enter it next time.",
    yes="Save",
    no="Not now",
    no_id="negative_button",
)
SURVEY = _question(
    "How do you like the app?",
    "Help us make it better.",
    yes="Start",
    no="Not now",
    no_id="auxiliary_button",
)
NOTIFICATIONS = _question(
    "Turn on notifications",
    "Know when people like or comment on your posts.",
    yes="Turn on",
    no="Not now",
    no_id="auxiliary_button",
)

# Accounts that cannot be used

_MENU = {"menu": "@Menu"}
LOGIN = _dump(
    "ig_en_login",
    {
        "username": "//node[@class = 'android.widget.EditText'][@password = 'false']",
        "password": "//node[@class = 'android.widget.EditText'][@password = 'true']",
    },
    size=_LONG,
)
CAPTCHA = _dump(
    "ig_en_captcha", {**_MENU, "code": "//node[@class = 'android.widget.EditText']", "act": "@Next"}
)
SELFIE = _dump("ig_en_selfie", {**_MENU, "act": "@Start video selfie"})
UPLOAD_ID = _dump("ig_en_upload_your_id", {**_MENU, "act": "@Submit"}, size=_LONG)
SUSPENDED = _dump(
    "ig_en_account_suspended",
    {**_MENU, "act": "@Appeal"},
    {
        "headline": "//node[starts-with(@text, 'We suspended ')]",
        "when": "//node[starts-with(@text, 'Suspended on ')]",
    },
)
DISABLED = _dump(
    "ig_en_account_disabled",
    {**_MENU, "act": "@Log out"},
    {
        "headline": "//node[starts-with(@text, 'You no longer ')]",
        "when": "//node[starts-with(@text, 'Account disabled on ')]",
    },
)

ALL: dict[str, Template] = {name: value for name, value in vars().items() if isinstance(value, Template)}
"""Every screen by its name here, for tests."""
