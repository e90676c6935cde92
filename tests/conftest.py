"""Fixtures for every test. They live in modules of `support`; this file only names them."""

pytest_plugins = ["support.virtual"]
