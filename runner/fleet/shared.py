"""With `fleet.files: shared`: sees at a host's start whether its folders really are those of the API host.

A folder that only has the right name would show much later, as files that are missing. So the API host marks
its folders with a word that it tells the others through the database.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from runner.errors import ConfigError
from runner.fleet.common import Common

WORD = "shared"
"""The key in `runner.fleet.common` under which the word of the newest marks stands."""
# A mark is a folder, which no cleaning of old files removes; its name holds the word, because a network's
# file system may show an older content of a file for a while.
_MARK = "fleet-{}"


def mark(common: Common, folders: Iterable[Path]) -> None:
    """On the API host, before it publishes its farm: make the folders, and mark them anew.

    Anew, so that a copy of such a folder is none. Raises ConfigError.
    """
    word = secrets.token_hex(8)
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob(_MARK.format("*")):
                old.rmdir()
            (folder / _MARK.format(word)).mkdir()
        except OSError as error:
            raise _unusable(folder, error) from None
    common.write(WORD, word)


def check(common: Common, folders: Iterable[Path]) -> None:
    """On any other host. Raises ConfigError when one is not the API host's, or can't be written."""
    word = common.read(WORD)
    if word is None:
        raise ConfigError(
            "fleet.files is shared, and no API host has started with that setting yet.",
            remedy="Start the API host again, then this one.",
        )
    for folder in folders:
        try:
            if not (folder / _MARK.format(word)).is_dir():
                raise ConfigError(
                    f"{folder} is not the folder that the API host uses.",
                    remedy="With fleet.files shared it must be the same one, by a mount or a link; "
                    "see docs/fleet.md, Files. Else set fleet.files to http.",
                )
            with TemporaryDirectory(dir=folder):
                pass
        except OSError as error:
            raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{folder} can't be used: {error.strerror or error}.",
        remedy="All hosts must be able to write there, with fleet.files shared.",
    )
