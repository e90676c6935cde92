from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import pytest

from runner.worker_api.sealing import Seal, SealBroken

TEXTS = ["x", "pass123", "mật khẩu 🔑", "d" * 1000]
KEY = Seal.new_key()


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_sealed_opens_again_and_shows_nothing(text: str) -> None:
    seal = Seal(KEY)

    sealed, again = seal.seal(text), seal.seal(text)

    assert seal.open(sealed) == seal.open(again) == text
    assert sealed != again
    if len(text) > 1:
        assert text.encode() not in base64.urlsafe_b64decode(sealed)


def test_nothing_stays_nothing() -> None:
    assert Seal(KEY).seal("") == Seal(KEY).open("") == ""


def test_another_key_or_a_changed_byte_does_not_open_it() -> None:
    sealed = Seal(KEY).seal("pass123")
    raw = base64.urlsafe_b64decode(sealed)

    with pytest.raises(SealBroken):
        Seal(Seal.new_key()).open(sealed)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            Seal(KEY).open(base64.urlsafe_b64encode(changed).decode())


def test_the_key_lies_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "worker-passwords.key"
    (tmp_path / "worker-passwords.key.new").write_text("left over by a crash")
    sealed = Seal.from_file(path).seal("pass123")

    assert Seal.from_file(path).open(sealed) == "pass123"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    if sys.platform != "win32":
        assert os.stat(path).st_mode & 0o777 == 0o600
