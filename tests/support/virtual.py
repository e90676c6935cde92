"""Virtual phones and a private adb server for tests.

The server is the adb that adbutils ships, on a port of its own, with a home of its own; it is ended by its
process object and nothing else is touched. Phones live in this process, on a thread with a loop of its own.
"""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import adbutils
import pytest
import uiautomator2

from runner.virtual.farm import FarmSettings, VirtualFarm, free_ports
from support.http import PlainClient

ADB = Path(adbutils.__file__).parent / "binaries" / ("adb.exe" if sys.platform == "win32" else "adb")

LEAKS_SOCKETS = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)
"""For tests that use adbutils and uiautomator2 directly: neither closes its sockets when a call fails."""


class AdbServer:
    """A running adb server that belongs to one test."""

    def __init__(self, home: Path) -> None:
        self.port = free_ports(1)[0]
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "USERPROFILE": str(home),
            "TMPDIR": str(home),
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            # Look for no emulators: other tests' phones are none of ours.
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554",
            # Without a USB bus, looking for phones on it takes adb three seconds at its start.
            "ADB_USB": "0",
        }
        self._process = subprocess.Popen(
            [str(ADB), "-P", str(self.port), "nodaemon", "server"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_listening()
        self.client = adbutils.AdbClient("127.0.0.1", self.port)

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                raise RuntimeError(f"adb ended with {self._process.returncode}")
            time.sleep(0.02)
        raise RuntimeError("adb did not start")

    @property
    def pid(self) -> int:
        return self._process.pid

    def connect(self, *serials: str) -> None:
        """`adb connect`, a few at a time."""
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda serial: self.client.connect(serial, timeout=20), serials))
        refused = [answer for answer in answers if "connected to" not in answer]
        assert not refused, refused

    def device(self, serial: str) -> adbutils.AdbDevice:
        return self.client.device(serial)

    def run(self, *arguments: str, serial: str = "") -> subprocess.CompletedProcess[str]:
        """The adb command line against this server."""
        chosen = ["-s", serial] if serial else []
        return subprocess.run(
            [str(ADB), *chosen, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Phones:
    """A farm of virtual phones, connected to the test's adb server."""

    def __init__(self, farm: VirtualFarm, server: AdbServer) -> None:
        self.farm = farm
        self.server = server
        self.serials = farm.serials
        self.serial = farm.serials[0]
        self._opened: list[uiautomator2.Device] = []
        self._http = PlainClient(timeout=20)

    def u2(self, serial: str = "") -> uiautomator2.Device:
        """An unmodified uiautomator2 device."""
        device = uiautomator2.connect(self.server.device(serial or self.serial))
        self._opened.append(device)
        return device

    def adb(self, serial: str = "") -> adbutils.AdbDevice:
        return self.server.device(serial or self.serial)

    def control(self, path: str, *, serial: str = "", method: str = "GET", **body: Any) -> Any:
        """A call of the control API below /phones/<serial>; its JSON answer."""
        url = f"{self.farm.control_url}/phones/{serial or self.serial}{path}"
        answer = self._http.request(method, url, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def control_all(self) -> list[dict[str, Any]]:
        """What the control API says of every phone."""
        found: list[dict[str, Any]] = self._http.get(f"{self.farm.control_url}/phones").json()
        return found

    def fault(self, fault: str, when: str = "now", *, serial: str = "", **more: Any) -> None:
        self.control("/faults", serial=serial, method="POST", fault=fault, when=when, **more)

    def posts(self, serial: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("/posts", serial=serial)
        return found

    def close(self) -> None:
        for device in self._opened:
            device.stop_uiautomator(wait=False)
        self._http.close()
        self.farm.stop()


StartPhones = Callable[..., Phones]


@pytest.fixture
def adb_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AdbServer]:
    """A private adb server; ANDROID_ADB_SERVER_PORT names it for everything the test starts."""
    home = tmp_path / "adb-home"
    home.mkdir()
    server = AdbServer(home)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
    try:
        yield server
    finally:
        server.stop()
        # What the libraries left open is collected in the test that left it, not in a later one.
        gc.collect()


@pytest.fixture
def start_phones(adb_server: AdbServer) -> Iterator[StartPhones]:
    """`start_phones(count=2, …)` takes the fields of FarmSettings; connected, and torn down after."""
    running: list[Phones] = []

    def start(*, connect: bool = True, **settings: Any) -> Phones:
        farm = VirtualFarm(FarmSettings(**{"count": 1, **settings}))
        farm.start()
        phones = Phones(farm, adb_server)
        running.append(phones)
        if connect:
            adb_server.connect(*farm.serials)
        return phones

    yield start
    for phones in running:
        phones.close()


@pytest.fixture
def phones(start_phones: StartPhones) -> Phones:
    """One virtual phone with TikTok and two accounts, connected."""
    return start_phones()
