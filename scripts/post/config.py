"""The configuration of the post script, with the vendor's field names and defaults, and its checks.

What makes no sense is refused by its field's name when a task is created: nothing is silently ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from runner.errors import InvalidRequest
from runner.script import Planned, ScriptConfig

from .captions import Spintax, has_title, parse
from .captions import check as check_captions


def _as_text(value: Any) -> Any:
    """The vendor's forms send numbers as text, and some text fields as numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


DEFAULT_VOLUME = 50
"""Leaves a volume as the app has it."""
Volume = Annotated[int, Field(ge=0, le=100)]


class PostConfig(ScriptConfig):
    content_type: Annotated[Literal[0, 1], BeforeValidator(_as_number)] = Field(
        0, description="0 a video, 1 images."
    )
    image_count: int = Field(
        1, ge=1, description="How many images to take when content_type is 1 and material_list is empty."
    )
    captions: str = Field("", description="The caption; see caption_format.")
    caption_format: Literal["multiline", "spintax"] | None = Field(
        None,
        description="multiline: one caption a line; spintax: {a|b} picks one. "
        "Not named: spintax when there is a {…|…} group, else one caption.",
    )
    post_way: Literal["share", "addButton", "useSound"] = Field(
        "share",
        description="By Android's share intent, the app's + button, or from a sound's page. "
        "Where share is asked for, images go to TikTok and stories and several images to Instagram by +.",
    )
    material_source: Literal["materialLibrary", "localFolder"] = Field(
        "materialLibrary", description="Where files come from; ignored when material_list is given."
    )
    material_path: str = Field("", description="The folder of material_source localFolder.")
    material_list: list[str] = Field([], description="Files on the runner's machine, used as given.")
    materials_tags: str = Field("", description="Comma-separated tags that filter the library.")
    upload_wait_time: int = Field(
        30, ge=1, description="Seconds; the longest wait for the upload to finish and to show on the profile."
    )
    sound_wait_time: int = Field(10, ge=0, description="Seconds; the longest wait for sounds to load.")
    add_sound: Annotated[Literal["-1", "0", "1", "custom"], BeforeValidator(_as_text)] = Field(
        "-1", description="-1 as the app does it, 0 no sound, 1 add one, custom search one."
    )
    sound_name: str = Field(
        "",
        description="Name of a sound, of which the first match is taken, or its link, for post_way useSound; "
        "a folder may list its own.",
    )
    custom_sound_keyword: str = Field("", description="What to search; required for add_sound custom.")
    origin_sound_volume: Volume = Field(
        DEFAULT_VOLUME, description="Of a video's own sound, 0 to 100; 50 leaves it as TikTok has it."
    )
    add_sound_volume: Volume = Field(
        DEFAULT_VOLUME, description="Of the added sound, 0 to 100; 50 leaves it as TikTok has it."
    )
    add_product_link: Annotated[Literal[0, 1], BeforeValidator(_as_number)] = Field(
        0, description="TikTok only. 1 links the first product that the account may link."
    )
    ai_label: bool = Field(False, description="Disclose AI-generated content.")
    placement: Literal["reel", "story"] = Field(
        "reel", description="Instagram only. Images are a post of the feed unless they are a story."
    )

    def spoken(self) -> list[Spintax]:
        """The captions that can be used, in order."""
        return parse(self.captions, self.caption_format)


def check(config: PostConfig, planned: Planned) -> None:
    """Refuse what can't work. Raises InvalidRequest with the field's name."""
    app = planned.account.app if planned.account else "tiktok"
    if app == "instagram":
        _fits_instagram(config)
    else:
        _fits_tiktok(config)
    _complete(config)
    choices = config.spoken()
    check_captions(choices, app, has_titles=has_titles(config, app))
    if not has_titles(config, app) and any(map(has_title, choices)):
        raise InvalidRequest(
            f"captions: ## parts title and description, and {_untitled(app)} has no title. Leave ## out.",
            field="captions",
        )
    _check_list(config, app, planned)


def has_titles(config: PostConfig, app: str) -> bool:
    """Only a post of pictures on TikTok has a title beside its description."""
    return app == "tiktok" and config.content_type == 1


def _untitled(app: str) -> str:
    return "a video" if app == "tiktok" else "a post on Instagram"


def _check_list(config: PostConfig, app: str, planned: Planned) -> None:
    names = config.material_list
    if config.content_type == 0 and len(names) > 1:
        raise InvalidRequest(
            f"material_list: a video post is one file, not {len(names)} ({', '.join(names)}).",
            field="material_list",
            value=names,
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidRequest(
            f"material_list: named twice, and a gallery shows a file once: {', '.join(twice)}.",
            field="material_list",
            value=names,
        )
    if names:
        kind: Literal["video", "image"] = "image" if config.content_type == 1 else "video"
        planned.materials.check_files(names, kind, app, field="material_list")


def _complete(config: PostConfig) -> None:
    """Fields that others make necessary."""
    for needed, by, is_missing in (
        (
            "custom_sound_keyword",
            "add_sound custom",
            config.add_sound == "custom" and not config.custom_sound_keyword.strip(),
        ),
        (
            "material_path",
            "material_source localFolder",
            config.material_source == "localFolder"
            and not config.material_list
            and not config.material_path.strip(),
        ),
    ):
        if is_missing:
            raise InvalidRequest(f"{needed} is required for {by}.", field=needed)


def _fits_instagram(config: PostConfig) -> None:
    is_story = config.placement == "story"
    for field, is_missing, why in (
        ("post_way", config.post_way == "useSound", "Instagram has no way to start from a sound"),
        ("add_sound", config.add_sound != "-1", "sounds are for TikTok only"),
        ("sound_name", bool(config.sound_name), "sounds are for TikTok only"),
        ("custom_sound_keyword", bool(config.custom_sound_keyword), "sounds are for TikTok only"),
        ("origin_sound_volume", config.origin_sound_volume != DEFAULT_VOLUME, "volumes are for TikTok only"),
        ("add_sound_volume", config.add_sound_volume != DEFAULT_VOLUME, "volumes are for TikTok only"),
        ("add_product_link", config.add_product_link == 1, "product links are for TikTok only"),
        ("captions", is_story and bool(config.captions.strip()), "a story has no caption"),
        ("ai_label", is_story and config.ai_label, "a story has no AI label"),
        ("material_list", is_story and len(config.material_list) > 1, "a story is one file"),
        (
            "image_count",
            is_story and config.content_type == 1 and config.image_count > 1 and not config.material_list,
            "a story is one file",
        ),
    ):
        if is_missing:
            value = getattr(config, field)
            raise InvalidRequest(f"{field}: {why}.", field=field, value=value)


def _fits_tiktok(config: PostConfig) -> None:
    uses_sound = config.post_way == "useSound"
    has_added = uses_sound or config.add_sound in ("1", "custom")
    # TikTok gives pictures a sound by itself.
    may_have_added = has_added or (config.content_type == 1 and config.add_sound == "-1")
    for field, is_wrong, why in (
        (
            "add_sound",
            uses_sound and config.add_sound != "-1",
            "post_way useSound is there to use its own sound",
        ),
        (
            "origin_sound_volume",
            config.content_type == 1 and config.origin_sound_volume != DEFAULT_VOLUME,
            "pictures have no sound of their own",
        ),
        (
            "add_sound_volume",
            config.add_sound_volume != DEFAULT_VOLUME and not may_have_added,
            "there is no added sound. Take add_sound 1 or custom, or post_way useSound",
        ),
        ("placement", config.placement != "reel", "it is for Instagram only"),
    ):
        if is_wrong:
            value = str(getattr(config, field))
            raise InvalidRequest(f"{field}: {value} makes no sense: {why}.", field=field, value=value)
