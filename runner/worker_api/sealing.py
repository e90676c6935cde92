"""Passwords of worker tasks at rest: sealed, so that neither the database nor a copy of it shows them.

The API promises a worker the password of the account it shall use, so it can't be hashed. It is encrypted
under a key that lies in a file beside the database and not in it, and is forgotten when the task has ended.
Only what Python ships: HMAC-SHA256 as the generator of a counter-mode stream, then HMAC-SHA256 over nonce and
ciphertext (encrypt-then-MAC), each under its own key. See docs/decisions/0010-sealed-passwords.md.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from pathlib import Path

from runner.errors import RunnerError

_NONCE = 24
_TAG = 32


class SealBroken(RunnerError):
    """A stored password can't be opened with this key."""

    remedy = "Bring back the file worker-passwords.key that belonged to this database."


class Seal:
    def __init__(self, key: bytes) -> None:
        self._stream_key = hmac.digest(key, b"stream", "sha256")
        self._tag_key = hmac.digest(key, b"tag", "sha256")

    @classmethod
    def from_file(cls, path: Path) -> Seal:
        """The key in the file, which is made at first, readable by its owner only."""
        if not path.exists():
            whole = path.with_name(f"{path.name}.new")
            whole.unlink(missing_ok=True)
            descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
            whole.replace(path)
        return cls(bytes.fromhex(path.read_text(encoding="ascii")))

    def seal(self, text: str) -> str:
        """ASCII, another one each time; "" for ""."""
        if not text:
            return ""
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._crypt(nonce, text.encode())
        return base64.b64encode(nonce + self._tag(nonce, sealed) + sealed).decode()

    def open(self, text: str) -> str:
        """Raises SealBroken when this is not what `seal` made with the same key."""
        if not text:
            return ""
        raw = base64.b64decode(text)
        nonce, tag, sealed = raw[:_NONCE], raw[_NONCE : _NONCE + _TAG], raw[_NONCE + _TAG :]
        if not hmac.compare_digest(tag, self._tag(nonce, sealed)):
            raise SealBroken
        return self._crypt(nonce, sealed).decode()

    def _tag(self, nonce: bytes, sealed: bytes) -> bytes:
        return hmac.digest(self._tag_key, nonce + sealed, "sha256")

    def _crypt(self, nonce: bytes, data: bytes) -> bytes:
        blocks = (len(data) + 31) // 32
        stream = b"".join(
            hmac.digest(self._stream_key, nonce + number.to_bytes(8, "big"), "sha256")
            for number in range(blocks)
        )
        return bytes(one ^ other for one, other in zip(data, stream, strict=False))
