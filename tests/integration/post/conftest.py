"""Phones to post on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from support.post_rig import InstagramFactory, InstagramRig, Rig, RigFactory
from support.script_context import open_bench
from support.virtual import StartPhones

RigT = TypeVar("RigT", bound=Rig)


@contextmanager
def rigs(kind: type[RigT], start_phones: StartPhones, folder: Path) -> Iterator[Callable[..., RigT]]:
    with ExitStack() as benches:

        def make(**settings: Any) -> RigT:
            phones = start_phones(**settings)
            return kind(phones, benches.enter_context(open_bench(phones.serials, folder)), folder)

        yield make


@pytest.fixture
def make_rig(start_phones: StartPhones, tmp_path: Path) -> Iterator[RigFactory]:
    with rigs(Rig, start_phones, tmp_path) as make:
        yield make


@pytest.fixture
def rig(make_rig: RigFactory) -> Rig:
    return make_rig()


@pytest.fixture
def make_instagram(start_phones: StartPhones, tmp_path: Path) -> Iterator[InstagramFactory]:
    with rigs(InstagramRig, start_phones, tmp_path) as make:
        yield make


@pytest.fixture
def instagram(make_instagram: InstagramFactory) -> InstagramRig:
    return make_instagram()
