"""What reading and recognising a hierarchy costs on the host, for every dump that is a complete screen."""

from __future__ import annotations

import time
from collections.abc import Callable

from runner.phones.hierarchy import Hierarchy
from runner.phones.screens import Catalog
from support.dumps import DUMPS, EXPECTED

ROUNDS = 20
GOAL_MS = 3.0


def test_recognition_of_complete_screens() -> None:
    catalog = Catalog.load()
    figures = []
    for name in EXPECTED:
        if name.startswith("reduced/"):
            continue
        raw = (DUMPS / f"{name}.xml").read_bytes()
        hierarchy = Hierarchy.parse(raw)
        parsing = _milliseconds(lambda raw=raw: Hierarchy.parse(raw))
        recognising = _milliseconds(lambda hierarchy=hierarchy: catalog.recognise(hierarchy))
        figures.append((recognising, parsing, len(hierarchy.nodes), name))
    figures.sort()
    print(f"\n{'recognise':>12}{'parse':>10}{'nodes':>8}")
    for recognising, parsing, nodes, name in (figures[len(figures) // 2], figures[-1]):
        print(f"{recognising:>9.2f} ms{parsing:>7.2f} ms{nodes:>8}  {name}")
    assert figures[-1][0] <= GOAL_MS


def _milliseconds(call: Callable[[], object]) -> float:
    """Of processor time, the best of three rounds: the machine is not ours alone."""
    call()
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        for _ in range(ROUNDS):
            call()
        best = min(best, (time.process_time() - began) / ROUNDS * 1000)
    return best
