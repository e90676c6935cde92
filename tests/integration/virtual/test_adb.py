"""The adb command line and adbutils against a virtual phone."""

from __future__ import annotations

import hashlib
import http.client
import os
import subprocess
import threading
import time
from pathlib import Path

import adbutils
import pytest

from runner.virtual.farm import free_ports
from support.virtual import ADB, LEAKS_SOCKETS, Phones

from .conftest import Notebook, StartNotes

pytestmark = LEAKS_SOCKETS


@pytest.fixture
def phones(notes: Notebook) -> Phones:
    return notes.phones


def test_devices_and_features(phones: Phones) -> None:
    listed = phones.server.run("devices", "-l").stdout
    assert f"{phones.serial:<22} device product:bluejay model:Pixel_6a device:bluejay" in listed
    features = phones.adb().get_features().split(",")
    assert {"shell_v2", "cmd", "stat_v2", "ls_v2", "fixed_push_mkdir", "sendrecv_v2"} <= set(features)


def test_shell_v2_keeps_streams_and_status_apart(phones: Phones) -> None:
    done = phones.server.run("shell", "echo out; ls /nope; exit 7", serial=phones.serial)
    assert (done.returncode, done.stdout, done.stderr) == (
        7,
        "out\n",
        "ls: /nope: No such file or directory\n",
    )
    answer = phones.adb().shell2("echo out; nonsense", v2=True)
    assert (answer.returncode, answer.stdout) == (127, "out\n")
    assert "inaccessible or not found" in answer.stderr


def test_interactive_shell(phones: Phones) -> None:
    done = subprocess.run(
        [str(ADB), "-s", phones.serial, "shell"],
        env=phones.server.environment,
        input=b"echo one\ngetprop ro.build.version.sdk\nfalse\n",
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"one\n33\n")


def test_a_command_reads_what_is_piped_into_it(phones: Phones) -> None:
    done = subprocess.run(
        [
            str(ADB),
            "-s",
            phones.serial,
            "shell",
            "cat > /sdcard/Download/a.txt; wc -c < /sdcard/Download/a.txt",
        ],
        env=phones.server.environment,
        input=b"x" * 100_000,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"100000\n")


def test_push_and_pull_of_a_big_file(phones: Phones, tmp_path: Path) -> None:
    """Larger than any buffer, and by way of the disk on the phone's side."""
    data = os.urandom(1 << 20) * 20
    source, back = tmp_path / "film.mp4", tmp_path / "back.mp4"
    source.write_bytes(data)
    assert (
        phones.server.run("push", str(source), "/sdcard/Movies/X/film.mp4", serial=phones.serial).returncode
        == 0
    )
    stated = phones.adb().sync.stat("/sdcard/Movies/X/film.mp4")
    assert stated.size == len(data)
    assert (
        phones.server.run("pull", "/sdcard/Movies/X/film.mp4", str(back), serial=phones.serial).returncode
        == 0
    )
    assert back.read_bytes() == data
    (listed,) = [file for file in phones.control("/files") if file["path"].endswith("film.mp4")]
    assert listed["sha256"] == hashlib.sha256(data).hexdigest()
    assert phones.server.run(
        "exec-out", "cat /sdcard/Movies/X/film.mp4 | sha256sum", serial=phones.serial
    ).stdout.startswith(hashlib.sha256(data).hexdigest())


def test_the_same_bytes_are_kept_once(start_notes: StartNotes, tmp_path: Path) -> None:
    phones = start_notes(count=3).phones
    (tmp_path / "film.mp4").write_bytes(os.urandom(1 << 20))
    for serial in phones.serials:
        phones.adb(serial).sync.push(tmp_path / "film.mp4", "/sdcard/Movies/film.mp4")
    kept = phones.farm.call(
        lambda: {
            id(phone.storage.file("/sdcard/Movies/film.mp4").content) for phone in phones.farm.farm.phones
        }
    )
    assert len(kept) == 1


def test_sync_of_what_is_not_there(phones: Phones, tmp_path: Path) -> None:
    device = phones.adb()
    assert device.sync.stat("/sdcard/none").mode == 0
    assert not device.sync.exists("/sdcard/none")
    assert device.sync.list("/sdcard/none") == []
    with pytest.raises(adbutils.AdbError, match="No such file or directory"):
        device.sync.read_bytes("/sdcard/none")
    done = phones.server.run("pull", "/sdcard/none", str(tmp_path), serial=phones.serial)
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
    with pytest.raises(adbutils.AdbError):
        device.sync.push(b"x", "/system/x")
    assert (
        "Read-only file system"
        in phones.server.run("push", __file__, "/system/x", serial=phones.serial).stderr
    )


def test_sdcard_is_a_link_as_on_a_phone(phones: Phones) -> None:
    device = phones.adb()
    assert device.sync.stat("/sdcard").mode == 0o120777
    assert device.sync.stat("/sdcard/").mode & 0o040000
    device.sync.push(b"x", "/sdcard/Download/x")
    assert device.sync.read_bytes("/storage/self/primary/Download/x") == b"x"


def test_services_that_need_more_than_a_shell(phones: Phones) -> None:
    device = phones.adb()
    assert device.root() == "adbd cannot run as root in production builds\n"
    device.reverse("tcp:7100", "tcp:7200")
    assert [(item.remote, item.local) for item in device.reverse_list()] == [("tcp:7100", "tcp:7200")]
    device.reverse_remove("tcp:7100")
    assert device.reverse_list() == []
    with pytest.raises(adbutils.AdbError, match="not found"):
        device.reverse_remove("tcp:7100")
    with pytest.raises(adbutils.AdbError, match="closed"):
        device.create_connection(adbutils.Network.LOCAL_ABSTRACT, "scrcpy")
    with pytest.raises(adbutils.AdbError, match="closed"):
        device.create_connection(adbutils.Network.TCP, 9008)
    refused = [call for call in phones.control("/log") if call["kind"] == "service" and not call["ok"]]
    assert [(call["name"], call["params"]) for call in refused] == [
        ("reverse", "killforward:tcp:7100"),
        ("localabstract", "scrcpy"),
        ("tcp", "9008"),
    ]


def test_a_forward_keeps_connections_alive_for_five_seconds(phones: Phones) -> None:
    phones.u2()
    port = free_ports(1)[0]
    assert phones.server.run("forward", f"tcp:{port}", "tcp:9008", serial=phones.serial).returncode == 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = b'{"jsonrpc": "2.0", "id": 7, "method": "deviceInfo", "params": {}}'
    for _ in range(3):
        connection.request("POST", "/jsonrpc/0", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.getheader("Connection") == "keep-alive"
        assert b'"id": 7' in answer.read()
    connection.request("GET", "/nonsense")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (404, b"Not Found!!!")
    started = time.monotonic()
    assert connection.sock is not None
    assert connection.sock.recv(1) == b""
    assert 4.5 < time.monotonic() - started < 8
    connection.close()


def test_many_streams_at_once(phones: Phones) -> None:
    device = phones.adb()
    answers: list[str] = []

    def ask(number: int) -> None:
        answers.append(device.shell(f"sleep 0.3; echo {number}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, answers)) == list(range(20))
    assert time.monotonic() - started < 4


def test_closing_a_stream_ends_its_command(phones: Phones) -> None:
    stream = phones.adb().shell("sleep 60", stream=True)
    assert phones.control("/log")[-1]["name"] == "sleep"
    assert phones.control("/log")[-1]["ms"] is None
    stream.close()
    deadline = time.monotonic() + 5
    while phones.control("/log")[-1]["ms"] is None:
        assert time.monotonic() < deadline
    assert phones.control("/log")[-1]["ok"] is False
