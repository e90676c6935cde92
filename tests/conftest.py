"""Fixtures for every test. They live in modules of `support`; this file only names them."""

pytest_plugins = ["support.browser", "support.phone_room", "support.service", "support.stage", "support.virtual"]
