"""What the screen looks like: the boxes and texts of the hierarchy, drawn so that a human recognises it."""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import Sequence
from functools import lru_cache

from lxml import etree
from lxml.etree import _Element
from PIL import Image, ImageDraw, ImageFont

from runner.virtual.hierarchy import bounds_of

_BACKGROUNDS = {"com.android.systemui": "#101418", "com.google.android.inputmethod.latin": "#26303a"}
_WINDOW = "#18181c"
_EDGE = "#3c4048"
_CLICKABLE = "#262b36"
_IMAGE = "#33404a"
_TEXT = "#f2f2f2"
_DESCRIPTION = "#8fb7d9"


async def draw(
    windows: Sequence[_Element], width: int, height: int, form: str, scale: float, quality: int
) -> bytes:
    """PNG, JPEG or raw RGBA. Drawing runs in a thread; phones that show the same share one picture."""
    sources = tuple(etree.tostring(window, with_tail=False) for window in windows)
    return await asyncio.to_thread(_draw_cached, sources, width, height, form, scale, quality)


@lru_cache(maxsize=16)
def _draw_cached(
    sources: tuple[bytes, ...], width: int, height: int, form: str, scale: float, quality: int
) -> bytes:
    image = Image.new("RGB", (width, height), "black")
    canvas = ImageDraw.Draw(image)
    # The dump's first window is the topmost: paint from the last on.
    for source in sorted(map(etree.fromstring, reversed(sources)), key=_is_system):
        _draw_window(canvas, source)
    if scale != 1.0:
        image = image.resize((max(1, int(width * scale)), max(1, int(height * scale))))
    if form == "RGBA":
        return image.convert("RGBA").tobytes()
    out = io.BytesIO()
    if form == "JPEG":
        image.save(out, "JPEG", quality=quality)
    else:
        image.save(out, "PNG", compress_level=zlib.Z_BEST_SPEED)
    return out.getvalue()


def _is_system(window: _Element) -> bool:
    return window.get("package") in _BACKGROUNDS


def _draw_window(canvas: ImageDraw.ImageDraw, window: _Element) -> None:
    labels: list[tuple[str, tuple[int, int, int, int], str]] = []
    for node in window.iter("node"):
        left, top, right, bottom = bounds_of(node)
        if right - left < 2 or bottom - top < 2:
            continue
        box = (left, top, right - 1, bottom - 1)
        if node is window:
            canvas.rectangle(box, fill=_BACKGROUNDS.get(node.get("package", ""), _WINDOW))
        text, description = node.get("text", ""), node.get("content-desc", "")
        if node.get("class", "").endswith("ImageView"):
            canvas.rectangle(box, fill=_IMAGE, outline=_EDGE)
        elif node.get("clickable") == "true" and (text or description):
            canvas.rectangle(box, fill=_CLICKABLE, outline=_EDGE)
        if text:
            labels.append((text, box, _TEXT))
        elif description and not any(below.get("text") for below in node.iterdescendants("node")):
            labels.append((description, box, _DESCRIPTION))
    for label, box, color in labels:
        _write(canvas, label, box, color)


def _write(canvas: ImageDraw.ImageDraw, text: str, box: tuple[int, int, int, int], color: str) -> None:
    left, top, right, bottom = box
    size = max(14, min(36, (bottom - top) - 6))
    font = _font(size)
    columns = max(1, int((right - left) / (size * 0.55)))
    rows = max(1, (bottom - top) // (size + 4))
    shown = text.replace("\n", " ")
    lines = [shown[at : at + columns] for at in range(0, min(len(shown), columns * rows), columns)]
    y = top + max(0, (bottom - top - len(lines) * (size + 4)) // 2)
    for line in lines:
        x = left + max(0, int(right - left - canvas.textlength(line, font=font)) // 2)
        canvas.text((x, y), line, fill=color, font=font)
        y += size + 4


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
