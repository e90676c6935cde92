"""What a post is on every app: its steps in order, files that leave the phone again, one tap, evidence.

The order keeps the promises: nothing between the proof of the account and the publish tap can change the
account, the caption is read back from the page that is published, and after the tap there is only looking.
The ways through the apps' screens are `TikTokPost` and `InstagramPost`.
"""

from __future__ import annotations

import abc
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import structlog

from runner.cancel import Deadline
from runner.errors import (
    AppRefused,
    MediaUnusable,
    PhoneError,
    ScreenUnknown,
    StepFailed,
    TextMismatch,
)
from runner.phones.accounts import Accounts
from runner.phones.hierarchy import Node
from runner.phones.screens import Seen
from runner.phones.walk import LOST_ON_THE_WAY, Action, Driven, Goal, Walk, anywhere
from runner.script import Account, Context, Result

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
KEYBOARD_SECONDS = 0.2
"""For the keyboard to go after Back."""
SHORTEST_HEAD = 10
"""Characters of a cut caption that are enough to know it."""
ENDS_IN_TAG = re.compile(r"[#@]\S*\Z")

log = structlog.get_logger(__name__)


class AppLeft(StepFailed):
    """The app left the foreground before the post was made."""


ProofT = TypeVar("ProofT")
"""The own profile of the task's account, as it was before publishing."""


class Posting(abc.ABC, Generic[ProofT]):
    """One run. Every method acts on the phone and blocks."""

    app: ClassVar[str]
    """As devices.yaml and the screens files call it."""
    viewers: ClassVar[tuple[str, ...]]
    """The screens of an opened post."""

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

    def run(self) -> Result:
        context = self.context
        if context.check_published_first:
            with context.step("evidence", detail="looking for the post of the attempt before"):
                if (url := self._find_earlier(self._prove_account())) is not None:
                    return self._result(url, "The post was on the profile already.")
        with self._media_removed_unless_needed():
            with context.step("media", detail=", ".join(self.content.names)):
                self._push()
            proof = self._compose()
            with context.step("publish"):
                self._publish()
            with context.step("upload") as step:
                self._follow_upload(proof)
                step.detail = self.progress
            with context.step("evidence"):
                url = self._until_found(lambda: self._find_post(proof))
        with context.step("tidy up"):
            self.phone.press("home")
        return self._result(url)

    @abc.abstractmethod
    def _result(self, url: str, remark: str = "") -> Result: ...

    @abc.abstractmethod
    def _prove_account(self) -> ProofT:
        """The own profile of the task's account, switched to where necessary, with no upload under way.

        Raises WrongAccount when the account is not logged in or does not become the active one,
        AccountUnusable when the app wants something of its owner.
        """

    @abc.abstractmethod
    def _own_profile(self) -> Seen: ...

    @abc.abstractmethod
    def _to_last_page(self) -> None:
        """From the own profile to the filled page that publishes. Raises AppLeft."""

    @property
    @abc.abstractmethod
    def _last_page(self) -> str:
        """The screen that publishes."""

    @abc.abstractmethod
    def _shows_texts(self, page: Seen) -> bool:
        """Does the page that publishes hold our texts, and no other?"""

    @abc.abstractmethod
    def _follow_upload(self, proof: ProofT) -> None:
        """Until the app or the profile says that it has ended. Raises AppRefused, StepFailed if none does."""

    @abc.abstractmethod
    def _find_post(self, proof: ProofT) -> str | None:
        """Ours among the newest posts, which was not there before: its link, "" for none, None without it."""

    @abc.abstractmethod
    def _find_earlier(self, now: ProofT) -> str | None:
        """The post of an attempt before this one; as `_find_post`."""

    @abc.abstractmethod
    def _caption_of(self, post: Seen) -> str: ...

    @abc.abstractmethod
    def _is_ours(self, shown: str) -> bool:
        """Does an opened post show our caption? The apps cut a long one."""

    # The account

    def _profile_of_launched(self) -> Seen:
        """The own profile; while the app starts, it is allowed to read media."""
        self.phone.launch(self.account.package)
        if refused := self.phone.grant(self.account.package, PERMISSIONS):
            self.context.note("the phone refuses permissions to adb", permissions=refused)
        try:
            return self._own_profile()
        except ScreenUnknown as error:
            self.context.note(f"restarted the app: {error}")
            self.phone.force_stop(self.account.package)
            self.phone.launch(self.account.package)
            return self._own_profile()

    def _open_profile(self, seen: Seen) -> None:
        self.phone.tap(seen.point("profile_tab"))

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

    # From the files to the page that publishes

    def _compose(self) -> ProofT:
        """Begun anew when the app goes away meanwhile."""
        attempt = 1
        while True:
            with self.context.step("account", detail=f"@{self.wanted}"):
                proof = self._prove_account()
            try:
                self._to_last_page()
            except (AppLeft, *LOST_ON_THE_WAY) as error:
                if attempt == COMPOSE_ATTEMPTS:
                    raise
                attempt += 1
                self.context.note(f"begun again with the account: {error}")
            else:
                return proof

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

    def _publish(self) -> None:
        """Through the fence, with the button as it is now on the page as it is now."""

        def look_again(seen: Seen) -> bool:
            seen.need("publish")
            return False

        page = self._on_to(
            lambda seen: seen.screen == self._last_page and seen.control("publish") is not None,
            {self._last_page: look_again},
            "the Publish control",
            anew=True,
        )
        if not self._shows_texts(page):
            raise TextMismatch(f"The caption on {page.screen} is no longer the one that was typed.")
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

    def _open_post(self, cell: Node) -> Seen:
        """The post behind a cell of the own profile."""
        self.phone.tap(cell)
        return self.walk.until(
            anywhere(*self.viewers),
            {"own_profile": self._tap_again(cell)},
            what="the post",
            seconds=COMPOSE_SECONDS,
        )

    def _link_among(self, cells: Sequence[Node], *, before: str | None = None) -> str | None:
        """Of ours among these posts: its link, "" for none, None when it is not there.

        From a post that reads as `before` on, all were there before.
        """
        for cell in cells:
            caption = self._caption_of(self._open_post(cell))
            if caption == before:
                return None
            if self._is_ours(caption):
                return self._copied_link()
            self._own_profile()
        return None

    def _copied_link(self) -> str:
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
                dict.fromkeys(self.viewers, share),
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


def wait(seen: Seen) -> bool:
    """An action for a screen that only needs time."""
    return False
