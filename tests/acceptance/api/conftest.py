"""The same tests for one host and for a fleet. RUNNER_TEST_FULL=1 runs all of them in a fleet too."""

from __future__ import annotations

import os

import pytest

ALSO_IN_A_FLEET = ("test_account_states", "test_change")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "mode" in metafunc.fixturenames:
        name = metafunc.module.__name__.rpartition(".")[2]
        both = name in ALSO_IN_A_FLEET or os.environ.get("RUNNER_TEST_FULL") == "1"
        modes = ["local", "fleet"] if both else ["local"]
        metafunc.parametrize("mode", modes, indirect=True, scope="module")
