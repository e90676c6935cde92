"""Which phones adb sees, by its own event stream, and `adb connect` for TCP phones, again after each loss.

One thread with an event loop follows the stream, supervises the adb server, and waits for any number of dead
addresses at once. It knows adb's serials and states only; what they mean for the farm is in `phones`.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Collection

import structlog

from runner.errors import PhoneAbsent, PhoneUnauthorized, RunnerError
from runner.phones import limits, parser
from runner.phones.adb import AdbServer
from runner.phones.client import HOST
from runner.phones.limits import Guard

log = structlog.get_logger(__name__)

ONLINE = "device"
UNSETTLED = frozenset({None, "offline", "connecting"})
"""States in which `adb connect` may help."""

FIRST_TRIES = 24
"""`adb connect`s at once for phones that have not failed yet."""
FURTHER_TRIES = 8
"""The same for those that have: adb blocks 10 s on a dead address, and these must not hold up the others."""
OFFLINE_GRACE = 3.0
"""Seconds in which adb may bring an offline phone back by itself; it usually takes 1.5."""
LONGEST_PAUSE = 60.0


class Tracker:
    """`changed` is called in the tracker's thread with the adb serials of which something is new; with None
    when it concerns adb itself."""

    def __init__(self, server: AdbServer, changed: Callable[[set[str] | None], None]) -> None:
        self._server = server
        self._changed = changed
        self.trouble = ""
        """Why adb can't be followed now; "" while all is well."""
        self._states: dict[str, str] = {}
        self._news = threading.Condition()
        self._keepers: dict[str, _Keeper] = {}
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, name="phones-tracker", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._running.wait()

    def close(self) -> None:
        """Stop following; phones stay connected to adb."""
        if self._running.is_set():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def state(self, serial: str) -> str | None:
        """adb's word for it ("device", "offline", …), None when adb doesn't list it."""
        return self._states.get(serial)

    @property
    def states(self) -> dict[str, str]:
        """Everything that adb lists, phones outside the farm included."""
        return dict(self._states)

    def connect_error(self, address: str) -> str:
        """What the last `adb connect` of this address said when it failed, else ""."""
        keeper = self._keepers.get(address)
        return keeper.error if keeper is not None else ""

    def keep_connected(self, addresses: Collection[str]) -> None:
        """The TCP phones to connect, now and after each loss; replaces the set of the call before."""
        self._loop.call_soon_threadsafe(self._set_addresses, frozenset(addresses))

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` in the tracker's thread after a while; it must be short. Dropped when closed."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.call_later, seconds, action)

    def wait_online(self, serial: str, guard: Guard) -> None:
        """Wait until adb can talk to the phone. Raises PhoneAbsent or PhoneUnauthorized at the deadline."""
        with self._news:
            while self._states.get(serial) != ONLINE:
                guard.cancel.check()
                if guard.remaining <= 0:
                    state = self._states.get(serial)
                    if state == "unauthorized":
                        raise PhoneUnauthorized(serial=serial)
                    raise PhoneAbsent(
                        f"The phone did not come back ({state or 'adb does not see it'}).", serial=serial
                    )
                self._news.wait(min(limits.SLICE, guard.remaining))

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._serving = asyncio.Event()
        self._first_tries = asyncio.Semaphore(FIRST_TRIES)
        self._further_tries = asyncio.Semaphore(FURTHER_TRIES)
        follower = asyncio.create_task(self._follow())
        self._running.set()
        await self._stop.wait()
        follower.cancel()
        self._set_addresses(frozenset())
        await asyncio.gather(follower, return_exceptions=True)

    async def _follow(self) -> None:
        pause = 0.1
        while True:
            try:
                await asyncio.to_thread(self._server.ensure)
                async for states in self._stream():
                    pause = 0.1
                    self._serving.set()
                    self._trouble("")
                    self._publish(states)
            except RunnerError as error:
                self._trouble(str(error))
            except (OSError, EOFError):
                self._trouble("The adb server went away; it is being started again.")
            self._serving.clear()
            self._publish({})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _trouble(self, text: str) -> None:
        if text == self.trouble:
            return
        self.trouble = text
        if text:
            log.warning(text, action="adb_lost")
        else:
            log.info("following adb again", action="adb_found")
        self._changed(None)

    async def _stream(self) -> AsyncIterator[dict[str, str]]:
        reader, writer = await asyncio.open_connection(HOST, self._server.port)
        try:
            await _ask(reader, writer, "host:track-devices")
            while True:
                yield parser.devices(await _block(reader))
        finally:
            writer.close()

    def _publish(self, states: dict[str, str]) -> None:
        before = self._states
        changed = {serial for serial in before.keys() | states if before.get(serial) != states.get(serial)}
        self._server.client.descriptors.phones(len(states))
        with self._news:
            self._states = states
            self._news.notify_all()
        for serial in changed & self._keepers.keys():
            self._keepers[serial].update(states.get(serial))
        if changed:
            self._changed(changed)

    def _set_addresses(self, addresses: frozenset[str]) -> None:
        for address in self._keepers.keys() - addresses:
            self._keepers.pop(address).task.cancel()
        for address in addresses - self._keepers.keys():
            self._keepers[address] = _Keeper(self, address)

    async def connect(self, address: str, *, disconnect_first: bool, again: bool) -> str:
        """`adb connect` when it is this phone's turn; what went wrong, or ""."""
        await self._serving.wait()
        async with self._further_tries if again else self._first_tries:
            try:
                if disconnect_first:
                    # "already connected" is all that `connect` does to a phone that hangs offline.
                    await self._request(f"host:disconnect:{address}")
                answer = await self._request(f"host:connect:{address}")
            except (OSError, EOFError) as error:
                answer = str(error) or type(error).__name__
        return "" if "connected to" in answer else answer

    async def _request(self, request: str) -> str:
        async with asyncio.timeout(limits.CONNECT):
            reader, writer = await asyncio.open_connection(HOST, self._server.port)
            try:
                await _ask(reader, writer, request)
                return await _block(reader)
            finally:
                writer.close()

    def failed(self, address: str) -> None:
        """A keeper's attempt failed: tell what is known now."""
        self._changed({address})


class _Keeper:
    """Keeps one TCP phone connected. Lives in the tracker's loop; costs no thread."""

    def __init__(self, tracker: Tracker, address: str) -> None:
        self._tracker = tracker
        self._address = address
        self._state = tracker.state(address)
        self._changed = asyncio.Event()
        self.error = ""
        self.task = asyncio.create_task(self._keep())

    def update(self, state: str | None) -> None:
        self._state = state
        self._changed.set()

    async def _keep(self) -> None:
        attempts = 0
        while True:
            if self._state not in UNSETTLED:
                attempts, self.error = 0, ""
                await self._changed.wait()
                self._changed.clear()
            elif self._state is not None and await self._settled(OFFLINE_GRACE):
                continue
            else:
                await self._connect(again=attempts > 0)
                attempts += 1
                await self._settled(min(LONGEST_PAUSE, 2.0**attempts) * random.uniform(0.7, 1.3))

    async def _connect(self, *, again: bool) -> None:
        offline = self._state is not None
        error = await self._tracker.connect(self._address, disconnect_first=offline, again=again)
        if error != self.error:
            self.error = error
            self._tracker.failed(self._address)

    async def _settled(self, seconds: float) -> bool:
        """Wait for a state that no connecting can better; False when none came in time."""
        try:
            async with asyncio.timeout(seconds):
                while self._state in UNSETTLED:
                    await self._changed.wait()
                    self._changed.clear()
        except TimeoutError:
            return False
        return True


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: str) -> None:
    command = request.encode()
    writer.write(b"%04x" % len(command) + command)
    if await reader.readexactly(4) != b"OKAY":
        raise ConnectionError(f"adb refused {request}: {await _block(reader)}")


async def _block(reader: asyncio.StreamReader) -> str:
    size = int(await reader.readexactly(4), 16)
    return (await reader.readexactly(size)).decode("utf-8", "replace")
