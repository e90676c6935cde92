"""Reads a video with PyAV, which brings FFmpeg: its length and size, or a frame of it.

As a program (`python -m runner.materials.video`), so that an idle service keeps none of FFmpeg, and a
file that crashes or hangs it takes nothing else along. `size` and `frame` are for callers in the service.
"""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

from runner.errors import MediaUnusable

SECONDS = 30.0
"""For one question; a whole file is never read."""


class UnreadableMedia(MediaUnusable):
    """The file can't be read; an app may still take it."""


def is_installed() -> bool:
    """Whether PyAV is there."""
    return importlib.util.find_spec("av") is not None


def size(path: Path) -> tuple[float | None, int, int]:
    """Seconds (None when the file does not say), width and height as it is shown. Raises UnreadableMedia."""
    duration, width, height = json.loads(_asked("size", path))
    return duration, width, height


def frame(path: Path) -> bytes:
    """A PNG of a moment a third into the video: the first frame is often black. Raises UnreadableMedia."""
    return _asked("frame", path)


def _asked(question: str, path: Path) -> bytes:
    command = [sys.executable, "-m", __name__, question, str(path.absolute())]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        raise UnreadableMedia(f"the video can't be read within {SECONDS:g} s") from None
    if answer.returncode:
        told = answer.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UnreadableMedia(f"the video can't be read: {told or f'FFmpeg ended with {answer.returncode}'}")
    return answer.stdout


# The program


def _main(question: str, path: str) -> None:
    import av

    try:
        sys.stdout.buffer.write(_size(path) if question == "size" else _frame(path))
    except (av.FFmpegError, IndexError) as error:
        sys.exit(getattr(error, "strerror", "") or str(error))


def _size(path: str) -> bytes:
    """The first frame is decoded, for only it tells how the video is turned."""
    import av

    with av.open(path, metadata_errors="ignore") as container:
        stream = next(iter(container.streams.video), None)
        first = None if stream is None else next(container.decode(stream), None)
        if first is None:
            sys.exit("there is no picture in it; it may be cut off")
        duration = None if container.duration is None else container.duration / av.time_base
        width, height = first.width, first.height
        if first.rotation % 180:
            width, height = height, width
        return json.dumps([duration, width, height]).encode()


def _frame(path: str) -> bytes:
    import av

    with av.open(path, metadata_errors="ignore") as container:
        if container.duration:
            container.seek(container.duration // 3)
        found = next(container.decode(video=0), None)
        if found is None:
            sys.exit("there is no picture in it")
        written = io.BytesIO()
        found.to_image().rotate(found.rotation, expand=True).save(written, "PNG")
        return written.getvalue()


if __name__ == "__main__":
    _main(*sys.argv[1:])
