"""What a file is: video or picture, its type by its content, how long and how large it is, and a thumbnail.

Pictures are read by Pillow, videos by PyAV (`video`). Without PyAV the runner works all the same: length and
resolution of videos stay unknown, and videos have no thumbnails.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runner.errors import MediaUnusable
from runner.materials import video
from runner.materials.video import UnreadableMedia

if TYPE_CHECKING:
    from PIL import Image

Kind = Literal["video", "image"]

EXTENSIONS: dict[str, Kind] = {
    ".mp4": "video",
    ".mov": "video",
    ".webm": "video",
    ".jpg": "image",
    ".jpeg": "image",
    ".png": "image",
    ".webp": "image",
}
SUFFIX_OF = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
}
THUMBNAIL_SIDE = 320
"""Pixels of the longer side."""

_HEAD = 64
"""Bytes from which every type is told."""
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""Boxes that a QuickTime file without `ftyp` begins with."""
_PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
_PICTURE_FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Media:
    kind: Kind
    media_type: str
    size: int
    """Bytes."""
    duration: float | None = None
    """Seconds; of videos, where known."""
    width: int | None = None
    """As it is shown, rotation included."""
    height: int | None = None


def reads_videos() -> bool:
    """Whether length and resolution of videos can be known here."""
    return video.is_installed()


def inspect(path: Path) -> Media:
    """What the file is, by its content. Raises OSError, MediaUnusable for what no app takes.

    UnreadableMedia for what can't be told, because it is damaged or of no known type.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, 2)
    if not size:
        raise MediaUnusable("the file is empty")
    media_type = _type_of(head)
    if media_type.startswith("image/"):
        return Media("image", media_type, size, None, *_opened(path).size)
    if not reads_videos():
        return Media("video", media_type, size)
    return Media("video", media_type, size, *video.size(path))


def thumbnail(path: Path, kind: Kind) -> bytes:
    """A small JPEG of the picture, or of a moment in the video. Raises OSError, MediaUnusable."""
    image = _opened(path) if kind == "image" else _frame(path)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    written = io.BytesIO()
    image.convert("RGB").save(written, "JPEG", quality=80)
    return written.getvalue()


def _type_of(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _PICTURE_BRANDS:
            raise MediaUnusable("a HEIC or AVIF picture, which is not supported; save it as JPEG")
        if brand.startswith((b"M4A", b"M4B")):
            raise MediaUnusable("sound without pictures")
        return "video/quicktime" if brand == b"qt  " else "video/mp4"
    if head[4:8] in _OLD_QUICKTIME:
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        if b"webm" in head:
            return "video/webm"
        raise MediaUnusable("a Matroska video, which is not supported; save it as MP4")
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    raise UnreadableMedia("by its content neither a video (MP4, MOV, WebM) nor a picture (JPEG, PNG, WebP)")


# Pictures


def _opened(path: Path) -> Image.Image:
    """The picture, the right way up; all of it, for a header does not show that the rest is cut off."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=_PICTURE_FORMATS) as image:
            return ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise UnreadableMedia(f"the picture can't be read: {error}") from error


def _frame(path: Path) -> Image.Image:
    if not reads_videos():
        raise MediaUnusable("a video's thumbnail needs PyAV (package av)")
    from PIL import Image

    return Image.open(io.BytesIO(video.frame(path)))
