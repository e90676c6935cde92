"""A post on TikTok's screens: a video or pictures, by the share intent, the + button or a sound's page.

What it has beside its texts is in `options` and `sounds`, what every app's post has in `posting`.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.cancel import Deadline
from runner.errors import (
    AppRefused,
    ControlMissing,
    ScreenUnknown,
    StepFailed,
)
from runner.phones.screens import Kind, Seen
from runner.phones.screens.matching import fold
from runner.phones.walk import LONGEST_PAUSE, Action, anywhere
from runner.script import Account, Context, Result

from .captions import titled
from .config import DEFAULT_VOLUME, PostConfig, has_titles
from .content import Content
from .grid import Grid
from .options import AiLabel, ProductLink
from .picking import Picker
from .posting import (
    ALBUM,
    COMPOSE_SECONDS,
    LINK_SECONDS,
    REFRESH_SECONDS,
    SHORTEST_HEAD,
    Posting,
    wait,
)
from .sounds import SoundPicker, Volumes, is_link, reads_as

SHARE_ACTIVITY = "com.ss.android.ugc.aweme.share.SystemShareActivity"

POSTS_LOOKED_AT = 3
LONGEST_MORE = 12
"""Characters after the dots of a cut caption: "more", "voir plus"."""
TABS = ("home", "friends", "main_tab")


@dataclass
class _Proof:
    """The own profile of the task's account, as it was before publishing."""

    before: Grid
    newest_caption: str | None
    """Of the newest post; read only where the grid can't show that there is one more."""


class TikTokPost(Posting[_Proof]):
    """One run. Every method acts on the phone and blocks."""

    app = "tiktok"
    viewers = ("video",)
    _last_page = "post_page"

    def __init__(self, context: Context[PostConfig], account: Account, content: Content) -> None:
        super().__init__(context, account, content)
        self.title = ""
        self.sound = ""
        """The name of the sound that was chosen for the post, as its page or the list of sounds says it."""
        if has_titles(context.config, self.app):
            self.title, self.caption = titled(content.caption)

    @property
    def way(self) -> str:
        """Pictures go by the + button: no intent is known that hands over several."""
        config = self.context.config
        by_intent = config.post_way == "share"
        return "addButton" if by_intent and config.content_type == 1 else config.post_way

    def _result(self, url: str, remark: str = "") -> Result:
        evidence = {
            "account": self.wanted,
            "title": self.title,
            "caption": self.caption,
            "sound": self.sound,
            "progress_seen": self.progress,
        }
        return Result(remark, post_url=url, evidence=evidence)

    # The account

    def _prove_account(self) -> _Proof:
        before = Grid.of(self._after_earlier_uploads(self._profile_of_launched()))
        if not before.hides_new_posts:
            return _Proof(before, None)
        newest = self._caption_of(self._open_post(before.cells[0]))
        self._own_profile()
        return _Proof(before, newest)

    def _own_profile(self) -> Seen:
        return self.accounts.prove(self.wanted)

    def _after_earlier_uploads(self, profile: Seen) -> Seen:
        """Wait, within reason, for an upload of before: restarting the app would end it."""
        if not Grid.of(profile).uploading:
            return profile
        self.context.note(f"an earlier upload is under way ({Grid.of(profile).uploading})")
        deadline = Deadline(self.context.config.upload_wait_time)
        while Grid.of(profile).uploading and not deadline.passed:
            self.context.cancel.sleep(LONGEST_PAUSE)
            profile = self._own_profile()
        return profile

    # From the file to the post page

    def _to_last_page(self) -> None:
        with self.context.step("share", detail=self.way):
            self._bring_into_app()
        with self.context.step("editor"):
            self._to_post_page()
        with self.context.step("caption"):
            self._set_options()
            self._write_texts()

    def _bring_into_app(self) -> None:
        self.sound = ""
        self._clear_album()
        match self.way:
            case "share":
                self._share()
            case "addButton":
                self._pick(dict.fromkeys((*TABS, "own_profile"), self._tap("create")))
            case "useSound" if is_link(self.content.sound):
                self._open_sound()
                self._pick({"sound_page": self._tap("use_sound")})
            case "useSound":
                to_camera = dict.fromkeys((*TABS, "own_profile"), self._tap("create"))
                self._choose_sound("camera", self.content.sound, to_camera)
                self._pick({})

    def _open_sound(self) -> None:
        link = self.content.sound.strip()
        self.phone.start_activity(
            action="android.intent.action.VIEW", package=self.account.package, data=link
        )
        page = self._on_to(
            lambda seen: seen.screen == "sound_page" and seen.control("use_sound") is not None,
            {"sound_page": wait},
            "the sound's page",
            seconds=LINK_SECONDS + self.context.config.sound_wait_time,
        )
        self.sound = page.need("name").text
        self.context.note(f"the link leads to the sound {self.sound}", link=link)

    def _pick(self, to_camera: dict[str, Action]) -> None:
        """By the app's own camera and gallery."""
        picker = Picker(self.phone, self.walk, album=ALBUM, count=len(self.media))
        self._on_to(
            anywhere("gallery"),
            {
                **to_camera,
                "camera": self._tap("gallery"),
                "camera_templates": self._tap("mode_post"),
            },
            "the gallery",
        )
        self._on_to(
            anywhere("editor", "post_page"),
            {"camera": self._tap("gallery"), "albums": picker.open_album, "gallery": picker.choose},
            "the editor",
        )

    def _share(self) -> None:
        """Hand the file over by Android's share intent, to an app that starts afresh."""
        package = self.account.package
        self.phone.force_stop(package)
        self.phone.start_activity(
            action="android.intent.action.SEND",
            component=f"{package}/{SHARE_ACTIVITY}",
            mime_type=self.media[0].mime,
            uri_extras={"android.intent.extra.STREAM": self.media[0].uri},
            grant_read_uri=True,
        )
        self._on_to(anywhere("editor", "post_page"), {"share_chooser": self._tap("video")}, "the editor")

    def _choose_sound(self, page: str, keyword: str, on_the_way: dict[str, Action]) -> None:
        """From the camera or the editor and back, which then reads as the sound."""
        seconds = self.context.config.sound_wait_time
        picker = SoundPicker(self.phone, self.walk, keyword=keyword, seconds=seconds)

        def open_sounds(seen: Seen) -> None:
            control = seen.need("sound")
            if picker.name:
                raise ControlMissing(f"{page} shows {control.text}, not the sound {picker.name}.")
            self.phone.tap(control)

        self._on_to(
            lambda seen: seen.screen == page and bool(picker.name) and _plays(seen, picker.name),
            {
                **on_the_way,
                "camera_templates": self._tap("mode_post"),
                page: open_sounds,
                "sound_list": picker.from_list,
                "sound_search": picker.from_search,
            },
            f"the sound {keyword}" if keyword else "a sound",
            seconds=COMPOSE_SECONDS + seconds,
        )
        self.sound = picker.name

    def _set_volumes(self) -> None:
        """Those that differ from the default, which leaves them to the app."""
        config = self.context.config
        wanted = {"original": config.origin_sound_volume, "added": config.add_sound_volume}
        volumes = Volumes(
            self.phone,
            self.walk,
            {name: value for name, value in wanted.items() if value != DEFAULT_VOLUME},
        )
        if not volumes.wanted:
            return

        def open_volumes(seen: Seen) -> None:
            self.phone.tap(seen.point("volume" if seen.control("volume") else "sound"))

        self._on_to(
            lambda seen: seen.screen == "editor" and volumes.proved,
            {
                "editor": open_volumes,
                "sound_list": lambda seen: (
                    self.phone.press("back") if volumes.proved else self.phone.tap(seen.point("volume"))
                ),
                "volumes": volumes.set,
            },
            "the volumes",
        )

    def _to_post_page(self) -> None:
        match self.context.config.add_sound:
            case "0":
                self._on_to(_is_silent, {"editor": self._tap("remove_sound")}, "an editor without a sound")
            case "1":
                self._choose_sound("editor", "", {})
            case "custom":
                self._choose_sound("editor", self.context.config.custom_sound_keyword, {})
        self._set_volumes()

        def go_on(seen: Seen) -> None:
            if self.sound and not _plays(seen, self.sound):
                shown = seen.control("sound")
                reads = shown.text if shown else "none"
                raise StepFailed(f"The editor has lost the sound {self.sound}: it shows {reads}.")
            self.phone.tap(seen.point("next"))

        self._on_to(anywhere("post_page"), {"editor": go_on}, "the post page")

    def _set_options(self) -> None:
        """Before the texts: with a field focused, the post page has no rows of options."""
        config = self.context.config
        if config.ai_label:
            label = AiLabel(self.phone, self.walk)
            self._on_to(
                lambda seen: seen.screen == "post_page" and label.is_on,
                {
                    "post_page": self._tap("more_options"),
                    "more_options": label.switch_on,
                    "ai_label_notice": label.agree,
                },
                "the label for AI-generated content",
            )
        if config.add_product_link:
            link = ProductLink(self.phone, self.walk, account=self.wanted)
            self._on_to(
                lambda seen: seen.screen == "post_page" and link.is_on(seen),
                {
                    "post_page": link.open,
                    "link_choice": self._tap("product"),
                    "products": link.add,
                    "product_name": link.confirm,
                },
                "the link to a product",
            )

    def _write_texts(self) -> None:
        """Type title and description, and read them back from their fields and from the page."""
        typed = False

        def write(seen: Seen) -> None:
            nonlocal typed
            if self.title or (seen.control("title") and not _holds(seen, "title", "")):
                self.phone.set_text(seen.need("title"), self.title)
                seen = self.walk.look()
            if self.caption or not _holds(seen, "description", ""):
                self._type_caption(seen.need("description"))
            typed = True

        def is_written(seen: Seen) -> bool:
            if seen.screen != "post_page" or not (typed or not (self.title or self.caption)):
                return False
            return self._shows_texts(seen)

        self._on_to(is_written, {"post_page": write}, "the caption")

    def _shows_texts(self, page: Seen) -> bool:
        return all(_holds(page, name, text) for name, text in self._texts(page))

    def _texts(self, page: Seen) -> list[tuple[str, str]]:
        """What belongs into which field. A title left over from elsewhere would be published too."""
        title = [("title", self.title)] if self.title or page.control("title") else []
        return [*title, ("description", self.caption)]

    # Looking for what became of it

    def _follow_upload(self, proof: _Proof) -> None:
        """Until the own profile shows no upload any more."""
        seconds = self.context.config.upload_wait_time
        confirmed = False
        refresh_at = Deadline(REFRESH_SECONDS)

        def has_ended(seen: Seen) -> bool:
            if seen.kind is Kind.BLOCKED:
                raise AppRefused(f"{seen.says}.")
            progress = seen.control("uploading") or seen.sign("uploading")
            if progress is not None and not proof.before.uploading:
                self.progress = progress.text
            if seen.screen != "own_profile" or progress is not None:
                return False
            before = proof.before
            return bool(self.progress) or before.hides_new_posts or Grid.of(seen).has_more_than(before)

        def confirm(seen: Seen) -> bool:
            nonlocal confirmed
            if not confirmed:
                confirmed = True
                self.context.note("confirmed that the video is published publicly")
                self.phone.tap_once(*seen.point("publish_now"))
            return False

        def refresh(seen: Seen) -> bool:
            nonlocal refresh_at
            if refresh_at.passed and not seen.control("uploading"):
                refresh_at = Deadline(REFRESH_SECONDS)
                self.phone.tap(seen.point("home_tab"))
            return False

        try:
            self.walk.until(
                has_ended,
                {
                    **dict.fromkeys(TABS, self._open_profile),
                    "own_profile": refresh,
                    "post_page": wait,
                    "publish_publicly": confirm,
                    "upload_failed": _refuse,
                },
                what="the end of the upload",
                seconds=seconds,
                through_failures=True,
            )
        except (ControlMissing, ScreenUnknown) as error:
            last = f"the last progress was {self.progress}" if self.progress else "no progress was seen"
            raise StepFailed(f"The upload did not end within {seconds} s; {last}. {error.message}") from error

    def _find_post(self, proof: _Proof) -> str | None:
        """Only a post that was not there before counts: our upload was seen, or there is one more, or where
        the grid can't show that, the newest post is another one than before.
        """
        grid = Grid.of(self._own_profile())
        if grid.uploading:
            return None
        is_new = bool(self.progress) or grid.has_more_than(proof.before)
        if not is_new and proof.newest_caption is None:
            return None
        return self._link_among(grid.cells[:POSTS_LOOKED_AT], before=None if is_new else proof.newest_caption)

    def _find_earlier(self, now: _Proof) -> str | None:
        return self._link_among(now.before.cells)

    def _caption_of(self, post: Seen) -> str:
        caption = post.control("caption")
        return caption.text if caption else ""

    def _is_ours(self, shown: str) -> bool:
        """Does an opened post show our caption? The app cuts a long one: "The first words…more"."""
        shown = fold(shown)
        head, dots, tail = shown.rpartition("...")
        is_cut = bool(dots) and len(tail) <= LONGEST_MORE and len(head) >= SHORTEST_HEAD
        whole = " ".join(filter(None, (self.title, self.caption)))
        return any(
            shown == ours or (is_cut and ours.startswith(head.rstrip()))
            for ours in (fold(whole), fold(self.caption or whole))
        )


def _is_silent(seen: Seen) -> bool:
    return seen.screen == "editor" and seen.control("no_sound") is not None


def _plays(seen: Seen, name: str) -> bool:
    """Does the camera or the editor read as this sound?"""
    shown = seen.control("sound")
    return shown is not None and reads_as(shown.text, name)


def _holds(page: Seen, name: str, text: str) -> bool:
    """Does this field of the page hold the text? The dump may have turned line breaks into spaces."""
    field = page.control(name)
    if field is None:
        return False
    if not text:
        return not field.text or field.text == field.hint or page.control(f"{name}_hint") is not None
    return fold(field.text) == fold(text)


def _refuse(seen: Seen) -> None:
    raise AppRefused(f"TikTok says: {seen.need('message').label}")
