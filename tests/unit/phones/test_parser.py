from __future__ import annotations

import pytest

from runner.phones import parser


def test_devices() -> None:
    text = (
        "R58N123\tdevice\n10.0.0.7:5556\toffline\nX\tno permissions (user in plugdev group); see [http://…]\n"
    )
    assert parser.devices(text) == {
        "R58N123": "device",
        "10.0.0.7:5556": "offline",
        "X": "no permissions (user in plugdev group); see [http://…]",
    }
    assert parser.devices("") == {}


def test_server_status_of_adb_36() -> None:
    raw = b"\x08\x02\x18\x02*\x0636.0.02\x0813206524:\x0c/opt/adb/adbB\x0e/tmp/adb.0.logR\x00X\x00`\x01"
    fields = parser.server_status(raw)
    assert fields[5] == "36.0.0"
    assert fields[7] == "/opt/adb/adb"


@pytest.mark.parametrize("raw", [b"", b"\x08", b"\xff\xff", b"*\x0636", b"\x09abc"])
def test_server_status_survives_anything(raw: bytes) -> None:
    assert isinstance(parser.server_status(raw), dict)


def test_adb_version() -> None:
    text = "Android Debug Bridge version 1.0.41\nVersion 36.0.0-13206524\nInstalled as /opt/adb\n"
    assert parser.adb_version(text) == (41, "36.0.0-13206524")
    assert parser.adb_version("Android Debug Bridge version 1.0.36\nRevision 1.0.36\n") == (36, "")
    with pytest.raises(ValueError, match="adb prints"):
        parser.adb_version("sh: adb: not found")


def test_properties() -> None:
    text = "[ro.product.model]: [Pixel 6]\r\n[empty]: []\n[two.lines]: [one\ntwo]\n[a]: [b]]\n"
    assert parser.properties(text) == {
        "ro.product.model": "Pixel 6",
        "empty": "",
        "two.lines": "one\ntwo",
        "a": "b]",
    }


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"persist.sys.locale": "fr-FR", "ro.product.locale": "en-US"}, "fr-FR"),
        ({"persist.sys.locale": "", "ro.product.locale": "pt_BR"}, "pt-BR"),
        ({"persist.sys.language": "es", "persist.sys.country": "ES"}, "es-ES"),
        ({"ro.product.locale.language": "vi"}, "vi"),
        ({}, ""),
    ],
)
def test_language(props: dict[str, str], expected: str) -> None:
    assert parser.language(props) == expected


def test_display_size() -> None:
    assert parser.display_size("Physical size: 1080x2400\n") == (1080, 2400)
    assert parser.display_size("Physical size: 1080x2400\r\nOverride size: 720x1600\r\n") == (720, 1600)
    with pytest.raises(ValueError, match="no size"):
        parser.display_size("wm: not found")


def test_free_bytes() -> None:
    text = (
        "Filesystem     1K-blocks     Used Available Use% Mounted on\n"
        "/dev/fuse      112345678 12345678 100000000  11% /storage/emulated\n"
    )
    assert parser.free_bytes(text) == 100_000_000 * 1024
    with pytest.raises(ValueError, match="no table"):
        parser.free_bytes("df: /sdcard: No such file or directory")


def test_content_rows() -> None:
    text = (
        "Row: 0 _id=31, _data=/storage/emulated/0/Movies/a, b/x.mp4, _size=12\r\n"
        "Row: 1 _id=32, _data=NULL, _size=NULL\r\n"
    )
    assert parser.content_rows(text, ["_id", "_data", "_size"]) == [
        {"_id": "31", "_data": "/storage/emulated/0/Movies/a, b/x.mp4", "_size": "12"},
        {"_id": "32", "_data": "NULL", "_size": "NULL"},
    ]
    assert parser.content_rows("Row: 0 _id=31\n", ["_id"]) == [{"_id": "31"}]
    assert parser.content_rows("No result found.\n", ["_id"]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Starting: Intent { act=android.intent.action.MAIN }\nStatus: ok\n", None),
        ("Warning: Activity not started, its current task has been brought to the front", None),
        (
            "Starting: Intent { cmp=a/b }\nError type 3\nError: Activity class {a/b} does not exist.\n",
            "Error: Activity class {a/b} does not exist.",
        ),
        (
            "Security exception: Permission Denial\njava.lang.SecurityException: Permission Denial: …\n",
            "java.lang.SecurityException: Permission Denial: …",
        ),
        ("Status: timeout\nComplete\n", "Status: timeout"),
    ],
)
def test_start_error(text: str, expected: str | None) -> None:
    assert parser.start_error(text) == expected
