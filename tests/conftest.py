"""Fixtures for every test. They live in modules of `support`; this file only names them."""

import gc

import pytest

# Before any of them is imported: they import each other.
pytest.register_assert_rewrite("support")

pytest_plugins = [
    "support.browser",
    "support.databases",
    "support.fleet",
    "support.machine",
    "support.modes",
    "support.phone_room",
    "support.service",
    "support.stage",
    "support.upstreams",
    "support.virtual",
    "support.worker_tasks",
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Chaos first: `--dist worksteal` gives it to one worker, and none of its long tests comes last."""
    items.sort(key=lambda item: item.get_closest_marker("chaos") is None)


def pytest_collection_finish() -> None:
    """What is loaded by now stays, so nobody who collects garbage need look at it again."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Media as a parameter is no name for a test: it is long, and not the same in every worker."""
    return argname if isinstance(val, bytes) else None
