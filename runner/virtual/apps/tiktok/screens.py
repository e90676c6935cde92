"""TikTok's screens: which dump each is made from and which of its nodes change or react.

Resource ids here are those of 43.1.4, the version of the dumps. What has no dump of its own is derived from
the nearest one; each such place says so.
"""

from __future__ import annotations

from ..templates import Rect, Sheet, Template, append, hold, new_node, place, remove, shift, write

_TALL = (1080, 2400)
_BUTTONS = (1080, 2220)
# The app's area of these reduced dumps ends at 1476: the display of a phone with _TALL's proportions.
_SMALL = (720, 1516)


def _by_id(name: str, more: str = "") -> str:
    return f"//node[substring-after(@resource-id, ':id/') = '{name}'{more}]"


def _file(name: str) -> str:
    return f"tiktok/{name}"


_BOTTOM_BAR = {
    "tab.home": "#mkq",
    "tab.friends": "#mkp",
    "tab.create": "#mkn",
    "tab.inbox": "#mkr",
    "tab.profile": "#mks",
}
_FEED = {
    "author.follow": "#hi1",
    "like": _by_id("f57", " and starts-with(@content-desc, 'Like')"),
    "comments": "#dtv",
    "share": "#tcr",
    "widget.close": "#osu",
}
_FEED_PARTS = {
    "bar": "#mky",
    "author": "#title",
    "author.photo": "#yx4",
    "tabs": "#s00",
    "live": "#irw",
    "widget": "#wh7",
}


HOME = Template(_file("tt43_en_home_feed.xml"), {**_BOTTOM_BAR, **_FEED}, _FEED_PARTS, size=_TALL)
HOME_LIVE_PHOTO = Template(
    _file("tt43_en_home_feed_live_photo.xml"), {**_BOTTOM_BAR, **_FEED}, _FEED_PARTS, size=_TALL
)
HOME_ASIA = Template(
    "trill/trill_en_home_feed.xml",
    {
        "tab.home": "#m7i",
        "tab.shop": "#drz",
        "tab.create": "#m7f",
        "tab.inbox": "#m7j",
        "tab.profile": "#m7k",
        "comments": "#dq6",
        "widget.close": "#oc_",
    },
    {"widget": "#vpd"},
    size=(1080, 2160),
    package="com.ss.android.ugc.trill",
)
COMMENTS = Template(
    _file("tt43_en_comments_sheet.xml"), {"close": "#b9b", "dim": "#drk", "comment": "#dpl"}, size=_TALL
)


def _to_single_video(sheet: Sheet) -> None:
    """No dump shows a video opened from a profile: the feed without its bars, with a Back arrow in their
    place.
    """
    sheet.drop("bar", "widget", "author.follow", "search", "see_original")
    for tab in sheet.node("tabs").xpath("./node[not(@part)]"):
        remove(tab)
    write(sheet.node("live"), key="back", content_desc="@2131888269")


VIDEO = Template(
    _file("tt43_en_home_feed.xml"),
    _FEED,
    {
        **_FEED_PARTS,
        "caption": "#desc",
        "search": "#jwj",
        "likes": "#f4z",
        "comments.count": "#dp6",
        "favorites.count": "#gtv",
        "shares": "#t_2",
        "see_original": "=See original",
    },
    size=_TALL,
    derive=_to_single_video,
)

# The friends' feed while an upload runs: its badge is a window of its own.
_BADGE = "/hierarchy/node[.//node[contains(@text, '%')]]"
_NOT_BADGE = ("/hierarchy/node[not(.//node[contains(@text, '%')])]",)
FRIENDS = Template(
    _file("tt4314_fr_publish_uploading.xml"),
    _BOTTOM_BAR,
    {"unread": "=41"},
    size=_TALL,
    language="fr",
    drop=(_BADGE,),
)
FRIENDS_46_6 = Template(
    _file("tt4663_en_publish_uploading.xml"),
    {
        "tab.home": "#ofc",
        "tab.friends": "#ofb",
        "tab.create": "#of9",
        "tab.inbox": "#ofd",
        "tab.profile": "#ofe",
    },
    size=_TALL,
    version="46.6.3",
    drop=(_BADGE,),
)
BADGE = Template(
    _file("tt4314_fr_publish_uploading.xml"),
    {},
    {"percent": "#x44"},
    size=_TALL,
    language="fr",
    drop=_NOT_BADGE,
)
BADGE_46 = Template(
    _file("tt4663_en_publish_uploading.xml"),
    {},
    {"percent": "#tvProgress"},
    size=_TALL,
    version="46.6.3",
    drop=_NOT_BADGE,
)

# An upload is on its way in this dump: its cell (no id, no views) and finished ones (`e52`).
PROFILE = Template(
    _file("tt4314_fr_publish_posted.xml"),
    {**_BOTTOM_BAR, "name": "#qf8", "cell": "#e52"},
    {
        "bar": "#mky",
        "page": "#qfl",
        "handle": "#qh5",
        "bio": "=Bio 901 line 1",
        "grid": "#gxd",
        "views": "#xxy",
        "uploading": _by_id("gxd") + "/node[.//node[@text = '94%']]",
        "uploading.percent": "#qjj",
        "menu": "@Menu du profil",
        "add_friend": "@Ajouter une Name 905",
        "unread": "=32",
    },
    size=_TALL,
    language="fr",
)

SWITCHER = Template(
    _file("tt4314_en_account_switcher.xml"),
    {"close": "@Close", "row": "#k5o"},
    {"sheet": "#f0u", "title": "#nmh", "row.name": "#ljk", "row.checkmark": "#en4"},
    size=_SMALL,
)
SAVE_LOGIN = Template(
    _file("tt46_en_save_login_prompt.xml"), {"yes": "=Save login", "no": "=Not now"}, size=_SMALL
)

_CAMERA = {
    "camera.close": "#jix",
    "gallery": "#ymg",
    "shutter": "#r3r",
    "mode.10m": "=10m",
    "mode.60s": "=60s",
    "mode.15s": "=15s",
    "mode.photo": "=PHOTO",
    "mode.text": "=TEXT",
    "tab.post": "=POST",
    "tab.create": "=CREATE",
    "sound": "#d8c",
}
_CAMERA_PARTS = {"sound.name": "#ycm"}
CAMERA = Template(_file("tt43_en_create_camera.xml"), _CAMERA, _CAMERA_PARTS, size=_TALL)
CREATE_TAB = Template(
    _file("tt43_en_create_tab_templates.xml"),
    {
        "camera.close": "#g10",
        "new_video": "#nqb",
        "drafts": "#a4s",
        "tab.post": "=POST",
        "tab.create": "=CREATE",
    },
    size=_TALL,
)
GALLERY = Template(
    _file("tt43_en_gallery_picker.xml"),
    {
        **_CAMERA,
        # Everything of the overlay that means nothing else: it lets no touch through to the camera.
        "overlay": _by_id("s2q", " and @class = 'android.view.ViewGroup'"),
        "close": "#b9b",
        "albums": "#d2t",
        "show.all": "@All",
        "show.videos": "@Videos",
        "show.photos": "@Photos",
        "cell": _by_id("i8o") + "/node",
        "circle": "#h9t",
        "multi": "#nbv",
        "next": "#uyb",
    },
    {
        **_CAMERA_PARTS,
        "album.name": "#yc0",
        "filters": "#mua",
        "grid": "#i8o",
        "circle.box": "#jh7",
        "bottom": "#n5x",
        "multi.box": "#nbk",
    },
    size=_TALL,
)

_EDITOR = {"back": "#b98", "story": "#qxr", "next": "#ntn", "sound": "#d8c", "sound.remove": "#d81"}
_EDITOR_PARTS = {"sound.name": "#ycm", "tools": "@Effects"}
EDITOR = Template(_file("tt43_en_editor_next.xml"), _EDITOR, _EDITOR_PARTS, size=_TALL)
EDITOR_HINT = Template(_file("tt43_en_editor_next_b.xml"), _EDITOR, _EDITOR_PARTS, size=_TALL)


def _more_options(name: str) -> str:
    return _by_id("d0z", f" and starts-with(@content-desc, '{name}')")


_POST_PAGE = {
    "back": "#b98",
    "more_options": _more_options("More options"),
    "caption": "#g19",
    "hashtags": "#awo",
    "mention": "#awn",
    "drafts": "#fex",
    "post": "#qrb",
}
_POST_PAGE_PARTS = {"top": "#w_m", "toolbar": "#l44", "options": "#qr5", "bottom": "#bw7"}
_PHOTO_PAGE = {**_POST_PAGE, "title": "#g1c", "collapse": "#fwf", "link": "@Add link"}
_PHOTO_PAGE_PARTS = {**_POST_PAGE_PARTS, "cover": "#ji6"}


def _add_focused_controls(sheet: Sheet, post: Rect, counter: Rect) -> None:
    """What success_run_6 shows while a field has the focus: Post top right, a counter, no bottom row."""
    field = sheet.node("caption")
    package = field.get("package")
    sheet.drop("bottom")
    append(
        sheet.node("top"),
        new_node(
            field,
            class_name="android.widget.Button",
            rect=post,
            resource_id=f"{package}:id/qr6",
            text="Post",
            clickable=True,
            focusable=True,
            key="post",
        ),
    )
    count = new_node(
        field,
        class_name="android.widget.TextView",
        rect=counter,
        resource_id=f"{package}:id/ey5",
        text="0/4000",
        part="counter",
    )
    append(sheet.node("toolbar").getparent(), count)
    hold(count)


def _to_focused_photo_page(sheet: Sheet) -> None:
    """success_run_6 is a flat list: its bounds and texts on the tree of the page without focus. The
    keyboard covers what lies below 1602, so it is not in the tree.
    """
    _add_focused_controls(sheet, post=Rect(846, 152, 1038, 236), counter=Rect(42, 1059, 140, 1122))
    place(sheet.node("title"), Rect(42, 417, 1038, 470))
    place(sheet.node("caption"), Rect(42, 524, 1038, 1059))
    place(sheet.node("cover"), Rect(42, 274, 153, 385))
    hold(sheet.node("title"))
    for label in sheet.root.xpath("//node[@text = 'Cover']"):
        remove(label)
    collapse = sheet.node("collapse")
    write(collapse, content_desc="Collapse", resource_id=f"{collapse.get('package')}:id/fvu")
    for moved in (sheet.node("toolbar"), collapse, sheet.node("options")):
        shift(moved, 0, 63)
        hold(moved)
    for name in ("vp5", "f6m", "lao"):
        for row in sheet.root.xpath(_by_id(name)):
            remove(row)


def _to_focused_video_page(sheet: Sheet) -> None:
    """No dump shows a video's page with the focus: the same changes as on a photo's."""
    _add_focused_controls(sheet, post=Rect(846, 95, 1036, 179), counter=Rect(44, 620, 142, 683))
    for moved in (sheet.node("toolbar"), sheet.node("options")):
        shift(moved, 0, 63)
        hold(moved)
    for name in ("f6m", "t_c"):
        for row in sheet.root.xpath(_by_id(name)):
            remove(row if name == "f6m" else row.getparent())


def _with_link(sheet: Sheet) -> None:
    """The dump of a video's page is of an account that may link nothing: the row of a photo's page, where
    there is room for it.
    """
    options = sheet.node("options")
    package = options.get("package")
    row = new_node(
        options,
        class_name="android.widget.Button",
        rect=Rect(0, 1781, 1080, 1889),
        resource_id=f"{package}:id/d0z",
        content_desc="Add link",
        clickable=True,
        focusable=True,
        key="link",
    )
    append(options, row)
    label = new_node(
        options,
        class_name="android.widget.TextView",
        rect=Rect(121, 1809, 300, 1861),
        resource_id=f"{package}:id/w4m",
        text="Add link ",
    )
    append(row, label)
    hold(row)


_VIDEO_PAGE = _file("tt4314_publish_post_screen.xml")
# The navigation bar is the phone's, not the app's.
_NAVIGATION_BAR = ("/hierarchy/node[@package = 'com.android.systemui']",)
POST_VIDEO = Template(
    _VIDEO_PAGE, _POST_PAGE, _POST_PAGE_PARTS, size=_BUTTONS, drop=_NAVIGATION_BAR, derive=_with_link
)
POST_VIDEO_FOCUSED = Template(
    _VIDEO_PAGE,
    _POST_PAGE,
    _POST_PAGE_PARTS,
    size=_BUTTONS,
    drop=_NAVIGATION_BAR,
    derive=_to_focused_video_page,
)
POST_PHOTOS = Template(_file("tt43_en_post_page.xml"), _PHOTO_PAGE, _PHOTO_PAGE_PARTS, size=_TALL)
POST_PHOTOS_FOCUSED = Template(
    _file("tt43_en_post_page.xml"), _PHOTO_PAGE, _PHOTO_PAGE_PARTS, size=_TALL, derive=_to_focused_photo_page
)


def _emptied(sheet: Sheet) -> None:
    for node in list(sheet.node("window")):
        remove(node)


BLANK = Template(
    _file("tt43_en_post_page.xml"), {}, {"window": "/hierarchy/node[1]"}, size=_TALL, derive=_emptied
)
"""The window that the pages of `options` are drawn in."""

SOUND = Template(
    _file("tt4314_fr_sound_page.xml"),
    {
        "back": _by_id("nn2") + "/node[@class = 'android.widget.Button']",
        "use": "#u8m",
        "story": "#tbu",
    },
    {"name": "#title"},
    size=_BUTTONS,
    language="fr",
)
LOGIN = Template(
    _file("tt4314_fr_login_phone.xml"),
    {"back": "@Retour à l'écran précédent", "phone": "=Numéro de téléphone"},
    size=_TALL,
    language="fr",
    # The keyboard is the phone's, not the app's.
    drop=("/hierarchy/node[contains(@package, 'inputmethod')]",),
)

# Popups

DIALOG = Template(
    _file("tt43_en_popup_contacts.xml"),
    {"yes": "=Open settings", "no": "=Don’t allow"},
    {"message": "#e_h"},
    size=_TALL,
)
SYNC_CONTACTS = Template(
    "trill/trill_en_popup_sync_contacts.xml",
    {"yes": "=OK", "no": "=Don’t allow"},
    size=(1080, 2160),
    package="com.ss.android.ugc.trill",
)
NOTIFICATIONS = Template(
    _file("tiktok_popup_turn_on_notifications_3.json"),
    {"dim": "#wh2", "sheet": "#f0u", "no": "#co6", "yes": "#co8"},
    size=_TALL,
)
COLLECTIONS = Template(
    _file("tt4314_fr_collections_popup.xml"),
    {"dim": "#wh2", "sheet": "#f0u", "no": "#ny9", "yes": "#wlp", "close": "#jyh"},
    size=_BUTTONS,
    language="fr",
)
UPDATE = Template(
    _file("tt4314_fr_update_prompt.xml"), {}, size=_BUTTONS, language="fr", drop=_NAVIGATION_BAR
)
BLOCKED = Template(_file("tt43_en_account_blocked_dialog.json"), {"no": "#button1"}, size=_TALL)

ALL: dict[str, Template] = {name: value for name, value in vars().items() if isinstance(value, Template)}
"""Every screen by its name here, for tests."""
