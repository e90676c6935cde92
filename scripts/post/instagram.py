"""One post on Instagram: prove the account, hand the files over, write the caption, publish, find the post.

A reel, a post of pictures or a story. From the own profile, where the account is proved, the way leads
straight to the page that publishes; after the tap there is only looking. Of stories the app shows only
that there is one, so an account's second within a day can't be proved.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from runner.cancel import Deadline
from runner.errors import (
    AppRefused,
    ControlMissing,
    PhoneError,
    ScreenUnknown,
    ShellFailed,
    StepFailed,
)
from runner.phones.accounts import INSTAGRAM_HALF_DONE
from runner.phones.hierarchy import Node
from runner.phones.screens import Kind, Seen
from runner.phones.screens.matching import fold
from runner.phones.walk import Action, anywhere
from runner.script import Result

from .grid import Grid
from .pictures import Pictures
from .posting import (
    ALBUM,
    COMPOSE_SECONDS,
    REFRESH_SECONDS,
    SHORTEST_HEAD,
    Posting,
    wait,
)

SHARE_ACTION = "com.instagram.share.ADD_TO_FEED"
"""Makes a reel of a video. The actions for reels and stories want an app id since 2023."""
SHARE_SECONDS = 8.0
"""For the app to open a shared file; until then it may show its feed."""
UPLOAD_LOOK_SECONDS = 10.0
"""An upload that shows for so long may have ended in unknown words: the profile tells."""
DRAWN_SECONDS = 1.0
"""Until a page shows everything that belongs to it."""
POSTS_LOOKED_AT = 4
"""Up to three posts can be pinned before the newest."""
SCROLLS = 6
"""Of a list with more albums than it shows."""

TABS = ("home", "main_tab", "reel", "own_profile", "uploading", "upload_done", "upload_failed")
What = Literal["reel", "post", "story"]


@dataclass(frozen=True)
class _Proof:
    """The own profile of the task's account, as it was before publishing."""

    count: int | None
    """Of posts; None where the app does not say it exactly."""
    grid: Grid
    newest_caption: str | None
    """Of the newest post; read only where neither count nor grid can show that there is one more."""
    has_story: bool
    said_done: bool
    """The feed still says that an earlier post is done."""

    @classmethod
    def of(cls, profile: Seen, *, said_done: bool = False, newest_caption: str | None = None) -> _Proof:
        count = profile.control("post_count")
        has_story = profile.control("picture") is not None and profile.control("no_story") is None
        return cls(
            _exactly(count.text) if count else None, Grid.of(profile), newest_caption, has_story, said_done
        )

    @property
    def shows_new_posts(self) -> bool:
        return self.count is not None or not self.grid.hides_new_posts

    def has_more_than(self, before: _Proof) -> bool:
        """Is there a post that was not there before?"""
        if self.count is not None and before.count is not None:
            return self.count > before.count
        return self.grid.has_more_than(before.grid)


class InstagramPost(Posting[_Proof]):
    """One run. Every method acts on the phone and blocks."""

    app = "instagram"
    viewers = ("reel", "post")

    said_done = False
    """The app has said that our upload is done."""
    quiet_since = -1
    """The number of switches of account when the feed was last seen without an upload."""
    feed_says_done = False
    """Then it still said that an earlier post is done."""

    @property
    def what(self) -> What:
        config = self.context.config
        if config.placement == "story":
            return "story"
        return "post" if config.content_type == 1 else "reel"

    @property
    def by_intent(self) -> bool:
        """No intent is known that hands over several files, or a story without an app id."""
        return (
            self.context.config.post_way == "share" and self.what != "story" and len(self.content.files) == 1
        )

    def _result(self, url: str, remark: str = "") -> Result:
        evidence = {"account": self.wanted, "caption": self.caption, "progress_seen": self.progress}
        return Result(
            remark,
            post_url=url,
            profile_url=f"https://www.instagram.com/{self.wanted}/",
            evidence={**evidence, "placement": self.what},
        )

    # The account

    def _prove_account(self) -> _Proof:
        self.quiet_since = -1
        profile = self._profile_of_launched()
        proof = _Proof.of(self._top_of(profile), said_done=self.feed_says_done)
        if proof.shows_new_posts or self.what == "story":
            return proof
        newest = self._caption_of(self._open_post(proof.grid.cells[0]))
        return _Proof.of(self._own_profile(), said_done=self.feed_says_done, newest_caption=newest)

    def _top_of(self, profile: Seen) -> Seen:
        """The profile neither half drawn nor scrolled down: its numbers and its newest post show."""
        if profile.control("picture") is not None:
            return profile
        return self.walk.until(
            lambda seen: seen.screen == "own_profile" and seen.control("picture") is not None,
            {"own_profile": self._tap_again(profile.need("profile_tab"))},
            what="the top of the own profile",
            seconds=COMPOSE_SECONDS,
        )

    def _own_profile(self) -> Seen:
        """Before the tap also past what earlier runs left, and after a look at the account's feed."""
        instead: dict[str, Action] = {"reel": self._leave_reel}
        if not self.tapped:
            instead |= dict.fromkeys(INSTAGRAM_HALF_DONE, self._leave_half_done)
            instead |= dict.fromkeys(("home", "upload_done"), self._pass_feed)
            instead["save_draft"] = self._tap("start_over")
        profile = self.accounts.prove(self.wanted, instead=instead)
        if self.tapped or self.feed_is_quiet:
            return profile
        self._settle_feed()
        return self.accounts.prove(self.wanted, instead=instead)

    @property
    def feed_is_quiet(self) -> bool:
        """The active account's feed was seen without an upload."""
        return self.quiet_since == self.accounts.switches

    def _look_at_feed(self, seen: Seen) -> bool:
        """The row of an upload stands right below the stories: where these don't show, it can't be told."""
        if seen.screen in ("home", "upload_done") and seen.control("tray") is not None:
            self.quiet_since = self.accounts.switches
            self.feed_says_done = seen.screen == "upload_done"
        return self.feed_is_quiet

    def _pass_feed(self, seen: Seen) -> None:
        self._look_at_feed(seen)
        self._open_profile(seen)

    def _settle_feed(self) -> None:
        """Wait for an earlier upload of the account, and discard one that failed: neither is to be taken for
        ours, or to be published beside it."""
        seconds = self.context.config.upload_wait_time

        def discard(seen: Seen) -> None:
            self.context.note("discarded an earlier post that Instagram could not publish")
            self.phone.tap(seen.point("discard"))

        to_top = self._tap("home_tab")
        self.walk.until(
            self._look_at_feed,
            {
                **dict.fromkeys(("own_profile", "main_tab", "reel", "home", "upload_done"), to_top),
                "uploading": wait,
                "upload_failed": discard,
            },
            what="a feed without an upload",
            seconds=COMPOSE_SECONDS + seconds,
        )

    def _leave_reel(self, seen: Seen) -> None:
        if seen.control("profile_tab") is not None:
            self._open_profile(seen)
        else:
            self.walk.answer(seen, 0)

    def _leave_half_done(self, seen: Seen) -> None:
        """What an earlier run left is given up; nothing of it is published or kept as a draft."""
        self.context.note(f"left {seen.screen}, which an earlier run left half done", screen=seen.screen)
        self.walk.answer(seen, 0)

    # From the files to the page that publishes

    def _push(self) -> None:
        if self.what == "story" and self.caption:
            self.context.note(
                "a story has no caption, so that of its file is left out", left_out=self.caption
            )
            self.caption = ""
        super()._push()

    def _to_last_page(self) -> None:
        with self.context.step("share", detail=self.what):
            self._hand_over()
        if self.what != "story":
            with self.context.step("editor"):
                self._to_composer()
            with self.context.step("caption"):
                self._set_ai_label()
                self._write_caption()

    @property
    def _last_page(self) -> str:
        return "story_editor" if self.what == "story" else "composer"

    def _hand_over(self) -> None:
        """By Android's share intent where it can do it and the app takes it, else by the app's own +."""
        self._clear_album()
        if self.by_intent and self._share():
            return
        self._open_album()
        if self.what == "post":
            self._pick_pictures()
        else:
            self._on_to(
                anywhere(f"{self.what}_editor"), {f"gallery_{self.what}": self._pick_only}, "the editor"
            )

    def _share(self) -> bool:
        """False when the app does not take the file, and the own profile is shown again."""
        [media] = self.media
        opened = Deadline(SHARE_SECONDS)
        refused = False

        def not_taken(seen: Seen) -> bool:
            nonlocal refused
            refused = opened.passed
            return refused

        try:
            self.phone.start_activity(
                action=SHARE_ACTION,
                package=self.account.package,
                mime_type=media.mime,
                uri_extras={"android.intent.extra.STREAM": media.uri},
                grant_read_uri=True,
            )
        except ShellFailed as error:
            self.context.note(f"the shared file was not taken: {error}")
            return False
        seen = self._on_to(
            lambda seen: seen.screen in ("reel_editor", "post_editor", "composer") or refused,
            dict.fromkeys(TABS, not_taken),
            "the editor",
        )
        if seen.screen in TABS:
            self.context.note(f"the shared file was not taken: Instagram shows {seen.screen}")
            self._own_profile()
            return False
        return True

    def _open_album(self) -> None:
        """By the app's + on the own profile, so that nothing but our files can be picked."""
        gallery = f"gallery_{self.what}"
        to_mode = self._tap(f"to_{self.what}")

        def shows_album(seen: Seen) -> bool:
            folders = seen.control("folders")
            return seen.screen == gallery and folders is not None and ALBUM in folders.text.split(", ")

        self._on_to(
            shows_album,
            {
                "own_profile": self._tap("create"),
                "create_sheet": self._tap(self.what),
                **dict.fromkeys(("gallery_reel", "gallery_post", "gallery_story"), to_mode),
                "story_camera": self._tap("gallery") if self.what == "story" else to_mode,
                gallery: self._tap("folders"),
                "albums": self._choose_album,
            },
            f"the album {ALBUM}",
        )

    def _choose_album(self, albums: Seen) -> None:
        """Scrolled to where there are more than the list shows. Raises ControlMissing."""
        known: set[str] = set()
        for _ in range(SCROLLS):
            rows = albums.all("rows")
            for row in rows:
                if any(part.label == ALBUM for part in row.walk()):
                    self.phone.tap(row)
                    return
            labels = {row.label for row in rows}
            if labels <= known:
                break
            known |= labels
            (x, low), (_, high) = rows[-1].center, rows[0].center
            self.phone.swipe((x, low), (x, high))
            albums = self.walk.look()
        raise ControlMissing(f"Instagram's list of albums shows no {ALBUM}.")

    def _pick_only(self, gallery: Seen) -> None:
        thumbnails = gallery.all("thumbnails")
        if len(thumbnails) != 1:
            raise ControlMissing(f"The album {ALBUM} shows {len(thumbnails)} files, and one was put there.")
        self.phone.tap(thumbnails[0])

    def _pick_pictures(self) -> None:
        """In the order of the post, which is that of the album: its first picture is its newest."""
        count = len(self.media)
        if count == 1:
            shown = self._in_gallery(
                lambda shown: shown.selected == (True,), self._pick_only, "the selected picture"
            )
            _check_number(shown, 1)
            return
        shown = self._in_gallery(lambda shown: shown.is_multiple, self._tap("several"), "several pictures")
        if len(shown.cells) > count:
            raise ControlMissing(f"The album {ALBUM} shows more than the {count} files that were put there.")
        while (stale := shown.first_selected) is not None:
            shown = self._toggle(stale, selected=False, what="no selected picture")
        for number in range(1, count + 1):
            shown = self._pick_next(shown, number, f"picture {number} of {count}")

    def _pick_next(self, shown: Pictures, number: int, what: str) -> Pictures:
        if shown.following is None:
            self.phone.swipe(*shown.way_down, seconds=1.0)
            shown = self._in_gallery(lambda shown: shown.following is not None, wait, what)
        if (cell := shown.following) is None:
            raise ControlMissing(f"no {what} in the gallery.")
        shown = self._toggle(cell, selected=True, what=f"{what} as selected")
        _check_number(shown, number)
        return shown

    def _toggle(self, cell: Node, *, selected: bool, what: str) -> Pictures:
        self.phone.tap(cell)
        return self._in_gallery(
            lambda shown: shown.is_selected(cell) is selected, self._tap_again(cell), what
        )

    def _in_gallery(self, goal: Callable[[Pictures], bool], action: Action, what: str) -> Pictures:
        seen = self._on_to(
            lambda seen: seen.screen == "gallery_post" and goal(Pictures.of(seen)),
            {"gallery_post": action},
            what,
        )
        return Pictures.of(seen)

    def _to_composer(self) -> None:
        on = ("gallery_post", "reel_editor", "post_editor")
        self._on_to(
            anywhere("composer", "composer_editing"), dict.fromkeys(on, self._tap("next")), "the composer"
        )

    def _set_ai_label(self) -> None:
        if not self.context.config.ai_label:
            return

        def is_set(seen: Seen) -> bool:
            toggle = seen.control("ai_label")
            return seen.screen == "composer" and toggle is not None and toggle.checked

        self._on_to(
            lambda seen: seen.screen == "composer" and seen.control("ai_label") is not None,
            {"composer": lambda seen: self._scroll(seen, 0.7, 0.3), "composer_editing": self._tap("ok")},
            "the AI label",
        )
        self._on_to(is_set, {"composer": self._tap("ai_label")}, "the AI label as set")

    def _scroll(self, page: Seen, start: float, end: float) -> None:
        """Move a finger between these fractions of the display's height."""
        width, height = page.hierarchy.size
        self.phone.swipe((width // 2, int(start * height)), (width // 2, int(end * height)), seconds=0.5)

    def _write_caption(self) -> None:
        """Type it, read it back from the field, end the editing, and read it from the page."""
        typed = not self.caption

        def write(seen: Seen) -> None:
            nonlocal typed
            if seen.screen == "composer" and seen.control("caption") is None:
                self._scroll(seen, 0.3, 0.7)
            elif seen.screen == "composer_editing" and typed:
                self.phone.tap(seen.point("ok"))
            else:
                self._type_caption(seen.need("caption"))
                typed = True

        self._on_to(
            lambda seen: seen.screen == "composer" and typed and self._shows_texts(seen),
            {"composer": write, "composer_editing": write},
            "the caption",
        )

    def _shows_texts(self, page: Seen) -> bool:
        # An empty field shows its hint; a dump may lose line breaks.
        field = page.control("caption")
        return not self.caption or (field is not None and fold(field.text) == fold(self.caption))

    # Looking for what became of it

    def _follow_upload(self, proof: _Proof) -> None:
        seconds = self.context.config.upload_wait_time
        look_at = Deadline(UPLOAD_LOOK_SECONDS)
        refresh_at = Deadline(REFRESH_SECONDS)
        story_seen_at: float | None = None
        feed_is_quiet = False

        def has_ended(seen: Seen) -> bool:
            nonlocal feed_is_quiet, story_seen_at
            if seen.kind is Kind.BLOCKED:
                raise AppRefused(f"{seen.says}.")
            match seen.screen:
                case "uploading":
                    self.progress = _progress(seen)
                    feed_is_quiet = False
                case "upload_done" if self.what != "story" and not proof.said_done:
                    self.said_done = True
                case "home":
                    feed_is_quiet = seen.control("tray") is not None
                case "own_profile" if self.what == "story":
                    if proof.has_story or not _Proof.of(seen).has_story:
                        story_seen_at = None
                        return False
                    # The plus that an account without a story has may only not be drawn yet.
                    story_seen_at = story_seen_at or time.monotonic()
                    return time.monotonic() - story_seen_at > DRAWN_SECONDS
                case "own_profile":
                    return _Proof.of(seen).has_more_than(proof) or (
                        feed_is_quiet and not proof.shows_new_posts
                    )
            return self.said_done

        def look_at_profile(seen: Seen) -> bool:
            nonlocal look_at, refresh_at
            if look_at.passed:
                look_at = Deadline(UPLOAD_LOOK_SECONDS)
                refresh_at = Deadline(REFRESH_SECONDS)
                self._open_profile(seen)
            return False

        def refresh(seen: Seen) -> bool:
            nonlocal refresh_at
            if refresh_at.passed:
                refresh_at = Deadline(REFRESH_SECONDS)
                self.phone.tap(seen.point("home_tab"))
            return False

        try:
            self.walk.until(
                has_ended,
                {
                    **dict.fromkeys(("home", "main_tab", "upload_done"), self._open_profile),
                    "reel": self._leave_reel,
                    "own_profile": refresh,
                    "uploading": look_at_profile,
                    "upload_failed": self._refuse,
                    "composer": wait,
                    "story_editor": wait,
                },
                what="the end of the upload",
                seconds=seconds,
                through_failures=True,
            )
        except (ControlMissing, ScreenUnknown) as error:
            if self.what == "story" and proof.has_story:
                raise StepFailed(
                    f"@{self.wanted} had a story already, and Instagram does not show that there is one more."
                ) from error
            last = (
                f"the last that was seen of it: {self.progress}"
                if self.progress
                else "nothing was seen of it"
            )
            raise StepFailed(f"The upload did not end within {seconds} s; {last}. {error.message}") from error

    def _refuse(self, seen: Seen) -> None:
        """Instagram may try a failed upload again by itself, behind the back of whoever retries the task."""
        message = seen.need("message").label
        try:
            self.phone.tap(seen.point("discard"))
        except (ControlMissing, PhoneError) as error:
            self.context.note(f"what Instagram could not publish was not discarded: {error}")
        raise AppRefused(f"Instagram says: {message}")

    def _find_post(self, proof: _Proof) -> str | None:
        """Only a post that was not there before counts: there is one more, the app said that ours is done,
        or, where neither is known, the newest is another one than before.
        """
        if self.what == "story":
            return ""
        now = _Proof.of(self._own_profile())
        is_new = now.has_more_than(proof) or (now.count is None and self.said_done)
        if not is_new and proof.newest_caption is None:
            return None
        return self._link_among(
            now.grid.cells[:POSTS_LOOKED_AT], before=None if is_new else proof.newest_caption
        )

    def _find_earlier(self, now: _Proof) -> str | None:
        if self.what == "story":
            if now.has_story:
                raise StepFailed(
                    f"@{self.wanted} has a story, which may be this task's: look at it.",
                    remedy="If it is another one, create a new task.",
                )
            return None
        return self._link_among(now.grid.cells)

    def _caption_of(self, post: Seen) -> str:
        caption, author = post.control("caption"), post.control("author")
        text = caption.label if caption else ""
        return text.removeprefix(f"{author.label.strip()} ") if author and post.screen == "post" else text

    def _is_ours(self, shown: str) -> bool:
        """Does an opened post show our caption? The app cuts a long one after a part of its first line."""
        shown, ours = fold(shown), fold(self.caption)
        head, dots, _ = shown.rpartition("...")
        head = head.rstrip()
        first_line = fold(self.caption.strip().partition("\n")[0])
        is_cut = bool(dots) and (len(head) >= SHORTEST_HEAD or head == first_line)
        return shown == ours or (is_cut and ours.startswith(head))


def _check_number(shown: Pictures, number: int) -> None:
    """What is selected out of sight would be published too."""
    if shown.last_number not in (None, number):
        counted = f"Instagram counts picture {number} as number {shown.last_number}"
        raise StepFailed(f"{counted}: something else is selected too.")


def _progress(upload: Seen) -> str:
    """ "37%", or what the app says where it shows no bar."""
    bar, message = upload.control("progress"), upload.control("message")
    if bar is not None:
        return f"{bar.text.removesuffix('.0')}%"
    return message.text if message else "an upload"


def _exactly(text: str) -> int | None:
    """ "1,234" is exact, "12.3K" is not."""
    digits = re.sub(r"[\s.,'’]", "", text)
    return int(digits) if digits.isdecimal() else None
