"""Apps without a phone: `Stage` offers what `Android` does with a clock that tests turn, `Hand` looks
and taps.
"""

from __future__ import annotations

import heapq
import itertools
import random
import re

import pytest

from runner.virtual.app import Intent, MediaRow
from runner.virtual.apps import build_apps

SEND = "com.ss.android.ugc.aweme.share.SystemShareActivity"


class Stage:
    """The phone's side of the seam. Time stands still until `pass_time`; faults are functions by moment."""

    serial = "stage"

    def __init__(self, *, language="en", width=1080, height=2400, latency=0.0, seed=1):
        self.language, self.width, self.height = language, width, height
        self.rng = random.Random(seed)
        self.clipboard = ""
        self.posts = []
        self.latency = latency
        self.rows = []
        self.permissions = set()
        self.asked = []
        self.answers = []
        self.moments = []
        self.toasts = []
        self.faults = {}
        self.failure = ""
        self.front = None
        self._now = 0.0
        self._calls = []
        self._ticket = itertools.count()

    def now(self):
        return self._now

    def call_later(self, seconds, action):
        heapq.heappush(self._calls, (self._now + seconds, next(self._ticket), action))

    def pass_time(self, seconds):
        end = self._now + seconds
        while self._calls and self._calls[0][0] <= end:
            self._now, _, action = heapq.heappop(self._calls)
            action()
        self._now = end

    def screen_change(self):
        return self.latency

    def media(self):
        return sorted(self.rows, key=lambda row: -row.date_modified)

    def media_by_uri(self, uri):
        return next((row for row in self.rows if uri.endswith(f"/media/{row.id}")), None)

    def granted(self, package, permission):
        return permission in self.permissions

    def ask_permission(self, package, permission, answered):
        self.asked.append(permission)
        allowed = self.answers.pop(0) if self.answers else True
        if allowed:
            self.permissions.add(permission)
        answered(allowed)

    def show_dialog(self, windows, tapped):
        raise NotImplementedError("no app of these tests shows a dialog of the phone's")

    def toast(self, text):
        self.toasts.append(text)

    def to_front(self, package):
        self.front = package

    def leave(self, package):
        self.front = None

    def reached(self, when, step):
        self.moments.append(f"{when}:{step}")
        fault = self.faults.pop(f"{when}:{step}", None)
        if fault:
            fault()

    def publish_failure(self):
        return self.failure

    def add_media(self, name="clip.mp4", *, size=1_000_000, mime="video/mp4", bucket="Movies"):
        row = MediaRow(
            id=len(self.rows) + 100,
            path=f"/sdcard/{bucket}/{name}",
            display_name=name,
            mime_type=mime,
            size=size,
            sha256=f"{len(self.rows):064x}",
            date_modified=float(len(self.rows)),
            bucket=bucket,
        )
        self.rows.append(row)
        return row


class Hand:
    """Looks at one app's windows and taps on what it sees, by place only, as a phone does."""

    def __init__(self, stage, app):
        self.stage, self.app = stage, app

    def nodes(self):
        return [node for window in self.app.windows() for node in window.iter("node")]

    def seen(self):
        return {
            value for node in self.nodes() for value in (node.get("text"), node.get("content-desc")) if value
        }

    def find(self, label):
        found = [node for node in self.nodes() if label in (node.get("text"), node.get("content-desc"))]
        assert found, f"{label!r} is not among {sorted(self.seen())} on {self.app.screen}"
        return found[-1]

    def by_id(self, name):
        return next(n for n in self.nodes() if n.get("resource-id").endswith(f":id/{name}"))

    def middle(self, node):
        left, top, right, bottom = map(int, re.findall(r"-?\d+", node.get("bounds")))
        return (left + right) // 2, (top + bottom) // 2

    def tap(self, what, **how):
        node = self.find(what) if isinstance(what, str) else what
        self.app.tap(*self.middle(node), **how)

    def type(self, text):
        field = self.app.focused()
        field.replace(field.text + text)

    def launch(self):
        assert self.app.start(Intent()) is None

    def share(self, row, **how):
        uri = f"content://media/external/video/media/{row.id}"
        return self.app.start(
            Intent(
                action="android.intent.action.SEND",
                component=f"{self.app.package}/{SEND}",
                mime_type=row.mime_type,
                extras={"android.intent.extra.STREAM": uri},
                **how,
            )
        )

    def view(self, url):
        return self.app.start(Intent(action="android.intent.action.VIEW", data=url))


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def make_stage():
    return Stage


@pytest.fixture
def make_hand():
    def make(stage, app="tiktok", *, accounts=("user_001", "user_002"), version=None, permitted=True):
        """A hand on the app, whose manners are the plainest and whose permissions are granted."""
        versions = {app: version} if version else {}
        hand = Hand(stage, build_apps(stage, versions=versions, accounts={app: list(accounts)})[1])
        if hasattr(hand.app, "manners"):
            hand.app.manners = type(hand.app.manners)()
        if permitted:
            names = ("CAMERA", "RECORD_AUDIO", "READ_MEDIA_VIDEO", "READ_MEDIA_IMAGES")
            stage.permissions.update(f"android.permission.{name}" for name in names)
        return hand

    return make


@pytest.fixture
def hand(stage, make_hand):
    return make_hand(stage)
