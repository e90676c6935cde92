"""The `runner` command."""

from __future__ import annotations


def main() -> None:
    """Entry point of the `runner` command."""
    from runner.cli.main import app

    app()
