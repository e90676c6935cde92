"""The farm as devices.yaml describes it now, followed while the service runs.

`refresh` is called by a housekeeping job and costs one `stat` when nothing changed. A file with mistakes
changes nothing: the farm that was good last stays, and the mistakes are told once per version of the file.
"""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from runner.errors import ConfigError, FileProblem
from runner.farm.loader import Loaded, load
from runner.farm.model import Farm

log = structlog.get_logger(__name__)


class FarmHolder:
    """Thread-safe. `farm` is always a farm without mistakes."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        self._path = path
        self._loaded = loaded
        self._version = _version(path)
        self._lock = threading.Lock()
        self._error: ConfigError | None = None

    @property
    def farm(self) -> Farm:
        return self._loaded.farm

    @property
    def text(self) -> str:
        """The content of the file that `farm` was made of."""
        return self._loaded.text

    @property
    def error(self) -> ConfigError | None:
        """Why the file as it is now is not in use; None when it is."""
        return self._error

    @property
    def problems(self) -> tuple[FileProblem, ...]:
        """Each mistake in the file as it is now, with its place."""
        return self._error.problems if self._error else ()

    def refresh(self) -> bool:
        """Take up a changed file; True when the farm is another one now."""
        with self._lock:
            version = _version(self._path)
            if version == self._version:
                return False
            self._version = version
            try:
                loaded = load(self._path)
            except ConfigError as error:
                self._error = error
                log.error("devices.yaml is not valid; the farm stays as it was", problem=str(error))
                return False
            self._error = None
            before, self._loaded = self._loaded, loaded
            if loaded.settings != before.settings:
                log.warning("settings in devices.yaml changed; they apply after a restart")
            log.info("devices.yaml read again", devices=len(loaded.farm.devices))
            return loaded.farm != before.farm


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
