"""The Instagram app: what starts it, how it switches accounts, and the way from a file to Share.

What its screens look like and do is in `screens`, `pages` and `posting`; uploads are those of every app
(`social`).
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar, Literal
from urllib.parse import unquote, urlsplit

from ...app import AcceptedPost, Android, Intent
from ..pages import Page
from ..popups import Popup
from ..posts import Composition, Kind, Upload
from ..social import CAMERA_PERMISSIONS, MEDIA_PERMISSIONS, STREAM, AccountState, SocialApp
from . import pages, popups, posting

SHARE_ACTIONS: dict[str, posting.What] = {
    "com.instagram.share.ADD_TO_FEED": "post",
    "com.instagram.share.ADD_TO_REEL": "reel",
    "com.instagram.share.ADD_TO_STORY": "story",
}
APP_ID_EXTRAS = ("com.instagram.platform.extra.APPLICATION_ID", "source_application")
"""Reels and stories want one of them since 2023."""
SITES = ("www.instagram.com", "instagram.com")
DONE_SECONDS = 60.0
"""How long the feed says that a post is done; the dumps show 10 and 18 seconds."""
_CODE = string.ascii_letters + string.digits + "-_"
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}


@dataclass
class Manners:
    """How this installation behaves where dumps or reports differ."""

    create_from_home: Literal["gallery", "sheet"] = "gallery"
    landing: Literal["feed", "reels"] = "feed"
    """Where the app goes after Share of a reel."""
    pending: Literal["progress", "account"] = "progress"
    done: Literal["all_set", "nicely_done"] = "all_set"
    reel_unavailable: bool = False
    editor_hints: bool = False
    stale_selection: bool = False
    """"Select multiple" begins with what was selected before."""
    after_switch: Literal["home", "profile"] = "home"
    asks_save_login: bool = False
    download_nux: bool = False
    """The sheet over the first reel's composer is still to come."""
    story_information: bool = False
    """The window after the first story is still to come."""

    @classmethod
    def drawn(cls, rng: random.Random) -> Manners:
        return cls(
            create_from_home=rng.choice(("gallery", "sheet")),
            landing=rng.choice(("feed", "reels")),
            pending=rng.choice(("progress", "account")),
            done=rng.choice(("all_set", "nicely_done")),
            reel_unavailable=rng.random() < 0.2,
            editor_hints=rng.random() < 0.3,
            stale_selection=rng.random() < 0.5,
            after_switch=rng.choice(("home", "profile")),
            asks_save_login=rng.random() < 0.3,
            download_nux=rng.random() < 0.3,
            story_information=rng.random() < 0.3,
        )


class Instagram(SocialApp):
    """`com.instagram.android`."""

    platform: ClassVar[str] = "instagram"
    package: ClassVar[str] = "com.instagram.android"
    default_version: ClassVar[str] = "410.0.0.53.71"
    activity: ClassVar[str] = "com.instagram.mainactivity.InstagramMainActivity"
    popup_kinds = popups.ANY_TIME

    def __init__(self, android: Android, *, version: str, accounts: list[str]) -> None:
        super().__init__(android, version=version, accounts=accounts)
        self.from_410 = int(version.partition(".")[0]) >= 410
        """What the dumps of 410 show and the older ones do not: the Home tab stays selected, the feed has a
        title, the strip of destinations has LIVE and a selected flag, stories begin with the camera.
        """
        self.most_pictures = 20 if self.from_410 else 10
        self.manners = Manners.drawn(android.rng)
        self.posted_at = 0.0
        """When the post of `posted_by` was accepted, by the phone's monotonic clock."""
        self._posted: AcceptedPost | None = None
        self._failed: list[Upload] = []
        self._interrupted: dict[str, tuple[Composition, str]] = {}

    # Starting

    def start(self, intent: Intent) -> str | None:
        what = SHARE_ACTIONS.get(intent.action)
        if intent.action == "android.intent.action.MAIN":
            self.launch(self.resume)
        elif what is not None and intent.mime_type.partition("/")[0] in ("image", "video"):
            self.launch(partial(self._receive, what, intent))
        elif intent.action == "android.intent.action.VIEW" and urlsplit(intent.data).netloc in SITES:
            self.launch(partial(self._view, intent.data))
        else:
            given = f"{{ act={intent.action} dat={intent.data} cmp={intent.component} }}"
            return f"Error: Activity not started, unable to resolve Intent {given}"
        return None

    def _receive(self, what: posting.What, intent: Intent) -> None:
        """A shared file: its editor, or the feed when the app does not take it."""
        row = self.android.media_by_uri(intent.extras.get(STREAM) or intent.data)
        readable = intent.grant_read or self.may_read_media()
        named = what == "post" or any(intent.extras.get(extra) for extra in APP_ID_EXTRAS)
        self._remember_interrupted()
        if row is None or not readable or not named or self.state_of(self.active) != "ok":
            self.show_home()
        elif self.reached("before", "pick_media"):
            composition = Composition([row])
            if what == "story":
                self.edit(posting.StoryEditor(self, composition))
            elif what == "reel" or row.is_video:
                title = "New reel" if what == "reel" else "New post"
                self.edit(posting.ReelEditor(self, composition, title))
            else:
                self.edit(posting.PostEditor(self, composition))

    def _view(self, url: str) -> None:
        page = self._page_of(url)
        self._remember_interrupted()
        if page is None or self.state_of(self.active) != "ok":
            self.show_home()
        else:
            self.show(pages.Home(self), page)

    def _page_of(self, url: str) -> Page | None:
        """The page behind a link: a profile or one of the posts that this phone knows."""
        path = unquote(urlsplit(url).path).strip("/").split("/")
        if len(path) == 2 and path[0] in ("reel", "p"):
            found = [post for post in self.android.posts if urlsplit(post.url).path.split("/")[2] == path[1]]
            return pages.page_of(self, found[0]) if found else None
        if len(path) != 1 or not path[0]:
            return None
        return pages.Profile(self) if path[0] == self.active else pages.OtherProfile(self, path[0])

    def show_home(self, *, then: Callable[[], object] | None = None) -> None:
        self.show(self._stopped_by() or pages.Home(self), then=then)

    def show_profile(self, *, then: Callable[[], object] | None = None) -> None:
        self.show(self._stopped_by() or pages.Profile(self), then=then)

    # Accounts

    def _stopped_by(self) -> Page | None:
        """The page that the active account's state puts in the place of every other."""
        state = self.state_of(self.active)
        if state == "ok":
            return None
        return pages.Login(self) if state == "logged_out" else pages.Checkpoint(self, state)

    def set_account_state(self, username: str, state: AccountState) -> None:
        """As ever; LookupError also for a state that Instagram has not, as TikTok's "blocked"."""
        if state not in ("ok", "logged_out", *pages.CHECKPOINTS):
            raise LookupError(f"an Instagram account cannot be {state}: say {', '.join(pages.CHECKPOINTS)}")
        super().set_account_state(username, state)

    def display_name(self, account: str) -> str:
        return re.sub(r"[._]+", " ", account).title()

    def switch_to(self, account: str) -> None:
        """What a row of the switcher does."""
        if account == self.active and self.state_of(account) == "ok":
            self.show_profile()
            return
        if not self.reached("before", "switch_account"):
            return
        self.active = account
        show = self.show_profile if self.manners.after_switch == "profile" else self.show_home
        show(then=self._switched)

    def _switched(self) -> None:
        if self.manners.asks_save_login:
            self.show_popup("save_login")
        self.reached("after", "switch_account")

    def log_out(self, account: str) -> None:
        self.accounts.remove(account)
        self.active = self.accounts[0] if self.accounts else None
        self.show_home()

    def leave_login(self, page: Page) -> None:
        """Back from the login form: the page before it, else an account that still works, else out."""
        others = [account for account in self.accounts if self.state_of(account) == "ok"]
        if page is self._pages[0] and others:
            self.active = others[0]
            self.show_home()
        else:
            self.close(page)

    # Making a post

    def create(self, what: posting.What, *, instead_of: Page | None = None) -> None:
        """The first page of a new post, on top or in the place of a sheet or of another destination."""
        if self.state_of(self.active) != "ok":
            self.show_home()
            return
        if not isinstance(instead_of, posting.CreatePage) and not self.reached("before", "pick_media"):
            return
        page: Page
        if what == "reel":
            page = posting.ReelGallery(self)
        elif what == "post":
            page = posting.PostGallery(self)
        else:
            page = posting.Camera(self) if self.from_410 else posting.StoryGallery(self)

        def arrive() -> None:
            if instead_of in self._pages:
                del self._pages[self._pages.index(instead_of) :]
            self._pages.append(page)
            self._ask_about_draft(what)
            media = () if self.may_read_media() else MEDIA_PERMISSIONS[:1]
            self.ask([*CAMERA_PERMISSIONS, *media])

        self._move(arrive)

    def _ask_about_draft(self, what: posting.What) -> None:
        account = self.active or ""
        if what == "story" or account not in self._interrupted:
            return
        composition, title = self._interrupted.pop(account)
        self.cover(
            popups.KeepDraft(
                self,
                keep=lambda: self.edit(posting.ReelEditor(self, composition, title)),
                save=lambda: self.drafts.add(account, composition),
            )
        )

    def _remember_interrupted(self) -> None:
        """A reel whose editor or composer goes away without an answer comes up at the next creation."""
        for page in self._pages:
            if isinstance(page, posting.ReelEditor):
                self._interrupted[self.active or ""] = (page.composition, page.title)

    def edit(self, editor: posting.Editor) -> None:
        """The editor, over the gallery or, for a shared file, as the app's only page."""

        def shown() -> None:
            if self.reached("after", "pick_media"):
                self.reached("before", "edit")

        if any(isinstance(page, posting.CreatePage) for page in self._pages):
            self.open(editor, then=shown)
        else:
            self.show(editor, then=shown)

    def compose(self, composition: Composition, kind: Kind, title: str) -> None:
        """From an editor to the share page."""

        def shown() -> None:
            if self.reached("after", "edit"):
                self.reached("before", "caption")

        self.open(posting.Composer(self, composition, kind, title), then=shown)

    def keep_draft(self, composition: Composition) -> None:
        """Nothing is published, the gallery of reels counts it."""
        self.drafts.add(self.active or "", composition)
        self.show_home()

    # Publishing

    def publish(self, composition: Composition, kind: Kind) -> None:
        if self.state_of(self.active) != "ok":
            self.show_home()
        elif self.reached("before", "publish") and self.upload_now(composition, kind):
            to_reels = kind == "reel" and self.manners.landing == "reels"
            landing = pages.Reels(self) if to_reels else pages.Home(self)
            self.show(landing, then=partial(self._landed, kind))

    def _landed(self, kind: Kind) -> None:
        if kind == "story" and self.manners.story_information:
            self.manners.story_information = False
            self.cover(Popup(self, popups.STORY_INFORMATION))
        self.reached("after", "publish")

    def url_of(self, upload: Upload) -> str:
        if upload.kind == "story":
            number = self.android.rng.randrange(3 * 10**18, 4 * 10**18)
            return f"https://www.instagram.com/stories/{upload.account}/{number}/"
        code = "".join(self.android.rng.choices(_CODE, k=11))
        return f"https://www.instagram.com/{'reel' if upload.kind == 'reel' else 'p'}/{code}/"

    def accepted(self, upload: Upload) -> None:
        if upload.kind == "story":
            return
        posted = self.android.posts[-1]
        self._posted, self.posted_at = posted, self.android.now()

        def forget() -> None:
            if self._posted is posted:
                self._posted = None

        self.later(DONE_SECONDS, forget)

    def failed(self, upload: Upload) -> None:
        """Not a draft here: a row of the feed, until it is discarded."""
        self.drafts.drop(upload.account, upload.composition)
        self._failed.append(upload)

    def posted_by(self, account: str) -> AcceptedPost | None:
        """The post that the app still says is done."""
        return self._posted if self._posted is not None and self._posted.account == account else None

    def failed_by(self, account: str) -> Upload | None:
        return next((upload for upload in self._failed if upload.account == account), None)

    def discard_failed(self) -> None:
        upload = self.failed_by(self.active or "")
        if upload is not None:
            self._failed.remove(upload)

    def stories_of(self, account: str) -> list[AcceptedPost]:
        return [
            post
            for post in self.android.posts
            if post.app == self.platform and post.account == account and post.kind == "story"
        ]

    # Drawing

    def date(self, when: datetime, *, clock: bool = True) -> str:
        """A day as the app says it in the phone's language, with the time of day."""
        months = _MONTHS[self.look.language].split()
        if self.look.language == "fr":
            said = f"{when.day} {months[when.month - 1]} {when.year}"
            return f"{said} {when:%H:%M}" if clock else said
        said = f"{months[when.month - 1]} {when.day}, {when.year}"
        half = "AM" if when.hour < 12 else "PM"
        return f"{said} {when.hour % 12 or 12}:{when:%M} {half}" if clock else said

    # For the phone and its control API

    def popup_names(self) -> list[str]:
        return [*super().popup_names(), "download_nux", "story_information", popups.SURVEY.name]

    def show_popup(self, name: str) -> None:
        """As ever; but "download_nux" comes with the next reel's composer and "story_information" after
        the next story.
        """
        if name in ("download_nux", "story_information"):
            setattr(self.manners, name, True)
        elif name == popups.SURVEY.name:
            self.cover(Popup(self, popups.SURVEY))
        else:
            super().show_popup(name)

    def stop(self) -> None:
        """What was uploading has failed when the app starts again."""
        self._remember_interrupted()
        unfinished = list(self.uploads)
        super().stop()
        for upload in unfinished:
            self.failed(upload)
        self._posted = None

    def clear(self) -> None:
        super().clear()
        self._failed.clear()
        self._interrupted.clear()
