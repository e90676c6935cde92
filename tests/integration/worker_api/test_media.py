"""Media by URL: downloaded over real TLS from a server of the test, or refused before anything is asked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from runner.worker_api.upstream import media
from runner.worker_api.upstream.media import MediaAway, MediaCache, MediaRefused, is_public
from support import tls
from support.http_server import listening

MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"v" * 5000
LIMIT = 10_000


def file(request: Request) -> Response:
    """/file/NAME: what the name says."""
    contents = {
        "clip.mp4": MP4,
        "same.bin": MP4,
        "clip.mov": b"\0\0\0\x14ftypqt  " + b"v" * 500,
        "clip.webm": b"\x1aE\xdf\xa3" + b"v" * 500,
        "picture.jpg": b"\xff\xd8\xff\xe0" + b"v" * 500,
        "picture.png": b"\x89PNG\r\n\x1a\n" + b"v" * 500,
        "picture.webp": b"RIFF\x10\0\0\0WEBPVP8 " + b"v" * 500,
        "page.html": b"<!doctype html>" + b"x" * 500,
        "short": b"\0\0",
        "empty": b"",
        "large.mp4": MP4 + b"v" * LIMIT,
    }
    name = request.path_params["name"]
    if name not in contents:
        return Response(status_code=int(name))
    return Response(contents[name], media_type="video/mp4")


def endless(request: Request) -> Response:
    """Announces no length and goes on."""
    return StreamingResponse(iter([MP4] * 1000))


def redirect(request: Request) -> Response:
    return RedirectResponse(request.query_params["to"])


def around(request: Request) -> Response:
    return RedirectResponse("/around")


def host(request: Request) -> Response:
    return Response(MP4[:16] + request.headers["host"].encode())


APP = Starlette(
    routes=[
        Route("/file/{name}", file),
        Route("/endless.mp4", endless),
        Route("/redirect", redirect),
        Route("/around", around),
        Route("/host.mp4", host),
    ]
)


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """https://media.test:PORT, whose certificate the test's process trusts."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_text(tls.CERTIFICATE)
    key.write_text(tls.KEY)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with listening(APP, ssl_certfile=str(certificate), ssl_keyfile=str(key)) as url:
        yield url.replace("127.0.0.1", "media.test")


MakeCache = Callable[..., MediaCache]


@pytest.fixture
def make_cache(tmp_path: Path) -> Iterator[MakeCache]:
    """One that may use this computer's own addresses; media.test is one of them."""
    made: list[MediaCache] = []

    def make(**options: object) -> MediaCache:
        how = {
            "max_bytes": LIMIT,
            "private_hosts": ["media.test", "127.0.0.1"],
            "stopped": lambda: False,
            "resolve": lambda name, port: ["127.0.0.1"],
            **options,
        }
        made.append(MediaCache(tmp_path / "cache", **how))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


@pytest.mark.parametrize(
    "name", ["clip.mp4", "clip.mov", "clip.webm", "picture.jpg", "picture.png", "picture.webp"]
)
def test_a_file_is_kept_under_its_hash_with_its_type(name: str, origin: str, make_cache: MakeCache) -> None:
    kept = make_cache().fetch(f"{origin}/file/{name}?token=1")

    content = kept.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert kept.name == f"{digest}{Path(name).suffix}"
    assert kept.parent.name == digest[:2]


def test_the_same_content_is_kept_once(origin: str, make_cache: MakeCache, tmp_path: Path) -> None:
    cache = make_cache()

    assert cache.fetch(f"{origin}/file/clip.mp4") == cache.fetch(f"{origin}/file/same.bin")
    assert len([one for one in (tmp_path / "cache").rglob("*") if one.is_file()]) == 1


def test_the_server_is_asked_by_name_at_the_address_that_was_checked(
    origin: str, make_cache: MakeCache
) -> None:
    asked: list[tuple[str, int]] = []

    def resolve(name: str, port: int) -> list[str]:
        asked.append((name, port))
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    kept = make_cache(resolve=resolve).fetch(f"{origin}/host.mp4")

    port = int(origin.rpartition(":")[2])
    assert asked == [("media.test", port)]
    assert kept.read_bytes().endswith(f"media.test:{port}".encode())


def test_a_certificate_for_another_name_is_not_accepted(origin: str, make_cache: MakeCache) -> None:
    with pytest.raises(MediaAway, match="certificate"):
        make_cache(private_hosts=["other.test"]).fetch(
            origin.replace("media.test", "other.test") + "/file/clip.mp4"
        )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/file/page.html", "not a video"),
        ("/file/short", "not a video"),
        ("/file/empty", "not a video"),
        ("/file/large.mp4", "larger than"),
        ("/endless.mp4", "larger than"),
        ("/file/404", "HTTP 404"),
        ("/file/403", "HTTP 403"),
        ("/file/204", "HTTP 204"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    path: str, reason: str, origin: str, make_cache: MakeCache, tmp_path: Path
) -> None:
    with pytest.raises(MediaRefused, match=reason) as raised:
        make_cache().fetch(f"{origin}{path}?signature=secret")
    assert "secret" not in str(raised.value)
    assert [one for one in (tmp_path / "cache").rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_only_away(status: int, origin: str, make_cache: MakeCache) -> None:
    with pytest.raises(MediaAway, match=f"HTTP {status}"):
        make_cache().fetch(f"{origin}/file/{status}")


def test_nobody_there_and_no_such_name_are_only_away(make_cache: MakeCache) -> None:
    def unknown(name: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(MediaAway, match="ConnectError"):
        make_cache().fetch("https://media.test:1/clip.mp4")
    with pytest.raises(MediaAway, match="can't be resolved"):
        make_cache(resolve=unknown).fetch("https://media.test/clip.mp4")


def test_redirects_are_followed_and_not_for_ever(origin: str, make_cache: MakeCache) -> None:
    cache = make_cache()

    assert cache.fetch(f"{origin}/redirect?to=/file/clip.mp4").read_bytes() == MP4
    with pytest.raises(MediaRefused, match="too many redirects"):
        cache.fetch(f"{origin}/around")


def test_a_redirect_passes_the_same_checks(origin: str, make_cache: MakeCache) -> None:
    addresses = {"media.test": ["127.0.0.1"], "inside.test": ["10.0.0.5"], "example.com": ["93.184.216.34"]}
    cache = make_cache(resolve=lambda name, port: addresses[name])

    with pytest.raises(MediaRefused, match=r"inside.test is 10\.0\.0\.5"):
        cache.fetch(f"{origin}/redirect?to=https://inside.test/clip.mp4")
    with pytest.raises(MediaRefused, match="only https"):
        cache.fetch(f"{origin}/redirect?to=http://example.com/clip.mp4")
    with pytest.raises(MediaRefused, match="not a URL of a file"):
        cache.fetch(f"{origin}/redirect?to=file:///etc/hostname")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/clip.mp4",
        "https://localhost/clip.mp4",
        "https://[::1]/clip.mp4",
        "https://2130706433/clip.mp4",
        "https://0x7f.1/clip.mp4",
        "https://169.254.169.254/latest/meta-data",
        "https://10.1.2.3/clip.mp4",
        "https://[::ffff:192.168.1.1]/clip.mp4",
    ],
)
def test_addresses_of_this_computer_and_network_are_refused(url: str, make_cache: MakeCache) -> None:
    cache = make_cache(private_hosts=[], resolve=media.addresses_of)

    with pytest.raises(MediaRefused, match="not a public address"):
        cache.fetch(url)


def test_one_private_address_among_public_ones_is_enough_to_refuse(make_cache: MakeCache) -> None:
    cache = make_cache(private_hosts=[], resolve=lambda name, port: ["93.184.216.34", "127.0.0.1"])

    with pytest.raises(MediaRefused, match=r"media.test is 127\.0\.0\.1"):
        cache.fetch("https://media.test/clip.mp4")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/clip.mp4",
        "ftp://example.com/clip.mp4",
        "https:///clip.mp4",
        "https://user:pw@example.com/clip.mp4",
        "https://example.com:port/clip.mp4",
    ],
)
def test_what_is_no_https_url_is_refused(url: str, make_cache: MakeCache) -> None:
    with pytest.raises(MediaRefused):
        make_cache(private_hosts=[]).fetch(url)


def test_in_the_own_network_http_is_enough(make_cache: MakeCache) -> None:
    with listening(APP) as url:
        assert make_cache().fetch(f"{url}/file/clip.mp4").read_bytes() == MP4


def test_a_download_ends_when_the_runner_stops(origin: str, make_cache: MakeCache) -> None:
    with pytest.raises(MediaAway, match="the runner stops"):
        make_cache(max_bytes=10**9, stopped=lambda: True).fetch(f"{origin}/endless.mp4")


def test_what_nobody_used_for_long_is_removed(origin: str, make_cache: MakeCache) -> None:
    cache = make_cache()
    old, used = cache.fetch(f"{origin}/file/clip.mp4"), cache.fetch(f"{origin}/file/clip.mov")
    os.utime(old, (0, 0))

    cache.prune()

    assert not old.exists()
    assert used.exists()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_the_whole_internet_can_reach(address: str, public: bool) -> None:
    assert is_public(address) is public
