"""A host's calls to the API host of its fleet: authorised by the fleet's key, patient, ended by a cancel.

What is asked and answered is said in `runner.fleet.shapes`. While the API host is away, its process may just
be starting again: then a call is repeated, with growing pauses, before it fails.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from runner.cancel import CancelToken, Deadline
from runner.errors import InvalidRequest, LostRun, MediaUnusable, NotFound, RunnerError, StoreError
from runner.fleet import PREFIX
from runner.fleet.shapes import Content, Refusal

API = f"/api/v1{PREFIX}"
PATIENCE = 60.0
"""Seconds for which the API host may be away before a call fails."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0
_TIMEOUT = httpx.Timeout(30.0, connect=2.0)
_CLAIM_TIMEOUT = httpx.Timeout(300.0, connect=2.0)
"""Files of a local folder are read to their end before they are claimed."""
_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")
_SAME_HERE = {kind.__name__: kind for kind in (InvalidRequest, LostRun, MediaUnusable, NotFound)}

ShapeT = TypeVar("ShapeT", bound=BaseModel)


class HostAway(RunnerError):
    """The API host of the fleet can't be used now."""

    remedy = "Check that `runner serve` runs there and that this host reaches it; `runner hosts` shows where."


class ApiHost:
    """Thread-safe."""

    def __init__(self, url: Callable[[], str | None], key: str, *, patience: float = PATIENCE) -> None:
        """`url` tells where the API host is now (http://10.0.0.5:50809), None while there is none."""
        self._url = url
        self._patience = patience
        # One connection for each call: it can be broken off alone, and none outlives the API host's process.
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"},
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=_TIMEOUT,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def ask(self, call: str, question: BaseModel, answer: type[ShapeT], cancel: CancelToken) -> ShapeT:
        """Raises what the API host met: MediaUnusable, LostRun …; HostAway, Cancelled."""
        body = question.model_dump(mode="json")
        patience = _Patience(self._patience, cancel)
        while True:
            try:
                with self._sent("POST", call, cancel, json=body, timeout=_CLAIM_TIMEOUT) as got:
                    try:
                        return answer.model_validate(_data(got))
                    except ValidationError as error:
                        raise RunnerError(
                            f"The API host's answer to {call} can't be read: {error}.",
                            remedy="Run the same version of the runner on all hosts.",
                        ) from None
            except (HostAway, StoreError) as error:
                patience.wait(error)

    def bytes_of(self, content: Content, start: int, cancel: CancelToken) -> Iterator[bytes]:
        """The file's bytes from `start` on; a transfer that breaks is taken up where it broke.

        Raises MediaUnusable when the file is no longer the announced one; NotFound, HostAway, Cancelled.
        """
        patience = _Patience(self._patience, cancel)
        etag = f'"{content.sha256}"'
        while start < content.size:
            headers = {"Range": f"bytes={start}-", "If-Range": etag} if start else {}
            try:
                with self._sent("GET", content.url, cancel, headers=headers) as got:
                    if "etag" not in got.headers:
                        _data(got)
                    if got.headers.get("etag") != etag or got.status_code != (206 if start else 200):
                        raise MediaUnusable("The file was changed on the API host after it was chosen.")
                    for chunk in got.iter_raw():
                        start += len(chunk)
                        patience.renew()
                        yield chunk
            except (HostAway, StoreError) as error:
                patience.wait(error)

    def put(self, call: str, data: bytes, cancel: CancelToken) -> None:
        """Once, without patience. Raises NotFound and other refusals, HostAway, Cancelled."""
        params = {"sha256": hashlib.sha256(data).hexdigest()}
        with self._sent("PUT", call, cancel, content=data, params=params) as got:
            _data(got)

    @contextmanager
    def _sent(self, method: str, call: str, cancel: CancelToken, **options: Any) -> Iterator[httpx.Response]:
        """The answer, while its body comes. Raises HostAway, Cancelled."""
        url = self._url()
        if url is None:
            raise HostAway("No API host of the fleet is up.", remedy="Start it: runner serve")
        sockets: list[socket.socket] = []

        def break_off() -> None:
            with suppress(OSError):  # closed already
                for each in sockets:
                    each.shutdown(socket.SHUT_RDWR)

        def trace(event: str, info: Mapping[str, Any]) -> None:
            if event in _CONNECTED:
                sockets.append(info["return_value"].get_extra_info("socket"))
                if cancel.cancelled:
                    break_off()

        with cancel.interrupt(break_off):
            try:
                with self._http.stream(
                    method, f"{url.rstrip('/')}{API}{call}", extensions={"trace": trace}, **options
                ) as answer:
                    if answer.is_server_error:
                        answer.read()
                        raise HostAway(f"The API host at {url} answers {answer.status_code}: {answer.text}")
                    yield answer
            except httpx.TransportError as error:
                cancel.check()
                what = str(error) or type(error).__name__
                raise HostAway(f"The API host at {url} can't be reached: {what}.") from None


class _Patience:
    def __init__(self, seconds: float, cancel: CancelToken) -> None:
        self._seconds = seconds
        self._cancel = cancel
        self.renew()

    def renew(self) -> None:
        self._deadline = Deadline(self._seconds)
        self._pause = _FIRST_PAUSE

    def wait(self, error: RunnerError) -> None:
        """Pause, longer each time; raises `error` when it has lasted too long."""
        if self._deadline.passed:
            raise error
        self._cancel.sleep(min(self._pause, self._deadline.remaining))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def _data(answer: httpx.Response) -> Any:
    """What the answer's envelope holds; raises the refusal that it may be."""
    answer.read()
    try:
        envelope = answer.json()
        code, message, data = envelope["code"], envelope["message"], envelope["data"]
    except (ValueError, TypeError, KeyError):
        raise HostAway(f"What answers at {answer.request.url} is not the runner.") from None
    if not code:
        return data
    if code // 100 == 401:
        raise RunnerError(
            f"The API host at {answer.request.url.netloc.decode()} does not know this host's key.",
            remedy="Name the same database on all hosts.",
        )
    if code // 100 >= 500:  # with api.error_status: envelope
        raise HostAway(f"The API host answers: {message}")
    try:
        refusal = Refusal.model_validate(data)
    except ValidationError:
        raise RunnerError(f"The API host refuses: {message}") from None
    raise _SAME_HERE.get(refusal.error, RunnerError)(message, remedy=refusal.remedy)
