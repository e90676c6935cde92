"""The files that a host got from the API host, by content."""

from __future__ import annotations

import gc
import hashlib
import os
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.cancel import CancelToken
from runner.errors import Cancelled, MediaUnusable
from runner.fleet.files import FileCache
from runner.fleet.shapes import Content


class User:
    """Somebody who uses files."""


class Source:
    """Where files come from; remembers from which byte on each was asked for."""

    def __init__(self, number: int, size: int = 400_000) -> None:
        self.data = random.Random(number).randbytes(size)
        self.content = Content(url="", sha256=hashlib.sha256(self.data).hexdigest(), size=size, suffix=".mp4")
        self.starts: list[int] = []

    def fetch(self, start: int) -> Iterator[bytes]:
        self.starts.append(start)
        for at in range(start, len(self.data), 65_536):
            yield self.data[at : at + 65_536]

    def get(
        self, cache: FileCache, user: object, fetch: Callable[[int], Iterator[bytes]] | None = None
    ) -> Path:
        return cache.get(self.content, fetch or self.fetch, user=user, cancel=CancelToken())


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return FileCache(tmp_path, max_mb=1)


def test_a_file_comes_once_and_is_named_by_its_content(tmp_path: Path, cache: FileCache) -> None:
    source = Source(1)
    path = source.get(cache, User())
    assert path.read_bytes() == source.data
    assert source.get(FileCache(tmp_path, max_mb=1), User()) == path
    assert source.starts == [0]
    assert names(tmp_path) == {f"{source.content.sha256}.mp4"}


def test_an_empty_file(cache: FileCache) -> None:
    assert Source(1, size=0).get(cache, User()).read_bytes() == b""


def test_what_is_there_is_not_fetched_again(tmp_path: Path, cache: FileCache) -> None:
    source = Source(1)
    part = tmp_path / f"{source.content.sha256}.mp4.part"
    part.write_bytes(source.data[:150_000])
    assert source.get(cache, User()).read_bytes() == source.data
    assert source.starts == [150_000]
    assert not part.exists()


@pytest.mark.parametrize("left", [b"x" * 150_000, b"x" * 500_000])
def test_a_damaged_part_is_fetched_again_as_a_whole(tmp_path: Path, cache: FileCache, left: bytes) -> None:
    source = Source(1)
    (tmp_path / f"{source.content.sha256}.mp4.part").write_bytes(left)
    assert source.get(cache, User()).read_bytes() == source.data
    assert source.starts == [len(left), 0]


def test_what_is_not_the_announced_content_is_not_kept(tmp_path: Path, cache: FileCache) -> None:
    source, other = Source(1), Source(2)
    with pytest.raises(MediaUnusable, match=f"SHA-256 {other.content.sha256}, not {source.content.sha256}"):
        source.get(cache, User(), other.fetch)
    assert names(tmp_path) == set()


def test_what_came_before_a_cancel_is_kept(tmp_path: Path, cache: FileCache) -> None:
    source, cancel = Source(1), CancelToken()

    def fetch(start: int) -> Iterator[bytes]:
        for chunk in source.fetch(start):
            yield chunk
            cancel.cancel()

    with pytest.raises(Cancelled):
        cache.get(source.content, fetch, user=User(), cancel=cancel)
    assert source.get(cache, User()).read_bytes() == source.data
    assert source.starts == [0, 65_536]


def test_threads_that_ask_for_one_file_share_one_transfer(cache: FileCache) -> None:
    source, begun, go = Source(1), threading.Event(), threading.Event()

    def fetch(start: int) -> Iterator[bytes]:
        begun.set()
        assert go.wait(10)
        yield from source.fetch(start)

    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(source.get, cache, User(), fetch)
        assert begun.wait(10)
        others = [threads.submit(source.get, cache, User()) for _ in range(7)]
        go.set()
        paths = {each.result(10) for each in [first, *others]}
    assert [path.read_bytes() for path in paths] == [source.data]
    assert source.starts == [0]


def test_different_files_come_at_once(cache: FileCache) -> None:
    sources, user = [Source(number, size=30_000) for number in range(100)], User()
    with ThreadPoolExecutor(8) as threads:
        paths = list(threads.map(lambda source: source.get(cache, user), sources))
    assert [path.read_bytes() for path in paths] == [source.data for source in sources]


def test_who_waits_for_another_transfer_can_be_cancelled(cache: FileCache) -> None:
    source, begun, go, cancel = Source(1), threading.Event(), threading.Event(), CancelToken()

    def fetch(start: int) -> Iterator[bytes]:
        begun.set()
        assert go.wait(10)
        yield from source.fetch(start)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(source.get, cache, User(), fetch)
        assert begun.wait(10)
        second = threads.submit(cache.get, source.content, source.fetch, user=User(), cancel=cancel)
        cancel.cancel()
        with pytest.raises(Cancelled):
            second.result(2)
        go.set()
        assert first.result(10).exists()


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path, cache: FileCache) -> None:
    sources = [Source(number) for number in range(4)]
    for age, source in enumerate(sources[:2]):
        os.utime(source.get(cache, User()), (age, age))
    sources[0].get(cache, User())  # used again, so the other is older now
    sources[2].get(cache, User())
    assert names(tmp_path) == {f"{sources[number].content.sha256}.mp4" for number in (0, 2)}


def test_what_a_run_uses_stays(tmp_path: Path, cache: FileCache) -> None:
    sources, user = [Source(number) for number in range(4)], User()
    used = [source.get(cache, user) for source in sources[:3]]
    assert all(path.exists() for path in used)
    del user
    gc.collect()
    last = sources[3].get(cache, User())
    assert last.exists()
    assert len(names(tmp_path)) == 2
