"""What a post is made of, its files and its caption, wherever they come from.

Files are named by the task, taken from the library or from a folder of the host. A text that comes with them
wins over the task's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from runner.errors import InvalidRequest
from runner.script import Account, Context, FolderNotes, Material, Planned, Wanted

from . import sounds
from .captions import Spintax, parse
from .captions import check as check_captions
from .config import PostConfig, has_titles


@dataclass(frozen=True)
class Content:
    files: tuple[Path, ...]
    """On the host, in the order of the post."""
    names: tuple[str, ...]
    """As their owner calls them."""
    caption: str
    sound: str
    """Name or link, for post_way useSound."""


def choose(context: Context[PostConfig], account: Account) -> Content:
    """The same for every attempt of the task, as long as its files are not lost to it.

    Raises MediaUnusable when there are no files left to take.
    """
    config = context.config
    if config.material_list:
        files = tuple(context.materials.given(config.material_list))
        names = tuple(PureWindowsPath(name).name for name in config.material_list)
        return Content(files, names, _caption(context, account, None), config.sound_name)
    with context.step("media", detail="choosing") as step:
        materials = context.materials.claim(_wanted(config))
        names = tuple(material.name for material in materials)
        step.detail = f"chose {', '.join(names)}"
        notes = context.materials.notes(config.material_path) if _is_folder(config) else FolderNotes()
        given = Spintax((text,)) if (text := _caption_of(materials)) else _template(notes)
        sound = config.sound_name
        if notes.sounds and config.post_way == "useSound":
            sound = context.materials.turn(notes.sound_list, notes.sounds)
        files = tuple(material.path for material in materials)
        return Content(files, names, _caption(context, account, given), sound)


def check(config: PostConfig, planned: Planned) -> None:
    """Refuse files that can't be had, and texts beside them that can't be used. Raises InvalidRequest."""
    if config.post_way == "useSound":
        _check_sounds(config, planned)
    if config.material_list:
        return
    wanted = _wanted(config)
    field = "material_path" if wanted.folder else "materials_tags"
    planned.materials.check(wanted, planned.account, field=field)
    try:
        if template := _template(_notes(config, planned)):
            app = planned.account.app if planned.account else ""
            check_captions([template], app, has_titles=has_titles(config, app))
    except InvalidRequest as error:
        if error.field != "captions":
            raise
        raise InvalidRequest(f"{field}: in caption.txt, {error.message}", field=field) from None


def _check_sounds(config: PostConfig, planned: Planned) -> None:
    in_folder = _notes(config, planned).sounds
    for sound in in_folder:
        sounds.check(sound, field="material_path")
    if not in_folder:
        if not config.sound_name.strip():
            raise InvalidRequest("sound_name is required for post_way useSound.", field="sound_name")
        sounds.check(config.sound_name, field="sound_name")


def _wanted(config: PostConfig) -> Wanted:
    folder = config.material_path if _is_folder(config) else ""
    tags = tuple(config.materials_tags.split(",")) if config.materials_tags.strip() else ()
    if config.content_type == 1:
        return Wanted("image", config.image_count, tags, folder)
    return Wanted("video", 1, tags, folder)


def _is_folder(config: PostConfig) -> bool:
    return config.material_source == "localFolder" and not config.material_list


def _notes(config: PostConfig, planned: Planned) -> FolderNotes:
    if not (_is_folder(config) and config.material_path.strip()):
        return FolderNotes()
    return planned.materials.notes(config.material_path, planned.account, field="material_path")


def _caption_of(materials: Sequence[Material]) -> str:
    """Of the library; the first that has one speaks for all."""
    return next((material.caption for material in materials if material.caption), "")


def _template(notes: FolderNotes) -> Spintax | None:
    return parse(notes.caption, "spintax")[0] if notes.caption else None


def _caption(context: Context[PostConfig], account: Account, given: Spintax | None) -> str:
    if given is None:
        choices = context.config.spoken()
        several = len(choices) > 1
        given = context.materials.turn(context.config.captions, choices) if several else choices[0]
    check_captions([given], account.app, has_titles=has_titles(context.config, account.app))
    return given.pick(random.Random(context.rng_seed))
