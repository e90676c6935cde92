"""The TikTok app: what starts it, how it switches accounts, and the way from a file to Post.

What its screens look like and do is in `screens` and `pages`; uploads are those of every app (`social`).
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal
from urllib.parse import unquote, urlsplit

from ...app import Android, Intent, MediaRow
from .. import ids
from ..popups import Popup
from ..posts import Composition, Kind, Upload
from ..social import CAMERA_PERMISSIONS, STREAM, SocialApp
from ..templates import Sheet, Template
from . import options, pages, popups, screens

SHARE_ACTIVITY = "com.ss.android.ugc.aweme.share.SystemShareActivity"


@dataclass
class Manners:
    """How this installation behaves where dumps or reports differ."""

    gallery: Literal["plain", "circles", "multi"] = "circles"
    asks_save_login: bool = False
    editor_hint: bool = False
    share_chooser: bool = False

    @classmethod
    def drawn(cls, rng: random.Random) -> Manners:
        return cls(
            gallery=rng.choice(("plain", "circles", "multi")),
            asks_save_login=rng.random() < 0.3,
            editor_hint=rng.random() < 0.3,
        )


class TikTok(SocialApp):
    """`com.zhiliaoapp.musically`."""

    platform: ClassVar[str] = "tiktok"
    package: ClassVar[str] = "com.zhiliaoapp.musically"
    default_version: ClassVar[str] = "43.1.4"
    activity: ClassVar[str] = "com.ss.android.ugc.aweme.splash.SplashActivity"
    is_asia: ClassVar[bool] = False
    popup_kinds = popups.ANY_TIME

    def __init__(self, android: Android, *, version: str, accounts: list[str]) -> None:
        super().__init__(android, version=version, accounts=accounts)
        self.major = int(version.partition(".")[0])
        self.manners = Manners.drawn(android.rng)
        self.widget_closed = False
        self.asks_publicly = False
        self.shelf = options.Shelf()

    # Starting

    def start(self, intent: Intent) -> str | None:
        match intent.action:
            case "android.intent.action.MAIN":
                self.launch(self.resume)
            case "android.intent.action.SEND" if intent.component.endswith(SHARE_ACTIVITY):
                self.launch(lambda: self._receive(intent))
            case "android.intent.action.VIEW" if (page := self._page_of(intent.data)) is not None:
                self.launch(lambda: self.show(pages.Home(self), page))
            case _:
                what = f"{{ act={intent.action} dat={intent.data} cmp={intent.component} }}"
                return f"Error: Activity not started, unable to resolve Intent {what}"
        return None

    def show_home(self, *, then: Callable[[], object] | None = None) -> None:
        self.leave_logged_out()
        state = self.state_of(self.active)
        self.show(pages.Login(self) if state == "logged_out" else pages.Home(self), then=then)
        if state == "blocked":
            self.cover(Popup(self, popups.BLOCKED))

    def _receive(self, intent: Intent) -> None:
        """A shared file: the editor, or the feed when the file is unreadable (a toast is in no hierarchy)."""
        row = self.android.media_by_uri(intent.extras.get(STREAM, ""))
        readable = intent.grant_read or self.may_read_media()
        self.leave_logged_out()
        if row is None or not readable or self.state_of(self.active) == "logged_out":
            self.android.toast(self.say("Something went wrong. Try again later."))
            self.show_home()
        elif self.reached("before", "pick_media"):
            if self.manners.share_chooser:
                self.show(pages.ShareChooser(self, row))
            else:
                self.edit(Composition([row]))

    def _page_of(self, url: str) -> pages.TikTokPage | None:
        """The page behind a link: a profile, one of its posts, or a sound."""
        parts = urlsplit(url)
        path = unquote(parts.path).strip("/").split("/")
        if parts.netloc == "vm.tiktok.com" or (parts.netloc == "www.tiktok.com" and path[0] == "t"):
            return pages.Sound(self, self.say("Original sound"))
        if parts.netloc != "www.tiktok.com":
            return None
        if path[0] == "music" and len(path) > 1:
            return pages.Sound(self, path[1].rpartition("-")[0].replace("-", " "))
        if not path[0].startswith("@"):
            return None
        account = path[0][1:]
        if len(path) > 1:
            found = [post for post in self.posts_of(account) if urlsplit(post.url).path == parts.path]
            return pages.Video(self, found[0]) if found else None
        return pages.Profile(self) if account == self.active else pages.OtherProfile(self, account)

    # Accounts

    def display_name(self, account: str) -> str:
        return re.sub(r"[._]+", " ", account).title()

    def show_profile(self) -> None:
        if self.state_of(self.active) == "logged_out":
            self.open(pages.Login(self))
        else:
            self.show(pages.Profile(self))

    def switch_to(self, account: str) -> None:
        """What a row of the switcher does: the app starts its feed anew as that account."""
        if account == self.active:
            self.show(pages.Profile(self))
        elif self.reached("before", "switch_account"):
            if self.state_of(account) == "logged_out":
                self.open(pages.Login(self))
            else:
                self.active = account
                self.show_home(then=self._switched)

    def _switched(self) -> None:
        if self.manners.asks_save_login:
            self.show_popup("save_login")
        self.reached("after", "switch_account")

    # Making a post

    def create(self, *, sound: str = "") -> None:
        if self.state_of(self.active) == "logged_out":
            self.open(pages.Login(self))
        else:
            self.open(pages.Camera(self, sound=sound), then=lambda: self.ask(list(CAMERA_PERMISSIONS)))

    def open_gallery(self, camera: pages.Camera) -> None:
        if self.reached("before", "pick_media"):
            self.open(pages.Gallery(self, camera), then=self.ask_for_media)

    def snapshot(self) -> MediaRow:
        """What the shutter takes: a picture that is on nobody's list."""
        return MediaRow(
            id=-1,
            path="",
            display_name="snapshot.jpg",
            mime_type="image/jpeg",
            size=300_000,
            sha256=hashlib.sha256(b"snapshot").hexdigest(),
            date_modified=0.0,
            bucket="",
        )

    def edit(self, composition: Composition) -> None:
        """The editor, over the gallery or, for a shared file, as the app's only page."""

        def shown() -> None:
            if self.reached("after", "pick_media"):
                self.reached("before", "edit")

        editor = pages.Editor(self, composition)
        if any(isinstance(page, pages.Gallery) for page in self._pages):
            self.open(editor, then=shown)
        else:
            self.show(editor, then=shown)

    def compose(self, composition: Composition) -> None:
        """From the editor to the post page."""

        def shown() -> None:
            if self.reached("after", "edit"):
                self.reached("before", "caption")

        self.open(pages.PostPage(self, composition), then=shown)

    def ask_discard(self, editor: pages.Editor) -> None:
        self.cover(Popup(self, popups.DISCARD, accept=lambda: self.close(editor)))

    def keep_draft(self, composition: Composition) -> None:
        """What Drafts does: nothing is published, the profile shows a tile."""
        self.drafts.add(self.active or "", composition)
        self.show(pages.Profile(self))

    # Publishing

    def publish(self, composition: Composition, *, kind: Kind) -> None:
        if self.asks_publicly:
            self.asks_publicly = False
            accept = partial(self.publish, composition, kind=kind)
            self.cover(Popup(self, popups.PUBLISH_PUBLICLY, accept=accept))
        elif self.state_of(self.active) == "blocked":
            self.cover(Popup(self, popups.BLOCKED))
        elif self.reached("before", "publish") and self.upload_now(composition, kind):
            landing = pages.Home(self) if self.is_asia else pages.Friends(self)
            self.show(landing, then=partial(self.reached, "after", "publish"))

    def url_of(self, upload: Upload) -> str:
        what = "photo" if upload.kind == "images" else "video"
        number = self.android.rng.randrange(7 * 10**18, 8 * 10**18)
        return f"https://www.tiktok.com/@{upload.account}/{what}/{number}"

    def failed(self, upload: Upload) -> None:
        retry = partial(self.upload_now, upload.composition, upload.kind)
        self.cover(Popup(self, popups.UPLOAD_FAILED, accept=retry))

    # Drawing

    def home_template(self, *, live_photo: bool) -> Template:
        if self.is_asia:
            return screens.HOME_ASIA
        return screens.HOME_LIVE_PHOTO if live_photo else screens.HOME

    def dress_bar(self, sheet: Sheet) -> None:
        """TikTok Asia has Shop where TikTok has Friends."""
        if self.is_asia and sheet.has("tab.friends"):
            for node in sheet.node("tab.friends").iter("node"):
                for name in ("text", "content-desc"):
                    if node.get(name):
                        node.set(name, self.say("Shop"))

    def resource_id(self, name: str) -> str:
        return f"{self.package}:id/{ids.renamed(name, self.version)}"

    # For the control API

    def popup_names(self) -> list[str]:
        return [*super().popup_names(), popups.PUBLISH_PUBLICLY.name, popups.SURVEY.name]

    def show_popup(self, name: str) -> None:
        """As ever; but "publish_publicly" comes with the next Post."""
        if name == popups.PUBLISH_PUBLICLY.name:
            self.asks_publicly = True
            return
        accept = {"contacts": self._open_settings, "keep_editing": self._open_draft}.get(name)
        kind = popups.SURVEY if name == popups.SURVEY.name else self.popup_kinds[name]
        self.cover(Popup(self, kind, accept=accept))

    def _open_settings(self) -> None:
        self.android.leave(self.package)

    def _open_draft(self) -> None:
        if self.drafts.count(self.active):
            self.open(pages.PostPage(self, self.drafts.of[self.active or ""][0]))


class TikTokAsia(TikTok):
    """`com.ss.android.ugc.trill`: the same app with Shop instead of Friends, and its own words about
    contacts.
    """

    package: ClassVar[str] = "com.ss.android.ugc.trill"
    is_asia: ClassVar[bool] = True
    popup_kinds = popups.ANY_TIME_IN_ASIA
