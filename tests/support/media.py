"""Little files that are what their names say."""

from __future__ import annotations

from pathlib import Path

from runner.virtual.footage import movie, picture

__all__ = ["files", "movie", "movies", "picture"]


def files(folder: Path, *names: str) -> list[Path]:
    """A new little file for each name, of the type that its suffix says."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in names]
    for path in paths:
        path.write_bytes(_content(path.suffix))
    return paths


def movies(folder: Path, count: int) -> list[Path]:
    return files(folder, *(f"clip{number:04}.mp4" for number in range(1, count + 1)))


def _content(suffix: str) -> bytes:
    match suffix:
        case ".mp4":
            return movie(padding=500)
        case ".mov":
            return movie(brand=b"qt  ")
        case ".png" | ".webp":
            return picture(kind=suffix[1:].upper())
        case _:
            return picture()
