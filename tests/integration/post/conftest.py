"""Phones to post on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.post_rig import Rig, RigFactory
from support.script_context import open_bench
from support.virtual import StartPhones


@pytest.fixture
def make_rig(start_phones: StartPhones, tmp_path: Path) -> Iterator[RigFactory]:
    benches: list[Any] = []

    def make(**settings: Any) -> Rig:
        phones = start_phones(**settings)
        bench = open_bench(phones.serials, tmp_path)
        benches.append(bench)
        return Rig(phones, bench.__enter__(), tmp_path)

    yield make
    for bench in benches:
        bench.__exit__(None, None, None)


@pytest.fixture
def rig(make_rig: RigFactory) -> Rig:
    return make_rig()
