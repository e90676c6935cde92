"""`runner demo`: the whole thing at work, without a phone.

Starts virtual phones, an adb server of its own and the service as a process of its own, posts over HTTP as
any client would, and compares what the phones accepted with what was asked for. Nothing of yours is touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import typer

from runner import logs
from runner.cli.client import Client
from runner.cli.phones import farm_file
from runner.cli.tasks import follow, show_changes, show_live, task_line
from runner.errors import RunnerError
from runner.phones.adb import AdbServer
from runner.virtual import footage
from runner.virtual.farm import FarmSettings, VirtualFarm, free_ports, raise_descriptor_limit
from runner.virtual.latency import LatencyMode

PORT = 50809
READY_SECONDS = 30.0
CAPTIONS = [
    "¡Mira mi nuevo video! 🎬 #viral #trending",
    "Buổi sáng ở Đà Lạt ☕️ #dalat",
    "新视频上线了 👋🏽 #vlog",
    "{Fresh|New} from the {desk|shelf} ✨",
]


def run(phones: int, *, latency: LatencyMode, keep: bool, as_json: bool) -> None:
    """Exit 0 when every account published once what it was told to, else 1."""
    logs.configure(level="CRITICAL")
    began = time.monotonic()
    tell = _quietly if as_json else typer.echo
    with ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="runner-demo-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        tell(f"Starting {phones} virtual phones, an adb server of their own, and the service.")
        raise_descriptor_limit()
        farm = VirtualFarm(FarmSettings(count=phones, latency=latency))
        farm.start()
        cleanup.callback(farm.stop)
        adb = AdbServer(port=free_ports(1)[0])
        adb.ensure()
        cleanup.callback(adb.stop)
        config = folder / "devices.yaml"
        config.write_text(farm_file(farm.farm, ("tiktok",)), encoding="utf-8")
        url = cleanup.enter_context(_service(config, adb.port))
        tell(f"Phones and tasks, live: {url}/")

        client = Client(url)
        asked = _create_tasks(client, farm.serials, folder)
        looks = follow(client, list(asked))
        if sys.stdout.isatty() and not as_json:
            tasks = show_live(looks)
        else:
            tasks = show_changes(looks, lambda task: tell(task_line(task)))
        posts = [post for serial in farm.serials for post in _accepted(farm, serial)]
        seconds = round(time.monotonic() - began, 1)
        wrong = _differences(tasks, posts, asked)
        if as_json:
            typer.echo(json.dumps({"tasks": tasks, "posts": posts, "seconds": seconds}, ensure_ascii=False))
        else:
            _print(posts, seconds, wrong)
        for line in wrong:
            typer.echo(line, err=True)
        if keep:
            tell(f"Everything stays up until Ctrl+C. Page: {url}/")
            tell(f"What the phones know of themselves: {farm.control_url}/phones")
            _wait_for_interrupt()
    raise typer.Exit(1 if wrong else 0)


def _quietly(_: str) -> None:
    """With --json, standard output has the result and nothing else."""


@contextmanager
def _service(config: Path, adb_port: int) -> Iterator[str]:
    """`runner serve` for this farm; its URL when it is ready."""
    log = config.with_name("serve.log")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNNER_")}
    command = [sys.executable, "-m", "runner", "serve", "--config", str(config), "--port", str(_port())]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment | {"ANDROID_ADB_SERVER_PORT": str(adb_port)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
        )
    assert process.stdout is not None
    late = threading.Timer(READY_SECONDS, process.kill)
    late.start()
    url = process.stdout.readline().decode().strip()
    late.cancel()
    try:
        if not url:
            raise RunnerError(
                f"The service did not start.\n{log.read_text(encoding='utf-8', errors='replace')}"
            )
        yield url
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _port() -> int:
    """The usual one if it is free, else any."""
    try:
        socket.create_server(("127.0.0.1", PORT)).close()
    except OSError:
        return 0
    return PORT


def _create_tasks(client: Client, serials: list[str], folder: Path) -> dict[int, str]:
    """One request per phone, for all its accounts; task id → the SHA-256 of its video."""
    asked: dict[int, str] = {}
    for number, serial in enumerate(serials):
        video = folder / f"clip-{number + 1}.mp4"
        video.write_bytes(footage.movie(padding=200_000))
        body = {
            "serials": [serial],
            "script_name": "post",
            "enable_multi_account": True,
            "script_config": {
                "content_type": 0,
                "captions": CAPTIONS[number % len(CAPTIONS)],
                "material_list": [str(video)],
                "upload_wait_time": 60,
            },
        }
        digest = hashlib.sha256(video.read_bytes()).hexdigest()
        asked |= dict.fromkeys(client.post("/task", body)["task_ids"], digest)
    return asked


def _accepted(farm: VirtualFarm, serial: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{farm.control_url}/phones/{serial}/posts", timeout=30, trust_env=False)
    return [{"serial": serial, **post} for post in answer.json()]


def _differences(
    tasks: list[dict[str, Any]], posts: list[dict[str, Any]], asked: dict[int, str]
) -> list[str]:
    """Every way in which the phones' own records differ from the request."""
    wrong = [
        f"Task {task['id']} {task['status_text']}: {task['remark']}" for task in tasks if task["status"] != 2
    ]
    for task in tasks:
        mine = [
            post for post in posts if (post["serial"], post["account"]) == (task["serial"], task["username"])
        ]
        hashes = [media["sha256"] for post in mine for media in post["media"]]
        if hashes != [asked[task["id"]]]:
            wrong.append(f"@{task['username']} published {len(mine)} times, or not its own video.")
    if len(posts) > len(tasks):
        wrong.append(f"{len(posts)} posts for {len(tasks)} tasks.")
    return wrong


def _print(posts: list[dict[str, Any]], seconds: float, wrong: list[str]) -> None:
    typer.echo("\nWhat the phones accepted:")
    for serial, accepted in groupby(posts, key=lambda post: post["serial"]):
        typer.echo(f"  {serial}")
        for post in accepted:
            typer.echo(f"    @{post['account']}: {post['caption']}")
            typer.echo(f"      {post['kind']} {post['media'][0]['sha256'][:16]}…, {post['url']}")
    accounts = len({post["account"] for post in posts})
    verdict = "Something went wrong:" if wrong else "Each as asked for, once."
    typer.echo(f"\n{len(posts)} posts by {accounts} accounts in {seconds} s. {verdict}")


def _wait_for_interrupt() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.5):  # in slices: Windows delivers no signal to a wait without an end
        pass
