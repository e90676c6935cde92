"""All phones of the farm: their states, and one session at a time on each.

Puts together what adb reports (`tracking`), what each phone is (`status`), the warm links (`link`) and the
rule that a phone which keeps failing is left alone for a while. It starts no task and knows no script.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import structlog

from runner.cancel import CancelToken
from runner.errors import (
    Cancelled,
    NotFound,
    PhoneAbsent,
    PhoneError,
    PhoneUnauthorized,
    RunnerError,
    ShellFailed,
)
from runner.farm.model import Device as FarmDevice
from runner.farm.model import Farm
from runner.phones import limits, parser
from runner.phones.adb import AdbServer
from runner.phones.client import Device
from runner.phones.failures import translated
from runner.phones.limits import Guard
from runner.phones.link import RECOVERABLE, Link
from runner.phones.session import PhoneSession
from runner.phones.status import PhoneInfo, PhoneState, PhoneStatus
from runner.phones.tracking import ONLINE, Tracker

log = structlog.get_logger(__name__)

OFFLINE_UNSAID = 2.0
"""Seconds for which a phone may be offline before anybody is told."""
LOOK_AGAIN = 2.0
"""Seconds after a first look that failed."""


@dataclass(frozen=True)
class PhoneSettings:
    idle_seconds: float = 300.0
    """For so long after a session its UI server is kept running."""
    preparing_at_once: int = 8
    """UI servers started at the same time; more only makes each of them slower."""
    looking_at_once: int = 8
    """Threads for what is done to phones without a session."""
    quarantine_after: int = 3
    """Sessions in a row that fail."""
    quarantine_seconds: float = 30.0
    """Before the first new try; doubled after each that fails."""
    longest_quarantine: float = 1800.0


@dataclass
class _Phone:
    """One phone of the farm, guarded by the lock of `Phones`; `link` belongs to whoever holds `in_use`."""

    device: FarmDevice
    link: Link
    in_use: threading.Lock = field(default_factory=threading.Lock)
    state: PhoneState = PhoneState.ABSENT
    reason: str = ""
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    info: PhoneInfo | None = None
    online: bool = False
    looked_at: bool = False
    """Since it is online."""
    failures: int = 0
    """Sessions in a row that failed."""
    failure: str = ""
    quarantine: float = 0.0
    """Seconds before the next try; 0 when it is not in quarantine."""
    used: float = 0.0
    """When its last session ended, on the monotonic clock."""
    gone: bool = False
    """No longer in the farm."""

    def status(self) -> PhoneStatus:
        return PhoneStatus(
            self.device.serial, self.device.adb_serial, self.state, self.since, self.reason, self.info
        )


class Phones:
    """Thread-safe. `start` before anything else, `close` at the end."""

    def __init__(
        self,
        farm_source: Callable[[], Farm],
        *,
        server: AdbServer | None = None,
        settings: PhoneSettings | None = None,
    ) -> None:
        self.server = server or AdbServer()
        self._farm_source = farm_source
        self._settings = settings or PhoneSettings()
        self._lock = threading.RLock()
        self._phones: dict[str, _Phone] = {}
        self._by_adb_serial: dict[str, _Phone] = {}
        self._listeners: list[Callable[[PhoneStatus], None]] = []
        self._untold: deque[PhoneStatus] = deque()
        self._telling = threading.Lock()
        self._tracker = Tracker(self.server, self._seen)
        self._pool = ThreadPoolExecutor(self._settings.looking_at_once, thread_name_prefix="phones")
        self._preparing = threading.BoundedSemaphore(self._settings.preparing_at_once)
        self._stopping = CancelToken()
        self.server.client.descriptors.make_room = self._close_an_idle_link

    def start(self) -> None:
        """Follow adb and connect the TCP phones; returns at once, states follow."""
        self._tracker.start()
        self.reload(self._farm_source())

    def close(self) -> None:
        """Stop following and end the UI servers. Open sessions must have been cancelled."""
        self._stopping.cancel("the service stops")
        self._tracker.close()
        self._pool.shutdown(cancel_futures=True)
        for phone in list(self._phones.values()):
            self._close_link(phone)

    def reload(self, farm: Farm) -> None:
        """Take over a changed devices.yaml; a phone that is in use is let go when its session ends."""
        with self._lock:
            for phone in list(self._phones.values()):
                current = farm.device(phone.device.serial)
                if current is None or current.adb_serial != phone.device.adb_serial:
                    self._drop(phone)
            for device in farm.devices:
                self._take_in(device)
        addresses = [device.address for device in farm.devices if device.address and device.enabled]
        _warn_of_emulator_ports(addresses)
        self._tracker.keep_connected(addresses)
        self._seen(None)

    def snapshot(self) -> list[PhoneStatus]:
        """All phones of the farm, in its order."""
        with self._lock:
            phones = sorted(self._phones.values(), key=lambda phone: phone.device.index)
            return [phone.status() for phone in phones]

    def status(self, serial: str) -> PhoneStatus:
        """Raises NotFound."""
        with self._lock:
            return self._phone(serial).status()

    def strangers(self) -> dict[str, str]:
        """What adb sees and devices.yaml does not name: adb's serial → adb's state."""
        with self._lock:
            return {s: state for s, state in self._tracker.states.items() if s not in self._by_adb_serial}

    def on_change(self, callback: Callable[[PhoneStatus], None]) -> None:
        """Call back on each change of a state or its reason, in order, from any thread. It must be quick and
        must not raise."""
        self._listeners.append(callback)

    @contextlib.contextmanager
    def session(self, serial: str, cancel: CancelToken) -> Iterator[PhoneSession]:
        """The phone for one run, prepared.

        Raises NotFound, PhoneAbsent, PhoneUnauthorized, PhoneError when it is in use or in quarantine, and
        what preparing it raises.
        """
        with self._lock:
            phone = self._phone(serial)
            info = self._usable(phone)
        if not phone.in_use.acquire(timeout=limits.HOST):
            raise PhoneError("The phone is in use by another run.", serial=serial)
        try:
            self._update(phone)
            with phone.link.guard.bound(cancel), self._judged(phone):
                self._prepare(phone, cancel)
                yield PhoneSession(phone.link, info, cancel)
        finally:
            self._release(phone)

    def _prepare(self, phone: _Phone, cancel: CancelToken) -> None:
        if phone.link.warm:
            return
        while not self._preparing.acquire(timeout=limits.SLICE):
            cancel.check()
        try:
            phone.link.open()
        finally:
            self._preparing.release()

    def _usable(self, phone: _Phone) -> PhoneInfo:
        if phone.state in (PhoneState.READY, PhoneState.BUSY) and phone.info is not None:
            return phone.info
        refusal = {
            PhoneState.ABSENT: PhoneAbsent,
            PhoneState.OFFLINE: PhoneAbsent,
            PhoneState.UNAUTHORIZED: PhoneUnauthorized,
        }.get(phone.state, PhoneError)
        raise refusal(f"The phone is {phone.state}. {phone.reason}", serial=phone.device.serial, remedy="")

    def _release(self, phone: _Phone) -> None:
        phone.link.rest()
        if phone.gone or phone.quarantine:
            phone.link.close()
        used = phone.used = time.monotonic()
        phone.in_use.release()
        self._update(phone)
        if phone.link.warm:
            self._later(self._settings.idle_seconds, lambda: phone.used == used and self._close_link(phone))

    def _close_link(self, phone: _Phone) -> bool:
        """Unless it is in use; True when there was something to close."""
        if not phone.in_use.acquire(blocking=False):
            return False
        try:
            warm = phone.link.warm
            phone.link.close()
            return warm
        finally:
            phone.in_use.release()

    def _close_an_idle_link(self) -> bool:
        """The one that was not used for longest, when adb runs short of file descriptors."""
        with self._lock:
            warm = [phone for phone in self._phones.values() if phone.link.warm and not phone.in_use.locked()]
        return any(self._close_link(phone) for phone in sorted(warm, key=lambda phone: phone.used))

    # What a session says about the phone

    @contextlib.contextmanager
    def _judged(self, phone: _Phone) -> Iterator[None]:
        try:
            yield
        except RECOVERABLE as error:
            self._failed(phone, error)
            raise
        except Cancelled:
            raise
        except RunnerError:
            self._worked(phone)
            raise
        self._worked(phone)

    def _worked(self, phone: _Phone) -> None:
        with self._lock:
            phone.failures, phone.quarantine = 0, 0.0

    def _failed(self, phone: _Phone, error: PhoneError) -> None:
        if self._tracker.state(phone.device.adb_serial) != ONLINE:
            return  # unplugged is a state of its own, not a fault of the phone
        settings = self._settings
        with self._lock:
            phone.failures += 1
            phone.failure = error.message
            if phone.failures < settings.quarantine_after:
                return
            pause = min(2 * phone.quarantine or settings.quarantine_seconds, settings.longest_quarantine)
            phone.quarantine = pause
        self._later(pause * random.uniform(0.8, 1.2), lambda: self._try_again(phone))
        self._update(phone)

    def _try_again(self, phone: _Phone) -> None:
        """A phone in quarantine is prepared as for a run, and released when that works."""
        if phone.gone or not phone.online or not phone.in_use.acquire(blocking=False):
            return
        try:
            with phone.link.guard.bound(self._stopping), self._judged(phone):
                self._prepare(phone, self._stopping)
        except RunnerError as error:
            log.debug("still failing", action="quarantine", serial=phone.device.serial, error=str(error))
        finally:
            self._release(phone)
        if not phone.looked_at:
            self._look_at(phone)

    # What adb says about the phone

    def _seen(self, adb_serials: set[str] | None) -> None:
        with self._lock:
            serials = self._by_adb_serial.keys() if adb_serials is None else adb_serials
            phones = [phone for serial in serials if (phone := self._by_adb_serial.get(serial))]
        for phone in phones:
            if self._tracker.state(phone.device.adb_serial) == "offline":
                # Every TCP phone passes through it on its way up, and mostly comes back by itself.
                self._later(OFFLINE_UNSAID, partial(self._follow, phone))
            else:
                self._follow(phone)

    def _follow(self, phone: _Phone) -> None:
        with self._lock:
            before, phone.online = phone.online, self._is_online(phone)
            if not phone.online:
                phone.looked_at = False
        self._update(phone)
        if phone.online and not before:
            self._submit(partial(self._look_at, phone))

    def _is_online(self, phone: _Phone) -> bool:
        return phone.device.enabled and self._tracker.state(phone.device.adb_serial) == ONLINE

    def _look_at(self, phone: _Phone) -> None:
        """Read what the phone is; from then on it is ready."""
        guard = Guard(phone.device.serial, self._stopping)
        device = Device(self.server.client, phone.device.adb_serial, guard)
        try:
            with guard.within(limits.SHELL, "first look"), translated(phone.device.serial):
                info = _read_info(device)
        except PhoneError as error:
            self._failed(phone, error)
            if phone.online and not phone.quarantine:
                self._later(LOOK_AGAIN, lambda: self._look_at(phone))
            return
        with self._lock:
            phone.info = info
            phone.looked_at = phone.online
        self._update(phone)

    def _update(self, phone: _Phone) -> None:
        """Derive the phone's state anew, and tell when it changed."""
        with self._lock:
            state, reason = self._derive(phone)
            if (state, reason) == (phone.state, phone.reason) or phone.gone:
                return
            if changed := state is not phone.state:
                phone.since = datetime.now(UTC)
            phone.state, phone.reason = state, reason
            if changed:
                say = log.warning if state in _TROUBLE else log.info
                serial = phone.device.serial
                say("phone", action="phone_state", serial=serial, state=str(state), reason=reason)
            self._untold.append(phone.status())
        self._tell()

    def _tell(self) -> None:
        """Pass the changes on in their order, by one thread at a time, and with no lock that a listener's own
        calls could wait for."""
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    status = self._untold.popleft()
                    for listener in self._listeners:
                        listener(status)
            finally:
                self._telling.release()

    def _derive(self, phone: _Phone) -> tuple[PhoneState, str]:
        adb_state = self._tracker.state(phone.device.adb_serial)
        if not phone.device.enabled:
            return PhoneState.ABSENT, "It is disabled in devices.yaml."
        if adb_state is None:
            return PhoneState.ABSENT, self._why_absent(phone.device.address)
        if adb_state == "unauthorized":
            return PhoneState.UNAUTHORIZED, PhoneUnauthorized.remedy
        if adb_state != ONLINE:
            return PhoneState.OFFLINE, _why_offline(adb_state)
        if phone.quarantine:
            return PhoneState.QUARANTINED, (
                f"{phone.failures} times in a row it failed, last with: {phone.failure} It is tried again by "
                "itself, less and less often; restart the phone, and see `runner doctor`."
            )
        if phone.in_use.locked():
            return PhoneState.BUSY, ""
        if not phone.looked_at:
            return PhoneState.PREPARING, "It has just connected."
        return PhoneState.READY, ""

    def _why_absent(self, address: str) -> str:
        if self._tracker.trouble:
            return self._tracker.trouble
        if not address:
            return "adb does not see it. Check its cable, and that USB debugging is on."
        error = self._tracker.connect_error(address)
        return f"{error}. Is it on, and adb over TCP enabled on it?" if error else "It is being connected."

    # The farm

    def _phone(self, serial: str) -> _Phone:
        phone = self._phones.get(serial)
        if phone is None:
            raise NotFound(f"There is no phone {serial!r} in devices.yaml.")
        return phone

    def _take_in(self, device: FarmDevice) -> None:
        phone = self._phones.get(device.serial)
        if phone is not None:
            phone.device = device
            return
        link = Link(device.serial, device.adb_serial, self.server, self._tracker)
        self._phones[device.serial] = self._by_adb_serial[device.adb_serial] = _Phone(device, link)

    def _drop(self, phone: _Phone) -> None:
        phone.gone = True
        del self._phones[phone.device.serial], self._by_adb_serial[phone.device.adb_serial]
        self._submit(lambda: self._close_link(phone))

    # Work without a session

    def _submit(self, work: Callable[[], object]) -> None:
        if not self._stopping.cancelled:
            self._pool.submit(self._logged, work)

    def _later(self, seconds: float, work: Callable[[], object]) -> None:
        self._tracker.call_later(seconds, lambda: self._submit(work))

    def _logged(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Cancelled:
            pass
        except Exception:
            log.exception("a background job of the phones failed", action="phones")
            raise


_TROUBLE = frozenset({PhoneState.ABSENT, PhoneState.OFFLINE, PhoneState.UNAUTHORIZED, PhoneState.QUARANTINED})


def _read_info(device: Device) -> PhoneInfo:
    props = parser.properties(device.run(["getprop"]).output)
    try:
        size = parser.display_size(device.run(["wm", "size"]).output)
    except ValueError as error:
        raise ShellFailed(str(error)) from error
    return PhoneInfo(
        model=props.get("ro.product.model", ""),
        brand=props.get("ro.product.brand", ""),
        android=props.get("ro.build.version.release", ""),
        sdk=int(props.get("ro.build.version.sdk") or 0),
        size=size,
        language=parser.language(props),
    )


def _why_offline(adb_state: str) -> str:
    if adb_state.startswith("no permissions"):
        return (
            f"This user may not open it over USB: {adb_state}. On Debian and Ubuntu: apt install "
            "android-sdk-platform-tools-common, then plug it in again."
        )
    if adb_state in ("recovery", "sideload", "bootloader", "rescue"):
        return f"It is in {adb_state} mode. Restart it."
    return f"adb sees it but can't talk to it ({adb_state}). Plug it in again, or restart it."


def _warn_of_emulator_ports(addresses: list[str]) -> None:
    """adb looks for emulators on these ports by itself, and then lists the same phone twice."""
    for address in addresses:
        host, _, port = address.rpartition(":")
        if host in ("127.0.0.1", "localhost") and port.isdigit() and 5555 <= int(port) <= 5585:
            log.warning("adb will list this phone twice; use a port outside 5555-5585", address=address)
