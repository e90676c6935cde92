"""One virtual phone without adb, for unit tests: a coroutine gets it on a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from runner.virtual.phone import PhoneSettings, VirtualPhone
from runner.virtual.storage import ContentStore
from support.tiny_app import build_tiny_apps

T = TypeVar("T")


def with_phone(work: Callable[[VirtualPhone], Awaitable[T]], **settings: Any) -> T:
    """What `work` returns; `settings` are PhoneSettings."""

    async def session() -> T:
        store = ContentStore()
        phone = VirtualPhone(PhoneSettings(port=1, **settings), store, build_tiny_apps)
        try:
            return await work(phone)
        finally:
            await phone.close()
            store.close()

    return asyncio.run(session())


async def shell(phone: VirtualPhone, line: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr)."""
    out, err = bytearray(), bytearray()
    status = await phone.run_shell(line, out.extend, err.extend)
    return status, out.decode(), err.decode()


def run_lines(*lines: str, **settings: Any) -> list[tuple[int, str, str]]:
    """What each line answers, run one after the other on one phone."""

    async def work(phone: VirtualPhone) -> list[tuple[int, str, str]]:
        return [await shell(phone, line) for line in lines]

    return with_phone(work, **settings)
