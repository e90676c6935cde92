"""What TikTok and Instagram have in common: launching, accounts and their states, media permissions,
uploads that take time and can fail, drafts, and popups in a seeded order. Each app adds its pages.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar, Literal

from ..app import AcceptedPost, Android, MediaRow
from .pages import Page, PagedApp
from .popups import Popup, PopupKind, Rotation
from .posts import Composition, Drafts, Kind, Upload
from .templates import Sheet

UPLOAD_BYTES_PER_SECOND = 4_000_000
SHORTEST_UPLOAD = 1.0
"""Seconds, however small the file."""
STUCK_PERCENT = 37
CAMERA_PERMISSIONS = ("android.permission.CAMERA", "android.permission.RECORD_AUDIO")
MEDIA_PERMISSIONS = (
    "android.permission.READ_MEDIA_VIDEO",
    "android.permission.READ_MEDIA_IMAGES",
    "android.permission.READ_EXTERNAL_STORAGE",
)
STREAM = "android.intent.extra.STREAM"
AccountState = Literal[
    "ok", "logged_out", "blocked", "suspended", "disabled", "captcha", "selfie", "upload_id"
]


class Starting(Page):
    """Between the launch and the first page: neither the starting window nor the black one after it has a
    node of the app, as tt4314_fr_launch_starting_window and tt4314_fr_launch_black show.
    """

    name = "starting"
    covers_popups = True

    def draw(self) -> Sheet:
        return Sheet.empty()


class SocialApp(PagedApp):
    """An app that posts. `platform` is its name in the farm's files and in `AcceptedPost.app`."""

    platform: ClassVar[str]
    popup_kinds: ClassVar[Mapping[str, PopupKind]]

    def __init__(self, android: Android, *, version: str, accounts: list[str]) -> None:
        super().__init__(android, version=version, accounts=accounts)
        self.account_states: dict[str, AccountState] = {}
        self.drafts = Drafts()
        self.uploads: list[Upload] = []
        self.upload_bytes_per_second = UPLOAD_BYTES_PER_SECOND
        self.shortest_upload = SHORTEST_UPLOAD
        self._launching = False
        names = sorted(self.popup_kinds)
        android.rng.shuffle(names)
        self._rotation = Rotation(names)

    # Starting

    def launch(self, arrive: Callable[[], None]) -> None:
        """To the front, then `arrive` shows a page; an app that did not run shows nothing of its own
        before.
        """
        self.android.to_front(self.package)
        if not self.running:
            self._pages = [Starting(self)]
            self.changed()
        self._launching = True
        if self.reached("before", "launch"):
            arrive()

    def resume(self) -> None:
        """What the launcher's icon does: the feed of an app that did not run, else whatever was shown."""
        if isinstance(self._pages[-1], Starting):
            self.show_home()
        else:
            self._launching = False
            self.reached("after", "launch")

    @abc.abstractmethod
    def show_home(self) -> None:
        """The feed, or what the state of the active account puts in its place."""

    def show(self, *pages: Page, then: Callable[[], object] | None = None) -> None:
        def arrived() -> None:
            if self._launching:
                self._launching = False
                if not self.reached("after", "launch"):
                    return
            if then is not None:
                then()

        super().show(*pages, then=arrived)

    # Accounts

    def set_account_state(self, username: str, state: AccountState) -> None:
        """What the platform thinks of the account from now on. LookupError for an account of another
        phone.
        """
        if username not in self.accounts:
            raise LookupError(f"{username} is not logged in to {self.package}")
        self.account_states[username] = state
        self.changed()

    def leave_logged_out(self) -> None:
        """A session that has ended gives way to the first account that still has one, as the apps do by
        themselves.
        """
        if self.state_of(self.active) == "logged_out":
            others = [each for each in self.accounts if self.state_of(each) != "logged_out"]
            self.active = others[0] if others else self.active

    def state_of(self, username: str | None) -> AccountState:
        return "logged_out" if username is None else self.account_states.get(username, "ok")

    # Permissions

    def ask(self, permissions: list[str]) -> None:
        """Ask for what is missing, one dialog after the other, whatever the answers."""
        missing = [each for each in permissions if not self.android.granted(self.package, each)]
        if missing:
            self.android.ask_permission(self.package, missing[0], lambda _: self.ask(missing[1:]))

    def may_read_media(self) -> bool:
        """Any of the permissions will do: since Android 13 pictures and videos are granted by one dialog."""
        return any(self.android.granted(self.package, each) for each in MEDIA_PERMISSIONS)

    def visible_media(self) -> list[MediaRow]:
        return list(self.android.media()) if self.may_read_media() else []

    def ask_for_media(self) -> None:
        if not self.may_read_media():
            self.android.ask_permission(self.package, MEDIA_PERMISSIONS[0], lambda _: self.changed())

    # Uploads

    def upload_now(self, composition: Composition, kind: Kind) -> bool:
        """Begin an upload as the active account; False when a planted fault has stopped the app."""
        account = self.active or ""
        self.drafts.drop(account, composition)
        seconds = max(self.shortest_upload, composition.size / self.upload_bytes_per_second)
        upload = Upload(composition, account, kind, self.android.now(), seconds)
        self.uploads.append(upload)
        match self.android.publish_failure():
            case "never_ends":
                upload.stuck_at = STUCK_PERCENT
            case "fails":
                self.later(seconds / 2, partial(self._fail, upload))
            case _:
                self.later(seconds, partial(self._finish, upload))
        return self.reached("before", "upload")

    def _finish(self, upload: Upload) -> None:
        composition = upload.composition
        there = {(row.path, row.sha256) for row in self.android.media()}
        needed = {(row.path, row.sha256) for row in composition.media if row.path}
        if not needed <= there:
            self._fail(upload)
            return
        self.uploads.remove(upload)
        self.android.posts.append(
            AcceptedPost(
                app=self.platform,
                account=upload.account,
                kind=upload.kind,
                caption=composition.caption,
                title=composition.title,
                media=composition.described(),
                at=datetime.now(UTC).isoformat(),
                url=self.url_of(upload),
                sound=composition.sound,
                origin_volume=composition.origin_volume,
                sound_volume=composition.sound_volume,
                ai_label=composition.ai_label,
                product_link=bool(composition.product),
            )
        )
        self.accepted(upload)
        self.reached("after", "upload")

    def _fail(self, upload: Upload) -> None:
        self.uploads.remove(upload)
        self.drafts.add(upload.account, upload.composition)
        self.failed(upload)

    @abc.abstractmethod
    def url_of(self, upload: Upload) -> str:
        """The address of the post that this upload becomes."""

    def accepted(self, upload: Upload) -> None:
        """The upload ended well; what the app shows then."""

    @abc.abstractmethod
    def failed(self, upload: Upload) -> None:
        """The upload failed, and its composition is a draft; what the app shows then."""

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
            if post.app == self.platform and post.account == account and post.kind != "story"
        ]

    # For the phone and its control API

    def popup(self) -> None:
        self.show_popup(self._rotation.next())

    def popup_names(self) -> list[str]:
        """What `show_popup` takes."""
        return sorted(self._rotation.names)

    def show_popup(self, name: str) -> None:
        """Show this popup now, or as soon as the app has started. KeyError for an unknown name."""
        self.cover(Popup(self, self.popup_kinds[name]))

    def stop(self) -> None:
        """What was uploading is a draft when the app starts again."""
        for upload in self.uploads:
            self.drafts.add(upload.account, upload.composition)
        self.uploads.clear()
        self._launching = False
        super().stop()

    def clear(self) -> None:
        self.stop()
        self.accounts.clear()
        self.active = None
        self.account_states.clear()
        self.drafts.of.clear()
