"""A virtual phone and the post script on a bench, for the tests of posts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from runner.script import Account, Result
from runner.virtual.apps.posts import Composition
from runner.virtual.apps.tiktok import pages
from scripts.post import Post, PostConfig
from scripts.post.posting import ALBUM
from support.script_context import Bench, TestContext
from support.virtual import Phones

PACKAGE = "com.zhiliaoapp.musically"
PACKAGES = (PACKAGE, "com.ss.android.ugc.trill")
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 64
CAPTION = "Olá 👋🏽 mañana 👩‍👩‍👧 tiếng Việt 你好\nzweite Zeile “quoted” & <angled> #tag"


class Rig:
    """One virtual phone with TikTok, and the script on a bench."""

    platform: ClassVar[str] = "tiktok"
    packages: ClassVar[tuple[str, ...]] = PACKAGES

    def __init__(self, phones: Phones, bench: Bench, folder: Path) -> None:
        self.phones = phones
        self.bench = bench
        self.folder = folder
        apps = phones.farm.farm.phones[0].apps
        self.package = next(package for package in self.packages if package in apps)
        self.app: Any = apps[self.package]
        self.app.shortest_upload = 0.5

    def video(self, content: bytes = VIDEO, name: str = "clip.mp4") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def post(
        self, username: str = "demo_001_1", caption: str = CAPTION, *, wait: int = 20, **more: Any
    ) -> Result:
        config = PostConfig(captions=caption, material_list=[str(self.video())], upload_wait_time=wait)
        return self.run(config, username, **more)

    def run(self, config: PostConfig, username: str, **more: Any) -> Result:
        account = Account(username, self.platform, self.package)
        return self.bench.run(Post(), self.phones.serial, config, account, **more)

    @property
    def posts(self) -> list[dict[str, Any]]:
        return self.phones.posts()

    @property
    def media_files(self) -> list[str]:
        return [each["path"] for each in self.phones.control("/files") if ALBUM in each["path"]]

    @property
    def last(self) -> TestContext:
        return self.bench.last

    def on_phone(self, action: Callable[[], Any]) -> Any:
        return self.phones.farm.call(action)


class InstagramRig(Rig):
    """The same with Instagram."""

    platform = "instagram"
    packages = ("com.instagram.android",)

    def images(self, *names: str) -> list[Path]:
        """Pictures that differ, in this order."""
        paths = [self.folder / name for name in names]
        for number, path in enumerate(paths):
            path.write_bytes(b"\xff\xd8\xff\xe0" + bytes([number]) * 2000)
        return paths


RigFactory = Callable[..., Rig]
InstagramFactory = Callable[..., InstagramRig]


STARTS: dict[str, Callable[[Any], Any]] = {
    "home": pages.Home,
    "friends": pages.Friends,
    "inbox": pages.Inbox,
    "comments": pages.Comments,
    "switcher": pages.Switcher,
    "camera": pages.Camera,
    "editor": lambda app: pages.Editor(app, half_finished(app)),
    "post_page": lambda app: pages.PostPage(app, half_finished(app)),
    "gallery": lambda app: pages.Gallery(app, pages.Camera(app)),
    "sound": lambda app: pages.Sound(app, "Song"),
    "other_profile": lambda app: pages.OtherProfile(app, "demo_009_9"),
}
"""TikTok's screens to start from, above the feed."""


def half_finished(app: Any) -> Composition:
    return Composition([app.snapshot()], caption="half finished", title="half finished")


@contextmanager
def after_step(rig: Rig, step: str, action: Callable[[], Any]) -> Iterator[None]:
    """Run `action` on the phone's loop when its app has done this step."""
    reached = rig.app.android.reached

    def watching(when: str, name: str) -> None:
        reached(when, name)
        if (when, name) == ("after", step):
            action()

    rig.app.android.reached = watching
    try:
        yield
    finally:
        rig.app.android.reached = reached
