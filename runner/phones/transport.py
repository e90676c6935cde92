"""HTTP to the UI server on a phone: kept alive through one adb stream, bounded, honest about what was sent.

It moves bytes; the JSON-RPC calls and their errors are `ui`'s. The UI server is NanoHTTPD: it closes a
connection that was idle for 5 s, so a kept one may be dead when it is next used.
"""

from __future__ import annotations

import time
from http.client import HTTPException, HTTPResponse

import adbutils

from runner.errors import TransportLost, UiServerError
from runner.phones.client import Connection, Device
from runner.phones.failures import translated

FRESH = 4.0
"""Seconds for which a kept connection is trusted; NanoHTTPD ends an idle one after 5."""


class HttpTransport:
    """One phone's UI server. Used by one thread at a time."""

    def __init__(self, device: Device, port: int) -> None:
        self._device = device
        self._port = port
        self._kept: Connection | None = None
        self._used = 0.0
        self.keep_alive = False
        """Whether this phone's server keeps connections; learned by `probe`."""

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """For a request that may be made twice: over the kept connection, and once more over a fresh one when
        the kept one turns out to be dead. The body of the answer.

        Raises UiServerError, TransportLost, PhoneAbsent, PhoneTimeout, Cancelled.
        """
        kept = self._take_kept()
        if kept is not None:
            try:
                return self._exchange(kept, method, path, body)
            except (ConnectionError, EOFError, HTTPException):
                pass  # the phone closed it while we were sending
        return self._on_a_fresh_connection(method, path, body, keep=self.keep_alive)

    def ask_once(self, method: str, path: str, body: bytes) -> bytes:
        """For what must not happen twice: a connection of its own, one write of the whole request, no
        repetition by any layer. Raises like `ask`; `sent` tells whether the request may have arrived."""
        return self._on_a_fresh_connection(method, path, body, keep=False)

    def _on_a_fresh_connection(self, method: str, path: str, body: bytes, *, keep: bool) -> bytes:
        with translated(self._device.serial, sent=False):
            connection = self._open()
        with translated(self._device.serial):
            return self._exchange(connection, method, path, body, keep=keep)

    def probe(self) -> None:
        """Find out once whether this phone's server keeps connections, by asking twice on one of them."""
        self.close()
        self.keep_alive = True
        self.ask("GET", "/ping")
        kept = self._take_kept()
        if kept is None:
            self.keep_alive = False
            return
        try:
            with translated(self._device.serial):
                self._exchange(kept, "GET", "/ping", b"")
        except TransportLost:
            self.keep_alive = False

    def close(self) -> None:
        """Give the stream back to adb."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _take_kept(self) -> Connection | None:
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        if time.monotonic() - self._used < FRESH and kept.conn.is_quiet():
            return kept
        kept.close()
        return None

    def _open(self) -> Connection:
        connection = self._device.open_transport()
        try:
            connection.send_command(f"tcp:{self._port}")
            connection.check_okay()
        except adbutils.AdbError as error:
            connection.close()
            raise UiServerError(f"No UI server listens on the phone ({error}).") from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _exchange(
        self, connection: Connection, method: str, path: str, body: bytes, *, keep: bool = True
    ) -> bytes:
        # One write for header and body: two would be two adb packets, and the second waits for the first's
        # acknowledgement. No Accept-Encoding: NanoHTTPD leaks memory when it compresses.
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost:{self._port}\r\nUser-Agent: uiautomator2\r\n"
            f"Content-Type: application/json\r\nAccept-Encoding: \r\nContent-Length: {len(body)}\r\n\r\n"
        )
        done = False
        try:
            connection.conn.send(head.encode("ascii") + body)
            with HTTPResponse(connection.conn, method=method) as response:
                response.begin()
                content = response.read()
                closing = response.will_close
            if response.status != 200:
                raise UiServerError(f"The UI server answered HTTP {response.status} {response.reason}.")
            done = keep and not closing and not self._device.client.descriptors.scarce
        finally:
            if not done:
                connection.close()
        if done:
            self._kept, self._used = connection, time.monotonic()
        return content
