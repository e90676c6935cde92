"""What a post is on every app: the account's row in a switcher, files that leave the phone again, one tap.

The ways through the apps' screens are `TikTokPost` and `InstagramPost`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import structlog

from runner.cancel import Deadline
from runner.errors import AppRefused, MediaUnusable, PhoneError, StepFailed
from runner.phones.accounts import Accounts
from runner.phones.hierarchy import Node
from runner.phones.screens import Seen
from runner.phones.walk import Action, Driven, Goal, Walk, anywhere
from runner.script import Account, Context

from .config import PostConfig
from .content import Content

if TYPE_CHECKING:
    from runner.phones.media import RemoteMedia

ALBUM = "FarmRunner"
"""The folder of our files on the phone, and so an album of their own in every gallery."""
STEPS = ("media", "account", "share", "editor", "caption", "publish", "upload", "evidence", "tidy up")
PERMISSIONS = (
    "android.permission.READ_MEDIA_VIDEO",
    "android.permission.READ_MEDIA_IMAGES",
    "android.permission.READ_MEDIA_AUDIO",
)

COMPOSE_SECONDS = 60.0
"""For each page on the way from the file to the page that publishes it."""
EVIDENCE_SECONDS = 45.0
"""To find the post on the profile once its upload has ended."""
COMPOSE_ATTEMPTS = 3
REFRESH_SECONDS = 4.0
"""A profile that shows no change for so long is left and opened again."""
LINK_SECONDS = 10.0
COPY_PAUSE = 0.2
"""Between looks at the clipboard."""
TIDY_SECONDS = 5.0
SCROLLS = 6
KEYBOARD_SECONDS = 0.2
"""For the keyboard to go after Back."""
ENDS_IN_TAG = re.compile(r"[#@]\S*\Z")

log = structlog.get_logger(__name__)


class AppLeft(StepFailed):
    """The app left the foreground before the post was made."""


class Posting:
    """One run. Every method acts on the phone and blocks."""

    app: ClassVar[str]
    """As devices.yaml and the screens files call it."""
    app_name: ClassVar[str]
    """As people call it."""

    def __init__(self, context: Context[PostConfig], account: Account, content: Content) -> None:
        self.context = context
        self.phone = context.phone
        self.account = account
        self.wanted = account.username.removeprefix("@")
        self.content = content
        self.caption = content.caption
        self.media: list[RemoteMedia] = []
        """On the phone now, in the order of the post."""
        self.tapped = False
        self.progress = ""
        """The last that was seen of our upload."""
        version = self.phone.app_version(account.package)
        driven = Driven(self.app, account.package, version, self.phone.info.language)
        self.walk = Walk(context, driven)
        self.accounts = Accounts(self.walk)

    # The account

    def _row_where(self, sheet: Seen, fits: Callable[[Node], bool]) -> tuple[Node | None, list[str]]:
        """The row that fits, scrolled to where the sheet has more than it shows; the labels of those seen."""
        known: dict[str, None] = {}
        for _ in range(SCROLLS):
            rows = sheet.all("rows")
            for row in rows:
                if fits(row):
                    return row, list(known)
            labels = dict.fromkeys(row.label for row in rows)
            if not labels.keys() - known.keys():
                break
            known |= labels
            (x, low), (_, high) = rows[-1].center, rows[0].center
            self.phone.swipe((x, low), (x, high))
            sheet = self.walk.look()
        return None, list(known)

    def _open_profile(self, seen: Seen) -> None:
        self.phone.tap(seen.point("profile_tab"))

    def _launch(self) -> None:
        """While the app starts, it is allowed to read media."""
        self.phone.launch(self.account.package)
        if refused := self.phone.grant(self.account.package, PERMISSIONS):
            self.context.note("the phone refuses permissions to adb", permissions=refused)

    def _restart(self) -> None:
        """Leave whatever an earlier run left half done."""
        self.phone.force_stop(self.account.package)
        self.phone.launch(self.account.package)

    # The files

    def _clear_album(self) -> None:
        """Our album holds nothing but the files of this post."""
        if leftovers := self.phone.forget(album=ALBUM, keep=self.media):
            self.context.note("removed files of earlier runs", files=leftovers)

    def _push(self) -> None:
        """Galleries show the newest first: of several files, the first of the post becomes the newest."""
        files, newest = self.content.files, time.time()
        for number, file in reversed(list(enumerate(files))):
            modified = newest - number if len(files) > 1 else None
            self.media.insert(0, self.phone.push_media(file, album=ALBUM, modified=modified))
        if len({media.path for media in self.media}) < len(files):
            raise MediaUnusable("Two of the pictures are the same file, and a gallery shows it once.")

    # Walking

    def _on_to(
        self,
        goal: Goal,
        actions: dict[str, Action],
        what: str,
        *,
        seconds: float = COMPOSE_SECONDS,
        anew: bool = False,
    ) -> Seen:
        """Walk on without leaving the app: who comes back may find another account."""

        def left(seen: Seen) -> None:
            raise AppLeft(f"{seen.screen} came to the front instead of {what}.")

        return self.walk.until(goal, actions, what=what, seconds=seconds, away=left, anew=anew)

    def _tap(self, control: str) -> Action:
        return lambda seen: self.phone.tap(seen.point(control))

    def _tap_again(self, cell: Node) -> Action:
        opened = Deadline(REFRESH_SECONDS)

        def tap(seen: Seen) -> bool:
            if opened.passed:
                self.phone.tap(cell)
            return opened.passed

        return tap

    def _type_caption(self, field: Node) -> None:
        """Below a caption that ends in a hashtag or a mention the apps list suggestions: a touch there
        changes it, any other only closes the list. Back closes the list, then the keyboard.
        """
        self.phone.set_text(field, self.caption)
        if ENDS_IN_TAG.search(self.caption) and self.phone.keyboard_is_open():
            self.phone.press("back")
            if self._keyboard_stays_open():
                self.phone.press("back")

    def _keyboard_stays_open(self) -> bool:
        pauses, deadline = self.walk.pauses(), Deadline(KEYBOARD_SECONDS)
        while self.phone.keyboard_is_open():
            if deadline.passed:
                return True
            pauses.pause()
        return False

    # The tap that can't be taken back

    def _tap_publish(self, page: Seen) -> None:
        """Through the fence, with the button as it is on this page, which was looked at just now."""
        x, y = page.point("publish")
        self.tapped = True
        try:
            self.context.publish(lambda: self.phone.tap_once(x, y))
        except PhoneError as error:
            self.context.note(f"the phone failed during the tap: {error}")

    # Looking for what became of it

    def _until_found(self, find: Callable[[], str | None]) -> str:
        """The link that `find` gives once it finds the post. Raises StepFailed when it does not in time."""
        deadline = Deadline(EVIDENCE_SECONDS)
        while True:
            try:
                link = find()
            except PhoneError as error:
                if deadline.passed:
                    raise
                self.context.note(f"the phone failed, and is asked again: {error}")
                link = None
            if link is not None:
                return link
            if deadline.passed:
                raise StepFailed("The upload has ended, but the post was not found on the profile.")
            self.context.cancel.sleep(1.0)

    def _copied_link(self, *viewers: str) -> str:
        """Of the post that is open, from its share sheet; "" when the app or Android does not give it."""
        before = ""

        def share(seen: Seen) -> None:
            nonlocal before
            self.phone.clear_clipboard()
            before = self.phone.clipboard()
            self.phone.tap(seen.point("share"))

        try:
            sheet = self.walk.until(
                anywhere("share_sheet"),
                dict.fromkeys(viewers, share),
                what="the link",
                seconds=LINK_SECONDS,
            )
            self.phone.tap(sheet.point("copy_link"))
            self._remove_media()  # while the app copies
            deadline = Deadline(LINK_SECONDS)
            while (link := self.phone.clipboard()) == before and not deadline.passed:
                self.context.cancel.sleep(COPY_PAUSE)
        except (PhoneError, StepFailed) as error:
            self.context.note(f"the post's link was not had: {error}")
            return ""
        return link if link != before and link.startswith("https://") else ""

    # Afterwards

    @contextmanager
    def _media_removed_unless_needed(self) -> Iterator[None]:
        """The files stay only while an upload may still need them; a later task then removes them."""
        may_be_needed = False
        try:
            yield
        except AppRefused:
            raise
        except BaseException:
            may_be_needed = self.tapped
            raise
        finally:
            if not may_be_needed:
                with self.phone.unstoppable(TIDY_SECONDS):
                    self._remove_media()

    def _remove_media(self) -> None:
        """Failing at this fails nothing else: the next task on this phone clears the album."""
        try:
            while self.media:
                self.phone.remove_media(self.media[-1])
                self.media.pop()
        except PhoneError as error:
            paths = [media.path for media in self.media]
            log.warning("media stays on the phone", paths=paths, error=str(error))
