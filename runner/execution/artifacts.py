"""Files kept with a task: the screen on which a step failed. Kept for a while, up to a size in total.

A row per file is in the store; a file without a row is left over from a crash and goes after a day.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from runner.errors import LostRun
from runner.tasks.store import Store
from runner.tasks.types import Run

log = structlog.get_logger(__name__)

_FORMATS = {
    b"\xff\xd8": ("image/jpeg", "jpg"),
    b"\x89P": ("image/png", "png"),
    b"<?": ("application/xml", "xml"),
}
_ORPHAN_AGE = timedelta(days=1)


class Artifacts:
    def __init__(self, folder: Path, store: Store, *, keep_days: int, max_mb: int) -> None:
        self.folder = folder
        self._store = store
        self._keep = timedelta(days=keep_days)
        self._max_bytes = max_mb * 1_000_000

    def keep(self, run: Run, number: int, step: str, kind: str, data: bytes) -> None:
        """Write one file of this run; `kind` as in `Artifact`. Raises LostRun, OSError."""
        media_type, suffix = _FORMATS.get(data[:2], ("application/octet-stream", "bin"))
        name = re.sub(r"\W+", "-", step)[:40]
        stem = f"{run.task.id}/{run.task.attempt}-{number:02d}-{name}"
        relative = f"{stem}.{suffix}"
        for again in itertools.count(2):
            if not (self.folder / relative).exists():
                break
            relative = f"{stem}-{again}.{suffix}"
        file = self.folder / relative
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        try:
            self._store.add_artifact(
                run,
                step=step,
                kind=kind,
                path=relative,
                media_type=media_type,
                size=len(data),
                now=datetime.now(UTC),
            )
        except LostRun:
            self.remove_files([relative])
            raise

    def remove_files(self, paths: Iterable[str]) -> None:
        """Remove files whose rows are gone; one that can't be removed now is left to `clean`."""
        for path in paths:
            file = self.folder / path
            try:
                file.unlink(missing_ok=True)
                if not any(file.parent.iterdir()):
                    file.parent.rmdir()
            except OSError as error:
                log.warning("artifact not removed", path=path, error=str(error))

    def clean(self, now: datetime) -> int:
        """Remove what is too old, then the oldest beyond the size, then files without a row; how many."""
        kept: set[str] = set()
        expired = []
        total = 0
        for artifact in self._store.artifacts():
            total += artifact.size
            if total > self._max_bytes or artifact.created_at < now - self._keep:
                expired.append(artifact)
            else:
                kept.add(artifact.path)
        self._store.forget_artifacts([artifact.id for artifact in expired])
        orphans = [path for path in self._old_files(now - _ORPHAN_AGE) if path not in kept]
        paths = {artifact.path for artifact in expired}.union(orphans)
        self.remove_files(paths)
        if paths:
            log.info("artifacts removed", files=len(paths))
        return len(paths)

    def _old_files(self, before: datetime) -> list[str]:
        return [
            file.relative_to(self.folder).as_posix()
            for file in self.folder.rglob("*")
            if file.is_file() and file.stat().st_mtime < before.timestamp()
        ]
