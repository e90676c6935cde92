from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.stage import StageService


@pytest.fixture
def service(bare: StageService) -> Iterator[StageService]:
    """Its library is empty, and emptied after the test."""
    yield bare
    for item in bare.call("GET", "materials", params={"page_size": 100})["materials"]:
        bare.call("DELETE", f"materials/{item['id']}")
