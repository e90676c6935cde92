"""Calls to an API host that does not answer, or is something else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from runner.cancel import CancelToken, Deadline
from runner.errors import Cancelled, StoreError
from runner.fleet.api_host import ApiHost, HostAway
from runner.fleet.shapes import AskNotes, Notes, RunProof

QUESTION = AskNotes(run=RunProof(task_id=1, attempt=1, token="t"), folder="films")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_call_that_is_not_answered_can_be_cancelled(listener: socket.socket) -> None:
    host, cancel = ApiHost(lambda: url_of(listener), "key"), CancelToken()
    threading.Timer(0.2, cancel.cancel).start()
    deadline = Deadline(2)
    with pytest.raises(Cancelled):
        host.ask("/notes", QUESTION, Notes, cancel)
    assert not deadline.passed
    host.close()


def test_what_is_not_the_runner_is_told(listener: socket.socket) -> None:
    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")

    thread = threading.Thread(target=answer)
    thread.start()
    host = ApiHost(lambda: url_of(listener), "key", patience=0)
    with pytest.raises(HostAway, match=r"What answers at http://127\.0\.0\.1:\d+/api/v1/fleet/notes is not"):
        host.ask("/notes", QUESTION, Notes, CancelToken())
    thread.join()
    host.close()


def test_a_database_that_is_away_is_waited_for_too() -> None:
    asked: list[float] = []

    def url() -> str | None:
        asked.append(0)
        raise StoreError

    host = ApiHost(url, "key", patience=0.3)
    with pytest.raises(StoreError):
        host.ask("/notes", QUESTION, Notes, CancelToken())
    assert len(asked) > 1
    host.close()
