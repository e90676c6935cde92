"""What phones and adb print, read into values: text in, plain data out, no phone needed.

The commands that produce these texts are sent by `adb`, `session` and `media`. Formats are those of AOSP's
tools (toybox, am, content, wm) and of the adb server; each function shows a sample.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence


def devices(text: str) -> dict[str, str]:
    r"""`host:track-devices`: adb's serial → adb's state.

    "R58N123\tdevice\n10.0.0.7:5556\toffline\n"; a state may hold spaces ("no permissions (…)").
    """
    return dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)


def server_status(raw: bytes) -> dict[int, str]:
    """`host:server-status`, a protobuf message: its text fields by number.

    5 is the version ("36.0.0"), 7 the path of the binary that serves. Unknown to adb before 35.
    """
    fields: dict[int, str] = {}
    position = 0
    while position < len(raw):
        key, position = _varint(raw, position)
        number, wire_type = key >> 3, key & 7
        value, position = _varint(raw, position)
        if wire_type == 2:
            fields[number] = raw[position : position + value].decode("utf-8", "replace")
            position += value
        elif wire_type != 0:
            break
    return fields


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(raw):
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, position


def adb_version(text: str) -> tuple[int, str]:
    r"""`adb version`: (protocol version that clients and servers must share, version of the build).

    "Android Debug Bridge version 1.0.41\nVersion 36.0.0-13206524\n…" → (41, "36.0.0-13206524").
    """
    protocol = re.search(r"Android Debug Bridge version \d+\.\d+\.(\d+)", text)
    build = re.search(r"^Version (\S+)", text, re.MULTILINE)
    if protocol is None:
        raise ValueError(f"this is not what adb prints as its version: {text[:200]!r}")
    return int(protocol[1]), build[1] if build else ""


def properties(text: str) -> dict[str, str]:
    r"""`getprop`: "[ro.product.model]: [Pixel 6]\n"; a value may span lines."""
    return dict(re.findall(r"^\[([^\]]*)\]: \[(.*?)\]\r?$", text, re.MULTILINE | re.DOTALL))


def language(props: Mapping[str, str]) -> str:
    """The phone's language as a BCP 47 tag ("en-US"); "" when it tells none."""
    for name in ("persist.sys.locale", "ro.product.locale"):
        if props.get(name):
            return props[name].replace("_", "-")
    parts = (
        props.get("persist.sys.language") or props.get("ro.product.locale.language", ""),
        props.get("persist.sys.country") or props.get("ro.product.locale.region", ""),
    )
    return "-".join(part for part in parts if part)


def display_size(text: str) -> tuple[int, int]:
    r"""`wm size`: (width, height) in pixels, an override first.

    "Physical size: 1080x2400\nOverride size: 720x1600\n".
    """
    sizes = dict(re.findall(r"(Physical|Override) size: (\d+x\d+)", text))
    size = sizes.get("Override") or sizes.get("Physical")
    if size is None:
        raise ValueError(f"`wm size` printed no size: {text[:200]!r}")
    width, _, height = size.partition("x")
    return int(width), int(height)


def free_bytes(text: str) -> int:
    """`df -k PATH`: the bytes still free there.

    Filesystem     1K-blocks     Used Available Use% Mounted on
    /dev/fuse      112345678 12345678 100000000  11% /storage/emulated
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    header = lines[0] if lines else []
    if "Available" not in header or len(lines) < 2:
        raise ValueError(f"`df -k` printed no table: {text[:200]!r}")
    return int(lines[-1][header.index("Available")]) * 1024


def content_rows(text: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """`content query --projection a:b:c`: one dict a row; an absent value reads "NULL".

    "Row: 0 _id=31, _data=/storage/emulated/0/Movies/x.mp4, _size=12" or "No result found."
    """
    pattern = ", ".join(f"{re.escape(column)}=(.*?)" for column in columns)
    rows = re.findall(rf"^Row: \d+ {pattern}\r?$", text, re.MULTILINE)
    return [dict(zip(columns, (row,) if isinstance(row, str) else row, strict=True)) for row in rows]


def start_error(text: str) -> str | None:
    """`am start`: its complaint, or None. Its exit code is 0 on many Android versions whatever happened.

    "Error type 3\nError: Activity class {a/b} does not exist." or "Starting: Intent { … }\nStatus: ok"; a
    "Warning: Activity not started, its current task has been brought to the front" is no error.
    """
    match = re.search(r"^(Error.*|(?!Starting:).*Exception.*|Status: timeout)$", text, re.MULTILINE)
    if match is None:
        return None
    detail = re.search(r"^Error: .*$", text, re.MULTILINE)
    return (detail or match)[0].strip()
