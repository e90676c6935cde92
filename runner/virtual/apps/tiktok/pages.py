"""What TikTok's screens show and do. Each page fills a template of `screens` and answers to its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml.etree import _Element

from ...app import AcceptedPost, MediaRow
from ..pages import Page
from ..posts import Composition
from ..suggestions import Suggestions
from ..templates import Rect, Sheet, append, clip, new_node, place, remove, shift, write
from . import options, screens

if TYPE_CHECKING:
    from .app import TikTok

TITLE_LIMIT = 90
PHOTO_DESCRIPTION_LIMIT = 4000
VIDEO_CAPTION_LIMIT = 2200
MOST_PHOTOS = 35
DEFAULT_VOLUME = 50


class TikTokPage(Page):
    """A page of TikTok."""

    app: TikTok


# The main tabs


class MainPage(TikTokPage):
    """A page with the bottom bar, and with the upload's badge while one is on its way."""

    shows_badge = True

    def draw_bar(self, sheet: Sheet) -> Sheet:
        """Select this page's tab, and float the badge over the page."""
        self.app.dress_bar(sheet)
        upload = self.app.upload
        if upload is not None and self.shows_badge:
            # In 43.1.4 the badge's window follows the main one, in 46.6.3 it precedes it.
            newer = self.app.major >= 46
            badge = self.sheet(screens.BADGE_46 if newer else screens.BADGE)
            badge.text("percent", f"{upload.percent(self.app.android.now())}%")
            sheet.adopt(badge, first=newer)
        return sheet

    def moment(self) -> object:
        upload = self.app.upload
        return None if upload is None else upload.percent(self.app.android.now())

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "tab.home":
                self.app.show(Home(self.app))
            case "tab.friends":
                if not self.app.is_asia:
                    self.app.show(Friends(self.app))
            case "tab.inbox":
                self.app.show(Inbox(self.app))
            case "tab.profile":
                self.app.show_profile()
            case "tab.create":
                self.app.create()

    def back(self) -> None:
        self.app.show(Home(self.app))


class Home(MainPage):
    """The For You feed."""

    name = "home"

    def __init__(self, app: TikTok, *, live_photo: bool = False) -> None:
        super().__init__(app)
        self.live_photo = live_photo

    def draw(self) -> Sheet:
        sheet = self.sheet(self.app.home_template(live_photo=self.live_photo))
        if self.app.widget_closed:
            sheet.drop("widget")
        return self.draw_bar(sheet)

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "widget.close":
                self.app.widget_closed = True
            case "comments":
                self.app.open(Comments(self.app))
            case "like" | "author.follow":
                self.app.mistakes.append("liked a video" if key == "like" else "followed somebody")
            case _:
                super().tapped(key, number)

    def swiped(self, dx: int, dy: int) -> None:
        if abs(dy) > self.app.look.height // 6:
            self.live_photo = not self.live_photo

    def back(self) -> None:
        self.app.close(self)


class Comments(TikTokPage):
    """The comments of the video behind: where a stray tap ends."""

    name = "comments"

    def __init__(self, app: TikTok) -> None:
        super().__init__(app)
        self.comment = self.add_field("comment", 150)

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.COMMENTS)
        if self.comment.text:
            sheet.text("comment", self.comment.text)
        if self.focus:
            write(sheet.node("comment"), focused=True)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        if key in ("close", "dim"):
            self.back()


class Friends(MainPage):
    """The friends' feed, where the app lands after Post."""

    name = "friends"

    def draw(self) -> Sheet:
        newer = self.app.version.startswith("46.6")
        sheet = self.sheet(screens.FRIENDS_46_6 if newer else screens.FRIENDS)
        sheet.drop("unread")
        return self.draw_bar(sheet)


class Inbox(MainPage):
    """No dump shows the inbox: the bottom bar of the feed, nothing above it."""

    name = "inbox"

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.PROFILE)
        sheet.drop("page", "unread")
        for tab, chosen in (("tab.profile", False), ("tab.inbox", True)):
            for node in sheet.node(tab).iter("node"):
                write(node, selected=chosen)
        return self.draw_bar(sheet)


class Profile(MainPage):
    """The account's own profile. The grid holds its drafts, the upload on its way and its posts, newest
    first.
    """

    name = "profile"
    shows_badge = False

    def __init__(self, app: TikTok) -> None:
        super().__init__(app)
        self.first_row = 0

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.PROFILE)
        sheet.drop("unread", "bio")
        account = self.app.active or ""
        sheet.text("name", self.app.display_name(account))
        sheet.text("handle", f"@{account}")
        fill_grid(self, sheet, account, self.first_row, drafts=self.app.drafts.count(account))
        return self.draw_bar(sheet)

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "name":
                self.app.open(Switcher(self.app))
            case "cell":
                posts = self.app.posts_of(self.app.active or "")
                number -= int(self.app.upload_of(self.app.active) is not None)
                number -= int(self.app.drafts.count(self.app.active) > 0)
                if number < len(posts):
                    self.app.open(Video(self.app, posts[number]))
            case "drafts":
                composition = self.app.drafts.of[self.app.active or ""][0]
                self.app.open(PostPage(self.app, composition, draft=True))
            case _:
                super().tapped(key, number)

    def swiped(self, dx: int, dy: int) -> None:
        rows = round(-dy / (self.app.look.height / 5))
        self.first_row = max(
            0, min(self.first_row + rows, len(self.app.posts_of(self.app.active or "")) // 3)
        )


class OtherProfile(TikTokPage):
    """Somebody's profile, opened by link. No dump shows one: the own profile without its bar, menu and
    drafts.
    """

    name = "other_profile"

    def __init__(self, app: TikTok, account: str) -> None:
        super().__init__(app)
        self.account = account

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.PROFILE)
        sheet.drop("bar", "menu", "add_friend", "bio")
        sheet.text("name", self.app.display_name(self.account))
        sheet.mute("name")
        sheet.text("handle", f"@{self.account}")
        fill_grid(self, sheet, self.account, 0, drafts=0)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        if key == "cell":
            self.app.open(Video(self.app, self.app.posts_of(self.account)[number]))


def fill_grid(page: TikTokPage, sheet: Sheet, account: str, first_row: int, *, drafts: int) -> None:
    """The cells of a profile, three in a row, the last visible row cut by the end of the page under the
    bottom bar.
    """
    app = page.app
    grid = Rect.of(sheet.node("grid"))
    cells = sheet.nodes("cell")
    size = Rect.of(cells[0])
    across = Rect.of(cells[1]).left - size.left
    down = Rect.of(cells[2]).top - size.top
    uploading = sheet.node("uploading")
    origin = Rect.of(uploading)
    upload = app.upload_of(account) if drafts or page.name == "profile" else None
    posts = app.posts_of(account)
    before = int(drafts > 0) + int(upload is not None)
    shown = range(first_row * 3, min(before + len(posts), (first_row + 4) * 3))
    for number, cell in zip(shown, sheet.repeat("cell", len(shown)), strict=True):
        write(cell, number=str(number))
        where = origin.moved((number % 3) * across, (number // 3 - first_row) * down)
        shift(cell, where.left - size.left, where.top - size.top)
        if number >= before:
            sheet.text("views", "0", cell)
            clip(cell, grid)
        elif number == 0 and drafts:
            # No dump shows the drafts' tile, only its text is known: a cell with that text for its views.
            sheet.text("views", app.say("Drafts: {count}", count=drafts), cell)
            write(cell, key="drafts")
        else:
            remove(cell)
    if upload is None or first_row:
        remove(uploading)
    else:
        sheet.text("uploading.percent", f"{upload.percent(app.android.now())}%")
        if drafts:
            shift(uploading, across, 0)
            uploading.getparent().insert(1, uploading)


class Switcher(TikTokPage):
    """The sheet of the accounts that are logged in. It is the only window of the app in the tree."""

    name = "account_switcher"

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.SWITCHER)
        rows = fill_rows(sheet, [*self.app.accounts, self.app.say("Add account")])
        for row, account in zip(rows, self.app.accounts, strict=False):
            for node in row.iter("node"):
                write(node, selected=account == self.app.active)
            if account != self.app.active:
                remove(sheet.node("row.checkmark", row))
        remove(sheet.node("row.checkmark", rows[-1]))
        for node in rows[-1].iter("node"):
            write(node, selected=False)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "close":
                self.back()
            case "row" if number < len(self.app.accounts):
                self.app.switch_to(self.app.accounts[number])
            case "row":
                self.app.open(Login(self.app))


def fill_rows(sheet: Sheet, labels: list[str]) -> list[_Element]:
    """The switcher's sheet with these rows: it grows upwards from the end of the screen."""
    first, second = sheet.nodes("row")[:2]
    down = Rect.of(second).top - Rect.of(first).top
    grown = (len(labels) - len(sheet.nodes("row"))) * down
    rows = sheet.repeat("row", len(labels))
    for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
        write(row, content_desc=label)
        sheet.text("row.name", label, row)
        shift(row, 0, number * down)
    frame = sheet.node("sheet")
    shift(frame, 0, -grown)
    rect = Rect.of(frame)
    place(frame, Rect(rect.left, rect.top, rect.right, rect.bottom + grown))
    return rows


class Video(TikTokPage):
    """One post, opened from a profile."""

    name = "video"

    def __init__(self, app: TikTok, post: AcceptedPost) -> None:
        super().__init__(app)
        self.post = post

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.VIDEO)
        account = self.post.account
        sheet.text("author", f"@{account}")
        write(sheet.node("author.photo"), content_desc=f"{self.app.display_name(account)} profile")
        # A photo post shows its title and description as one text.
        sheet.text("caption", " ".join(filter(None, (self.post.title, self.post.caption))))
        for count in ("likes", "comments.count", "favorites.count", "shares"):
            sheet.text(count, "0")
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "back":
                self.back()
            case "share":
                self.app.open(ShareSheet(self.app, self.post))
            case "comments":
                self.app.open(Comments(self.app))


class ShareSheet(TikTokPage):
    """No dump shows the share sheet: the switcher's, with its title and rows changed."""

    name = "share_sheet"
    ROWS = ("Copy link", "Save video")

    def __init__(self, app: TikTok, post: AcceptedPost) -> None:
        super().__init__(app)
        self.post = post

    def draw(self) -> Sheet:
        return draw_choice(self, "Share to", self.ROWS)

    def tapped(self, key: str, number: int) -> None:
        if key == "row" and number == 0:
            self.app.android.clipboard = self.post.url
        if key in ("row", "close"):
            self.back()


def draw_choice(page: TikTokPage, title: str, rows: tuple[str, ...]) -> Sheet:
    sheet = page.sheet(screens.SWITCHER)
    write(sheet.node("title"), text=page.app.say(title), content_desc=page.app.say(title))
    for row in fill_rows(sheet, [page.app.say(row) for row in rows]):
        remove(sheet.node("row.checkmark", row))
        for node in row.iter("node"):
            write(node, selected=False)
    return sheet


class ShareChooser(TikTokPage):
    """Newer builds are said to ask what becomes of a shared file. No dump shows it: the switcher's sheet
    again.
    """

    name = "share_chooser"

    def __init__(self, app: TikTok, row: MediaRow) -> None:
        super().__init__(app)
        self.row = row

    def draw(self) -> Sheet:
        return draw_choice(self, "Share to", ("Video", "Photo", "Message"))

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "row" if number < 2:
                self.app.edit(Composition([self.row]))
            case "row" | "close":
                self.back()


class Login(TikTokPage):
    """Logged out, or "Add account": no bottom bar, a focused field, the keyboard before the app's windows."""

    name = "login"

    def __init__(self, app: TikTok) -> None:
        super().__init__(app)
        self.phone = self.add_field("phone", 20)
        self.focus = "phone"

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.LOGIN)
        if self.phone.text:
            sheet.text("phone", self.phone.text)
        write(sheet.node("phone"), focused=self.focus == "phone")
        return sheet

    def tapped(self, key: str, number: int) -> None:
        if key == "back":
            self.back()


class Sound(TikTokPage):
    """The page of a sound. The label of "use this sound" is not clickable, an ancestor without text is."""

    name = "sound"

    def __init__(self, app: TikTok, sound: str) -> None:
        super().__init__(app)
        self.sound = sound

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.SOUND)
        write(sheet.node("name"), text=self.sound, content_desc=self.sound)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "back":
                self.back()
            case "use":
                self.app.create(sound=self.sound)
            case "story":
                self.app.mistakes.append("added a sound to the story")


# Making a post


class Camera(TikTokPage):
    """The camera. Its gallery button, shutter and close button have no readable label, and POST is a mode."""

    name = "camera"
    MODES = ("mode.10m", "mode.60s", "mode.15s", "mode.photo", "mode.text")
    editing = None

    def __init__(self, app: TikTok, *, sound: str = "") -> None:
        super().__init__(app)
        self.sound = sound
        self.mode = "mode.photo"
        self.create_tab = False

    def draw(self) -> Sheet:
        if self.create_tab:
            return self.sheet(screens.CREATE_TAB)
        return self.dressed(self.sheet(screens.CAMERA))

    def dressed(self, sheet: Sheet) -> Sheet:
        for mode in self.MODES:
            write(sheet.node(mode), selected=mode == self.mode)
        if self.sound:
            sheet.text("sound.name", self.sound)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "camera.close":
                self.back()
            case "sound":
                self.app.open(options.Sounds(self.app, self))
            case "gallery" | "new_video":
                self.app.open_gallery(self)
            case "tab.create":
                self.create_tab = True
            case "tab.post":
                self.create_tab = False
            case "shutter":
                self.app.mistakes.append("took a picture")
                self.app.open(Editor(self.app, Composition([self.app.snapshot()], sound=self.sound)))
            case mode if mode in self.MODES:
                self.mode = mode

    def use_sound(self, name: str) -> None:
        self.sound = name
        self.app.changed()


class Gallery(TikTokPage):
    """The picker over the camera, whose nodes stay in the tree.

    In manner "plain" a tap on a cell opens the editor. In "circles" so does a tap on a cell, and a circle
    chooses. In "multi" the box is checked and both choose. Only MediaStore's rows are shown, newest first.
    """

    name = "gallery"
    FILTERS = ("show.all", "show.videos", "show.photos")

    def __init__(self, app: TikTok, camera: Camera, *, album: str = "") -> None:
        super().__init__(app)
        self.camera = camera
        self.album = album
        self.shown = "show.all"
        self.multi = app.manners.gallery == "multi"
        self.circles = app.manners.gallery != "plain"
        self.chosen: list[int] = []
        self.first_row = 0

    def rows(self) -> list[MediaRow]:
        return [
            row
            for row in self.app.visible_media()
            if (not self.album or row.bucket == self.album)
            and (self.shown == "show.all" or row.is_video == (self.shown == "show.videos"))
        ]

    def moment(self) -> object:
        return [row.id for row in self.rows()]

    def draw(self) -> Sheet:
        sheet = self.camera.dressed(self.sheet(screens.GALLERY))
        if self.album:
            sheet.text("album.name", self.album)
        for tab in self.FILTERS:
            for node in sheet.node(tab).iter("node"):
                write(node, selected=tab == self.shown)
            write(sheet.node(tab), clickable=tab != self.shown, focusable=tab != self.shown)
        self._fill_grid(sheet)
        write(sheet.node("multi.box"), checked=self.multi)
        if not (self.circles or self.multi):
            sheet.drop("next")
        elif self.chosen:
            write(
                sheet.node("next"),
                text=self.app.say("Next ({count})", count=len(self.chosen)),
                clickable=True,
            )
        else:
            sheet.mute("next")
        return sheet

    def _fill_grid(self, sheet: Sheet) -> None:
        grid = Rect.of(sheet.node("grid"))
        first, second, _, below = sheet.nodes("cell")[:4]
        across = Rect.of(second).left - Rect.of(first).left
        down = Rect.of(below).top - Rect.of(first).top
        rows = self.rows()
        shown = range(self.first_row * 3, min(len(rows), (self.first_row + 6) * 3))
        cells = sheet.repeat("cell", len(shown))
        for cell, number in zip(cells, shown, strict=True):
            row = rows[number]
            write(cell, number=str(number))
            shift(cell, (number % 3) * across, (number // 3 - self.first_row) * down)
            if row.is_video:
                append(cell, self._length_label(cell))
            if not (self.circles or self.multi):
                remove(sheet.node("circle", cell))
            elif row.id in self.chosen:
                sheet.text("circle.box", str(self.chosen.index(row.id) + 1), cell)
            clip(cell, grid)

    def _length_label(self, cell: _Element) -> _Element:
        """The length in a video's corner, as in tt4314_fr_publish_gallery."""
        rect = Rect.of(cell)
        height, width = rect.height // 6, rect.width // 3
        return new_node(
            cell,
            class_name="android.widget.TextView",
            rect=Rect(rect.right - width, rect.bottom - height, rect.right, rect.bottom),
            resource_id=self.app.resource_id("fl2"),
            text="00:10",
        )

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "close":
                self.back()
            case "albums":
                self.app.open(Albums(self.app, self))
            case "multi":
                self.multi = not self.multi
                self.circles = True
                self.chosen.clear()
            case "cell" if self.multi:
                self._toggle(number)
            case "cell":
                self._edit([self.rows()[number]])
            case "circle":
                self._toggle(number)
            case "next":
                by_id = {row.id: row for row in self.app.visible_media()}
                self._edit([by_id[each] for each in self.chosen if each in by_id])
            case tab if tab in self.FILTERS:
                self.shown, self.first_row = tab, 0

    def _toggle(self, number: int) -> None:
        row = self.rows()[number]
        if row.id in self.chosen:
            self.chosen.remove(row.id)
        elif len(self.chosen) < MOST_PHOTOS:
            self.chosen.append(row.id)

    def _edit(self, media: list[MediaRow]) -> None:
        if media:
            self.app.edit(Composition(media, sound=self.camera.sound))

    def swiped(self, dx: int, dy: int) -> None:
        last = max(0, (len(self.rows()) - 1) // 3 - 3)
        self.first_row = max(0, min(self.first_row + round(-dy / (self.app.look.height / 7)), last))


class Albums(TikTokPage):
    """The list behind "Recents": the folders that hold media. No dump shows it: rows in place of the
    picker's grid.
    """

    name = "albums"

    def __init__(self, app: TikTok, gallery: Gallery) -> None:
        super().__init__(app)
        self.gallery = gallery

    def names(self) -> list[str]:
        return ["", *dict.fromkeys(row.bucket for row in self.app.visible_media())]

    def draw(self) -> Sheet:
        sheet = self.gallery.camera.dressed(self.sheet(screens.GALLERY))
        grid = sheet.node("grid")
        frame = Rect.of(grid)
        sheet.drop("cell", "bottom", "filters")
        height = frame.height // 12
        media = self.app.visible_media()
        for number, album in enumerate(self.names()):
            top = frame.top + number * height
            row = new_node(
                grid,
                class_name="android.widget.LinearLayout",
                rect=Rect(frame.left, top, frame.right, top + height),
                clickable=True,
                focusable=True,
                key="album",
                number=str(number),
            )
            label = album or self.app.say("Recents")
            held = sum(1 for each in media if not album or each.bucket == album)
            for text, up, low in ((label, 0, height // 2), (str(held), height // 2, height)):
                append(
                    row,
                    new_node(
                        grid,
                        class_name="android.widget.TextView",
                        rect=Rect(frame.left + height, top + up, frame.right, top + low),
                        text=text,
                    ),
                )
            append(grid, row)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "album":
                self.gallery.album = self.names()[number]
                self.gallery.first_row = 0
                self.back()
            case "close" | "albums":
                self.back()


class Editor(TikTokPage):
    """Between picking and the post page. "Your Story" beside "Next" posts at once."""

    name = "editor"

    def __init__(self, app: TikTok, composition: Composition) -> None:
        super().__init__(app)
        self.composition = composition
        if composition.is_photos and not composition.sound:
            # The app adds a sound to photos by itself, as the dumps show.
            composition.sound = "Song 003"
        if not composition.is_photos and composition.origin_volume is None:
            composition.origin_volume = DEFAULT_VOLUME
        if composition.sound and composition.sound_volume is None:
            composition.sound_volume = DEFAULT_VOLUME

    @property
    def editing(self) -> Composition:
        return self.composition

    def use_sound(self, name: str) -> None:
        self.composition.sound = name
        self.composition.sound_volume = DEFAULT_VOLUME if name else None
        self.app.changed()

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.EDITOR_HINT if self.app.manners.editor_hint else screens.EDITOR)
        sheet.text("sound.name", self.composition.sound or self.app.say("Add sound"))
        if not self.composition.sound:
            sheet.drop("sound.remove")
        if self.app.major < 46:
            # No dump shows where the volumes are: here among the tools, in newer versions with the sounds.
            label = self.app.say("Volume")
            write(sheet.node("tools"), content_desc=label, key="volume")
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "back":
                self.back()
            case "sound":
                self.app.open(options.Sounds(self.app, self))
            case "volume":
                self.app.open(options.Volumes(self.app, self.composition))
            case "sound.remove":
                self.use_sound("")
            case "story":
                self.app.mistakes.append("posted a story")
                self.app.publish(self.composition, kind="story")
            case "next":
                self.app.compose(self.composition)

    def back(self) -> None:
        self.app.ask_discard(self)


class PostPage(TikTokPage):
    """The last page before Post: one text field for a video, a title and a description for photos."""

    name = "post_page"
    suggestions: Suggestions

    def __init__(self, app: TikTok, composition: Composition, *, draft: bool = False) -> None:
        super().__init__(app)
        self.composition = composition
        self.draft = draft
        limit = PHOTO_DESCRIPTION_LIMIT if composition.is_photos else VIDEO_CAPTION_LIMIT
        self.caption = self.add_field("caption", limit)
        self.caption.text = composition.caption
        self.suggestions = Suggestions(self, "caption")
        if composition.is_photos:
            self.add_field("title", TITLE_LIMIT).text = composition.title
        self._captioned = False

    def draw(self) -> Sheet:
        if self.composition.is_photos:
            template = screens.POST_PHOTOS_FOCUSED if self.focus else screens.POST_PHOTOS
        else:
            template = screens.POST_VIDEO_FOCUSED if self.focus else screens.POST_VIDEO
        sheet = self.sheet(template)
        for key, field in self.fields.items():
            if field.text:
                sheet.text(key, field.text)
            write(sheet.node(key), focused=self.focus == key)
        if self.focus:
            sheet.text("counter", f"{len(self.caption.text)}/{self.caption.limit}")
        if self.composition.product and sheet.has("link"):
            row = sheet.node("link")
            write(row, content_desc=self.composition.product)
            for label in row.iter("node"):
                if label.get("text"):
                    write(label, text=self.composition.product)
        self.suggestions.draw_on(sheet)
        return sheet

    def typed(self, key: str) -> None:
        self.composition.caption = self.caption.text
        if "title" in self.fields:
            self.composition.title = self.fields["title"].text
        if not self._captioned and self.fields[key].text:
            self._captioned = True
            self.app.reached("after", "caption")
        if key == "caption":
            self.suggestions.typed()

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "caption" | "title":
                pass
            case "hashtags" | "mention":
                self.focus = "caption"
                self.caption.replace(self.caption.text + ("#" if key == "hashtags" else "@"))
            case "collapse":
                self.focus = None
            case "back":
                self.back()
            case "more_options":
                self.app.open(options.MoreOptions(self.app, self.composition))
            case "link":
                self.app.open(options.LinkChoice(self.app, self.composition))
            case "drafts":
                self.app.keep_draft(self.composition)
            case "post":
                self.app.publish(self.composition, kind="images" if self.composition.is_photos else "video")
