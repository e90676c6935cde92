"""A local folder as its owner laid it out: whose it is, its files, and the texts beside them. Writes nothing.

<path>/@username/   for that account, when there is one; else <path>/ itself
caption.txt         one spintax template
sound_urls.txt      one a line; else sound_names.txt
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import structlog

from runner.errors import MediaUnusable
from runner.materials.media import EXTENSIONS, Kind
from runner.script import FolderNotes

log = structlog.get_logger(__name__)

_SORT = re.compile(r"sort_(\d{1,9})_", re.IGNORECASE)


def folder_of(path: Path, username: str) -> Path:
    """The account's own folder below `path`, else `path`. Raises MediaUnusable when there is none."""
    own = f"@{username.casefold()}"
    return next((folder for folder in account_folders(path) if folder.name.casefold() == own), path)


def account_folders(path: Path) -> list[Path]:
    """Its folders for accounts. Raises MediaUnusable when `path` can't be listed."""
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name[:1] == "@" and entry.is_dir())
    except OSError as error:
        raise MediaUnusable(f"{path}: {error.strerror or error}.") from None


def files_in(folder: Path, kinds: Sequence[Kind]) -> list[Path]:
    """Its files of these kinds: those with a `sort_<n>_` prefix by number, then the rest by name.

    Raises MediaUnusable.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _kind(entry.name) in kinds and entry.is_file()]
    except OSError as error:
        raise MediaUnusable(f"{folder}: {error.strerror or error}.") from None
    return [folder / name for name in sorted(names, key=_place) if _is_text(name)]


def sort_number(name: str) -> int | None:
    """3 of sort_3_sunset.jpg."""
    found = _SORT.match(name)
    return int(found[1]) if found else None


def notes(path: Path, username: str) -> FolderNotes:
    """The texts for an account, each from its own folder, else from `path`. Raises MediaUnusable."""
    folders = list(dict.fromkeys([folder_of(path, username), path]))
    _, caption = _text(folders, "caption.txt")
    for name in ("sound_urls.txt", "sound_names.txt"):
        file, text = _text(folders, name)
        if sounds := tuple(line.strip() for line in text.splitlines() if line.strip()):
            return FolderNotes(caption, sounds, str(file))
    return FolderNotes(caption)


def _kind(name: str) -> Kind | None:
    return None if name.startswith(".") else EXTENSIONS.get(Path(name).suffix.lower())


def _place(name: str) -> tuple[bool, int, str, str]:
    number = sort_number(name)
    return number is None, number or 0, name.casefold(), name


def _is_text(name: str) -> bool:
    """Linux lets names be any bytes, a database does not."""
    try:
        name.encode()
    except UnicodeEncodeError:
        log.warning("file left out, because its name is not valid Unicode", name=ascii(name))
        return False
    return True


def _text(folders: Sequence[Path], name: str) -> tuple[Path | None, str]:
    """The first such file that says something, and what it says."""
    for folder in folders:
        file = folder / name
        try:
            text = file.read_text(encoding="utf-8-sig").strip("\r\n")
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            raise MediaUnusable(f"{file} is not UTF-8 text.", remedy="Save it as UTF-8.") from None
        except OSError as error:
            raise MediaUnusable(f"{file}: {error.strerror or error}.") from None
        if text.strip():
            return file, text
    return None, ""
