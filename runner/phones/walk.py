"""Walks an app's screens: look once, recognise, act on what is there, until a goal is reached.

Starts on any screen, answers popups as their definitions say, waits out loading screens, brings the app back
when something else came to the front, and gives up with the name of the screen when nothing moves. It decides
nothing about accounts or publishing: what to do on which screen is its caller's table of actions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from runner.cancel import CancelToken, Deadline
from runner.errors import (
    AccountUnusable,
    ControlMissing,
    PhoneError,
    PhoneTimeout,
    ScreenUnknown,
    StepFailed,
    TransportLost,
    UiServerError,
)
from runner.phones.screens import Catalog, Kind, Seen

if TYPE_CHECKING:
    from runner.phones.hierarchy import Hierarchy
    from runner.phones.session import PhoneSession

Action = Callable[[Seen], bool | None]
"""What to do on a screen; False when nothing was done because it only needs time."""
Goal = Callable[[Seen], bool]

SHORTEST_PAUSE = 0.02
LONGEST_PAUSE = 0.4
PATIENCE = 8.0
"""Seconds that a screen may stay as it is after an action, before the action is tried again."""
POPUP_PATIENCE = 2.5
"""Seconds until the next way to answer a popup is tried."""
UNKNOWN_PATIENCE = 4.0
"""Seconds for a screen that no definition fits, or that is not expected here: it may be half drawn."""
AWAY_PATIENCE = 2.5
"""Seconds that another app may be in front: the launcher shows through while an app starts."""
LOADING_PATIENCE = 25.0
FRESH = 0.25
"""Seconds for which a look counts as what is shown, when nothing was asked of the phone meanwhile."""
MOST_ATTEMPTS = 3
"""On one screen that does not change."""
MOST_ACTIONS = 60
"""On the way to one goal: more is going round in circles."""
LOST_ON_THE_WAY = (PhoneTimeout, TransportLost, UiServerError)
"""An action that ended so may have worked or not: the next look tells."""


class RunOnPhone(Protocol):
    """What a walk needs of `runner.script.Context`."""

    @property
    def phone(self) -> PhoneSession: ...
    @property
    def screens(self) -> Catalog: ...
    @property
    def cancel(self) -> CancelToken: ...
    def note(self, message: str, **details: Any) -> None: ...
    def keep_screen(self, why: str, hierarchy: Hierarchy | None = None) -> None: ...


@dataclass(frozen=True)
class Driven:
    """The app that is walked, as this phone has it."""

    app: str
    package: str
    version: str = ""
    language: str = ""


class Pauses:
    """Waits between looks: short at first, longer while nothing happens."""

    def __init__(self, cancel: CancelToken) -> None:
        self._cancel = cancel
        self._next = SHORTEST_PAUSE

    def pause(self, at_most: float = LONGEST_PAUSE) -> None:
        """Raises Cancelled when stop is asked for."""
        self._cancel.sleep(min(self._next, at_most))
        self._next = min(self._next * 1.7, LONGEST_PAUSE)

    def restart(self) -> None:
        self._next = SHORTEST_PAUSE


def anywhere(*screens: str) -> Goal:
    """The goal of having reached one of these screens."""
    return lambda seen: seen.screen in screens


def unusable(seen: Seen) -> AccountUnusable:
    """What a blocked screen says of the account."""
    return AccountUnusable(
        f"{seen.says or seen.screen}.", state=seen.account_state, remedy="Look at the account on the phone."
    )


class Walk:
    """One app on one phone. Not for several threads."""

    def __init__(self, run: RunOnPhone, driven: Driven) -> None:
        self.phone = run.phone
        self.driven = driven
        self.note = run.note
        self._run = run
        self._last: tuple[Seen, int, float] | None = None
        """What was seen, after how many calls, when."""

    def look(self) -> Seen:
        """One hierarchy, recognised."""
        driven = self.driven
        try:
            hierarchy = self.phone.hierarchy()
        except PhoneTimeout:
            # A playing video can keep the dump from coming to an end; the next one usually does.
            self._run.cancel.check()
            hierarchy = self.phone.hierarchy()
        dumped = self.phone.calls, time.monotonic()
        seen = self._run.screens.recognise(
            hierarchy,
            app=driven.app,
            package=driven.package,
            version=driven.version,
            language=driven.language,
        )
        self._last = seen, *dumped
        return seen

    def _just_seen(self) -> Seen | None:
        if self._last is None:
            return None
        seen, calls, when = self._last
        return seen if calls == self.phone.calls and time.monotonic() - when < FRESH else None

    def until(
        self,
        goal: Goal,
        actions: Mapping[str, Action],
        *,
        what: str,
        seconds: float,
        away: Action | None = None,
        through_failures: bool = False,
        anew: bool = False,
    ) -> Seen:
        """Act on what is shown until `goal` holds, and return the screen that fulfils it.

        It begins with what the walk before has just seen, where nothing was asked of the phone since; `anew`:
        with a look of its own.

        `actions` says by screen name what to do; each makes one change at most, and may raise ControlMissing,
        which counts only when the control stays missing. `away` is called when the app is not in front
        (None: bring it back). `what` names the aim in errors. With `through_failures`, a phone that can't be
        reached is asked again until the time is over.

        Raises AccountUnusable on a blocked screen that has no action, ScreenUnknown and ControlMissing when
        it can't go on, and whatever an action raises.
        """
        way = _Way(self, goal, actions, away or self._bring_back, what, Deadline(seconds))
        just_seen = None if anew else self._just_seen()
        while True:
            try:
                return way.walk(just_seen)
            except PhoneError as error:
                if not through_failures or way.deadline.passed:
                    raise
                self.note(f"the phone failed, and is asked again: {error}")
                just_seen = None
                self._run.cancel.sleep(LONGEST_PAUSE)

    def answer(self, seen: Seen, attempt: int) -> None:
        """Get rid of a popup or leave a screen: by its best way, at a later attempt by the next one."""
        ways = list(seen.ways_out())
        if not ways:
            raise ControlMissing(f"no way to leave {seen.screen} was found.")
        name, point = ways[min(attempt, len(ways) - 1)]
        if seen.is_worth_keeping and attempt == 0:
            self._run.keep_screen(f"{seen.screen}, which is left by {name}", seen.hierarchy)
        self.note(f"left {seen.screen} by {name}", screen=seen.screen, kind=str(seen.kind))
        if point is None:
            self.phone.press("back")
        else:
            self.phone.tap(point)

    def go_back(self, seen: Seen) -> None:
        self._run.keep_screen(f"{seen.screen or 'an unknown screen'}, which is left by Back", seen.hierarchy)
        self.note(f"pressed Back on {seen.screen or 'an unknown screen'}", why=list(seen.why))
        self.phone.press("back")

    def pauses(self) -> Pauses:
        return Pauses(self._run.cancel)

    def _bring_back(self, seen: Seen) -> None:
        self.note(f"{seen.screen} was in front; brought {self.driven.package} back", screen=seen.screen)
        self.phone.launch(self.driven.package)


class _Way:
    """One walk to one goal: what was seen, since when, and how often it was acted upon."""

    def __init__(
        self,
        walk: Walk,
        goal: Goal,
        actions: Mapping[str, Action],
        away: Action,
        what: str,
        deadline: Deadline,
    ) -> None:
        self._walk = walk
        self._goal = goal
        self._on_screen = actions
        self._away = away
        self._what = what
        self.deadline = deadline
        self._pauses = walk.pauses()
        self._shown = ""
        self._since = 0.0
        self._acted_at: float | None = None
        self._attempts = 0
        self._actions = 0
        self._missing: ControlMissing | None = None

    def walk(self, just_seen: Seen | None) -> Seen:
        while True:
            seen = just_seen or self._walk.look()
            just_seen = None
            self._register(seen)
            if self._goal(seen):
                return seen
            if self.deadline.passed:
                raise self._missing or self._lost(seen, f"not reached in time; it shows {_named(seen)}")
            if not self._act(seen):
                self._pauses.pause()

    def _register(self, seen: Seen) -> None:
        shown = f"{seen.kind} {seen.screen}"
        if seen.kind is Kind.POPUP and (message := seen.control("message")):
            shown += f" {message.text}"  # one after the other, as permissions are asked for
        if shown != self._shown:
            self._shown, self._since, self._acted_at = shown, time.monotonic(), None
            self._attempts, self._missing = 0, None
            self._pauses.restart()

    def _act(self, seen: Seen) -> bool:
        """Do what this screen asks for; False when the next look should wait a little."""
        match seen.kind:
            case Kind.BLOCKED if seen.screen not in self._on_screen:
                raise unusable(seen)
            case Kind.LOADING:
                if self._shown_for() > LOADING_PATIENCE:
                    raise self._lost(seen, f"nothing of the app appeared for {LOADING_PATIENCE:.0f} s")
                return False
            case Kind.POPUP if seen.screen not in self._on_screen:
                return self._try(seen, self._answer, patience=POPUP_PATIENCE, attempts=5)
            case Kind.FOREIGN:
                return self._shown_for() > AWAY_PATIENCE and self._try(seen, self._away, patience=PATIENCE)
            case Kind.UNKNOWN:
                return self._shown_for() > UNKNOWN_PATIENCE and self._back(seen)
        action = self._on_screen.get(seen.screen)
        if action is not None:
            return self._try(seen, action, patience=PATIENCE)
        if seen.kind is Kind.OTHER:
            return self._try(seen, self._answer, patience=POPUP_PATIENCE)
        # A step of another way: perhaps what was left a moment ago.
        if self._shown_for() > UNKNOWN_PATIENCE:
            raise self._lost(seen, f"{seen.screen} has no place here")
        return False

    def _try(self, seen: Seen, action: Action, *, patience: float, attempts: int = MOST_ATTEMPTS) -> bool:
        """Act, unless an action on this screen is still given time; give up after so many attempts."""
        now = time.monotonic()
        if self._acted_at is not None and now - self._acted_at < patience:
            return False
        if self._attempts >= attempts or self._actions >= MOST_ACTIONS:
            raise self._missing or self._lost(seen, f"{_named(seen)} stays after {self._actions} actions")
        try:
            if action(seen) is False:
                return False
        except ControlMissing as missing:
            # Perhaps the screen is half drawn, or has just gone away.
            if self._missing is not None and self._shown_for() > patience:
                raise
            self._missing = missing
            return False
        except LOST_ON_THE_WAY as error:
            self._walk.note(f"the phone failed on {_named(seen)}: {error}")
        self._acted_at = time.monotonic()
        self._attempts += 1
        self._actions += 1
        self._pauses.restart()
        return True

    def _answer(self, seen: Seen) -> None:
        try:
            self._walk.answer(seen, self._attempts)
        except ControlMissing as missing:
            raise ControlMissing(f"{self._what}: {missing.message}", remedy=missing.remedy) from missing

    def _back(self, seen: Seen) -> bool:
        """One Back for a screen that nobody knows; a second time is the end."""
        return self._try(seen, self._walk.go_back, patience=UNKNOWN_PATIENCE, attempts=1)

    def _shown_for(self) -> float:
        return time.monotonic() - self._since

    def _lost(self, seen: Seen, why: str) -> StepFailed:
        kind = ScreenUnknown if seen.kind in (Kind.UNKNOWN, Kind.LOADING, Kind.FOREIGN) else ControlMissing
        return kind(f"{self._what}: {why}.")


def _named(seen: Seen) -> str:
    return seen.screen or ("an unknown screen" if seen.kind is Kind.UNKNOWN else "nothing of the app")
