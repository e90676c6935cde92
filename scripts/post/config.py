"""The configuration of the post script, with the vendor's field names and defaults, and its checks.

What is not built yet is refused by its field's name when a task is created: nothing is silently ignored.
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


Volume = Annotated[int, Field(ge=0, le=100)]


class PostConfig(ScriptConfig):
    content_type: Annotated[Literal[0, 1], BeforeValidator(_as_number)] = Field(
        0, description="0 a video, 1 images."
    )
    image_count: int = Field(1, ge=1, description="How many images; used when content_type is 1.")
    captions: str = Field("", description="The caption; see caption_format.")
    caption_format: Literal["multiline", "spintax"] | None = Field(
        None,
        description="multiline: one caption a line; spintax: {a|b} picks one. "
        "Not named: spintax when there is a {…|…} group, else one caption.",
    )
    post_way: Literal["share", "addButton", "useSound"] = Field(
        "share", description="By Android's share intent, the app's + button, or from a sound's page."
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
    sound_name: str = Field("", description="Name or link of a sound; required for post_way useSound.")
    custom_sound_keyword: str = Field("", description="What to search; required for add_sound custom.")
    origin_sound_volume: Volume = Field(50, description="0 to 100.")
    add_sound_volume: Volume = Field(50, description="0 to 100.")
    add_product_link: Annotated[Literal[0, 1], BeforeValidator(_as_number)] = Field(
        0, description="TikTok only."
    )
    ai_label: bool = Field(False, description="Disclose AI-generated content.")
    placement: Literal["reel", "story"] = Field("reel", description="Instagram only.")

    def spoken(self) -> list[Spintax]:
        """The captions that can be used, in order."""
        return parse(self.captions, self.caption_format)


def check(config: PostConfig, planned: Planned) -> None:
    """Refuse what can't work, or is not built yet. Raises InvalidRequest with the field's name."""
    app = planned.account.app if planned.account else "tiktok"
    _complete(config)
    _built(config, app)
    choices = config.spoken()
    check_captions(choices, app)
    if any(map(has_title, choices)):
        raise InvalidRequest(
            "captions: ## parts title and description, and a video has no title. Leave ## out.",
            field="captions",
        )
    if len(config.material_list) > 1:
        raise InvalidRequest(
            f"material_list: a video post is one file, not {len(config.material_list)} "
            f"({', '.join(config.material_list)}).",
            field="material_list",
            value=config.material_list,
        )
    if config.material_list:
        planned.materials.check_files(config.material_list, "video", app, field="material_list")


def _complete(config: PostConfig) -> None:
    """Fields that others make necessary."""
    for needed, by, is_missing in (
        ("sound_name", "post_way useSound", config.post_way == "useSound" and not config.sound_name.strip()),
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


def _built(config: PostConfig, app: str) -> None:
    if app != "tiktok":
        raise InvalidRequest(f"Posting to {app} is not supported yet.", field="usernames", value=app)
    for field, is_built in (
        ("content_type", config.content_type == 0),
        ("post_way", config.post_way != "useSound"),
        ("add_sound", config.add_sound == "-1"),
        ("origin_sound_volume", config.origin_sound_volume == 50),
        ("add_sound_volume", config.add_sound_volume == 50),
        ("add_product_link", config.add_product_link == 0),
        ("ai_label", not config.ai_label),
    ):
        if not is_built:
            raise _not_yet(field, str(getattr(config, field)))
    if config.placement != "reel":
        raise InvalidRequest("placement is for Instagram only.", field="placement", value=config.placement)


def _not_yet(field: str, value: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {value} is not supported yet.", field=field, value=value)
