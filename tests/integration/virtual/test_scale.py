"""Hundreds of phones in one process."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from support.virtual import LEAKS_SOCKETS

from .conftest import StartNotes

pytestmark = LEAKS_SOCKETS

FOUR_HUNDRED = """
import asyncio, psutil
from runner.virtual.farm import Farm, FarmSettings, raise_descriptor_limit

async def main():
    raise_descriptor_limit()
    first = Farm(FarmSettings(count=1))
    await first.open()
    before = psutil.Process().memory_info().rss
    farm = Farm(FarmSettings(count=400))
    await farm.open()
    print((psutil.Process().memory_info().rss - before) // 400)
    await farm.close()
    await first.close()

asyncio.run(main())
"""


def test_an_idle_phone_takes_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FOUR_HUNDRED], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64 << 10


def test_a_hundred_phones_at_once(start_notes: StartNotes) -> None:
    phones = start_notes(count=100).phones
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda serial: phones.adb(serial).shell("getprop ro.serialno"), phones.serials))
    assert told == [f"VP{serial.rpartition(':')[2]}" for serial in phones.serials]
    assert len(phones.server.client.device_list()) == 100
