"""Passwords of worker tasks at rest: sealed, so that neither the database nor a copy of it shows them.

The API promises a worker the password of the account it shall use, so it can't be hashed. It is encrypted
under a key that lies in a file beside the database and not in it, and is forgotten when the task has ended.
See docs/decisions/0010-sealed-passwords.md.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner.errors import RunnerError


class SealBroken(RunnerError):
    """A stored password can't be opened with this key."""

    remedy = "Bring back the file worker-passwords.key that belonged to this database."


class Seal:
    def __init__(self, key: bytes) -> None:
        """`key` is one of `new_key`."""
        # Only a service that serves worker tasks with passwords pays for this import.
        from cryptography.fernet import Fernet

        self._fernet = Fernet(key)

    @staticmethod
    def new_key() -> bytes:
        from cryptography.fernet import Fernet

        return Fernet.generate_key()

    @classmethod
    def from_file(cls, path: Path) -> Seal:
        """The key in the file, which is made at first, readable by its owner only."""
        if not path.exists():
            whole = path.with_name(f"{path.name}.new")
            whole.unlink(missing_ok=True)
            descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(cls.new_key())
            whole.replace(path)
        return cls(path.read_bytes())

    def seal(self, text: str) -> str:
        """ASCII, another one each time; "" for ""."""
        return self._fernet.encrypt(text.encode()).decode() if text else ""

    def open(self, text: str) -> str:
        """Raises SealBroken when this is not what `seal` made with the same key."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(text.encode()).decode() if text else ""
        except InvalidToken:
            raise SealBroken from None
