"""Many virtual phones in one process on one loop, with their control API.

`Farm` lives on a loop that is running already (`runner phones serve`); `VirtualFarm` brings its own loop on a
background thread, for `runner demo` and for tests.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from runner.virtual.apps import build_apps
from runner.virtual.control import ControlServer
from runner.virtual.latency import LatencyMode
from runner.virtual.phone import BuildApps, PhoneSettings, VirtualPhone
from runner.virtual.storage import ContentStore

COMFORTABLE = 400
"""adb aborts when a file descriptor reaches 1024; a phone takes one, and one or more for what runs on it."""
_EMULATOR_PORTS = range(5554, 5586)
"""adb takes what listens here for emulators and lists it twice."""
_EPHEMERAL_FROM = 30000
"""Ports from here on may be taken by anybody's outgoing connection while a phone is unplugged."""

T = TypeVar("T")


def raise_descriptor_limit() -> None:
    """A phone listens on one descriptor and talks on another; the usual soft limit is soon reached."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@dataclass(frozen=True)
class FarmSettings:
    """What `runner phones serve` takes."""

    count: int = 3
    base_port: int = 0
    """0: free ports are looked for."""
    control_port: int = 0
    latency: LatencyMode = "none"
    app_versions: tuple[tuple[str, str], ...] = ()
    """(app name, version); an app that is not named has its default version."""
    language: str = "en"
    accounts: int = 2
    """Accounts per app and phone."""
    seed: int = 0
    sdk: int = 33
    capacity: int = 64 << 30
    adb_keyboard: bool = False
    installed: tuple[str, ...] = ("tiktok", "instagram")
    build_apps: BuildApps = field(default=build_apps, repr=False)


def account_name(phone: int, number: int) -> str:
    """The username of account `number` on the phone of this 1-based index; unique in the farm."""
    return f"demo_{phone:03d}_{number}"


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now, outside the ranges that others draw from."""
    found: list[int] = []
    start = random.randrange(10_000, _EPHEMERAL_FROM - count)
    for port in (*range(start, _EPHEMERAL_FROM), *range(10_000, start)):
        if len(found) == count:
            return found
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    raise OSError("not enough free ports for the virtual phones")


class Farm:
    """The phones of one process."""

    def __init__(self, settings: FarmSettings) -> None:
        self.settings = settings
        self.store = ContentStore()
        self.phones: list[VirtualPhone] = []
        self.control = ControlServer(self)

    @property
    def control_url(self) -> str:
        return self.control.url

    def phone(self, serial: str) -> VirtualPhone | None:
        return next((phone for phone in self.phones if phone.serial == serial), None)

    async def open(self) -> None:
        """Listen with every phone and the control API. Raises OSError naming the port that is taken."""
        try:
            for index, port in enumerate(self._ports(), 1):
                phone = VirtualPhone(self._phone_settings(index, port), self.store, self.settings.build_apps)
                await phone.open()
                self.phones.append(phone)
            await self.control.open(self.settings.control_port)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await self.control.close()
        for phone in self.phones:
            await phone.close()
        # One turn of the loop, so that the cut connections are gone before the loop is.
        await asyncio.sleep(0)
        self.store.close()

    def _ports(self) -> list[int]:
        settings = self.settings
        if not settings.base_port:
            return free_ports(settings.count)
        ports = range(settings.base_port, settings.base_port + settings.count)
        for port in ports:
            if port in _EMULATOR_PORTS or port > 65535:
                raise ValueError(
                    f"port {port} can't be a phone's: adb takes 5554-5585 for emulators; "
                    "choose another --base-port"
                )
        return list(ports)

    def _phone_settings(self, index: int, port: int) -> PhoneSettings:
        settings = self.settings
        users = tuple(account_name(index, number) for number in range(1, settings.accounts + 1))
        return PhoneSettings(
            port=port,
            language=settings.language,
            sdk=settings.sdk,
            latency=settings.latency,
            seed=settings.seed,
            capacity=settings.capacity,
            adb_keyboard=settings.adb_keyboard,
            versions=settings.app_versions,
            accounts=tuple((app, users) for app in settings.installed),
        )


class VirtualFarm:
    """A `Farm` on a thread of its own. Start and stop it once; also a context manager."""

    def __init__(self, settings: FarmSettings | None = None) -> None:
        self._settings = settings or FarmSettings()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._farm: Farm | None = None
        self._ended = asyncio.Event()

    def __enter__(self) -> VirtualFarm:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when all phones listen. Raises what `Farm.open` raises."""
        started: Future[None] = Future()

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            try:
                self._farm = Farm(self._settings)
                await self._farm.open()
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for it
                started.set_exception(error)
                return
            started.set_result(None)
            await self._ended.wait()
            await self._farm.close()

        self._thread = threading.Thread(
            target=asyncio.run, args=(main(),), name="virtual-phones", daemon=True
        )
        self._thread.start()
        started.result()

    def stop(self) -> None:
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    @property
    def farm(self) -> Farm:
        assert self._farm is not None, "the farm has not been started"
        return self._farm

    @property
    def serials(self) -> list[str]:
        return [phone.serial for phone in self.farm.phones]

    @property
    def control_url(self) -> str:
        return self.farm.control_url

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function on the phones' loop and return what it returns; phones may be touched only there."""

        async def run() -> T:
            return function(*args)

        return self.run(run())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the phones' loop."""
        assert self._loop is not None, "the farm has not been started"
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
