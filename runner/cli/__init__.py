"""The `runner` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `runner` command: what goes wrong is told in a line or two, with the remedy."""
    from runner.cli.main import app
    from runner.errors import RunnerError

    try:
        app()
    except RunnerError as error:
        sys.stderr.write(f"runner: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
