"""The TikTok app: what starts it, who is logged in, what it uploads and how it ends.

What its screens look like and do is in `screens` and `pages`; what it accepted goes to `android.posts`.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar, Literal
from urllib.parse import unquote, urlsplit

from ...app import AcceptedPost, Android, Intent, MediaRow
from .. import ids
from ..pages import PagedApp
from ..posts import Composition, Drafts, Kind, Upload
from ..templates import Sheet, Template
from . import pages, popups, screens

UPLOAD_BYTES_PER_SECOND = 4_000_000
SHORTEST_UPLOAD = 1.0
"""Seconds, however small the file."""
STUCK_PERCENT = 37
MEDIA_PERMISSIONS = (
    "android.permission.READ_MEDIA_VIDEO",
    "android.permission.READ_MEDIA_IMAGES",
    "android.permission.READ_EXTERNAL_STORAGE",
)
SHARE_ACTIVITY = "com.ss.android.ugc.aweme.share.SystemShareActivity"
STREAM = "android.intent.extra.STREAM"


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


class TikTok(PagedApp):
    """`com.zhiliaoapp.musically`."""

    package: ClassVar[str] = "com.zhiliaoapp.musically"
    default_version: ClassVar[str] = "43.1.4"
    activity: ClassVar[str] = "com.ss.android.ugc.aweme.splash.SplashActivity"
    is_asia: ClassVar[bool] = False

    def __init__(self, android: Android, *, version: str, accounts: list[str]) -> None:
        super().__init__(android, version=version, accounts=accounts)
        self.major = int(version.partition(".")[0])
        self.manners = Manners.drawn(android.rng)
        self.upload_bytes_per_second = UPLOAD_BYTES_PER_SECOND
        self.shortest_upload = SHORTEST_UPLOAD
        self.drafts = Drafts()
        self.uploads: list[Upload] = []
        self.widget_closed = False
        self.asks_publicly = False
        names = [name for name in popups.KINDS if name != ("contacts" if self.is_asia else "sync_contacts")]
        android.rng.shuffle(names)
        self._rotation = popups.Rotation(names)

    # Starting

    def start(self, intent: Intent) -> str | None:
        match intent.action:
            case "android.intent.action.MAIN":
                self._launch(self.show_home, anew=False)
            case "android.intent.action.SEND" if intent.component.endswith(SHARE_ACTIVITY):
                self._launch(lambda: self._receive(intent))
            case "android.intent.action.VIEW" if self._page_of(intent.data) is not None:
                self._launch(lambda: self._view(intent.data))
            case _:
                what = f"{{ act={intent.action} dat={intent.data} cmp={intent.component} }}"
                return f"Error: Activity not started, unable to resolve Intent {what}"
        return None

    def _launch(self, arrive: Callable[[], None], *, anew: bool = True) -> None:
        """To the front; from nothing through the starting windows, which hold no node of the app."""
        self.android.to_front(self.package)
        if self.running:
            if anew:
                arrive()
            return
        self._pages = [pages.Starting(self)]
        self.changed()
        if not self.reached("before", "launch"):
            return
        seconds = self.android.screen_change()

        def arrived() -> None:
            arrive()
            self.reached("after", "launch")

        if seconds <= 0:
            arrived()
            return
        self.later(seconds, arrived)

    def show_home(self) -> None:
        if self.state_of(self.active) == "logged_out":
            self.show(pages.Login(self))
            return
        self.show(pages.Home(self))
        if self.state_of(self.active) == "blocked":
            self.cover(popups.Popup(self, popups.BLOCKED))

    def _receive(self, intent: Intent) -> None:
        """A shared file: the editor, or the feed when the file is unreadable (the app's toast is in no
        hierarchy).
        """
        row = self.android.media_by_uri(intent.extras.get(STREAM, ""))
        readable = intent.grant_read or self._may_read_media()
        if row is None or not readable or self.state_of(self.active) == "logged_out":
            self.show_home()
            return
        if not self.reached("before", "pick_media"):
            return
        if self.manners.share_chooser:
            self.show(pages.ShareChooser(self, row))
        else:
            self.edit(Composition([row]))

    def _view(self, url: str) -> None:
        page = self._page_of(url)
        if page is not None:
            self.show(pages.Home(self), page)

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
            return
        if not self.reached("before", "switch_account"):
            return
        self.active = account
        self.show_home()
        if self.manners.asks_save_login:
            self.show_popup("save_login")
        self.reached("after", "switch_account")

    # Making a post

    def create(self, *, sound: str = "") -> None:
        if self.state_of(self.active) == "logged_out":
            self.open(pages.Login(self))
            return
        self.open(pages.Camera(self, sound=sound), then=lambda: self._ask(list(pages.CAMERA_PERMISSIONS)))

    def _ask(self, permissions: list[str]) -> None:
        """Ask for what is missing, one dialog after the other; the camera is there whatever the answers."""
        missing = [each for each in permissions if not self.android.granted(self.package, each)]
        if missing:
            self.android.ask_permission(self.package, missing[0], lambda _: self._ask(missing[1:]))

    def _may_read_media(self) -> bool:
        return any(self.android.granted(self.package, each) for each in MEDIA_PERMISSIONS)

    def visible_media(self) -> list[MediaRow]:
        return list(self.android.media()) if self._may_read_media() else []

    def open_gallery(self, camera: pages.Camera) -> None:
        if not self.reached("before", "pick_media"):
            return
        self.open(pages.Gallery(self, camera))
        if not self._may_read_media():
            self.android.ask_permission(self.package, MEDIA_PERMISSIONS[0], lambda _: self.changed())

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

    def ready_to_caption(self) -> None:
        if self.reached("after", "edit"):
            self.reached("before", "caption")

    def ask_discard(self, editor: pages.Editor) -> None:
        self.cover(popups.Popup(self, popups.DISCARD, accept=lambda: self.close(editor)))

    def keep_draft(self, composition: Composition) -> None:
        """What Drafts does: nothing is published, the profile shows a tile."""
        self.drafts.add(self.active or "", composition)
        self.show(pages.Profile(self))

    # Publishing

    def publish(self, composition: Composition, *, kind: Kind) -> None:
        if self.asks_publicly:
            self.asks_publicly = False
            accept = partial(self.publish, composition, kind=kind)
            self.cover(popups.Popup(self, popups.PUBLISH_PUBLICLY, accept=accept))
            return
        if self.state_of(self.active) == "blocked":
            self.cover(popups.Popup(self, popups.BLOCKED))
            return
        if self.reached("before", "publish") and self._upload(composition, kind):
            landing = pages.Home(self) if self.is_asia else pages.Friends(self)
            self.show(landing, then=lambda: self._landed())

    def _landed(self) -> None:
        self.reached("after", "publish")

    def _upload(self, composition: Composition, kind: Kind) -> bool:
        seconds = max(self.shortest_upload, composition.size / self.upload_bytes_per_second)
        upload = Upload(composition, self.active or "", kind, self.android.now(), seconds)
        self.uploads.append(upload)
        match self.android.publish_failure():
            case "never_ends":
                upload.stuck_at = STUCK_PERCENT
            case "fails":
                self.later(seconds / 2, lambda: self._fail(upload))
            case _:
                self.later(seconds, lambda: self._finish(upload))
        return self.reached("before", "upload")

    def _finish(self, upload: Upload) -> None:
        there = {(row.path, row.sha256) for row in self.android.media()}
        needed = {(row.path, row.sha256) for row in upload.composition.media if row.path}
        if not needed <= there:
            self._fail(upload)
            return
        self.uploads.remove(upload)
        composition = upload.composition
        what = "photo" if upload.kind == "images" else "video"
        number = self.android.rng.randrange(7 * 10**18, 8 * 10**18)
        self.android.posts.append(
            AcceptedPost(
                app="tiktok",
                account=upload.account,
                kind=upload.kind,
                caption=composition.caption,
                title=composition.title,
                media=composition.described(),
                at=datetime.now(UTC).isoformat(),
                url=f"https://www.tiktok.com/@{upload.account}/{what}/{number}",
                sound=composition.sound,
            )
        )
        self.reached("after", "upload")

    def _fail(self, upload: Upload) -> None:
        self.uploads.remove(upload)
        self.drafts.add(upload.account, upload.composition)
        retry = partial(self._retry, upload)
        self.cover(popups.Popup(self, popups.UPLOAD_FAILED, accept=retry))

    def _retry(self, upload: Upload) -> None:
        self.drafts.of[upload.account].remove(upload.composition)
        self._upload(upload.composition, upload.kind)

    @property
    def upload(self) -> Upload | None:
        """The newest upload that is on its way."""
        return self.uploads[-1] if self.uploads else None

    def upload_of(self, account: str | None) -> Upload | None:
        return next((each for each in reversed(self.uploads) if each.account == account), None)

    def posts_of(self, account: str) -> list[AcceptedPost]:
        """What the account's profile shows, newest first. Stories are not on it."""
        return [
            post
            for post in reversed(self.android.posts)
            if post.app == "tiktok" and post.account == account and post.kind != "story"
        ]

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

    # For the phone and its control API

    def popup(self) -> None:
        self.show_popup(self._rotation.next())

    def popup_names(self) -> list[str]:
        return [*sorted(self._rotation.names), popups.PUBLISH_PUBLICLY.name]

    def show_popup(self, name: str) -> None:
        """Show it now; "publish_publicly" comes with the next Post."""
        if name == popups.PUBLISH_PUBLICLY.name:
            self.asks_publicly = True
            return
        accept = {"contacts": self._open_settings, "keep_editing": self._open_draft}.get(name)
        self.cover(popups.Popup(self, popups.KINDS[name], accept=accept))

    def _open_settings(self) -> None:
        self.android.leave(self.package)

    def _open_draft(self) -> None:
        if self.drafts.count(self.active):
            self.open(pages.PostPage(self, self.drafts.of[self.active or ""][0]))

    def stop(self) -> None:
        """What was uploading is a draft when the app starts again."""
        for upload in self.uploads:
            self.drafts.add(upload.account, upload.composition)
        self.uploads.clear()
        super().stop()

    def clear(self) -> None:
        super().clear()
        self.drafts.of.clear()


class TikTokAsia(TikTok):
    """`com.ss.android.ugc.trill`: the same app with Shop instead of Friends."""

    package: ClassVar[str] = "com.ss.android.ugc.trill"
    is_asia: ClassVar[bool] = True
