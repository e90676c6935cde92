"""Keys of worker servers: how they are made, kept and recognised, and how guessing them is slowed down.

A key is "<server id>.<64 hex digits>": 256 random bits, so a plain SHA-256 of it can't be searched, and a
slow password hash would only slow down honest calls.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict, deque
from typing import Any

WINDOW_SECONDS = 60.0
_MOST_ADDRESSES = 10_000


def new_key(server_id: str) -> str:
    return f"{server_id}.{secrets.token_hex(32)}"


def server_of(key: str) -> str:
    """The id of the server that the key says it belongs to."""
    return key.partition(".")[0]


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def is_key(key: str, stored_hash: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(key_hash(key), stored_hash)


class FailedKeys:
    """Counts wrong keys per address within a sliding minute. Thread-safe.

    A key that was right from an address before goes on working there, so that a stranger behind the same
    address, or one forgotten old worker, does not lock out the others.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait(self, address: str, key: str) -> float:
        """Seconds until the next key from this address is looked at; 0 for now."""
        with self._lock:
            failures = self._failures.get(address)
            if not failures or (address, key_hash(key)) in self._good:
                return 0.0
            now = time.monotonic()
            while failures and failures[0] <= now - WINDOW_SECONDS:
                failures.popleft()
            if not failures:
                del self._failures[address]
            return failures[0] + WINDOW_SECONDS - now if len(failures) >= self._limit else 0.0

    def failed(self, address: str) -> None:
        with self._lock:
            self._failures.setdefault(address, deque(maxlen=self._limit)).append(time.monotonic())
            _forget_oldest(self._failures)

    def succeeded(self, address: str, key: str) -> None:
        with self._lock:
            self._good[address, key_hash(key)] = None
            _forget_oldest(self._good)


def _forget_oldest(entries: OrderedDict[Any, Any]) -> None:
    while len(entries) > _MOST_ADDRESSES:
        entries.popitem(last=False)
