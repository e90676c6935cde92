"""Videos and pictures come to the host that needs them: whole, once, and to one task only."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from runner.cancel import CancelToken, Deadline
from runner.errors import Cancelled, LostRun, MediaUnusable, NotFound, RunnerError
from runner.fleet.api_host import HostAway
from runner.script import Material, Wanted
from support.http_server import listening
from support.media import files
from support.waiting import wait_for

from .conftest import KEY, Fleet, OpenFleet, Worker, contents, named

IMAGE = Wanted("image")
VIDEO = random.Random(5).randbytes(1_000_000)


# Getting files


def test_a_claimed_file_comes_with_all_that_is_said_of_it(hosts: Fleet) -> None:
    (picture,) = files(hosts.folder, "spring.png")
    item = hosts.api.add(picture, caption="Spring {is|was} here", username="anna")
    run = hosts.api.run()
    worker = hosts.worker()
    (material,) = worker.of(run).claim(IMAGE)
    place = worker.cache / named(picture.read_bytes(), ".png")
    assert material == Material(
        item.id,
        place,
        item.sha256,
        item.size,
        "image",
        "image/png",
        "library",
        "spring.png",
        "Spring {is|was} here",
    )
    assert place.read_bytes() == picture.read_bytes()
    assert hosts.api.supply.library.item(item.id).task_id == run.task.id


def test_a_file_comes_to_a_host_once(hosts: Fleet) -> None:
    video = hosts.file("clip.mp4", VIDEO)
    copy = hosts.file("copy.MP4", VIDEO)
    worker = hosts.worker()
    for run in (hosts.api.run(video), hosts.api.run(video, copy)):
        paths = [Path(name) for name in run.task.script_config["material_list"]]
        assert contents(worker.of(run).given([str(path) for path in paths])) == [VIDEO] * len(paths)
    assert worker.cached == {named(VIDEO, ".mp4")}
    assert hosts.api.line.transfers == [("", len(VIDEO))]


def test_a_transfer_that_is_cut_goes_on_where_it_broke(hosts: Fleet) -> None:
    video = hosts.file("clip.mp4", VIDEO)
    hosts.api.line.cuts = [300_000, 300_000]
    worker = hosts.worker()
    (path,) = worker.of(hosts.api.run(video)).given([str(video)])
    assert path.read_bytes() == VIDEO
    assert worker.cached == {named(VIDEO, ".mp4")}
    starts = [part for part, _ in hosts.api.line.transfers]
    assert len(starts) == 3
    assert starts[0] == ""
    first, second = (int(part.removeprefix("bytes=").removesuffix("-")) for part in starts[1:])
    assert 0 < first < second < len(VIDEO)
    # What had arrived was not sent again: the last answer holds only what was missing.
    assert hosts.api.line.transfers[2][1] == len(VIDEO) - second


def test_the_next_process_takes_up_what_the_last_one_left(hosts: Fleet) -> None:
    video = hosts.file("clip.mp4", VIDEO)
    run = hosts.api.run(video)
    hosts.api.line.flows.clear()
    worker, cancel = hosts.worker(), CancelToken()
    with ThreadPoolExecutor(1) as thread:
        getting = thread.submit(worker.of(run, cancel).given, [str(video)])
        part = worker.cache / (named(VIDEO, ".mp4") + ".part")
        wait_for(lambda: part.exists(), what="a part")
        deadline = Deadline(2)
        cancel.cancel()
        with pytest.raises(Cancelled):
            getting.result(5)
        assert not deadline.passed
    hosts.api.line.flows.set()
    left = part.stat().st_size
    assert left < len(VIDEO)
    (path,) = worker.of(run).given([str(video)])
    assert path.read_bytes() == VIDEO
    assert hosts.api.line.transfers[-1] == (f"bytes={left}-" if left else "", len(VIDEO) - left)


def test_what_arrives_spoilt_is_refused_and_not_kept(hosts: Fleet) -> None:
    video = hosts.file("clip.mp4", VIDEO)
    hosts.api.line.spoil = True
    worker = hosts.worker()
    with pytest.raises(MediaUnusable, match="is not the file that it announced: SHA-256"):
        worker.of(hosts.api.run(video)).given([str(video)])
    assert worker.cached == set()


def test_a_file_that_changed_in_between_is_not_mixed(hosts: Fleet) -> None:
    video = hosts.file("clip.mp4", VIDEO)
    run = hosts.api.run(video)
    hosts.api.line.cuts = [300_000]
    hosts.api.line.flows.clear()
    worker = hosts.worker()
    with ThreadPoolExecutor(1) as thread:
        getting = thread.submit(worker.of(run).given, [str(video)])
        wait_for(lambda: worker.cache.exists() and worker.cached, what="a part")
        video.write_bytes(VIDEO[::-1])
        hosts.api.line.flows.set()
        with pytest.raises(MediaUnusable, match="was changed on the API host after it was chosen"):
            getting.result(10)


# The same errors as on the API host


def test_too_few_files_are_told_as_on_the_api_host(hosts: Fleet) -> None:
    run = hosts.api.run()
    wanted = Wanted("video", tags=("cats",))
    with pytest.raises(MediaUnusable) as here:
        hosts.api.supply.for_run(run, CancelToken()).claim(wanted)
    with pytest.raises(MediaUnusable) as there:
        hosts.worker().of(run).claim(wanted)
    assert str(there.value) == str(here.value)
    assert type(there.value) is MediaUnusable


@pytest.mark.parametrize("call", ["claim", "given", "notes"])
def test_a_run_that_lost_its_task_gets_nothing(hosts: Fleet, call: str) -> None:
    (picture,) = files(hosts.folder, "spring.png")
    item = hosts.api.add(picture)
    run = hosts.api.run(picture)
    hosts.api.end(run)
    materials = hosts.worker().of(run)
    asked = {"claim": IMAGE, "given": [str(picture)], "notes": str(hosts.folder)}[call]
    with pytest.raises(LostRun):
        getattr(materials, call)(asked)
    assert hosts.api.supply.library.item(item.id).task_id is None


def test_a_file_that_is_gone_is_told(hosts: Fleet) -> None:
    video = hosts.file("clip.mp4", VIDEO)
    run = hosts.api.run(video)
    video.unlink()
    with pytest.raises(MediaUnusable, match=r"clip\.mp4 on the API host: No such file"):
        hosts.worker().of(run).given([str(video)])
    (picture,) = files(hosts.folder, "spring.png")
    hosts.api.supply.library.path(hosts.api.add(picture)).unlink()
    with pytest.raises(NotFound, match=r"spring\.png \(material 1\) is not on the API host any more"):
        list(_content(hosts.worker(), "/materials/1/content"))


def _content(worker: Worker, url: str) -> list[bytes]:
    from runner.fleet.shapes import Content

    content = Content(url=url, sha256="0" * 64, size=1, suffix="")
    return list(worker.host.bytes_of(content, 0, CancelToken()))


# Folders, texts, turns


def test_a_folder_of_the_api_host_serves_other_hosts(hosts: Fleet) -> None:
    folder = hosts.folder / "films" / "@Anna"
    pictures = files(folder, "sort_2_b.png", "sort_1_a.jpg")
    (folder / "caption.txt").write_text("{Hi|Hello}!", encoding="utf-8")
    (folder / "sound_names.txt").write_text("one\ntwo\n", encoding="utf-8")
    worker = hosts.worker()
    materials = worker.of(hosts.api.run())
    notes = materials.notes(str(folder.parent))
    assert (notes.caption, notes.sounds) == ("{Hi|Hello}!", ("one", "two"))
    got = materials.claim(Wanted("image", 2, folder=str(folder.parent)))
    assert [(each.name, each.source) for each in got] == [
        ("sort_1_a.jpg", "folder"),
        ("sort_2_b.png", "folder"),
    ]
    assert [each.path.suffix for each in got] == [".jpg", ".png"]
    assert contents([each.path for each in got]) == [pictures[1].read_bytes(), pictures[0].read_bytes()]


def test_turns_go_round_over_all_hosts(hosts: Fleet) -> None:
    workers = [hosts.worker(), hosts.worker()]
    turns = [workers[number % 2].of(hosts.api.run()).turn("list", "abc") for number in range(4)]
    assert turns == ["a", "b", "c", "a"]


def test_each_file_goes_to_one_task_whoever_asks_when(hosts: Fleet) -> None:
    for number in range(9):
        picture = hosts.file(f"{number}.png", files(hosts.folder, "p.png")[0].read_bytes() + bytes([number]))
        hosts.api.add(picture)
    workers = [hosts.worker() for _ in range(3)]
    runs = [hosts.api.run() for _ in range(12)]
    together = threading.Barrier(len(runs))

    def claim(number: int) -> int | str:
        materials = workers[number % 3].of(runs[number])
        together.wait(10)
        try:
            (first,) = materials.claim(IMAGE)
            (again,) = materials.claim(IMAGE)
        except MediaUnusable as error:
            return error.message
        assert again == first
        assert (
            first.path.read_bytes()
            == hosts.api.supply.library.path(hosts.api.supply.library.item(first.id)).read_bytes()
        )
        return first.id

    with ThreadPoolExecutor(len(runs)) as threads:
        got = Counter(threads.map(claim, range(len(runs))))
    assert sorted(number for number in got if isinstance(number, int)) == list(range(1, 10))
    assert [count for number, count in got.items() if isinstance(number, int)] == [1] * 9
    assert got["There is no unused image in the library for @anna (9 claimed)."] == 3


# Who may ask for what


def test_only_the_fleets_key_opens(open_fleet: OpenFleet) -> None:
    hosts = open_fleet(api_token="the-token-of-the-api")
    video = hosts.file("clip.mp4", VIDEO)
    run = hosts.api.run(video)
    url = f"{hosts.url}/api/v1/fleet/tasks/{run.task.id}/files/0"
    for authorization in (
        "",
        "Bearer",
        "Bearer the-token-of-the-api",
        f"Basic {KEY}",
        "Bearer the-key-of-the-\xfc",
    ):
        answer = httpx.get(
            url, headers={"Authorization": authorization.encode("latin-1")} if authorization else {}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, 40101), authorization
    mine = httpx.get(url, headers={"Authorization": f"Bearer {KEY}", "Host": "studio-pc.lan:50809"})
    assert (mine.status_code, mine.content) == (200, VIDEO)
    # It opens nothing else, and no web page may use it.
    other = httpx.get(f"{hosts.url}/api/v1/tasks", headers={"Authorization": f"Bearer {KEY}"})
    assert other.status_code == 401
    page = {"Authorization": f"Bearer {KEY}", "Origin": "http://evil.example"}
    assert httpx.post(f"{hosts.url}/api/v1/fleet/claim", headers=page, json={}).status_code == 403
    with pytest.raises(RunnerError, match="does not know this host's key"):
        hosts.worker(key="another").of(run).given([str(video)])


def test_only_files_that_the_task_names(hosts: Fleet) -> None:
    video, secret = hosts.file("clip.mp4", VIDEO), hosts.file("secret.mp4", b"secret")
    run, other = hosts.api.run(video), hosts.api.run(secret)
    worker = hosts.worker()
    for path in (secret, hosts.folder / "files" / ".." / "files" / "clip.mp4"):
        with pytest.raises(MediaUnusable, match=f"is not among the files that task {run.task.id} names"):
            worker.of(run).given([str(video), str(path)])
    with httpx.Client(
        headers={"Authorization": f"Bearer {KEY}"}, base_url=f"{hosts.url}/api/v1/fleet"
    ) as http:
        for call in (
            f"/tasks/{run.task.id}/files/1",
            f"/tasks/{run.task.id}/files/-1",
            f"/tasks/{other.task.id + 1}/files/0",
            "/materials/1/content",
        ):
            assert http.get(call).status_code == 404, call
        whole = http.get(f"/tasks/{run.task.id}/files/0")
        assert whole.headers["etag"] == f'"{named(VIDEO, "")}"'
        some = http.get(f"/tasks/{run.task.id}/files/0", headers={"Range": "bytes=10-19"})
        assert (some.status_code, some.content) == (206, VIDEO[10:20])


# An API host that is away


def test_an_api_host_that_starts_again_is_waited_for(hosts: Fleet) -> None:
    video = hosts.file("clip.mp4", VIDEO)
    run = hosts.api.run(video)
    worker = hosts.worker()
    hosts.url = None
    with ThreadPoolExecutor(1) as thread:
        getting = thread.submit(worker.of(run).given, [str(video)])
        with pytest.raises(TimeoutError):
            getting.result(0.5)
        with listening(hosts.api.line) as url:
            hosts.url = url
            assert contents(getting.result(10)) == [VIDEO]


def test_an_api_host_that_stays_away_is_named(hosts: Fleet) -> None:
    worker = hosts.worker(patience=0.3)
    materials = worker.of(hosts.api.run())
    with listening(hosts.api.line) as url:
        hosts.url = url
    with pytest.raises(
        HostAway, match=f"The API host at {url} can't be reached: .*runner serve.*runner hosts"
    ):
        materials.claim(IMAGE)
    hosts.url = None
    with pytest.raises(HostAway, match=r"No API host of the fleet is up\. Start it: runner serve"):
        materials.claim(IMAGE)


def test_waiting_for_the_api_host_can_be_cancelled(hosts: Fleet) -> None:
    hosts.url, cancel = None, CancelToken()
    threading.Timer(0.2, cancel.cancel).start()
    deadline = Deadline(2)
    with pytest.raises(Cancelled):
        hosts.worker(patience=60).of(hosts.api.run(), cancel).claim(IMAGE)
    assert not deadline.passed
