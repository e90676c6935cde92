"""What Instagram's screens show and do, but for the way from a file to Share, which is in `posting`.

Each page fills a template of `screens` and answers to its keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from lxml.etree import _Element

from ...app import AcceptedPost
from ..pages import Page
from ..templates import Rect, Sheet, Template, append, clip, place, remove, shift, write
from . import screens

if TYPE_CHECKING:
    from .app import Instagram

_STORY_LABEL = re.compile(r"(\S+)'s story, (\d+) of (\d+), (Unseen|Seen)\.")


class InstagramPage(Page):
    """A page of Instagram."""

    app: Instagram


def lay_over(sheet: Sheet, overlay: Sheet) -> Sheet:
    """A sheet over a page, whose nodes stay in the tree."""
    host = sheet.node("host")
    (moved,) = overlay.root
    highest = max((int(node.get("drawing-order") or 0) for node in host), default=0)
    write(moved, drawing_order=str(highest + 1))
    append(host, moved)
    return sheet


class Over(InstagramPage):
    """A sheet from the end of the screen over another page. The dimmed part and Back close it."""

    template: ClassVar[Template]

    def __init__(self, app: Instagram, behind: Page) -> None:
        super().__init__(app)
        self.behind = behind

    def draw(self) -> Sheet:
        overlay = self.sheet(self.template)
        self.fill(overlay)
        return lay_over(self.behind.draw(), overlay)

    def fill(self, overlay: Sheet) -> None:
        """Write into the overlay."""

    def moment(self) -> object:
        return self.behind.moment()

    def tapped(self, key: str, number: int) -> None:
        if key == "dim":
            self.back()
        elif key != "sheet":
            self.chose(key, number)

    def chose(self, key: str, number: int) -> None:
        """A tap on the sheet itself."""


class Choice(Over):
    """A list in a sheet. No dump shows one of albums or of what can be done with a post: the Create sheet
    with its title and rows changed.
    """

    template = screens.CREATE_SHEET
    MOST = 8

    def __init__(
        self,
        app: Instagram,
        behind: Page,
        name: str,
        title: str,
        rows: Sequence[str],
        chosen: Callable[[int], None],
    ) -> None:
        super().__init__(app, behind)
        self.name = name
        self.title = title
        self.rows = rows
        self.chosen = chosen
        self.first = 0

    def fill(self, overlay: Sheet) -> None:
        overlay.text("title", self.app.say(self.title))
        height = Rect.of(overlay.node("row")).height
        shown = self.rows[self.first : self.first + self.MOST]
        for line, (row, label) in enumerate(zip(overlay.repeat("row", len(shown)), shown, strict=True)):
            write(row, content_desc=label, number=str(self.first + line))
            overlay.text("label", label, row)
            shift(row, 0, line * height)

    def chose(self, key: str, number: int) -> None:
        self.app.close(self, then=lambda: self.chosen(number))

    def swiped(self, dx: int, dy: int) -> None:
        step = self.MOST - 1 if dy < 0 else 1 - self.MOST
        self.first = max(0, min(self.first + step, len(self.rows) - self.MOST))


# The main tabs


class MainPage(InstagramPage):
    """A page with the bottom bar."""

    tab = ""

    def dress_bar(self, sheet: Sheet) -> Sheet:
        if self.app.from_410 and self.tab:
            for key in screens.TABS:
                write(sheet.node(key), selected=key == self.tab)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "tab.home":
                self.app.show_home()
            case "tab.reels":
                self.app.show(Reels(self.app))
            case "tab.inbox" | "tab.search":
                self.app.show(Blank(self.app, key))
            case "tab.profile":
                self.app.show_profile()
            case "like" | "follow" | "send":
                done = {
                    "like": "liked a post",
                    "follow": "followed somebody",
                    "send": "sent the post to friends",
                }
                self.app.mistakes.append(done[key])

    def pressed(self, key: str, number: int) -> None:
        if key == "tab.profile":
            self.app.open(Switcher(self.app))

    def back(self) -> None:
        self.app.show_home()


class Home(MainPage):
    """The feed, with a row for the upload that is on its way, has ended or has failed."""

    name = "home"
    tab = "tab.home"

    def draw(self) -> Sheet:
        app = self.app
        account = app.active or ""
        upload, posted = app.upload_of(account), app.posted_by(account)
        failed = app.failed_by(account)
        if upload is not None and upload.kind != "story":
            if app.manners.pending == "progress":
                sheet = self.sheet(screens.PENDING_PROGRESS)
                sheet.text("progress", f"{upload.percent(app.android.now()):.1f}")
            else:
                sheet = self.sheet(screens.PENDING_ACCOUNT)
                sheet.text("status", app.say("Posting to {name}…", name=account))
        elif posted is not None:
            all_set = app.manners.done == "all_set"
            sheet = self.sheet(screens.POSTED_ALL_SET if all_set else screens.POSTED_NICELY_DONE)
            self._fill_own_post(sheet, posted)
        elif failed is not None:
            sheet = self.sheet(screens.FAILED)
            if failed.composition.is_photos:
                sheet.text("status", app.say("Photo can't be posted"))
        else:
            sheet = self.sheet(screens.HOME)
        self._fill_stories(sheet, account)
        if app.from_410:
            logo = sheet.node("logo")
            logo.set("class", "android.widget.TextView")
            resource_id = f"{app.package}:id/title_text"
            write(logo, text=app.say("For you"), content_desc="", resource_id=resource_id)
        return self.dress_bar(sheet)

    def _fill_stories(self, sheet: Sheet, account: str) -> None:
        for node in sheet.nodes("story.label"):
            found = _STORY_LABEL.fullmatch(node.get("content-desc"))
            if found is None:
                raise ValueError(f"not a story: {node.get('content-desc')!r}")
            name, at, count, seen = found.groups()
            phrase = f"{{name}}'s story, {{at}} of {{count}}, {seen}."
            name = account if at == "0" else name
            write(node, content_desc=self.app.say(phrase, name=name, at=at, count=count))
        if self.app.stories_of(account):
            sheet.drop("story.badge")

    def _fill_own_post(self, sheet: Sheet, posted: AcceptedPost) -> None:
        account, seconds = posted.account, self._seconds_since_posted()
        what = "photo" if posted.kind == "images" else "video"
        phrase = f"{{name}} posted a {what} {{seconds}} seconds ago"
        described = self.app.say(phrase, name=account, seconds=seconds)
        write(sheet.node("post.header"), content_desc=described)
        picture = self.app.say("Profile picture of {name}", name=account)
        write(sheet.node("post.photo"), content_desc=picture)
        write(sheet.node("post.name"), text=account, content_desc=account)
        audio = f" {account} • {self.app.say('Original audio')}"
        write(sheet.node("post.audio"), text=audio, content_desc=audio)

    def _seconds_since_posted(self) -> int:
        return int(self.app.android.now() - self.app.posted_at)

    def moment(self) -> object:
        upload = self.app.upload_of(self.app.active)
        return (
            upload and upload.percent(self.app.android.now()),
            self.app.posted_by(self.app.active or "") and self._seconds_since_posted(),
        )

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "create":
                if self.app.manners.create_from_home == "sheet":
                    self.app.open(CreateSheet(self.app, self))
                else:
                    self.app.create("post")
            case "story.add":
                self.app.create("story")
            case "discard":
                self.app.discard_failed()
            case _:
                super().tapped(key, number)

    def back(self) -> None:
        self.app.close(self)


class Reels(MainPage):
    """The Reels tab, with a snackbar for the upload where this installation lands here after Share."""

    name = "reels"
    tab = "tab.reels"

    def draw(self) -> Sheet:
        app = self.app
        upload, posted = app.upload_of(app.active), app.posted_by(app.active or "")
        here = app.manners.landing == "reels"
        if here and upload is not None and upload.kind == "reel":
            unavailable = app.manners.reel_unavailable
            sheet = self.sheet(screens.REELS_UNAVAILABLE if unavailable else screens.REELS)
            sheet.text("progress", f"{upload.percent(app.android.now()):.1f}")
        elif here and posted is not None and posted.kind == "reel":
            sheet = self.sheet(screens.REELS_DONE)
        else:
            sheet = self.sheet(screens.REELS)
            sheet.drop("snackbar")
        return self.dress_bar(sheet)

    def moment(self) -> object:
        upload = self.app.upload_of(self.app.active)
        return upload and upload.percent(self.app.android.now())

    def tapped(self, key: str, number: int) -> None:
        if key == "create":
            self.app.create("reel")
        else:
            super().tapped(key, number)


class Blank(MainPage):
    """No dump shows the inbox or the search: the bottom bar, nothing above it."""

    def __init__(self, app: Instagram, tab: str) -> None:
        super().__init__(app)
        self.tab = tab
        self.name = tab.removeprefix("tab.")

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.PROFILE)
        sheet.drop("page")
        for key in screens.TABS:
            for node in sheet.node(key).iter("node"):
                write(node, selected=key == self.tab)
        return sheet


class CreateSheet(Over):
    """What the plus opens over the profile; no dump shows it over the feed."""

    name = "create_sheet"
    template = screens.CREATE_SHEET
    ROWS = ("reel", "edits", "post", "story", "highlight", "ad", "fundraiser")

    def fill(self, overlay: Sheet) -> None:
        for number, row in enumerate(overlay.nodes("row")):
            write(row, number=str(number))

    def chose(self, key: str, number: int) -> None:
        match self.ROWS[number]:
            case "reel" | "post" | "story" as what:
                self.app.create(what, instead_of=self)
            case other:
                self.app.mistakes.append(f"chose {other}")
                self.back()


# Profiles and accounts


class ProfileGrid:
    """The rows of three in a profile; the last visible one is cut by the end of the page."""

    def __init__(self) -> None:
        self.first_row = 0

    def fill(self, app: Instagram, sheet: Sheet, account: str) -> None:
        posts = app.posts_of(account)
        frame = Rect.of(sheet.node("list"))
        rows = sheet.nodes("row")
        top, pitch = Rect.of(rows[0]).top, Rect.of(rows[1]).top - Rect.of(rows[0]).top
        last = min(math.ceil(len(posts) / 3), self.first_row + math.ceil((frame.bottom - top) / pitch))
        lines = range(self.first_row, last)
        for row, line in zip(sheet.repeat("row", len(lines)), lines, strict=True):
            shift(row, 0, (line - self.first_row) * pitch)
            for column, box in enumerate(list(row)):
                number = line * 3 + column
                if number < len(posts):
                    self._fill_cell(app, sheet.node("cell", box), posts[number], number)
                else:
                    remove(box)
            clip(row, frame)

    def _fill_cell(self, app: Instagram, cell: _Element, post: AcceptedPost, number: int) -> None:
        what = "Reel" if post.kind == "reel" else "Photo"
        phrase = f"{what} by {{name}} at row {{row}}, column {{column}}"
        name = app.display_name(post.account)
        described = app.say(phrase, name=name, row=number // 3 + 1, column=number % 3 + 1)
        write(cell, content_desc=described, number=str(number))

    def move(self, app: Instagram, account: str, dy: int) -> None:
        rows = round(-dy / (app.look.height / 5))
        self.first_row = max(0, min(self.first_row + rows, (len(app.posts_of(account)) - 1) // 3))


def fill_header(app: Instagram, sheet: Sheet, account: str) -> None:
    posts = len(app.posts_of(account))
    write(sheet.node("handle"), text=account, content_desc=account)
    sheet.text("name", app.display_name(account))
    sheet.text("count", str(posts))
    write(sheet.node("count.all"), content_desc=app.say("{count}posts", count=posts))
    for what in ("followers", "following"):
        count = sheet.node(what).get("text")
        write(sheet.node(f"{what}.all"), content_desc=count + app.say(what))


class Profile(MainPage):
    """The active account's own profile."""

    name = "profile"
    tab = "tab.profile"

    def __init__(self, app: Instagram) -> None:
        super().__init__(app)
        self.grid = ProfileGrid()

    def draw(self) -> Sheet:
        account = self.app.active or ""
        sheet = self.sheet(screens.PROFILE)
        sheet.drop("note", "bio", "dashboard", "highlight")
        fill_header(self.app, sheet, account)
        self.grid.fill(self.app, sheet, account)
        if self.app.stories_of(account):
            # No dump shows what the picture says then; the badge is for those without a story.
            write(sheet.node("picture"), content_desc=self.app.say("Your profile. Story"))
            sheet.drop("story.add")
        return self.dress_bar(sheet)

    def moment(self) -> object:
        return len(self.app.android.posts)

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "create":
                self.app.open(CreateSheet(self.app, self))
            case "switcher":
                self.app.open(Switcher(self.app))
            case "story.add":
                self.app.create("story")
            case "cell":
                self.app.open(page_of(self.app, self.app.posts_of(self.app.active or "")[number]))
            case _:
                super().tapped(key, number)

    def swiped(self, dx: int, dy: int) -> None:
        self.grid.move(self.app, self.app.active or "", dy)


class OtherProfile(InstagramPage):
    """Somebody's profile, opened by link."""

    name = "other_profile"

    def __init__(self, app: Instagram, account: str) -> None:
        super().__init__(app)
        self.account = account
        self.grid = ProfileGrid()

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.OTHER_PROFILE)
        sheet.drop("followed_by")
        fill_header(self.app, sheet, self.account)
        follow = sheet.node("follow")
        name = self.app.display_name(self.account)
        write(follow, content_desc=f"{self.app.say('Follow')} {name}")
        self.grid.fill(self.app, sheet, self.account)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "back":
                self.back()
            case "follow":
                self.app.mistakes.append("followed somebody")
            case "cell":
                self.app.open(page_of(self.app, self.app.posts_of(self.account)[number]))

    def swiped(self, dx: int, dy: int) -> None:
        self.grid.move(self.app, self.account, dy)


class Switcher(InstagramPage):
    """The sheet of the accounts that are logged in: the only window of the app in the tree."""

    name = "account_switcher"
    MOST = 7

    def __init__(self, app: Instagram) -> None:
        super().__init__(app)
        self.first = 0

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.SWITCHER)
        shown = self.app.accounts[self.first : self.first + self.MOST]
        if not shown:
            sheet.drop("account")
            return sheet
        height = Rect.of(sheet.node("account")).height
        grown = (len(shown) - 1) * height
        rows = sheet.repeat("account", len(shown))
        for line, (row, account) in enumerate(zip(rows, shown, strict=True)):
            shift(row, 0, line * height - grown)
            write(row, content_desc=account, number=str(self.first + line))
            sheet.text("label", account, row)
            for node in row.iter("node"):
                write(node, selected=account == self.app.active)
        frame = sheet.node("sheet")
        left, top, right, bottom = Rect.of(frame)
        place(frame, Rect(left, top - grown, right, bottom))
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "account":
                self.app.switch_to(self.app.accounts[number])
            case "add":
                self.app.open(Login(self.app))

    def swiped(self, dx: int, dy: int) -> None:
        step = 1 if dy < 0 else -1
        self.first = max(0, min(self.first + step, len(self.app.accounts) - self.MOST))


# Posts


def page_of(app: Instagram, post: AcceptedPost) -> InstagramPage:
    return Reel(app, post) if post.kind == "reel" else Post(app, post)


class PostPage(MainPage):
    """One post, opened from a profile or by link."""

    def __init__(self, app: Instagram, post: AcceptedPost) -> None:
        super().__init__(app)
        self.post = post

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "back":
                self.back()
            case "share" | "more":
                self._open_share_sheet()
            case "comment":
                self.app.open(Comments(self.app, self.post))
            case _:
                super().tapped(key, number)

    def back(self) -> None:
        self.app.close(self)

    def _open_share_sheet(self) -> None:
        def chosen(number: int) -> None:
            self.app.android.clipboard = self.post.url

        rows = [self.app.say("Copy link")]
        self.app.open(Choice(self.app, self, "share_sheet", "Share", rows, chosen))


class Reel(PostPage):
    """An own reel."""

    name = "reel"

    def draw(self) -> Sheet:
        account, caption = self.post.account, self.post.caption
        sheet = self.sheet(screens.REEL)
        write(sheet.node("back"), content_desc=self.app.say("Back"))
        for node in sheet.nodes("described"):
            phrase = "Reel by {name}. Double tap to play or pause."
            write(node, content_desc=self.app.say(phrase, name=account))
        write(sheet.node("author"), text=account, content_desc=account)
        picture = self.app.say("Profile picture of {name}", name=account)
        write(sheet.node("photo"), content_desc=picture)
        line = caption.partition("\n")[0][:60]
        write(sheet.node("caption"), content_desc=caption if line == caption else f"{line} …")
        return sheet


class Post(PostPage):
    """A post of pictures."""

    name = "post"

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.POST)
        sheet.drop("comments")
        fill_post(self.app, sheet, self.post)
        return sheet


def fill_post(app: Instagram, sheet: Sheet, post: AcceptedPost) -> None:
    account = post.account
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(post.at)).total_seconds())
    header = app.say("{name} posted a photo {seconds} seconds ago", name=account, seconds=seconds)
    when = app.say("{seconds} seconds ago", seconds=seconds)
    write(sheet.node("post.header"), content_desc=header)
    write(sheet.node("post.photo"), content_desc=app.say("Profile picture of {name}", name=account))
    write(sheet.node("post.name"), text=account, content_desc=account)
    write(sheet.node("post.when"), text=when, content_desc=when)
    phrase = "Photo by {name}, {likes} likes, {comments} comments"
    described = app.say(phrase, name=app.display_name(account), likes=0, comments=0)
    write(sheet.node("picture"), content_desc=described)
    sheet.text("caption", f"{account} {post.caption}")
    write(sheet.node("author"), content_desc=account)


class Comments(InstagramPage):
    """The comments of the post behind: where a stray tap ends. The Post icon exists only with a text."""

    name = "comments"

    def __init__(self, app: Instagram, post: AcceptedPost) -> None:
        super().__init__(app)
        self.post = post
        self.comment = self.add_field("comment", 2200)
        self.focus = "comment"

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.COMMENTS)
        fill_post(self.app, sheet, self.post)
        hint = self.app.say("Add a comment for {name}", name=self.post.account)
        sheet.text("comment", self.comment.text or hint)
        write(sheet.node("comment"), focused=self.focus is not None)
        if not self.comment.text:
            sheet.drop("send")
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "dim":
                self.back()
            case "send":
                self.app.mistakes.append("posted a comment")
                self.back()


# Accounts that cannot be used


class Login(InstagramPage):
    """Logged out, or "Add Instagram account". The form takes text and goes nowhere."""

    name = "login"

    def __init__(self, app: Instagram) -> None:
        super().__init__(app)
        self.add_field("username", 100)
        self.add_field("password", 100)

    def draw(self) -> Sheet:
        sheet = self.sheet(screens.LOGIN)
        for key, field in self.fields.items():
            text = "•" * len(field.text) if key == "password" else field.text
            write(sheet.node(key), text=text, focused=self.focus == key)
        return sheet

    def back(self) -> None:
        self.app.leave_login(self)


CHECKPOINTS: dict[str, Template] = {
    "captcha": screens.CAPTCHA,
    "selfie": screens.SELFIE,
    "upload_id": screens.UPLOAD_ID,
    "suspended": screens.SUSPENDED,
    "disabled": screens.DISABLED,
}


class Checkpoint(InstagramPage):
    """An account that the platform has stopped: it takes the place of every page.

    No dump shows what Menu opens; here it is the account switcher, since other accounts stay usable.
    """

    def __init__(self, app: Instagram, state: str) -> None:
        super().__init__(app)
        self.name = state
        if state == "captcha":
            self.add_field("code", 20)

    def draw(self) -> Sheet:
        sheet = self.sheet(CHECKPOINTS[self.name])
        account = self.app.active or ""
        fills: dict[str, tuple[str, dict[str, Any]]] = {
            "suspended": ("We suspended your account, {name}", {"name": self.app.display_name(account)}),
            "disabled": ("You no longer have access to {name}", {"name": account}),
        }
        if self.name in fills:
            phrase, values = fills[self.name]
            said = self.app.say(phrase, **values)
            write(sheet.node("headline"), text=said, content_desc=said)
            dated = {"suspended": "Suspended on {when}", "disabled": "Account disabled on {when}"}[self.name]
            when = self.app.say(dated, when=self.app.date(datetime.now(UTC), clock=False))
            write(sheet.node("when"), text=when, content_desc=when)
        if self.name == "captcha":
            if self.fields["code"].text:
                sheet.text("code", self.fields["code"].text)
            write(sheet.node("code"), focused=self.focus == "code")
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "menu":
                self.app.open(Switcher(self.app))
            case "act":
                self.app.mistakes.append(f"answered the {self.name} screen")
                if self.name == "disabled":
                    self.app.log_out(self.app.active or "")
