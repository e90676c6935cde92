"""The accounts of an app on a phone: which are logged in, which is active, and how to make one active.

What scripts share of it. Acts on screens only (profile, account switcher, what blocks an account), and keeps
nothing; what becomes of an account that can't be used is decided where the run ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from runner.errors import AccountUnusable, WrongAccount
from runner.phones.hierarchy import Node
from runner.phones.screens import Seen
from runner.phones.walk import Action, Walk, unusable

OPEN_SECONDS = 90.0
"""From the launch of the app to the own profile, switching included."""
MOST_PASSES = 2
"""By one blocked screen; the second in case that the first tap was lost."""
SCROLLS = 6
"""Of a switcher with more accounts than it shows."""


@dataclass(frozen=True)
class _AppScreens:
    """What differs between the apps, by the names of their screens files."""

    title: str
    name: str
    """The control of the own profile that reads as the active account."""
    opener: str
    """The one that opens the switcher."""
    tabs: tuple[str, ...]
    """Screens with a tab that leads to the own profile."""
    half_done: tuple[str, ...]
    """What an earlier run may have left: given up by restarting the app."""
    blocked: dict[str, str]
    """Blocked screens from which the app's other accounts can be reached, and how: a control, or back."""


INSTAGRAM_HALF_DONE = (
    "composer_editing",
    "composer",
    "reel_editor",
    "post_editor",
    "story_editor",
    "gallery_post",
    "gallery_story",
    "gallery_reel",
    "story_camera",
    "albums",
    "create_sheet",
)
"""The screens on which an earlier run may have left Instagram."""

_APPS = {
    "tiktok": _AppScreens(
        title="TikTok",
        name="handle",
        opener="display_name",
        tabs=("home", "friends", "main_tab"),
        half_done=("editor", "post_page", "gallery", "albums", "camera", "sound_page", "share_chooser"),
        blocked={"account_blocked": "ok", "login": "back"},
    ),
    "instagram": _AppScreens(
        title="Instagram",
        name="username",
        opener="switcher",
        tabs=("home", "main_tab", "reel", "uploading", "upload_done", "upload_failed"),
        half_done=INSTAGRAM_HALF_DONE,
        blocked={
            "account_disabled": "menu",
            "account_suspended": "menu",
            "upload_id": "menu",
            "selfie": "menu",
            "captcha": "menu",
            "login": "back",
        },
    ),
}
APPS = tuple(_APPS)


def same(one: str, other: str) -> bool:
    """Whether two usernames mean the same account."""
    return one.removeprefix("@").casefold() == other.removeprefix("@").casefold()


class Accounts:
    """Those of one app on one phone. Every method acts on the phone and blocks."""

    def __init__(self, walk: Walk) -> None:
        """`walk` is of one of APPS."""
        self._walk = walk
        self._phone = walk.phone
        self._app = _APPS[walk.driven.app]
        self.switches = 0
        """How often an account was chosen in the switcher."""

    def prove(
        self, username: str, *, instead: Mapping[str, Action] | None = None, seconds: float = OPEN_SECONDS
    ) -> Seen:
        """The own profile of this account, switched to where necessary.

        `instead` says for some screens on the way what else to do there. Raises WrongAccount when the account
        is not logged in or does not become the active one, AccountUnusable when the app wants something of
        its owner. What it wants of another account's owner is passed by.
        """
        chosen = 0
        passed: Counter[str] = Counter()
        of_active: AccountUnusable | None = None

        def is_there(seen: Seen) -> bool:
            if seen.screen != "own_profile" or not same(self.active(seen), username):
                return False
            if of_active is not None:
                raise of_active
            return True

        def open_switcher(seen: Seen) -> None:
            if chosen >= 2:
                raise WrongAccount(f"@{username} was chosen, but {self.active(seen)} stays active.")
            self._phone.tap(seen.point(self._app.opener))

        def choose(seen: Seen) -> None:
            nonlocal chosen, of_active
            active = seen.control("active")
            if of_active is not None and active is not None and same(active.label, username):
                raise of_active
            row = self.row(seen, username)
            chosen += 1
            self.switches += 1
            of_active = None
            self._walk.note(f"switched to @{username}")
            self._phone.tap(row)

        def pass_by(seen: Seen) -> None:
            """Until the account was chosen, this may be another's."""
            nonlocal of_active
            if chosen:
                raise unusable(seen)
            self._leave(seen, passed)
            if self._app.blocked[seen.screen] != "back":  # after Back another account is active
                of_active = unusable(seen)

        return self._walk.until(
            is_there,
            {**self._ways(open_switcher, pass_by), "account_switcher": choose, **(instead or {})},
            what="the own profile",
            seconds=seconds,
        )

    def all(self, *, seconds: float = OPEN_SECONDS) -> list[str]:
        """The accounts that the app's switcher lists, in its order, the active one too; none: logged out.

        Raises AccountUnusable when the app wants something that keeps the switcher out of reach.
        """
        passed: Counter[str] = Counter()

        def pass_by(seen: Seen) -> None:
            self._leave(seen, passed)

        def open_switcher(seen: Seen) -> None:
            self._phone.tap(seen.point(self._app.opener))

        try:
            switcher = self._walk.until(
                lambda seen: seen.screen == "account_switcher",
                self._ways(open_switcher, pass_by),
                what="the account switcher",
                seconds=seconds,
            )
        except AccountUnusable as error:
            if error.state == "logged_out":
                return []
            raise
        return list(self._rows(switcher))

    def active(self, profile: Seen) -> str:
        """The account whose own profile this is, as the app writes it. Raises ControlMissing."""
        return profile.need(self._app.name).text

    def row(self, switcher: Seen, username: str) -> Node:
        """The account's row, scrolled to where there are more than the switcher shows.

        Raises WrongAccount when it is not there.
        """
        rows = self._rows(switcher, until=username)
        if found := next((row for name, row in rows.items() if same(name, username)), None):
            return found
        accounts = ", ".join(f"@{name}" for name in rows) or "no account"
        raise WrongAccount(
            f"@{username} is not logged in on this phone; {self._app.title} has {accounts}.",
            remedy="Log it in on the phone, or correct the account in devices.yaml.",
        )

    def _rows(self, switcher: Seen, *, until: str = "") -> dict[str, Node]:
        """By name, in order, each where it was seen last; scrolls to the end or to the row `until`."""
        found: dict[str, Node] = {}
        for _ in range(SCROLLS):
            add = switcher.control("add_account")
            rows = [row for row in switcher.all("rows") if row.label]
            accounts = {row.label: row for row in rows if add is None or row.label != add.label}
            news = accounts.keys() - found.keys()
            found |= accounts
            is_last = add is not None and any(row.label == add.label for row in rows)
            if not news or is_last or len(rows) < 2 or any(same(name, until) for name in news):
                break
            (x, low), (_, high) = rows[-1].center, rows[0].center
            self._phone.swipe((x, low), (x, high))
            switcher = self._walk.look()
        return found

    def _ways(self, on_profile: Action, on_blocked: Action) -> dict[str, Action]:
        """To the own profile from anywhere in the app."""

        def open_profile(seen: Seen) -> None:
            self._phone.tap(seen.point("profile_tab"))

        def restart(seen: Seen) -> None:
            self._walk.note(f"restarted the app, which was on {seen.screen}", screen=seen.screen)
            self._phone.force_stop(self._walk.driven.package)
            self._phone.launch(self._walk.driven.package)

        return {
            **dict.fromkeys(self._app.tabs, open_profile),
            **dict.fromkeys(self._app.half_done, restart),
            **dict.fromkeys(self._app.blocked, on_blocked),
            "video": lambda seen: self._phone.press("back"),
            "own_profile": on_profile,
        }

    def _leave(self, seen: Seen, passed: Counter[str]) -> None:
        """A blocked screen, for the app's other accounts. Raises AccountUnusable where that leads nowhere."""
        way = self._app.blocked[seen.screen]
        passed[seen.screen] += 1
        if passed[seen.screen] > MOST_PASSES:
            raise unusable(seen)
        if way == "back":
            self._phone.press("back")
        elif seen.control(way) is not None:
            self._phone.tap(seen.point(way))
        else:
            raise unusable(seen)
        self._walk.note(f"left {seen.screen}, which may be another account's", screen=seen.screen)
