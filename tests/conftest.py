"""Fixtures for every test. They live in modules of `support`; this file only names them."""

import pytest

# Before any of them is imported: they import each other.
pytest.register_assert_rewrite("support")

pytest_plugins = [
    "support.browser",
    "support.databases",
    "support.machine",
    "support.phone_room",
    "support.service",
    "support.stage",
    "support.upstreams",
    "support.virtual",
    "support.worker_tasks",
]
