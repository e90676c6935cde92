"""MediaStore through the `content` tool: what is on the storage is not what apps see."""

from __future__ import annotations

import pytest

from runner.virtual.phone import VirtualPhone
from support.one_phone import run_lines, shell, with_phone

VIDEOS = "content://media/external/video/media"
QUERY = f"content query --uri {VIDEOS} --projection _id:_data:_display_name"
MAKE = "echo film > /sdcard/Movies/a.mp4"
SCAN = "content call --uri content://media --method scan_file --arg /sdcard/Movies/a.mp4"
ROW = "Row: 0 _id=31, _data=/storage/emulated/0/Movies/a.mp4, _display_name=a.mp4\n"


def printed(*lines: str, sdk: int = 33) -> list[str]:
    return [out + err for _, out, err in run_lines(*lines, sdk=sdk)]


def test_a_file_is_not_in_the_mediastore_until_it_is_scanned() -> None:
    assert printed(MAKE, QUERY, SCAN, QUERY) == [
        "",
        "No result found.\n",
        "Result: Bundle[{android.intent.extra.STREAM=content://media/external_primary/video/media/31}]\n",
        ROW,
    ]


@pytest.mark.parametrize(
    ("line", "sdk", "found"),
    [
        ("content call --uri content://media --method scan_volume --arg external_primary", 33, True),
        (
            "am broadcast -a android.intent.action.MEDIA_SCANNER_SCAN_FILE -d file:///sdcard/Movies/a.mp4",
            28,
            True,
        ),
        (
            "am broadcast -a android.intent.action.MEDIA_SCANNER_SCAN_FILE -d file:///sdcard/Movies/a.mp4",
            33,
            False,
        ),
        (SCAN, 28, False),
        (SCAN, 29, False),
        (f"content insert --uri {VIDEOS} --bind _data:s:/storage/emulated/0/Movies/a.mp4", 33, True),
    ],
)
def test_ways_into_the_mediastore_depend_on_android(line: str, sdk: int, found: bool) -> None:
    assert printed(MAKE, line, QUERY, sdk=sdk)[-1] == (ROW if found else "No result found.\n")


def test_where_and_sort_are_sql() -> None:
    lines = [
        f"echo {name} > /sdcard/Movies/{name}.mp4; touch -d @{when} /sdcard/Movies/{name}.mp4"
        for name, when in (("a", 30), ("b", 10), ("c", 20))
    ]
    query = f"content query --uri {VIDEOS} --projection _display_name"
    answers = printed(
        *lines,
        "content call --uri content://media --method scan_volume --arg external_primary",
        f"{query} --sort 'date_modified DESC'",
        f"{query} --where \"_display_name='b.mp4'\"",
        f"{query} --where \"_display_name LIKE '%.mp4' AND date_modified > 15\" --sort _display_name",
        f"{query} --where 'no such column'",
        f"{query}:nonsense",
    )[-5:]
    assert (
        answers[0] == "Row: 0 _display_name=a.mp4\nRow: 1 _display_name=c.mp4\nRow: 2 _display_name=b.mp4\n"
    )
    assert answers[1] == "Row: 0 _display_name=b.mp4\n"
    assert answers[2] == "Row: 0 _display_name=a.mp4\nRow: 1 _display_name=c.mp4\n"
    assert answers[3].startswith(
        "Error while accessing provider:media\nandroid.database.sqlite.SQLiteException"
    )
    assert "java.lang.IllegalArgumentException: Invalid column nonsense" in answers[4]


def test_delete_by_id_takes_the_file_along() -> None:
    assert printed(MAKE, SCAN, f"content delete --uri {VIDEOS}/31", QUERY, "ls /sdcard/Movies")[2:] == [
        "",
        "No result found.\n",
        "",
    ]


def test_delete_by_where() -> None:
    answers = printed(MAKE, SCAN, f"content delete --uri {VIDEOS} --where \"_display_name='b.mp4'\"", QUERY)
    assert answers[-1] == ROW
    answers = printed(MAKE, SCAN, f"content delete --uri {VIDEOS} --where \"_display_name='a.mp4'\"", QUERY)
    assert answers[-1] == "No result found.\n"


def test_wrong_arguments_print_the_usage_and_end_with_0() -> None:
    status, out, _ = run_lines("content query --nonsense x")[0]
    assert status == 0
    assert out.startswith("usage: adb shell content")
    assert out.endswith("[ERROR] Unsupported argument: --nonsense\n")
    assert printed("content query --uri content://sms") == ["Could not find provider: sms\n"]
    assert "Unsupported call: dance" in printed("content call --uri content://media --method dance")[0]


def test_apps_see_what_is_scanned_present_and_not_pending() -> None:
    async def work(phone: VirtualPhone) -> list[list[str]]:
        seen = []
        for line in (
            MAKE,
            SCAN,
            f"content update --uri {VIDEOS}/31 --bind is_pending:i:1",
            f"content update --uri {VIDEOS}/31 --bind is_pending:i:0",
            "rm /sdcard/Movies/a.mp4",
        ):
            await shell(phone, line)
            seen.append([row.display_name for row in phone.media()])
        return seen

    assert with_phone(work) == [[], ["a.mp4"], [], ["a.mp4"], []]


def test_a_row_tells_album_hash_and_uri() -> None:
    async def work(phone: VirtualPhone) -> None:
        await shell(phone, "mkdir /sdcard/Movies/X; echo film > /sdcard/Movies/X/a.mp4")
        phone.media_store.scan_file("/sdcard/Movies/X/a.mp4")
        (row,) = phone.media()
        content = phone.storage.store.put(b"film\n")
        assert (row.bucket, row.mime_type, row.size, row.sha256) == ("X", "video/mp4", 5, content.sha256)
        assert row.is_video
        assert phone.media_by_uri(f"{VIDEOS}/{row.id}") == row
        assert phone.media_by_uri(f"content://media/external_primary/file/{row.id}") == row
        assert phone.media_by_uri(f"content://media/external/images/media/{row.id}") is None
        assert phone.media_by_uri("content://elsewhere/1") is None

    with_phone(work)


def test_newest_first_by_modification() -> None:
    async def work(phone: VirtualPhone) -> list[str]:
        for name, when in (("old", 10), ("new", 30), ("middle", 20)):
            await shell(
                phone, f"echo {name} > /sdcard/DCIM/{name}.jpg; touch -d @{when} /sdcard/DCIM/{name}.jpg"
            )
        phone.media_store.scan_volume()
        return [row.display_name for row in phone.media()]

    assert with_phone(work) == ["new.jpg", "middle.jpg", "old.jpg"]
