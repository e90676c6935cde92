"""Little videos and pictures that are what they say, for demonstrations and tests.

Pictures are Pillow's; a video is an MP4 of one frame, which is a JPEG picture. None is ever made twice.
"""

from __future__ import annotations

import io
import itertools
import secrets
import struct
from typing import Any

from PIL import Image

_TIMESCALE = 1000
_UNTURNED = (1, 0, 0, 0, 1, 0, 0, 0, 0x4000)
"""The matrix of QuickTime's headers, in halves of 65536ths; its last number is 1 in 2.30."""


def picture(size: tuple[int, int] = (64, 48), *, kind: str = "JPEG", orientation: int = 1) -> bytes:
    """A picture of one colour, never the same twice."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = secrets.token_hex(8)  # ImageDescription, for two colours may be the same
    return _drawn(size, kind, exif=exif)


def movie(
    size: tuple[int, int] = (360, 640),
    *,
    seconds: float = 1.0,
    brand: bytes = b"mp42",
    turned: bool = False,
    padding: int = 0,
) -> bytes:
    """A video of one frame, never the same twice; `turned` by a quarter. Source: ISO/IEC 14496-12."""
    frame = _drawn(size, "JPEG")
    head = _box(b"ftyp", brand, bytes(4), brand)
    mdat = _box(b"mdat", frame)
    free = _box(b"free", secrets.token_bytes(16 + padding))
    return head + mdat + _moov(size, round(seconds * _TIMESCALE), len(frame), len(head) + 8, turned) + free


def _drawn(size: tuple[int, int], kind: str, **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, tuple(secrets.token_bytes(3))).save(written, kind, **options)
    return written.getvalue()


def _moov(size: tuple[int, int], duration: int, frame_bytes: int, frame_at: int, turned: bool) -> bytes:
    width, height = size
    matrix = (0, 1, 0, -1, 0, 0, 0, 0, 0x4000) if turned else _UNTURNED
    entry = _box(
        b"jpeg",
        struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 72 << 16, 72 << 16, 0, 1, 24, -1),
    )
    table = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), entry),
        _full(b"stts", struct.pack(">III", 1, 1, duration)),
        _full(b"stsc", struct.pack(">IIII", 1, 1, 1, 1)),
        _full(b"stsz", struct.pack(">II", frame_bytes, 1)),
        _full(b"stco", struct.pack(">II", 1, frame_at)),
    )
    reference = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _box(b"url ", b"\0\0\0\1")))
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, _TIMESCALE, duration, 0, 0)),
        _full(b"hdlr", b"\0\0\0\0vide" + bytes(13)),
        _box(b"minf", _box(b"vmhd", b"\0\0\0\1" + bytes(8)), reference, table),
    )
    track = _box(
        b"tkhd",
        struct.pack(">IIIIII", 7, 0, 0, 1, 0, duration),
        bytes(16),
        _matrix(matrix),
        struct.pack(">II", width << 16, height << 16),
    )
    movie_head = struct.pack(">IIIIIHH8x", 0, 0, _TIMESCALE, duration, 1 << 16, 1 << 8, 0)
    return _box(
        b"moov",
        _full(b"mvhd", movie_head, _matrix(_UNTURNED), bytes(24), struct.pack(">I", 2)),
        _box(b"trak", track, media),
    )


def _matrix(numbers: tuple[int, ...]) -> bytes:
    """3 × 3; the first two columns are 16.16, the third is 2.30."""
    factors = itertools.cycle((1 << 16, 1 << 16, 1 << 16))
    return struct.pack(">9i", *(number * factor for number, factor in zip(numbers, factors, strict=False)))


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, *content: bytes) -> bytes:
    """A box with version and flags, both 0."""
    return _box(kind, bytes(4), *content)
