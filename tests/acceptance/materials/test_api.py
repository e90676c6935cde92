"""/api/v1/materials and /api/v1/tags over HTTP."""

from __future__ import annotations

import hashlib
import io
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from support.media import files, movie, picture
from support.stage import StageService, StartBare, refusal
from support.waiting import wait_for


def upload(service: StageService, content: bytes, filename: str = "clip.mp4", **details: Any) -> Any:
    query = {"filename": filename, **details}
    return service.call("POST", "materials", params=query, content=content)


def kept(service: StageService) -> list[Path]:
    folder = service.data_dir / "materials"
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_file_from_upload_to_deletion(service: StageService) -> None:
    content = movie((64, 48), seconds=12.5, padding=3_000_000)
    details = {"tags": "Cats, dogs", "caption": "¡Olé! 🎬", "username": "@Someone", "sort_number": 4}
    answer = upload(service, content, "C:\\Users\\me\\clip 🎬.mp4", **details)
    item = answer["material"]
    assert answer["created"] is True
    assert {name: item[name] for name in ("name", "kind", "media_type", "size", "source", "path")} == {
        "name": "clip 🎬.mp4",
        "kind": "video",
        "media_type": "video/mp4",
        "size": len(content),
        "source": "library",
        "path": "",
    }
    assert item["sha256"] == hashlib.sha256(content).hexdigest()
    assert (item["duration"], item["width"], item["height"]) == (12.5, 64, 48)
    assert (item["tags"], item["caption"]) == (["cats", "dogs"], "¡Olé! 🎬")
    assert (item["username"], item["sort_number"]) == ("someone", 4)
    assert (item["state"], item["task_id"], item["taken_at"]) == ("unused", None, None)
    assert item["created_at"].endswith("+07:00")

    one = f"materials/{item['id']}"
    assert service.call("GET", one) == item
    assert service.call("GET", "materials") == {"materials": [item], "total": 1, "page": 1, "page_size": 20}
    file = service.http.get(f"{service.url}{item['file_url']}")
    assert (file.content, file.headers["content-type"]) == (content, "video/mp4")
    thumbnail = service.http.get(f"{service.url}{item['thumbnail_url']}")
    assert thumbnail.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(thumbnail.content)) as image:
        assert image.size == (64, 48)

    body = {"add_tags": ["Birds / more"], "remove_tags": ["dogs"], "caption": "", "sort_number": None}
    changed = service.call("PATCH", one, json=body)
    assert changed == item | {"tags": ["birds / more", "cats"], "caption": "", "sort_number": None}
    counts = {"materials": 1, "unused": 1}
    assert service.call("GET", "tags") == {
        "tags": [{"tag": "birds / more", **counts}, {"tag": "cats", **counts}]
    }
    assert service.call("DELETE", "tags/birds%20%2F%20more") == {"tag": "birds / more", "materials": 1}
    service.refused("DELETE", "tags/birds", 40401)

    assert service.call("DELETE", one) == {"deleted": item["id"]}
    assert "no material" in service.refused("GET", one, 40401)
    assert kept(service) == []


def test_the_same_file_twice_is_answered_with_the_first(service: StageService) -> None:
    content = picture()
    first = upload(service, content, "a.jpg", tags="a")["material"]
    again = upload(service, content, "b.jpg", tags="b")
    assert again == {"material": first, "created": False}


@pytest.mark.parametrize(
    ("query", "content", "message"),
    [
        ({}, movie(), "filename"),
        ({"filename": ""}, movie(), "filename"),
        ({"filename": "a\0.mp4"}, movie(), "filename"),
        ({"filename": "a.mp4", "sort_number": "x"}, movie(), "sort_number"),
        ({"filename": "a.mp4", "tags": "x" * 101}, movie(), "tags"),
        ({"filename": "a.mp4", "caption": "x" * 4001}, movie(), "caption"),
        ({"filename": "a.mp4"}, b"", "a.mp4: the file is empty"),
        ({"filename": "a.mp4"}, b"no video", "a.mp4: by its content neither a video"),
        ({"filename": "a.mp4"}, movie()[:200], "a.mp4: the video can't be read"),
        ({"filename": "a.jpg"}, picture()[:200], "a.jpg: the picture can't be read"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_name_and_leaves_nothing(
    service: StageService, query: dict[str, Any], content: bytes, message: str
) -> None:
    assert message in service.refused("POST", "materials", 40001, params=query, content=content)
    assert kept(service) == []
    assert service.call("GET", "materials")["total"] == 0


def test_a_form_is_refused_with_a_word_on_what_to_send(service: StageService) -> None:
    answer = service.http.post(
        "materials", params={"filename": "a.mp4"}, files={"file": ("a.mp4", movie(), "video/mp4")}
    )
    assert "not a form" in refusal(answer, 40001)


def test_uploads_have_a_limit_of_their_own(start_bare: StartBare) -> None:
    service = start_bare(api={"max_request_bytes": 20_000}, materials={"max_upload_mb": 1})
    assert upload(service, movie(padding=1_000_000))["created"]

    def pieces() -> Iterator[bytes]:
        yield from (bytes(100_000) for _ in range(11))

    for content in (bytes(1_100_000), pieces()):
        answer = service.http.post("materials", params={"filename": "a.mp4"}, content=content)
        assert "(materials.max_upload_mb)" in refusal(answer, 40001, status=413)
    assert len(kept(service)) == 1
    other = service.http.post("materials/import", content=bytes(30_000))
    assert "api.max_request_bytes" in refusal(other, 40001, status=413)


def test_an_upload_that_breaks_off_leaves_nothing(service: StageService) -> None:
    address = urlsplit(service.url)
    assert address.hostname
    with socket.create_connection((address.hostname, address.port or 0)) as client:
        head = "POST /api/v1/materials?filename=a.mp4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000"
        client.sendall(f"{head}\r\n\r\n".encode() + movie(padding=2_000_000))
        wait_for(lambda: kept(service), what="the first bytes on disk")
    wait_for(lambda: not kept(service), what="the half file's end")
    assert service.call("GET", "materials")["total"] == 0
    assert "Traceback" not in service.log


def test_a_folder_is_imported(service: StageService, tmp_path: Path) -> None:
    folder = tmp_path / "spring"
    files(folder, "sort_2_b.mp4", "a.png")
    (folder / "broken.mp4").write_text("hello")
    files(folder / "@Someone", "own.mp4")
    body = {"paths": [str(folder)], "way": "link", "tags": ["spring"]}
    done = service.call("POST", "materials/import", json=body)
    assert done["created_count"] == 3
    assert [one["path"] for one in done["refused"]] == [str(folder / "broken.mp4")]
    added = {one["material"]["name"]: one["material"] for one in done["materials"]}
    assert added["sort_2_b.mp4"]["sort_number"] == 2
    assert added["own.mp4"]["username"] == "someone"
    again = service.call("POST", "materials/import", json=body)
    assert (again["created_count"], len(again["materials"])) == (0, 3)
    gone = {"paths": [str(tmp_path / "gone")]}
    assert service.call("POST", "materials/import", json=gone)["refused"][0]["reason"]


def test_a_path_outside_the_allowed_folders_is_refused(start_bare: StartBare, tmp_path: Path) -> None:
    service = start_bare(materials={"roots": [str(tmp_path / "videos")]})
    body = {"paths": [str(tmp_path)]}
    message = service.refused("POST", "materials/import", 40001, json=body)
    assert message.startswith("paths: ")
    assert "materials.roots" in message


def test_filters_and_pages(service: StageService) -> None:
    first = upload(service, movie(), "1.mp4", tags="a")["material"]["id"]
    second = upload(service, picture(), "2.jpg", tags="a,b", username="someone")["material"]["id"]

    def listed(**query: Any) -> list[int]:
        return [item["id"] for item in service.call("GET", "materials", params=query)["materials"]]

    assert listed() == [second, first]
    assert listed(tag="b,c") == [second]
    assert listed(tag="A") == [second, first]
    assert listed(kind="video") == [first]
    assert listed(state="used") == []
    assert listed(username="@SOMEONE") == [second]
    assert listed(username="") == [first]
    assert listed(page=2, page_size=1) == [first]
    assert listed(source="folder") == []
    for query in ({"page_size": 101}, {"kind": "gif"}, {"state": "lost"}, {"page": 0}):
        service.refused("GET", "materials", 40001, params=query)


@pytest.mark.parametrize("number", ["0", "99999999999", "-1"])
def test_a_number_that_is_none_is_not_found(service: StageService, number: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/file"), ("GET", "/thumbnail")):
        service.refused(method, f"materials/{number}{path}", 40401)
    service.refused("PATCH", f"materials/{number}", 40401, json={})


def test_an_unknown_field_of_a_change_is_refused(service: StageService) -> None:
    item = upload(service, movie())["material"]
    message = service.refused("PATCH", f"materials/{item['id']}", 40001, json={"captoin": "x"})
    assert "did you mean 'caption'" in message


def test_the_service_says_no_to_other_web_pages(service: StageService) -> None:
    answer = service.http.post(
        "materials",
        params={"filename": "a.mp4"},
        content=movie(),
        headers={"Origin": "https://evil.example", "Content-Type": "text/plain"},
    )
    refusal(answer, 40302, status=403)
    assert kept(service) == []
