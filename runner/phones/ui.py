"""uiautomator2's Device over our transport: its calls, selectors and keyboard, our connections and deadlines.

Imported when the first session opens. uiautomator2 alone restarts the server inside any call and sends the
call again, whatever it was. Here a call is one call: whether it is repeated is `session`'s decision, and how
a server that died or hangs is brought back is in `recovery`.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import uiautomator2
from uiautomator2.exceptions import (
    AccessibilityServiceAlreadyRegisteredError,
    LaunchUiAutomationError,
    RPCInvalidError,
    RPCUnknownError,
    UiAutomationNotConnectedError,
    UiObjectNotFoundError,
)

from runner.errors import PhoneError, PhoneTimeout
from runner.phones import limits
from runner.phones.client import Connection, Device
from runner.phones.transport import HttpTransport

PORT = 9008
MAIN_CLASS = "com.wetest.uia2.Main"
REPEATABLE = frozenset(
    {
        "clearInputText", "clearTextField", "count", "deviceInfo", "dumpWindowHierarchy", "exist",
        "getClipboard", "getLastToast", "getText", "objInfo", "objInfoOfAllInstances", "setClipboard",
        "setText", "takeScreenshot", "wakeUp",
    }
)  # fmt: skip
"""Calls that may be made again when a kept connection turns out to be dead: questions, and changes that leave
the same state however often they are made. A touch or a paste is not among them."""


class Ui(uiautomator2.Device):  # type: ignore[misc]
    """One phone's UI server and the calls to it. Make one per phone and reuse it."""

    _dev: Device

    def __init__(self, device: Device) -> None:
        """Starts the UI server unless one runs. Raises what `start_uiautomator` raises."""
        self._process: Connection | None = None
        self._process_output = b""
        self.transport = HttpTransport(device, port=PORT)
        try:
            super().__init__(device)
            # uiautomator2 registers every Device with atexit, which would keep each one for ever.
            atexit.unregister(self.stop_uiautomator)
            self.transport.probe()
        except BaseException:
            self.stop_uiautomator()
            raise

    def start_uiautomator(self) -> None:
        """Push the jar if the phone lacks it, start the server if none answers, wait until it does.

        Raises LaunchUiAutomationError, AccessibilityServiceAlreadyRegisteredError, PhoneTimeout when a server
        is there but hangs, and what a broken connection raises.
        """
        with self._dev.guard.within(limits.UI_START, "start of the UI server"):
            self._setup_jar()
            if self._check_alive():
                # Perhaps somebody else's, who ends it when he ends: that is recovered from when it happens.
                return
            self.stop_uiautomator()
            self._process_output = b""
            self._process = self._dev.open_shell(
                f"CLASSPATH=/data/local/tmp/u2.jar app_process / {MAIN_CLASS} -p {PORT}"
            )
            self._wait_app_process_ready()

    def stop_uiautomator(self, wait: bool = False) -> None:
        """Close our connections to the server; one that we started ends with them. Never waits."""
        self.transport.close()
        if self._process is not None:
            self._process.close()
            self._process = None

    def _check_device_file_hash(self, local_file: str | Path, remote_file: str) -> bool:
        """As uiautomator2 does it, but without reading the 3.7 MB jar anew for each phone."""
        output = self._dev.run(["toybox", "md5sum", remote_file]).output
        if "toybox" in output and "not found" in output:
            output = self._dev.run(["md5", remote_file]).output
        return _md5(str(local_file)) in output

    def _check_alive(self) -> bool:
        try:
            with self._dev.guard.within(limits.PING, "is the UI server there?"):
                return self.transport.ask("GET", "/ping") == b"pong"
        except PhoneTimeout:
            raise
        except PhoneError:
            return False

    def _wait_app_process_ready(self) -> None:
        pause = 0.05
        while True:
            ended = self._read_process_output()
            output = self._process_output.decode("utf-8", "replace")
            if "already registered" in output:
                raise AccessibilityServiceAlreadyRegisteredError(output)
            if ended:
                raise LaunchUiAutomationError("server quit unexpectedly", output)
            if self._check_alive():
                return
            self._dev.guard.sleep(pause)
            pause = min(0.5, pause * 2)

    def _read_process_output(self) -> bool:
        """Collect what the server's process printed, without waiting; True when it has ended."""
        if self._process is None:
            return True
        arrived, ended = self._process.conn.received()
        self._process_output += arrived
        return bool(ended)

    def jsonrpc_call(self, method: str, params: Any = None, timeout: float = 0) -> Any:
        """One JSON-RPC call. `timeout` is ignored: the guard's deadline rules.

        Raises uiautomator2's RPC errors, UiServerError, TransportLost, PhoneAbsent, PhoneTimeout, Cancelled.
        """
        ask = self.transport.ask if method in REPEATABLE else self.transport.ask_once
        return _result(ask("POST", "/jsonrpc/0", _request(method, params)), params)

    def call_once(self, method: str, params: Any) -> Any:
        """One JSON-RPC call that nothing repeats, whatever it is."""
        return _result(self.transport.ask_once("POST", "/jsonrpc/0", _request(method, params)), params)


@functools.cache
def _md5(path: str) -> str:
    return hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()


def _request(method: str, params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def _result(answer: bytes, params: Any) -> Any:
    """The result in an answer, or uiautomator2's exception for the error in it."""
    try:
        data = json.loads(answer)
    except ValueError as error:
        raise RPCInvalidError(f"the answer is not JSON: {answer[:200]!r}") from error
    if not isinstance(data, dict) or ("result" not in data and "error" not in data):
        raise RPCInvalidError(f"neither result nor error: {answer[:200]!r}")
    if "error" not in data:
        return data["result"]
    code, message = data["error"].get("code"), data["error"].get("message") or ""
    details = data["error"].get("data") or ""
    if any(sign in f"{message}\n{details}" for sign in _DISCONNECTED):
        raise UiAutomationNotConnectedError(message)
    if "uiautomator.UiObjectNotFoundException" in message:
        raise UiObjectNotFoundError(code, message, params)
    raise RPCUnknownError(f"{code} {message}")


_DISCONNECTED = (
    "UiAutomation not connected",
    "android.os.DeadObjectException",
    "android.os.DeadSystemRuntimeException",
)
