"""One process at a time uses a data directory: two would end each other's runs as left over."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from runner.errors import StoreError


def hold(folder: Path) -> FileLock:
    """Held until it is released or the process ends. Raises StoreError when another process has it."""
    lock = FileLock(folder / "runner.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(
            f"Another runner uses the data directory {folder}.",
            remedy="End it, or name another directory with --data-dir.",
        ) from None
    return lock
