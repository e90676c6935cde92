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


def pytest_collection_finish() -> None:
    """What is loaded by now stays, so nobody who collects garbage need look at it again."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Media as a parameter is no name for a test: it is long, and not the same in every worker."""
    return argname if isinstance(val, bytes) else None
