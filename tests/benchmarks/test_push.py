"""100 MB onto a phone: ours, adbutils as it comes, and the adb command, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from runner.phones import limits
from support.phone_room import OpenRoom

SIZE = 100 * 1000 * 1000
ROUNDS = 3


def test_push_of_100_mb(open_room: OpenRoom, tmp_path: Path) -> None:
    room = open_room()
    video = tmp_path / "video.mp4"
    with video.open("wb") as file:
        for number in range(SIZE // 1_000_000):
            file.write(number.to_bytes(8, "big") * 125_000)
    remote = "/sdcard/Movies/bench.mp4"
    plain = room.virtual.adb()
    with room.session() as session:
        link = session._link

        def ours() -> None:
            with link.guard.within(limits.push(SIZE), "push"), video.open("rb") as source:
                link.device.sync.send_file(source, remote)

        figures = {
            "ours, SEND in 64 KiB": _best(ours),
            "adbutils, SEND in 4 KiB": _best(lambda: plain.sync.push(video, remote)),
            "adb push": _best(
                lambda: room.virtual.server.run("push", str(video), remote, serial=plain.serial)
            ),
            "ours, hashed, looked for, in MediaStore": _best(
                lambda: session.remove_media(session.push_media(video, album="Bench")), rounds=1
            ),
        }
        session.push_media(video, album="Bench")
        figures["ours, there already"] = _best(lambda: session.push_media(video, album="Bench"))
    print(f"\n{SIZE // 1_000_000} MB, best of {ROUNDS}")
    for name, seconds in figures.items():
        print(f"  {name:<42}{seconds:>7.2f} s{SIZE / seconds / 1e6:>8.0f} MB/s")
    ratio = figures["adbutils, SEND in 4 KiB"] / figures["ours, SEND in 64 KiB"]
    print(f"  adbutils : ours = {ratio:.1f} : 1")


def _best(transfer: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        transfer()
        best = min(best, time.perf_counter() - began)
    return best
